"""Questions that a piece of the context answers: factoid and list questions.

Both have SQuAD's head (Devlin et al. 2019, section 4.2). The n-best lists of list
questions have the question's text, too, which tells how many answers are wanted.
"""

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from biocodes.lib import squad
from biocodes.lib.squad import Example
from finetuning.evaluation import Scores
from finetuning.records import RecordFile, Schema
from finetuning.run import Run
from finetuning.windows import NO_WORD, best_windows
from tasks import heads
from tasks.ensemble import side_by_side
from tasks.qa.answers import answer_pieces, load_to_train, place_answer
from tasks.qa.decoding import Limits
from tasks.qa.kind import SPAN_HEAD, Golds, Kind, head_of
from tasks.qa.results import (
    METRICS,
    Questions,
    decide_all,
    measures,
    report,
    write_predictions,
)
from tasks.qa.windows import Features, Lengths, cut
from tokenization import FullTokenizer

FACTOID, LIST = "factoid", "list"
# The defaults of the flags.
LIMITS = Limits(20, 30, False, 0.0)


# Windows


def schema(labelled: bool) -> Schema:
    """Return the schema of windows.

    Those to train on have the answer's start_position and end_position. Those to
    predict have what decoding needs: the number of the example, and by piece word_index
    and max_context, as decoding.WindowLogits has them.
    """
    if labelled:
        return Schema(
            sequences=["input_ids", "segment_ids"],
            scalars=["start_position", "end_position"],
        )
    return Schema(
        sequences=["input_ids", "segment_ids", "word_index", "max_context"],
        scalars=["example_index"],
    )


def featurize(
    example: Example, tokenizer: FullTokenizer, lengths: Lengths
) -> Iterator[Features]:
    """Cut a question into windows: [CLS] question [SEP] part of the context [SEP].

    Args:
      example: the question.
      tokenizer: of the model.
      lengths: of the windows.

    Yields:
      What schema names, except the example_index. Where the answer is not whole in the
      window, its positions are 0, those of [CLS].
    """
    parts = cut(example.question, example.context, tokenizer, lengths)
    head, pieces, word_index = len(parts.head), parts.pieces, parts.word_index
    answer = answer_pieces(example.answer, pieces, word_index, tokenizer)
    owners = best_windows(len(pieces), parts.spans)
    for number, (begin, end) in enumerate(parts.spans):
        start, last = place_answer(answer, begin, end, head)
        is_best = (owners[begin:end] == number).astype(int)
        yield dict(
            parts.window(begin, end),
            word_index=[NO_WORD] * head + word_index[begin:end] + [NO_WORD],
            max_context=[0] * head + is_best.tolist() + [0],
            start_position=start,
            end_position=last,
        )


# The kind


class Settings(NamedTuple):
    """What the flags say of the answers.

    Attributes:
      question_type: FACTOID or LIST.
      verbose_logging, pad_to_max_length: the flags.
    """

    question_type: str
    verbose_logging: bool
    pad_to_max_length: bool


class Spans(Kind):
    """Factoid and list questions."""

    metrics = METRICS

    def __init__(self, lengths: Lengths, limits: Limits, settings: Settings) -> None:
        super().__init__(lengths)
        self._limits = limits
        self._settings = settings

    @classmethod
    def from_flags(cls, flags: Any) -> "Spans":
        """Take the values of a script's flags.

        Raises:
          InputError: they leave no room for a context.
        """
        settings = Settings(*(flags[name].value for name in Settings._fields))
        return cls(Lengths.from_flags(flags), Limits.from_flags(flags), settings)

    def load_to_train(self, path: str) -> List[Example]:
        return load_to_train(path, self._limits.version_2_with_negative)

    def load_to_predict(self, path: str) -> Tuple[List[Example], Golds]:
        return squad.load_to_predict(path)

    def schema(self, labelled: bool) -> Schema:
        return schema(labelled)

    def featurize(
        self, example: Example, tokenizer: FullTokenizer
    ) -> Iterator[Features]:
        return featurize(example, tokenizer, self.lengths)

    def training_facts(self) -> Dict[str, Any]:
        # Factoid and list questions are trained in the same way.
        return {"version_2_with_negative": self._limits.version_2_with_negative}

    def head(self, checkpoint: Optional[str]) -> Any:
        return heads.of_answers(checkpoint, self._settings.pad_to_max_length)

    def of_model(self, checkpoint: str) -> "Spans":
        head_of(checkpoint, SPAN_HEAD)
        return self

    merge = staticmethod(side_by_side)

    def answer(
        self, run: Run, data: RecordFile, examples: Sequence[Example], golds: Golds
    ) -> None:
        padded = self._settings.pad_to_max_length
        questions = Questions(examples, data, run.predict(data), padded)
        tokenizer, verbose = run.model.tokenizer, self._settings.verbose_logging
        decisions = decide_all(questions, tokenizer, self._limits, verbose)
        asked = None
        if self._settings.question_type == LIST:
            asked = {example.id: example.question for example in examples}
        with_null = self._limits.version_2_with_negative
        texts = write_predictions(run.folder, decisions, with_null, asked)
        report(run, golds, texts)

    def scores(
        self, questions: Questions, golds: Golds, tokenizer: FullTokenizer
    ) -> Scores:
        questions = questions._replace(with_padding=self._settings.pad_to_max_length)
        decisions = decide_all(questions, tokenizer, self._limits, verbose=False)
        texts = {name: decision.text for name, decision in decisions}
        return measures(golds, texts)
