"""interruption.py: signals end a run in order."""

import os
import signal
import sys

import pytest

import command_line
from biocodes import files
from interruption import Interrupted, Interruption, exit_when_interrupted

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


@pytest.fixture
def restored_signals():
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def interruption(restored_signals):
    made = Interruption()
    made.install()
    return made


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
            "again goes on from here\n",
        ),
        (
            signal.SIGINT,
            "",
            "stopped by SIGINT: no result was written half; the same command again "
            "goes on from here\n",
        ),
    ],
)
def test_exit_says_how_to_go_on(capsys, number, where, line):
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


def test_wrong_input_is_one_line_and_status_2(restored_signals, capsys, monkeypatch):
    monkeypatch.setattr(command_line, "set_up_console", lambda: None)
    monkeypatch.setattr(sys, "argv", ["/some/where/run_ner.py"])

    def main(argv, interruption):
        raise files.InputError("wrong", "a.tsv", 3)

    with pytest.raises(SystemExit) as ended:
        command_line.run(main)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "run_ner.py: error: a.tsv:3: wrong\n"
