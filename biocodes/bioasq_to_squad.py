"""BioASQ's training and test sets (task B) in the SQuAD form of run_qa.py."""

import argparse
import os
import re
import sys
from typing import Any, Callable, Dict, List, Optional, Pattern, Sequence, Tuple

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import bioasq, command, files

DESCRIPTION = """\
Turn BioASQ's training or test set (task B) into the SQuAD form that run_qa.py reads.

  python biocodes/bioasq_to_squad.py --input_path=training7b.json \\
    --output_path=BioASQ-train-factoid-7b.json --mode=train --type=factoid

A BioASQ question comes with snippets of PubMed abstracts; each becomes a context.
"""
DETAILS = """\
--mode=predict: one question per snippet.
--mode=train: one question per occurrence of an exact answer in a snippet, with its text
and its place there, so that run_qa.py sees one answer per question. Any name counts, of
any item of a list question. Occurrences are whole words, whatever their case and the
white space between them; where names overlap, the first and then the longest counts.

The questions made from one BioASQ question have its id and the suffix _001, _002, ...
(after _999 comes _1000), which transform_nbset2bioasqform.py takes away again. What is
left out is counted and named on standard error.
"""

# Why a question is left out.
NO_SNIPPETS = "questions without snippets, left out"
NO_ANSWER = "questions without an exact answer, left out"
NOWHERE = "questions whose exact answers are in none of their snippets, left out"

# Parts of a SQuAD file: what json.dumps takes.
JsonObject = Dict[str, Any]


def convert(
    questions: List[bioasq.Question], mode: str, kind: str, path: str = "BioASQ file"
) -> Tuple[JsonObject, Dict[str, List[str]]]:
    """Turn BioASQ questions of one type into the SQuAD form.

    Args:
      questions: as bioasq.read_questions() gives them.
      mode: "train" or "predict".
      kind: "factoid" or "list", the type of the questions to take.
      path: file name for messages.

    Returns:
      (value of the SQuAD file, {reason: [ids of the questions left out for it]}).

    Raises:
      InputError: a question has no type or body, or snippets or exact answers of
        another form than BioASQ's.
    """
    paragraphs, left_out = [], {}
    for question in questions:
        if bioasq.question_type(question, path) != kind:
            continue
        made, reason = MODES[mode](question, path)
        paragraphs.extend(made)
        if reason:
            left_out.setdefault(reason, []).append(question["id"])
    article = {"title": "BioASQ", "paragraphs": paragraphs}
    return {"version": "BioASQ", "data": [article]}, left_out


def asked_ids(dataset: JsonObject) -> List[str]:
    """Return the ids of all questions of a SQuAD file made here."""
    paragraphs = dataset["data"][0]["paragraphs"]
    return [asked["id"] for paragraph in paragraphs for asked in paragraph["qas"]]


def for_prediction(
    question: bioasq.Question, path: str
) -> Tuple[List[JsonObject], Optional[str]]:
    """Make (paragraphs, None or why there are none) of one BioASQ question."""
    paragraphs = make_paragraphs(question, lambda text: [None], path)
    return paragraphs, None if paragraphs else NO_SNIPPETS


def for_training(
    question: bioasq.Question, path: str
) -> Tuple[List[JsonObject], Optional[str]]:
    """Make (paragraphs, None or why there are none) of one BioASQ question."""
    names = answer_names(question, path)

    def answers_of(text):
        return [[answer] for answer in occurrences(text, names)]

    paragraphs = make_paragraphs(question, answers_of, path)
    if paragraphs:
        return paragraphs, None
    if not snippet_texts(question, path):
        return [], NO_SNIPPETS
    return [], NOWHERE if names else NO_ANSWER


MODES = {"train": for_training, "predict": for_prediction}


def make_paragraphs(
    question: bioasq.Question,
    answers_of: Callable[[str], List[Optional[List[JsonObject]]]],
    path: str,
) -> List[JsonObject]:
    """Make the SQuAD paragraphs of one BioASQ question, one per snippet with any.

    Args:
      question: a question of BioASQ's file.
      answers_of: function from the text of a snippet to a list that has the "answers"
        of each question to be asked about it, or None for a question without any.
      path: file name for messages.
    """
    body, number, paragraphs = question_body(question, path), 0, []
    for text in snippet_texts(question, path):
        qas = []
        for answers in answers_of(text):
            number += 1
            asked = {"id": f"{question['id']}_{number:03d}", "question": body}
            qas.append(asked if answers is None else dict(asked, answers=answers))
        if qas:
            paragraphs.append({"context": text, "qas": qas})
    return paragraphs


