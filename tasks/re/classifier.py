"""Relations of sentences, from Python: a model that is loaded once and used often."""

from typing import Any, Callable, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from biocodes.lib import label_sets
from finetuning.loaded import LoadedModel
from finetuning.prediction import Predictor
from finetuning.records import Schema
from tasks.re.results import Rules
from tasks.re.scoring import MultilabelScoring


class Relation(NamedTuple):
    """What a sentence says of its two entities.

    Attributes:
      label: the predicted one; of a multilabel model all of them, as in a|b.
      probabilities: of all labels.
      labels: those that are predicted, one by one.
    """

    label: str
    probabilities: Dict[str, float]
    labels: Tuple[str, ...] = ()


class Reading(NamedTuple):
    """How texts become rows, and predictions labels.

    Attributes:
      schema: of the rows.
      rows_of: function of a text → its rows, several when it is read in windows.
      rules: how predictions become labels.
    """

    schema: Schema
    rows_of: Callable[[str], List[np.ndarray]]
    rules: Rules


class Classifier:
    """Predicts the relation of sentences, as run_re.py does for test.tsv."""

    def __init__(self, predictor: Predictor, reading: Reading) -> None:
        """Load the model.

        Args:
          predictor: its head predicts probabilities [B, L], for windows also logits.
          reading: Reading.
        """
        self._reading = reading
        self._loaded = LoadedModel(predictor, reading.schema)

    def relations(self, sentences: Sequence[str]) -> List[Relation]:
        """Predict the relation of each sentence.

        Args:
          sentences: the two entities replaced as in the training data, @GENE$.
        """
        rows = [self._reading.rows_of(text) for text in sentences]
        every = self._loaded.predict([row for of_text in rows for row in of_text])
        relations, begin = [], 0
        for of_text in rows:
            windows = every[begin : begin + len(of_text)]
            begin += len(of_text)
            relations.append(self._relation(windows))
        return relations

    def _relation(self, windows: Sequence[Dict[str, np.ndarray]]) -> Relation:
        """Make a Relation of what is predicted of a text's windows, or of its row."""
        scoring, pooling, threshold = self._reading.rules
        prediction = windows[0]
        if pooling:
            prediction = pooling.of_text([each["logits"] for each in windows], {})
        probabilities = prediction["probabilities"]
        (predicted,) = scoring.decide(probabilities[np.newaxis], threshold.value)
        label = scoring.text(predicted)
        names = (label,)
        if isinstance(scoring, MultilabelScoring):
            names = tuple(label_sets.split(label))
        by_label = dict(zip(scoring.labels, probabilities.tolist()))
        return Relation(label, by_label, names)

    def close(self) -> None:
        """Free the model's memory."""
        self._loaded.close()

    def __enter__(self) -> "Classifier":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
