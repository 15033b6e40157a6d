"""records.py: what is packed comes back; half files and files of others are none."""

import os
import pathlib
import shutil
import tempfile

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings

from biocodes.lib import files
from finetuning import records, workers
from kit.examples import MADE_FROM, SCHEMA, corpora, example, some_examples, written

tf.disable_v2_behavior()


@settings(deadline=None, max_examples=60)
@given(corpora())
def test_what_is_written_is_read(corpus):
    schema, examples = corpus
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.tf_record")
        records.write_records(path, schema, iter(examples), MADE_FROM)
        data = records.open_records(path, schema, MADE_FROM)
        assert os.listdir(folder) == ["x.tf_record"]
        assert len(data) == len(examples)
        for actual, expected in zip(data, examples):
            assert {
                name: np.array(v).tolist() for name, v in actual.items()
            } == expected
        lengths = [len(features["a"]) for features in examples]
        assert np.array(data.lengths).tolist() == lengths


def test_packed_rows_are_written_as_they_are(tmp_path):
    path = str(tmp_path / "rows.tf_record")
    rows = [SCHEMA.pack(features) for features in some_examples()]
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
        for index in [position, *range(position + 12, position + 12 + size)]:
            changed = bytearray(whole)
            changed[index] ^= 1
            path.write_bytes(changed)
            assert records.open_records(str(path), SCHEMA, MADE_FROM) is None, index
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


def test_replacing_the_file_does_not_disturb_a_run_that_reads_it(tmp_path):
    """Examples are read when they are needed, from the file as it was opened."""
    data = written(tmp_path)
    (tmp_path / "other").mkdir()
    other = written(tmp_path / "other", (1, 1))
    shutil.move(other.path, data.path)
    assert data[3]["input_ids"].tolist() == list(range(1, 9))


def test_file_without_examples_is_one(tmp_path):
    """As of questions without contexts: it need not be written again."""
    path = str(tmp_path / "none.tf_record")
    records.write_records(path, SCHEMA, [], MADE_FROM)

    def fail():
        raise AssertionError("featurized again")
        yield

    data = records.open_or_write(path, SCHEMA, fail(), MADE_FROM)
    assert len(data) == len(data.lengths) == 0


# Who makes them


@pytest.mark.parametrize("processes", [0, 2])
def test_records_are_the_same_whoever_makes_them(monkeypatch, processes):
    """All rows of an example, in the examples' order; few examples need no workers."""
    asked = []

    def processes_for(count):
        asked.append(count)
        return processes

    monkeypatch.setattr(workers, "processes_for", processes_for)

    def rows_of(length):
        row = SCHEMA.pack(example(length, length))
        return [row, -row][:length]

    rows = list(records.featurized(rows_of, iter(range(300)), 300))
    expected = [row for length in range(300) for row in rows_of(length)]
    assert [row.tolist() for row in rows] == [row.tolist() for row in expected]
    assert asked == [300]
