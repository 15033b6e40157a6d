"""A question and its context as pieces, and the windows that they are read in.

A window is [CLS] question [SEP] part of the context [SEP].
"""

from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Tuple

import numpy as np

from biocodes.lib import squad
from biocodes.lib.files import InputError
from finetuning.records import RecordFile
from finetuning.windows import Span, cut_windows
from tasks.qa.answers import ids_of, pieces_of
from tokenization import CLS, SEP, FullTokenizer

# Features, or predictions, of a window by name.
Features = Dict[str, Any]
Predictions = Iterable[Tuple[int, Dict[str, np.ndarray]]]


class Lengths(NamedTuple):
    """Limits of the windows, in pieces; the names are those of the flags."""

    max_seq_length: int
    doc_stride: int
    max_query_length: int

    @classmethod
    def from_flags(cls, flags: Any) -> "Lengths":
        """Take the values of the flags of these names.

        Raises:
          InputError: a question leaves no room for its context.
        """
        if flags.max_seq_length <= flags.max_query_length + 3:
            raise InputError(
                f"{flags.max_seq_length} leaves no room for a context beside a question"
                f" of --max_query_length={flags.max_query_length}",
                "--max_seq_length",
                remedy="it must be at least max_query_length + 4",
            )
        return cls(*(flags[name].value for name in cls._fields))


# The defaults of the flags.
LENGTHS = Lengths(384, 128, 64)


class Cut(NamedTuple):
    """A question, and its context cut into windows.

    Attributes:
      head: ids of [CLS] question [SEP].
      pieces: ids of the context's pieces.
      word_index: the word of the context that each piece is of.
      spans: the pieces of each window; none for a context without words.
    """

    head: List[int]
    pieces: List[int]
    word_index: List[int]
    spans: List[Span]

    def window(self, begin: int, end: int) -> Features:
        """Return input_ids and segment_ids of the window of pieces begin to end - 1."""
        separator = self.head[-1]
        return {
            "input_ids": [*self.head, *self.pieces[begin:end], separator],
            "segment_ids": [0] * len(self.head) + [1] * (end - begin + 1),
        }


def cut(question: str, context: str, tokenizer: FullTokenizer, lengths: Lengths) -> Cut:
    """Cut a question to max_query_length, and its context into windows."""
    pieces, word_index = pieces_of(squad.words_of(context), tokenizer)
    ids = ids_of(question, tokenizer)[: lengths.max_query_length]
    head = [tokenizer.vocab[CLS], *ids, tokenizer.vocab[SEP]]
    room = lengths.max_seq_length - len(head) - 1
    spans = cut_windows(len(pieces), room, lengths.doc_stride)
    return Cut(head, pieces, word_index, spans)


def by_example(
    data: RecordFile, predictions: Predictions, count: int
) -> Iterator[List[Tuple[Features, Features]]]:
    """Yield the windows of each example as they are predicted.

    Args:
      data: records of the windows, with example_index, in the order of the examples.
      predictions: (index, what the head predicts by name) of each record.
      count: number of examples.

    Yields:
      [(features, predictions)] of an example; [] for one without windows.
    """
    stream = ((data[index], prediction) for index, prediction in predictions)
    following = next(stream, None)
    for number in range(count):
        windows = []
        while following and following[0]["example_index"] == number:
            windows.append(following)
            following = next(stream, None)
        yield windows
