# Assigned, so that --help has it under python -OO.
__doc__ = """\
Relation extraction with BERT: fine-tunes on labelled sentences, predicts, scores.

  python run_re.py --task_name=gad --model_dir=$BIOBERT_DIR --data_dir=$RE_DIR \\
      --do_train=true --do_eval=true --do_predict=true --learning_rate=2e-5 \\
      --output_dir=$OUTPUT_DIR

data_dir holds train.tsv (--do_train) and dev.tsv (--do_eval), an example a line,
SENTENCE<tab>LABEL, and test.tsv (--do_predict), whose first line is
index<tab>sentence<tab>label. When it holds folders 1, 2, 3, ... of such files instead,
every fold is run into the folder of its number in output_dir.

--task_name=custom takes any labels: those of train.tsv, sorted, or --labels=a,b,c.
With --multilabel=true a text has any number of them, written as a|b.
docs/re.md says more.
"""

import contextlib
import functools
import os
import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional

if __name__ == "__main__":  # python -I does not look beside the script
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from finetuning import command_line  # before TensorFlow, whose import it quiets

# isort: split
import numpy as np

from biocodes.lib import files
from biocodes.lib.files import InputError
from biocodes.lib.relations import Row, is_labelled
from finetuning import common_flags, evaluation, output_dir, seeds
from finetuning.engine import TENSORFLOW, start_engine
from finetuning.folds import FOLD_RECORD, Fold, FoldJob, Scores, find_folds, run_folds
from finetuning.model import Model
from finetuning.model_dir import fill_flags
from finetuning.prediction import Predictor
from finetuning.records import RecordFile, Schema, featurized
from finetuning.run import Run, RunSettings
from finetuning.scores import write_means
from finetuning.signals import Interruption
from tasks.ensemble import mean_of_classes
from tasks.re import options, windows
from tasks.re import threshold as thresholds
from tasks.re.class_weights import weights_of
from tasks.re.classifier import Classifier, Reading
from tasks.re.cuts import lost_placeholders, report_cuts
from tasks.re.fold_run import FoldRun
from tasks.re.options import Options
from tasks.re.records import ONE_LABEL, Form, Numbered
from tasks.re.results import (
    RESULTS,
    Examples,
    dev_metrics,
    dev_set,
    evaluate,
    predict,
    rules_of,
    shared_sentences,
)
from tasks.re.task import (
    CUSTOM,
    FILES,
    TASKS,
    Corpus,
    Task,
    check_corpus,
    labels_of_model,
    labels_to_learn,
    read_corpus,
    task_of,
    task_of_model,
)
from tokenization import CLS, SEP, FullTokenizer


def define_flags() -> command_line.Flags:
    """Define all flags of this script, with their defaults."""
    flags = common_flags.define_flags(
        do_lower_case=True,
        max_seq_length=128,
        do_train=False,
        do_predict=False,
        num_train_epochs=3.0,
    )
    topic = flags.topic(command_line.FILES)
    topic.string("data_dir", None, "Folder of the data set, or of its folds. Required.")
    topic = flags.topic("task")
    topic.string("task_name", None, f"{', '.join((*TASKS, CUSTOM))}. Required.")
    topic.string(
        "labels",
        None,
        "Labels of the custom task in the order of their ids, as in a,b,c; default:"
        " those of train.tsv, sorted, or of the model that predicts.",
    )
    topic.string(
        "negative",
        None,
        "Label of the custom task for no relation; the averages of its scores leave it"
        " out.",
    )
    options.define_flags(flags)
    common_flags.define_evaluation_flags(flags, "dev.tsv")
    evaluation.define_flags(flags, "dev.tsv")
    seeds.define_flags(flags)
    return flags


# Tasks


class Settings(NamedTuple):
    """What the flags say about this task.

    Attributes:
      task: Task.
      phases: what is done, keys of FILES.
      read: the files that are read for that.
      max_seq_length, pad_to_max_length, eval_batch_size: the flags.
      options: what further flags say.
    """

    task: Task
    phases: List[str]
    read: List[str]
    max_seq_length: int
    pad_to_max_length: bool
    eval_batch_size: int
    options: Options

    @classmethod
    def from_flags(cls, flags: command_line.Flags) -> "Settings":
        """Take the values of the flags.

        Raises:
          InputError: there is no such task, its flags do not go together, or there is
            nothing to do.
        """
        phases = [phase for phase in FILES if flags[f"do_{phase}"].value]
        if not phases:
            raise InputError(
                "there is nothing to do",
                remedy="give --do_train=true, --do_eval=true or --do_predict=true",
            )
        watched = ["eval"] if flags.do_train and flags.eval_every else []
        task = task_of(flags.task_name, flags.labels, flags.negative, flags.multilabel)
        return cls(
            task,
            phases,
            list(dict.fromkeys(phases + watched)),
            flags.max_seq_length,
            flags.pad_to_max_length,
            flags.eval_batch_size,
            Options.from_flags(flags),
        )

    def of_prediction(self) -> Dict[str, Any]:
        """Return the flags that results rest on whether or not there is training."""
        names = ("max_seq_length", "pad_to_max_length", "eval_batch_size")
        flags = {name: getattr(self, name) for name in names}
        return dict(flags, **self.options.of_results)


