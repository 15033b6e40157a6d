"""Answers to questions, from Python: a model that is loaded once and used often."""

from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Sequence, Tuple

from biocodes.lib.squad import Example
from finetuning.loaded import LoadedModel
from finetuning.prediction import Predictor
from finetuning.records import Schema
from tasks.qa import decoding
from tasks.qa.decoding import Limits
from tasks.qa.results import make_text_of, window_of


class Reply(NamedTuple):
    """An answer to a question.

    Attributes:
      text: the best answer, a part of the context.
      probability: among the n-best answers.
      nbest: (text, probability) of the best ones, the best first.
    """

    text: str
    probability: float
    nbest: List[Tuple[str, float]]


class Answerer:
    """Answers questions on contexts, as run_qa.py does for --predict_file."""

    def __init__(
        self,
        predictor: Predictor,
        schema: Schema,
        windows_of: Callable[[Example], Iterable[Dict[str, Any]]],
        limits: Limits,
    ) -> None:
        """Load the model.

        Args:
          predictor: its head predicts start_logits and end_logits [B, S].
          schema: of windows.
          windows_of: function of a question → features of its windows.
          limits: what is an answer.
        """
        self._tokenizer = predictor.model.tokenizer
        self._loaded = LoadedModel(predictor, schema)
        self._schema = schema
        self._windows_of = windows_of
        self._limits = limits

    def answers(self, questions: Sequence[Tuple[str, str]]) -> List[Reply]:
        """Answer each of some (question, context)."""
        return [self._answer(*question) for question in questions]

    def _answer(self, question: str, context: str) -> Reply:
        example = Example("", question, context, None)
        windows = [
            dict(window, example_index=0) for window in self._windows_of(example)
        ]
        rows = [self._schema.pack(window) for window in windows]
        logits = [
            window_of(self._schema.unpack(row), prediction)
            for row, prediction in zip(rows, self._loaded.predict(rows))
        ]
        text_of = make_text_of(example, self._tokenizer, verbose=False)
        decision = decoding.decide(logits, text_of, self._limits)
        texts = [answer.text for answer in decision.nbest]
        nbest = list(zip(texts, decoding.probabilities(decision.nbest)))
        probability = next((p for text, p in nbest if text == decision.text), 0.0)
        return Reply(decision.text, probability, nbest)

    def close(self) -> None:
        """Free the model's memory."""
        self._loaded.close()

    def __enter__(self) -> "Answerer":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
