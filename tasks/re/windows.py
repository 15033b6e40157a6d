"""Texts longer than the model takes: read in windows, whose logits are pooled."""

import itertools
from typing import Any, Callable, Dict, Iterable, Iterator, List, Sequence, Tuple

import numpy as np

from finetuning.batches import Batch
from finetuning.console import log
from finetuning.records import RecordFile
from finetuning.windows import cut_windows
from tasks import exported

WINDOW, TRUNCATE = LONG_SENTENCES = ("window", "truncate")
MEAN, MAX = POOLING = ("mean", "max")
# What a record says, for windows, of the example that it is of.
EXAMPLE = "example_index"
# Features, or predictions, by name.
Features = Dict[str, Any]
Predictions = Iterable[Tuple[int, Dict[str, np.ndarray]]]


def windows_of(features: Features, limit: int) -> List[Features]:
    """Cut a text into windows, each three quarters of one after the one before.

    Args:
      features: of the whole text; input_ids begin with [CLS] and end with [SEP].
      limit: pieces of a window, [CLS] and [SEP] included.

    Returns:
      The same features with the input_ids of each window; a text that fits is one.
    """
    first, *pieces, last = features["input_ids"]
    room = limit - 2
    spans = cut_windows(len(pieces), room, max(1, room * 3 // 4)) or [(0, 0)]
    return [
        dict(features, input_ids=[first, *pieces[begin:end], last])
        for begin, end in spans
    ]


def report(
    data: Dict[str, RecordFile], counts: Dict[str, int], names: Dict[str, str]
) -> None:
    """Log how many windows the texts of each file make.

    Args:
      data: phase → records of windows.
      counts: phase → number of texts.
      names: phase → name of the file.
    """
    for phase, windows in data.items():
        log.info(
            "%s: %s texts in %s windows, the longest text has %s pieces",
            names[phase],
            *(f"{counts[phase]:,}", f"{len(windows):,}"),
            f"{max(each['pieces'] for each in windows):,}",
        )


class Pooling:
    """Puts the predictions of a text's windows together."""

    def __init__(self, way: str, multilabel: bool) -> None:
        """Take the way: the mean of each label's logits over the windows, or MAX."""
        self._pool: Callable[..., np.ndarray] = np.max if way == MAX else np.mean
        self._decode = exported.relations(multilabel).decode

    def of_text(self, logits: Sequence[np.ndarray], features: Features) -> Features:
        """Return what the head predicts of a text, from its windows' logits.

        Args:
          logits: float32 [L] of each window; or [M, L] of M models, each of which pools
            its own, before the mean of their probabilities, and losses, is taken.
          features: of the text; with labels among them there is a loss.
        """
        pooled = np.atleast_2d(self._pool(np.stack(logits), axis=0))
        batch: Batch = {
            name: np.full(len(pooled), value)
            for name, value in features.items()
            if np.ndim(value) == 0
        }
        values = self._decode({"logits": pooled}, batch)
        return {name: value.mean(axis=0) for name, value in values.items()}

    def by_text(
        self, data: RecordFile, predictions: Predictions
    ) -> Iterator[Tuple[int, Features]]:
        """Yield (index, predictions) of each text.

        Args:
          data: records of windows, with EXAMPLE, in the order of the texts.
          predictions: of each record.
        """
        of_windows = ((data[i], prediction) for i, prediction in predictions)
        grouped = itertools.groupby(of_windows, lambda window: window[0][EXAMPLE])
        for index, windows in grouped:
            features, predicted = zip(*windows)
            logits = [prediction["logits"] for prediction in predicted]
            yield index, self.of_text(logits, features[0])
