"""Features on their way to the model: packed, kept in a file, put into batches.

A record is one example as int32 numbers: its scalars, then its sequences, which all
have the same length. Nothing is padded until a batch is put together, and then only to
the longest sequence in it, or in a part of it (parts_of). Records lie in a TFRecord
file and are read when they are needed, so that a corpus costs disk and not memory; or
they come one after another and are never kept (stream_batches).
"""

import array
import contextlib
import itertools
import json
import math
import os
import struct
import zlib

import numpy as np
import tensorflow.compat.v1 as tf

from biocodes import files

# A TFRecord frames its payload: uint64 length and its checksum, payload, checksum.
_HEAD_BYTES = 12
_TAIL_BYTES = 4
_NUMBER_BYTES = 4
FORMAT = 2

# Training batches that are formed by length together. The fewer they are, the more by
# chance the examples of a batch come together; the more, the less padding there is: 4 %
# of NCBI-disease with 10 of them, 0.8 % with 50, 0.4 % with 100.
POOL_BATCHES = 50
# Each of these batches has as many examples from every quarter of the lengths. Steps
# are then alike in what they learn from, in work and in memory: on NCBI-disease the
# largest has 1,688 pieces; were a batch's examples of one length, it would have 4,096.
LENGTH_CLASSES = 4


class Schema:
    """Names and order of the numbers in a record; one schema writes, reads, batches.

    For example Schema(scalars=["label_id"], sequences=["input_ids", "segment_ids"])
    packs a sentence of 3 pieces as [label, id, id, id, segment, segment, segment].

    Attributes:
      scalars: names of single numbers.
      sequences: names of sequences; the first gives a record its length.
    """

    def __init__(self, sequences, scalars=()):
        self.sequences = tuple(sequences)
        self.scalars = tuple(scalars)

    def pack(self, features):
        """dict of name → int or sequence of int → int32 row, ready to be written."""
        row = [features[name] for name in self.scalars]
        for name in self.sequences:
            row.extend(features[name])
        # For a list, np.array takes twice the time (NumPy 1.19).
        return np.fromiter(row, np.int32, len(row))

    def unpack(self, row):
        """int32 row → dict of name → number or int32 [length]."""
        first = len(self.scalars)
        features = dict(zip(self.scalars, row[:first].tolist()))
        features.update(zip(self.sequences, self.matrix(row)))
        return features

    def matrix(self, row):
        """int32 row → its sequences, int32 [number of sequences, length]."""
        return row[len(self.scalars) :].reshape(len(self.sequences), -1)

    def length(self, row_size):
        """Length of the sequences in a row of so many numbers."""
        return (row_size - len(self.scalars)) // len(self.sequences)

    def to_dict(self):
        """What a record file says of its schema."""
        return {"scalars": list(self.scalars), "sequences": list(self.sequences)}


