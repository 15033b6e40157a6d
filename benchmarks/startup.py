#!/usr/bin/env python
"""How long does a command take before it does anything, and what with?

    python benchmarks/startup.py --task=ner --model_dir=minilm

starts the script of the task as a command, once to train, until the first step is done,
and once to predict, until the end, and notes when it gets where:

    imports        Python and TensorFlow are there
    reading        flags, configuration, vocabulary and corpus are read and checked
    checkpoint     the checkpoint to start from is compared with the model
    records        the examples are featurized, see benchmarks/featurizing.py
    graph          the model's graph is built
    session        and the session open, all variables with their first values
    first step     the first batch has been through the model
    the rest       all other batches; results are written (predicting only)

Each is the time since the line above it. When records are not written, but made as the
model asks for them, their time is in the first step and the rest.
"""

import argparse
import contextlib
import functools
import json
import os
import sys
import time
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple
from unittest import mock

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common, corpora, models, scripts  # noqa: E402  isort: skip
import tensorflow.compat.v1 as tf  # noqa: E402

from finetuning import hooks, prediction  # noqa: E402
from finetuning.run import Run  # noqa: E402

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


def parse(argv: List[str]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = common.argument_parser(__doc__, 3, **common.DATA_OF_TASK)
    common.add_task(parser)
    return parser.parse_args(argv)


# In the command


class Marks:
    """When each stage of a command ended.

    Attributes:
      started: when the command did, as time.time().
      of: stage → seconds since then.
    """

    def __init__(self, started: float) -> None:
        self.started = started
        self.of: Dict[str, float] = {}

    def set(self, stage: str, again: bool = False) -> None:
        """Note that a stage is over; a second time counts only if it is said so."""
        if again or stage not in self.of:
            self.of[stage] = time.time() - self.started

    def around(
        self, function: Callable[..., Any], before: str, after: str
    ) -> Callable[..., Any]:
        """Return the function with a mark before it and one after it."""

        def marked(*arguments: Any, **named: Any) -> Any:
            self.set(before)
            result = function(*arguments, **named)
            self.set(after, again=True)
            return result

        return marked


@contextlib.contextmanager
def watched(marks: Marks) -> Iterator[None]:
    """Within the block, set the marks while a script runs."""
    in_input_order = prediction.in_input_order

    def watched_in_input_order(batches: Any, *others: Any) -> Any:
        def watched_batches() -> Iterator[Any]:
            for batch in batches:
                marks.set("first step")
                yield batch

        return in_input_order(watched_batches(), *others)

    patches = (
        (hooks, "WatchTraining", watch_of(marks)),
        (tf.train, "Saver", saver_of(marks)),
        (prediction, "in_input_order", watched_in_input_order),
        (Run, "check", marks.around(Run.check, "reading", "checkpoint")),
        (Run, "records", marks.around(Run.records, "checkpoint", "records")),
    )
    with contextlib.ExitStack() as stack:
        for owner, name, new in patches:
            stack.enter_context(mock.patch.object(owner, name, new))
        yield


def watch_of(marks: Marks) -> type:
    """Make the hook that sets the marks of a training and ends it after a step."""

    class Watch(hooks.WatchTraining):
        def begin(self) -> None:
            marks.set("graph")
            super().begin()

        def after_create_session(self, session: Any, coord: Any) -> None:
            marks.set("session")
            super().after_create_session(session, coord)

        def after_run(self, run_context: Any, run_values: Any) -> None:
            marks.set("first step")
            finish(marks)

    return Watch


def saver_of(marks: Marks) -> type:
    """Make the Saver that sets the marks of a prediction.

    Its graph is there when the session asks for the weights. In a training the mark has
    been set before.
    """

    class Saver(tf.train.Saver):
        def restore(self, *arguments: Any) -> None:
            marks.set("graph")
            super().restore(*arguments)
            marks.set("session")

    return Saver


def finish(marks: Marks) -> None:
    """Print the marks and end the process without further ado."""
    print(json.dumps(marks.of), flush=True)
    os._exit(0)


def be_command(started: float, task: str, flags: Sequence[str]) -> None:
    """Run a script in this process, which was started for that."""
    marks = Marks(started)
    marks.set("imports")
    with watched(marks):
        scripts.run_script(task, flags)
    marks.set("the rest")
    finish(marks)


# Around it


def measure(task: str, flags: Sequence[str], folder: str) -> Tuple[float, ...]:
    """Start a command; return the seconds of each stage, in the order of STAGES."""
    out = f"--output_dir={common.new_folder(folder)}"
    started = str(time.time())
    lines = scripts.lines_of_process(__file__, started, task, *flags, out)
    marks = json.loads(lines[-1])
    before, seconds = 0.0, []
    for stage in STAGES:
        seconds.append(max(marks.get(stage, before) - before, 0.0))
        before += seconds[-1]
    return tuple(seconds)


def main(argv: Optional[List[str]] = None) -> None:
    """Measure and print the table."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["--command"]:
        be_command(float(argv[1]), argv[2], argv[3:])
    arguments = parse(argv)
    with common.work_folder() as folder:
        model = models.model_of(arguments, folder)
        task = arguments.task
        corpus = corpora.corpus_of(task, arguments.data, folder)
        fine_tuned = scripts.train_for_a_step(corpus, model, folder)
        train = [*scripts.train_flags(corpus, model), "--do_predict=false"]
        predict = scripts.predict_flags(corpus, model, fine_tuned)
        measured = common.alternate(
            {
                "train": functools.partial(measure, task, train, folder),
                "predict": functools.partial(measure, task, predict, folder),
            },
            arguments.rounds,
        )
        note = f"{common.describe_rounds(arguments)} {model.describe()}"
    rows = list(zip(STAGES, measured["train"], measured["predict"]))
    rows[-1] = (STAGES[-1], "", measured["predict"][-1])
    rows.append(("all", sum(measured["train"]), sum(measured["predict"])))
    common.print_table(("until", "training, s", "predicting, s"), rows, note)


if __name__ == "__main__":
    common.run(main)
