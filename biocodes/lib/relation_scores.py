from typing import List, NamedTuple

import numpy as np

from biocodes.lib.relations import BINARY_LABELS, CHEMPROT_LABELS

TASK_LABELS = {
    "binary": BINARY_LABELS,
    "chemprot": CHEMPROT_LABELS,
}
TASKS = (*TASK_LABELS, "multiclass")


class ClassScores(NamedTuple):
    """Scores between 0 and 1 of one class or an average; support is its rows."""

    precision: float
    recall: float
    f1: float
    support: int


class MulticlassScores(NamedTuple):
    """classes: the scores of each class in label order; micro, macro: averages."""

    classes: List[ClassScores]
    micro: ClassScores
    macro: ClassScores


# --- scores: class ids in, numbers out ---


def class_counts(gold, predicted, classes):
    """Counts for each class its true positives, its predictions and its gold rows.

    Args:
      gold, predicted: equally long sequences of class ids from 0 to classes - 1.
      classes: number of classes C.

    Returns:
      Three int arrays [C].
    """
    gold, predicted = np.asarray(gold, int), np.asarray(predicted, int)
    hits = gold[gold == predicted]
    return tuple(np.bincount(ids, minlength=classes) for ids in (hits, predicted, gold))


def class_scores(true_positives, predictions, support):
    """ClassScores of three counts; a score with the denominator 0 is 0."""

    def ratio(part, whole):
        return float(part) / float(whole) if whole else 0.0

    return ClassScores(
        precision=ratio(true_positives, predictions),
        recall=ratio(true_positives, support),
        # 2PR / (P + R) with P and R written out, so that it is rounded only once.
        f1=ratio(2 * true_positives, predictions + support),
        support=int(support),
    )


def binary_scores(gold, predicted):
    """Scores of class 1 and the recall of class 0, for ids 0 and 1.

    Returns:
      {"f1 score", "recall", "precision", "specificity": float from 0 to 1}, in the
      order in which they are printed.
    """
    counts = class_counts(gold, predicted, 2)
    negative, positive = (class_scores(*column) for column in zip(*counts))
    return {**headline(positive), "specificity": negative.recall}


def micro_scores(gold, predicted, counted):
    """Scores micro-averaged over some of the classes.

    Args:
      gold, predicted: equally long sequences of class ids.
      counted: ids of the classes that count; the others are "no relation".

    Returns:
      {"f1 score", "recall", "precision": float from 0 to 1}, in the order in which
      they are printed.
    """
    counted = list(counted)
    classes = 1 + max([*counted, *gold, *predicted])
    counts = class_counts(gold, predicted, classes)
    return headline(class_scores(*(column[counted].sum() for column in counts)))


def multiclass_scores(gold, predicted, classes, negative=None):
    """Scores of each class, and their micro and macro averages.

    Args:
      gold, predicted: equally long sequences of class ids from 0 to classes - 1.
      classes: number of classes.
      negative: id of a class that is left out of the averages, or None.

    Returns:
      MulticlassScores.
    """
    counts = np.stack(class_counts(gold, predicted, classes))
    each = [class_scores(*column) for column in counts.T]
    counted = [number for number in range(classes) if number != negative]
    micro = class_scores(*counts[:, counted].sum(axis=1))
    means = np.mean([each[number][:3] for number in counted], axis=0)
    macro = ClassScores(*map(float, means), support=micro.support)
    return MulticlassScores(each, micro, macro)


def headline(scores):
    """ClassScores → the three scores of the printed lines, in their order."""
    return {
        "f1 score": scores.f1,
        "recall": scores.recall,
        "precision": scores.precision,
    }


# --- reports: label names and predicted ids in, lines out ---


def task_for(labels):
    """The task that scores a label list: binary, chemprot, or else multiclass."""
    for task, its_labels in TASK_LABELS.items():
        if tuple(labels) == its_labels:
            return task
    return "multiclass"


def summary_scores(task, gold, predicted, labels, negative=None):
    """The few numbers that stand for a whole run, such as one fold of ten.

    Args and Raises: as report_lines.

    Returns:
      {name: float from 0 to 1}: for binary and chemprot all that is printed, for
      multiclass "micro f1" and "macro f1".
    """
    gold_ids = [labels.index(label) for label in gold]
    if task == "binary":
        return binary_scores(gold_ids, predicted)
    if task == "chemprot":
        relations = [i for i, label in enumerate(labels) if label != "false"]
        return micro_scores(gold_ids, predicted, relations)
    excluded = None if negative is None else labels.index(negative)
    scores = multiclass_scores(gold_ids, predicted, len(labels), excluded)
    return {"micro f1": scores.micro.f1, "macro f1": scores.macro.f1}


def report_lines(task, gold, predicted, labels, negative=None):
    """The report that re_eval.py prints and run_re.py keeps in test_scores.txt.

    Args:
      task: "binary", "chemprot" or "multiclass".
      gold: the right label of each row, by name.
      predicted: the predicted class of each row, as its place in `labels`.
      labels: label names in the order of the probability columns.
      negative: label that multiclass leaves out of its averages, or None.

    Returns:
      list of str without line ends.

    Raises:
      ValueError: a name in gold, or negative, is not in labels.
    """
    if task == "multiclass":
        return table_lines(gold, predicted, labels, negative)
    scores = summary_scores(task, gold, predicted, labels)
    return [f"{name:11s} : {score:.2%}" for name, score in scores.items()]


def table_lines(gold, predicted, labels, negative):
    """The report of multiclass: a line for each class and one for each average."""
    gold_ids = [labels.index(label) for label in gold]
    excluded = None if negative is None else labels.index(negative)
    scores = multiclass_scores(gold_ids, predicted, len(labels), excluded)
    without = "" if negative is None else f" without {negative}"
    named = [
        *zip(labels, scores.classes),
        (f"micro average{without}", scores.micro),
        (f"macro average{without}", scores.macro),
    ]
    width = max(len(name) for name, _ in named)
    lines = [f"{'label':{width}s}  precision   recall  f1 score  support"]
    for name, (precision, recall, f1, support) in named:
        numbers = f"{precision:9.2%}  {recall:7.2%}  {f1:8.2%}  {support:7d}"
        lines.append(f"{name:{width}s}  {numbers}")
    return lines