def snippet_texts(question: bioasq.Question, path: str) -> List[str]:
    """Return the texts of a question's snippets that are not blank.

    Raises:
      InputError: the snippets are not a list of objects with a "text".
    """
    snippets = question.get("snippets")
    if snippets is None:
        return []
    if isinstance(snippets, list) and all(isinstance(each, dict) for each in snippets):
        texts = [each.get("text") for each in snippets]
        if all(isinstance(text, str) for text in texts):
            return [text for text in texts if text.strip()]
    raise files.InputError(
        f'question {question["id"]} has "snippets" that are no list of objects with a '
        '"text"',
        path,
    )


def question_body(question: bioasq.Question, path: str) -> str:
    """Return the wording of a question, checked."""
    body = question.get("body")
    if not isinstance(body, str) or not body.strip():
        raise files.InputError(f'question {question["id"]} has no "body"', path)
    return body


def answer_names(question: bioasq.Question, path: str) -> List[str]:
    """Return all names of a question's exact answers that are not blank."""
    answers = bioasq.exact_answers(question, path)
    return [name for names in answers for name in names if name.strip()]


def name_pattern(names: Sequence[str]) -> Pattern[str]:
    """Compile what finds any of the names as whole words, without regard to case.

    "p53" is found in "the P53-dependent" and not in "p53a"; names may begin or end in
    characters that are no part of words: "(+)-catechin".
    """
    # The longest goes first: of alternatives that fit in one place the first is taken.
    ordered = sorted(set(names), key=lambda name: (-len(name), name))
    spellings = [r"\s+".join(map(re.escape, name.split())) for name in ordered]
    return re.compile(rf"(?<!\w)(?:{'|'.join(spellings)})(?!\w)", re.IGNORECASE)


def occurrences(text: str, names: Sequence[str]) -> List[JsonObject]:
    """Find where a snippet has one of the names: SQuAD answers, from left to right.

    Returns:
      [{"text", "answer_start"}], text as spelled in the snippet, answer_start in
      characters from its start. They do not overlap.
    """
    if not names:
        return []
    return [
        {"text": match.group(), "answer_start": match.start()}
        for match in name_pattern(names).finditer(text)
    ]


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(description=DESCRIPTION, epilog=DETAILS)
    parser.add_argument(
        "--input_path", required=True, help="BioASQ's training or test set (task B)"
    )
    parser.add_argument("--output_path", required=True, help="file to write")
    parser.add_argument(
        "--mode",
        required=True,
        choices=sorted(MODES),
        help="train: a question per occurrence of an exact answer in a snippet; "
        "predict: a question per snippet",
    )
    parser.add_argument(
        "--type",
        default="factoid",
        choices=("factoid", "list"),
        help="type of the questions to take (default: factoid)",
    )
    return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Write the SQuAD file, and report what was left out."""
    flags = parse_flags(argv)
    questions = bioasq.read_questions(flags.input_path)
    dataset, left_out = convert(questions, flags.mode, flags.type, flags.input_path)
    made = asked_ids(dataset)
    if not made:
        reasons = [f"{reason}: {len(ids)}" for reason, ids in left_out.items()]
        raise files.InputError(
            f"gives no {flags.type} question for --mode={flags.mode} "
            f"({', '.join(reasons) or 'there are none of this type'})",
            flags.input_path,
            remedy="nothing was written",
        )
    files.write_json(flags.output_path, dataset)
    for reason, ids in left_out.items():
        command.warn(f"{flags.type} {reason}", ids)
    sources = [each["id"] for each in questions if each["type"] == flags.type]
    command.warn(
        "ids not of BioASQ's 24 characters, whose snippets "
        "transform_nbset2bioasqform.py will not pool",
        [name for name in sources if len(name) != bioasq.ID_CHARACTERS],
    )
    used = len(sources) - sum(map(len, left_out.values()))
    print(
        f"wrote {len(made)} questions made from {used} of {len(sources)} {flags.type} "
        f"questions to {flags.output_path}; {len(questions) - len(sources)} are of "
        "other types"
    )


if __name__ == "__main__":
    command.run(main)
