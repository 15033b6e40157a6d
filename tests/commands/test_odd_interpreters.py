"""Flags of Python, streams and limits of memory that a script may be started with."""

import gc
import importlib
import os
import re
import resource
import subprocess
import sys

import pytest
import tensorflow.compat.v1 as tf

from biocodes.lib import command, tensorflow_import
from finetuning import command_line
from kit.finished import Finished
from kit.paths import ROOT
from kit.small_input import COMMANDS
from kit.wrong_input import PREDICT_NER, Workspace, snapshot

SCRIPTS = ("run_ner.py", "run_re.py", "run_qa.py")
WITH_TENSORFLOW = (*SCRIPTS, "biocodes/convert_checkpoint.py")


def start(script, *arguments, python_flags=(), **options) -> Finished:
    """Run a script in a process of its own, from another folder."""
    options = {"stdout": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
    done = subprocess.run(
        [sys.executable, *python_flags, str(ROOT / script), *arguments],
        stderr=subprocess.PIPE,
        cwd="/",
        timeout=120,
        **options,
    )
    texts = ((text or b"").decode() for text in (done.stdout, done.stderr))
    return Finished(done.returncode, *texts)


def help_of(script):
    module = importlib.import_module(script[: -len(".py")])
    return command_line.help_text(module.define_flags(), module.__doc__) + "\n"


@pytest.fixture
def workspace(good_input, tmp_path):
    """Input of run_ner.py, which predicts a corpus with the original's model."""
    workspace = Workspace(good_input, tmp_path / "here", "run_ner.py")
    PREDICT_NER(workspace)
    return workspace


# Flags of Python


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_the_same_in_isolation_and_with_warnings_as_errors(script):
    done = start(script, "--help", python_flags=["-I", "-Werror"])
    assert done == (0, help_of(script), "")


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_needs_no_docstring(script):
    """Python -OO drops docstrings, but nothing that is assigned."""
    code = compile((ROOT / script).read_bytes(), script, "exec", optimize=2)
    assert "__doc__" in code.co_names
    assert importlib.import_module(script[: -len(".py")]).__doc__ in code.co_consts


def test_help_without_docstrings_is_the_same():
    done = start("run_ner.py", "--help", python_flags=["-OO"])
    assert done == (0, help_of("run_ner.py"), "")


def test_tensorflow_without_docstrings_is_itself_or_one_line():
    done = start("run_ner.py", "--version", python_flags=["-OO"])
    release = tuple(int(part) for part in tf.version.VERSION.split(".")[:2])
    if release < (2, 16):  # it reads docstrings of its own
        assert done.error == (
            "run_ner.py: error: this TensorFlow cannot be imported under python -OO;"
            " leave that out"
        )
    else:
        assert (done.status, done.stderr) == (0, "")
        assert tf.version.VERSION in done.stdout


def test_prediction_warns_of_nothing(workspace):
    """Neither the suite nor a library, which -W error would make an error."""
    flags = ["-I", "-Werror"]
    done = start("run_ner.py", *workspace.command(), python_flags=flags)
    assert done.status == 0, done.stderr
    lines = done.stderr.splitlines()
    assert lines and all(line.startswith("INFO:") for line in lines), done.stderr


# Streams


@pytest.mark.parametrize("flag", ["--help", "--version"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_full_standard_output_is_one_line(script, flag, launch):
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    done = Finished(*launch(script, flag, stdout="/dev/full"))
    assert done.error == (
        f"{script}: error: standard output: cannot be written (no space left on device)"
    )


def test_reader_that_goes_away_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    done = start("run_ner.py", "--help", stdout=writing)
    os.close(writing)
    assert done == (0, "", "")


@pytest.mark.parametrize("flags", [[], ["--do_embed=true", "--layers=-1"]])
def test_passages_of_a_closed_standard_input_are_refused(workspace, flags):
    before = snapshot(workspace.here)
    arguments = [*workspace.command(), "--data_dir=", "--do_eval=false", *flags]
    done = start(
        "run_ner.py",
        *arguments,
        "--predict_file=-",
        stdin=None,
        preexec_fn=lambda: os.close(0),
    )
    assert done.error == "run_ner.py: error: standard input: is closed"
    assert snapshot(workspace.here) == before


def test_standard_streams_may_all_be_closed(workspace):
    def close():
        for stream in range(3):
            os.close(stream)

    workspace.arguments += ["--do_eval=false"]
    start("run_ner.py", *workspace.command(), stdin=None, preexec_fn=close)
    assert (workspace.here / "out" / "token_test.txt").stat().st_size > 100


# TensorFlow that cannot be imported


@pytest.mark.parametrize("gigabytes", [1, 2])
@pytest.mark.parametrize("script", WITH_TENSORFLOW)
def test_little_address_space_is_one_line(script, gigabytes, good_input, tmp_path):
    workspace = Workspace(good_input, tmp_path / "here", script)
    before = snapshot(workspace.here)
    size = gigabytes << 30

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (size, size))

    done = start(script, *workspace.command(), preexec_fn=limit)
    assert ": error: too little memory for TensorFlow: it needs " in done.error
    assert done.error.endswith(
        f"and ulimit -v allows {size / 1e9:.1f} GB; raise it, or leave it out"
    )
    assert snapshot(workspace.here) == before


WITHOUT_TENSORFLOW = """
import runpy, sys
sys.modules["tensorflow"] = None
script, *arguments = sys.argv[1:]
sys.argv[:] = [script, *arguments]
sys.path.insert(0, sys.argv.pop(1))
runpy.run_path(script, run_name="__main__")
"""


@pytest.mark.parametrize("script", WITH_TENSORFLOW)
def test_missing_tensorflow_is_one_line(script, good_input):
    flags = [flag.format(here=good_input) for flag in COMMANDS[script]]
    arguments = [str(ROOT / script), str(ROOT), *flags]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, *arguments], capture_output=True
    )
    error = Finished(done.returncode, "", done.stderr.decode()).error
    assert "error: TensorFlow cannot be imported by" in error
    assert error.endswith("an environment with one that fits, see docs/installing.md")


