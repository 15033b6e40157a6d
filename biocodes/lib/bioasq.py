"""BioASQ's JSON form of questions and answers (task B), read and made.

{"questions": [{"id", "type", "body", "exact_answer", "snippets": [{"text"}]}]} is the
form of BioASQ's training and test sets and, less body and snippets, of a submission.
Other keys are not looked at.
"""

from typing import Any, Dict, List

from biocodes.lib import files

ID_CHARACTERS = 24  # BioASQ's ids are MongoDB's: 24 hexadecimal digits
TYPES = ("yesno", "factoid", "list", "summary")
MAX_CANDIDATES = 5  # answers to a factoid question that count

# A question as it stands in the file.
Question = Dict[str, Any]


def read_questions(path: str) -> List[Question]:
    """Read the questions of a BioASQ file, each with an "id" of its own.

    Raises:
      InputError: the file is not JSON, has no list of questions, or a question has no
        id or the id of another one.
    """
    content = files.read_json(path)
    questions = content.get("questions") if isinstance(content, dict) else None
    if not isinstance(questions, list):
        raise files.InputError(
            'has no list "questions"', path, remedy="give a file in BioASQ's form"
        )
    seen = set()
    for number, question in enumerate(questions, 1):
        name = question.get("id") if isinstance(question, dict) else None
        if not isinstance(name, str) or not name:
            raise files.InputError(f'question {number} of the file has no "id"', path)
        if name in seen:
            raise files.InputError(f"question {name} stands there twice", path)
        seen.add(name)
    return questions


def question_type(question: Question, path: str) -> str:
    """Return the "type" of a question, checked to be one of TYPES."""
    if question.get("type") not in TYPES:
        raise files.InputError(
            f'question {question["id"]} has no "type" that is known',
            path,
            remedy="types are " + ", ".join(TYPES),
        )
    return question["type"]


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


def submission(answers: Dict[str, List[List[Any]]]) -> Dict[str, List[Question]]:
    """Make the value of a BioASQ answer file from {question id: exact answer}."""
    return {
        "questions": [
            # BioASQ wants an ideal answer of every question; we have none to give.
            {
                "type": "factoid",
                "id": question,
                "ideal_answer": "Dummy",
                "exact_answer": exact_answer,
            }
            for question, exact_answer in answers.items()
        ]
    }
