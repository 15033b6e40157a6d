"""Results of relation extraction: predictions, scores, and their files."""

import os
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from biocodes.lib import files, relation_scores
from biocodes.lib.relations import Row, is_labelled
from finetuning import command_line, output_dir
from finetuning.command_line import log
from finetuning.evaluation import DevSet
from finetuning.records import RecordFile
from finetuning.run import Run

PREDICTIONS = ("test_results.tsv", "test_predictions.tsv")
TEST_SCORES = "test_scores.txt"
DEV_FILE, TEST_FILE = "dev.tsv", "test.tsv"
DEV_SCORES = "eval_results.txt"
RESULTS = (*PREDICTIONS, TEST_SCORES, DEV_SCORES)
Predictions = Iterable[Tuple[int, Dict[str, np.ndarray]]]


class Scoring(NamedTuple):
    """What predictions are scored by.

    Attributes:
      labels: names in the order of their ids.
      negative: label that the averages of a multi-class score leave out, or None.
    """

    labels: Tuple[str, ...]
    negative: Optional[str]

    @property
    def task(self) -> str:
        """The way re_eval scores these labels: binary, chemprot or multiclass."""
        if self.negative is not None:
            return "multiclass"
        return relation_scores.task_for(self.labels)

    def summary(
        self, gold: Sequence[str], predicted: Sequence[int]
    ) -> Dict[str, float]:
        """Return the scores, from 0 to 1, that stand for all of them: "f1 score", …

        Args:
          gold: labels.
          predicted: label ids.
        """
        return relation_scores.summary_scores(
            self.task, gold, predicted, list(self.labels), self.negative
        )


# dev.tsv


class Scored(NamedTuple):
    """Development data with its predictions.

    Attributes:
      gold, predicted: label ids.
      losses: of each example; empty if they were not computed.
    """

    gold: List[int]
    predicted: List[int]
    losses: List[float]

    @classmethod
    def of(cls, data: RecordFile, predictions: Predictions) -> "Scored":
        """Take what was predicted of records with a label_id."""
        gold = [int(example["label_id"]) for example in data]
        predicted, losses = [], []
        for _, prediction in predictions:
            predicted.append(int(np.argmax(prediction["probabilities"])))
            losses.append(float(prediction["loss"]))
        return cls(gold, predicted, losses)

    @property
    def correct(self) -> List[bool]:
        """For each example whether its predicted label is the right one."""
        return [gold == label for gold, label in zip(self.gold, self.predicted)]

    def measures(self, scoring: Scoring) -> Dict[str, float]:
        """Return the measures of a test, "f1" or "micro_f1" first, and the accuracy."""
        gold = [scoring.labels[label_id] for label_id in self.gold]
        scores = {
            short_name(name): score
            for name, score in scoring.summary(gold, self.predicted).items()
        }
        return dict(scores, accuracy=float(np.mean(self.correct)))

    def by_label(self, labels: Sequence[str]) -> Dict[str, Dict[str, float]]:
        """Return precision, recall and F1 of each label."""
        each = relation_scores.multiclass_scores(
            self.gold, self.predicted, len(labels)
        ).classes
        return {
            label: {
                name: getattr(of_one, name) for name in ("f1", "precision", "recall")
            }
            for label, of_one in zip(labels, each)
        }


def short_name(name: str) -> str:
    """Make a name of re_eval's fit for a flag: "f1 score" → "f1"."""
    return name.replace(" score", "").replace(" ", "_")


def metrics_of(scoring: Scoring) -> List[str]:
    """List the names of Scored.measures, the official one first."""
    return list(Scored([0, 1], [0, 1], []).measures(scoring))


def dev_set(data: RecordFile, scoring: Scoring) -> DevSet:
    """Make what is scored during training: dev.tsv, by the measures of a test."""

    def score(predictions: Predictions) -> Dict[str, float]:
        return Scored.of(data, predictions).measures(scoring)

    return DevSet(DEV_FILE, data, score, metrics_of(scoring))


def shared_sentences(training: Sequence[Row], dev: Sequence[Row]) -> int:
    """Count the sentences of dev.tsv that are trained on; log a warning of any."""
    known = {row.sentence for row in training}
    shared = sum(row.sentence in known for row in dev)
    if shared:
        log.warning(
            "!!! %s of the %s sentences of %s are also trained on: scores on it are not"
            " those of unseen sentences",
            *(f"{shared:,}", f"{len(dev):,}", DEV_FILE),
        )
    return shared


