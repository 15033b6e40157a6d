"""Batches as TensorFlow takes them, a tf.data.Dataset, and the encoder of each."""

from typing import Any, Callable, Dict, Iterator, Tuple

import tensorflow.compat.v1 as tf

import modeling
from finetuning.batches import Batch, BatchInParts
from finetuning.records import Schema


def part_of(features: Dict[str, tf.Tensor]) -> modeling.Part:
    """Return what the encoder takes of a batch's, or a part's, features."""
    return modeling.Part(
        features["input_ids"], features["input_mask"], features.get("segment_ids")
    )


def dataset(schema: Schema, batches: Callable[[], Iterator[Batch]]) -> tf.data.Dataset:
    """Make a dataset of batches.

    Args:
      schema: of their examples.
      batches: function that begins to yield what batch_of makes.
    """
    return _dataset(_types_and_shapes(schema), batches)


def dataset_of_parts(
    schema: Schema, batches: Callable[[], Iterator[BatchInParts]], count: int
) -> tf.data.Dataset:
    """Make a dataset of batches in parts.

    Args:
      schema: of their examples.
      batches: function that begins to yield what parts_of makes.
      count: parts of a batch.
    """
    types, shapes = _types_and_shapes(schema)
    in_parts = ({"parts": (types,) * count}, {"parts": (shapes,) * count})
    return _dataset(in_parts, batches)


def _types_and_shapes(
    schema: Schema,
) -> Tuple[Dict[str, tf.DType], Dict[str, tf.TensorShape]]:
    """Return types and shapes, by name, of the arrays that batch_of makes."""
    shapes = {name: tf.TensorShape([None]) for name in schema.scalars + ("row",)}
    for name in schema.sequences + ("input_mask",):
        shapes[name] = tf.TensorShape([None, None])
    return dict.fromkeys(shapes, tf.int32), shapes


def _dataset(
    types_and_shapes: Tuple[Any, Any], batches: Callable[[], Iterator[Any]]
) -> tf.data.Dataset:
    made = tf.data.Dataset.from_generator(batches, *types_and_shapes).prefetch(2)
    return made.with_options(_without_tuning())


def _without_tuning() -> tf.data.Options:
    """Return options of a dataset in which TensorFlow looks for nothing to tune.

    There is nothing here, and the thread that looks can keep a session from closing:
    if it misses that the input has ended, it sleeps on, for up to a minute.
    """
    options = tf.data.Options()
    if hasattr(options, "autotune"):
        options.autotune.enabled = False
    else:  # TensorFlow 1.15
        options.experimental_optimization.autotune = False
    return options
