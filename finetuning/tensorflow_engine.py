"""Prediction by TensorFlow: see engine.py."""

import functools
import os
from typing import Any, Callable, Dict, Iterator, Optional

import numpy as np
import tensorflow.compat.v1 as tf

import modeling
from biocodes.lib import files
from finetuning import (
    checkpoints,
    device,
    estimator,
    mixed_precision,
    model_dir,
    output_dir,
)
from finetuning.batches import Batch
from finetuning.datasets import dataset, part_of
from finetuning.model import Model
from finetuning.records import Schema

MEMORY_ERRORS = (tf.errors.ResourceExhaustedError, MemoryError)
report_device = device.report_device
device_name = device.name
has_gpu = device.has_gpu
check_mixed_precision = mixed_precision.check
step = checkpoints.step


# Checkpoints


def trained(folder: str, init_checkpoint: Optional[str]) -> str:
    """Return the newest checkpoint of an output folder, or the given one.

    Raises:
      InputError: there is neither.
    """
    return model_dir.fine_tuned(folder, init_checkpoint)


def check(model: Model, checkpoint: str) -> None:
    """Check that a checkpoint holds a model's weights, and was trained as it says.

    Raises:
      InputError: it is damaged, or does not fit.
    """
    output_dir.check_same_model(os.path.dirname(checkpoint), model.facts)
    model.check_checkpoint(checkpoint)


def label_count(checkpoint: str, suffix: str = "") -> Optional[int]:
    """Return the number of labels of a classifier's checkpoint; else None.

    Args:
      checkpoint: prefix.
      suffix: what the names of the variables of its head end in.
    """
    sizes = checkpoints.shapes(checkpoint).get(f"output_bias{suffix}")
    return sizes[0] if sizes else None


def digest(checkpoint: str) -> str:
    """Return what identifies a checkpoint: the index has a checksum a variable."""
    return files.digest(f"{checkpoint}.index")


# Prediction


def predict_batches(
    predictor: Any, schema: Schema, batches: Callable[[], Iterator[Batch]]
) -> Iterator[Dict[str, np.ndarray]]:
    """Yield what the head predicts for each batch, and the examples' `row`.

    Args:
      predictor: Predictor.
      schema: of the examples.
      batches: function that begins to yield what batch_of makes; it is called, and what
        it yields is taken, in a thread of TensorFlow's.
    """

    def model_fn(features: Dict[str, tf.Tensor], mode: str) -> estimator.EstimatorSpec:
        config, head = fastest(predictor.model.config), predictor.model.head
        (encoder,) = modeling.encode([part_of(features)], config, is_training=False)
        _, predictions = head(encoder, features, mode)
        loaded = checkpoints.variables_to_load(
            predictor.checkpoint, tf.trainable_variables(), needs_head=True
        )
        predictions["row"] = features["row"]
        return estimator.EstimatorSpec(
            mode, predictions=predictions, scaffold=_scaffold_of(loaded)
        )

    folder = os.path.dirname(predictor.checkpoint) or "."
    mixed = predictor.settings.mixed_precision
    return estimator.create(model_fn, folder, None, mixed).predict(
        lambda: dataset(schema, batches),
        checkpoint_path=predictor.checkpoint,
        yield_single_examples=False,
    )


def fastest(config: modeling.BertConfig) -> modeling.BertConfig:
    """Return the configuration of the graph that predicts fastest here."""
    return config.with_fused_layer_norm() if fuses_layer_norm() else config


@functools.lru_cache(maxsize=None)
def fuses_layer_norm() -> bool:
    """Whether TensorFlow makes a layer norm one operation: TensorFlow 2 on oneDNN."""
    if tf.version.VERSION.startswith("1.") or device.has_gpu():
        return False
    done = tf.RunMetadata()
    with tf.Graph().as_default(), tf.Session(
        config=estimator.session_options()
    ) as session:
        rows = tf.placeholder(tf.float32, [None, 2])
        normalized = modeling.layer_norm(rows, fused=True)
        session.run(tf.global_variables_initializer())
        options = tf.RunOptions(output_partition_graphs=True)
        session.run(normalized, {rows: [[0.0, 1.0]]}, options, done)
    nodes = [node for graph in done.partition_graphs for node in graph.node]
    return "_MklLayerNorm" in {node.op for node in nodes}


def _scaffold_of(variables: Dict[str, tf.Variable]) -> tf.train.Scaffold:
    """Return a Scaffold that restores just these variables and asks for no others."""
    missing = tf.report_uninitialized_variables(list(variables.values()))
    return tf.train.Scaffold(
        saver=tf.train.Saver(variables),
        ready_op=missing,
        ready_for_local_init_op=missing,
    )


class FedGraph:
    """A model's predictions in the default graph, for batches that are fed to it."""

    def __init__(self, model: Model, schema: Schema) -> None:
        """Build the graph. In a graph that has the variables they are used again.

        Args:
          model: its head says what is predicted.
          schema: of the examples.
        """
        self._fed = {
            name: tf.placeholder(tf.int32, [None] * rank)
            for name, rank in _ranks(schema).items()
        }
        part = part_of(self._fed)
        with tf.variable_scope(tf.get_variable_scope(), reuse=tf.AUTO_REUSE):
            # Named, for a default name is another one where the first is in use.
            (encoder,) = modeling.encode(
                [part], fastest(model.config), is_training=False, scope="bert"
            )
            _, self._predictions = model.head(
                encoder, self._fed, estimator.ModeKeys.PREDICT
            )

    def predict(self, session: tf.Session, batch: Batch) -> Batch:
        """Return what the head predicts for a batch of batches.batch_of."""
        fed = {tensor: batch[name] for name, tensor in self._fed.items()}
        return session.run(self._predictions, fed)


class Session:
    """A model's graph and weights in memory."""

    def __init__(self, predictor: Any, schema: Schema) -> None:
        """Build the graph and restore the weights.

        Args:
          predictor: Predictor.
          schema: of the rows that will be predicted.

        Raises:
          InputError: the checkpoint does not fit the model.
        """
        with tf.Graph().as_default():
            self._graph = FedGraph(predictor.model, schema)
            variables = checkpoints.variables_to_load(
                predictor.checkpoint, tf.trainable_variables(), needs_head=True
            )
            saver = tf.train.Saver(variables)
            mixed = predictor.settings.mixed_precision
            self._session = tf.Session(config=estimator.session_options(mixed))
            saver.restore(self._session, predictor.checkpoint)

    def run(self, batch: Batch) -> Dict[str, np.ndarray]:
        """Return what the head predicts for a batch."""
        return self._graph.predict(self._session, batch)

    def close(self) -> None:
        """Free the memory."""
        self._session.close()


open_session = Session


def _ranks(schema: Schema) -> Dict[str, int]:
    """Map the names of a batch's arrays, without `row`, to their ranks."""
    ranks = dict.fromkeys(schema.scalars, 1)
    ranks.update(dict.fromkeys((*schema.sequences, "input_mask"), 2))
    return ranks