class RecordFile:
    """The examples of a record file, at random access.

    Attributes:
      schema: Schema.
      lengths: int64 [examples], pieces of each.
    """

    def __init__(self, stream, schema, starts, sizes):
        """stream: the open file; starts, sizes: int64 [examples], in bytes."""
        self.path = stream.name
        self.schema = schema
        self._stream = stream
        self._starts = starts
        self._sizes = sizes
        self.lengths = schema.length(sizes // _NUMBER_BYTES)

    def __len__(self):
        return len(self._starts)

    def row(self, index):
        """int32 row of an example, see Schema."""
        start, size = int(self._starts[index]), int(self._sizes[index])
        return np.frombuffer(os.pread(self._stream.fileno(), size, start), np.int32)

    def __getitem__(self, index):
        return self.schema.unpack(self.row(index))

    def __iter__(self):
        return (self[index] for index in range(len(self)))


class Rows:
    """Examples in memory, with what batch_of needs of a RecordFile.

    Args:
      schema: Schema.
      rows: list of int32 rows packed by it.
    """

    def __init__(self, schema, rows):
        self.schema = schema
        self._rows = rows
        self.lengths = schema.length(np.array([len(row) for row in rows], np.int64))

    def row(self, index):
        """int32 row of an example, see Schema."""
        return self._rows[index]


def open_or_write(path, schema, features, made_from):
    """Opens a record file, after writing it unless it is there, see write_records."""
    found = open_records(path, schema, made_from)
    return found or write_records(path, schema, features, made_from)


def write_records(path, schema, features, made_from):
    """Writes a whole record file and opens it.

    Args:
      path: the file; it appears when all of it is written.
      schema: Schema.
      features: iterable of dicts, see Schema.pack, or of int32 rows packed by it.
      made_from: JSON object that tells whether the file can be used again: digests of
        what it was made from and the settings that shaped it.

    Returns:
      RecordFile.
    """
    beside = f"{path}.tmp"
    count = checksum = 0
    try:
        with tf.io.TFRecordWriter(beside) as writer:
            writer.write(_header(schema, made_from))
            for one in features:
                row = one if isinstance(one, np.ndarray) else schema.pack(one)
                payload = row.tobytes()
                writer.write(payload)
                checksum = zlib.crc32(payload, checksum)
                count += 1
            writer.write(_footer(count, checksum))
        os.replace(beside, path)
    except (OSError, tf.errors.OpError) as error:
        if not isinstance(error, OSError):
            error = OSError(0, error.message.split("; ")[-1])
        raise files.unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            os.remove(beside)
    return open_records(path, schema, made_from)


def open_records(path, schema, made_from):
    """Opens a record file if it is whole and was made from just that.

    Returns:
      RecordFile, or None when it has to be written anew.
    """
    if not os.path.isfile(path):
        return None
    # A RecordFile reads from it as long as it lives.
    stream = open(path, "rb")  # noqa: SIM115
    frames = _frames(stream)
    if next(frames, (0, b""))[1] == _header(schema, made_from):
        starts, sizes, checksum, last = _index(frames)
        # It also tells a file that was cut off between two records.
        if last == _footer(len(starts), checksum):
            return RecordFile(stream, schema, starts, sizes)
    stream.close()
    return None


def _index(frames):
    """Where all payloads but the last one lie, see _frames.

    Returns:
      starts, sizes: int64 [examples]; the CRC-32 of these payloads; the last payload.
    """
    starts, sizes = array.array("q"), array.array("q")
    checksum = 0
    start, payload = next(frames, (0, b""))
    for following in frames:
        starts.append(start)
        sizes.append(len(payload))
        checksum = zlib.crc32(payload, checksum)
        start, payload = following
    return np.array(starts), np.array(sizes), checksum, payload


def _header(schema, made_from):
    """First record of a file: what it was made from; a multiple of 4 bytes."""
    return _note(dict(schema.to_dict(), format=FORMAT, made_from=made_from))


def _footer(count, checksum):
    """Last record of a file: how many examples lie before it, and their CRC-32."""
    return _note({"examples": count, "crc32": checksum})


def _note(value):
    return json.dumps(value, sort_keys=True).encode("utf-8")


def _frames(stream):
    """Yields (where it starts, payload) of each whole record of a TFRecord file.

    Its own checksums are left aside: CRC-32C takes Python minutes.
    """
    start = _HEAD_BYTES
    left = os.fstat(stream.fileno()).st_size
    while left >= _HEAD_BYTES + _TAIL_BYTES:
        (size,) = struct.unpack_from("<Q", stream.read(_HEAD_BYTES))
        left -= _HEAD_BYTES + size + _TAIL_BYTES
        if left < 0:
            return
        yield start, stream.read(size)
        stream.seek(_TAIL_BYTES, os.SEEK_CUR)
        start += size + _TAIL_BYTES + _HEAD_BYTES


def batch_of(records, rows, pad_to=None):
    """Puts examples together, padded with zeros.

    Args:
      records: RecordFile or Rows.
      rows: indices of the examples, int [B].
      pad_to: length S of the batch; default: that of its longest example.

    Returns:
      dict of int32 arrays: the schema's scalars [B] and sequences [B, S], `input_mask`
      [B, S], 1 where there is a piece, and `row` [B], the examples' indices.
    """
    schema = records.schema
    lengths = records.lengths[rows]
    width = pad_to or int(lengths.max())
    scalars = np.empty([len(schema.scalars), len(rows)], np.int32)
    sequences = np.zeros([len(schema.sequences), len(rows), width], np.int32)
    for i, index in enumerate(rows):
        row = records.row(index)
        scalars[:, i] = row[: len(schema.scalars)]
        sequences[:, i, : lengths[i]] = schema.matrix(row)
    batch = dict(zip(schema.scalars, scalars))
    batch.update(zip(schema.sequences, sequences))
    batch["input_mask"] = (np.arange(width) < lengths[:, np.newaxis]).astype(np.int32)
    batch["row"] = np.asarray(rows, np.int32)
    return batch


def training_order(lengths, batch_size, seed, by_length=True):
    """Yields the examples of one training batch after another, without end.

    Every epoch is a new permutation of the whole corpus. What is left over at its end
    (fewer than batch_size examples) goes to the front of the next one.

    By length means that each POOL_BATCHES batches are cut anew. Their examples, from
    the shortest to the longest, are divided into LENGTH_CLASSES classes (or the
    greatest divisor of it that divides batch_size), and a class into groups of
    neighbours. A batch is a group from each class, drawn at random: the groups have
    hardly any padding (see parts_of), and the batches are alike.

    Args:
      lengths: int [examples].
      batch_size: examples in each batch.
      seed: int; the same seed gives the same order.
      by_length: False for batches of any lengths.

    Yields:
      int [batch_size], indices of examples.
    """
    random = np.random.RandomState(seed)
    waiting = np.empty([0], np.int64)
    while True:
        waiting = np.concatenate([waiting, random.permutation(len(lengths))])
        whole = len(waiting) - len(waiting) % batch_size
        chosen, waiting = waiting[:whole], waiting[whole:]
        pool_size = POOL_BATCHES * batch_size
        for first in range(0, whole, pool_size):
            pool = chosen[first : first + pool_size]
            if by_length:
                pool = _mixed_by_length(pool, lengths, batch_size, random)
            yield from pool.reshape(-1, batch_size)


def _mixed_by_length(pool, lengths, batch_size, random):
    """Reorders the examples of a pool into its batches, see training_order."""
    classes = math.gcd(batch_size, LENGTH_CLASSES)
    # Stable, so that examples of one length keep their random order.
    by_length = pool[np.argsort(lengths[pool], kind="stable")]
    groups = by_length.reshape(classes, -1, batch_size // classes)
    return np.stack([random.permutation(one) for one in groups], axis=1)


def prediction_order(lengths, batch_size, max_pieces, window=8192):
    """Yields the examples of one prediction batch after another, each example once.

    Within a window of the input, examples are taken from the longest to the shortest,
    and a batch is as large as its pieces, padding included, allow.

    Args:
      lengths: int [examples].
      batch_size: least number of examples in a batch, as long as there are any.
      max_pieces: greatest number of pieces in a batch larger than that.
      window: examples sorted at a time; bounds what waits to be put back in order.

    Yields:
      int arrays, indices of examples.
    """
    for first in range(0, len(lengths), window):
        part = lengths[first : first + window]
        order = first + np.argsort(-part, kind="stable")
        while len(order):
            count = max(batch_size, int(max_pieces // max(lengths[order[0]], 1)))
            yield order[:count]
            order = order[count:]


def file_order(lengths, batch_size):
    """Yields the examples batch by batch in the order of the file."""
    for first in range(0, len(lengths), batch_size):
        yield np.arange(first, min(first + batch_size, len(lengths)))


def stream_batches(schema, rows, order, pad_to=None, window=1024, most=1 << 15):
    """Yields batches of examples that are read as they are needed.

    Args:
      schema: Schema.
      rows: iterable of int32 rows packed by it.
      order: function of lengths → iterator of index arrays, for one window.
      pad_to: see batch_of.
      window: examples that are read, ordered and batched at a time, at most.
      most: pieces that are enough for that, so that results of long examples are not
        long in coming.

    Yields:
      see batch_of; `row` counts from the first of all examples.
    """
    rows = iter(rows)
    first = 0
    while True:
        part = Rows(schema, _some(schema, itertools.islice(rows, window), most))
        if not len(part.lengths):
            return
        for indices in order(part.lengths):
            batch = batch_of(part, indices, pad_to)
            batch["row"] += first
            yield batch
        first += len(part.lengths)


def _some(schema, rows, most):
    """Takes rows until they have `most` pieces or there are no more; → list."""
    taken, pieces = [], 0
    for row in rows:
        taken.append(row)
        pieces += schema.length(len(row))
        if pieces >= most:
            break
    return taken


def parts_of(records, parts, pad_to=None):
    """Puts a batch together in parts, each padded for itself.

    Args:
      records, pad_to: see batch_of.
      parts: list of int arrays, indices of examples.

    Returns:
      {"parts": tuple of dicts, see batch_of}: Estimator wants features to be a dict.
    """
    return {"parts": tuple(batch_of(records, rows, pad_to) for rows in parts)}


def dataset(schema, batches):
    """tf.data.Dataset of batches.

    Args:
      schema: Schema of their examples.
      batches: function without arguments → iterator of batches, see batch_of.
    """
    return _dataset(_types_and_shapes(schema), batches)


def dataset_of_parts(schema, batches, count):
    """tf.data.Dataset of batches in parts.

    Args:
      schema: Schema of their examples.
      batches: function without arguments → iterator of batches, see parts_of.
      count: parts of a batch.
    """
    types, shapes = _types_and_shapes(schema)
    return _dataset([{"parts": (one,) * count} for one in (types, shapes)], batches)


def _types_and_shapes(schema):
    """Of the arrays that batch_of makes, by name."""
    shapes = {name: tf.TensorShape([None]) for name in schema.scalars + ("row",)}
    for name in schema.sequences + ("input_mask",):
        shapes[name] = tf.TensorShape([None, None])
    return dict.fromkeys(shapes, tf.int32), shapes


def _dataset(types_and_shapes, batches):
    return tf.data.Dataset.from_generator(batches, *types_and_shapes).prefetch(2)


def in_input_order(batches, count=None):
    """Brings predictions back into the order of the input.

    Args:
      batches: iterable of dicts of arrays [B, ...] with `row`, as predicted.
      count: number of examples, all of which must come; default: as many as there are.

    Yields:
      (index, dict of name → value) for index 0, 1, 2, …
    """
    waiting = {}
    due = 0
    for batch in batches:
        for i, index in enumerate(batch["row"].tolist()):
            waiting[index] = {name: values[i] for name, values in batch.items()}
        while due in waiting:
            yield due, waiting.pop(due)
            due += 1
    if waiting or count not in (None, due):
        raise RuntimeError(f"no prediction for example {due}")
