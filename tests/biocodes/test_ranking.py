"""lib/ranking.py: areas and thresholds are those of scikit-learn's definitions."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biocodes.lib import ranking

# Few different values, so that there are ties.
EXAMPLES = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])),
    min_size=2,
    max_size=30,
).filter(lambda pairs: ranking.has_both([is_positive for is_positive, _ in pairs]))


def test_four_examples_by_hand():
    gold, probabilities = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
    # Of four pairs one is in the wrong order: 0.35 below 0.4.
    assert ranking.roc_auc(gold, probabilities) == 0.75
    # Precision 1 at the first half of recall, 2/3 at the second.
    assert ranking.average_precision(gold, probabilities) == pytest.approx(5 / 6)
    # Both positive ones of three, F1 4/5; half way between 0.35 and 0.1.
    assert ranking.best_threshold(gold, probabilities) == pytest.approx((0.225, 0.8))


def test_equal_probabilities_rank_nothing():
    gold, probabilities = [1, 0, 0, 0], [0.5] * 4
    assert ranking.roc_auc(gold, probabilities) == 0.5
    assert ranking.average_precision(gold, probabilities) == 0.25
    assert ranking.best_threshold(gold, probabilities) == (0.5, 0.4)


@given(EXAMPLES)
def test_areas_are_shares_of_pairs_and_means_of_precision(pairs):
    gold, probabilities = zip(*pairs)
    positive = [value for is_positive, value in pairs if is_positive]
    negative = [value for is_positive, value in pairs if not is_positive]
    won = [(p > n) + 0.5 * (p == n) for p, n in itertools.product(positive, negative)]
    assert ranking.roc_auc(gold, probabilities) == pytest.approx(np.mean(won))
    area, before = 0.0, 0.0
    for line in sorted(set(probabilities), reverse=True):
        recall = sum(value >= line for value in positive) / len(positive)
        said = sum(value >= line for value in probabilities)
        area += (recall - before) * recall * len(positive) / said
        before = recall
    assert ranking.average_precision(gold, probabilities) == pytest.approx(area)


@given(EXAMPLES)
def test_no_other_threshold_has_a_better_f1(pairs):
    gold, probabilities = map(np.array, zip(*pairs))

    def f1(threshold):
        said = probabilities >= threshold
        return 2 * np.sum(said & gold) / (np.sum(said) + np.sum(gold))

    threshold, best = ranking.best_threshold(gold, probabilities)
    assert f1(threshold) == pytest.approx(best)
    assert all(f1(other) <= best + 1e-12 for other in probabilities)


@pytest.mark.parametrize("text", ["", "nan", "inf", "-0.1", "1.01", "1_0", "x", "١"])
def test_what_is_no_threshold(text):
    with pytest.raises(ValueError, match="is a number from 0 to 1"):
        ranking.parse_threshold(text)


def test_ends_are_thresholds():
    assert [ranking.parse_threshold(text) for text in ("0", "1", ".5", "1e-3")] == [
        *(0.0, 1.0, 0.5, 0.001)
    ]
