"""Yes/no questions: a class for each question and context.

The head is that of the 7th BioASQ challenge's system (Yoon et al. 2019), whose
checkpoints load: one logit from the last layer's vector of [CLS], above 0 for yes. With
"maybe" there are three, under another name.
"""

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from biocodes.lib import yes_no
from biocodes.lib.files import InputError
from biocodes.lib.yes_no import YES_NO, YES_NO_MAYBE, Example
from finetuning.batches import Draw
from finetuning.console import log
from finetuning.evaluation import Scores
from finetuning.records import RecordFile, Schema
from finetuning.run import Run
from tasks import heads
from tasks.ensemble import mean_of_answers
from tasks.qa import yes_no_results
from tasks.qa.kind import YES_NO_HEAD, YES_NO_MAYBE_HEAD, Golds, Kind, head_of
from tasks.qa.results import Questions
from tasks.qa.windows import Features, Lengths, by_example, cut
from tokenization import FullTokenizer

UNDERSAMPLE, NONE = "undersample", "none"
BALANCES = (UNDERSAMPLE, NONE)
# Values of --labels.
LABELS = {",".join(labels): labels for labels in (YES_NO, YES_NO_MAYBE)}


# Windows


def schema(labelled: bool) -> Schema:
    """Return the schema of windows; label_id is the place of the answer in labels."""
    scalars = ["example_index"] + ["label_id"] * labelled
    return Schema(["input_ids", "segment_ids"], scalars)


def featurize(
    example: Example,
    tokenizer: FullTokenizer,
    lengths: Lengths,
    labels: Sequence[str] = YES_NO,
) -> Iterator[Features]:
    """Cut a question into windows, each of which has the question's label.

    A context without words makes one window, the question alone.

    Args:
      example: the question; its answer may be None.
      tokenizer: of the model.
      lengths: of the windows.
      labels: answers in the order of their ids.

    Yields:
      What schema names, except the example_index.
    """
    parts = cut(example.question, example.context, tokenizer, lengths)
    label_id = None if example.answer is None else labels.index(example.answer)
    for begin, end in parts.spans or [(0, 0)]:
        yield dict(parts.window(begin, end), label_id=label_id)


# Balance


def drawn_of_class(answers: Sequence[str], labels: Sequence[str], most: int) -> int:
    """Return how many examples of each class a balanced epoch has.

    That is as many as there are of the rarest one, or `most` if they are more.
    """
    return min(most, *(answers.count(label) for label in labels))


def balanced_draw(
    label_ids: np.ndarray, example_index: np.ndarray, of_each: int
) -> Draw:
    """Make what draws epochs with equally many examples of each class.

    Args:
      label_ids: int [examples].
      example_index: int [records], the example that each record is a window of.
      of_each: examples drawn of each class.

    Returns:
      Draw: all windows of the examples drawn, in random order.
    """
    classes = [np.flatnonzero(label_ids == label) for label in np.unique(label_ids)]

    def draw(random: np.random.RandomState) -> np.ndarray:
        drawn = [random.permutation(examples)[:of_each] for examples in classes]
        rows = np.flatnonzero(np.isin(example_index, np.concatenate(drawn)))
        return random.permutation(rows)

    return draw


# The kind


class Settings(NamedTuple):
    """What the flags say; the names are theirs.

    Attributes:
      labels: None when they are to be the model's.
      balance: one of BALANCES.
      examples_per_class: of a balanced epoch, at most.
      first_window_only: whether later windows of a context are not looked at.
    """

    labels: Optional[str]
    balance: str
    examples_per_class: int
    first_window_only: bool


