"""hooks.py: progress that a person can read."""

import itertools
import logging
import types

import pytest
import tensorflow.compat.v1 as tf

from finetuning import hooks, progress
from finetuning.progress import duration, report_progress


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0.2, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (75.3, "1 min 15 s"),
        (3599.9, "1 h 0 min"),
        (3660, "1 h 1 min"),
        (90000, "25 h 0 min"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    "message",
    [
        # As TensorFlow 1 and 2 say it.
        "out/model.ckpt-15.data-00000-of-00001.tempstate11; No space left on device\n"
        "\t [[node save/SaveV2 (defined at ops.py:1748) ]]\n\nOriginal stack trace for",
        "Graph execution error:\n\nDetected at node 'save/SaveV2' defined at (most "
        "recent call last):\n    File \"x.py\", line 7, in run\nNode: 'save/SaveV2'\n"
        "out/model.ckpt-15.data-00000-of-00001.tempstate17; No space left on device\n"
        "\t [[{{node save/SaveV2}}]]",
        "out/checkpoint.tmp1; No space left on device",
    ],
)
def test_reason_of_a_failed_save_is_found(message):
    error = tf.errors.ResourceExhaustedError(None, None, message)
    assert hooks._reason(error) == "No space left on device"


def test_reason_of_an_os_error_is_its_own():
    assert hooks._reason(OSError("no space")) == "no space"


def progress_of(caplog, monkeypatch, sizes, total):
    """What is logged when parts of these sizes are due every six seconds."""
    clock = itertools.count(0, 6)
    now = types.SimpleNamespace(time=lambda: next(clock))
    monkeypatch.setattr(progress, "time", now)
    monkeypatch.setattr(progress.log, "propagate", True)
    caplog.set_level(logging.INFO, progress.log.name)
    parts = list(report_progress("featurized", sizes, total, size_of=int))
    assert parts == sizes
    return caplog.messages


def test_progress_is_reported_every_ten_seconds(caplog, monkeypatch):
    assert progress_of(caplog, monkeypatch, [1000, 500, 500, 500, 500], 3000) == [
        "featurized 1,500 of 3,000 (50 %), 125 examples/s, 12 s left",
        "featurized 2,500 of 3,000 (83 %), 104 examples/s, 5 s left",
    ]


def test_progress_of_a_stream_needs_no_total(caplog, monkeypatch):
    assert progress_of(caplog, monkeypatch, [1000, 500], None) == [
        "featurized 1,500, 125 examples/s"
    ]
