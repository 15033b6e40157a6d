import contextlib
import os
from typing import NamedTuple, Optional

import tensorflow.compat.v1 as tf

import modeling
from finetuning import checkpoints, estimator
from finetuning.batches import (
    batch_of,
    dataset,
    file_order,
    in_input_order,
    part_of,
    prediction_order,
    stream_batches,
)
from finetuning.progress import report_predictions


class Prediction(NamedTuple):
    """How to predict.

    Attributes:
      batch_size: examples in a step, of the greatest length.
      max_seq_length: that length; a step holds up to the product of the two in pieces.
      pad_to: length that every batch is padded to, or None for its own longest.
    """

    batch_size: int
    max_seq_length: int
    pad_to: Optional[int]

    @classmethod
    def from_flags(cls, flags, batch_size):
        """batch_size: the value of predict_batch_size or of eval_batch_size."""
        pad_to = flags.max_seq_length if flags.pad_to_max_length else None
        return cls(batch_size, flags.max_seq_length, pad_to)

    def order(self, lengths):
        """Iterator of the batches' examples, see records."""
        if self.pad_to:
            return file_order(lengths, self.batch_size)
        budget = self.batch_size * self.max_seq_length
        return prediction_order(lengths, self.batch_size, budget)

    def memory_watched(self):
        """See hooks.memory_watched."""
        return estimator.memory_watched(
            self.batch_size,
            self.max_seq_length,
            "lower the batch size (--predict_batch_size, --eval_batch_size) or"
            " --max_seq_length",
        )


def predict(head, config, data, checkpoint, how):
    """Predicts every example of a record file.

    Args:
      head, config: see train.
      data: RecordFile.
      checkpoint: prefix of a fine-tuned checkpoint.
      how: Prediction.

    Yields:
      (index, dict of name → array) in the order of the file; arrays are as the head
      made them, without the batch axis, so sequences still have their padding.

    Raises:
      InputError: the checkpoint does not fit, or has no head.
    """

    def batches():
        rows = how.order(data.lengths)
        return (batch_of(data, one, how.pad_to) for one in rows)

    predicted = _predicted(head, config, data.schema, batches, checkpoint)
    with contextlib.closing(predicted), how.memory_watched():
        reported = report_predictions(predicted, len(data))
        yield from in_input_order(reported, len(data))


def predict_stream(head, config, schema, rows, checkpoint, how):
    """Predicts examples that come one after another and are not kept.

    Args:
      head, config, checkpoint, how: see predict.
      schema: records.Schema.
      rows: iterable of int32 rows packed by it, read in a thread of its own, some
        thousand ahead of what is yielded.

    Yields:
      see predict.
    """

    def batches():
        return stream_batches(schema, rows, how.order, how.pad_to)

    predicted = _predicted(head, config, schema, batches, checkpoint)
    with contextlib.closing(predicted), how.memory_watched():
        yield from in_input_order(predicted)


def _predicted(head, config, schema, batches, checkpoint):
    """Yields a dict of arrays for each batch: what the head predicts, and `row`."""

    def model_fn(features, mode):
        (encoder,) = modeling.encode([part_of(features)], config, is_training=False)
        _, predictions = head(encoder, features, mode)
        loaded = checkpoints.variables_to_load(
            checkpoint, tf.trainable_variables(), needs_head=True
        )
        predictions["row"] = features["row"]
        return tf.estimator.EstimatorSpec(
            mode, predictions=predictions, scaffold=_scaffold_of(loaded)
        )

    folder = os.path.dirname(checkpoint) or "."
    return estimator.create(model_fn, folder, None).predict(
        lambda: dataset(schema, batches),
        checkpoint_path=checkpoint,
        yield_single_examples=False,
    )


def _scaffold_of(variables):
    """Scaffold that restores just these variables and asks for no others."""
    missing = tf.report_uninitialized_variables(list(variables.values()))
    return tf.train.Scaffold(
        saver=tf.train.Saver(variables),
        ready_op=missing,
        ready_for_local_init_op=missing,
    )
