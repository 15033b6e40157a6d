"""Yes/no questions in SQuAD's shape, and the predictions of run_qa.py for them.

data[].paragraphs[] hold a "context" and "qas"; a question has "id", "question" and, as
"answers", the word "yes", "no" or "maybe". "is_impossible", if it is there, is true for
"no". Predictions are {id: [word, [logit]]}, or with "maybe" {id: [word, [logits]]}.
"""

import json
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from biocodes.lib import bioasq, files, squad

YES_NO = ("yes", "no")
YES_NO_MAYBE = (*YES_NO, "maybe")


class Example(NamedTuple):
    """A question and a context to answer it from.

    Attributes:
      id: as in the file.
      question, context: texts.
      answer: one of YES_NO_MAYBE; None where the file does not say.
    """

    id: str
    question: str
    context: str
    answer: Optional[str]


def load(path: str, needs_answers: bool = False) -> List[Example]:
    """Read questions.

    Args:
      path: the file.
      needs_answers: whether each must have an answer, as for training.

    Raises:
      InputError: the file has another form or no questions, an answer is missing, or
        answers contradict each other.
    """
    dataset = files.read_json(path)
    squad.check_ids(dataset, path)
    examples = [
        Example(
            question["id"], question["question"], context, answer_of(question, path)
        )
        for context, question in squad.questions_of(dataset, path)
    ]
    if not examples:
        raise files.InputError("has no questions", path)
    for example in examples:
        if needs_answers and example.answer is None:
            raise files.InputError(
                f"question {example.id} has no answers",
                path,
                remedy='for training each question has "yes" or "no" as "answers"',
            )
    _check_agreement(examples, path)
    return examples


def answer_of(question: squad.JsonObject, path: str) -> Optional[str]:
    """Return the answer to a question as it stands in the file; None without one.

    Raises:
      InputError: it is of another kind of question, or is_impossible contradicts it.
    """
    answer, impossible = question.get("answers"), question.get("is_impossible")
    if answer in (None, "", []):
        return None
    word = answer.strip().lower() if isinstance(answer, str) else None
    if word not in YES_NO_MAYBE:
        raise files.InputError(
            f'question {question["id"]} has "answers" other than "yes", "no" and'
            ' "maybe"',
            path,
            remedy="those of factoid and list questions need --question_type=factoid or"
            " list",
        )
    if impossible not in (None, word == "no"):
        raise files.InputError(
            f'question {question["id"]} has the answer "{word}", which its'
            f' "is_impossible" {json.dumps(impossible)} contradicts',
            path,
        )
    return word


def _check_agreement(examples: Iterable[Example], path: str) -> None:
    """Check that the snippets of a BioASQ question all have the same answer."""
    by_id = {example.id: example for example in examples}
    for snippets in bioasq.pool_snippets(by_id, path).values():
        first, *others = [each for each in snippets if each.answer] or [None]
        for other in others:
            if other.answer != first.answer:
                raise files.InputError(
                    f'question {first.id} has the answer "{first.answer}" and'
                    f' {other.id} "{other.answer}", but both are one BioASQ question',
                    path,
                )


def check_answers(
    golds: Iterable[Tuple[str, str]], labels: Sequence[str], path: str
) -> None:
    """Check that a model with these labels can learn, or give, the answers.

    Args:
      golds: (id, answer).
      labels: YES_NO or YES_NO_MAYBE.
      path: file name for messages.

    Raises:
      InputError: it cannot; the question is named.
    """
    for name, answer in golds:
        if answer not in labels:
            raise files.InputError(
                f'question {name} has the answer "{answer}", which is not one of'
                f" {', '.join(labels)}",
                path,
                remedy=f"train with --labels={','.join(YES_NO_MAYBE)}",
            )


# Predictions


# Of any type until it is checked.
def check_predictions(predictions: Any, path: str) -> Dict[str, List[float]]:
    """Return the logits that predictions.json has of each question, checked.

    Raises:
      InputError: it has another form, or no question.
    """
    remedy = "give predictions.json of run_qa.py --question_type=yesno"
    if not isinstance(predictions, dict) or not predictions:
        raise files.InputError("holds no questions", path, remedy=remedy)
    logits = {}
    for name, value in predictions.items():
        if not _is_prediction(value):
            raise files.InputError(
                f'question {name} has no ["yes" or "no", [logit]]', path, remedy=remedy
            )
        logits[name] = value[1]
    return logits


def _is_prediction(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return False
    word, logits = value
    return (
        isinstance(logits, list)
        and len(logits) in (1, len(YES_NO_MAYBE))
        and word in (YES_NO if len(logits) == 1 else YES_NO_MAYBE)
        # type() and not isinstance(), for which true and false would be numbers.
        and all(type(x) in (int, float) and -1e30 < x < 1e30 for x in logits)
    )


def yes_logit(logits: Sequence[float]) -> float:
    """Return by how much yes is above no; logits: one, or those of yes, no and maybe.

    Its logistic function is the probability of yes where there is no maybe.
    """
    return logits[0] if len(logits) == 1 else logits[0] - logits[1]
