"""What a relation task tells apart: its labels, which of them is "no relation"."""

import argparse
import os
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from biocodes.lib import label_sets, relations
from biocodes.lib.files import InputError
from biocodes.lib.labels import MULTILABEL, label_list
from biocodes.lib.relations import Row, is_labelled
from finetuning.engine import engine_of
from finetuning.folds import Fold
from finetuning.model import load_labels

CUSTOM = "custom"
FILES = {"train": "train.tsv", "eval": "dev.tsv", "predict": "test.tsv"}
Corpus = Dict[str, List[Row]]


class Task(NamedTuple):
    """What there is to tell apart.

    Attributes:
      labels: names in the order of their ids; None when training data or model say it.
      negative: label that the averages of a multi-class score leave out, or None. Of
        a multilabel task it is none of the labels: a text with it has none of them.
      multilabel: whether a text has any number of labels.
    """

    labels: Optional[Tuple[str, ...]]
    negative: Optional[str] = None
    multilabel: bool = False

    @property
    def suffix(self) -> str:
        """What the names of the variables of the head end in."""
        return MULTILABEL if self.multilabel else ""


ANY_LABELS = Task(None)
TASKS = {
    "gad": Task(relations.BINARY_LABELS),
    "euadr": Task(relations.BINARY_LABELS),
    "polysearch": Task(relations.BINARY_LABELS),
    "mirnadisease": Task(relations.BINARY_LABELS),
    "chemprot": Task(relations.CHEMPROT_LABELS),
    "ddi13": Task(("advise", "effect", "mechanism", "int", "false"), "false"),
}


def task_of(
    name: str, labels: Optional[str], negative: Optional[str], multilabel: bool = False
) -> Task:
    """Return the Task of a name; labels, negative and multilabel are the flags."""
    name = name.lower()
    if name not in (*TASKS, CUSTOM):
        raise InputError(
            f"no such task: {name}",
            "--task_name",
            remedy=f"the tasks are {', '.join(TASKS)}, and {CUSTOM} for other labels",
        )
    if name == CUSTOM:
        task = Task(parse_labels(labels), negative, multilabel)
        if multilabel:
            _check_names(task)
        return task
    for flag, value in (("labels", labels), ("negative", negative)):
        if value is not None:
            raise InputError(f"is for --task_name={CUSTOM} only", f"--{flag}")
    return TASKS[name]


def parse_labels(text: Optional[str]) -> Optional[Tuple[str, ...]]:
    """Parse the value of --labels, "a,b,c"; None stays None.

    Raises:
      InputError: names are empty or occur twice.
    """
    try:
        return None if text is None else tuple(label_list(text))
    except argparse.ArgumentTypeError as error:
        raise InputError(str(error), "--labels") from error


def _check_names(task: Task) -> None:
    """Check the names of a multilabel task: files could not have some of them."""
    if task.negative is not None and not task.negative.strip():
        raise InputError("is empty, which means none of the labels", "--negative")
    for flag, names in (("labels", task.labels), ("negative", (task.negative,))):
        for name in filter(None, names or ()):
            if label_sets.SEPARATOR in name:
                raise InputError(
                    f"{name} has a {label_sets.SEPARATOR} in it, which stands between"
                    " labels",
                    f"--{flag}",
                )
    if task.negative in (task.labels or ()):
        raise InputError(
            f"{task.negative} is for texts that have none of --labels, which it is in",
            "--negative",
        )


# Data


def read_corpus(paths: Dict[str, str], task: Task = ANY_LABELS) -> Corpus:
    """Read the files of phases: phase → path gives phase → rows.

    Raises:
      InputError: a file cannot be read or used.
    """
    corpus = {
        phase: relations.read_test(path, task.multilabel)[0]
        if phase == "predict"
        else relations.read_train(path, task.multilabel)
        for phase, path in paths.items()
    }
    if task.multilabel:
        for phase, rows in corpus.items():
            if is_labelled(rows):
                label_sets.check(rows, paths[phase], task.negative)
    return corpus


def labels_to_learn(task: Task, corpora: Sequence[Corpus]) -> Tuple[str, ...]:
    """Return the labels of a model to train: the task's, or the data's own, sorted.

    Folds share them, though a rare label may occur in some of them only.

    Raises:
      InputError: there is just one; of a multilabel task none.
    """
    rows = [row for corpus in corpora for row in corpus["train"]]
    if task.multilabel:
        names = {n for row in rows for n in label_sets.split(row.label, task.negative)}
        labels = task.labels or tuple(sorted(names))
        if not labels:
            raise InputError("no text has a label", FILES["train"])
        return labels
    labels = task.labels or tuple(sorted({row.label for row in rows}))
    if len(labels) < 2:
        raise InputError(
            f"one label alone, {labels[0]}, leaves nothing to learn",
            "--labels" if task.labels else FILES["train"],
        )
    return labels


def task_of_model(checkpoint: str) -> Task:
    """Return the Task of a model, by its head and its labels.

    Raises:
      InputError: its labels cannot be found.
    """
    task = Task(None, multilabel=is_multilabel(checkpoint, default=False))
    return task._replace(labels=load_labels(checkpoint, suffix=task.suffix))


def labels_of_model(task: Task, checkpoint: str) -> Tuple[str, ...]:
    """Return the labels of a model to predict with, which must be the task's.

    Raises:
      InputError: they are not, or cannot be found; or there is another kind of head.
    """
    if is_multilabel(checkpoint, default=task.multilabel) != task.multilabel:
        kind, change = "one label", "leave --multilabel out"
        if not task.multilabel:
            kind = "any number of labels"
            change = f"give --task_name={CUSTOM} --multilabel=true"
        raise InputError(
            f"its model was trained for texts of {kind} each",
            os.path.dirname(checkpoint),
            remedy=change,
        )
    labels = load_labels(checkpoint, task.labels, task.suffix)
    if task.labels not in (None, labels):
        raise InputError(
            f"its model has the labels {', '.join(labels)}, not"
            f" {', '.join(task.labels)}",
            os.path.dirname(checkpoint),
            remedy="give the --task_name and --labels of its training",
        )
    return labels


def is_multilabel(checkpoint: str, default: bool) -> bool:
    """Whether the head of a model is for any number of labels; default: headless."""
    count = engine_of(checkpoint).label_count
    if count(checkpoint, MULTILABEL) is not None:
        return True
    return default and count(checkpoint, "") is None


def check_labels(
    fold: Fold, corpus: Corpus, labels: Sequence[str], negative: Optional[str]
) -> None:
    """Check that labels, in a file or as the negative one, are the model's."""
    if negative not in (None, *labels):
        raise InputError(f"{negative} is not one of {', '.join(labels)}", "--negative")
    for phase, rows in corpus.items():
        if is_labelled(rows):
            relations.label_ids(rows, labels, fold.paths[phase])


def check_corpus(fold: Fold, corpus: Corpus, task: Task) -> None:
    """Check that labels are the model's, which are those of the task."""
    if not task.multilabel:
        check_labels(fold, corpus, task.labels, task.negative)
        return
    if task.negative in task.labels:
        raise InputError(
            f"{task.negative} is one of the labels {', '.join(task.labels)}",
            "--negative",
        )
    for phase, rows in corpus.items():
        if is_labelled(rows):
            path = fold.paths[phase]
            label_sets.check_known(rows, task.labels, path, task.negative)
