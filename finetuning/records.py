"""Record files: featurized examples, packed, on disk, at random access.

A record is an example as int32 numbers: its scalars, then its sequences, which all have
the same length. Nothing is padded before a batch is put together. Records lie in a
TFRecord file and are read when they are needed, so that a corpus costs disk and not
memory. The file says what it was made from and is used again for just that.
"""

import array
import contextlib
import json
import os
import struct
import weakref
import zlib
from typing import (
    Any,
    BinaryIO,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Tuple,
    TypeVar,
    Union,
)

import numpy as np

from biocodes.lib import files
from finetuning import workers
from finetuning.command_line import start_tensorflow
from finetuning.progress import report_progress

Item = TypeVar("Item")
Size = TypeVar("Size", int, np.ndarray)  # of a row, or of each of several
Features = Dict[str, Any]

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

    def __init__(self, sequences: Iterable[str], scalars: Iterable[str] = ()) -> None:
        """Name sequences and scalars in the order that they have in a record."""
        self.sequences = tuple(sequences)
        self.scalars = tuple(scalars)

    def pack(self, features: Features) -> np.ndarray:
        """Make an int32 row of features, ints and sequences of int by name."""
        row = [features[name] for name in self.scalars]
        for name in self.sequences:
            row.extend(features[name])
        # For a list, np.array takes twice the time (NumPy 1.19).
        return np.fromiter(row, np.int32, len(row))

    def unpack(self, row: np.ndarray) -> Features:
        """Return the features of a row: int or int32 [length] by name."""
        count = len(self.scalars)
        features = dict(zip(self.scalars, row[:count].tolist()))
        features.update(zip(self.sequences, self.matrix(row)))
        return features

    def matrix(self, row: np.ndarray) -> np.ndarray:
        """Return the sequences of a row, int32 [number of sequences, length]."""
        return row[len(self.scalars) :].reshape(len(self.sequences), -1)

    def length(self, row_size: Size) -> Size:
        """Return the length of the sequences in a row of so many numbers."""
        return (row_size - len(self.scalars)) // len(self.sequences)

    def to_dict(self) -> Dict[str, List[str]]:
        """Return what a record file says of its schema, as JSON values."""
        return {"scalars": list(self.scalars), "sequences": list(self.sequences)}


class RecordFile:
    """The examples of a record file, at random access.

    Attributes:
      path: of the file.
      schema: of its records.
      lengths: int64 [examples], pieces of each.
    """

    def __init__(
        self, stream: BinaryIO, schema: Schema, starts: np.ndarray, sizes: np.ndarray
    ) -> None:
        """Take an open file and where in it each example lies.

        Args:
          stream: the file; it is read as long as this object lives.
          schema: of its records.
          starts, sizes: int64 [examples], in bytes.
        """
        self.path = stream.name
        self.schema = schema
        self._stream = stream
        # Python would close it, too, and warn that it had to.
        weakref.finalize(self, stream.close)
        self._starts = starts
        self._sizes = sizes
        self.lengths = schema.length(sizes // _NUMBER_BYTES)

    def __len__(self) -> int:
        return len(self._starts)

    def row(self, index: int) -> np.ndarray:
        """Read the int32 row of an example."""
        start, size = int(self._starts[index]), int(self._sizes[index])
        return np.frombuffer(os.pread(self._stream.fileno(), size, start), np.int32)

    def __getitem__(self, index: int) -> Features:
        return self.schema.unpack(self.row(index))

    def __iter__(self) -> Iterator[Features]:
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


def open_or_write(
    path: str,
    schema: Schema,
    features: Iterable[Union[Features, np.ndarray]],
    made_from: Any,
) -> RecordFile:
    """Open a record file, after writing it unless it was made from just that.

    Args:
      path: the file.
      schema: of its records.
      features: of the examples, or int32 rows; not read when the file is there.
      made_from: JSON value.
    """
    data = open_records(path, schema, made_from)
    if data is None:
        data = write_records(path, schema, features, made_from)
    return data


def write_records(
    path: str,
    schema: Schema,
    features: Iterable[Union[Features, np.ndarray]],
    made_from: Any,
) -> RecordFile:
    """Write a whole record file and open it.

    Args:
      path: the file; it appears when all of it is written.
      schema: of its records.
      features: of the examples, or int32 rows packed by the schema.
      made_from: JSON value that decides whether the file can be used again: digests of
        what it was made from and the settings that shaped it.

    Raises:
      InputError: the file cannot be written.
    """
    tf = start_tensorflow()  # not before there is something to write
    beside, count, checksum = f"{path}.tmp", 0, 0
    try:
        with tf.io.TFRecordWriter(beside) as writer:
            writer.write(_header(schema, made_from))
            for row in features:
                packed = row if isinstance(row, np.ndarray) else schema.pack(row)
                payload = packed.tobytes()
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


def open_records(path: str, schema: Schema, made_from: Any) -> Optional[RecordFile]:
    """Open a record file if it is whole and was made from just that, else None."""
    if not os.path.isfile(path):
        return None
    stream = open(path, "rb")  # noqa: SIM115
    frames = _frames(stream)
    if next(frames, (0, b""))[1] == _header(schema, made_from):
        starts, sizes, checksum, last = _index(frames)
        # It also tells a file that was cut off between two records.
        if last == _footer(len(starts), checksum):
            return RecordFile(stream, schema, starts, sizes)
    stream.close()
    return None


def _index(
    frames: Iterator[Tuple[int, bytes]],
) -> Tuple[np.ndarray, np.ndarray, int, bytes]:
    """Note where all payloads but the last one lie.

    Args:
      frames: where each payload starts, and the payload.

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


def _header(schema: Schema, made_from: Any) -> bytes:
    """Return the first record of a file: what it was made from."""
    return _note(dict(schema.to_dict(), format=FORMAT, made_from=made_from))


def _footer(count: int, checksum: int) -> bytes:
    """Return the last record: how many examples lie before it, and their CRC-32."""
    return _note({"examples": count, "crc32": checksum})


def _note(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode("utf-8")


def _frames(stream: BinaryIO) -> Iterator[Tuple[int, bytes]]:
    """Yield where the payload of each whole record of a TFRecord file starts, and it.

    TFRecord's own checksums are left aside: CRC-32C takes Python minutes.
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
