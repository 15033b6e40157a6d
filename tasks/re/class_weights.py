"""--class_weights: how much an example counts in the training loss, by its label."""

from typing import Optional, Sequence, Tuple, Union

import numpy as np

from biocodes.lib.files import InputError
from biocodes.lib.ranking import NUMBER
from biocodes.lib.relations import Row
from finetuning.console import log
from tasks.re.scoring import AnyScoring

BALANCED = "balanced"
FLAG = "--class_weights"
Weights = Tuple[float, ...]
Setting = Union[None, str, Weights]


def parse(text: Optional[str]) -> Setting:
    """Take the value of the flag: None, "balanced" or numbers.

    Raises:
      InputError: it is anything else, or a number is not above 0.
    """
    if text is None or text == BALANCED:
        return text
    parts = [part.strip() for part in text.split(",")]
    weights = [float(part) if NUMBER.fullmatch(part) else 0.0 for part in parts]
    for part, weight in zip(parts, weights):
        if not 0.0 < weight < float("inf"):
            raise InputError(
                f"is {BALANCED} or numbers above 0, as in 1,2.5; {part!r} is none", FLAG
            )
    return tuple(weights)


def weights_of(
    setting: Setting, scoring: AnyScoring, rows: Sequence[Row]
) -> Optional[Weights]:
    """Return the weight of each label, and log them.

    Balanced, a label of c of the n training examples has the weight n / (k · c), where
    k labels occur at all; one that does not occur has 1. Of texts with any number of
    labels a label's weight is that of the texts which have it, beside 1 of those which
    do not: (n - c) / c, or 1 where one of the two does not occur.

    Args:
      setting: what parse returns.
      scoring: of the labels.
      rows: the training examples.

    Returns:
      The weights in the order of the labels; None without weights.

    Raises:
      InputError: there are not as many numbers as labels.
    """
    if setting is None:
        return None
    labels, weights = scoring.labels, setting
    if setting == BALANCED:
        gold = scoring.gold_of(rows)
        weights = _of_sets(gold) if gold.ndim > 1 else _of_ids(gold, len(labels))
    if len(weights) != len(labels):
        raise InputError(
            f"has {len(weights)} numbers for the {len(labels)} labels"
            f" {', '.join(labels)}",
            FLAG,
        )
    listed = (f"{label} {weight:.4g}" for label, weight in zip(labels, weights))
    log.info("weights of the training loss: %s", ", ".join(listed))
    return weights


def _of_ids(gold: np.ndarray, count: int) -> Weights:
    counts = np.bincount(gold, minlength=count)
    classes = np.count_nonzero(counts)
    return tuple(len(gold) / (classes * int(c)) if c else 1.0 for c in counts)


def _of_sets(gold: np.ndarray) -> Weights:
    total = len(gold)
    counts = map(int, gold.sum(axis=0))
    return tuple((total - c) / c if 0 < c < total else 1.0 for c in counts)
