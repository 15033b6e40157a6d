"""batches.py: orders cover all examples, padding is little, predictions come back."""

import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from finetuning.batches import (
    LENGTH_CLASSES,
    ReadAhead,
    batch_of,
    file_order,
    in_input_order,
    micro_batches,
    parts_of,
    prediction_order,
    stream_batches,
    training_order,
)
from finetuning.datasets import dataset, dataset_of_parts
from kit.examples import SCHEMA, corpora, written

tf.disable_v2_behavior()


# Arrays and datasets


def test_batch_is_padded_to_its_longest(tmp_path):
    data = written(tmp_path)
    batch = batch_of(data, np.array([2, 0]))
    assert sorted(batch) == ["input_ids", "input_mask", "label_ids", "number", "row"]
    assert all(values.dtype == np.int32 for values in batch.values())
    assert batch["row"].tolist() == batch["number"].tolist() == [2, 0]
    assert batch["input_ids"].tolist() == [[1, 2, 0], [1, 2, 3]]
    assert batch["label_ids"].tolist() == [[7, 7, 0], [7, 7, 7]]
    assert batch["input_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]


def test_batch_can_be_padded_further(tmp_path):
    batch = batch_of(written(tmp_path), np.array([0, 1]), pad_to=9)
    assert batch["input_ids"].shape == batch["input_mask"].shape == (2, 9)
    assert batch["input_mask"].sum(1).tolist() == [3, 5]
    assert not batch["input_ids"][batch["input_mask"] == 0].any()


@pytest.mark.parametrize("pad_to", [None, 10])
def test_dataset_gives_the_batches(tmp_path, pad_to):
    data = written(tmp_path)
    orders = [np.array([3, 0]), np.array([2]), np.array([1, 1, 2])]
    with tf.Graph().as_default(), tf.Session() as session:
        batch_dataset = dataset(
            SCHEMA,
            lambda: (batch_of(data, rows, pad_to) for rows in orders),
        )
        features = tf.data.make_one_shot_iterator(batch_dataset).get_next()
        for rows in orders:
            actual = session.run(features)
            expected = batch_of(data, rows, pad_to)
            assert sorted(actual) == sorted(expected)
            for name in expected:
                np.testing.assert_array_equal(actual[name], expected[name])
        with pytest.raises(tf.errors.OutOfRangeError):
            session.run(features)


def test_batch_in_parts_is_padded_part_by_part(tmp_path):
    data = written(tmp_path)
    parts = [np.array([2, 0]), np.array([3])]
    batch = parts_of(data, parts)
    assert list(batch) == ["parts"]
    assert [part["input_ids"].shape for part in batch["parts"]] == [(2, 3), (1, 8)]
    with tf.Graph().as_default(), tf.Session() as session:
        in_parts = dataset_of_parts(SCHEMA, lambda: iter([batch]), 2)
        features = tf.data.make_one_shot_iterator(in_parts).get_next()
        for actual, rows in zip(session.run(features)["parts"], parts):
            expected = batch_of(data, rows)
            assert sorted(actual) == sorted(expected)
            for name in expected:
                np.testing.assert_array_equal(actual[name], expected[name])


@settings(deadline=None, max_examples=60)
@given(
    corpora(),
    st.integers(1, 5),
    st.integers(1, 40),
    st.integers(1, 7),
    st.integers(1, 60),
)
def test_stream_batches_every_example_once_and_reads_no_further(
    corpus, batch_size, max_pieces, window, most
):
    schema, examples = corpus
    read = []

    def rows():
        for number, features in enumerate(examples):
            read.append(number)
            yield schema.pack(features)

    def order(lengths):
        return prediction_order(lengths, batch_size, max_pieces)

    seen = []
    read_ahead = ReadAhead(window, most)
    for batch in stream_batches(schema, rows(), order, None, read_ahead):
        ahead = range(len(seen), len(read))
        assert len(ahead) <= window
        assert sum(len(examples[index]["a"]) for index in ahead[:-1]) < most
        seen.extend(batch["row"].tolist())
        lengths = batch["input_mask"].sum(1)
        for index, length, pieces in zip(batch["row"], lengths, batch["a"]):
            assert pieces[:length].tolist() == examples[index]["a"]
    assert sorted(seen) == list(range(len(examples)))


# Orders

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=60).map(np.array)
SEEDS = st.integers(0, 2**31 - 1)


