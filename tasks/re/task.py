"""What a relation task tells apart: its labels, which of them is "no relation"."""

import argparse
import os
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from biocodes.lib import relations
from biocodes.lib.files import InputError
from biocodes.lib.labels import label_list
from biocodes.lib.relations import Row, is_labelled
from finetuning.folds import Fold
from finetuning.model import load_labels

CUSTOM = "custom"
FILES = {"train": "train.tsv", "eval": "dev.tsv", "predict": "test.tsv"}
Corpus = Dict[str, List[Row]]


class Task(NamedTuple):
    """What there is to tell apart.

    Attributes:
      labels: names in the order of their ids; None when training data or model say it.
      negative: label that the averages of a multi-class score leave out, or None.
    """

    labels: Optional[Tuple[str, ...]]
    negative: Optional[str] = None


TASKS = {
    "gad": Task(relations.BINARY_LABELS),
    "euadr": Task(relations.BINARY_LABELS),
    "polysearch": Task(relations.BINARY_LABELS),
    "mirnadisease": Task(relations.BINARY_LABELS),
    "chemprot": Task(relations.CHEMPROT_LABELS),
    "ddi13": Task(("advise", "effect", "mechanism", "int", "false"), "false"),
}


def task_of(name: str, labels: Optional[str], negative: Optional[str]) -> Task:
    """Return the Task of a name; labels and negative are the flags."""
    name = name.lower()
    if name not in (*TASKS, CUSTOM):
        raise InputError(
            f"no such task: {name}",
            "--task_name",
            remedy=f"the tasks are {', '.join(TASKS)}, and {CUSTOM} for other labels",
        )
    if name == CUSTOM:
        return Task(parse_labels(labels), negative)
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


def labels_to_learn(task: Task, corpora: Sequence[Corpus]) -> Tuple[str, ...]:
    """Return the labels of a model to train: the task's, or the data's own, sorted.

    Folds share them, though a rare label may occur in some of them only.

    Raises:
      InputError: there is just one.
    """
    in_data = {row.label for corpus in corpora for row in corpus["train"]}
    labels = task.labels or tuple(sorted(in_data))
    if len(labels) < 2:
        raise InputError(
            f"one label alone, {labels[0]}, leaves nothing to learn",
            "--labels" if task.labels else FILES["train"],
        )
    return labels


def labels_of_model(task: Task, checkpoint: str) -> Tuple[str, ...]:
    """Return the labels of a model to predict with, which must be the task's.

    Raises:
      InputError: they are not, or cannot be found.
    """
    labels = load_labels(checkpoint, task.labels)
    if task.labels not in (None, labels):
        raise InputError(
            f"its model has the labels {', '.join(labels)}, not"
            f" {', '.join(task.labels)}",
            os.path.dirname(checkpoint),
            remedy="give the --task_name and --labels of its training",
        )
    return labels


def check_labels(
    fold: Fold, corpus: Corpus, labels: Sequence[str], negative: Optional[str]
) -> None:
    """Check that labels, in a file or as the negative one, are the model's."""
    if negative not in (None, *labels):
        raise InputError(f"{negative} is not one of {', '.join(labels)}", "--negative")
    for phase, rows in corpus.items():
        if is_labelled(rows):
            relations.label_ids(rows, labels, fold.paths[phase])
