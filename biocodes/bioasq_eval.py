"""BioASQ's measures of exact answers (task B, phase B), without Java."""

import argparse
import decimal
import os
import sys
from typing import List, Optional, Sequence

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import bioasq, command
from biocodes.lib.bioasq_scores import (
    KINDS,
    Measures,
    Pairs,
    evaluate,
    intervals,
    pair_up,
)

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

yes/no    accuracy; F1 of yes, F1 of no, and their mean. An answer that is neither of
          the two ("maybe") counts as the one that is wrong, and so does none at all.
factoid   the rank of the first right candidate decides: strict accuracy (share of rank
          1), lenient accuracy (share of any rank), mean reciprocal rank. Every name in
          GOLDEN is right. BioASQ takes 5 candidates; more of them count here, too.
list      precision, recall and F1 of each question, averaged. An item of GOLDEN is
          found by any of its synonyms, and only once: a second answer that names the
          same item is a wrong one. A name of two items finds both; precision is the
          number of items found by that of answers, 1 at most.

With --verbose, a table for each type follows, with 95 % intervals: the measures of so
many draws of as many questions, with replacement, lie between.
"""

# The ten numbers in the evaluator's order: type, measure, field.
COLUMNS = (
    ("yesno", "accuracy", "accuracy"),
    ("factoid", "strict accuracy", "strict"),
    ("factoid", "lenient accuracy", "lenient"),
    ("factoid", "mean reciprocal rank", "mrr"),
    ("list", "mean precision", "precision"),
    ("list", "mean recall", "recall"),
    ("list", "mean F1", "f1"),
    ("yesno", "macro F1", "macro_f1"),
    ("yesno", "F1 of yes", "f1_yes"),
    ("yesno", "F1 of no", "f1_no"),
)
TITLES = {"yesno": "yes/no", "factoid": "factoid", "list": "list"}


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


def tables(pairs: Pairs, resamples: int, seed: int) -> List[str]:
    """Make the lines of a table for each type.

    Args:
      pairs: what pair_up() returns.
      resamples, seed: see bioasq_scores.intervals.
    """
    ends = intervals(pairs, resamples, seed)
    columns = [ten_numbers(each) for each in (evaluate(pairs), *ends)]
    lines = []
    for kind in KINDS:
        count = len(pairs[kind])
        unanswered = sum(not pair.answered for pair in pairs[kind])
        title = f"{TITLES[kind]}: {count} questions, {unanswered} unanswered"
        lines += ["", f"{title:39} 95 % interval" if count else title]
        for number, (of_kind, label, _) in enumerate(COLUMNS):
            if count and of_kind == kind:
                value, low, high = (column[number] for column in columns)
                span = f"{low:.4f} to {high:.4f}"
                lines.append(f"{number + 1:4} {label:24} {value:.4f}    {span}")
    return lines


# The command


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(description=DESCRIPTION, epilog=DETAILS)
    parser.add_argument("golden", metavar="GOLDEN", help="BioASQ file with the truth")
    parser.add_argument("answers", metavar="ANSWERS", help="BioASQ file to be scored")
    parser.add_argument(
        "--verbose", action="store_true", help="print labelled tables as well"
    )
    parser.add_argument(
        "--resamples", type=int, default=1000, help="draws for the intervals (1000)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the draws (1)")
    flags = parser.parse_args(argv)
    if flags.resamples < 1:
        parser.error(f"--resamples must be 1 or more, not {flags.resamples}")
    return flags


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Print the ten numbers; warn of questions without an answer."""
    flags = parse_flags(argv)
    golden = bioasq.read_questions(flags.golden)
    answers = bioasq.read_questions(flags.answers)
    pairs = pair_up(golden, answers, flags.golden, flags.answers)
    print(" ".join(map(java_double, ten_numbers(evaluate(pairs)))))
    if flags.verbose:
        print("\n".join(tables(pairs, flags.resamples, flags.seed)))
    unanswered = [
        pair.id for kind in pairs.values() for pair in kind if not pair.answered
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
