"""Where the words of a context, and an answer in it, lie among its pieces."""

import bisect
from typing import List, Optional, Sequence, Tuple

from biocodes.lib import squad
from biocodes.lib.squad import Example, Span
from finetuning.console import log
from tokenization import FullTokenizer

NAMED = 5  # so many questions are named in a warning


def load_to_train(path: str, with_negative: bool) -> List[Example]:
    """Read questions to train on, and warn of answers that are not in their context."""
    examples, lost = squad.load_to_train(path, with_negative)
    if lost:
        log.warning(
            "%s: %s answers are not where answer_start says and were left out: %s%s",
            path,
            f"{len(lost):,}",
            ", ".join(lost[:NAMED]),
            ", ..." if len(lost) > NAMED else "",
        )
    return examples


def ids_of(text: str, tokenizer: FullTokenizer) -> List[int]:
    """Return the ids of the pieces of a text."""
    return tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text))


def pieces_of(
    words: Sequence[str], tokenizer: FullTokenizer
) -> Tuple[List[int], List[int]]:
    """Return the ids of the words' pieces, and for each piece the index of its word."""
    pieces, word_index = [], []
    for index, word in enumerate(words):
        ids = tokenizer.word_ids(word)
        pieces += ids
        word_index += [index] * len(ids)
    return pieces, word_index


def answer_pieces(
    answer: Optional[Span],
    pieces: List[int],
    word_index: List[int],
    tokenizer: FullTokenizer,
) -> Optional[Tuple[int, int]]:
    """Return the first and last piece of an answer in its context; None without one.

    They are those of its words, or of the part of them that spells it exactly: of
    "(1895-1943)" the pieces of 1895 alone, when that is the answer.

    Args:
      answer: its text and words.
      pieces, word_index: those of the context, see pieces_of.
      tokenizer: of the model.
    """
    if answer is None:
        return None
    first = bisect.bisect_left(word_index, answer.first_word)
    last = bisect.bisect_right(word_index, answer.last_word) - 1
    wanted = ids_of(answer.text, tokenizer)
    for start in range(first, last + 2 - len(wanted)):
        if wanted and pieces[start : start + len(wanted)] == wanted:
            return start, start + len(wanted) - 1
    return first, last


def place_answer(
    answer: Optional[Tuple[int, int]], begin: int, end: int, offset: int
) -> Tuple[int, int]:
    """Return the positions of an answer in a window; 0, 0 unless it is whole in it.

    Args:
      answer: its first and last piece in the context.
      begin, end: the window's pieces.
      offset: position of the first of them.
    """
    if answer is None or not begin <= answer[0] <= answer[1] < end:
        return 0, 0
    return answer[0] - begin + offset, answer[1] - begin + offset
