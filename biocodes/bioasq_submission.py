"""Answers to BioASQ questions of all types in one file that BioASQ takes."""

import argparse
import os
import sys
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import bioasq, command, files
from biocodes.lib.yes_no import YES_NO

DESCRIPTION = """\
Merge answers to factoid, yes/no and list questions into one file for BioASQ.

  python biocodes/bioasq_submission.py --input_path=BioASQ-task7bPhaseB-testset1.json \\
    --output_path=submission.json factoid.json yesno.json list.json

The input is BioASQ's test set; the answers are files that the transform_*.py have made
of predictions for its questions.
"""
DETAILS = """\
The submission has the questions in the order of the test set. Each answer is checked to
have the form that BioASQ takes: yes or no; at most 5 factoid answers; at most 100 items
of a list; one name each, of at most 100 characters; and an ideal answer, which has to
be there but is not measured with the exact ones. Questions without an answer are named
on standard error and left out, and so are summary questions, which have an ideal answer
only.
"""
MOST = {"factoid": bioasq.MAX_CANDIDATES, "list": bioasq.MAX_ITEMS}


class Answer(NamedTuple):
    """An entry of a file of answers, and the file."""

    entry: bioasq.Question
    path: str


def merge(
    questions: Sequence[bioasq.Question], answers: Dict[str, Answer], path: str
) -> List[bioasq.Question]:
    """Return the entries of a submission: the answers that there are, checked.

    Args:
      questions: of the test set.
      answers: by the id of the question.
      path: of the test set, for messages.

    Raises:
      InputError: an answer is one to another type of question, or has a form that
        BioASQ does not take.
    """
    entries = []
    for question in questions:
        kind = bioasq.question_type(question, path)
        if question["id"] not in answers:
            continue
        answer = answers[question["id"]]
        if kind == "summary":
            raise files.InputError(
                f"question {question['id']} is a summary question in {path}, which has"
                " no exact answer",
                answer.path,
            )
        if bioasq.question_type(answer.entry, answer.path) != kind:
            raise files.InputError(
                f"question {question['id']} is answered as {answer.entry['type']}, but"
                f" it is a {kind} question in {path}",
                answer.path,
            )
        if not is_empty(answer.entry):
            entries.append(submitted(answer))
    return entries


def is_empty(entry: bioasq.Question) -> bool:
    """Whether a question was left without an exact answer."""
    return entry.get("exact_answer") in (None, "", [])


def submitted(answer: Answer) -> bioasq.Question:
    """Return an answer as BioASQ takes it.

    Raises:
      InputError: it has another form.
    """
    entry, path = answer
    kind, exact_answer = entry["type"], entry["exact_answer"]
    problem = (
        problem_of_yes_no(exact_answer)
        if kind == "yesno"
        else problem_of_names(exact_answer, MOST[kind])
    ) or problem_of_ideal(entry.get("ideal_answer"))
    if problem:
        raise files.InputError(f"question {entry['id']} {problem}", path)
    ideal_answer = entry["ideal_answer"]
    if isinstance(ideal_answer, list):
        ideal_answer = ideal_answer[0]
    return {
        "id": entry["id"],
        "type": kind,
        "ideal_answer": ideal_answer,
        "exact_answer": exact_answer,
    }


# Of any type: they say whether it is the right one.
def problem_of_yes_no(exact_answer: Any) -> Optional[str]:
    """Say what is wrong with the answer to a yes/no question, if anything is."""
    if exact_answer not in YES_NO:
        return 'has an exact answer other than "yes" and "no"'
    return None


def problem_of_names(exact_answer: Any, most: int) -> Optional[str]:
    """Say what is wrong with factoid or list answers, if anything is."""
    if not isinstance(exact_answer, list) or not all(
        isinstance(names, list) and len(names) == 1 and isinstance(names[0], str)
        for names in exact_answer
    ):
        return "has an exact answer that is no list of lists with one name each"
    if len(exact_answer) > most:
        return f"has {len(exact_answer)} answers; BioASQ takes {most}"
    for (name,) in exact_answer:
        if not name.strip():
            return "has a blank answer"
        if len(name) > bioasq.MAX_ANSWER_CHARACTERS:
            return (
                f"has an answer of {len(name)} characters; BioASQ takes"
                f" {bioasq.MAX_ANSWER_CHARACTERS}"
            )
    return None


def problem_of_ideal(ideal_answer: Any) -> Optional[str]:
    """Say what is wrong with an ideal answer: a text, or a list that has just one."""
    if isinstance(ideal_answer, list) and len(ideal_answer) == 1:
        ideal_answer = ideal_answer[0]
    if not isinstance(ideal_answer, str) or not ideal_answer.strip():
        return 'has no "ideal_answer", a text'
    return None


# The command


def read_answers(paths: Sequence[str]) -> Dict[str, Answer]:
    """Read files of answers, by the id of the question.

    Raises:
      InputError: one cannot be used, or two of them answer the same question.
    """
    answers = {}
    for path in paths:
        for entry in bioasq.read_questions(path):
            before = answers.setdefault(entry["id"], Answer(entry, path))
            if before.entry is not entry:
                raise files.InputError(
                    f"question {entry['id']} is answered in {before.path}, too", path
                )
    return answers


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(description=DESCRIPTION, epilog=DETAILS)
    parser.add_argument("--input_path", required=True, help="BioASQ's test set")
    parser.add_argument("--output_path", required=True, help="file to write")
    parser.add_argument(
        "answers", metavar="ANSWERS", nargs="+", help="file of the transform_*.py"
    )
    return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Write the submission; name the questions that it does not answer."""
    flags = parse_flags(argv)
    questions = bioasq.read_questions(flags.input_path)
    answers = read_answers(flags.answers)
    entries = merge(questions, answers, flags.input_path)
    if not entries:
        raise files.InputError(
            f"has not one question that is answered in {', '.join(flags.answers)}",
            flags.input_path,
            remedy="nothing was written",
        )
    files.write_json(flags.output_path, {"questions": entries})
    answered = {entry["id"] for entry in entries}
    for kind in bioasq.TYPES:
        missing = [
            question["id"]
            for question in questions
            if question["type"] == kind and question["id"] not in answered
        ]
        command.warn(f"{kind} questions without an answer, left out", missing)
    known = {question["id"] for question in questions}
    command.warn(
        f"answers to questions that are not in {flags.input_path}, left out",
        [name for name in answers if name not in known],
    )
    print(f"wrote {len(entries)} of {len(questions)} questions to {flags.output_path}")


if __name__ == "__main__":
    command.run(main)
