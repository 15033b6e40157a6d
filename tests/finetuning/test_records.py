"""records.py: what is packed comes back, orders cover all, half files are no files."""

import itertools
import os
import pathlib
import shutil
import tempfile

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes.lib import files
from finetuning import records
from finetuning.batches import (
    LENGTH_CLASSES,
    batch_of,
    dataset,
    file_order,
    in_input_order,
    prediction_order,
    stream_batches,
    training_order,
)

tf.disable_v2_behavior()

SCHEMA = records.Schema(["input_ids", "label_ids"], ["number"])
MADE_FROM = {"corpus": "abc", "max_seq_length": 16}
INT32 = st.integers(-(2**31), 2**31 - 1)


def example(number, length):
    return {
        "number": number,
        "input_ids": list(range(1, length + 1)),
        "label_ids": [7] * length,
    }


def some_examples(lengths=(3, 5, 2, 8)):
    return [example(number, length) for number, length in enumerate(lengths)]


def written(folder, lengths=(3, 5, 2, 8)):
    path = str(folder / "train.tf_record")
    return records.write_records(path, SCHEMA, some_examples(lengths), MADE_FROM)


# The file.


@st.composite
def corpora(draw):
    """A schema and examples of it, with any numbers."""
    names = ["a", "b", "c", "d", "e", "f"]
    count = draw(st.integers(1, 3))
    schema = records.Schema(names[:count], names[3 : 3 + draw(st.integers(0, 3))])
    examples = []
    for _ in range(draw(st.integers(0, 6))):
        length = draw(st.integers(1, 12))
        one = {name: draw(INT32) for name in schema.scalars}
        for name in schema.sequences:
            one[name] = draw(st.lists(INT32, min_size=length, max_size=length))
        examples.append(one)
    return schema, examples


@settings(deadline=None, max_examples=60)
@given(corpora())
def test_what_is_written_is_read(corpus):
    schema, examples = corpus
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.tf_record")
        records.write_records(path, schema, iter(examples), MADE_FROM)
        found = records.open_records(path, schema, MADE_FROM)
        assert os.listdir(folder) == ["x.tf_record"]
        assert len(found) == len(examples)
        for one, expected in zip(found, examples):
            assert {name: np.array(v).tolist() for name, v in one.items()} == expected
        lengths = [len(one["a"]) for one in examples]
        assert np.array(found.lengths).tolist() == lengths


def test_packed_rows_are_written_as_they_are(tmp_path):
    path = str(tmp_path / "rows.tf_record")
    rows = [SCHEMA.pack(one) for one in some_examples()]
    data = records.write_records(path, SCHEMA, rows, MADE_FROM)
    assert [data.row(i).tolist() for i in range(4)] == [row.tolist() for row in rows]
    assert data[3]["number"] == 3
    assert data[3]["input_ids"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]


def test_file_is_a_tfrecord_file(tmp_path):
    """Any reader of TensorFlow's goes through it, checksums included."""
    path = written(tmp_path).path
    with tf.Graph().as_default(), tf.Session() as session:
        following = tf.data.make_one_shot_iterator(tf.data.TFRecordDataset(path))
        payload = following.get_next()
        payloads = [session.run(payload) for _ in range(6)]
        with pytest.raises(tf.errors.OutOfRangeError):
            session.run(payload)
    assert np.frombuffer(payloads[1], np.int32).tolist() == [0, 1, 2, 3, 7, 7, 7]


def test_file_cut_at_any_byte_is_no_file(tmp_path):
    data = written(tmp_path)
    whole = pathlib.Path(data.path).read_bytes()
    path = str(tmp_path / "cut.tf_record")
    for size in range(len(whole)):
        pathlib.Path(path).write_bytes(whole[:size])
        assert records.open_records(path, SCHEMA, MADE_FROM) is None, size
    pathlib.Path(path).write_bytes(whole)
    assert len(records.open_records(path, SCHEMA, MADE_FROM)) == 4


def test_file_with_a_changed_bit_in_its_records_is_no_file(tmp_path):
    """TFRecord has checksums of its own, which are neither looked at nor changed."""
    data = written(tmp_path)
    whole = pathlib.Path(data.path).read_bytes()
    path = tmp_path / "changed.tf_record"
    position = 0
    while position < len(whole):
        size = int.from_bytes(whole[position : position + 8], "little")
        for place in [position, *range(position + 12, position + 12 + size)]:
            changed = bytearray(whole)
            changed[place] ^= 1
            path.write_bytes(changed)
            assert records.open_records(str(path), SCHEMA, MADE_FROM) is None, place
        position += 12 + size + 4


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"word\tO\n" * 40,
        b"\0" * 400,
        b"\xff" * 400,
        np.random.RandomState(0).bytes(4000),
    ],
    ids=["empty", "text", "zeros", "ones", "random"],
)
def test_foreign_file_is_written_anew(tmp_path, content):
    path = tmp_path / "train.tf_record"
    path.write_bytes(content)
    assert records.open_records(str(path), SCHEMA, MADE_FROM) is None
    data = records.open_or_write(str(path), SCHEMA, some_examples(), MADE_FROM)
    assert len(data) == 4


