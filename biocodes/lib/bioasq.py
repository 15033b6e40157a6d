"""BioASQ's JSON form of questions and answers (task B), read and made.

{"questions": [{"id", "type", "body", "exact_answer", "snippets": [{"text"}]}]} is the
form of BioASQ's training and test sets and, less body and snippets, of a submission.
Other keys are not looked at.

run_qa.py answers each snippet on its own, under the id of the question and a suffix
that numbers its snippets (_001, _002, ..., _1000).
"""

import os
import re
from typing import Any, Dict, List, Mapping, Optional, TypeVar

from biocodes.lib import command, files

ID_CHARACTERS = 24  # BioASQ's ids are MongoDB's: 24 hexadecimal digits
TYPES = ("yesno", "factoid", "list", "summary")
MAX_CANDIDATES = 5  # answers to a factoid question
MAX_ITEMS = 100  # answers to a list question
MAX_ANSWER_CHARACTERS = 100  # BioASQ takes no longer factoid and list answers
ANSWER_FILE = "BioASQform_BioASQ-answer.json"
# What stands in for the ideal answer, which BioASQ wants of every question: as the
# original has it, and for the other types as the 7th challenge's system does.
IDEAL_ANSWERS = {"factoid": "Dummy", "yesno": ["Dummy"], "list": ["Dummy"]}

# A question as it stands in the file.
Question = Dict[str, Any]
Value = TypeVar("Value")
_SNIPPET_ID = re.compile(rf"(.{{{ID_CHARACTERS}}})_[0-9]{{3,}}", re.DOTALL)


# Questions


def read_questions(path: str) -> List[Question]:
    """Read the questions of a BioASQ file, each with an "id" of its own.

    Raises:
      InputError: the file is not JSON, or as questions_in.
    """
    return questions_in(files.read_json(path), path)


# Of any type until it is checked.
def questions_in(
    content: Any, path: str, repeated: Optional[List[str]] = None
) -> List[Question]:
    """Return the questions in the value of a BioASQ file.

    Args:
      content: the value.
      path: file name for messages.
      repeated: gets the ids of questions that are left out because one before them has
        the same id; default: such a file is refused.

    Raises:
      InputError: it has no list of questions, or a question has no id or the id of
        another one.
    """
    questions = content.get("questions") if isinstance(content, dict) else None
    if not isinstance(questions, list):
        raise files.InputError(
            'has no list "questions"', path, remedy="give a file in BioASQ's form"
        )
    by_id = {}
    for number, question in enumerate(questions, 1):
        name = question.get("id") if isinstance(question, dict) else None
        if not isinstance(name, str) or not name:
            raise files.InputError(f'question {number} of the file has no "id"', path)
        if name not in by_id:
            by_id[name] = question
        elif repeated is None:
            raise files.InputError(f"question {name} stands there twice", path)
        else:
            repeated.append(name)
    return list(by_id.values())


def question_type(question: Question, path: str) -> str:
    """Return the "type" of a question, checked to be one of TYPES."""
    if question.get("type") not in TYPES:
        raise files.InputError(
            f'question {question["id"]} has no "type" that is known',
            path,
            remedy="types are " + ", ".join(TYPES),
        )
    return question["type"]


def question_body(question: Question, path: str) -> str:
    """Return the wording of a question, checked."""
    body = question.get("body")
    if not isinstance(body, str) or not body.strip():
        raise files.InputError(f'question {question["id"]} has no "body"', path)
    return body


def exact_answers(question: Question, path: str) -> List[List[str]]:
    """Return the "exact_answer" of a question as lists of names that mean the same.

    BioASQ's files write one answer as "a", answers as ["a", "b"], and answers with
    their synonyms as [["a", "synonym of a"], ["b"]]; no exact answer gives [].

    Raises:
      InputError: it is none of these.
    """
    value = question.get("exact_answer")
    if value is None:
        return []
    answers = [value] if isinstance(value, str) else value
    if isinstance(answers, list):
        answers = [[each] if isinstance(each, str) else each for each in answers]
        if all(isinstance(each, list) for each in answers) and all(
            isinstance(name, str) for each in answers for name in each
        ):
            return answers
    raise files.InputError(
        f'question {question["id"]} has an "exact_answer" that is neither a string, '
        "nor a list of strings, nor a list of lists of strings",
        path,
    )


def only_word(answers: List[List[str]]) -> Optional[str]:
    """Return the one word, in lower case, that answers a yes/no question, if any."""
    names = [name for names in answers for name in names]
    return names[0].strip().lower() if len(names) == 1 else None


# Snippets


def question_id(snippet_id: str) -> str:
    """Return the id of the BioASQ question that a question of run_qa.py is made from.

    24 characters and a suffix of an underscore and at least three digits lose the
    suffix; every other id is taken as it is.
    """
    match = _SNIPPET_ID.fullmatch(snippet_id)
    return match.group(1) if match else snippet_id


def pool_snippets(by_snippet: Mapping[str, Value], path: str) -> Dict[str, List[Value]]:
    """Put what is known of each question's snippets together.

    Args:
      by_snippet: {id with or without a suffix: anything}.
      path: file name for messages.

    Returns:
      {question id: [of each snippet]}, both in the order given.

    Raises:
      InputError: an id stands both with and without a suffix, so that it cannot be told
        whether they are one question.
    """
    pools = {}
    for snippet_id, value in by_snippet.items():
        question = question_id(snippet_id)
        if question != snippet_id and question in by_snippet:
            raise files.InputError(
                f"ids {question} and {snippet_id} would become one question",
                path,
                remedy="give all of a question's snippets a suffix, or none",
            )
        pools.setdefault(question, []).append(value)
    return pools


def odd_ids(ids: List[str]) -> List[str]:
    """Return those ids of questions that are not of BioASQ's 24 characters."""
    return [name for name in ids if len(name) != ID_CHARACTERS]


# Answers


def submission(kind: str, answers: Mapping[str, Any]) -> Dict[str, List[Question]]:
    """Make the value of a BioASQ answer file.

    Args:
      kind: type of the questions.
      answers: {question id: exact answer}.
    """
    return {
        "questions": [
            {
                "type": kind,
                "id": question,
                "ideal_answer": IDEAL_ANSWERS[kind],
                "exact_answer": exact_answer,
            }
            for question, exact_answer in answers.items()
        ]
    }


def warn_of(questions: List[Question]) -> None:
    """Report ids that BioASQ does not have, and questions that have no answer.

    Args:
      questions: of submission(), "exact_answer" among their values.
    """
    command.warn(
        "ids not of BioASQ's 24 characters, taken as they are",
        odd_ids([question["id"] for question in questions]),
    )
    command.warn(
        "questions left without an answer",
        [each["id"] for each in questions if not each["exact_answer"]],
    )


def path_in(output_path: str, name: str) -> str:
    """Return the path of a file that a command writes to --output_path.

    Args:
      output_path: a folder (there already, or ending in /), or a file.
      name: of the file in a folder.

    Raises:
      InputError: the path is empty, or a folder that ends in / cannot be made.
    """
    if not output_path:
        raise files.InputError("is empty", "--output_path", remedy="name a folder")
    if output_path.endswith(("/", os.sep)):
        files.make_folder(output_path)
    return (
        os.path.join(output_path, name) if os.path.isdir(output_path) else output_path
    )
