"""tasks/ner/results.py: scores by token and by entity."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes.lib import conll, conll_scores
from kit.ner_runs import scores_in, word_labels_in
from tasks.ner.labels import ORIGINAL_LABELS, in_order
from tasks.ner.results import (
    TokenScorer,
    count_confusions,
    token_scores,
    write_entities,
)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=60))
def test_token_scores_are_macro_averages(pairs):
    matrix = count_confusions([([gold], [predicted]) for gold, predicted in pairs], 5)
    scores = token_scores(matrix, [1, 2])
    precisions, recalls, fs = [], [], []
    for label in (1, 2):
        correct = sum(gold == predicted == label for gold, predicted in pairs)
        said = sum(predicted == label for _, predicted in pairs)
        true = sum(gold == label for gold, _ in pairs)
        precisions.append(correct / said if said else 0.0)
        recalls.append(correct / true if true else 0.0)
        fs.append(2 * correct / (said + true) if correct else 0.0)
    assert scores == {
        "eval_precision": pytest.approx(np.mean(precisions), abs=1e-6),
        "eval_recall": pytest.approx(np.mean(recalls), abs=1e-6),
        "eval_f": pytest.approx(np.mean(fs), abs=1e-6),
    }


def test_scores_of_labels_that_do_not_exist_are_nothing():
    scores = token_scores(np.zeros([4, 4], int), [])
    assert set(scores.values()) == {0.0}


@pytest.mark.parametrize("count_padding, precision", [(False, 1.0), (True, 0.5)])
def test_padding_is_scored_as_the_original_does_or_not(count_padding, precision):
    scorer = TokenScorer(ORIGINAL_LABELS, count_padding, batch_size=2)
    # The last position is padding, on which the model sees an entity begin.
    prediction = {"label_ids": np.array([5, 1, 2, 6, 1]), "loss": 3.0}
    for _ in range(3):
        scorer.add([5, 1, 2, 6], prediction)
    results = scorer.results(7)
    assert results["eval_recall"] == 1.0
    assert results["eval_precision"] == pytest.approx((precision + 1.0) / 2)
    assert results["global_step"] == 7
    assert results["loss"] == 4.5  # 9 over two batches


def test_types_that_nobody_annotated_are_predicted_but_not_scored(tmp_path):
    gold = ["B-Disease", "I-Disease", "O", "B-Disease", "O"]
    predicted = ["B-Disease", "I-Chemical", "B-Chemical", "B-Disease", "B-Chemical"]
    sentences = [conll.Sentence([1, 2, 3, 4, 5], list("abcde"), gold)]
    write_entities(str(tmp_path), sentences, [predicted], frozenset(["Disease"]))
    assert word_labels_in(tmp_path) == [*map(list, zip(gold, predicted)), []]
    counted = ["B-Disease", "O", "O", "B-Disease", "O"]
    expected = conll_scores.report(conll_scores.evaluate(zip(gold, counted)))
    assert scores_in(tmp_path) == expected
    assert "found: 2 phrases; correct: 1." in expected
    write_entities(str(tmp_path), sentences, [predicted])
    assert "Chemical:" in scores_in(tmp_path)


def test_token_scores_are_of_the_types_that_count():
    labels = in_order(["O", "B-A", "I-A", "B-B", "I-B"])
    scorer = TokenScorer(labels, False, batch_size=1, types={"A"})

    def ids_of(*names):
        return [labels.index(name) for name in names]

    gold = ids_of("[CLS]", "B-A", "O", "O", "[SEP]")
    predicted = ids_of("[CLS]", "B-A", "B-B", "I-A", "[SEP]")
    scorer.add(gold, {"label_ids": np.array(predicted), "loss": 1.0})
    results = scorer.results(1)
    # Of B-A one of one; of I-A none, but one was found; B-B does not count.
    assert results["eval_precision"] == results["eval_recall"] == 0.5
