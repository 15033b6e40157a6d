"""SQuAD's two measures of an answer: exact match and token F1.

    python biocodes/squad_eval.py DATASET PREDICTIONS

scores predictions.json of run_qa.py, {id: text}, against the answers of a file in
SQuAD's form, v1.1 (Rajpurkar et al. 2016, section 6.1) or v2.0 (Rajpurkar, Jia and
Liang 2018: the empty answer is right where there is none, and only there).

Answers are compared word by word after case, punctuation and the articles are gone. Of
several gold answers the one that agrees best counts.
"""

import os
import sys

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from biocodes.lib import command, files, squad, squad_scores


def read_predictions(path):
    """{id: text} of a predictions.json.

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


def parse_flags(argv):
    parser = command.ArgumentParser(
        description="Prints SQuAD's exact match and token F1, in percent.",
    )
    parser.add_argument("dataset", metavar="DATASET", help="file in SQuAD's form")
    parser.add_argument(
        "predictions", metavar="PREDICTIONS", help="predictions.json of run_qa.py"
    )
    return parser.parse_args(argv)


def main(argv=None):
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
