"""Relations of sentences, from Python: a model that is loaded once and used often."""

from typing import Any, Callable, Dict, List, NamedTuple, Sequence

import numpy as np

from finetuning.loaded import LoadedModel
from finetuning.prediction import Predictor
from finetuning.records import Schema


class Relation(NamedTuple):
    """What a sentence says of its two entities.

    Attributes:
      label: the most probable one.
      probabilities: of all labels.
    """

    label: str
    probabilities: Dict[str, float]


class Classifier:
    """Predicts the relation of sentences, as run_re.py does for test.tsv."""

    def __init__(
        self,
        predictor: Predictor,
        schema: Schema,
        row_of: Callable[[str], np.ndarray],
    ) -> None:
        """Load the model.

        Args:
          predictor: its head predicts probabilities [B, L].
          schema: of the rows.
          row_of: function of a sentence → its row.
        """
        self._labels = predictor.model.labels
        self._loaded = LoadedModel(predictor, schema)
        self._row_of = row_of

    def relations(self, sentences: Sequence[str]) -> List[Relation]:
        """Predict the relation of each sentence.

        Args:
          sentences: the two entities replaced as in the training data, @GENE$.
        """
        predictions = self._loaded.predict([self._row_of(text) for text in sentences])
        relations = []
        for prediction in predictions:
            probabilities = prediction["probabilities"]
            best = self._labels[int(np.argmax(probabilities))]
            by_label = dict(zip(self._labels, probabilities.tolist()))
            relations.append(Relation(best, by_label))
        return relations

    def close(self) -> None:
        """Free the model's memory."""
        self._loaded.close()

    def __enter__(self) -> "Classifier":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
