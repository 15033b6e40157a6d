"""windows.py and records.py of relations: nothing is lost, logits are pooled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import run_re
from biocodes.lib.relations import Row
from finetuning import records
from finetuning.records import Schema
from kit.golden import CASED
from tasks.re.records import Form
from tasks.re.scoring import MultilabelScoring
from tasks.re.windows import Pooling, windows_of


def featurize(row, limit):
    return run_re.featurize(row, CASED, {"a": 0, "b": 1}, limit)


def pieces_of(length):
    return [2, *range(100, 100 + length), 3]


@given(st.integers(0, 80), st.integers(3, 20))
def test_every_piece_is_in_a_window(length, limit):
    whole = {"input_ids": pieces_of(length), "label_id": 1}
    windows = windows_of(whole, limit)
    assert all(len(each["input_ids"]) <= limit for each in windows)
    assert all(each["input_ids"][0] == 2 for each in windows)
    assert all(each["input_ids"][-1] == 3 for each in windows)
    seen = {piece for each in windows for piece in each["input_ids"][1:-1]}
    assert seen == set(range(100, 100 + length))
    assert [each["label_id"] for each in windows] == [1] * len(windows)
    if length + 2 <= limit:
        assert windows == [whole]


def test_windows_overlap_by_a_quarter():
    (first, second) = windows_of({"input_ids": pieces_of(9)}, 10)
    assert first["input_ids"] == [2, *range(100, 108), 3]
    assert second["input_ids"] == [2, *range(106, 109), 3]


def test_records_say_which_text_they_are_of():
    text = "@GENE$ causes @DISEASE$ " * 9
    form = Form(limit=24)
    made = form.records(featurize, (7, Row(1, text, "b")), 128)
    assert len(made) > 2
    assert {each["example_index"] for each in made} == {7}
    assert {each["label_id"] for each in made} == {1}
    assert {each["lost"] for each in made} == {0}
    assert form.count(featurize, [Row(1, text, "b"), Row(2, "Short.", "a")]) == (
        len(made) + 1
    )
    assert form.scalars(labelled=True) == ["label_id", "example_index"]
    assert Form().scalars(labelled=False) == []


def test_records_of_several_labels_have_a_number_each():
    form = Form(MultilabelScoring(("a", "b", "c"), None))
    (features,) = form.records(featurize, (0, Row(1, "A text.", "c|a")), 128)
    assert [features[name] for name in form.scalars(True)] == [1, 0, 1]
    assert form.scalars(labelled=False) == []


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum()


@pytest.mark.parametrize("way, expected", [("mean", [1.0, 2.0]), ("max", [3.0, 3.0])])
def test_logits_are_pooled_and_have_a_loss(way, expected):
    logits = [np.array(each, np.float32) for each in ([-1.0, 3.0], [3.0, 1.0])]
    of_text = Pooling(way, multilabel=False).of_text(logits, {"label_id": 1})
    assert of_text["probabilities"] == pytest.approx(softmax(np.array(expected)))
    assert of_text["loss"] == pytest.approx(-np.log(of_text["probabilities"][1]))
    assert of_text["probabilities"].dtype == np.float32
    of_sets, labels = Pooling(way, multilabel=True), {"label_0": 1, "label_1": 0}
    several = of_sets.of_text(logits, labels)
    shares = 1 / (1 + np.exp(-np.array(expected)))
    assert several["probabilities"] == pytest.approx(shares)
    losses = -np.log([shares[0], 1 - shares[1]])
    assert several["loss"] == pytest.approx(np.mean(losses))
    assert "loss" not in of_sets.of_text(logits, {})


@pytest.mark.parametrize("multilabel", [False, True])
def test_each_model_of_an_ensemble_pools_its_own_windows(multilabel):
    pooling, labels = Pooling("max", multilabel), {"label_id": 1}
    if multilabel:
        labels = {"label_0": 0, "label_1": 1}
    random = np.random.RandomState(4)
    logits = random.normal(size=[3, 2, 2]).astype(np.float32)  # windows, models, labels
    alone = [pooling.of_text(list(logits[:, model]), labels) for model in range(2)]
    together = pooling.of_text(list(logits), labels)
    for name in ("probabilities", "loss"):
        mean = np.mean([one[name] for one in alone], axis=0)
        assert together[name] == pytest.approx(mean), name


def test_windows_are_put_together_text_by_text(tmp_path):
    schema = Schema(["input_ids"], ["example_index"])
    owners = [0, 0, 0, 1, 2, 2]
    rows = [{"example_index": i, "input_ids": [2, 3]} for i in owners]
    data = records.write_records(str(tmp_path / "r"), schema, rows, {})
    logits = np.arange(12, dtype=np.float32).reshape(6, 2) * [0.5, 0.75]
    predictions = ((i, {"logits": each}) for i, each in enumerate(logits))
    texts = list(Pooling("max", multilabel=False).by_text(data, predictions))
    assert [index for index, _ in texts] == [0, 1, 2]
    expected = [softmax(logits[last]) for last in (2, 3, 5)]
    for (_, of_text), probabilities in zip(texts, expected):
        assert of_text["probabilities"] == pytest.approx(probabilities)
