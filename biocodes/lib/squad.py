"""Questions in SQuAD's form, v1.1 (Rajpurkar et al. 2016) and v2.0 (2018).

data[].paragraphs[] hold a "context" and "qas"; a question has "id", "question" and
"answers", each with "text" and "answer_start", its place in the context. In v2.0
"is_impossible" says that the context has no answer.
"""

import bisect
import re
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from biocodes.lib import files

# The white space that the original knows; a no-break space, say, is part of a word.
_WORD = re.compile("[^ \t\r\n\u202f]+")

# An article, a paragraph or a question as it stands in the file.
JsonObject = Dict[str, Any]
# A question's id and the texts of its gold answers.
Gold = Tuple[str, List[str]]


class Span(NamedTuple):
    """An answer in its context: its text, the words that it begins and ends in."""

    text: str
    first_word: int
    last_word: int


class Example(NamedTuple):
    """A question and the context that has its answer.

    Attributes:
      id: as in the file.
      question, context: texts.
      answer: Span; None if there is none, or if it is what we want to know.
    """

    id: str
    question: str
    context: str
    answer: Optional[Span]


def words_of(text: str) -> List[str]:
    """Split a text into its words."""
    return _WORD.findall(text)


def load_to_predict(path: str) -> Tuple[List[Example], List[Gold]]:
    """Read questions to answer.

    Returns:
      The Examples, and the gold answers of those that have any, see gold_answers.

    Raises:
      InputError: the file is not in SQuAD's form, or has no questions.
    """
    dataset = files.read_json(path)
    golds = gold_answers(dataset, path)
    examples = [
        Example(question["id"], question["question"], context, None)
        for context, question in questions_of(dataset, path)
    ]
    if not examples:
        raise files.InputError("has no questions", path)
    return examples, golds


def load_to_train(path: str, with_negative: bool) -> Tuple[List[Example], List[str]]:
    """Read questions to train on; each has one answer.

    Args:
      path: the file.
      with_negative: whether a question marked is_impossible has no answer.

    Returns:
      The Examples, and the ids of the questions that are not among them because their
      answer is not where the file says.

    Raises:
      InputError: the file is not in SQuAD's form, has no question that can be used, or
        one of them does not have just one answer.
    """
    dataset = files.read_json(path)
    gold_answers(dataset, path)  # checks form and ids
    examples, lost = [], []
    for context, question in questions_of(dataset, path):
        span = None
        if not (with_negative and question.get("is_impossible") is True):
            span = locate(*only_answer(question, path), context)
            if span is None:
                lost.append(question["id"])
                continue
        examples.append(Example(question["id"], question["question"], context, span))
    if not examples:
        problem = "has no questions"
        if lost:
            problem = f"not one of its {len(lost):,} answers is where answer_start says"
        raise files.InputError(problem, path)
    return examples, lost


# A dataset is what files.read_json gives: of any type until it is checked.
def gold_answers(dataset: Any, path: str = "dataset") -> List[Gold]:
    """Return the questions of a SQuAD file that can be scored, with their answers.

    A question marked is_impossible has the gold answers []; a question that is not
    and has no answers (a file made for prediction) is left out.

    Raises:
      InputError: the file has another form, or an id stands there twice.
    """
    golds = [
        (question["id"], texts_of(question, path))
        for question in check_ids(dataset, path)
    ]
    return [(name, texts) for name, texts in golds if texts is not None]


# Of any type until it is checked.
def check_ids(dataset: Any, path: str) -> List[JsonObject]:
    """List the questions of a SQuAD file, each checked to have an id of its own.

    Raises:
      InputError: the file has another form, or an id is missing or stands there twice.
    """
    questions = [
        question
        for paragraph in paragraphs(dataset, path)
        for question in list_of_dicts(paragraph, "qas", path)
    ]
    seen = set()
    for question in questions:
        name = question.get("id")
        if not isinstance(name, str) or not name:
            raise files.InputError('has a question without "id"', path)
        if name in seen:
            raise files.InputError(f"question {name} stands there twice", path)
        seen.add(name)
    return questions


