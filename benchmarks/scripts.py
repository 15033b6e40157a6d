"""The three scripts: their flags, runs of them, and what is noted meanwhile."""

import contextlib
import importlib
import itertools
import os
import subprocess
import sys
import time
from typing import Any, Iterator, List, Optional, Sequence
from unittest import mock

import numpy as np

from benchmarks import common
from benchmarks.corpora import Corpus
from benchmarks.models import Pretrained
from biocodes.lib import files
from finetuning import hooks, prediction, training
from finetuning.signals import Interruption

SCRIPTS = {"ner": "run_ner.py", "re": "run_re.py", "qa": "run_qa.py"}
PADDED = "--pad_to_max_length=true"
VARIANTS = {"default": [], PADDED: [PADDED]}
# The flags of the documentation's commands.
SETTINGS = {
    "ner": ["--max_seq_length=128", "--train_batch_size=32"],
    "re": ["--max_seq_length=128", "--train_batch_size=32", "--task_name=custom"],
    "qa": ["--max_seq_length=384", "--train_batch_size=12", "--doc_stride=128"],
}
BATCH_SIZES = {"ner": 32, "re": 32, "qa": 12}
Flags = Sequence[str]


def run_script(task: str, *flags: Flags) -> None:
    """Run a script's main in this process, without its start-up."""
    script = SCRIPTS[task]
    module = importlib.import_module(script[: -len(".py")])
    module.main([script, *itertools.chain(*flags)], Interruption())


def run_command(task: str, *flags: Flags) -> float:
    """Run a script as a command; return the seconds that it took.

    Raises:
      InputError: it failed.
    """
    command = [sys.executable, os.path.join(common.ROOT, SCRIPTS[task])]
    started = time.perf_counter()
    done = subprocess.run(
        [*command, *itertools.chain(*flags)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace").strip().split("\n")[-1]
        raise files.InputError(f"{SCRIPTS[task]} failed: {said}")
    return seconds


def lines_of_process(path: str, *arguments: str) -> List[str]:
    """Run a benchmark's own command; return the lines that it prints.

    Args:
      path: __file__ of the benchmark.
      arguments: what be_command gets.

    Raises:
      InputError: it failed.
    """
    command = [sys.executable, os.path.abspath(path), "--command", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE)
    if done.returncode:
        raise files.InputError(f"{' '.join(command[1:])} failed, see above")
    return done.stdout.decode().splitlines()


# Flags


def epochs_of(corpus: Corpus, steps: int, batch_size: Optional[int] = None) -> str:
    """Return the flag that makes a training of so many steps.

    Args:
      corpus: what is trained on.
      steps: how many.
      batch_size: examples in a step; default: as in SETTINGS.
    """
    batch_size = batch_size or BATCH_SIZES[corpus.task]
    return f"--num_train_epochs={(steps + 0.5) * batch_size / corpus.examples!r}"


def train_flags(corpus: Corpus, model: Pretrained) -> List[str]:
    """Return the flags for training on a corpus, but for how long."""
    return [*SETTINGS[corpus.task], *model.flags, *corpus.flags, "--do_train=true"]


def predict_flags(corpus: Corpus, model: Pretrained, fine_tuned: str) -> List[str]:
    """Return the flags for predicting a corpus's test data.

    Args:
      corpus: what is predicted.
      model: its files.
      fine_tuned: the flag that train_for_a_step returns.
    """
    without_checkpoint = model._replace(checkpoint=None)
    return [
        *SETTINGS[corpus.task],
        *without_checkpoint.flags,
        *corpus.flags,
        fine_tuned,
        "--do_train=false",
        "--do_predict=true",
    ]


def train_for_a_step(corpus: Corpus, model: Pretrained, folder: str) -> str:
    """Make a model of the task to predict with; return the flag that names it.

    Its training data is the corpus's, so that its labels are.
    """
    out = common.new_folder(folder)
    run_script(
        corpus.task,
        train_flags(corpus, model),
        ["--do_predict=false", f"--output_dir={out}", epochs_of(corpus, steps=1)],
    )
    return f"--init_checkpoint={out}"


# Steps


class Steps:
    """What happened in a run, step by step.

    Attributes:
      ends: when each training step ended, in seconds.
      lengths: int [B] for each batch and perhaps some more: pieces of its examples.
    """

    def __init__(self) -> None:
        self.ends: List[float] = []
        self.lengths: List[np.ndarray] = []

    def examples_per_second(self, begin: int) -> float:
        """Return the speed from training step `begin`, counted from 0, at least 1."""
        count = sum(len(lengths) for lengths in self.lengths[begin : len(self.ends)])
        return count / self.seconds(begin)

    def seconds(self, begin: int) -> float:
        """Return the seconds of the training steps from `begin` on."""
        return self.ends[-1] - self.ends[begin - 1]

    def lengths_from(self, begin: int) -> List[int]:
        """List the pieces of all examples from training step `begin` on."""
        steps = self.lengths[begin : len(self.ends)]
        return [length for step in steps for length in step.tolist()]


@contextlib.contextmanager
def watched_steps() -> Iterator[Steps]:
    """Within the block, note the batches and steps that the engine goes through."""
    steps = Steps()
    parts_of, batch_of = training.parts_of, prediction.batch_of

    class Watch(hooks.WatchTraining):
        def after_run(self, run_context: Any, run_values: Any) -> None:
            steps.ends.append(time.perf_counter())
            super().after_run(run_context, run_values)

    def watched_parts_of(data: Any, parts: Any, *others: Any) -> Any:
        steps.lengths.append(data.lengths[np.concatenate(parts)])
        return parts_of(data, parts, *others)

    def watched_batch_of(data: Any, rows: Any, *others: Any) -> Any:
        steps.lengths.append(data.lengths[rows])
        return batch_of(data, rows, *others)

    with contextlib.ExitStack() as patches:
        for owner, name, new in (
            (hooks, "WatchTraining", Watch),
            (training, "parts_of", watched_parts_of),
            (prediction, "batch_of", watched_batch_of),
        ):
            patches.enter_context(mock.patch.object(owner, name, new))
        yield steps
