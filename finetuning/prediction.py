"""Prediction: in batches of similar length, given back in the order of the input."""

import contextlib
import os
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
import tensorflow.compat.v1 as tf

import modeling
from finetuning import checkpoints, estimator, model_dir, records
from finetuning.batches import (
    batch_of,
    dataset,
    file_order,
    in_input_order,
    part_of,
    prediction_order,
    stream_batches,
)
from finetuning.model import Head, Model
from finetuning.progress import report_progress

Predicted = Iterator[Tuple[int, Dict[str, np.ndarray]]]


class PredictionSettings(NamedTuple):
    """How batches are formed.

    Attributes:
      batch_size: examples in a step, of the greatest length.
      max_seq_length: that length; a step holds up to the product of the two in pieces.
      pad_to: length that every batch is padded to, or None for its own longest.
      pieces_waiting: pieces whose predictions may wait to be put back in order; None
        where predictions are small.
    """

    batch_size: int
    max_seq_length: int
    pad_to: Optional[int]
    pieces_waiting: Optional[int] = None

    @classmethod
    def from_flags(cls, flags: Any) -> "PredictionSettings":
        """Take the values of a script's flags."""
        pad_to = flags.max_seq_length if flags.pad_to_max_length else None
        return cls(flags.predict_batch_size, flags.max_seq_length, pad_to)

    def order(self, lengths: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the indices of the examples of one batch after another."""
        if self.pad_to:
            return file_order(lengths, self.batch_size)
        budget = self.batch_size * self.max_seq_length
        if self.pieces_waiting is None:
            return prediction_order(lengths, self.batch_size, budget)
        window = max(self.pieces_waiting // self.max_seq_length, self.batch_size)
        return prediction_order(lengths, self.batch_size, budget, window)

    def memory_watched(self) -> Any:
        """Return a context in which exhausted memory is an InputError."""
        return estimator.memory_watched(
            self.batch_size,
            self.max_seq_length,
            "lower the batch size (--predict_batch_size, --eval_batch_size) or"
            " --max_seq_length",
        )


class Predictor(NamedTuple):
    """A model with weights, ready to predict.

    Attributes:
      model: its head says what is predicted.
      checkpoint: prefix of the weights.
      settings: PredictionSettings.
    """

    model: Model
    checkpoint: str
    settings: PredictionSettings

    @classmethod
    def load(cls, folder: str, max_seq_length: int) -> "Predictor":
        """Load a trained model's folder; labels and head are still to be added.

        Raises:
          InputError: the folder holds no model.
        """
        model = Model.load(folder, max_seq_length)
        settings = PredictionSettings(8, max_seq_length, None)
        return cls(model, model_dir.only_checkpoint(folder), settings)

    def with_head(self, head: Head, labels: Sequence[str] = ()) -> "Predictor":
        """Return the same with a task's head and labels."""
        return self._replace(model=self.model.with_head(head, labels))

    def predict(self, data: records.RecordFile) -> Predicted:
        """Predict every example of a record file.

        Yields:
          (index, dict of name → array) in the order of the file; arrays are as the head
          made them, without the batch axis, so sequences still have their padding.

        Raises:
          InputError: the checkpoint does not fit, or memory is used up.
        """

        def batches() -> Iterator[Dict[str, np.ndarray]]:
            rows = self.settings.order(data.lengths)
            return (batch_of(data, indices, self.settings.pad_to) for indices in rows)

        predicted = self._batches(data.schema, batches)
        with contextlib.closing(predicted), self.settings.memory_watched():
            reported = report_progress(
                "predicted", predicted, len(data), lambda batch: len(batch["row"])
            )
            yield from in_input_order(reported, len(data))

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
        with contextlib.closing(predicted), self.settings.memory_watched():
            yield from in_input_order(predicted)

    def _batches(
        self,
        schema: records.Schema,
        batches: Callable[[], Iterator[Dict[str, np.ndarray]]],
    ) -> Iterator[Dict[str, np.ndarray]]:
        """Yield what the head predicts for each batch, and the examples' `row`."""

        def model_fn(
            features: Dict[str, tf.Tensor], mode: str
        ) -> estimator.EstimatorSpec:
            config, head = self.model.config, self.model.head
            (encoder,) = modeling.encode([part_of(features)], config, is_training=False)
            _, predictions = head(encoder, features, mode)
            loaded = checkpoints.variables_to_load(
                self.checkpoint, tf.trainable_variables(), needs_head=True
            )
            predictions["row"] = features["row"]
            return estimator.EstimatorSpec(
                mode, predictions=predictions, scaffold=_scaffold_of(loaded)
            )

        folder = os.path.dirname(self.checkpoint) or "."
        return estimator.create(model_fn, folder, None).predict(
            lambda: dataset(schema, batches),
            checkpoint_path=self.checkpoint,
            yield_single_examples=False,
        )


def _scaffold_of(variables: Dict[str, tf.Variable]) -> tf.train.Scaffold:
    """Return a Scaffold that restores just these variables and asks for no others."""
    missing = tf.report_uninitialized_variables(list(variables.values()))
    return tf.train.Scaffold(
        saver=tf.train.Saver(variables),
        ready_op=missing,
        ready_for_local_init_op=missing,
    )
