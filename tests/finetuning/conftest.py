"""What the tests of the engine share: a small corpus, a log, real signals."""

import logging
import signal

import pytest

from finetuning import records
from finetuning.signals import SIGNALS, Interruption
from kit import small_training


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """The record file of small_training.sentences()."""
    path = str(tmp_path_factory.mktemp("data") / "x.tf_record")
    rows = small_training.sentences()
    return records.write_records(path, small_training.SCHEMA, rows, {})


@pytest.fixture(scope="session")
def trained(data, tmp_path_factory):
    """The checkpoint of a whole small training."""
    return small_training.train(data, tmp_path_factory.mktemp("trained"))


@pytest.fixture
def restored_signals():
    """The signals' former handlers come back after the test."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def interruption(restored_signals):
    """An Interruption that the signals of this process reach."""
    made = Interruption()
    made.install()
    return made


@pytest.fixture
def log(caplog):
    """log() → the suite's log lines so far."""
    caplog.set_level(logging.INFO, "biobert")
    return lambda: [
        record.getMessage() for record in caplog.records if record.name == "biobert"
    ]
