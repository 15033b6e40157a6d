"""Prediction: in batches of similar length, given back in the order of the input."""

import contextlib
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import numpy as np

from biocodes.lib import files
from finetuning import records, shares
from finetuning.batches import (
    Batch,
    batch_of,
    file_order,
    in_input_order,
    prediction_order,
    stream_batches,
)
from finetuning.engine import TENSORFLOW, engine_of, named
from finetuning.ensemble import Ensemble, predict_together
from finetuning.model import Model
from finetuning.progress import Progress

# What to do where memory is used up.
LOWER_BATCH_SIZE = (
    "lower the batch size (--predict_batch_size, --eval_batch_size) or --max_seq_length"
)
Predicted = Iterator[Tuple[int, Dict[str, np.ndarray]]]


class PredictionSettings(NamedTuple):
    """How batches are formed.

    Attributes:
      batch_size: examples in a step, of the greatest length.
      max_seq_length: that length; a step holds up to the product of the two in pieces.
      pad_to: length that every batch is padded to, or None for its own longest.
      pieces_waiting: pieces whose predictions may wait to be put back in order; None
        where predictions are small.
      mixed_precision: whether products are in 16 bits, see mixed_precision.py.
    """

    batch_size: int
    max_seq_length: int
    pad_to: Optional[int]
    pieces_waiting: Optional[int] = None
    mixed_precision: bool = False

    @classmethod
    def from_flags(cls, flags: Any) -> "PredictionSettings":
        """Take the values of a script's flags."""
        pad_to = flags.max_seq_length if flags.pad_to_max_length else None
        return cls(
            flags.predict_batch_size,
            flags.max_seq_length,
            pad_to,
            mixed_precision=flags.mixed_precision,
        )

    def order(self, lengths: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the indices of the examples of one batch after another."""
        if self.pad_to:
            return file_order(lengths, self.batch_size)
        budget = self.batch_size * self.max_seq_length
        if self.pieces_waiting is None:
            return prediction_order(lengths, self.batch_size, budget)
        window = max(self.pieces_waiting // self.max_seq_length, self.batch_size)
        return prediction_order(lengths, self.batch_size, budget, window)


class Predictor(NamedTuple):
    """A model with weights, ready to predict.

    Attributes:
      model: its head says what is predicted.
      checkpoint: prefix of the weights.
      settings: PredictionSettings.
      ensemble: the models that predict, where there are several; checkpoint is the
        first one's.
    """

    model: Model
    checkpoint: str
    settings: PredictionSettings
    ensemble: Optional[Ensemble] = None

    @classmethod
    def load(
        cls, folder: str, max_seq_length: int, engine: str = TENSORFLOW
    ) -> "Predictor":
        """Load a trained model's folder; labels and head are still to be added.

        Raises:
          InputError: the folder holds no model for the engine.
        """
        named(engine)
        model, checkpoint = Model.load(folder, max_seq_length, engine)
        settings = PredictionSettings(8, max_seq_length, None)
        return cls(model, checkpoint, settings)

    def with_head(self, head: Any, labels: Sequence[str] = ()) -> "Predictor":
        """Return the same with a task's head and labels."""
        return self._replace(model=self.model.with_head(head, labels))

    @property
    def checkpoints(self) -> Tuple[str, ...]:
        """The checkpoints that predict: one, or those of the ensemble."""
        return self.ensemble.checkpoints if self.ensemble else (self.checkpoint,)

    @property
    def digest(self) -> str:
        """What identifies them."""
        return "+".join(engine_of(each).digest(each) for each in self.checkpoints)

    @contextlib.contextmanager
    def memory_watched(self) -> Iterator[None]:
        """Within the block, report exhausted memory as a batch that is too large."""
        try:
            yield
        except engine_of(self.checkpoint).MEMORY_ERRORS as error:
            settings = self.settings
            raise files.InputError(
                f"out of memory with a batch of {settings.batch_size} examples of up"
                f" to {settings.max_seq_length} pieces",
                remedy=LOWER_BATCH_SIZE,
            ) from error

    def predict(self, data: records.RecordFile) -> Predicted:
        """Predict every example of a record file.

        Yields:
          (index, dict of name → array) in the order of the file; arrays are as the head
          made them, without the batch axis, so sequences still have their padding.

        Raises:
          InputError: the checkpoint does not fit, or memory is used up.
        """

        rows = list(self.settings.order(data.lengths))

        def batches() -> Iterator[Dict[str, np.ndarray]]:
            mine = shares.share_of_batches(rows)
            return (batch_of(data, indices, self.settings.pad_to) for indices in mine)

        progress = Progress("predicted", len(data), work=int(data.lengths.sum()))

        def reported(predicted: Iterable[Batch]) -> Iterator[Batch]:
            for batch in predicted:
                yield batch
                progress.add(len(batch["row"]), int(data.lengths[batch["row"]].sum()))

        predicted = self._batches(data.schema, batches)
        with contextlib.closing(predicted), self.memory_watched():
            of_all = shares.together(predicted, len(rows))
            yield from in_input_order(reported(of_all), len(data))

    def predict_stream(
        self, schema: records.Schema, rows: Iterable[np.ndarray]
    ) -> Predicted:
        """Predict examples that come one after another and are not kept.

        Args:
          schema: of the rows.
          rows: int32 rows, read in a thread of its own, some thousand ahead of what is
            yielded.

        Yields:
          see predict.
        """

        def batches() -> Iterator[Dict[str, np.ndarray]]:
            return stream_batches(
                schema, rows, self.settings.order, self.settings.pad_to
            )

        predicted = self._batches(schema, batches)
        with contextlib.closing(predicted), self.memory_watched():
            yield from in_input_order(predicted)

    def _batches(
        self, schema: records.Schema, batches: Callable[[], Iterator[Batch]]
    ) -> Iterator[Batch]:
        """Yield what the head predicts for each batch, and the examples' `row`."""
        if self.ensemble:
            return predict_together(self, schema, batches)
        engine = engine_of(self.checkpoint)
        return engine.predict_batches(self, schema, batches)
