#!/usr/bin/env python
"""How long does a command take before it does anything, and what with?

    python benchmarks/startup.py --task=ner --model_dir=minilm

starts the script of the task as a command, once to train, until the first step is done,
and once to predict, until the end, and notes when it gets where:

    imports        Python and TensorFlow are there
    reading        flags, configuration, vocabulary and corpus are read and checked
    checkpoint     the checkpoint to start from is held against the model
    records        the examples are featurized, see benchmarks/featurizing.py
    graph          the model's graph is built
    session        and the session open, all variables with their first values
    first step     the first batch has been through the model
    the rest       all other batches; results are written (predicting only)

Each is the time since the line above it. When records are not written, but made as the
model asks for them, their time is in the first step and the rest.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from unittest import mock

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common  # noqa: E402  isort: skip
import tensorflow.compat.v1 as tf  # noqa: E402

from biocodes.lib import files  # noqa: E402
from finetuning import (
    hooks,  # noqa: E402
    model,  # noqa: E402
    prediction,
    records,  # noqa: E402
)
from finetuning.batches import in_input_order  # noqa: E402

STAGES = (
    "imports",
    "reading",
    "checkpoint",
    "records",
    "graph",
    "session",
    "first step",
    "the rest",
)


def parse(argv):
    parser = common.argument_parser(__doc__, 3, **common.DATA_OF_TASK)
    common.add_task(parser)
    return parser.parse_args(argv)


# In the command


class Marks:
    """When each stage of a command ended, in seconds since its start."""

    def __init__(self, started):
        self.started = started
        self.of = {}

    def set(self, stage, again=False):
        """Notes that a stage is over; a second time counts only if it is said so."""
        if again or stage not in self.of:
            self.of[stage] = time.time() - self.started

    def around(self, function, before, after):
        """The function, with a mark before it and one after it."""

        def marked(*arguments, **named):
            self.set(before)
            result = function(*arguments, **named)
            self.set(after, again=True)
            return result

        return marked


def watch(marks):
    """Patches that set the marks while a script runs; a context manager."""

    class Watch(hooks.WatchTraining):
        def begin(self):
            marks.set("graph")
            super().begin()

        def after_create_session(self, session, coord):
            marks.set("session")
            super().after_create_session(session, coord)

        def after_run(self, run_context, run_values):
            marks.set("first step")
            finish(marks)

    class Saver(tf.train.Saver):
        """The model to predict with is made when the session asks for its weights."""

        def restore(self, *arguments):
            marks.set("graph")
            super().restore(*arguments)
            marks.set("session")

    in_order = in_input_order

    def watched_in_input_order(batches, *others):
        def watched():
            for batch in batches:
                marks.set("first step")
                yield batch

        return in_order(watched(), *others)

    stack = contextlib.ExitStack()
    for owner, name, new in (
        (hooks, "WatchTraining", Watch),
        (tf.train, "Saver", Saver),
        (prediction, "in_input_order", watched_in_input_order),
    ):
        stack.enter_context(mock.patch.object(owner, name, new))
    for owner, name, before, after in (
        (model, "check_start", "reading", "checkpoint"),
        (model, "check_trained", "reading", "checkpoint"),
        (records, "open_or_write", "checkpoint", "records"),
    ):
        marked = marks.around(getattr(owner, name), before, after)
        stack.enter_context(mock.patch.object(owner, name, marked))
    return stack


def finish(marks):
    """Tells the benchmark the marks and ends the process without further ado."""
    print(json.dumps(marks.of), flush=True)
    os._exit(0)


def be_command(started, task, flags):
    """Runs a script in this process, which was started for that."""
    marks = Marks(started)
    marks.set("imports")
    with watch(marks):
        common.run_script(task, flags)
    marks.set("the rest")
    finish(marks)


# Around it


def measure(task, flags):
    """Starts a command → seconds of each stage, in the order of STAGES."""
    command = [sys.executable, os.path.abspath(__file__), "--command"]
    done = subprocess.run(
        [*command, str(time.time()), task, *flags], stdout=subprocess.PIPE
    )
    if done.returncode:
        raise files.InputError(f"{common.SCRIPTS[task]} failed, see above")
    marks = json.loads(done.stdout.decode().splitlines()[-1])
    before, seconds = 0.0, []
    for stage in STAGES:
        seconds.append(max(marks.get(stage, before) - before, 0.0))
        before += seconds[-1]
    return tuple(seconds)


def main(argv=None):
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["--command"]:
        be_command(float(argv[1]), argv[2], argv[3:])
    arguments = parse(argv)
    with common.work_folder() as folder:
        model = common.model_of(arguments, folder)
        corpus = common.corpus_of(arguments.task, arguments.data, folder)
        trained = common.train_for_a_step(corpus, model, folder)
        train = [*common.train_flags(corpus, model), "--do_predict=false"]
        predict = common.predict_flags(corpus, model, trained)

        def of_command(flags):
            out = f"--output_dir={common.new_folder(folder)}"
            return measure(corpus.task, [*flags, out])

        found = common.alternate(
            {
                "train": lambda: of_command(train),
                "predict": lambda: of_command(predict),
            },
            arguments.rounds,
        )
        rows = list(zip(STAGES, found["train"], found["predict"]))
        rows[-1] = (STAGES[-1], "", found["predict"][-1])
        rows.append(("all", sum(found["train"]), sum(found["predict"])))
        common.print_table(
            ("until", "training, s", "predicting, s"),
            rows,
            f"{common.describe_rounds(arguments)} {common.describe(model)}",
        )


if __name__ == "__main__":
    common.run(main)
