"""datasets.py: what TensorFlow is told of the batches."""

import numpy as np
import tensorflow.compat.v1 as tf

from finetuning import datasets
from finetuning.records import Schema

SCHEMA = Schema(("input_ids",), ())


def test_no_thread_tunes_the_input():
    """It may sleep for a minute when the input has ended, and hold up the process."""
    made = datasets.dataset(SCHEMA, lambda: iter([]))
    options = made.options()
    if hasattr(options, "autotune"):
        assert options.autotune.enabled is False
    else:
        assert options.experimental_optimization.autotune is False


def test_batches_come_as_they_were_made():
    rows = np.arange(2, dtype=np.int32)
    batch = {"input_ids": np.ones([2, 3], np.int32), "row": rows}
    batch["input_mask"] = batch["input_ids"]
    with tf.Graph().as_default(), tf.Session() as session:
        made = datasets.dataset(SCHEMA, lambda: iter([batch]))
        features = tf.data.make_one_shot_iterator(made).get_next()
        read = session.run(features)
    assert sorted(read) == sorted(batch)
    np.testing.assert_array_equal(read["row"], rows)
