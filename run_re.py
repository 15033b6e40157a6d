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
docs/re.md says more.
"""

import contextlib
import functools
import json
import os
import sys
from typing import Any, Dict, List, NamedTuple

if __name__ == "__main__":  # python -I does not look beside the script
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from finetuning import command_line  # before TensorFlow, whose import it quiets

# isort: split
import numpy as np

from biocodes.lib import files, relations
from biocodes.lib.files import InputError
from biocodes.lib.relations import Row, is_labelled
from finetuning import evaluation, output_dir, seeds
from finetuning.engine import TENSORFLOW, start_engine
from finetuning.folds import FOLD_RECORD, Fold, FoldJob, Scores, find_folds, run_folds
from finetuning.model import Model, load_labels
from finetuning.model_dir import fill_flags
from finetuning.prediction import Predictor
from finetuning.records import RecordFile, Schema, featurized
from finetuning.run import Run, RunSettings
from finetuning.scores import write_means
from finetuning.signals import Interruption
from tasks import heads
from tasks.ensemble import mean_of_classes
from tasks.re.classifier import Classifier
from tasks.re.cuts import lost_placeholders, report_cuts
from tasks.re.results import (
    RESULTS,
    Scoring,
    dev_set,
    evaluate,
    metrics_of,
    predict,
    result_names,
    shared_sentences,
)
from tasks.re.task import (
    CUSTOM,
    FILES,
    TASKS,
    Corpus,
    Task,
    check_labels,
    labels_of_model,
    labels_to_learn,
    task_of,
)
from tokenization import CLS, SEP, FullTokenizer


def define_flags() -> command_line.Flags:
    """Define all flags of this script, with their defaults."""
    flags = command_line.define_flags(
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
    command_line.define_evaluation_flags(flags, "dev.tsv")
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
    """

    task: Task
    phases: List[str]
    read: List[str]
    max_seq_length: int
    pad_to_max_length: bool
    eval_batch_size: int

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
        return cls(
            task_of(flags.task_name, flags.labels, flags.negative),
            phases,
            list(dict.fromkeys(phases + watched)),
            flags.max_seq_length,
            flags.pad_to_max_length,
            flags.eval_batch_size,
        )

    def of_prediction(self) -> Dict[str, Any]:
        """Return the flags that results rest on whether or not there is training."""
        names = ("max_seq_length", "pad_to_max_length", "eval_batch_size")
        return {name: getattr(self, name) for name in names}


# Data


def read_corpus(paths: Dict[str, str]) -> Corpus:
    """Read the files of phases: phase → path gives phase → rows.

    Raises:
      InputError: a file cannot be read or used.
    """
    return {
        phase: relations.read_test(path)[0]
        if phase == "predict"
        else relations.read_train(path)
        for phase, path in paths.items()
    }


# Features


def schema(labelled: bool) -> Schema:
    """Return the schema of sentences; for pieces and lost see featurize."""
    return Schema(["input_ids"], scalars=["pieces", "lost"] + ["label_id"] * labelled)


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


# The run of one model, that of the whole data set or of a fold


class FoldRun(NamedTuple):
    """A run on one fold, all of it checked.

    Attributes:
      run: Run.
      corpus: phase → rows.
      digests: phase → digest of its file.
    """

    run: Run
    corpus: Corpus
    digests: Dict[str, str]


def check(run: Run, model: Model, fold: Fold, corpus: Corpus) -> FoldRun:
    """Check the run; what tells its training from others is corpus and labels.

    Raises:
      InputError: the checkpoint, or what lies in the folder, does not fit.
    """
    digests = {phase: files.digest(path) for phase, path in fold.paths.items()}
    if run.settings.do_train:
        facts = {"corpus": digests["train"], "labels": model.labels}
        run.check(model, len(corpus["train"]), facts)
    else:
        run.check(model)
    return FoldRun(run, corpus, digests)


def facts_of_results(fold: FoldRun, settings: Settings) -> Dict[str, Any]:
    """Return all that the results of a fold rest on, in the form JSON gives it back."""
    run, model = fold.run, fold.run.model
    checkpoint = run.checkpoint and run.digest
    facts = {
        "training": run.facts,
        "checkpoint": checkpoint,
        "model": model.facts,
        "labels": model.labels,
        "negative": settings.task.negative,
        "data": {
            phase: model.data_facts(digest) for phase, digest in fold.digests.items()
        },
        "flags": settings.of_prediction(),
    }
    if run.settings.evaluation:
        facts["evaluation"] = run.settings.evaluation._asdict()
    return json.loads(json.dumps(facts))


