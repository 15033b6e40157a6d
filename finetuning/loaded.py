"""A model in memory, for many calls: graph and weights stay in one session.

The commands read a file from end to end, in batches that an input thread prepares. Here
a caller has some examples now and some later, and waits for each.
"""

from typing import Any, Dict, List, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

import modeling
from finetuning import checkpoints, estimator
from finetuning.batches import Rows, batch_of, in_input_order, part_of
from finetuning.model import Model
from finetuning.prediction import Predictor
from finetuning.records import Schema


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
                [part], model.config, is_training=False, scope="bert"
            )
            _, self._predictions = model.head(
                encoder, self._fed, estimator.ModeKeys.PREDICT
            )

    def predict(
        self, session: tf.Session, batch: Dict[str, np.ndarray]
    ) -> Dict[str, np.ndarray]:
        """Predict a batch of batches.batch_of; return arrays by name, `row` as well."""
        fed = {tensor: batch[name] for name, tensor in self._fed.items()}
        return dict(session.run(self._predictions, fed), row=batch["row"])


class LoadedModel:
    """Predicts examples as they come. Use it as a context, or close it at the end."""

    def __init__(self, predictor: Predictor, schema: Schema) -> None:
        """Build the graph and restore the weights.

        Args:
          predictor: model, checkpoint and settings.
          schema: of the rows that will be predicted.

        Raises:
          InputError: the checkpoint does not fit the model.
        """
        self._settings = predictor.settings
        self._schema = schema
        with tf.Graph().as_default():
            self._graph = FedGraph(predictor.model, schema)
            variables = checkpoints.variables_to_load(
                predictor.checkpoint, tf.trainable_variables(), needs_head=True
            )
            saver = tf.train.Saver(variables)
            self._session = tf.Session(config=estimator.session_options())
            saver.restore(self._session, predictor.checkpoint)

    def predict(self, rows: Sequence[np.ndarray]) -> List[Dict[str, np.ndarray]]:
        """Predict examples.

        Args:
          rows: int32 rows packed by the schema.

        Returns:
          The head's predictions by name, in the order of the rows. Sequences still have
          their padding.
        """
        if not rows:
            return []
        examples = Rows(self._schema, list(rows))
        with self._settings.memory_watched():
            batches = (
                self._graph.predict(
                    self._session, batch_of(examples, indices, self._settings.pad_to)
                )
                for indices in self._settings.order(examples.lengths)
            )
            ordered = in_input_order(batches, len(rows))
            return [
                {name: value for name, value in prediction.items() if name != "row"}
                for _, prediction in ordered
            ]

    def close(self) -> None:
        """Free the session's memory; nothing can be predicted any more."""
        self._session.close()

    def __enter__(self) -> "LoadedModel":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def _ranks(schema: Schema) -> Dict[str, int]:
    """Map the names of a batch's arrays, without `row`, to their ranks."""
    ranks = dict.fromkeys(schema.scalars, 1)
    ranks.update(dict.fromkeys((*schema.sequences, "input_mask"), 2))
    return ranks
