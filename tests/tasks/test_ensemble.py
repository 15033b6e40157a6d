"""What several models predict together: the mean of their probabilities."""

import numpy as np
import pytest

from tasks import ensemble
from tasks.qa.decoding import WindowLogits

TWO_LABELS = [{"probabilities": np.array([[p, 1 - p]], np.float32)} for p in (0.9, 0.2)]


def window(start, end):
    """Return a window of pieces of the words 0, 1, 2, …; logits of a model a row."""
    logits = np.array(start, np.float32), np.array(end, np.float32)
    count = logits[0].shape[-1]
    return WindowLogits(*logits, np.arange(count), np.arange(count), np.ones(count))


def shares(logits):
    return np.exp(logits) / np.exp(logits).sum()


def test_class_is_that_of_the_mean_probability():
    mean = ensemble.mean_of_classes(TWO_LABELS)
    assert list(mean) == ["probabilities"]
    assert mean["probabilities"] == pytest.approx(np.array([[0.55, 0.45]]))


def test_logits_of_windows_stay_those_of_each_model():
    each = [dict(one, logits=np.log(one["probabilities"])) for one in TWO_LABELS]
    assert ensemble.mean_of_classes(each)["logits"].shape == (1, 2, 2)


def test_piece_has_the_label_of_the_mean_and_its_probability():
    """One model is sure, two others are not: the mean is the sure one's."""
    of_pieces = [
        {"probabilities": np.array([[[p, 1 - p]]]), "loss": np.array([loss])}
        for p, loss in ((0.9, 1.0), (0.45, 2.0), (0.45, 6.0))
    ]
    mean = ensemble.mean_of_pieces(of_pieces)
    assert mean["label_ids"].tolist() == [[0]]
    assert mean["label_ids"].dtype == np.int32
    assert mean["probability"] == pytest.approx(np.array([[0.6]]))
    assert mean["loss"] == pytest.approx([3.0])


def test_yes_is_as_probable_as_on_average():
    logits = [{"logits": np.log([[p / (1 - p)]])} for p in (0.9, 0.3)]
    mean = ensemble.mean_of_answers(logits)["logits"]
    assert 1 / (1 + np.exp(-mean)) == pytest.approx(np.array([[0.6]]))


def test_sure_models_that_contradict_each_other_give_finite_logits():
    sure = [{"logits": np.array([[x]])} for x in (1e4, 1e4)]
    assert np.isfinite(ensemble.mean_of_answers(sure)["logits"]).all()


def test_three_answers_are_as_probable_as_on_average():
    logits = [{"logits": np.log([p])} for p in ([0.7, 0.2, 0.1], [0.1, 0.6, 0.3])]
    mean = ensemble.mean_of_answers(logits)["logits"]
    assert np.exp(mean) == pytest.approx(np.array([[0.4, 0.4, 0.2]]))


def test_models_stand_side_by_side_until_all_windows_are_known():
    each = [{"start_logits": np.full([2, 3], x)} for x in (1, 5)]
    assert ensemble.side_by_side(each)["start_logits"][0].tolist() == [[1] * 3, [5] * 3]


def test_positions_of_all_windows_share_a_probability():
    """Of a model that favours the second window, and one that favours the first."""
    starts = np.log([[[1, 1], [6, 2]], [[4, 3], [2, 1]]])  # [window, model, position]
    windows = [window(starts[0], starts[1]), window(starts[1], starts[0])]
    means = ensemble.mean_of_windows(windows)
    of_models = [[1, 1, 4, 3], [6, 2, 2, 1]]
    expected = np.mean([np.array(m) / sum(m) for m in of_models], axis=0)
    together = np.concatenate([one.start_logits for one in means])
    assert np.exp(together) == pytest.approx(expected)
    ends = np.concatenate([one.end_logits for one in means])
    assert np.exp(ends) == pytest.approx(np.roll(expected, 2))
    assert means[1].word_index.tolist() == [0, 1]


def test_same_model_twice_says_what_it_says_alone():
    alone = np.array([0.5, -1.0, 3.0])
    (mean,) = ensemble.mean_of_windows([window([alone, alone], [alone, alone])])
    assert shares(mean.start_logits) == pytest.approx(shares(alone))
