"""BioASQ's training and test sets (task B) in the SQuAD form of run_qa.py."""

import argparse
import os
import re
import sys
from typing import (
    Any,
    Callable,
    Dict,
    List,
    NamedTuple,
    Optional,
    Pattern,
    Sequence,
    Tuple,
)

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import bioasq, bioasq_contexts, command, files, pubmedqa
from biocodes.lib.yes_no import YES_NO_MAYBE

DESCRIPTION = """\
Turn BioASQ's training or test set (task B) into the SQuAD form that run_qa.py reads.

  python biocodes/bioasq_to_squad.py --input_path=training7b.json \\
    --output_path=BioASQ-train-factoid-7b.json --mode=train --type=factoid

A BioASQ question comes with snippets of PubMed abstracts; each becomes a context. The
questions of one --type are taken. PubMedQA's JSON is read, too (--type=yesno).
"""
DETAILS = """\
--mode=predict: one question per context; a yes/no question has its answer if the file
says it, so that run_qa.py can score.
--mode=train, factoid and list: one question per occurrence of an exact answer in a
context, with its text and its place there, so that run_qa.py sees one answer per
question. Any name counts, of any item of a list question. Occurrences are whole words,
whatever their case and the white space between them; where names overlap, the first and
then the longest counts. Yes/no: one question per context, all with the same answer.

--context=snippet takes snippets as they are, neighbours with so many sentences before
and after them, abstract the whole title and abstract. For these two the abstracts have
to be there: as "documents" of the question that are objects ({"pmid", "title",
"abstract"}), or in the file of --abstracts_path, in any form in which run_ner.py reads
text (.pubtator, .jsonl, ...), under their PMIDs.

The questions made from one BioASQ question have its id and the suffix _001, _002, ...
(after _999 comes _1000), which the transform_*.py take away again. Of PubMedQA each
question has one context, its contexts joined, and keeps its id. What is left out is
counted and named on standard error.
"""

# Why a question is left out.
NO_SNIPPETS = "questions without snippets, left out"
NO_ANSWER = "questions without an exact answer, left out"
NOWHERE = "questions whose exact answers are in none of their snippets, left out"
# What else there is to say of one that is not.
BLANK = "questions with blank snippets, which are left out"
ALONE = (
    "questions with snippets whose abstract is not known, or does not hold them; they"
    " are taken as they are"
)

# Parts of a SQuAD file: what json.dumps takes.
JsonObject = Dict[str, Any]
# From the text of a context to what makes a question of each that is asked about it.
Asking = Callable[[str], List[JsonObject]]


class Recipe(NamedTuple):
    """What is made of the questions.

    Attributes:
      mode: "train" or "predict".
      kind: type of the questions to take.
      contexts: finds their contexts.
      suffixes: whether ids get a suffix for each question that is made.
    """

    mode: str
    kind: str
    contexts: bioasq_contexts.Reader = bioasq_contexts.Reader()
    suffixes: bool = True


class Converted(NamedTuple):
    """What became of BioASQ's questions.

    Attributes:
      dataset: value of the SQuAD file.
      left_out: {reason: [ids of the questions left out for it]}.
      notes: {remark: [ids of questions that it is about]}.
      widened: number of snippets with more of their abstract around them.
    """

    dataset: JsonObject
    left_out: Dict[str, List[str]]
    notes: Dict[str, List[str]]
    widened: int


def convert(
    questions: List[bioasq.Question], recipe: Recipe, path: str = "BioASQ file"
) -> Converted:
    """Turn BioASQ questions of one type into the SQuAD form.

    Args:
      questions: as bioasq.read_questions() gives them.
      recipe: what is made of them.
      path: file name for messages.

    Raises:
      InputError: a question has no type or body, or snippets or exact answers of
        another form than BioASQ's.
    """
    paragraphs, left_out, notes, widened = [], {}, {}, 0
    for question in questions:
        if bioasq.question_type(question, path) != recipe.kind:
            continue
        contexts = recipe.contexts.contexts(question, path)
        asking, reason = asking_of(question, recipe, path)
        made = make_paragraphs(question, contexts.texts, asking, path)
        paragraphs.extend(made)
        widened += contexts.widened
        if not made:
            reason = reason if contexts.texts else NO_SNIPPETS
            left_out.setdefault(reason, []).append(question["id"])
        for remark, count in ((BLANK, contexts.blank), (ALONE, contexts.alone)):
            if made and count:
                notes.setdefault(remark, []).append(question["id"])
    if not recipe.suffixes:
        for paragraph in paragraphs:
            for asked in paragraph["qas"]:
                asked["id"] = asked["id"].rpartition("_")[0]
    article = {"title": "BioASQ", "paragraphs": paragraphs}
    dataset = {"version": "BioASQ", "data": [article]}
    return Converted(dataset, left_out, notes, widened)


def asking_of(
    question: bioasq.Question, recipe: Recipe, path: str
) -> Tuple[Asking, str]:
    """Return what is asked about a context, and why it may be nothing at all."""
    answers = bioasq.exact_answers(question, path)
    names = [name for names in answers for name in names if name.strip()]
    if recipe.kind == "yesno":
        answer = yes_no_answer(question, path) if names else {}
        needed = recipe.mode == "train"
        return lambda text: [answer] if answer or not needed else [], NO_ANSWER
    if recipe.mode == "predict":
        return lambda text: [{}], NO_SNIPPETS
    return (
        lambda text: [{"answers": [answer]} for answer in occurrences(text, names)],
        NOWHERE if names else NO_ANSWER,
    )