# Features


def schema(labelled: bool, form: Form = ONE_LABEL) -> Schema:
    """Return the schema of sentences; for pieces and lost see featurize."""
    return Schema(["input_ids"], ["pieces", "lost", *form.scalars(labelled)])


def featurize(
    row: Row, tokenizer: FullTokenizer, label_ids: Dict[str, int], max_seq_length: int
) -> Dict[str, Any]:
    """Cut a sentence into pieces.

    Args:
      row: its label may be None.
      tokenizer: of the model.
      label_ids: label → id.
      max_seq_length: pieces at most, [CLS] and [SEP] included.

    Returns:
      input_ids (list of int), label_id (int or None), pieces (int, how many the whole
      sentence has) and lost (int, entity placeholders that the cut has cost).
    """
    # Only spaces end words here; the tokenizer knows what else does.
    ids = [i for word in row.sentence.split(" ") for i in tokenizer.word_ids(word)]
    room = max_seq_length - 2
    is_cut = len(ids) > room
    return {
        "input_ids": [tokenizer.vocab[CLS], *ids[:room], tokenizer.vocab[SEP]],
        "label_id": label_ids.get(row.label),
        "pieces": len(ids) + 2,
        "lost": lost_placeholders(row.sentence, tokenizer, room) if is_cut else 0,
    }


def featurizer(model: Model) -> Callable[[Row, int], Dict[str, Any]]:
    """Return featurize with what it takes of a model."""

    def featurize_row(row: Row, limit: int) -> Dict[str, Any]:
        return featurize(row, model.tokenizer, model.label_ids, limit)

    return featurize_row


# The run of one model, that of the whole data set or of a fold


def check(
    run: Run, pretrained: Model, fold: Fold, corpus: Corpus, settings: Settings
) -> FoldRun:
    """Check the run; what tells its training from others is corpus and labels.

    Args:
      run: Run.
      pretrained: what is trained, or predicts, without its head.
      fold: Fold.
      corpus: its rows.
      settings: the task's labels are those of the model.

    Raises:
      InputError: the checkpoint, or what lies in the folder, does not fit.
    """
    task, further = settings.task, settings.options
    rules = rules_of(task, further)
    rules.check(corpus, fold.paths)
    form = rules.form(settings.max_seq_length)
    training = corpus.get("train", ())
    weights = weights_of(further.class_weights, rules.scoring, training)
    head = rules.head(run.checkpoint, weights)
    model = pretrained.with_head(head, task.labels)
    digests = {phase: files.digest(path) for phase, path in fold.paths.items()}
    if run.settings.do_train:
        facts = {"corpus": digests["train"], "labels": model.labels}
        facts.update(further.of_training, class_weights=weights)
        run.check(model, form.count(featurizer(model), training), facts)
    else:
        run.check(model)
        if rules.threshold.is_best and "eval" not in corpus:
            folders = (run.folder, os.path.dirname(run.checkpoint))
            rules = rules.with_threshold(thresholds.recorded(folders, run.digest))
    return FoldRun(run, corpus, digests, form, rules)


def make_records(fold: FoldRun, limit: int) -> Dict[str, RecordFile]:
    """Make the record files of a fold, PHASE.tf_record.

    Args:
      fold: its run has been started.
      limit: max_seq_length.
    """
    model, form = fold.run.model, fold.form
    featurize_row = featurizer(model)

    def records_of(phase: str, rows: List[Row]) -> RecordFile:
        rows_schema = schema(is_labelled(rows), form)

        def rows_of(numbered: Numbered) -> List[np.ndarray]:
            texts = form.records(featurize_row, numbered, limit)
            return [rows_schema.pack(features) for features in texts]

        made_from = model.data_facts(
            fold.digests[phase], labels=model.labels, max_seq_length=limit
        )
        made_from.update(form.facts)
        packed = featurized(rows_of, enumerate(rows), len(rows))
        return fold.run.records(phase, rows_schema, packed, made_from)

    return {phase: records_of(phase, rows) for phase, rows in fold.corpus.items()}


