"""Passages on their way to the model and back: read, cut into windows, put together."""

import collections
import contextlib
import io
import os
import select
import signal
import sys
from typing import (
    Callable,
    Deque,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Tuple,
)

import numpy as np

from biocodes.lib import passages
from biocodes.lib.passages import Passage
from finetuning import records, windows
from tasks.raw_text.job import STREAM, WINDOW, Job
from tokenization import CLS, SEP, FullTokenizer

SCHEMA = records.Schema(sequences=["input_ids"])


class WakingInput(io.RawIOBase):
    """Standard input; who waits for it, in whatever thread, is woken by a signal.

    The model waits for rows where Python cannot attend to signals. So a signal first
    ends the rows, with an error, and thereby the model's wait.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._woken, self._wakes = os.pipe()
        os.set_blocking(self._wakes, False)
        self._before = signal.set_wakeup_fd(self._wakes)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:
        ready, _, _ = select.select([self._descriptor, self._woken], [], [])
        if self._woken in ready:
            raise RuntimeError("nobody waits for standard input any more")
        read = os.read(self._descriptor, len(buffer))
        buffer[: len(read)] = read
        return len(read)

    def wake(self) -> None:
        """Wake who still waits; for the main thread to call at the end, in any case."""
        if self._wakes is not None:
            signal.set_wakeup_fd(self._before)
            # With the other end closed, this end counts as ready for ever.
            os.close(self._wakes)
            self._wakes = None
            if self.closed:
                os.close(self._woken)

    def close(self) -> None:
        # Python closes it in whatever thread drops it last, and only the main thread
        # may set the wakeup descriptor: `wake` then closes what is left.
        if not self.closed and self._wakes is None:
            os.close(self._woken)
        super().close()


@contextlib.contextmanager
def opened(job: Job) -> Iterator[Iterator[Passage]]:
    """Yield an iterator of the job's passages."""
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

    Attributes:
      passage: as it was read.
      spans: (start, end) of its words.
      windows: (row of SCHEMA, index of each piece's word) of its windows; those without
        any piece are left out.
    """

    passage: Passage
    spans: List[Tuple[int, int]]
    windows: List[Tuple[np.ndarray, List[int]]]


def make_featurizer(
    tokenizer: FullTokenizer, max_seq_length: int, long_sentences: str
) -> Callable[[Passage], Featurized]:
    """Make the function that cuts a passage into windows of pieces.

    Args:
      tokenizer: of the model.
      max_seq_length: pieces at most, [CLS] and [SEP] included.
      long_sentences: one of LONG_SENTENCES.
    """
    cut = windows.cut_pieces if long_sentences == WINDOW else windows.truncate_pieces
    cls, sep = tokenizer.vocab[CLS], tokenizer.vocab[SEP]

    def featurize(passage: Passage) -> Featurized:
        spans = passages.spans(passage)
        pieces = [tokenizer.word_ids(passage.text[begin:end]) for begin, end in spans]
        rows = [
            (np.array([cls, *ids, sep], np.int32), word_index)
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
      waiting: Featurized passages whose rows have been read.
      error: what ended the rows early, or None.
    """

    def __init__(self, featurized: Iterable[Featurized]) -> None:
        self._featurized = featurized
        self.waiting: Deque[Featurized] = collections.deque()
        self.error: Optional[Exception] = None

    def rows(self) -> Iterator[np.ndarray]:
        """Yield the rows of one passage after another."""
        try:
            for passage in self._featurized:
                self.waiting.append(passage)
                for row, _ in passage.windows:
                    yield row
        except Exception as error:  # raised again by in_passages
            self.error = error


def in_passages(
    feed: Feed, predictions: Iterable[Tuple[int, Dict[str, np.ndarray]]]
) -> Iterator[Tuple[Featurized, List[Dict[str, np.ndarray]]]]:
    """Yield each passage with the predictions of its windows.

    When all that came before it is done, it raises what ended the feed's rows.

    Args:
      feed: where the rows came from.
      predictions: (index, predictions by name) of the rows, in their order.
    """
    waiting, of_passage = feed.waiting, []
    for _, prediction in predictions:
        while not waiting[0].windows:
            yield waiting.popleft(), []
        of_passage.append(prediction)
        if len(of_passage) == len(waiting[0].windows):
            yield waiting.popleft(), of_passage
            of_passage = []
    while waiting:
        yield waiting.popleft(), []
    if feed.error is not None:
        raise feed.error
