"""Entities of texts, from Python: a model that is loaded once and used often."""

from typing import Any, List, Sequence

from biocodes.lib.entities import Annotated, Entity
from biocodes.lib.passages import Passage
from finetuning.loaded import LoadedModel
from finetuning.prediction import Predictor
from tasks.raw_text.entities import annotate
from tasks.raw_text.job import WINDOW
from tasks.raw_text.stream import SCHEMA, make_featurizer


class Tagger:
    """Finds the entities of texts, as run_ner.py does with --predict_file."""

    def __init__(self, predictor: Predictor) -> None:
        """Load the model.

        Args:
          predictor: its head predicts label_ids and probability, both [B, S].
        """
        self._labels = predictor.model.labels
        self._loaded = LoadedModel(predictor, SCHEMA)
        limit = predictor.settings.max_seq_length
        self._featurize = make_featurizer(predictor.model.tokenizer, limit, WINDOW)

    def entities(self, texts: Sequence[str]) -> List[List[Entity]]:
        """Find the entities of each text.

        Args:
          texts: of any length; longer ones are read in overlapping windows.

        Returns:
          For each text its entities in order: start and end in characters, type, text,
          and score from 0 to 1.
        """
        passages = [Passage(str(i), None, text) for i, text in enumerate(texts, 1)]
        return [annotated.entities for annotated in self.annotate(passages)]

    def annotate(self, passages: Sequence[Passage]) -> List[Annotated]:
        """Find the entities of passages, for the writers of biocodes/lib."""
        featurized = [self._featurize(passage) for passage in passages]
        rows = [row for passage in featurized for row, _ in passage.windows]
        predictions = iter(self._loaded.predict(rows))
        return [
            annotate(
                passage, [next(predictions) for _ in passage.windows], self._labels
            )
            for passage in featurized
        ]

    def close(self) -> None:
        """Free the model's memory."""
        self._loaded.close()

    def __enter__(self) -> "Tagger":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
