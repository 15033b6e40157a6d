"""tasks/qa/yes_no.py and its results: windows, head, balance, scores."""

import types

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes.lib import files
from biocodes.lib.yes_no import YES_NO, YES_NO_MAYBE, Example
from finetuning.estimator import ModeKeys
from kit.golden import CASED
from kit.qa_windows import SPACES, WORDS
from tasks.qa import yes_no, yes_no_head, yes_no_results
from tasks.qa.windows import Lengths

tf.disable_v2_behavior()

ID = "0123456789abcdef01234567"
LABELS = st.sampled_from([YES_NO, YES_NO_MAYBE])


# Windows


@settings(max_examples=50, deadline=None)
@given(st.data(), st.lists(WORDS.flatmap(st.sampled_from), max_size=40))
def test_every_window_has_the_label_and_every_piece_is_read(data, words):
    context = "".join(word + data.draw(SPACES) for word in words)
    answer = data.draw(st.sampled_from([*YES_NO_MAYBE, None]))
    example = Example("q", "Does it bind ?", context, answer)
    lengths = Lengths(24, data.draw(st.integers(1, 30)), 8)
    windows = list(yes_no.featurize(example, CASED, lengths, YES_NO_MAYBE))
    assert windows
    expected = None if answer is None else YES_NO_MAYBE.index(answer)
    assert {window["label_id"] for window in windows} == {expected}
    for window in windows:
        assert len(window["input_ids"]) == len(window["segment_ids"]) <= 24
    pieces = set(CASED.convert_tokens_to_ids(CASED.tokenize(context)))
    seen = set().union(*(window["input_ids"] for window in windows))
    assert pieces <= seen


# Head


@pytest.mark.parametrize("labels", [YES_NO, YES_NO_MAYBE])
def test_loss_is_the_cross_entropy_of_the_first_piece(labels):
    """No dropout, no pooler: the last layer's vector of [CLS] alone counts."""
    random = np.random.RandomState(0)
    hidden = random.randn(3, 5, 8).astype(np.float32)
    label_ids = [0, 1, len(labels) - 1]
    head = yes_no_head.make_head(labels)
    with tf.Graph().as_default(), tf.Session() as session:
        encoder = types.SimpleNamespace(get_sequence_output=lambda: tf.constant(hidden))
        features = {"label_id": tf.constant(label_ids)}
        losses, predictions = head(encoder, features, ModeKeys.TRAIN)
        session.run(tf.global_variables_initializer())
        weights, bias = session.run(tf.trainable_variables())
        losses, logits = session.run([losses, predictions["logits"]])
    assert not bias.any() and 0 < np.abs(weights).max() <= 0.04  # 2 σ, truncated
    expected = hidden[:, 0].astype(np.float64) @ weights.T
    np.testing.assert_allclose(logits, expected, atol=1e-6)
    # Yes against 0 for no is what the sigmoid of one logit means.
    scores = np.hstack([expected, 0 * expected]) if labels == YES_NO else expected
    for of_example, score, label in zip(losses, scores, label_ids):
        wanted = np.log(np.exp(score).sum()) - score[label]
        assert of_example == pytest.approx(wanted, abs=1e-5)


# Balance


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([0, 1, 2]), min_size=1, max_size=30),
    st.integers(0, 9),
    st.data(),
)
def test_an_epoch_has_equally_many_of_each_class_with_all_their_windows(
    label_ids, seed, data
):
    windows = [data.draw(st.integers(1, 3)) for _ in label_ids]
    example_index = np.repeat(np.arange(len(label_ids)), windows)
    of_each = min(label_ids.count(label) for label in set(label_ids))
    draw = yes_no.balanced_draw(np.array(label_ids), example_index, of_each)
    rows = draw(np.random.RandomState(seed))
    assert rows.tolist() == draw(np.random.RandomState(seed)).tolist()
    examples = example_index[rows]
    assert len(set(rows)) == len(rows)
    drawn = sorted(set(examples))
    assert [list(examples).count(i) for i in drawn] == [windows[i] for i in drawn]
    counts = np.bincount(np.array(label_ids)[drawn])
    assert set(counts[counts > 0]) == {of_each}


def test_epochs_draw_others_of_the_commoner_class():
    draw = yes_no.balanced_draw(np.array([0] * 50 + [1] * 2), np.arange(52), 2)
    random = np.random.RandomState(0)
    epochs = [set(draw(random).tolist()) for _ in range(20)]
    assert all({50, 51} < epoch for epoch in epochs)
    assert len(set().union(*epochs)) > 20


def test_no_class_has_more_than_500_of_an_epoch():
    answers = ["yes"] * 900 + ["no"] * 600
    assert yes_no.drawn_of_class(answers, YES_NO, 500) == 500
    assert yes_no.drawn_of_class(answers, YES_NO, 1000) == 600


# Results


def test_windows_are_combined_by_the_mean_of_their_logits():
    windows = [({}, {"logits": np.array(each, np.float32)}) for each in ([1.0], [-4.0])]
    assert yes_no_results.combine(windows) == [-1.5]
    assert yes_no_results.combine(windows[:1]) == [1.0]


@given(st.data(), LABELS)
def test_the_answer_is_the_most_probable_one(data, labels):
    logits = data.draw(
        st.lists(
            st.floats(-50, 50),
            min_size=1 if labels == YES_NO else 3,
            max_size=1 if labels == YES_NO else 3,
        )
    )
    shares = yes_no_results.probabilities(logits, labels)
    assert list(shares) == list(labels)
    assert sum(shares.values()) == pytest.approx(1)
    best = yes_no_results.best(logits, labels)
    assert shares[best] == pytest.approx(max(shares.values()))


def test_a_logit_of_0_is_no():
    assert yes_no_results.best([0.0], YES_NO) == "no"
    assert yes_no_results.best([1e-9], YES_NO) == "yes"


def test_snippets_of_a_question_are_scored_as_one():
    golds = [(f"{ID}_001", "yes"), (f"{ID}_002", "yes"), ("other", "no")]
    logits = {f"{ID}_001": [-1.0], f"{ID}_002": [1.5], "other": [0.5]}
    assert yes_no_results.measures(golds, logits, YES_NO) == {
        "accuracy": 0.5,
        "f1_no": 0.0,
        "f1_yes": pytest.approx(2 / 3),
        "macro_f1": pytest.approx(1 / 3),
        "total": 2,
    }


def test_macro_f1_is_the_mean_over_the_models_labels():
    golds = {"a": "yes", "b": "no", "c": "maybe", "d": "yes"}
    predicted = {"a": "yes", "b": "maybe", "c": "maybe", "d": "yes"}
    scores = yes_no_results.scores(golds, predicted, YES_NO_MAYBE)
    assert scores["accuracy"] == 0.75 and scores["total"] == 4
    of_labels = [scores[f"f1_{label}"] for label in YES_NO_MAYBE]
    assert of_labels == pytest.approx([1, 0, 2 / 3])
    assert scores["macro_f1"] == pytest.approx(sum(of_labels) / 3)


def test_a_prediction_that_fails_leaves_the_earlier_files(tmp_path):
    for name in ("predictions.json", "probabilities.json"):
        (tmp_path / name).write_text("mine")
    with pytest.raises(files.InputError):
        yes_no_results.write(str(tmp_path), FailingLogits(), YES_NO)
    names = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert names == {"predictions.json": "mine", "probabilities.json": "mine"}


class FailingLogits:
    """Logits of questions that cannot be had to the end."""

    def items(self):
        yield "q", [1.0]
        raise files.InputError("later")
