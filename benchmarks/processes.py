#!/usr/bin/env python
"""How does training grow with processes, and what do they exchange?

    python benchmarks/processes.py --model_dir=minilm

trains with run_ner.py, by turns in one process and in two by Horovod, each bound to the
cores that the table names, and times the steps after the first few (their median).
Horovod must be installed: ./install.sh --with=horovod.

    MB a step    what a process hands over to be summed: gradients of 4 bytes a number,
                 all of them but for the vocabulary's, of which the rows that occur
    exchange     share of a step of two processes that one process alone, with the same
                 core and half of the examples, does not need: communication, and
                 waiting for the other one
"""

import argparse
import json
import os
import subprocess
import sys
from typing import Any, Dict, List, NamedTuple, Optional, Tuple
from unittest import mock

import numpy as np

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common, corpora, models, scripts  # noqa: E402  isort: skip
from biocodes.lib import files  # noqa: E402
from finetuning import shares  # noqa: E402

HEAD = (
    *("processes", "cores each", "examples a step", "steps/s", "examples/s"),
    *("MB a step", "exchange"),
)
BYTES = 4  # of a number, and of an index


class Layout(NamedTuple):
    """How many processes train, on which cores, with how many examples a step."""

    cores: Tuple[Tuple[int, ...], ...]
    batch_size: int


def parse(argv: Optional[List[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = common.argument_parser(__doc__, 3, **common.DATA_OF_NER)
    common.add_counts(
        parser,
        ("--batch_size", 32, "examples in a step"),
        ("--steps", 30, "training steps that are timed"),
        ("--warm_up", 5, "steps before these"),
    )
    return parser.parse_args(argv)


# One of the processes


def be_command(text: str) -> None:
    """Train as one of the processes; the first prints steps and bytes as JSON."""
    asked = json.loads(text)
    sizes: List[Any] = []
    sum_of = shares.sum_of

    def watched(values: List[Any]) -> List[Any]:
        sizes.extend(values)
        return sum_of(values)

    with scripts.watched_steps() as steps:
        with mock.patch.object(shares, "sum_of", watched):
            scripts.run_script("ner", asked["flags"])
    begin = asked["warm_up"]
    count = len(steps.ends) - begin
    pieces = sum(steps.lengths_from(begin)) / count
    # The median, for a pause of one process is a pause of all.
    of_step = float(np.median(np.diff(steps.ends[begin - 1 :])))
    print(json.dumps([of_step, bytes_of(sizes, pieces)]))


def bytes_of(values: List[Any], pieces: float) -> float:
    """Return how large gradients are that a process hands over.

    Args:
      values: tensors, IndexedSlices or None.
      pieces: of a step, in this process; each has a row of IndexedSlices.
    """
    total = 0.0
    for value in values:
        if hasattr(value, "indices"):
            total += pieces * (value.values.shape.as_list()[-1] + 1) * BYTES
        elif value is not None:
            total += value.shape.num_elements() * BYTES
    return total


def variables_of(rank: int, count: int) -> Dict[str, str]:
    """Return what srun tells a process on this machine; the port is the job's."""
    return {
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_PROCID": str(rank),
        "SLURM_LOCALID": str(rank),
        "SLURM_NODEID": "0",
        "SLURM_STEP_NUM_TASKS": str(count),
        "SLURM_STEP_TASKS_PER_NODE": str(count),
        "SLURM_STEP_NODELIST": "localhost",
    }


# All of them


def measured(
    layout: Layout,
    corpus: corpora.Corpus,
    model: models.Pretrained,
    arguments: argparse.Namespace,
    folder: str,
) -> Tuple[float, float]:
    """Train in the processes of a layout → seconds and bytes a step."""
    steps = arguments.warm_up + arguments.steps
    flags = [
        *scripts.train_flags(corpus, model),
        f"--train_batch_size={layout.batch_size}",
        f"--output_dir={common.new_folder(folder)}",
        scripts.epochs_of(corpus, steps, layout.batch_size),
        "--do_predict=false",
        f"--horovod={'true' if len(layout.cores) > 1 else 'false'}",
    ]
    asked = json.dumps({"flags": flags, "warm_up": arguments.warm_up})
    processes = []
    for rank, cores in enumerate(layout.cores):
        pinned = ["taskset", "--cpu-list", ",".join(map(str, cores))]
        command = [sys.executable, os.path.abspath(__file__), "--command", asked]
        processes.append(
            subprocess.Popen(
                [*pinned, *command],
                env=dict(os.environ, **variables_of(rank, len(layout.cores))),
                stdout=subprocess.PIPE,
            )
        )
    printed = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise files.InputError("a training failed, see above")
    seconds, size = json.loads(printed[0].decode().splitlines()[-1])
    return seconds, size


def layouts(batch_size: int) -> Dict[str, Layout]:
    """Name the layouts that are compared."""
    first, second, *_ = sorted(os.sched_getaffinity(0)) * 2
    return {
        "half": Layout(((first,),), batch_size // 2),
        "one": Layout(((first,),), batch_size),
        "both cores": Layout(((first, second),), batch_size),
        "two": Layout(((first,), (second,)), batch_size),
    }


def rows(
    compared: Dict[str, Layout], seconds: Dict[str, Tuple[float, float]]
) -> List[Tuple[Any, ...]]:
    """Lay out the table."""
    half, two = seconds["half"][0], seconds["two"][0]
    table = []
    for name, layout in compared.items():
        of_step, size = seconds[name]
        cells = [len(layout.cores), len(layout.cores[0]), layout.batch_size]
        cells += [1 / of_step, layout.batch_size / of_step]
        exchanged = ["", ""]
        if name == "two":
            exchanged = [size / 1e6, f"{max(0.0, 1 - half / two):.0%}"]
        table.append((*cells, *exchanged))
    return table


def main(argv: Optional[List[str]] = None) -> None:
    """Measure and print the table."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["--command"]:
        be_command(argv[1])
        return
    arguments = parse(argv)
    with common.work_folder() as folder:
        model = models.model_of(arguments, folder)
        corpus = corpora.corpus_of("ner", arguments.data, folder)
        compared = layouts(arguments.batch_size)
        seconds = common.alternate(
            {
                name: lambda layout=layout: measured(
                    layout, corpus, model, arguments, folder
                )
                for name, layout in compared.items()
            },
            arguments.rounds,
        )
        note = f"{common.describe_rounds(arguments)} {model.describe()}"
        common.print_table(HEAD, rows(compared, seconds), note)


if __name__ == "__main__":
    common.run(main)
