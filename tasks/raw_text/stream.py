import collections
import contextlib
import io
import os
import select
import signal
import sys
from typing import NamedTuple

import numpy as np

from biocodes.lib import passages
from finetuning import records, windows
from tasks.raw_text.job import STREAM, WINDOW

START, END = "[CLS]", "[SEP]"
SCHEMA = records.Schema(sequences=["input_ids"])


class WakingInput(io.RawIOBase):
    """Standard input; who waits for it, in whatever thread, is woken by a signal.

    The model waits for rows where Python cannot attend to signals. So a signal first
    ends the rows, with an error, and thereby the model's wait.
    """

    def __init__(self, descriptor):
        super().__init__()
        self._descriptor = descriptor
        self._woken, self._wakes = os.pipe()
        os.set_blocking(self._wakes, False)
        self._before = signal.set_wakeup_fd(self._wakes)

    def readable(self):
        return True

    def readinto(self, buffer):
        ready, _, _ = select.select([self._descriptor, self._woken], [], [])
        if self._woken in ready:
            raise RuntimeError("nobody waits for standard input any more")
        read = os.read(self._descriptor, len(buffer))
        buffer[: len(read)] = read
        return len(read)

    def wake(self):
        """Wakes who still waits; to be called at the end, whatever that is."""
        if self._wakes is not None:
            signal.set_wakeup_fd(self._before)
            # With the other end closed, this one counts as ready for ever.
            os.close(self._wakes)
            self._wakes = None

    def close(self):
        if not self.closed:
            self.wake()
            os.close(self._woken)
        super().close()


@contextlib.contextmanager
def opened(job):
    """Yields an iterator of the job's passages, see Job.read."""
    if job.predict_file != STREAM or sys.stdin is None:
        yield job.read()
        return
    stdin = WakingInput(sys.stdin.fileno())
    try:
        yield job.read(io.BufferedReader(stdin))
    finally:
        stdin.wake()


# Features


class Featurized(NamedTuple):
    """A passage on its way through the model.

    passage: passages.Passage.
    spans: [(start, end)] of its words.
    windows: [(row of SCHEMA, word_index)], see windows.cut_pieces; those without any
      piece are left out.
    """

    passage: passages.Passage
    spans: list
    windows: list


def make_featurizer(tokenizer, max_seq_length, long_sentences):
    """Makes the function Passage → Featurized.

    Args:
      tokenizer: tokenization.FullTokenizer.
      max_seq_length: pieces at most, [CLS] and [SEP] included.
      long_sentences: one of LONG_SENTENCES.
    """
    cut = windows.cut_pieces if long_sentences == WINDOW else windows.truncate_pieces
    start, end = tokenizer.vocab[START], tokenizer.vocab[END]

    def featurize(passage):
        spans = passages.spans(passage)
        pieces = [tokenizer.word_ids(passage.text[begin:end]) for begin, end in spans]
        rows = [
            (np.array([start, *ids, end], np.int32), word_index)
            for ids, word_index in cut(pieces, max_seq_length - 2)
            if ids
        ]
        return Featurized(passage, spans, rows)

    return featurize


class Feed:
    """Gives the rows of passages to a model and remembers whose they are.

    `rows` is read in another thread, where an error would become one of TensorFlow's:
    it ends the rows and is kept.

    Attributes:
      waiting: deque of Featurized, whose rows have been read.
      error: what ended the rows early, or None.
    """

    def __init__(self, featurized):
        self._featurized = featurized
        self.waiting = collections.deque()
        self.error = None

    def rows(self):
        """Yields the rows of one passage after another."""
        try:
            for one in self._featurized:
                self.waiting.append(one)
                for row, _ in one.windows:
                    yield row
        except Exception as error:  # raised again by in_passages
            self.error = error


def in_passages(feed, predictions):
    """Yields (Featurized, list of predictions of its windows), passage by passage.

    When all that came before it is done, it raises what ended the feed's rows.

    Args:
      feed: Feed.
      predictions: iterable of (index, dict of arrays) of the feed's rows, in their
        order.
    """
    waiting, found = feed.waiting, []
    for _, prediction in predictions:
        while not waiting[0].windows:
            yield waiting.popleft(), []
        found.append(prediction)
        if len(found) == len(waiting[0].windows):
            yield waiting.popleft(), found
            found = []
    while waiting:
        yield waiting.popleft(), []
    if feed.error is not None:
        raise feed.error
