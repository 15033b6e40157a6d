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

import os
import sys

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common  # noqa: E402

HEAD = ("batches", "in the process, s", "whole command, s")


def parse(argv):
    parser = common.argument_parser(__doc__, 3, **common.DATA_OF_TASK)
    common.add_task(parser)
    return parser.parse_args(argv)


def measure(corpus, model, trained, variant, folder):
    """Seconds in this process and of the whole command."""
    flags = common.predict_flags(corpus, model, trained)
    seconds = []
    for run in (common.run_script, common.run_command):
        # A new folder each time, or the records of the last time would be found.
        out = common.new_folder(folder)
        arguments = [*flags, *variant, f"--output_dir={out}"]
        seconds.append(
            common.seconds_of(lambda run=run, given=arguments: run(corpus.task, given))
        )
    return tuple(seconds)


def main(argv=None):
    arguments = parse(argv)
    with common.work_folder() as folder:
        model = common.model_of(arguments, folder)
        corpus = common.corpus_of(arguments.task, arguments.data, folder)
        trained = common.train_for_a_step(corpus, model, folder)
        found = common.alternate(
            {
                name: lambda flags=flags: measure(corpus, model, trained, flags, folder)
                for name, flags in common.VARIANTS.items()
            },
            arguments.rounds,
        )
        common.print_table(
            HEAD,
            [(name, *seconds) for name, seconds in found.items()],
            f"{common.describe_rounds(arguments)} {common.describe(model)}",
        )


if __name__ == "__main__":
    common.run(main)
