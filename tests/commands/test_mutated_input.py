"""Good input spoiled at random: results, or one line and status 2, and nothing else.

--mutations=1000 tries more of it, --mutation_seed=2 other input. A failure names the
seed and the number of the input that brought it about.
"""

import contextlib
import importlib
import io
import pathlib
import random
import re
import shutil
import sys
from typing import Callable, Iterator, NamedTuple

import pytest
import tensorflow.compat.v1 as tf

from biocodes.lib import command, files
from kit import readers
from kit.finished import Finished
from kit.mutations import mutated
from kit.readers import READERS
from kit.small_input import COMMANDS, READS
from kit.wrong_input import (
    LONGEST_LINE,
    PREDICT_NER,
    PREDICT_QA,
    PREDICT_RE,
    Workspace,
    snapshot,
)

tf.disable_v2_behavior()

# Script → what makes its run short.
WHOLE_RUNS = {
    "run_ner.py": PREDICT_NER,
    "run_re.py": PREDICT_RE,
    "run_qa.py": PREDICT_QA,
}
BIOCODES = [name for name in READS if name.endswith(".py") and name not in WHOLE_RUNS]
# A run in a process of its own takes as long as so many readings.
READINGS_A_RUN = 15
ONE_LINE = re.compile(r"[\w.]+: error: .+\n")


class Input(NamedTuple):
    """One spoiled input: what names it, and the random numbers that make it."""

    name: str
    rng: random.Random


@pytest.fixture
def inputs(request) -> Callable[..., Iterator[Input]]:
    """inputs(about, share): the Inputs of a test."""
    count = request.config.getoption("mutations")
    seed = request.config.getoption("mutation_seed")

    def generate(about: str, share: int = 1) -> Iterator[Input]:
        for number in range(max(count // share, 1)):
            name = f"{about}, input {number} of --mutation_seed={seed}"
            yield Input(name, random.Random(f"{seed} {about} {number}"))

    return generate


@contextlib.contextmanager
def spoiled(path: pathlib.Path, rng: random.Random) -> Iterator[None]:
    """Within the block, let a file have spoiled content."""
    content = path.read_bytes()
    path.write_bytes(mutated(content, rng))
    try:
        yield
    finally:
        path.write_bytes(content)


# Readers


@pytest.fixture(scope="module")
def read_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readers")
    readers.lay_out(folder)
    return folder


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_good_input_is_read(reader, read_folder):
    """Otherwise the refusals of spoiled input would prove nothing."""
    reader.read(read_folder)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_reader_reads_or_refuses(reader, read_folder, inputs):
    for given in inputs(reader.name):
        path = read_folder / given.rng.choice(reader.paths)
        with spoiled(path, given.rng):
            try:
                reader.read(read_folder)
            except files.InputError as error:
                assert 0 < len(str(error)) < LONGEST_LINE, given.name
                assert str(error).isprintable(), given.name
            except Exception as error:
                raise AssertionError(f"{given.name}: {error!r}") from error


# Commands on files


@pytest.fixture
def run_in_process(monkeypatch):
    """run_in_process(script, workspace) → Finished, as fast as it goes."""

    def run(script: str, workspace: Workspace) -> Finished:
        module = importlib.import_module(script[: -len(".py")].replace("/", "."))
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
        with open(str(workspace.stdin), "rb") as stdin, monkeypatch.context() as patch:
            for name, stream in (("stdin", stdin), ("stdout", out), ("stderr", err)):
                patch.setattr(sys, name, stream)
            patch.setattr(sys, "argv", [script, *workspace.command()])
            with pytest.raises(SystemExit) as ended:
                command.run(module.main)
        texts = (stream.buffer.getvalue().decode("utf-8") for stream in (out, err))
        return Finished(ended.value.code or 0, *texts)

    return run


def check_end(done: Finished, before, workspace: Workspace, name: str) -> None:
    """Check that a run was a success, or a refusal without a trace."""
    if done.status == 0:
        assert "Traceback" not in done.stderr, name
        return
    # A line of another width is 1 for the scorer of 2004.
    assert done.status in (1, command.EXIT_STATUS), (name, done)
    lines = re.sub(r"^(INFO|WARNING):.*\n", "", done.stderr, flags=re.MULTILINE)
    assert ONE_LINE.fullmatch(lines) and len(lines) < LONGEST_LINE, (name, done)
    assert done.stdout == "", name
    assert snapshot(workspace.here) == before, name


def start_again(workspace: Workspace, good_input: pathlib.Path) -> None:
    """Bring back the results of an earlier run."""
    for name in ("out", "converted", "unpacked"):
        shutil.rmtree(str(workspace.here / name), ignore_errors=True)
        if (good_input / name).exists():
            shutil.copytree(str(good_input / name), str(workspace.here / name))


@pytest.mark.parametrize("script", BIOCODES)
def test_command_succeeds_or_refuses(
    script, good_input, run_in_process, tmp_path, inputs
):
    workspace = Workspace(good_input, tmp_path / "here", script)
    paths = [path for glob in READS[script] for path in workspace.here.glob(glob)]
    for given in inputs(script):
        with spoiled(given.rng.choice(sorted(paths)), given.rng):
            before = snapshot(workspace.here)
            try:
                done = run_in_process(script, workspace)
            except Exception as error:
                raise AssertionError(f"{given.name}: {error!r}") from error
            check_end(done, before, workspace, given.name)
        if done.status == 0:
            start_again(workspace, good_input)


# Whole runs


@pytest.mark.parametrize("script", WHOLE_RUNS)
def test_prediction_succeeds_or_refuses(
    script, good_input, as_command, tmp_path, inputs
):
    workspace = Workspace(good_input, tmp_path / "here", script)
    WHOLE_RUNS[script](workspace)
    paths = [path for glob in READS[script] for path in workspace.here.glob(glob)]
    for given in inputs(script, READINGS_A_RUN):
        with spoiled(given.rng.choice(sorted(paths)), given.rng):
            done = as_command(script, workspace)
            assert done.status in (0, command.EXIT_STATUS), (given.name, done)
            assert "Traceback" not in done.stderr, (given.name, done)


def test_every_command_is_given_spoiled_input():
    commands = {name for name in COMMANDS if name.endswith(".py")}
    assert commands == {*BIOCODES, *WHOLE_RUNS}


def test_spoiled_input_is_the_same_each_time():
    contents = [mutated(b"a\tb\n" * 9, random.Random("1 x 7")) for _ in range(2)]
    assert contents[0] == contents[1] != b"a\tb\n" * 9