class YesNo(Kind):
    """Yes/no questions."""

    metrics = yes_no_results.METRICS

    def __init__(
        self, lengths: Lengths, settings: Settings, labels: Tuple[str, ...] = YES_NO
    ) -> None:
        super().__init__(lengths)
        self._settings = settings
        self.labels = LABELS.get(settings.labels, labels)

    @classmethod
    def from_flags(cls, flags: Any) -> "YesNo":
        """Take the values of a script's flags.

        Raises:
          InputError: they leave no room for a context, or ask for spans.
        """
        if flags.version_2_with_negative:
            raise InputError(
                "is for factoid and list questions only", "--version_2_with_negative"
            )
        settings = Settings(*(flags[name].value for name in Settings._fields))
        return cls(Lengths.from_flags(flags), settings)

    def load_to_train(self, path: str) -> List[Example]:
        examples = yes_no.load(path, needs_answers=True)
        golds = [(example.id, example.answer) for example in examples]
        yes_no.check_answers(golds, self.labels, path)
        missing = set(self.labels).difference(example.answer for example in examples)
        if missing and self._settings.balance == UNDERSAMPLE:
            raise InputError(
                f"not one question has the answer {' or '.join(sorted(missing))}",
                path,
                remedy="an epoch cannot be balanced; give --balance=none",
            )
        return examples

    def load_to_predict(self, path: str) -> Tuple[List[Example], Golds]:
        examples = yes_no.load(path)
        golds = [(each.id, each.answer) for each in examples if each.answer is not None]
        return examples, golds

    def check_golds(self, golds: Golds, path: str) -> None:
        yes_no.check_answers(golds, self.labels, path)

    def schema(self, labelled: bool) -> Schema:
        return schema(labelled)

    def featurize(
        self, example: Example, tokenizer: FullTokenizer
    ) -> Iterator[Features]:
        return featurize(example, tokenizer, self.lengths, self.labels)

    def training_facts(self) -> Dict[str, Any]:
        return {
            "question_type": "yesno",
            "labels": list(self.labels),
            "balance": self._settings.balance,
            "examples_per_class": self._settings.examples_per_class,
        }

    def epoch_size(self, examples: Sequence[Example], batch_size: int) -> int:
        # An epoch is whole batches, as in the 7th challenge's system.
        count = self._of_each(examples) * len(self.labels) or len(examples)
        return -(-count // batch_size) * batch_size

    def draw(self, examples: Sequence[Example], data: RecordFile) -> Optional[Draw]:
        of_each = self._of_each(examples)
        if not of_each:
            return None
        log.info("  an epoch: %s questions of each answer", f"{of_each:,}")
        label_ids = [self.labels.index(example.answer) for example in examples]
        example_index = [features["example_index"] for features in data]
        return balanced_draw(np.array(label_ids), np.array(example_index), of_each)

    def _of_each(self, examples: Sequence[Example]) -> int:
        """Return how many examples of each class an epoch has; 0 without balance."""
        if self._settings.balance != UNDERSAMPLE:
            return 0
        answers = [example.answer for example in examples]
        return drawn_of_class(answers, self.labels, self._settings.examples_per_class)

    def head(self, checkpoint: Optional[str]) -> Any:
        return heads.of_yes_no(checkpoint, self.labels)

    def of_model(self, checkpoint: str) -> "YesNo":
        head = head_of(checkpoint, YES_NO_HEAD, YES_NO_MAYBE_HEAD)
        labels = YES_NO_MAYBE if head == YES_NO_MAYBE_HEAD else YES_NO
        if head is not None and self._settings.labels not in (None, ",".join(labels)):
            raise InputError(
                f"its model has the labels {', '.join(labels)}, not"
                f" {', '.join(self.labels)}",
                checkpoint,
                remedy="leave --labels out",
            )
        return YesNo(self.lengths, self._settings, labels)

    merge = staticmethod(mean_of_answers)

    def answer(
        self, run: Run, data: RecordFile, examples: Sequence[Example], golds: Golds
    ) -> None:
        logits = self._logits(Questions(examples, data, run.predict(data)))
        yes_no_results.write(run.folder, logits, self.labels)
        yes_no_results.report(run, golds, logits)

    def scores(
        self, questions: Questions, golds: Golds, tokenizer: FullTokenizer
    ) -> Scores:
        logits = self._logits(questions)
        values = yes_no_results.measures(golds, logits, self.labels)
        return {name: values[name] for name in self.metrics}

    def _logits(self, questions: Questions) -> Dict[str, List[float]]:
        """Return the logits of each question by id."""
        windows = by_example(
            questions.data, questions.predictions, len(questions.examples)
        )
        if self._settings.first_window_only:
            windows = (of_example[:1] for of_example in windows)
        ids = [example.id for example in questions.examples]
        return dict(zip(ids, map(yes_no_results.combine, windows)))
