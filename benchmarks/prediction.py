#!/usr/bin/env python
"""How long does it take to predict a test set and to score it?

    python benchmarks/prediction.py --task=ner --model_dir=minilm

runs the script of the task on its test data, by turns as it does by default and with
--pad_to_max_length=true, and times two things:

    in the process   from reading the files to the last result written: featurize,
                     load the model, predict, write, score; without Python's and
                     TensorFlow's own start
    whole command    all of it, as a person waits for it

The model is made by one step of training, so its scores mean nothing.
"""

import argparse
import functools
import os
import sys
from typing import List, Optional, Tuple

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common, corpora, models, scripts  # noqa: E402

HEAD = ("batches", "in the process, s", "whole command, s")


def parse(argv: Optional[List[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = common.argument_parser(__doc__, 3, **common.DATA_OF_TASK)
    common.add_task(parser)
    return parser.parse_args(argv)


def measure(task: str, flags: List[str], folder: str) -> Tuple[float, ...]:
    """Measure the seconds in this process and those of the whole command."""
    seconds = []
    for run in (scripts.run_script, scripts.run_command):
        # A new folder each time, or the records of the last time would be used again.
        out = f"--output_dir={common.new_folder(folder)}"
        whole = functools.partial(run, task, [*flags, out])
        seconds.append(common.seconds_of(whole))
    return tuple(seconds)


def main(argv: Optional[List[str]] = None) -> None:
    """Measure and print the table."""
    arguments = parse(argv)
    with common.work_folder() as folder:
        model = models.model_of(arguments, folder)
        corpus = corpora.corpus_of(arguments.task, arguments.data, folder)
        fine_tuned = scripts.train_for_a_step(corpus, model, folder)
        predict = scripts.predict_flags(corpus, model, fine_tuned)
        measured = common.alternate(
            {
                name: functools.partial(
                    measure, corpus.task, [*predict, *flags], folder
                )
                for name, flags in scripts.VARIANTS.items()
            },
            arguments.rounds,
        )
        common.print_table(
            HEAD,
            [(name, *seconds) for name, seconds in measured.items()],
            f"{common.describe_rounds(arguments)} {model.describe()}",
        )


if __name__ == "__main__":
    common.run(main)
