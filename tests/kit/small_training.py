"""A training of some steps: ten sentences, a head that counts them, the settings."""

import itertools
import os
import pathlib
import signal
from typing import Any, List, Optional

import numpy as np
import tensorflow.compat.v1 as tf

import modeling
from finetuning import records, training
from finetuning.batches import training_order
from finetuning.estimator import ModeKeys
from finetuning.model import Head, Model
from finetuning.signals import Interruption
from kit.golden import PRETRAINED
from kit.models import tiny_model

SCHEMA = records.Schema(["input_ids"], ["number"])
LENGTHS = (3, 9, 4, 4, 12, 5, 7, 3, 8, 6)
COUNT = len(LENGTHS)
SETTINGS = training.TrainingSettings(
    train_batch_size=4,
    learning_rate=1e-3,
    num_train_epochs=5.0,  # 12 steps
    warmup_proportion=0.1,
    save_checkpoints_steps=100,
    keep_checkpoint_max=5,
    seed=1,
    init_checkpoint=PRETRAINED,
    examples=COUNT,
)


def sentences() -> List[np.ndarray]:
    """Return ten rows of random pieces, numbered."""
    random = np.random.RandomState(0)
    return [
        SCHEMA.pack({"number": number, "input_ids": random.randint(0, 3000, length)})
        for number, length in enumerate(LENGTHS)
    ]


def head_that_counts(stop_at: Optional[int] = None) -> Head:
    """Make a head that knows odd numbers from even ones and counts what it saw.

    Its variable `seen` has how often each of the ten sentences was in a step.

    Args:
      stop_at: step (from 1) during which the process gets a signal.
    """
    to_come = {stop_at}

    def maybe_stop(step: np.ndarray) -> np.ndarray:
        if step + 1 in to_come:
            to_come.clear()
            os.kill(os.getpid(), signal.SIGTERM)
        return step

    def head(encoder: modeling.Outputs, features: Any, mode: str) -> Any:
        logits = modeling.output_layer(encoder.get_pooled_output(), 2)
        predictions = {"logits": logits, "hidden": encoder.get_sequence_output()}
        if mode != ModeKeys.TRAIN:
            return None, predictions
        seen = tf.get_variable(
            "seen", [COUNT], tf.float64, tf.zeros_initializer(), trainable=False
        )
        number = features["number"]
        once = tf.ones(tf.shape(number), tf.float64)
        step = tf.train.get_or_create_global_step()
        with tf.control_dependencies(
            [
                tf.scatter_add(seen, number, once),
                tf.py_func(maybe_stop, [tf.identity(step)], step.dtype),
            ]
        ):
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=number % 2, logits=logits
            )
            return losses, predictions

    return head


def counting_model(stop_at: Optional[int] = None) -> Model:
    """Return the tiny BERT with head_that_counts."""
    return tiny_model(head_that_counts(stop_at))


def train(
    data: records.RecordFile,
    folder: pathlib.Path,
    model: Optional[Model] = None,
    interruption: Optional[Interruption] = None,
    **changes: Any,
) -> str:
    """Train as SETTINGS say; return the prefix of the last checkpoint.

    Args:
      data: the examples.
      folder: where checkpoints go.
      model: default: counting_model().
      interruption: where signals arrive, if there are any.
      changes: of SETTINGS.
    """
    return training.train(
        model or counting_model(),
        data,
        str(folder),
        SETTINGS._replace(**changes),
        interruption or Interruption(),
    )


def seen_after(data: records.RecordFile, steps: int, seed: int = 1) -> List[float]:
    """Return what the variable `seen` is after so many steps in one go."""
    counts = np.zeros(COUNT)
    order = training_order(data.lengths, SETTINGS.train_batch_size, seed)
    for rows in itertools.islice(order, steps):
        np.add.at(counts, rows, 1)
    return counts.tolist()
