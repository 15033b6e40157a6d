"""run_qa.py's answers to yes/no questions in BioASQ's answer form."""

import argparse
import os
import sys
from typing import Any, Dict, Optional, Sequence

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import bioasq, command, files, yes_no

DESCRIPTION = """\
Turn run_qa.py's answers to yes/no questions into BioASQ's answer form.

  python biocodes/transform_n2b_yesno.py --nbest_path=OUT/predictions.json \\
    --output_path=OUT

writes BioASQform_BioASQ-answer.json, for bioasq_eval.py and bioasq_submission.py. The
input is predictions.json of run_qa.py --question_type=yesno.
"""
DETAILS = """\
run_qa.py answers each snippet of a BioASQ question on its own, under the question's id
of 24 characters and a suffix that numbers the snippets (_001, _002, ..., _1000). Their
logits, rounded to 3 decimals, are averaged; above 0 the answer is yes. BioASQ takes no
maybe: of a model with --labels=yes,no,maybe, the logit is how much that of yes exceeds
that of no.
"""
DECIMALS = 3


def transform(predictions: Any, path: str = "predictions") -> Dict[str, Any]:
    """Turn the value of predictions.json into that of a BioASQ file.

    Args:
      predictions: {id: ["yes" or "no", [logit]]}.
      path: file name for messages.

    Raises:
      InputError: it has another form, or ids that cannot be pooled.
    """
    logits = yes_no.check_predictions(predictions, path)
    pools = bioasq.pool_snippets(logits, path)
    answers = {question: answer_of(snippets) for question, snippets in pools.items()}
    return bioasq.submission("yesno", answers)


def answer_of(snippets: Sequence[Sequence[float]]) -> str:
    """Return the answer to a question; snippets: the logits that each one has."""
    rounded = [round(yes_no.yes_logit(logits), DECIMALS) for logits in snippets]
    # The mean is above 0 where the sum is.
    return "yes" if sum(rounded) > 0 else "no"


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(description=DESCRIPTION, epilog=DETAILS)
    parser.add_argument(
        "--nbest_path", required=True, help="predictions.json of run_qa.py"
    )
    parser.add_argument(
        "--output_path",
        required=True,
        help=f"folder (there already, or ending in /) for {bioasq.ANSWER_FILE}, or the "
        "name of the file",
    )
    return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Write the file; warn of odd ids."""
    flags = parse_flags(argv)
    answers = transform(files.read_json(flags.nbest_path), flags.nbest_path)
    path = bioasq.path_in(flags.output_path, bioasq.ANSWER_FILE)
    files.write_json(path, answers)
    questions = answers["questions"]
    bioasq.warn_of(questions)
    print(f"wrote {len(questions)} questions to {path}")


if __name__ == "__main__":
    command.run(main)
