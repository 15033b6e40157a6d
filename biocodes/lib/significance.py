"""Whether two runs differ in a measure, on the same examples, by more than chance.

An example (a sentence, a row, a question) has a few numbers with each run, and a
measure is a function of their sums: entity F1 of (gold, found, correct), say. Both
tests are of the difference and two-sided:

    bootstrap       examples are drawn anew, with replacement, and the p-value is the
                    share of draws whose difference is as far from the observed one as
                    that is from 0 (Berg-Kirkpatrick et al. 2012); the 95 % interval is
                    that of the draws' differences
    randomization   each example's numbers change sides with probability 1/2, and the
                    p-value is the share of draws whose difference is as large as the
                    observed one (Noreen 1989)

The observed difference counts as one draw, so that no p-value is 0.
"""

from typing import Callable, NamedTuple, Tuple

import numpy as np

# Numbers that are drawn at a time.
BLOCK = 4_000_000

# float [..., numbers] → float [...].
Measure = Callable[[np.ndarray], np.ndarray]


class Result(NamedTuple):
    """What is known of a difference, the second run's measure less the first's.

    Attributes:
      first, second: the measures, from 0 to 1.
      interval: ends of the 95 % bootstrap interval of the difference.
      bootstrap, randomization: p-values.
    """

    first: float
    second: float
    interval: Tuple[float, float]
    bootstrap: float
    randomization: float


def compare(
    first: np.ndarray, second: np.ndarray, measure: Measure, resamples: int, seed: int
) -> Result:
    """Test a difference.

    Args:
      first, second: float [examples, numbers], those of each run.
      measure: from the sums of the numbers to the measure.
      resamples: draws of each test.
      seed: of the draws.
    """
    both = np.concatenate([first, second], axis=1).astype(float)
    width = first.shape[1]

    def difference(sums: np.ndarray) -> np.ndarray:
        return measure(sums[..., width:]) - measure(sums[..., :width])

    observed = float(difference(both.sum(axis=0)))
    random = np.random.RandomState(seed)
    drawn = difference(_drawn_again(both, resamples, random))
    far = np.abs(drawn - observed) >= abs(observed) - 1e-12
    sides = _swapped(first.astype(float), second.astype(float), resamples, random)
    large = np.abs(difference(sides)) >= abs(observed) - 1e-12
    ends = np.percentile(drawn, [2.5, 97.5])
    return Result(
        float(measure(both[:, :width].sum(axis=0))),
        float(measure(both[:, width:].sum(axis=0))),
        (float(ends[0]), float(ends[1])),
        _share(far),
        _share(large),
    )


def _share(hits: np.ndarray) -> float:
    return float((hits.sum() + 1) / (len(hits) + 1))


def _drawn_again(
    numbers: np.ndarray, resamples: int, random: np.random.RandomState
) -> np.ndarray:
    """Sum the numbers of as many examples, drawn with replacement: [resamples, …]."""
    count = len(numbers)
    sums = np.empty([resamples, numbers.shape[1]])
    block = max(BLOCK // max(count, 1), 1)
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        chosen = random.randint(count, size=[size, count])
        offsets = np.arange(size)[:, np.newaxis] * count
        times = np.bincount((chosen + offsets).ravel(), minlength=size * count)
        sums[start : start + size] = times.reshape(size, count) @ numbers
    return sums


def _swapped(
    first: np.ndarray,
    second: np.ndarray,
    resamples: int,
    random: np.random.RandomState,
) -> np.ndarray:
    """Sum the numbers of both sides after a draw of who is where: [resamples, …]."""
    count = len(first)
    change = second - first
    totals = first.sum(axis=0), second.sum(axis=0)
    sums = np.empty([resamples, 2 * first.shape[1]])
    block = max(BLOCK // max(count, 1), 1)
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        swaps = random.randint(2, size=[size, count])
        moved = swaps @ change
        sums[start : start + size] = np.concatenate(
            [totals[0] + moved, totals[1] - moved], axis=1
        )
    return sums


# Measures


def f1(sums: np.ndarray) -> np.ndarray:
    """Compute F1 of (gold, found, correct): float [..., 3] → [...]."""
    gold, found, correct = np.moveaxis(sums, -1, 0)
    return 2 * correct / np.maximum(gold + found, 1)


def mean_f1(sums: np.ndarray) -> np.ndarray:
    """Compute the mean of the classes' F1: float [..., 3 · classes] → [...]."""
    classes = sums.reshape(*sums.shape[:-1], -1, 3)
    return f1(classes).mean(axis=-1)


def mean(sums: np.ndarray) -> np.ndarray:
    """Compute the mean of (value, 1): float [..., 2] → [...]."""
    return sums[..., 0] / np.maximum(sums[..., 1], 1)
