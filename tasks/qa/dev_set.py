"""Development questions, scored while a model is trained."""

import os
from typing import Any, NamedTuple, Optional, Sequence

from biocodes.lib.files import InputError
from finetuning.console import log
from finetuning.evaluation import DevSet, Predictions, Scores
from finetuning.records import RecordFile
from tasks.qa.kind import Golds, Kind
from tasks.qa.results import Questions
from tokenization import FullTokenizer


class DevFile(NamedTuple):
    """A file of questions with their gold answers.

    Attributes:
      path: the file.
      examples: the questions.
      golds: of those that have gold answers.
    """

    path: str
    examples: Sequence[Any]
    golds: Golds

    @classmethod
    def load(
        cls, path: Optional[str], questions: Kind, training: Sequence[Any]
    ) -> Optional["DevFile"]:
        """Read and check it; log a warning of questions that are also trained on.

        Args:
          path: None: there is none.
          questions: their kind.
          training: the questions that are trained on, known by their ids.

        Raises:
          InputError: it cannot be read, or has no gold answers to score by.
        """
        if path is None:
            return None
        examples, golds = questions.load_to_predict(path)
        if not golds:
            raise InputError(
                "no question has an answer, so nothing can be scored",
                path,
                remedy="give a --dev_file with answers, or leave --eval_every out",
            )
        questions.check_golds(golds, path)
        known = {example.id for example in training}
        shared = sum(example.id in known for example in examples)
        if shared:
            log.warning(
                "!!! %s of the %s questions of %s are also trained on: scores on it are"
                " not those of unseen questions",
                *(f"{shared:,}", f"{len(examples):,}", path),
            )
        return cls(path, examples, golds)

    def dev_set(
        self, data: RecordFile, questions: Kind, tokenizer: FullTokenizer
    ) -> DevSet:
        """Make what is scored during training.

        Args:
          data: records of the examples' windows.
          questions: their kind.
          tokenizer: of the model.
        """

        def score(predictions: Predictions) -> Scores:
            asked = Questions(self.examples, data, predictions)
            return questions.scores(asked, self.golds, tokenizer)

        return DevSet(os.path.basename(self.path), data, score, questions.metrics)
