"""The seam between run_qa.py and a kind of questions: spans.py, yes_no.py."""

import abc
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from biocodes.lib.files import InputError
from biocodes.lib.model_folder import is_exported
from finetuning.batches import Draw
from finetuning.evaluation import Scores
from finetuning.records import RecordFile, Schema
from finetuning.run import Run
from tasks.qa.results import Questions
from tasks.qa.windows import Features, Lengths
from tokenization import FullTokenizer

# The variable by which a checkpoint shows what it answers, and the value of
# --question_type that it takes then.
SPAN_HEAD = "cls/squad/output_weights"
YES_NO_HEAD = "cls/squad/output_weights_sgm"
YES_NO_MAYBE_HEAD = "cls/squad/output_weights_classes"
_QUESTION_TYPES = {
    SPAN_HEAD: "factoid or list",
    YES_NO_HEAD: "yesno",
    YES_NO_MAYBE_HEAD: "yesno",
}

# A question with its context, as the kind reads it.
Example = Any
# Ids of questions, and the right answer to each, as the kind has it.
Golds = Sequence[Tuple[str, Any]]


class Kind(abc.ABC):
    """A kind of questions: how they are read, cut, answered and scored.

    Attributes:
      lengths: of the windows.
      labels: names of the classes in the order of their ids; none for spans.
      metrics: names of the scores, the official one first.
    """

    labels: Tuple[str, ...] = ()
    metrics: Tuple[str, ...]

    def __init__(self, lengths: Lengths) -> None:
        self.lengths = lengths

    # Data

    @abc.abstractmethod
    def load_to_train(self, path: str) -> List[Example]:
        """Read questions to train on.

        Raises:
          InputError: the file cannot be used, or is of another kind of questions.
        """

    @abc.abstractmethod
    def load_to_predict(self, path: str) -> Tuple[List[Example], Golds]:
        """Read questions to answer, and the gold answers of those that have any.

        Raises:
          InputError: the file cannot be used, or is of another kind of questions.
        """

    def check_golds(self, golds: Golds, path: str) -> None:
        """Check that the model can give the gold answers of a file.

        Raises:
          InputError: it cannot.
        """
        return None

    @abc.abstractmethod
    def schema(self, labelled: bool) -> Schema:
        """Return the schema of windows to train on, or to predict."""

    @abc.abstractmethod
    def featurize(
        self, example: Example, tokenizer: FullTokenizer
    ) -> Iterator[Features]:
        """Yield the features of each window of an example, less example_index."""

    # Training

    @abc.abstractmethod
    def training_facts(self) -> Dict[str, Any]:
        """Return JSON values that tell trainings on the same file from each other."""

    def epoch_size(self, examples: Sequence[Example], batch_size: int) -> int:
        """Return the number of examples that an epoch counts for."""
        return len(examples)

    def draw(self, examples: Sequence[Example], data: RecordFile) -> Optional[Draw]:
        """Return what draws the records of an epoch; None if it has all of them."""
        return None

    # The model

    @abc.abstractmethod
    def head(self, checkpoint: Optional[str]) -> Any:
        """Make the head for the engine of a checkpoint; None: it is to be trained."""

    @abc.abstractmethod
    def of_model(self, checkpoint: str) -> "Kind":
        """Return this kind as a model to predict with knows it.

        Raises:
          InputError: the model answers another kind of questions.
        """

    # Results

    @staticmethod
    @abc.abstractmethod
    def merge(each: List[Dict[str, np.ndarray]]) -> Dict[str, np.ndarray]:
        """Merge what the models of an ensemble predict for a batch."""

    @abc.abstractmethod
    def answer(
        self, run: Run, data: RecordFile, examples: Sequence[Example], golds: Golds
    ) -> None:
        """Predict with a run's model; write the answers, and scores if there are golds.

        Args:
          run: it has a trained model.
          data: records of the examples' windows.
          examples, golds: see load_to_predict.
        """

    @abc.abstractmethod
    def scores(
        self,
        questions: Questions,
        golds: Golds,
        tokenizer: FullTokenizer,
    ) -> Scores:
        """Score predictions without writing them.

        Args:
          questions: with the predictions of their windows.
          golds: one at least.
          tokenizer: of the model.

        Returns:
          Scores from 0 to 1 by name: metrics.
        """


def head_of(checkpoint: str, *own: str) -> Optional[str]:
    """Return the variable of a checkpoint that is the head of a kind.

    Args:
      checkpoint: prefix.
      own: those that the kind has, one of which is looked for.

    Returns:
      None if no kind's is there.

    Raises:
      InputError: only another kind's is there.
    """
    if is_exported(checkpoint):
        # Its outputs are compared with what the head needs.
        return None
    from finetuning import checkpoints

    names = checkpoints.shapes(checkpoint)
    heads = [name for name in (*own, *_QUESTION_TYPES) if name in names]
    if heads and heads[0] not in own:
        raise InputError(
            f"was trained for other questions: it has {heads[0]}",
            checkpoint,
            remedy=f"give --question_type={_QUESTION_TYPES[heads[0]]}",
        )
    return heads[0] if heads else None
