"""signals.py: signals end a run in order, and one line says how to resume it."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from biocodes.lib import files
from finetuning import command_line
from finetuning.signals import (
    Interrupted,
    ending_at_once,
    exit_when_interrupted,
)
from kit.paths import ROOT

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_ends_the_run_at_once(interruption, number):
    with pytest.raises(Interrupted) as caught:
        send(number)
    assert caught.value.signal == number
    assert interruption.asked is None


@pytest.mark.parametrize("number", SIGNALS)
def test_signal_is_noted_while_it_is_held_back(interruption, number):
    with interruption.held_back():
        send(number)
        assert interruption.asked == number
    assert interruption.asked == number


def test_second_signal_ends_even_then(interruption):
    with pytest.raises(Interrupted) as caught, interruption.held_back():
        send(signal.SIGTERM)
        send(signal.SIGINT)
    assert caught.value.signal == signal.SIGINT


def test_after_the_block_signals_end_at_once_again(interruption):
    with interruption.held_back():
        pass
    with pytest.raises(Interrupted):
        send(signal.SIGTERM)


def test_nothing_swallows_it():
    assert not issubclass(Interrupted, Exception)


@pytest.mark.parametrize(
    "number, where, line",
    [
        (
            signal.SIGTERM,
            "checkpoint saved at step 7 of 9",
            "stopped by SIGTERM: checkpoint saved at step 7 of 9; the same command "
            "again resumes from here\n",
        ),
        (
            signal.SIGINT,
            "",
            "stopped by SIGINT: no result was written half; the same command again "
            "resumes from here\n",
        ),
    ],
)
def test_exit_says_how_to_resume(capsys, number, where, line):
    with pytest.raises(SystemExit) as ended:
        exit_when_interrupted(Interrupted(number, where))
    assert ended.value.code == 128 + number
    assert capsys.readouterr().err == line


def test_command_ends_with_the_signals_status(restored_signals, capsys, monkeypatch):
    monkeypatch.setattr(command_line, "set_up_console", lambda: None)
    monkeypatch.setattr(sys, "argv", ["run_ner.py", "--seed=1"])
    seen = []

    def main(argv, interruption):
        seen.append(argv)
        send(signal.SIGUSR1)

    with pytest.raises(SystemExit) as ended:
        command_line.run(main)
    assert seen == [["run_ner.py", "--seed=1"]]
    assert ended.value.code == 128 + signal.SIGUSR1
    assert capsys.readouterr().err.startswith("stopped by SIGUSR1: ")


@pytest.mark.parametrize(
    "where, flag, again",
    [
        ("checkpoint saved", "--overwrite_output_dir=true", "command without --overwr"),
        ("checkpoint saved", "--seed=1", "command again resumes"),
        # What is to be overwritten is still there.
        ("", "--overwrite_output_dir=true", "command again resumes"),
    ],
)
def test_overwriting_again_would_lose_the_checkpoint(
    restored_signals, capsys, monkeypatch, where, flag, again
):
    monkeypatch.setattr(command_line, "set_up_console", lambda: None)
    monkeypatch.setattr(sys, "argv", ["run_ner.py", flag])

    def main(argv, interruption):
        raise Interrupted(signal.SIGTERM, where)

    with pytest.raises(SystemExit):
        command_line.run(main)
    assert f"; the same {again}" in capsys.readouterr().err


SIGNAL_AT_IMPORT = """
import os, runpy, sys

class Finder:
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] == "tensorflow":
            os.kill(os.getpid(), number)

number = int(sys.argv.pop())
sys.argv = [sys.argv[1], "--version"]
sys.meta_path.insert(0, Finder)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("script", ["run_ner.py", "run_re.py", "run_qa.py"])
def test_signal_while_tensorflow_is_imported_is_one_line(script, number):
    path = str(ROOT / script)
    done = subprocess.run(
        [sys.executable, "-c", SIGNAL_AT_IMPORT, path, str(int(number))],
        cwd=os.path.dirname(path),
        capture_output=True,
    )
    assert done.returncode == 128 + number
    name = signal.Signals(number).name
    line = f"stopped by {name}: nothing was begun; the same command again resumes from"
    assert done.stderr.decode() == f"{line} here\n"


def test_import_leaves_signals_to_whoever_imports(restored_signals):
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    with ending_at_once():
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN
    assert {signal.getsignal(number) for number in SIGNALS} == {signal.SIG_IGN}
    seen = []

    def in_a_thread():
        with ending_at_once():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_IGN]


def test_wrong_input_is_one_line_and_status_2(restored_signals, capsys, monkeypatch):
    monkeypatch.setattr(command_line, "set_up_console", lambda: None)
    monkeypatch.setattr(sys, "argv", ["/some/where/run_ner.py"])

    def main(argv, interruption):
        raise files.InputError("wrong", "a.tsv", 3)

    with pytest.raises(SystemExit) as ended:
        command_line.run(main)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "run_ner.py: error: a.tsv:3: wrong\n"
