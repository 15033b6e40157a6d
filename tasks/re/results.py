import os

import numpy as np

from biocodes.lib import files, relation_scores, relations
from finetuning import command_line

PREDICTIONS = ("test_results.tsv", "test_predictions.tsv")
TEST_SCORES = "test_scores.txt"
DEV_SCORES = "eval_results.txt"


# Scores


def dev_scores(correct, losses, batch_size):
    """Accuracy and losses of a file.

    Args:
      correct: for each example whether its predicted label is the right one.
      losses: their losses, in the order of the file.
      batch_size: examples whose mean is a batch's loss.

    Returns:
      dict of float32: eval_accuracy; eval_loss, the mean over the examples; and loss,
      the mean over the batches, in which a last batch that is not full counts like the
      others, as Estimator has it.
    """
    batches = [
        np.mean(losses[first : first + batch_size])
        for first in range(0, len(losses), batch_size)
    ]
    values = {"eval_accuracy": correct, "eval_loss": losses, "loss": batches}
    return {name: np.float32(np.mean(value)) for name, value in values.items()}


# Writing


def write_predictions(folder, rows, labels, predictions):
    """Writes test_results.tsv and test_predictions.tsv, line by line in step.

    Args:
      folder: where they go; the scores of an earlier prediction there are removed.
      rows: list of re_files.Row.
      labels: names in the order of their ids.
      predictions: iterable of (index, dict with probabilities [L]).

    Returns:
      list of int, the predicted label ids.
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
            table.write(
                "\t".join([rows[index].index, labels[best], *probabilities]) + "\n"
            )
            predicted.append(best)
    return predicted


def write_scores(folder, rows, predicted, labels, task):
    """Writes and logs what re_eval has to say of the predictions for test.tsv.

    Returns:
      dict of name → float from 0 to 1, the scores that stand for all of them.
    """
    gold = [row.label for row in rows]
    arguments = (task.scoring(labels), gold, predicted, list(labels), task.negative)
    report = relation_scores.report_lines(*arguments)
    with files.whole_file(os.path.join(folder, TEST_SCORES)) as stream:
        stream.writelines(f"{line}\n" for line in report)
    command_line.log_results("test results", report)
    return relation_scores.summary_scores(*arguments)


def result_names(corpus):
    """Names of the results files that a corpus leads to."""
    names = []
    if "eval" in corpus:
        names.append(DEV_SCORES)
    if "predict" in corpus:
        names.extend(PREDICTIONS)
        names.extend([TEST_SCORES] if relations.is_labelled(corpus["predict"]) else [])
    return names
