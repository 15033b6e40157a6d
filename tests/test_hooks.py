"""hooks.py: progress that a person can read."""

import pytest
import tensorflow.compat.v1 as tf

import hooks


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
    assert hooks.duration(seconds) == text


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
