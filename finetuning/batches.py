import itertools
import math

import numpy as np
import tensorflow.compat.v1 as tf

import modeling


def micro_batches(batches, lengths, count, parts):
    """Cuts each batch into parts in which examples are of similar length.

    Args:
      batches: iterable of int arrays, indices of examples.
      lengths: int [examples].
      count: micro-batches that a batch makes.
      parts: of each; batches are `count` times `parts` times as large as one.

    Yields:
      List of int arrays: the parts of a micro-batch.
    """
    for rows in batches:
        sorted_rows = rows[np.argsort(lengths[rows], kind="stable")]
        for one in np.split(sorted_rows, count):
            yield np.split(one, parts)


def part_of(features):
    """The modeling.Part that a batch's features hold."""
    return modeling.Part(
        features["input_ids"], features["input_mask"], features.get("segment_ids")
    )


# Training batches that are formed by length together. The fewer they are, the more by
# chance the examples of a batch come together; the more, the less padding there is: 4 %
# of NCBI-disease with 10 of them, 0.8 % with 50, 0.4 % with 100.
POOL_BATCHES = 50
# Each of these batches has as many examples from every quarter of the lengths. Steps
# are then alike in what they learn from, in work and in memory: on NCBI-disease the
# largest has 1,688 pieces; were a batch's examples of one length, it would have 4,096.
LENGTH_CLASSES = 4


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
