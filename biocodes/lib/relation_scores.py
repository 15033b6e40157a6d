"""Precision, recall and F1 of relation extraction, for two or more classes.

Scores take class ids and give numbers from 0 to 1, summaries and reports take names of
labels and predicted ids. A score whose denominator is 0 is 0.
"""

from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from biocodes.lib.relations import BINARY_LABELS, CHEMPROT_LABELS, NO_RELATION

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


# Reports: label names and predicted ids in, lines or named numbers out


def task_for(labels: Sequence[str]) -> str:
    """Return the task that scores a label list: binary, chemprot, or multiclass."""
    for task, its_labels in TASK_LABELS.items():
        if tuple(labels) == its_labels:
            return task
    return "multiclass"


def report_lines(
    task: str,
    gold: Sequence[str],
    predicted: Sequence[int],
    labels: Sequence[str],
    negative: Optional[str] = None,
) -> List[str]:
    """Make the report that re_eval.py prints and run_re.py keeps in test_scores.txt.

    Args:
      task: "binary", "chemprot" or "multiclass".
      gold: the right label of each row, by name.
      predicted: the predicted class of each row, as its place in `labels`.
      labels: label names in the order of the probability columns.
      negative: label that multiclass leaves out of its averages, or None.

    Returns:
      Lines without line ends.

    Raises:
      ValueError: a name in gold, or negative, is not in labels.
    """
    if task == "multiclass":
        return table_lines(gold, predicted, labels, negative)
    scores = summary_scores(task, gold, predicted, labels)
    return [f"{name:11s} : {score:.2%}" for name, score in scores.items()]


def summary_scores(
    task: str,
    gold: Sequence[str],
    predicted: Sequence[int],
    labels: Sequence[str],
    negative: Optional[str] = None,
) -> Dict[str, float]:
    """Compute the few numbers that stand for a whole run, such as one fold of ten.

    Args and Raises: as report_lines.

    Returns:
      {name: 0 to 1}: for binary and chemprot all that is printed, for multiclass
      "micro f1" and "macro f1".
    """
    gold_ids = [labels.index(label) for label in gold]
    if task == "binary":
        return binary_scores(gold_ids, predicted)
    if task == "chemprot":
        relations = [i for i, label in enumerate(labels) if label != NO_RELATION]
        return micro_scores(gold_ids, predicted, relations)
    excluded = None if negative is None else labels.index(negative)
    scores = multiclass_scores(gold_ids, predicted, len(labels), excluded)
    return {"micro f1": scores.micro.f1, "macro f1": scores.macro.f1}


def table_lines(
    gold: Sequence[str],
    predicted: Sequence[int],
    labels: Sequence[str],
    negative: Optional[str],
) -> List[str]:
    """Make the report of multiclass: a line for each class and for each average."""
    gold_ids = [labels.index(label) for label in gold]
    excluded = None if negative is None else labels.index(negative)
    scores = multiclass_scores(gold_ids, predicted, len(labels), excluded)
    without = "" if negative is None else f" without {negative}"
    return _table(scores, labels, without)


def multilabel_lines(
    gold: np.ndarray, predicted: np.ndarray, labels: Sequence[str]
) -> List[str]:
    """Make the report of texts with any number of labels; arguments as of its scores.

    Lines are those of multiclass. Of texts whose labels are all right, and no more than
    those, the last line has the share.
    """
    table = _table(multilabel_scores(gold, predicted), labels, "")
    return [*table, f"all labels right: {exact_share(gold, predicted):.2%}"]


def _table(scores: MulticlassScores, labels: Sequence[str], without: str) -> List[str]:
    """Lay out a line for each class and for each average.

    Args:
      scores: of the classes.
      labels: their names.
      without: what is said of the averages.
    """
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


# Scores: class ids in, numbers out