@pytest.mark.parametrize(
    "error, reason",
    [
        (
            ImportError("no such module"),
            r"imported by .* \(no such module\); ./install",
        ),
        (
            ImportError('File "x.py"\nImportError: libx.so: not found\n\nFailed to …'),
            r"imported by .* \(libx.so: not found\); ./install",
        ),
        (
            ImportError("x.so: failed to map segment from shared object"),
            "^too little memory for TensorFlow",
        ),
        (MemoryError(), "^too little memory for TensorFlow"),
    ],
)
def test_reason_is_in_words(error, reason, monkeypatch, capsys):
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "__file__", str(ROOT / "run_ner.py"), raising=False)
    with pytest.raises(SystemExit) as ended:
        with tensorflow_import.importing():
            raise error
    assert ended.value.code == command.EXIT_STATUS
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert re.search(reason, line.split(": error: ")[1])


@pytest.mark.parametrize("error", [ImportError("x"), MemoryError(), TypeError("x")])
def test_library_raises_what_it_met(error):
    with pytest.raises(type(error)):
        with tensorflow_import.importing():
            raise error


@pytest.mark.parametrize("before", [True, False])
def test_import_leaves_the_garbage_collector_as_it_was(before, monkeypatch):
    monkeypatch.setattr(gc, "isenabled", lambda: before)
    calls = []
    monkeypatch.setattr(gc, "disable", lambda: calls.append("off"))
    monkeypatch.setattr(gc, "enable", lambda: calls.append("on"))
    with pytest.raises(KeyError), tensorflow_import.importing():
        raise KeyError("of whoever imports")
    assert calls == ["off", "on"][: 1 + before]