def questions_of(dataset: Any, path: str) -> Iterator[Tuple[str, JsonObject]]:
    """Yield (context, question) of a SQuAD file, the question as its dict."""
    for paragraph in paragraphs(dataset, path):
        for question in list_of_dicts(paragraph, "qas", path):
            for owner, key in ((paragraph, "context"), (question, "question")):
                if not isinstance(owner.get(key), str):
                    raise files.InputError(
                        f'question {question["id"]} has no text "{key}"', path
                    )
            yield paragraph["context"], question


def only_answer(question: JsonObject, path: str) -> Tuple[str, int]:
    """Return the one answer of a training question, and its place in the context."""
    answers = question.get("answers")
    count = len(answers) if isinstance(answers, list) else 0
    if count != 1:
        remedy = "for training each question has exactly one"
        if question.get("is_impossible") is True:
            remedy = "for questions without use --version_2_with_negative=true"
        raise files.InputError(
            f"question {question['id']} has {count or 'no'} answers",
            path,
            remedy=remedy,
        )
    fields = answers[0] if isinstance(answers[0], dict) else {}
    text, start = fields.get("text"), fields.get("answer_start")
    if not isinstance(text, str) or type(start) is not int:
        raise files.InputError(
            f'the answer to question {question["id"]} has no text "text" or no whole'
            ' number "answer_start"',
            path,
        )
    return text, start


def locate(text: str, start: int, context: str) -> Optional[Span]:
    """Find the words that an answer begins and ends in.

    Args:
      text: the answer.
      start: its first character's place in the context.
      context: text.

    Returns:
      Span, or None when the words there do not hold the text.
    """
    last = start + len(text) - 1
    wanted = " ".join(words_of(text))
    if not wanted or start < 0 or last >= len(context):
        return None
    words = list(_WORD.finditer(context))
    starts = [word.start() for word in words]
    # White space at the beginning of the answer counts with the word before it.
    first_word = max(bisect.bisect_right(starts, start) - 1, 0)
    last_word = bisect.bisect_right(starts, last) - 1
    there = " ".join(word.group() for word in words[first_word : last_word + 1])
    return Span(text, first_word, last_word) if wanted in there else None


def paragraphs(dataset: Any, path: str) -> Iterator[JsonObject]:
    """Yield the paragraphs of all articles of a SQuAD file."""
    for article in list_of_dicts(dataset, "data", path):
        yield from list_of_dicts(article, "paragraphs", path)


def list_of_dicts(parent: Any, key: str, path: str) -> List[JsonObject]:
    """Return parent[key], checked to be a list of dicts."""
    value = parent.get(key) if isinstance(parent, dict) else None
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return value
    remedy = "the form is data[].paragraphs[].qas[]"
    if isinstance(parent, dict) and isinstance(parent.get("questions"), list):
        remedy = (
            "these are questions in BioASQ's form, of which"
            " python biocodes/bioasq_to_squad.py makes SQuAD's"
        )
    raise files.InputError(
        f'has no list "{key}" where SQuAD has one', path, remedy=remedy
    )


def texts_of(question: JsonObject, path: str) -> Optional[List[str]]:
    """Return a question's gold texts: [] if impossible, None if it has no answers."""
    answers = question.get("answers")
    if isinstance(answers, str) and answers.strip().lower() in ("yes", "no", "maybe"):
        raise files.InputError(
            f'question {question["id"]} has the answer "{answers}", that of a yes/no'
            " question",
            path,
            remedy="give --question_type=yesno, or another file",
        )
    if question.get("is_impossible") is True:
        return []
    if answers is None:
        return None
    if isinstance(answers, list) and all(isinstance(each, dict) for each in answers):
        texts = [each.get("text") for each in answers]
        if all(isinstance(text, str) for text in texts):
            return texts or None
    raise files.InputError(
        f'question {question["id"]} has "answers" that are no list of objects with a '
        '"text"',
        path,
    )
