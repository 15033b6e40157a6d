"""Batches: which examples go together, put together with padding, as NumPy arrays.

    order     training_order, prediction_order, file_order: indices, batch after batch
    cut       micro_batches: parts in which examples are of similar length
    arrays    batch_of, parts_of, stream_batches: padded, only as far as a part needs
    back      in_input_order: predictions in the order of the examples

An example is given by its index in a RecordFile or in Rows.
"""

import itertools
import math
from typing import (
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import numpy as np

from finetuning.records import RecordFile, Schema

Batch = Dict[str, np.ndarray]
BatchInParts = Dict[str, Tuple[Batch, ...]]
Order = Callable[[np.ndarray], Iterator[np.ndarray]]
# What draws the examples of an epoch, in random order.
Draw = Callable[[np.random.RandomState], np.ndarray]

# Training batches that are formed by length together. The fewer they are, the more by
# chance the examples of a batch come together; the more, the less padding there is: 4 %
# of NCBI-disease with 10 of them, 0.8 % with 50, 0.4 % with 100.
POOL_BATCHES = 50
# Each of these batches has as many examples from every quarter of the lengths. Steps
# are then alike in what they learn from, in work and in memory: on NCBI-disease the
# largest has 1,688 pieces; were a batch's examples of one length, it would have 4,096.
LENGTH_CLASSES = 4


# Orders


def training_order(
    lengths: np.ndarray,
    batch_size: int,
    seed: int,
    by_length: bool = True,
    draw: Optional[Draw] = None,
) -> Iterator[np.ndarray]:
    """Yield the examples of one training batch after another, without end.

    Every epoch is a new permutation of the corpus, or what is drawn from it. What is
    left over at its end, less than a batch, goes to the front of the next one.

    By length means that each POOL_BATCHES batches are cut anew. Their examples, ordered
    by length, are divided into LENGTH_CLASSES classes (or the greatest divisor of it
    that divides batch_size), and a class into groups of neighbours. A batch is a random
    group of each class: groups have hardly any padding, and batches are alike.

    Args:
      lengths: int [examples].
      batch_size: examples in each batch.
      seed: the same one gives the same order.
      by_length: False for batches of any lengths.
      draw: of each epoch, one example at least; default: all.

    Yields:
      int [batch_size], indices of examples.
    """
    random = np.random.RandomState(seed)
    waiting = np.empty([0], np.int64)
    while True:
        epoch = draw(random) if draw else random.permutation(len(lengths))
        waiting = np.append(waiting, epoch)
        whole = len(waiting) - len(waiting) % batch_size
        chosen, waiting = waiting[:whole], waiting[whole:]
        pool_size = POOL_BATCHES * batch_size
        for begin in range(0, whole, pool_size):
            pool = chosen[begin : begin + pool_size]
            if by_length:
                pool = _mixed_by_length(pool, lengths, batch_size, random)
            yield from pool.reshape(-1, batch_size)


def _mixed_by_length(
    pool: np.ndarray,
    lengths: np.ndarray,
    batch_size: int,
    random: np.random.RandomState,
) -> np.ndarray:
    """Reorder the examples of a pool into its batches: groups of every class."""
    classes = math.gcd(batch_size, LENGTH_CLASSES)
    # Stable, so that examples of one length keep their random order.
    by_length = pool[np.argsort(lengths[pool], kind="stable")]
    groups = by_length.reshape(classes, -1, batch_size // classes)
    return np.stack([random.permutation(of_class) for of_class in groups], axis=1)


def prediction_order(
    lengths: np.ndarray, batch_size: int, max_pieces: int, window: int = 8192
) -> Iterator[np.ndarray]:
    """Yield the examples of one prediction batch after another, each example once.

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
    for begin in range(0, len(lengths), window):
        part = lengths[begin : begin + window]
        order = begin + np.argsort(-part, kind="stable")
        while len(order):
            count = max(batch_size, int(max_pieces // max(lengths[order[0]], 1)))
            yield order[:count]
            order = order[count:]


def file_order(lengths: np.ndarray, batch_size: int) -> Iterator[np.ndarray]:
    """Yield the examples batch by batch in the order of the file."""
    for begin in range(0, len(lengths), batch_size):
        yield np.arange(begin, min(begin + batch_size, len(lengths)))


def micro_batches(
    batches: Iterable[np.ndarray], lengths: np.ndarray, count: int, parts: int
) -> Iterator[List[np.ndarray]]:
    """Cut each batch into parts in which examples are of similar length.

    Args:
      batches: int arrays, indices of examples.
      lengths: int [examples].
      count: micro-batches that a batch makes.
      parts: of each; `count` times `parts` must divide the size of the batches.

    Yields:
      The parts of a micro-batch, int arrays.
    """
    for rows in batches:
        sorted_rows = rows[np.argsort(lengths[rows], kind="stable")]
        for micro_batch in np.split(sorted_rows, count):
            yield np.split(micro_batch, parts)


# Arrays


class Rows:
    """Examples in memory, with what batch_of needs of a RecordFile.

    Attributes:
      schema: of the rows.
      lengths: int64 [examples], pieces of each.
    """

    def __init__(self, schema: Schema, rows: List[np.ndarray]) -> None:
        """Keep int32 rows packed by the schema."""
        self.schema = schema
        self._rows = rows
        self.lengths = schema.length(np.array([len(row) for row in rows], np.int64))

    def row(self, index: int) -> np.ndarray:
        """Return the int32 row of an example."""
        return self._rows[index]


def batch_of(
    records: Union[RecordFile, Rows], rows: np.ndarray, pad_to: Optional[int] = None
) -> Batch:
    """Put examples together, padded with zeros.

    Args:
      records: where they are.
      rows: int [B], their indices.
      pad_to: length S of the batch; default: that of its longest example.

    Returns:
      int32 arrays by name: the schema's scalars [B] and sequences [B, S], `input_mask`
      [B, S], 1 where there is a piece, and `row` [B], the indices.
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


class ReadAhead(NamedTuple):
    """How much of a stream is read, ordered and batched at a time.

    Attributes:
      examples: at most.
      pieces: this many are enough, so that results of long examples are not long in
        coming.
    """

    examples: int = 1024
    pieces: int = 1 << 15


_READ_AHEAD = ReadAhead()


def stream_batches(
    schema: Schema,
    rows: Iterable[np.ndarray],
    order: Order,
    pad_to: Optional[int] = None,
    read_ahead: ReadAhead = _READ_AHEAD,
) -> Iterator[Batch]:
    """Yield batches of examples that are read as they are needed.

    Args:
      schema: of the rows.
      rows: int32 rows packed by it.
      order: function of the lengths of some examples → the indices of each batch.
      pad_to: length of each batch; default: that of its longest example.
      read_ahead: how many examples are read, ordered and batched at a time.

    Yields:
      What batch_of makes; `row` counts from the first of all examples.
    """
    rows = iter(rows)
    begin = 0
    while True:
        part = Rows(schema, _read(schema, rows, read_ahead))
        if not len(part.lengths):
            return
        for indices in order(part.lengths):
            batch = batch_of(part, indices, pad_to)
            batch["row"] += begin
            yield batch
        begin += len(part.lengths)


def _read(
    schema: Schema, rows: Iterator[np.ndarray], read_ahead: ReadAhead
) -> List[np.ndarray]:
    """Take as many rows as are read at a time, fewer at the end."""
    taken, pieces = [], 0
    for row in itertools.islice(rows, read_ahead.examples):
        taken.append(row)
        pieces += schema.length(len(row))
        if pieces >= read_ahead.pieces:
            break
    return taken


def parts_of(
    records: RecordFile, parts: Sequence[np.ndarray], pad_to: Optional[int] = None
) -> BatchInParts:
    """Put a batch together in parts, each padded for itself.

    Args:
      records: where the examples are.
      parts: int arrays, indices of the examples of each part.
      pad_to: length of each part; default: that of its longest example.

    Returns:
      {"parts": what batch_of makes of each}: Estimator wants features to be a dict.
    """
    return {"parts": tuple(batch_of(records, rows, pad_to) for rows in parts)}


# Back


def in_input_order(
    batches: Iterable[Batch], count: Optional[int] = None
) -> Iterator[Tuple[int, Batch]]:
    """Bring predictions back into the order of the input.

    Args:
      batches: arrays [B, ...] by name, as predicted, `row` among them.
      count: number of examples, all of which must come; default: as many as there are.

    Yields:
      (index, value of each name) for index 0, 1, 2, …
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
