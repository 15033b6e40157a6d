"""A model in memory, for many calls: graph and weights stay in one session.

The commands read a file from end to end, in batches that an input thread prepares. Here
a caller has some examples now and some later, and waits for each.
"""

from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
import tensorflow.compat.v1 as tf

import modeling
from finetuning import checkpoints, estimator
from finetuning.batches import Rows, batch_of, part_of
from finetuning.prediction import Predictor
from finetuning.records import Schema


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
            self._features = {
                name: tf.placeholder(tf.int32, [None] * rank)
                for name, rank in _ranks(schema).items()
            }
            part = part_of(self._features)
            config = predictor.model.config
            (encoder,) = modeling.encode([part], config, is_training=False)
            _, self._predictions = predictor.model.head(
                encoder, self._features, estimator.ModeKeys.PREDICT
            )
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
        results = [None] * len(rows)
        with self._settings.memory_watched():
            for indices in self._settings.order(examples.lengths):
                batch = batch_of(examples, indices, self._settings.pad_to)
                for index, prediction in self._predict_batch(batch):
                    results[index] = prediction
        return results

    def _predict_batch(
        self, batch: Dict[str, np.ndarray]
    ) -> List[Tuple[int, Dict[str, np.ndarray]]]:
        fed = {self._features[name]: batch[name] for name in self._features}
        values = self._session.run(self._predictions, fed)
        return [
            (index, {name: value[i] for name, value in values.items()})
            for i, index in enumerate(batch["row"].tolist())
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
