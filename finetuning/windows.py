"""Inputs longer than the model takes: overlapping windows, and what counts of each.

Every piece, or word, is in at least one window, and one of its windows is the best: the
one in which it has most context. What the model says of it elsewhere is dropped.

There are two ways to cut. Question answering slides a window over the pieces by a fixed
stride, as the original does (cut_windows, best_windows). Entity recognition cuts
between words, so that no word is seen in part (cut_words, cut_pieces).
"""

import bisect
import itertools
from typing import Callable, Iterator, List, NamedTuple, Sequence, Tuple

import numpy as np

# Beside a piece of no word: [CLS], [SEP], a question.
NO_WORD = -1
# In place of its word's index beside a piece that is better seen in another window.
CONTEXT = -2
# Begin and end of a window, in pieces or words.
Span = Tuple[int, int]
# Ids of a window's pieces, and the index of each one's word.
Pieces = Tuple[List[int], List[int]]
# What cuts a sentence: (ids of each word's pieces, room) → its windows.
Cut = Callable[[Sequence[Sequence[int]], int], Iterator[Pieces]]


# By pieces


def cut_windows(count: int, room: int, stride: int) -> List[Span]:
    """Lay windows of `room` pieces, each `stride` after the one before, over a text.

    Args:
      count: its pieces.
      room, stride: in pieces.

    Returns:
      The windows; the last one ends at count. [] if there are no pieces.
    """
    spans, begin = [], 0
    while count and (not spans or spans[-1][1] < count):
        spans.append((begin, min(begin + room, count)))
        begin += min(room, stride)
    return spans


def best_windows(count: int, spans: Sequence[Span]) -> np.ndarray:
    """Find for each piece the window in which it has most context.

    That is the one with the most pieces on the side that has fewer; a longer window
    wins among such, then the first.

    Args:
      count: pieces.
      spans: windows that cover them.

    Returns:
      int64 [count], indices of spans.
    """
    most = np.full(count, -1.0)
    owners = np.zeros(count, np.int64)
    for number, (begin, end) in enumerate(spans):
        left = np.arange(end - begin)
        context = np.minimum(left, left[::-1]) + 0.01 * (end - begin)
        more = np.flatnonzero(context > most[begin:end])
        most[begin + more] = context[more]
        owners[begin + more] = number
    return owners


# By words


class Window(NamedTuple):
    """A window over the words of a sentence, and those of them that it is best for.

    Attributes:
      begin, end: words begin to end - 1 are in it.
      first, last: words first to last - 1, some of them, have most context here.
    """

    begin: int
    end: int
    first: int
    last: int


def cut_words(sizes: Sequence[int], room: int) -> List[Window]:
    """Cut between words; a window begins three quarters of one after the one before.

    So a word sees about an eighth of a window or more on either side, unless the text
    ends there. With room for 4 pieces, words of 1, 2, 1, 2 and 1:

        a bb c         a, bb and c count here
             c dd e    dd and e count here

    Args:
      sizes: pieces of each word; may be 0.
      room: pieces of a window, at least 1. A longer word counts as so many.

    Returns:
      The windows in order. Every word counts in exactly one of them.
    """
    starts = [0, *itertools.accumulate(min(size, room) for size in sizes)]
    if starts[-1] <= room:
        return [Window(0, len(sizes), 0, len(sizes))] if sizes else []
    spans = _spans(starts, room)
    owners = _best_spans(starts, spans)
    # A window's words follow each other: where a later window gives a word more
    # context, so it does for the next.
    return [
        Window(*spans[owner], words[0], words[-1] + 1)
        for owner, words in itertools.groupby(range(len(sizes)), owners.__getitem__)
        for words in [list(words)]
    ]


def _spans(starts: Sequence[int], room: int) -> List[Span]:
    """Lay windows over words.

    Args:
      starts: first piece of each word, and after the last one the number of pieces.
      room: pieces of a window.
    """
    count = len(starts) - 1
    spans, begin = [], 0
    while True:
        end = bisect.bisect_right(starts, starts[begin] + room) - 1
        spans.append((begin, end))
        if end == count:
            return spans
        after = bisect.bisect_right(starts, starts[begin] + room * 3 // 4) - 1
        # It has to reach the first word that this one does not, whole.
        reaching = bisect.bisect_left(starts, starts[end + 1] - room)
        begin = max(after, reaching, begin + 1)


def _best_spans(starts: Sequence[int], spans: Sequence[Span]) -> List[int]:
    """Find for each word the span with most context for it, the first among equals."""
    most = [-1] * (len(starts) - 1)
    owners = [0] * len(most)
    for number, (begin, end) in enumerate(spans):
        for word in range(begin, end):
            left = starts[word] - starts[begin]
            right = starts[end] - starts[word + 1]
            if min(left, right) > most[word]:
                most[word] = min(left, right)
                owners[word] = number
    return owners


def cut_pieces(pieces: Sequence[Sequence[int]], room: int) -> Iterator[Pieces]:
    """Cut the pieces of a sentence into the windows that cut_words makes.

    Args:
      pieces: for each word the ids of its pieces.
      room: pieces of a window. Of a longer word only the first pieces are seen.

    Yields:
      For each window its pieces, and for each of them the index of its word if the word
      counts here, or CONTEXT. Every piece counts in exactly one window, but for the
      rest of a word that is longer than a window.
    """
    for begin, end, first, last in cut_words([len(ids) for ids in pieces], room):
        ids, word_index = [], []
        for word in range(begin, end):
            seen = pieces[word][: room - len(ids)]
            ids += seen
            word_index += [word if first <= word < last else CONTEXT] * len(seen)
        yield ids, word_index


def truncate_pieces(pieces: Sequence[Sequence[int]], room: int) -> Iterator[Pieces]:
    """Yield the first pieces of a sentence as cut_pieces does, in a single window."""
    ids, word_index = [], []
    for word, of_word in enumerate(pieces):
        ids += of_word
        word_index += [word] * len(of_word)
        if len(ids) >= room:
            break
    yield ids[:room], word_index[:room]