def binary_scores(gold: Sequence[int], predicted: Sequence[int]) -> Dict[str, float]:
    """Score class 1, and the recall of class 0, for ids 0 and 1.

    Returns:
      {"f1 score", "recall", "precision", "specificity": 0 to 1}, in the order in which
      they are printed.
    """
    counts = class_counts(gold, predicted, 2)
    negative, positive = (class_scores(*column) for column in zip(*counts))
    return {**headline(positive), "specificity": negative.recall}


def micro_scores(
    gold: Sequence[int], predicted: Sequence[int], counted: Iterable[int]
) -> Dict[str, float]:
    """Score some of the classes, micro-averaged over them.

    Args:
      gold, predicted: equally long sequences of class ids.
      counted: ids of the classes that count; the others are "no relation".

    Returns:
      {"f1 score", "recall", "precision": 0 to 1}, in the order in which they are
      printed.
    """
    counted = list(counted)
    classes = 1 + max([*counted, *gold, *predicted])
    counts = class_counts(gold, predicted, classes)
    return headline(class_scores(*(column[counted].sum() for column in counts)))


def multiclass_scores(
    gold: Sequence[int],
    predicted: Sequence[int],
    classes: int,
    negative: Optional[int] = None,
) -> MulticlassScores:
    """Score each class, and compute their micro and macro averages.

    Args:
      gold, predicted: equally long sequences of class ids from 0 to classes - 1.
      classes: number of classes.
      negative: id of a class that is left out of the averages, or None.
    """
    counts = np.stack(class_counts(gold, predicted, classes))
    each = [class_scores(*column) for column in counts.T]
    counted = [number for number in range(classes) if number != negative]
    micro = class_scores(*counts[:, counted].sum(axis=1))
    means = np.mean([each[number][:3] for number in counted], axis=0)
    macro = ClassScores(*map(float, means), support=micro.support)
    return MulticlassScores(each, micro, macro)


def multilabel_scores(gold: np.ndarray, predicted: np.ndarray) -> MulticlassScores:
    """Score each label of texts that have any number of them, and their averages.

    Args:
      gold, predicted: bool [texts, labels], whether a text has a label.
    """
    gold, predicted = np.asarray(gold, bool), np.asarray(predicted, bool)
    parts = (gold & predicted, predicted, gold)
    counts = np.stack([part.sum(axis=0) for part in parts])
    each = [class_scores(*column) for column in counts.T]
    micro = class_scores(*counts.sum(axis=1))
    means = np.mean([scores[:3] for scores in each], axis=0)
    return MulticlassScores(
        each, micro, ClassScores(*map(float, means), support=micro.support)
    )


def exact_share(gold: np.ndarray, predicted: np.ndarray) -> float:
    """Return the share of texts whose labels are all right; arguments as above."""
    return float(np.mean(np.all(np.equal(gold, predicted), axis=1)))


def class_counts(
    gold: Sequence[int], predicted: Sequence[int], classes: int
) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count for each class its true positives, its predictions and its gold rows.

    Args:
      gold, predicted: equally long sequences of class ids from 0 to classes - 1.
      classes: number of classes C.

    Returns:
      Three int arrays [C].
    """
    gold, predicted = np.asarray(gold, int), np.asarray(predicted, int)
    hits = gold[gold == predicted]
    return tuple(np.bincount(ids, minlength=classes) for ids in (hits, predicted, gold))


def class_scores(true_positives: int, predictions: int, support: int) -> ClassScores:
    """Compute the scores of three counts."""

    def ratio(part, whole):
        return float(part) / float(whole) if whole else 0.0

    return ClassScores(
        precision=ratio(true_positives, predictions),
        recall=ratio(true_positives, support),
        # 2PR / (P + R) with P and R written out, so that it is rounded only once.
        f1=ratio(2 * true_positives, predictions + support),
        support=int(support),
    )


def headline(scores: ClassScores) -> Dict[str, float]:
    """Name the three scores of the printed lines, in their order."""
    return {
        "f1 score": scores.f1,
        "recall": scores.recall,
        "precision": scores.precision,
    }
