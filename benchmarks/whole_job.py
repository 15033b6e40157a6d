#!/usr/bin/env python
"""How long does a whole job take, and what does it score?

    python benchmarks/whole_job.py --model_dir=minilm

runs run_ner.py for three epochs, with devel.tsv and test.tsv scored, from the command
to its end. --padded also runs it with --pad_to_max_length=true, by turns with the
default; that takes several times as long.
"""

import argparse
import functools
import os
import sys
from typing import List, Optional, Tuple

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common, corpora, models, scripts  # noqa: E402  isort: skip
from biocodes.lib import conll_scores  # noqa: E402
from tasks.ner.results import WORD_FILE  # noqa: E402

HEAD = ("batches", "minutes", "precision", "recall", "F1 (entities)")


def parse(argv: Optional[List[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = common.argument_parser(__doc__, 1, **common.DATA_OF_NER)
    parser.add_argument(
        "--epochs", type=float, default=3.0, help="epochs of training; default: 3"
    )
    parser.add_argument(
        "--padded", action="store_true", help="also with --pad_to_max_length=true"
    )
    return parser.parse_args(argv)


def measure(flags: List[str], folder: str) -> Tuple[float, float, float, float]:
    """Run the command.

    Returns:
      Its minutes; precision, recall and F1 of the entities in per cent.
    """
    out = common.new_folder(folder)
    whole_job = ["--do_eval=true", "--do_predict=true", f"--output_dir={out}"]
    seconds = scripts.run_command("ner", flags, whole_job)
    scores = conll_scores.score_file(os.path.join(out, WORD_FILE)).overall
    return seconds / 60, scores.precision, scores.recall, scores.f1


def main(argv: Optional[List[str]] = None) -> None:
    """Measure and print the table."""
    arguments = parse(argv)
    epochs = f"--num_train_epochs={arguments.epochs}"
    with common.work_folder() as folder:
        model = models.model_of(arguments, folder)
        corpus = corpora.corpus_of("ner", arguments.data, folder)
        train = scripts.train_flags(corpus, model)
        measured = common.alternate(
            {
                name: functools.partial(measure, [*train, *flags, epochs], folder)
                for name, flags in scripts.VARIANTS.items()
                if arguments.padded or name != scripts.PADDED
            },
            arguments.rounds,
        )
        common.print_table(
            HEAD,
            [(name, *values) for name, values in measured.items()],
            f"{arguments.epochs:g} epochs. {common.describe_rounds(arguments)}"
            f" {model.describe()}",
        )


if __name__ == "__main__":
    common.run(main)
