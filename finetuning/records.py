"""Features on their way to the model: packed, kept in a file, put into batches.

A record is one example as int32 numbers: its scalars, then its sequences, which all
have the same length. Nothing is padded until a batch is put together, and then only to
the longest sequence in it, or in a part of it (parts_of). Records lie in a TFRecord
file and are read when they are needed, so that a corpus costs disk and not memory; or
they come one after another and are never kept (stream_batches).
"""

import array
import contextlib
import json
import os
import struct
import zlib
from typing import Callable, Iterable, Iterator, List, TypeVar

import numpy as np
import tensorflow.compat.v1 as tf

from biocodes.lib import files
from finetuning import workers
from finetuning.progress import report_progress

Item = TypeVar("Item")

# A TFRecord frames its payload: uint64 length and its checksum, payload, checksum.
_HEAD_BYTES = 12
_TAIL_BYTES = 4
_NUMBER_BYTES = 4
FORMAT = 2


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


def featurized(
    rows_of: Callable[[Item], List[np.ndarray]], items: Iterable[Item], count: int
) -> Iterator[np.ndarray]:
    """Yield the rows of many items, made by worker processes, and report progress.

    Args:
      rows_of: function of an item → its rows.
      items: examples.
      count: how many there are.
    """
    made = workers.ordered_map(rows_of, items, workers.processes_for(count))
    for rows in report_progress("featurized", made, count):
        yield from rows


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
