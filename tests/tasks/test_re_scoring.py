"""scoring.py, class_weights.py, threshold.py: what is predicted, and what counts."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biocodes.lib import ranking
from biocodes.lib.files import InputError
from biocodes.lib.relations import Row
from tasks.re import class_weights, threshold
from tasks.re.scoring import (
    MultilabelScoring,
    Scored,
    Scoring,
    as_written,
    metrics_of,
)
from tasks.re.threshold import Threshold

BINARY = Scoring(("0", "1"), None)
SEVERAL = MultilabelScoring(("a", "b", "c"), "none")


def rows_of(*labels):
    return [Row(line, "A text.", label) for line, label in enumerate(labels, 1)]


def table(*of_positive):
    second = np.array(of_positive, np.float32)
    return np.stack([1 - second, second], axis=1)


# Thresholds


def test_a_threshold_is_that_of_label_1():
    probabilities = table(0.1, 0.3, 0.5, 0.7)
    assert BINARY.decide(probabilities).tolist() == [0, 0, 0, 1]
    assert BINARY.decide(probabilities, 0.3).tolist() == [0, 1, 1, 1]
    assert BINARY.decide(probabilities, 0.0).tolist() == [1, 1, 1, 1]


def test_the_negative_label_is_not_the_positive_class():
    scoring = Scoring(("a", "b"), "b")
    assert scoring.positive == 0
    assert scoring.decide(table(0.1, 0.8), 0.15).tolist() == [0, 0]


@given(st.floats(0, 1, width=32), st.integers(0, 1000))
def test_labels_follow_from_the_numbers_in_the_file(value, thousandths):
    """float32 0.7 is below 0.7, but is written as that."""
    line, probabilities = thousandths / 1000, table(value)
    by_file = float(str(np.float32(value))) >= line
    assert bool(BINARY.decide(probabilities, line)[0]) == by_file
    assert as_written(probabilities)[0, 1] == float(str(np.float32(value)))


def test_the_best_threshold_is_that_of_the_positive_class():
    gold = BINARY.gold_of(rows_of("1", "0", "1", "0"))
    probabilities = table(0.25, 0.125, 0.5, 0.0)
    assert BINARY.best_threshold(gold, probabilities) == 0.1875
    assert BINARY.decide(probabilities, 0.1875).tolist() == gold.tolist()


def test_a_record_is_of_a_checkpoint(tmp_path):
    threshold.write(str(tmp_path), 0.25, {"f1": 0.5}, "abc")
    assert threshold.recorded(["/nowhere", str(tmp_path)], "abc") == 0.25
    with pytest.raises(InputError, match="was not yet for this checkpoint"):
        threshold.recorded([str(tmp_path)], "other")
    for value in ([], {"threshold": "x"}, {"threshold": 2.0}):
        (tmp_path / "threshold.json").write_text(json.dumps(value))
        with pytest.raises(InputError, match="threshold.json: not a record"):
            threshold.recorded([str(tmp_path)], "abc")


def test_flag_of_threshold():
    assert Threshold.parse(None) == Threshold()
    assert Threshold.parse("best") == Threshold(None, True)
    assert Threshold.parse("0.25") == Threshold(0.25)


# Scores


def test_two_classes_have_areas_where_both_occur():
    gold, probabilities = np.array([0, 0, 1, 1]), table(0.1, 0.4, 0.35, 0.8)
    assert BINARY.of_ranking(gold, probabilities) == pytest.approx(
        {"roc_auc": 0.75, "average_precision": 5 / 6}
    )
    assert BINARY.of_ranking(np.zeros(4, int), probabilities) == {}
    assert Scoring(("a", "b", "c"), None).of_ranking(gold, probabilities) == {}


def test_metrics_are_the_measures():
    assert metrics_of(BINARY)[0] == "f1"
    assert metrics_of(BINARY, rankable=True)[-2:] == ["roc_auc", "average_precision"]
    assert metrics_of(SEVERAL) == ["micro_f1", "macro_f1", "accuracy"]
    of_three = Scoring(("a", "b", "c"), None)
    assert metrics_of(of_three, rankable=True) == ["micro_f1", "macro_f1", "accuracy"]


def test_any_number_of_labels_by_hand():
    gold = SEVERAL.gold_of(rows_of("a|b", "none", "", "b"))
    assert gold.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 0], [0, 1, 0]]
    probabilities = np.array(
        [[0.9, 0.4, 0.1], [0.2, 0.1, 0.0], [0.5, 0.1, 0.3], [0.2, 0.8, 0.1]],
        np.float32,
    )
    predicted = SEVERAL.decide(probabilities)
    assert [SEVERAL.text(each) for each in predicted] == ["a", "none", "a", "b"]
    scored = Scored(SEVERAL, gold, predicted, probabilities)
    # a: 1 of 2 right, all found; b: all right, 1 of 2 found; c: nothing to find.
    assert scored.measures == pytest.approx(
        {"micro_f1": 2 / 3, "macro_f1": 4 / 9, "accuracy": 0.5}
    )
    assert scored.by_label["b"] == pytest.approx(
        {"f1": 2 / 3, "precision": 1.0, "recall": 0.5}
    )
    assert SEVERAL.report(gold, predicted)[-1] == "all labels right: 50.00%"
    # One threshold for all: from 0.4 on 4 of 4 are found, with 1 too many.
    assert SEVERAL.best_threshold(gold, probabilities) == pytest.approx(0.35)


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1))
def test_right_labels_have_the_best_scores(gold):
    gold = np.array(gold)
    scored = Scored(SEVERAL, gold, gold, gold.astype(np.float32))
    assert scored.measures["accuracy"] == 1.0
    assert scored.measures["micro_f1"] == float(gold.any())
    assert scored.measures["macro_f1"] == pytest.approx(gold.any(axis=0).mean())


# Weights


def test_balanced_weights_are_scikit_learns():
    rows = rows_of("0", "0", "0", "1")
    weights = class_weights.weights_of("balanced", BINARY, rows)
    assert weights == pytest.approx((4 / (2 * 3), 4 / (2 * 1)))


def test_a_label_that_does_not_occur_does_not_count():
    scoring = Scoring(("a", "b", "c"), None)
    weights = class_weights.weights_of("balanced", scoring, rows_of("a", "c", "c"))
    assert weights == pytest.approx((3 / 2, 1.0, 3 / 4))


def test_balanced_weights_of_sets_are_those_of_having_a_label():
    rows = rows_of("a|b", "b", "b|a", "b", "a")
    weights = class_weights.weights_of("balanced", SEVERAL, rows)
    assert weights == pytest.approx((2 / 3, 1 / 4, 1.0))


def test_weights_are_in_the_order_of_the_labels():
    setting = class_weights.parse("1, 2.5")
    assert class_weights.weights_of(setting, BINARY, []) == (1.0, 2.5)
    with pytest.raises(InputError, match="has 2 numbers for the 3 labels a, b, c"):
        class_weights.weights_of(setting, SEVERAL, [])


@given(st.text())
def test_any_text_is_weights_or_refused(text):
    try:
        weights = class_weights.parse(text)
    except InputError as error:
        assert "--class_weights: is balanced or numbers above 0" in str(error)
    else:
        assert weights == "balanced" or all(0 < w < float("inf") for w in weights)


def test_has_both_wants_both():
    assert [ranking.has_both(x) for x in ([0], [1], [0, 1], [])] == [0, 0, 1, 0]