@pytest.mark.parametrize(
    "schema, made_from",
    [
        (SCHEMA, dict(MADE_FROM, corpus="abd")),
        (SCHEMA, dict(MADE_FROM, max_seq_length=17)),
        (SCHEMA, {}),
        (records.Schema(["input_ids", "label_ids"], ["other"]), MADE_FROM),
        (records.Schema(["label_ids", "input_ids"], ["number"]), MADE_FROM),
        (records.Schema(["input_ids"], ["number", "label_ids"]), MADE_FROM),
    ],
)
def test_stale_file_is_not_used(tmp_path, schema, made_from):
    path = written(tmp_path).path
    assert records.open_records(path, schema, made_from) is None


def test_missing_file_is_not_opened(tmp_path):
    assert records.open_records(str(tmp_path / "no"), SCHEMA, MADE_FROM) is None
    assert records.open_records(str(tmp_path), SCHEMA, MADE_FROM) is None


def test_whole_file_of_the_same_origin_is_used_again(tmp_path):
    path = written(tmp_path).path

    def fail():
        raise AssertionError("featurized again")
        yield

    assert len(records.open_or_write(path, SCHEMA, fail(), MADE_FROM)) == 4


def test_interrupted_writing_leaves_the_old_file(tmp_path, listing):
    written(tmp_path)
    before = listing(tmp_path)

    def examples():
        yield example(0, 3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        records.write_records(
            str(tmp_path / "train.tf_record"), SCHEMA, examples(), {"other": 1}
        )
    assert listing(tmp_path) == before


def test_folder_that_is_not_there_is_one_line(tmp_path):
    path = str(tmp_path / "no" / "train.tf_record")
    with pytest.raises(files.InputError, match="cannot be written") as caught:
        records.write_records(path, SCHEMA, some_examples(), MADE_FROM)
    assert str(caught.value).startswith(path)


# Batches.


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
            found = session.run(features)
            expected = batch_of(data, rows, pad_to)
            assert sorted(found) == sorted(expected)
            for name in expected:
                np.testing.assert_array_equal(found[name], expected[name])
        with pytest.raises(tf.errors.OutOfRangeError):
            session.run(features)


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
        for number, one in enumerate(examples):
            read.append(number)
            yield schema.pack(one)

    def order(lengths):
        return prediction_order(lengths, batch_size, max_pieces)

    seen = []
    for batch in stream_batches(schema, rows(), order, window=window, most=most):
        ahead = range(len(seen), len(read))
        assert len(ahead) <= window
        assert sum(len(examples[index]["a"]) for index in ahead[:-1]) < most
        seen.extend(batch["row"].tolist())
        lengths = batch["input_mask"].sum(1)
        for index, length, pieces in zip(batch["row"], lengths, batch["a"]):
            assert pieces[:length].tolist() == examples[index]["a"]
    assert sorted(seen) == list(range(len(examples)))


# Orders.

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
    first = next(order).tolist()
    assert len(first) == 7
    assert sorted(map(first.count, range(3))) == [2, 2, 3]


@settings(deadline=None, max_examples=50)
@given(LENGTHS, st.integers(1, 9), SEEDS, st.booleans(), st.integers(0, 40))
def test_same_seed_same_order_from_any_step(lengths, size, seed, by_length, start):
    """A run that goes on at a step sees what it would have seen without a stop."""

    def batches(first):
        order = training_order(lengths, size, seed, by_length)
        return [one.tolist() for one in itertools.islice(order, first, start + 20)]

    assert batches(0)[start:] == batches(start)


@pytest.mark.parametrize("by_length", [True, False])
def test_epochs_and_seeds_differ(by_length):
    lengths = np.arange(1, 101)

    def epochs(seed):
        order = training_order(lengths, 10, seed, by_length)
        twenty = [one.tolist() for one in itertools.islice(order, 20)]
        return twenty[:10], twenty[10:]

    first, second = epochs(1)
    assert first != second
    assert first != epochs(2)[0]


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


def predicted(batches):
    for rows in batches:
        yield {"row": rows, "square": rows * rows, "pair": np.stack([rows, -rows], 1)}


@settings(deadline=None, max_examples=80)
@given(LENGTHS, st.integers(1, 9), st.integers(1, 70))
def test_predictions_come_back_in_the_order_of_the_input(lengths, batch_size, window):
    batches = prediction_order(lengths, batch_size, 100, window)
    found = list(in_input_order(predicted(batches), len(lengths)))
    assert [index for index, _ in found] == list(range(len(lengths)))
    for index, one in found:
        assert one["square"] == index * index
        assert one["pair"].tolist() == [index, -index]


def test_predictions_wait_no_longer_than_they_must():
    """A million sentences must not be held until the last of them is predicted."""
    drawn = []

    def batches():
        for first in range(0, 100, 10):
            drawn.append(first)
            yield np.arange(first, first + 10)[::-1]

    results = in_input_order(predicted(batches()), 100)
    assert [index for index, _ in itertools.islice(results, 11)] == list(range(11))
    assert drawn == [0, 10]


def test_lost_prediction_is_noticed():
    batches = [np.array([0, 1]), np.array([3, 4])]
    with pytest.raises(RuntimeError, match="no prediction for example 2"):
        list(in_input_order(predicted(batches), 5))


def test_reading_goes_on_while_a_new_file_takes_the_place(tmp_path):
    """The file is mapped, not read; replacing it must not pull it from under a run."""
    data = written(tmp_path)
    other = written(tmp_path_of(tmp_path, "other"), (1, 1))
    shutil.move(other.path, data.path)
    assert data[3]["input_ids"].tolist() == list(range(1, 9))


def tmp_path_of(folder, name):
    (folder / name).mkdir()
    return folder / name