def run_fold(fold: FoldRun, settings: Settings, interruption: Interruption) -> Scores:
    """Train, evaluate, predict as the flags say.

    Returns:
      Name → float from 0 to 1: the scores of test.tsv, the accuracy on dev.tsv.
    """
    run, rules = fold.run, fold.rules
    run.start([*RESULTS, FOLD_RECORD])
    data = make_records(fold, settings.max_seq_length)
    corpus = fold.corpus
    if rules.pooling:
        sizes = {phase: len(rows) for phase, rows in corpus.items()}
        windows.report(data, sizes, FILES)
    else:
        report_cuts(data, FILES, settings.max_seq_length)
    of = {phase: Examples(corpus[phase], data[phase]) for phase in data}
    overlap = shared_sentences(corpus.get("train", ()), corpus.get("eval", ()))
    if run.settings.do_train:
        dev = dev_set(of["eval"], rules) if run.settings.evaluation else None
        run.train(data["train"], interruption, dev)
    scores: Scores = {}
    if "eval" in settings.phases:
        batch_size = settings.eval_batch_size
        scored = evaluate(run, of["eval"], rules, batch_size, overlap)
        rules = rules.with_threshold(scored.chosen)
        scores = {"eval_accuracy": scored.measures["accuracy"]}
    if "predict" in settings.phases:
        scores = {**predict(run, of["predict"], rules), **scores}
    run.write_scores()
    return scores


def load(
    folder: str,
    max_seq_length: int = 128,
    engine: str = TENSORFLOW,
    window_pooling: Optional[str] = None,
    threshold: Optional[float] = None,
) -> Classifier:
    """Load a trained model for Python: load("gad").relations(["@GENE$ …"]).

    Args:
      folder: the model's.
      max_seq_length: pieces of a text, or of a window, at most.
      engine: "onnx" for an exported model.
      window_pooling: "mean" or "max", to read long texts in windows.
      threshold: a number as of --threshold.
    """
    predictor = Predictor.load(folder, max_seq_length, engine)
    task = task_of_model(predictor.checkpoint)
    rules = rules_of(task, Options.of_python(window_pooling, threshold))
    rules.check({}, {})
    form = rules.form(max_seq_length)
    rows_schema, featurize_row = schema(False, form), featurizer(predictor.model)

    def rows_of(sentence: str) -> List[np.ndarray]:
        numbered = 0, Row(0, sentence, None)
        texts = form.records(featurize_row, numbered, max_seq_length)
        return [rows_schema.pack(features) for features in texts]

    head = rules.head(predictor.checkpoint)
    return Classifier(
        predictor.with_head(head, task.labels), Reading(rows_schema, rows_of, rules)
    )


def main(argv: List[str], interruption: Interruption) -> None:
    """Run once, or once for each seed."""
    flags = command_line.parse_flags(
        define_flags(), argv, __doc__, ("task_name", "data_dir")
    )
    seeds.run(flags, lambda: run_once(flags, interruption))


def run_once(flags: command_line.Flags, interruption: Interruption) -> None:
    """Read and check everything, then run the data set, or fold after fold of it."""
    settings = Settings.from_flags(flags)
    fill_flags(flags)
    start_engine(flags)
    pretrained = Model.from_flags(flags)
    run_settings = RunSettings.from_flags(flags)
    names = {phase: FILES[phase] for phase in settings.read}
    folds = find_folds(flags.data_dir, flags.output_dir, names)
    task = settings.task
    corpora = [read_corpus(fold.paths, task) for fold in folds]
    labels = labels_to_learn(task, corpora) if flags.do_train else None
    with contextlib.ExitStack() as locks:
        in_use = [flags.output_dir, *(fold.folder for fold in folds)]
        for folder in dict.fromkeys(in_use):
            locks.enter_context(output_dir.locked(folder))
        checked = []
        for fold, corpus in zip(folds, corpora):
            of_fold = Run(fold.folder, run_settings.of(fold.folder), mean_of_classes)
            names = labels or labels_of_model(task, of_fold.checkpoint)
            of_model = task._replace(labels=names)
            check_corpus(fold, corpus, of_model)
            with_labels = settings._replace(task=of_model)
            checked.append(check(of_fold, pretrained, fold, corpus, with_labels))
        metrics = dev_metrics([(each.rules, each.corpus) for each in checked])
        evaluation.check_settings(run_settings.evaluation, metrics)
        if folds[0].folder == flags.output_dir:
            run_fold(checked[0], settings, interruption)
            return
        jobs = [
            FoldJob(
                fold.run.folder,
                fold.facts_of_results(settings.task.negative, settings.of_prediction()),
                fold.result_names(settings.phases),
                functools.partial(run_fold, fold, settings, interruption),
            )
            for fold in checked
        ]
        run_folds(flags.output_dir, jobs, run_settings.overwrite)
        write_means(flags.output_dir, [job.folder for job in jobs], flags.report)


if __name__ == "__main__":
    command_line.run(main)