def make_records(fold: FoldRun, limit: int) -> Dict[str, RecordFile]:
    """Make the record files of a fold, PHASE.tf_record.

    Args:
      fold: its run has been started.
      limit: max_seq_length.
    """
    model = fold.run.model

    def records_of(phase: str, rows: List[Row]) -> RecordFile:
        rows_schema = schema(is_labelled(rows))

        def rows_of(row: Row) -> List[np.ndarray]:
            features = featurize(row, model.tokenizer, model.label_ids, limit)
            return [rows_schema.pack(features)]

        made_from = model.data_facts(
            fold.digests[phase], labels=model.labels, max_seq_length=limit
        )
        packed = featurized(rows_of, rows, len(rows))
        return fold.run.records(phase, rows_schema, packed, made_from)

    return {phase: records_of(phase, rows) for phase, rows in fold.corpus.items()}


def run_fold(fold: FoldRun, settings: Settings, interruption: Interruption) -> Scores:
    """Train, evaluate, predict as the flags say.

    Returns:
      Name → float from 0 to 1: the scores of test.tsv, the accuracy on dev.tsv.
    """
    run = fold.run
    run.start([*RESULTS, FOLD_RECORD])
    data = make_records(fold, settings.max_seq_length)
    report_cuts(data, FILES, settings.max_seq_length)
    scoring = Scoring(run.model.labels, settings.task.negative)
    corpus = fold.corpus
    overlap = shared_sentences(corpus.get("train", ()), corpus.get("eval", ()))
    if run.settings.do_train:
        dev = dev_set(data["eval"], scoring) if run.settings.evaluation else None
        run.train(data["train"], interruption, dev)
    of_dev, of_test = {}, {}
    if "eval" in settings.phases:
        batch_size = settings.eval_batch_size
        of_dev = evaluate(run, data["eval"], scoring, batch_size, overlap)
    if "predict" in settings.phases:
        predictions = run.predict(data["predict"])
        of_test = predict(run, corpus["predict"], predictions, scoring)
    run.write_scores()
    return {**of_test, **of_dev}


def load(
    folder: str, max_seq_length: int = 128, engine: str = TENSORFLOW
) -> Classifier:
    """Load a trained model for Python: load("gad").relations(["@GENE$ …"])."""
    predictor = Predictor.load(folder, max_seq_length, engine)
    labels = load_labels(predictor.checkpoint)
    rows_schema = schema(labelled=False)

    def row_of(sentence: str) -> np.ndarray:
        row = Row(0, sentence, None)
        tokenizer = predictor.model.tokenizer
        return rows_schema.pack(featurize(row, tokenizer, {}, max_seq_length))

    head = heads.of_relations(predictor.checkpoint, len(labels))
    return Classifier(predictor.with_head(head, labels), rows_schema, row_of)


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
    corpora = [read_corpus(fold.paths) for fold in folds]
    labels = labels_to_learn(settings.task, corpora) if flags.do_train else None
    with contextlib.ExitStack() as locks:
        in_use = [flags.output_dir, *(fold.folder for fold in folds)]
        for folder in dict.fromkeys(in_use):
            locks.enter_context(output_dir.locked(folder))
        checked = []
        for fold, corpus in zip(folds, corpora):
            below = os.path.relpath(fold.folder, flags.output_dir)
            of_fold = Run(fold.folder, run_settings.below(below), mean_of_classes)
            names = labels or labels_of_model(settings.task, of_fold.checkpoint)
            check_labels(fold, corpus, names, settings.task.negative)
            head = heads.of_relations(of_fold.checkpoint, len(names))
            model = pretrained.with_head(head, names)
            checked.append(check(of_fold, model, fold, corpus))
        scoring = Scoring(names, settings.task.negative)
        evaluation.check_settings(run_settings.evaluation, metrics_of(scoring))
        if folds[0].folder == flags.output_dir:
            run_fold(checked[0], settings, interruption)
            return
        jobs = [
            FoldJob(
                fold.run.folder,
                facts_of_results(fold, settings),
                result_names({name: fold.corpus[name] for name in settings.phases}),
                functools.partial(run_fold, fold, settings, interruption),
            )
            for fold in checked
        ]
        run_folds(flags.output_dir, jobs, run_settings.overwrite)
        write_means(flags.output_dir, [job.folder for job in jobs])


if __name__ == "__main__":
    command_line.run(main)
