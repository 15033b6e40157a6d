"""How well probabilities rank examples of two classes, and where to draw the line.

All of it is exact, equal probabilities included, and as scikit-learn defines it.
"""

import re
from typing import NamedTuple, Sequence, Tuple

import numpy as np

NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")


class _Counts(NamedTuple):
    """Examples by probability, the highest first: int [different probabilities]."""

    values: np.ndarray
    positive: np.ndarray
    negative: np.ndarray


def _counted(gold: Sequence[bool], probabilities: Sequence[float]) -> _Counts:
    is_positive = np.asarray(gold, bool)
    values, places = np.unique(np.asarray(probabilities, float), return_inverse=True)
    places, count = places.ravel(), len(values)
    positive = np.bincount(places[is_positive], minlength=count)
    negative = np.bincount(places[~is_positive], minlength=count)
    return _Counts(values[::-1], positive[::-1], negative[::-1])


def cumulated(
    gold: Sequence[bool], probabilities: Sequence[float]
) -> Tuple[np.ndarray, np.ndarray]:
    """Count true and false positives at each threshold, from above the highest on.

    Args:
      gold: for each example whether it is positive.
      probabilities: of being positive; equal ones are one threshold.
    """
    counts = _counted(gold, probabilities)
    true, false = (np.cumsum(each) for each in (counts.positive, counts.negative))
    return np.append(0.0, true), np.append(0.0, false)


def has_both(gold: Sequence[bool]) -> bool:
    """Whether both classes occur, without which nothing here is defined."""
    return 0 < int(np.sum(gold)) < len(gold)


def roc_auc(gold: Sequence[bool], probabilities: Sequence[float]) -> float:
    """Compute the area under the ROC curve.

    It is the share of pairs of a positive and a negative example in which the positive
    one has the higher probability; a pair of equals counts half.

    Args:
      gold: for each example whether it is positive; has_both holds.
      probabilities: of being positive.
    """
    counts = _counted(gold, probabilities)
    below = counts.negative.sum() - np.cumsum(counts.negative)
    twice = (counts.positive * (2 * below + counts.negative)).sum()
    return float(twice) / float(2 * counts.positive.sum() * counts.negative.sum())


def average_precision(gold: Sequence[bool], probabilities: Sequence[float]) -> float:
    """Compute the mean of precision at each probability, weighted by recall gained.

    Args:
      gold, probabilities: as of roc_auc.
    """
    counts = _counted(gold, probabilities)
    found = np.cumsum(counts.positive)
    predicted = found + np.cumsum(counts.negative)
    return float((counts.positive * found / predicted).sum() / found[-1])


def best_threshold(
    gold: Sequence[bool], probabilities: Sequence[float]
) -> Tuple[float, float]:
    """Find the probability from which on examples are best called positive.

    Args:
      gold: for each example whether it is positive; one at least is.
      probabilities: of being positive.

    Returns:
      (threshold, the F1 of the positive class with it). The threshold is half way
      between two of the probabilities, so that others may lie a little off, or, where
      all examples are best called positive, the lowest. Of thresholds with the same F1
      it is the highest.
    """
    counts = _counted(gold, probabilities)
    found = np.cumsum(counts.positive)
    predicted = found + np.cumsum(counts.negative)
    f1 = 2 * found / (predicted + found[-1])
    best = int(np.argmax(f1))
    # Those beside the threshold; the last one has none below it.
    beside = counts.values[best : best + 2]
    return float(beside.mean()), float(f1[best])


def parse_threshold(text: str) -> float:
    """Parse a threshold.

    Raises:
      ValueError: it is no number from 0 to 1.
    """
    value = float(text) if NUMBER.fullmatch(text) else -1.0
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"is a number from 0 to 1, not {text}")
    return value