@settings(deadline=None, max_examples=150)
@given(LENGTHS, st.data(), SEEDS, st.booleans(), st.integers(1, 5))
def test_training_visits_every_example_once_an_epoch(
    lengths, data, seed, by_length, epochs
):
    """After e epochs each example was seen e times, but for those left over.

    Left over are fewer than batch_size, and they are the first of the next epoch:
    otherwise one could be left out twice.
    """
    count = len(lengths)
    batch_size = data.draw(st.integers(1, count))
    order = training_order(lengths, batch_size, seed, by_length)
    seen = np.zeros(count, int)
    done = 0
    for epoch in range(1, epochs + 1):
        batches = epoch * count // batch_size - done
        done += batches
        for batch in itertools.islice(order, batches):
            assert len(batch) == batch_size
            np.add.at(seen, batch, 1)
        assert seen.max() <= epoch
        assert seen.min() >= epoch - 1
        assert (epoch - seen).sum() < batch_size


def test_batch_may_be_larger_than_the_corpus():
    order = training_order(np.array([3, 4, 5]), 7, 0)
    batch = next(order).tolist()
    assert len(batch) == 7
    assert sorted(map(batch.count, range(3))) == [2, 2, 3]


@settings(deadline=None, max_examples=50)
@given(LENGTHS, st.integers(1, 9), SEEDS, st.booleans(), st.integers(0, 40))
def test_same_seed_same_order_from_any_step(lengths, size, seed, by_length, start):
    """A run that resumes at a step sees what it would have seen without a stop."""

    def batches(begin):
        order = training_order(lengths, size, seed, by_length)
        return [rows.tolist() for rows in itertools.islice(order, begin, start + 20)]

    assert batches(0)[start:] == batches(start)


@pytest.mark.parametrize("by_length", [True, False])
def test_epochs_and_seeds_differ(by_length):
    lengths = np.arange(1, 101)

    def epochs(seed):
        order = training_order(lengths, 10, seed, by_length)
        twenty = [rows.tolist() for rows in itertools.islice(order, 20)]
        return twenty[:10], twenty[10:]

    epoch_1, epoch_2 = epochs(1)
    assert epoch_1 != epoch_2
    assert epoch_1 != epochs(2)[0]


@settings(deadline=None, max_examples=50)
@given(LENGTHS, st.integers(1, 9), SEEDS, st.booleans(), st.data())
def test_epochs_are_what_is_drawn(lengths, size, seed, by_length, data):
    """Batch after batch, what is left over of an epoch first in the next one."""
    taken = data.draw(st.integers(1, len(lengths)))
    drawn = []

    def draw(random):
        drawn.append(random.permutation(len(lengths))[:taken])
        return drawn[-1]

    order = training_order(lengths, size, seed, by_length, draw)
    batches = list(itertools.islice(order, 3 * taken))
    assert all(len(batch) == size for batch in batches)
    seen = np.bincount(np.concatenate(batches), minlength=len(lengths))
    known = np.bincount(np.concatenate(drawn), minlength=len(lengths))
    assert (seen <= known).all()
    # No epoch is drawn before what was drawn is used up.
    left_over = len(drawn) * taken - seen.sum()
    assert 0 <= left_over < taken + size


def padding_share(lengths, parts):
    padded = sum(len(rows) * lengths[rows].max() for rows in parts)
    return 1 - sum(lengths[rows].sum() for rows in parts) / padded


def lengths_like_a_corpus(count):
    random = np.random.RandomState(0)
    return np.clip(random.lognormal(3.2, 0.5, count), 3, 128).astype(int)


