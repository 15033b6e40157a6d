"""What several test files share: a tiny BERT, and ways to run the suite's scripts."""

import hashlib
import logging
import os
import pathlib
import subprocess
import sys

# TensorFlow takes it at its import, which is when the test modules are collected.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest  # noqa: E402

from kit import forked  # noqa: E402
from kit.finished import Finished  # noqa: E402
from kit.paths import DATA, ROOT  # noqa: E402

pytest_plugins = ["kit.stacks"]


def pytest_addoption(parser):
    parser.addoption(
        "--random_sentences",
        type=int,
        default=10000,
        help="how many random sentences the alignment of NER has to survive",
    )
    parser.addoption(
        "--mutations",
        type=int,
        default=30,
        help="how many spoiled inputs each reader and each command has to survive",
    )
    parser.addoption(
        "--mutation_seed", type=int, default=4, help="what the spoiled inputs depend on"
    )


def pytest_configure(config):
    # Of TensorFlow's own libraries; there is nothing that this project could do.
    for category in ("DeprecationWarning", "FutureWarning"):
        config.addinivalue_line("filterwarnings", f"ignore::{category}")


def command_of(script, arguments):
    return [sys.executable, str(ROOT / script), *map(str, arguments)]


@pytest.fixture(scope="session")
def run_command():
    """run_command(script, *arguments, **options of subprocess.run) → Finished."""

    def run(script, *arguments, **options):
        done = subprocess.run(
            command_of(script, arguments),
            capture_output=True,
            timeout=120,
            **options,
        )
        return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture(scope="session")
def launch():
    """launch(script, *arguments, **options of forked.Launcher) → Finished."""
    with forked.Launcher() as launcher:
        yield lambda *request, **options: Finished(*launcher(*request, **options))


@pytest.fixture
def start_command():
    """start_command(script, *arguments) → Popen, killed at the end of the test."""
    started = []

    def start(script, *arguments):
        process = subprocess.Popen(
            command_of(script, arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def call(capsys, caplog, monkeypatch):
    """call(module, *arguments) → Finished: a script's main in this process.

    It ends as a command would, but without the seconds that TensorFlow takes to start.
    Log lines are in caplog, so standard error has what went wrong and nothing else.
    """
    import tensorflow.compat.v1 as tf

    from biocodes.lib import command
    from finetuning.signals import Interruption

    tf.disable_v2_behavior()
    caplog.set_level(logging.INFO, "biobert")

    def run(module, *arguments):
        argv = [f"{module.__name__}.py", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", argv)
        caplog.clear()
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            command.run(lambda: module.main(argv, Interruption()))
        return Finished(ended.value.code or 0, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def tiny_bert():
    """Flags that name the tiny BERT, ready for a training."""
    return [
        f"--vocab_file={DATA / 'init' / 'vocab.txt'}",
        f"--bert_config_file={DATA / 'init' / 'bert_config.json'}",
        f"--init_checkpoint={DATA / 'init' / 'model.ckpt'}",
    ]


@pytest.fixture(scope="session")
def listing():
    """listing(folder) → {path below it: digest of the file}.

    A lock file is left out: it is empty and says nothing.
    """

    def digests(folder):
        folder = pathlib.Path(str(folder))
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != ".lock"
        }

    return digests
