"""What all benchmarks share: flags, folders, rounds, tables."""

import argparse
import contextlib
import logging
import os
import platform
import re
import statistics
import tempfile
import time
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

from biocodes.lib import command
from finetuning import command_line, console
from finetuning.cores import usable_cores

tf = command_line.start_tensorflow()

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NCBI_DISEASE = os.path.join(ROOT, "examples", "NCBI-disease")
TASKS = ("ner", "qa", "re")
# A number, or several of one measurement.
Measured = Any


# Commands


def argument_parser(
    description: str, rounds: int, **of_data: Any
) -> argparse.ArgumentParser:
    """Make a parser of the flags that the benchmarks share.

    Args:
      description: the script's docstring.
      rounds: default of --rounds.
      of_data: default and help of --data.
    """
    parser = command.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", **of_data)
    parser.add_argument(
        "--model_dir",
        help="folder with bert_config.json, vocab.txt and perhaps a checkpoint;"
        " default: random weights of MiniLM's sizes",
    )
    parser.add_argument(
        "--do_lower_case",
        type=str.lower,
        choices=["true", "false"],
        default="true",
        help="true for uncased models; default: true",
    )
    parser.add_argument(
        "--rounds",
        type=positive,
        default=rounds,
        help=f"times that each measurement is made; default: {rounds}",
    )
    return parser


def add_task(parser: argparse.ArgumentParser) -> None:
    """Add --task, for benchmarks that know all three."""
    parser.add_argument("--task", choices=TASKS, default="ner", help="default: ner")


def add_counts(parser: argparse.ArgumentParser, *counts: Tuple[str, int, str]) -> None:
    """Add flags that take whole numbers from 1: each its name, default and meaning."""
    for flag, default, text in counts:
        parser.add_argument(
            flag, type=positive, default=default, help=f"{text}; default: {default}"
        )


DATA_OF_TASK = {
    "default": None,
    "help": "the corpus, by --task: a folder with train_dev.tsv, devel.tsv and test.tsv"
    " (ner), with train.tsv and test.tsv (re), or with train.json and test.json (qa);"
    " default: examples/NCBI-disease, for re and qa made into such files",
}
DATA_OF_NER = {
    "default": NCBI_DISEASE,
    "help": "folder with train_dev.tsv, devel.tsv and test.tsv; default:"
    " examples/NCBI-disease",
}


def positive(text: str) -> int:
    """Parse a whole number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {number}")
    return number


def numbers(text: str) -> List[int]:
    """Parse some such numbers, "1000,2000"."""
    return [positive(part) for part in text.split(",")]


def run(main: Callable[[], None]) -> None:
    """Run a benchmark as a command; only what goes wrong is logged."""
    console.set_up_console()
    command_line.set_up_tensorflow()
    console.log.setLevel(logging.ERROR)
    command.run(main)


@contextlib.contextmanager
def work_folder() -> Iterator[str]:
    """Make a folder for the block; it is removed after it."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        yield folder


def new_folder(folder: str) -> str:
    """Make a new, empty folder in a folder."""
    return tempfile.mkdtemp(dir=folder)


# Rounds


def alternate(
    measurements: Dict[Any, Callable[[], Measured]], rounds: int
) -> Dict[Any, Measured]:
    """Measure one after another, round after round: A B A B …

    Args:
      measurements: name → function that returns a number, or a tuple of numbers.
      rounds: how many times.

    Returns:
      Name → median, or tuple of medians.
    """
    measured = {name: [] for name in measurements}
    for _ in range(rounds):
        for name, measure in measurements.items():
            measured[name].append(measure())
    return {name: _median(values) for name, values in measured.items()}


def _median(values: Sequence[Measured]) -> Measured:
    if isinstance(values[0], tuple):
        return tuple(statistics.median(column) for column in zip(*values))
    return statistics.median(values)


def seconds_of(function: Callable[[], Any]) -> float:
    """Return how many seconds a call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def describe_rounds(arguments: argparse.Namespace) -> str:
    """Say in print_table's note how many rounds there were."""
    if arguments.rounds == 1:
        return "One round."
    return f"Medians of {arguments.rounds} rounds."


# Tables


def print_table(head: Sequence[str], rows: Sequence[Sequence[Any]], note: str) -> None:
    """Print a Markdown table, numbers to the right, and a line on the machine.

    Args:
      head: the columns' names.
      rows: lists of cells; a float has three significant digits.
      note: what else there is to say on how it was measured.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    # A cell may be empty, but the first one tells what its column has.
    is_number = [re.fullmatch(r"[\d,.]*", cell) for cell in cells[0]]
    print(f"| {' | '.join(head)} |")
    print(f"|{'|'.join('---:' if number else '---' for number in is_number)}|")
    for row in cells:
        print(f"| {' | '.join(row)} |")
    print(f"\n{note} {machine()}", flush=True)


def _cell(value: Any) -> str:
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{2 if value < 10 else 1}f}"


def machine() -> str:
    """Describe the machine and the versions in a line."""
    return (
        f"{usable_cores()} cores, {_processor()}, TensorFlow {tf.version.VERSION},"
        f" Python {platform.python_version()}."
    )


def _processor() -> str:
    """Return the processor's name where Linux tells it."""
    with contextlib.suppress(OSError, AttributeError):
        with open("/proc/cpuinfo") as stream:
            return re.search(r"model name\s*:\s*(.*)", stream.read()).group(1).strip()
    return platform.processor() or platform.machine()