def dev_scores(
    correct: Sequence[bool], losses: Sequence[float], batch_size: int
) -> Dict[str, np.float32]:
    """Score a file by accuracy and loss.

    Args:
      correct: for each example whether its predicted label is the right one.
      losses: their losses, in the order of the file.
      batch_size: examples whose mean is a batch's loss.

    Returns:
      eval_accuracy; eval_loss, the mean over the examples; and loss, the mean over the
      batches, in which a last batch that is not full counts like the others, as
      Estimator has it.
    """
    batches = [
        np.mean(losses[first : first + batch_size])
        for first in range(0, len(losses), batch_size)
    ]
    values = {"eval_accuracy": correct, "eval_loss": losses, "loss": batches}
    return {name: np.float32(np.mean(value)) for name, value in values.items()}


def evaluate(
    run: Run, data: RecordFile, scoring: Scoring, batch_size: int, trained_on: int
) -> Dict[str, float]:
    """Score dev.tsv; log the results and write eval_results.txt.

    Args:
      run: with the model that is scored.
      data: records of dev.tsv.
      scoring: Scoring.
      batch_size: examples whose mean is a batch's loss.
      trained_on: sentences of dev.tsv that are trained on as well.

    Returns:
      {"eval_accuracy": from 0 to 1}.
    """
    scored = Scored.of(data, run.predict(data, batch_size))
    results = dict(
        dev_scores(scored.correct, scored.losses, batch_size), global_step=run.step
    )
    measures = scored.measures(scoring)
    for name, value in measures.items():
        results.setdefault(f"eval_{name}", np.float32(value))
    if trained_on:
        results["sentences_trained_on"] = trained_on
    command_line.log_results("Eval results", output_dir.result_lines(results))
    output_dir.write_results(run.folder, DEV_SCORES, results)
    run.board.add(DEV_FILE, measures, scored.by_label(scoring.labels))
    return {"eval_accuracy": measures["accuracy"]}


# test.tsv


def predict(
    run: Run, rows: Sequence[Row], predictions: Predictions, scoring: Scoring
) -> Dict[str, float]:
    """Write the predictions for test.tsv, and its scores if it has labels.

    Returns:
      Scores from 0 to 1 by name; empty without labels.
    """
    predicted = write_predictions(run.folder, rows, scoring.labels, predictions)
    log.info("the predictions: %s", os.path.join(run.folder, PREDICTIONS[-1]))
    if not is_labelled(rows):
        log.info("no labels in test.tsv, so no scores")
        return {}
    gold = [scoring.labels.index(row.label) for row in rows]
    scored = Scored(gold, predicted, [])
    run.board.add(TEST_FILE, scored.measures(scoring), scored.by_label(scoring.labels))
    return write_scores(run.folder, rows, predicted, scoring)


def write_predictions(
    folder: str,
    rows: Sequence[Row],
    labels: Sequence[str],
    predictions: Predictions,
) -> List[int]:
    """Write test_results.tsv and test_predictions.tsv, line by line in step.

    Args:
      folder: where they go; the scores of an earlier prediction there are removed.
      rows: those of test.tsv.
      labels: names in the order of their ids.
      predictions: (index, dict with probabilities [L]).

    Returns:
      The predicted label ids.
    """
    predicted = []
    paths = [os.path.join(folder, name) for name in PREDICTIONS]
    outdated = [os.path.join(folder, TEST_SCORES)]
    with files.whole_files(paths, outdated) as (results, table):
        table.write("\t".join(["index", "label", *labels]) + "\n")
        for index, prediction in predictions:
            probabilities = [str(value) for value in prediction["probabilities"]]
            best = int(np.argmax(prediction["probabilities"]))
            results.write("\t".join(probabilities) + "\n")
            cells = [rows[index].index, labels[best], *probabilities]
            table.write("\t".join(cells) + "\n")
            predicted.append(best)
    return predicted


def write_scores(
    folder: str, rows: Sequence[Row], predicted: Sequence[int], scoring: Scoring
) -> Dict[str, float]:
    """Write and log the report of re_eval.py on the predictions for test.tsv.

    Returns:
      The scores, from 0 to 1, that stand for all of them.
    """
    gold = [row.label for row in rows]
    labels = list(scoring.labels)
    arguments = (scoring.task, gold, predicted, labels, scoring.negative)
    report = relation_scores.report_lines(*arguments)
    with files.whole_file(os.path.join(folder, TEST_SCORES)) as stream:
        stream.writelines(f"{line}\n" for line in report)
    command_line.log_results("test results", report)
    return scoring.summary(gold, predicted)


def result_names(corpus: Dict[str, Any]) -> List[str]:
    """Name the results files that a corpus, phase → rows, leads to."""
    names = []
    if "eval" in corpus:
        names.append(DEV_SCORES)
    if "predict" in corpus:
        names.extend(PREDICTIONS)
        names.extend([TEST_SCORES] if is_labelled(corpus["predict"]) else [])
    return names
