"""Results of relation extraction: predictions, scores, and their files."""

import os
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from biocodes.lib import files, relation_scores
from biocodes.lib.relations import Row, is_labelled
from finetuning import command_line, output_dir
from finetuning.command_line import log

PREDICTIONS = ("test_results.tsv", "test_predictions.tsv")
TEST_SCORES = "test_scores.txt"
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


# dev.tsv


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
    folder: str,
    gold: Sequence[int],
    predictions: Predictions,
    batch_size: int,
    step: int,
) -> Dict[str, float]:
    """Score dev.tsv; log the results and write eval_results.txt.

    Args:
      folder: where it goes.
      gold: label ids.
      predictions: (index, probabilities [L] and loss) in the order of the file.
      batch_size: examples whose mean is a batch's loss.
      step: training step of the model.

    Returns:
      {"eval_accuracy": from 0 to 1}.
    """
    correct, losses = [], []
    for index, prediction in predictions:
        correct.append(gold[index] == np.argmax(prediction["probabilities"]))
        losses.append(float(prediction["loss"]))
    results = dict(dev_scores(correct, losses, batch_size), global_step=step)
    command_line.log_results("Eval results", output_dir.result_lines(results))
    output_dir.write_results(folder, DEV_SCORES, results)
    return {"eval_accuracy": float(results["eval_accuracy"])}


# test.tsv


def predict(
    folder: str, rows: Sequence[Row], predictions: Predictions, scoring: Scoring
) -> Dict[str, float]:
    """Write the predictions for test.tsv, and its scores if it has labels.

    Returns:
      Scores from 0 to 1 by name; empty without labels.
    """
    predicted = write_predictions(folder, rows, scoring.labels, predictions)
    log.info("the predictions: %s", os.path.join(folder, PREDICTIONS[-1]))
    if not is_labelled(rows):
        log.info("no labels in test.tsv, so no scores")
        return {}
    return write_scores(folder, rows, predicted, scoring)


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
    return relation_scores.summary_scores(*arguments)


def result_names(corpus: Dict[str, Any]) -> List[str]:
    """Name the results files that a corpus, phase → rows, leads to."""
    names = []
    if "eval" in corpus:
        names.append(DEV_SCORES)
    if "predict" in corpus:
        names.extend(PREDICTIONS)
        names.extend([TEST_SCORES] if is_labelled(corpus["predict"]) else [])
    return names
