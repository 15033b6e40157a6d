"""lib/significance.py: p-values of differences that are there, and that are not."""

import itertools

import numpy as np
import pytest

from biocodes.lib import significance


def compare(first, second, measure=significance.mean, resamples=2000, seed=1):
    pairs = (
        np.array([(value, 1) for value in side], float) for side in (first, second)
    )
    return significance.compare(*pairs, measure, resamples, seed)


def test_run_does_not_differ_from_itself():
    result = compare([1, 0, 1, 1], [1, 0, 1, 1])
    assert result == (0.75, 0.75, (0.0, 0.0), 1.0, 1.0)


def test_difference_everywhere_is_significant():
    result = compare([0] * 40, [1] * 40)
    assert (result.first, result.second) == (0.0, 1.0)
    assert result.interval == (1.0, 1.0)
    assert result.randomization < 0.001
    assert compare([1] * 40, [0] * 40).interval == (-1.0, -1.0)


def test_randomization_comes_close_to_all_permutations():
    first, second = [1, 1, 0, 0, 1, 0, 0, 1], [1, 1, 1, 1, 1, 1, 0, 0]
    differences = [b - a for a, b in zip(first, second)]
    observed = abs(sum(differences))
    draws = [
        abs(sum(sign * each for sign, each in zip(signs, differences))) >= observed
        for signs in itertools.product((1, -1), repeat=8)
    ]
    exact = sum(draws) / len(draws)
    result = compare(first, second, resamples=20000)
    assert result.randomization == pytest.approx(exact, abs=0.01)


def test_same_seed_gives_the_same_and_blocks_change_nothing(monkeypatch):
    random = np.random.RandomState(7)
    first, second = random.randint(2, size=[2, 50])
    before = compare(first, second)
    assert compare(first, second) == before
    assert compare(first, second, seed=2) != before
    monkeypatch.setattr(significance, "BLOCK", 170)
    assert compare(first, second).bootstrap == pytest.approx(before.bootstrap, abs=0.05)


def test_f1_is_of_counts_and_not_a_mean():
    counts = np.array([[2, 1, 1], [0, 1, 0]], float)
    assert significance.f1(counts.sum(axis=0)) == 0.5
    two_classes = np.array([2, 2, 1, 1, 1, 1], float)
    assert significance.mean_f1(two_classes) == pytest.approx(0.75)
    assert significance.f1(np.zeros(3)) == 0.0
