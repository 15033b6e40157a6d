"""report.html for output folders, those of older runs too."""

import argparse
import os
import sys
from typing import List, Optional, Sequence

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from biocodes.lib import command, report, runs
from biocodes.lib.report import Gold

DESCRIPTION = """\
Make report.html of output folders: what was run, curves, scores, and the errors.

  python biocodes/make_report.py ner_outputs

A run of run_ner.py, run_re.py or run_qa.py makes it at its end. This makes it of what
is in the folder, for runs of older versions, too, and without TensorFlow. What a folder
does not have is left out, with a word on the page. A folder of seeds or folds gets a
page with their scores, and each of them its own.
"""
DETAILS = """\
Errors are shown where the gold labels are known. NER_result_conll.txt has them.
Relations need test.tsv, questions their file: those that run.json names are taken, as
seen from the folder in which this is started, unless a flag names others.
"""


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(
        description=DESCRIPTION, epilog=DETAILS, allow_abbrev=False
    )
    parser.add_argument("folders", metavar="FOLDER", nargs="+", help="output folder")
    parser.add_argument(
        "--data_dir", metavar="FOLDER", help="has test.tsv of relations, or its folds"
    )
    parser.add_argument(
        "--predict_file", metavar="FILE", help="the questions that were answered"
    )
    return parser.parse_intermixed_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Write the pages, and print their paths."""
    flags = parse_flags(argv)
    gold = Gold(flags.data_dir, flags.predict_file)
    parts_of = {folder: runs.parts_of(folder) for folder in flags.folders}
    for folder, parts in parts_of.items():
        if not parts:
            report.check_results(folder)
    for folder, parts in parts_of.items():
        pages: List[str] = [report.write(part, gold, is_strict=True) for part in parts]
        if report.has_results(folder) and not report.is_overview(folder):
            pages.insert(0, report.write(folder, gold, is_strict=True))
        else:
            pages.insert(0, report.write_overview(folder, parts))
        print("\n".join(pages))


if __name__ == "__main__":
    command.run(main)
