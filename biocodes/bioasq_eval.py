"""BioASQ's measures of exact answers (task B, phase B), without Java."""

import argparse
import decimal
import os
import sys
from typing import (
    AbstractSet,
    Any,
    Dict,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import bioasq, command, files

DESCRIPTION = """\
Print BioASQ's measures of exact answers (task B, phase B), without Java.

  python biocodes/bioasq_eval.py golden.json BioASQform_BioASQ-answer.json --verbose

prints the line of ten numbers that BioASQ's own evaluator prints when it is called as
`evaluation.EvaluatorTask1b -phaseB -e 5 GOLDEN ANSWERS`. Both files have BioASQ's form:
{"questions": [{"id", "type", "exact_answer"}]}. The measures are those of the BioASQ
overview (Tsatsaronis et al. 2015, BMC Bioinformatics 16:138); a type of question that
GOLDEN lacks scores 0. Answers are compared without regard to case.
"""
DETAILS = """\
The ten numbers are yes/no accuracy; factoid strict accuracy, lenient accuracy and mean
reciprocal rank; list precision, recall and F1; yes/no macro F1, F1 of yes, F1 of no.

yes/no    accuracy; F1 of the questions answered yes, of those answered no, their mean
factoid   the rank of the first right one among the first 5 candidates decides: strict
          accuracy (share of rank 1), lenient accuracy (share of any rank), mean
          reciprocal rank. Every name in GOLDEN is right.
list      precision, recall and F1 of each question, averaged. An item of GOLDEN is
          found by any of its synonyms, and only once: a second answer that names the
          same item is a wrong one.
"""

# The ten numbers in the evaluator's order: type, measure, field.
COLUMNS = (
    ("yesno", "yes/no accuracy", "accuracy"),
    ("factoid", "factoid strict accuracy", "strict"),
    ("factoid", "factoid lenient accuracy", "lenient"),
    ("factoid", "factoid mean reciprocal rank", "mrr"),
    ("list", "list mean precision", "precision"),
    ("list", "list mean recall", "recall"),
    ("list", "list mean F1", "f1"),
    ("yesno", "yes/no macro F1", "macro_f1"),
    ("yesno", "yes/no F1 of yes", "f1_yes"),
    ("yesno", "yes/no F1 of no", "f1_no"),
)

# The names of an answer that mean the same, in lower case.
Names = AbstractSet[str]


class YesNo(NamedTuple):
    """Measures of the yes/no questions."""

    accuracy: float
    macro_f1: float
    f1_yes: float
    f1_no: float


class Factoid(NamedTuple):
    """Measures of the factoid questions; mrr is the mean reciprocal rank."""

    strict: float
    lenient: float
    mrr: float


class Lists(NamedTuple):
    """Measures of the list questions."""

    precision: float
    recall: float
    f1: float


class Measures(NamedTuple):
    """The measures of each type of question."""

    yesno: YesNo
    factoid: Factoid
    list: Lists


class Pair(NamedTuple):
    """What one question has in GOLDEN and what ANSWERS says (None: nothing).

    Both depend on the question's type: they are what its measure takes.
    """

    id: str
    gold: Any
    answer: Any


# Measures


def evaluate(pairs: Dict[str, List[Pair]]) -> Measures:
    """Compute the measures of what pair_up() returns; no answer is a wrong one."""
    yesno = [(pair.gold, pair.answer) for pair in pairs["yesno"]]
    factoid = [(pair.gold, pair.answer or []) for pair in pairs["factoid"]]
    lists = [(pair.gold, pair.answer or []) for pair in pairs["list"]]
    return Measures(
        yesno_measures(yesno), factoid_measures(factoid), list_measures(lists)
    )


def yesno_measures(pairs: Sequence[Tuple[str, Optional[str]]]) -> YesNo:
    """Measure (gold, answer) pairs.

    gold is "yes" or "no"; an answer that is neither of them is wrong.
    """

    def f1_of(value):
        right = sum(gold == answer == value for gold, answer in pairs)
        precision = ratio(right, sum(answer == value for _, answer in pairs))
        recall = ratio(right, sum(gold == value for gold, _ in pairs))
        return f1_score(precision, recall)

    f1_yes, f1_no = f1_of("yes"), f1_of("no")
    accuracy = mean([gold == answer for gold, answer in pairs])
    return YesNo(accuracy, mean([f1_yes, f1_no]), f1_yes, f1_no)


def factoid_measures(pairs: Sequence[Tuple[Names, List[Names]]]) -> Factoid:
    """Measure (right names, ranked candidates) pairs."""
    ranks = [first_right(gold, candidates) for gold, candidates in pairs]
    return Factoid(
        strict=mean([rank == 1 for rank in ranks]),
        lenient=mean([rank is not None for rank in ranks]),
        mrr=mean([1 / rank if rank else 0.0 for rank in ranks]),
    )


def first_right(gold: Names, candidates: List[Names]) -> Optional[int]:
    """Return the rank, from 1, of the first of 5 candidates with a name in gold."""
    for rank, names in enumerate(candidates[: bioasq.MAX_CANDIDATES], 1):
        if names & gold:
            return rank
    return None


def list_measures(pairs: Sequence[Tuple[List[Names], List[Names]]]) -> Lists:
    """Measure (gold items, answers) pairs, each item and answer a set of synonyms."""
    scores = []
    for items, answers in pairs:
        right = items_found(items, answers)
        precision, recall = ratio(right, len(answers)), ratio(right, len(items))
        scores.append((precision, recall, f1_score(precision, recall)))
    return Lists(*[mean([score[column] for score in scores]) for column in range(3)])


def items_found(items: List[Names], answers: List[Names]) -> int:
    """Count the items that the answers name, each answer one item at most."""
    missing = list(items)
    for names in answers:
        for index, item in enumerate(missing):
            if item & names:
                del missing[index]
                break
    return len(items) - len(missing)


def ratio(part: float, whole: float) -> float:
    """Return part / whole, and 0.0 of nothing."""
    return part / whole if whole else 0.0


def f1_score(precision: float, recall: float) -> float:
    """Return the harmonic mean of precision and recall, 0.0 if both are 0."""
    return ratio(2 * precision * recall, precision + recall)


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean, 0.0 of nothing."""
    # As the evaluator adds them up. From Python 3.12 on, sum() makes up for what each
    # addition of floats loses, and the last digit differs.
    total = 0.0
    for value in values:
        total += value
    return ratio(total, len(values))


# Questions and answers → pairs


def pair_up(
    golden: List[bioasq.Question],
    answers: List[bioasq.Question],
    golden_path: str = "golden file",
    answers_path: str = "answers",
) -> Dict[str, List[Pair]]:
    """Gather {type: Pairs} for the questions of golden that have exact answers.

    Args:
      golden, answers: as bioasq.read_questions() gives them.
      golden_path, answers_path: file names for messages.

    Raises:
      InputError: a question of golden has no exact answer or an unknown type, or an
        exact answer has another form than BioASQ's.
    """
    given = {each["id"]: bioasq.exact_answers(each, answers_path) for each in answers}
    pairs = {kind: [] for kind in bioasq.TYPES if kind != "summary"}
    for question in golden:
        kind = bioasq.question_type(question, golden_path)
        if kind == "summary":  # has no exact answer
            continue
        answer = given.get(question["id"], [])
        answered = any(name.strip() for names in answer for name in names)
        pairs[kind].append(
            Pair(
                question["id"],
                gold_value(question, golden_path),
                answer_value(answer, kind) if answered else None,
            )
        )
    return pairs


# The type of what these two return depends on the question's.
def gold_value(question: bioasq.Question, path: str) -> Any:
    """Return what the measure of the question's type takes as gold."""
    kind = bioasq.question_type(question, path)
    answers = [
        [name for name in names if name.strip()]
        for names in bioasq.exact_answers(question, path)
    ]
    answers = [names for names in answers if names]
    if not answers:
        raise files.InputError(
            f"{kind} question {question['id']} has no exact answer",
            path,
            remedy="give the golden file first, the answers second",
        )
    if kind == "yesno":
        value = yesno_value(answers)
        if value not in ("yes", "no"):
            raise files.InputError(
                f"yes/no question {question['id']} has an exact answer other than "
                '"yes" and "no"',
                path,
            )
        return value
    # Factoid: some files list synonyms in one list, some in a list each.
    return set().union(*caseless(answers)) if kind == "factoid" else caseless(answers)


def answer_value(answers: List[List[str]], kind: str) -> Any:
    """Return exact answers of a system as the measure of a type takes them."""
    return yesno_value(answers) if kind == "yesno" else caseless(answers)


def caseless(answers: List[List[str]]) -> List[Names]:
    """Make lists of names sets of names in lower case."""
    return [{name.lower() for name in names} for names in answers]


def yesno_value(answers: List[List[str]]) -> Optional[str]:
    """Return the one value of a yes/no question in lower case, if it is one."""
    names = [name for names in answers for name in names]
    return names[0].strip().lower() if len(names) == 1 else None


# Output


def ten_numbers(measures: Measures) -> List[float]:
    """Put the measures in the order of BioASQ's evaluator."""
    return [getattr(getattr(measures, kind), field) for kind, _, field in COLUMNS]


def java_double(value: float) -> str:
    """Spell a number from 0 to below 10^7 as Java's Double.toString does.

    Java turns to scientific notation below 0.001 and writes 5.0E-4, Python below
    0.0001 and writes 5e-05.
    """
    if value == 0 or value >= 1e-3:
        return repr(float(value))
    _, digits, exponent = decimal.Decimal(repr(value)).as_tuple()
    head, *tail = map(str, digits)
    return f"{head}.{''.join(tail) or '0'}E{exponent + len(tail)}"


def table(measures: Measures, pairs: Dict[str, List[Pair]]) -> List[str]:
    """Make the lines of a labelled table of the ten numbers."""
    lines = [f"{'':3} {'measure':30} {'value':>7} {'questions':>10} {'unanswered':>11}"]
    numbers = ten_numbers(measures)
    for number, ((kind, label, _), value) in enumerate(zip(COLUMNS, numbers), 1):
        unanswered = sum(pair.answer is None for pair in pairs[kind])
        lines.append(
            f"{number:3} {label:30} {value:7.4f} {len(pairs[kind]):10} {unanswered:11}"
        )
    return lines


# The command


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(description=DESCRIPTION, epilog=DETAILS)
    parser.add_argument("golden", metavar="GOLDEN", help="BioASQ file with the truth")
    parser.add_argument("answers", metavar="ANSWERS", help="BioASQ file to be scored")
    parser.add_argument(
        "--verbose", action="store_true", help="print a labelled table as well"
    )
    return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Print the ten numbers; warn of questions without an answer."""
    flags = parse_flags(argv)
    golden = bioasq.read_questions(flags.golden)
    answers = bioasq.read_questions(flags.answers)
    pairs = pair_up(golden, answers, flags.golden, flags.answers)
    measures = evaluate(pairs)
    print(" ".join(map(java_double, ten_numbers(measures))))
    if flags.verbose:
        print("\n".join(table(measures, pairs)))
    unanswered = [
        pair.id for kind in pairs.values() for pair in kind if pair.answer is None
    ]
    command.warn(
        f"questions without an answer in {flags.answers}, counted as wrong", unanswered
    )
    known = {question["id"] for question in golden}
    extra = [question["id"] for question in answers if question["id"] not in known]
    command.warn(
        f"answers to questions that are not in {flags.golden}, not counted", extra
    )


if __name__ == "__main__":
    command.run(main)
