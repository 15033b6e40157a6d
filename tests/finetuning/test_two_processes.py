"""Two processes by Horovod compute what one does; skipped where Horovod is missing."""

import importlib.util
import re

import numpy as np
import pytest

from finetuning.prediction import PredictionSettings, Predictor
from kit import two_processes
from kit.models import steps_in, tiny_config, tiny_model, values_of
from kit.small_training import head_that_counts, train
from kit.two_processes import TRAININGS, small_records

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("horovod") is None,
    reason="no Horovod here: ./install.sh --with=horovod",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of the two processes, exit statuses, standard errors, findings."""
    folder = tmp_path_factory.mktemp("two") / "out"
    return (folder, *two_processes.run(folder))


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Prefix of what one process trains of the same."""
    folder = tmp_path_factory.mktemp("one")
    quiet = tiny_model(head_that_counts(), config=tiny_config().without_dropout())
    return quiet, train(small_records(folder), folder, quiet)


def test_both_come_to_the_end_and_only_the_first_one_writes(finished):
    _, statuses, errors, found = finished
    assert statuses == [0, -9], errors
    assert [one["rank"] for one in found] == [0, 1]
    assert [one["is_shadow"] for one in found] == [False, True]


@pytest.mark.parametrize("name", TRAININGS)
def test_weights_are_those_of_one_process(finished, alone, name):
    """All of them, the table of the vocabulary and the optimizer's slots too."""
    folder, _, _, found = finished
    assert steps_in(folder / name) == [12]
    actual = values_of(str(folder / name / "model.ckpt-12"))
    expected = values_of(alone[1])
    assert sorted(actual) == sorted(expected)
    for variable in set(expected) - {"seen"}:  # which each counts for itself
        np.testing.assert_allclose(actual[variable], expected[variable], 0, 1e-5)
    assert found[0][f"{name}_head"] == found[1][f"{name}_head"]


def test_each_process_has_seen_half_of_the_examples(finished, alone):
    actual = values_of(str(finished[0] / "whole" / "model.ckpt-12"))["seen"]
    assert sum(actual) == sum(values_of(alone[1])["seen"]) / 2


def test_predictions_of_both_are_in_input_order_in_both(finished, alone):
    folder, _, _, found = finished
    quiet, _ = alone
    prefix = str(folder / "whole" / "model.ckpt-12")
    settings = PredictionSettings(2, 12, None)
    data = small_records(folder / "whole")
    expected = list(Predictor(quiet, prefix, settings).predict(data))
    for one in found:
        assert [index for index, _ in one["predicted"]] == list(range(len(data)))
        for (_, logits), (_, prediction) in zip(one["predicted"], expected):
            np.testing.assert_allclose(logits, prediction["logits"], 0, 1e-5)


def test_signal_to_one_ends_both_after_the_same_step_and_both_resume(finished):
    folder, _, _, found = finished
    assert found[0]["stopped"] == found[1]["stopped"]
    number, where, last = found[0]["stopped"]
    assert (number, last) == (15, 12)
    assert re.fullmatch("checkpoint saved at step [78] of 12", where)
    assert steps_in(folder / "stopped")[1:] == [12]


def test_process_that_is_killed_is_reported_by_the_other(finished):
    folder, _, _, found = finished
    assert found[0]["heard"].startswith("another process of this run has ended; ")
    assert steps_in(folder / "killed") == [2, 4]
