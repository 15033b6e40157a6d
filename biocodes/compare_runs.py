"""A table of several runs: scores, seeds, flags that differ, significance."""

import argparse
import os
import sys
from typing import List, Optional, Sequence

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from biocodes.lib import command, files, run_files, run_outcomes, runs, significance
from biocodes.lib.columns import aligned
from biocodes.lib.report import Gold
from biocodes.lib.runs import Compared

DESCRIPTION = """\
Print the scores of runs side by side: a row for each output folder.

  python biocodes/compare_runs.py ner_outputs ner_best --sort=f1

The scores are those of scores.json, in percent. A folder of --seeds is a row with the
mean and the standard deviation of its seeds. Flags in which the runs differ follow.
"""
DETAILS = """\
--significance tests the difference of two runs on the same test set: by the paired
bootstrap (with a 95 % interval) and by approximate randomization, over sentences of
entities, rows of relations or questions. Entities are counted in NER_result_conll.txt,
relations in test_predictions.tsv and test.tsv, answers in predictions.json and the
file of the questions; these are found by run.json, or by the flags below.
"""


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(
        description=DESCRIPTION, epilog=DETAILS, allow_abbrev=False
    )
    parser.add_argument("folders", metavar="FOLDER", nargs="+", help="output folder")
    parser.add_argument(
        "--measure",
        metavar="A,B,C",
        help='scores to print, as in f1,accuracy or "test.tsv f1"; default: the first'
        " three of each file",
    )
    parser.add_argument("--sort", metavar="MEASURE", help="put the highest first")
    parser.add_argument(
        "--significance", action="store_true", help="test the difference of two runs"
    )
    parser.add_argument(
        "--resamples", type=int, default=10000, help="draws of each test (10000)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the draws (1)")
    parser.add_argument(
        "--data_dir", metavar="FOLDER", help="has test.tsv of relations"
    )
    parser.add_argument(
        "--predict_file", metavar="FILE", help="the questions that were answered"
    )
    flags = parser.parse_intermixed_args(argv)
    if flags.resamples < 1:
        parser.error(f"--resamples must be 1 or more, not {flags.resamples}")
    if not 0 <= flags.seed < 2**32:
        parser.error(f"--seed must be from 0 to 2^32 - 1, not {flags.seed}")
    if flags.significance and len(flags.folders) != 2:
        parser.error(f"--significance takes two folders, not {len(flags.folders)}")
    if flags.significance and flags.sort is not None:
        parser.error("--sort and --significance exclude each other")
    return flags


# The table


def chosen_measures(rows: Sequence[Compared], asked: Optional[str]) -> List[str]:
    """List the scores to print, as "FILE MEASURE".

    Args:
      rows: the runs.
      asked: the value of --measure.

    Raises:
      InputError: no run has a score of a name that is asked for.
    """
    if asked is None:
        records = [
            run_files.read_scores(folder) for row in rows for folder in row.folders
        ]
        names = [name for record in records for name in runs.main_scores(record or {})]
        return list(dict.fromkeys(names))
    chosen: List[str] = []
    for name in asked.split(","):
        chosen += matching(rows, name.strip(), "--measure")
    return list(dict.fromkeys(chosen))


def matching(rows: Sequence[Compared], name: str, flag: str) -> List[str]:
    """List the scores that a name stands for, with or without its file.

    Raises:
      InputError: there is none; those that there are are named.
    """
    known = list(dict.fromkeys(score for row in rows for score in row.scores))
    found = [score for score in known if name in (score, score.rpartition(" ")[2])]
    if not found:
        raise files.InputError(f"{name} is none of {', '.join(known)}", flag)
    return found


def sorted_rows(rows: Sequence[Compared], name: Optional[str]) -> List[Compared]:
    """Sort by a score, the highest first; a run without it is last.

    Raises:
      InputError: no run has it.
    """
    if name is None:
        return list(rows)
    found = matching(rows, name, "--sort")
    # Of several files with such a score, the one that the others are trained for.
    key = next((score for score in found if score.startswith("test")), found[0])

    def value(row: Compared) -> float:
        values = row.scores.get(key)
        return runs.mean_and_deviation(values)[0] if values else -1.0

    return sorted(rows, key=value, reverse=True)


def cell(values: Optional[Sequence[float]], with_deviation: bool) -> str:
    """Write a score in percent, with its deviation where there are several seeds."""
    if not values:
        return "-"
    mean, deviation = runs.mean_and_deviation(values)
    text = f"{100 * mean:.2f}"
    return f"{text} ± {100 * deviation:.2f}" if with_deviation else text


def table_lines(rows: Sequence[Compared], measures: Sequence[str]) -> List[str]:
    """Lay out the scores: a line a run, which is named at its end, a column a score."""
    lines = [["", *measures]]
    for number, row in enumerate(rows, 1):
        several = len(row.folders) > 1
        cells = [cell(row.scores.get(name), several) for name in measures]
        lines.append([str(number), *cells])
    names = ["run", *(row.name for row in rows)]
    return [f"{line}  {name}" for line, name in zip(aligned(lines), names)]


def flag_lines(rows: Sequence[Compared]) -> List[str]:
    """Lay out the flags in which the runs differ: a line a flag, a column a run."""
    differing = runs.differing_flags(rows)
    if not differing:
        return []
    head = ["flags that differ", *(str(number) for number, _ in enumerate(rows, 1))]
    return aligned([head, *([f"--{name}", *x] for name, x in differing.items())])


# Significance


def significance_lines(flags: argparse.Namespace) -> List[str]:
    """Test the difference of the two runs in each measure of their task.

    Raises:
      InputError: they are not of the same test set.
    """
    gold = Gold(flags.data_dir, flags.predict_file)
    first, second = run_outcomes.of_runs((flags.folders[0], flags.folders[1]), gold)
    count = len(first.keys)
    lines = [f"2 less 1, {count:,} {first.unit}, {flags.resamples:,} draws"]
    rows = [["", "1", "2", "difference", "95 % interval", "bootstrap", "randomization"]]
    for name, (measure, numbers) in first.measures.items():
        others = second.measures[name][1]
        if numbers.shape != others.shape:
            raise files.InputError("the runs have other labels", "--significance")
        result = significance.compare(
            numbers, others, measure, flags.resamples, flags.seed
        )
        low, high = result.interval
        rows.append(
            [
                name,
                f"{100 * result.first:.2f}",
                f"{100 * result.second:.2f}",
                f"{100 * (result.second - result.first):+.2f}",
                f"{100 * low:+.2f} to {100 * high:+.2f}",
                f"p = {result.bootstrap:.4f}",
                f"p = {result.randomization:.4f}",
            ]
        )
    return lines + aligned(rows)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Print the tables."""
    flags = parse_flags(argv)
    rows = [row for folder in flags.folders for row in runs.read(folder)]
    measures = chosen_measures(rows, flags.measure)
    rows = sorted_rows(rows, flags.sort)
    blocks = [table_lines(rows, measures), flag_lines(rows)]
    if flags.significance:
        blocks.append(significance_lines(flags))
    print("\n\n".join("\n".join(block) for block in blocks if block))


if __name__ == "__main__":
    command.run(main)