def test_parts_of_similar_length_waste_little():
    lengths = lengths_like_a_corpus(2000)

    def share(by_length, parts):
        order = training_order(lengths, 32, 0, by_length)
        cut = []
        for rows in itertools.islice(order, 62):
            cut += np.split(rows[np.argsort(lengths[rows])], parts)
        return padding_share(lengths, cut)

    assert share(True, parts=LENGTH_CLASSES) < 0.02
    assert share(False, parts=1) > 0.4
    order = prediction_order(lengths, 8, 8 * 128)
    assert padding_share(lengths, list(order)) < 0.1


@pytest.mark.parametrize("batch_size, classes", [(32, 4), (12, 4), (6, 2), (5, 1)])
def test_batch_has_as_many_examples_of_every_class_of_lengths(batch_size, classes):
    """So its parts can be as large as each other, and steps are alike."""
    lengths = lengths_like_a_corpus(20 * batch_size)
    borders = np.split(np.sort(lengths), classes)
    for rows in itertools.islice(training_order(lengths, batch_size, 0), 20):
        for border, part in zip(borders, np.split(np.sort(lengths[rows]), classes)):
            assert border.min() <= part.min() and part.max() <= border.max()


@settings(deadline=None, max_examples=150)
@given(LENGTHS, st.integers(1, 9), st.integers(1, 300), st.integers(1, 70))
def test_prediction_visits_every_example_once_within_its_budget(
    lengths, batch_size, max_pieces, window
):
    seen = []
    for rows in prediction_order(lengths, batch_size, max_pieces, window):
        assert len(rows) <= batch_size or len(rows) * lengths[rows].max() <= max_pieces
        assert len({row // window for row in rows.tolist()}) == 1
        seen += rows.tolist()
    assert sorted(seen) == list(range(len(lengths)))


@settings(deadline=None, max_examples=50)
@given(LENGTHS, st.integers(1, 9))
def test_file_order_is_that_of_the_file(lengths, batch_size):
    batches = list(file_order(lengths, batch_size))
    assert np.concatenate(batches).tolist() == list(range(len(lengths)))
    assert all(len(rows) == batch_size for rows in batches[:-1])


@given(st.lists(st.integers(1, 500), min_size=12, max_size=12))
def test_micro_batches_are_the_batch_cut_by_length(lengths):
    lengths = np.array(lengths)
    batch = np.random.RandomState(0).permutation(12)
    cut = list(micro_batches([batch, batch[::-1]], lengths, 3, 2))
    assert [[len(part) for part in parts] for parts in cut] == [[2, 2]] * 6
    for three in (cut[:3], cut[3:]):
        rows = np.concatenate([part for parts in three for part in parts])
        assert sorted(rows) == sorted(batch)
        assert lengths[rows].tolist() == sorted(lengths)


# Back into the order of the input


def predicted(batches):
    for rows in batches:
        yield {"row": rows, "square": rows * rows, "pair": np.stack([rows, -rows], 1)}


@settings(deadline=None, max_examples=80)
@given(LENGTHS, st.integers(1, 9), st.integers(1, 70))
def test_predictions_come_back_in_the_order_of_the_input(lengths, batch_size, window):
    batches = prediction_order(lengths, batch_size, 100, window)
    results = list(in_input_order(predicted(batches), len(lengths)))
    assert [index for index, _ in results] == list(range(len(lengths)))
    for index, values in results:
        assert values["square"] == index * index
        assert values["pair"].tolist() == [index, -index]


def test_predictions_wait_no_longer_than_they_must():
    """A million sentences must not be held until the last of them is predicted."""
    drawn = []

    def batches():
        for begin in range(0, 100, 10):
            drawn.append(begin)
            yield np.arange(begin, begin + 10)[::-1]

    results = in_input_order(predicted(batches()), 100)
    assert [index for index, _ in itertools.islice(results, 11)] == list(range(11))
    assert drawn == [0, 10]


def test_lost_prediction_is_noticed():
    batches = [np.array([0, 1]), np.array([3, 4])]
    with pytest.raises(RuntimeError, match="no prediction for example 2"):
        list(in_input_order(predicted(batches), 5))