def yes_no_answer(question: bioasq.Question, path: str) -> JsonObject:
    """Return the answer to a yes/no question as run_qa.py reads it.

    Raises:
      InputError: it is not one of yes, no and maybe.
    """
    word = bioasq.only_word(bioasq.exact_answers(question, path))
    if word not in YES_NO_MAYBE:
        raise files.InputError(
            f"yes/no question {question['id']} has an exact answer other than"
            f" {', '.join(YES_NO_MAYBE)}",
            path,
        )
    return {"answers": word, "is_impossible": word == "no"}


def asked_ids(dataset: JsonObject) -> List[str]:
    """Return the ids of all questions of a SQuAD file made here."""
    paragraphs = dataset["data"][0]["paragraphs"]
    return [asked["id"] for paragraph in paragraphs for asked in paragraph["qas"]]


def make_paragraphs(
    question: bioasq.Question, contexts: List[str], asking: Asking, path: str
) -> List[JsonObject]:
    """Make the SQuAD paragraphs of one BioASQ question, one per context with any.

    Args:
      question: a question of BioASQ's file.
      contexts: their texts.
      asking: what is asked about each.
      path: file name for messages.
    """
    body, number, paragraphs = bioasq.question_body(question, path), 0, []
    for text in contexts:
        qas = []
        for answer in asking(text):
            number += 1
            name = f"{question['id']}_{number:03d}"
            qas.append(dict({"id": name, "question": body}, **answer))
        if qas:
            paragraphs.append({"context": text, "qas": qas})
    return paragraphs


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
    """Find where a context has one of the names: SQuAD answers, from left to right.

    Returns:
      [{"text", "answer_start"}], text as spelled in the context, answer_start in
      characters from its start. They do not overlap.
    """
    if not names:
        return []
    return [
        {"text": match.group(), "answer_start": match.start()}
        for match in name_pattern(names).finditer(text)
    ]


# The command


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
        choices=("predict", "train"),
        help="train: questions with their answers; predict: questions to answer",
    )
    parser.add_argument(
        "--type",
        default="factoid",
        choices=("factoid", "list", "yesno"),
        help="type of the questions to take (default: factoid)",
    )
    parser.add_argument(
        "--context",
        default=bioasq_contexts.SNIPPET,
        choices=bioasq_contexts.VARIANTS,
        help="what is read: snippets (default), with their neighbours, or abstracts",
    )
    parser.add_argument(
        "--neighbours",
        type=int,
        default=1,
        help="sentences before and after a snippet (default: 1)",
    )
    parser.add_argument("--abstracts_path", help="file of abstracts, see below")
    flags = parser.parse_args(argv)
    if flags.neighbours < 0:
        parser.error(f"--neighbours must be 0 or more, not {flags.neighbours}")
    return flags


def read(
    flags: argparse.Namespace,
) -> Tuple[List[bioasq.Question], Recipe, List[str]]:
    """Read the questions.

    Returns:
      The questions, what is made of them, and the ids that stood there before.
    """
    content, path = files.read_json(flags.input_path), flags.input_path
    of_pubmedqa = pubmedqa.is_form_of(content)
    repeated: List[str] = []
    if of_pubmedqa:
        questions = pubmedqa.questions_in(content, path)
    else:
        questions = bioasq.questions_in(content, path, repeated)
    abstracts = {}
    if flags.abstracts_path:
        abstracts = bioasq_contexts.read_abstracts(flags.abstracts_path)
    reader = bioasq_contexts.Reader(flags.context, flags.neighbours, abstracts)
    recipe = Recipe(flags.mode, flags.type, reader, suffixes=not of_pubmedqa)
    return questions, recipe, repeated


def check_made(made: Converted, recipe: Recipe, path: str) -> None:
    """Check that questions were made, and with contexts as they are wanted.

    Raises:
      InputError: there is nothing to write.
    """
    if not asked_ids(made.dataset):
        reasons = [f"{reason}: {len(ids)}" for reason, ids in made.left_out.items()]
        raise files.InputError(
            f"gives no {recipe.kind} question for --mode={recipe.mode} "
            f"({', '.join(reasons) or 'there are none of this type'})",
            path,
            remedy="nothing was written",
        )
    variant = recipe.contexts.variant
    if variant != bioasq_contexts.SNIPPET and not made.widened:
        raise files.InputError(
            f"not one snippet has its abstract there, as --context={variant} needs it",
            path,
            remedy="name a file of the abstracts by --abstracts_path",
        )


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Write the SQuAD file, and report what was left out."""
    flags = parse_flags(argv)
    questions, recipe, repeated = read(flags)
    made = convert(questions, recipe, flags.input_path)
    check_made(made, recipe, flags.input_path)
    files.write_json(flags.output_path, made.dataset)
    command.warn("ids that stand there before, whose questions are left out", repeated)
    for reason, ids in [*made.left_out.items(), *made.notes.items()]:
        command.warn(f"{flags.type} {reason}", ids)
    sources = [each["id"] for each in questions if each["type"] == flags.type]
    if recipe.suffixes:
        command.warn(
            "ids not of BioASQ's 24 characters, whose snippets the transform_*.py will"
            " not pool",
            bioasq.odd_ids(sources),
        )
    used = len(sources) - sum(map(len, made.left_out.values()))
    print(
        f"wrote {len(asked_ids(made.dataset))} questions made from {used} of"
        f" {len(sources)} {flags.type} questions to {flags.output_path};"
        f" {len(questions) - len(sources)} are of other types"
    )


if __name__ == "__main__":
    command.run(main)
