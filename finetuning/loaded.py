"""A model in memory, for many calls: graph and weights stay in one session.

The commands read a file from end to end, in batches that an input thread prepares. Here
a caller has some examples now and some later, and waits for each.
"""

from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

from finetuning.batches import Batch, Rows, batch_of
from finetuning.engine import engine_of
from finetuning.prediction import Predictor
from finetuning.records import Schema


class LoadedModel:
    """Predicts examples as they come. Use it as a context, or close it at the end."""

    def __init__(self, predictor: Predictor, schema: Schema) -> None:
        """Load the weights.

        Args:
          predictor: model, checkpoint and settings.
          schema: of the rows that will be predicted.

        Raises:
          InputError: the checkpoint does not fit the model.
        """
        self._predictor = predictor
        self._schema = schema
        self._session = engine_of(predictor.checkpoint).open_session(predictor, schema)

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
        settings = self._predictor.settings
        with self._predictor.memory_watched():
            for indices in settings.order(examples.lengths):
                batch = batch_of(examples, indices, settings.pad_to)
                for index, prediction in self._predict_batch(batch):
                    results[index] = prediction
        return results

    def _predict_batch(self, batch: Batch) -> List[Tuple[int, Dict[str, np.ndarray]]]:
        values = self._session.run(batch)
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
