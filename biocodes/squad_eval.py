"""SQuAD's exact match and token F1 of run_qa.py's predictions."""

import argparse
import os
import sys
from typing import Dict, Optional, Sequence

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from biocodes.lib import command, files, squad, squad_scores

DESCRIPTION = """\
Print SQuAD's two measures of answers, exact match and token F1, in percent.

  python biocodes/squad_eval.py dev-v1.1.json OUT/predictions.json

scores predictions.json of run_qa.py, {id: text}, against the answers of a file in
SQuAD's form, v1.1 (Rajpurkar et al. 2016, section 6.1) or v2.0 (Rajpurkar, Jia and
Liang 2018: the empty answer is right where there is none, and only there).
"""
DETAILS = """\
Answers are compared word by word after case, punctuation and the articles are gone. Of
several gold answers the one that agrees best counts.
"""


def read_predictions(path: str) -> Dict[str, str]:
    """Read predictions.json: {id: text}.

    Raises:
      InputError: the file has another form; the question is named.
    """
    predictions = files.read_json(path)
    if not isinstance(predictions, dict):
        raise files.InputError(
            "is not an object of ids and texts",
            path,
            remedy="give run_qa.py's predictions.json",
        )
    for name, text in predictions.items():
        if not isinstance(text, str):
            raise files.InputError(
                f"question {name} has a prediction that is no text",
                path,
                remedy="give run_qa.py's predictions.json",
            )
    return predictions


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(description=DESCRIPTION, epilog=DETAILS)
    parser.add_argument("dataset", metavar="DATASET", help="file in SQuAD's form")
    parser.add_argument(
        "predictions", metavar="PREDICTIONS", help="predictions.json of run_qa.py"
    )
    return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Print the two measures; warn of questions without a prediction."""
    flags = parse_flags(argv)
    golds = squad.gold_answers(files.read_json(flags.dataset), flags.dataset)
    if not golds:
        raise files.InputError("has no answers to compare with", flags.dataset)
    predictions = read_predictions(flags.predictions)
    scores = squad_scores.evaluate(golds, predictions)
    for measure in ("exact_match", "f1"):
        print(f"{measure} = {scores[measure]:.4f}")
    print(f"total = {scores['total']}")
    command.warn(
        f"questions without a prediction in {flags.predictions}, counted as wrong",
        [name for name, _ in golds if name not in predictions],
    )


if __name__ == "__main__":
    command.run(main)
