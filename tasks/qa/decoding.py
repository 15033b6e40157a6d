"""From start and end logits to ranked answers: the decoding of extractive QA.

A context that is longer than the model's input is read in overlapping windows. The
spans of all windows compete by the sum of their start and end logit (Devlin et al.
2019, section 4.2); with SQuAD 2.0 the span of the first piece, [CLS], competes for "no
answer" (section 4.3). Everything here is a pure function on arrays and text.

Positions count the S pieces of a window; the end of a span is its last piece.
"""

from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from finetuning.windows import NO_WORD
from tokenization import BasicTokenizer

CONTINUATION = "##"


class Limits(NamedTuple):
    """What is looked for; the names are those of the flags.

    Attributes:
      n_best_size: answers to a question, and starts and ends looked at in a window.
      max_answer_length: pieces of an answer at most.
      version_2_with_negative: whether a question may have no answer.
      null_score_diff_threshold: the null answer is given when its score exceeds the
        best other one's by more than that.
    """

    n_best_size: int
    max_answer_length: int
    version_2_with_negative: bool
    null_score_diff_threshold: float

    @classmethod
    def from_flags(cls, flags: Any) -> "Limits":
        """Take the values of the flags of these names."""
        return cls(*(flags[name].value for name in cls._fields))


class WindowLogits(NamedTuple):
    """A window of S pieces and what the model says of it.

    Attributes:
      start_logits, end_logits: float [S].
      input_ids: int [S].
      word_index: int [S], the word of the context that a piece is of, or NO_WORD.
      max_context: int [S], 1 for pieces of the context that no other window shows with
        more context around them.
    """

    start_logits: np.ndarray
    end_logits: np.ndarray
    input_ids: np.ndarray
    word_index: np.ndarray
    max_context: np.ndarray


class Answer(NamedTuple):
    """A text, or "" for no answer, and its logits."""

    text: str
    start_logit: float
    end_logit: float

    @property
    def score(self) -> float:
        """What candidates are compared by."""
        return self.start_logit + self.end_logit


# (window, start, end) → text of a span.
TextOf = Callable[[WindowLogits, int, int], str]
# What is said when not one span can be an answer.
EMPTY = Answer("empty", 0.0, 0.0)


class Decision(NamedTuple):
    """The answer to a question.

    Attributes:
      text: the answer.
      nbest: list of Answer, the best first.
      null_odds: by how much the null answer's score exceeds the best other one's; None
        where every question has an answer.
    """

    text: str
    nbest: List[Answer]
    null_odds: Optional[float]


def decide(
    windows: Sequence[WindowLogits], text_of: TextOf, limits: Limits
) -> Decision:
    """Find the answer to a question in the windows of its context.

    Args:
      windows: list of WindowLogits; [] for a context without words.
      text_of: function (window, start, end) → text of a span.
      limits: Limits.

    Returns:
      Decision.
    """
    answers = best_answers(windows, text_of, limits)
    if not limits.version_2_with_negative:
        answers = answers or [EMPTY]
        return Decision(answers[0].text, answers, None)
    null = null_answer(windows)
    best = answers[0] if answers else EMPTY
    odds = null.score - best.score
    answered = answers and odds <= limits.null_score_diff_threshold
    nbest = insert_null(answers, null, limits.n_best_size)
    return Decision(best.text if answered else null.text, nbest, odds)


# Candidates


def best_positions(logits: np.ndarray, count: int) -> np.ndarray:
    """Return the positions of the greatest logits; of equals the earlier first."""
    return np.argsort(-logits, kind="stable")[:count]


def candidates(window: WindowLogits, limits: Limits) -> Tuple[np.ndarray, np.ndarray]:
    """Return the spans of a window that can be answers.

    Each of the best starts is paired with each of the best ends. A span lies in the
    context, starts where this window is the one with most context, ends where it
    starts or later, and is not too long.

    Returns:
      starts, ends: int [C]; in the order of the starts' rank, then of the ends'.
    """
    starts = best_positions(window.start_logits, limits.n_best_size)
    ends = best_positions(window.end_logits, limits.n_best_size)
    starts = starts[window.max_context[starts] == 1]
    ends = ends[window.word_index[ends] != NO_WORD]
    lengths = ends - starts[:, np.newaxis] + 1
    fits = (lengths >= 1) & (lengths <= limits.max_answer_length)
    start_ranks, end_ranks = np.nonzero(fits)
    return starts[start_ranks], ends[end_ranks]


# Ranking


def ranked_spans(
    windows: Sequence[WindowLogits], limits: Limits
) -> Iterator[Tuple[WindowLogits, int, int]]:
    """Yield the candidates of all windows as (window, start, end), best first.

    Of spans with equal scores the one found first comes first.
    """
    # An empty entry, so that there is something to put together without windows.
    numbers, starts, ends = ([np.empty(0, np.int64)] for _ in range(3))
    scores = [np.empty(0)]
    for number, window in enumerate(windows):
        first, last = candidates(window, limits)
        numbers.append(np.full(len(first), number))
        starts.append(first)
        ends.append(last)
        # Scores are summed in double precision, as Python's floats are.
        scores.append(
            window.start_logits[first].astype(np.float64) + window.end_logits[last]
        )
    spans = np.stack([np.concatenate(part) for part in (numbers, starts, ends)], axis=1)
    for index in np.argsort(-np.concatenate(scores), kind="stable"):
        number, start, end = spans[index].tolist()
        yield windows[number], start, end


def best_answers(
    windows: Sequence[WindowLogits], text_of: TextOf, limits: Limits
) -> List[Answer]:
    """Return the n_best_size best answers whose texts differ, the best first."""
    answers = {}
    for window, start, end in ranked_spans(windows, limits):
        text = text_of(window, start, end)
        if text not in answers:
            answers[text] = answer_at(window, start, end, text)
            if len(answers) == limits.n_best_size:
                break
    return list(answers.values())


def answer_at(window: WindowLogits, start: int, end: int, text: str) -> Answer:
    """Return the Answer of a span."""
    return Answer(
        text, float(window.start_logits[start]), float(window.end_logits[end])
    )


def probabilities(answers: Sequence[Answer]) -> List[float]:
    """Return the softmax of the answers' scores."""
    scores = np.array([answer.score for answer in answers])
    shares = np.exp(scores - scores.max())
    return (shares / shares.sum()).tolist()


# The null answer


def null_answer(windows: Sequence[WindowLogits]) -> Answer:
    """Return no answer, with the logits of the window that says so least.

    A question has no answer only when no window of its context has one.
    """
    nulls = [answer_at(window, 0, 0, "") for window in windows]
    return min(nulls, key=lambda null: null.score, default=Answer("", 0.0, 0.0))


def insert_null(answers: List[Answer], null: Answer, n_best_size: int) -> List[Answer]:
    """Put the null answer in its place by score, after its equals.

    The list keeps n_best_size answers, and the null answer one place after them when
    it is not good enough to be among them.
    """
    place = sum(answer.score >= null.score for answer in answers)
    merged = answers[:place] + [null] + answers[place:]
    return merged[: max(n_best_size, place + 1)]


# Back to the text


def original_text(
    pieces: Sequence[str], text: str, basic_tokenizer: BasicTokenizer
) -> Optional[str]:
    """Return the characters that pieces were made from, as they stand in the text.

    The text is tokenized again, and the place of what the pieces spell in its tokens
    is carried over character by character, spaces left out of account:

      pieces  "steve", "smith"
      tokens  "steve smith ' s"
      text    "Steve Smith's"    →  "Steve Smith"

    Args:
      pieces: list of consecutive pieces.
      text: the words that they are of, with single spaces between them.
      basic_tokenizer: tokenization.BasicTokenizer that the pieces come from.

    Returns:
      str, or None when the two do not align: a piece is [UNK], or tokenizing made more
      or fewer characters of the text.
    """
    tokens = " ".join(basic_tokenizer.tokenize(text))
    spelled = spell(pieces)
    place = tokens.find(spelled)
    solid = [i for i, char in enumerate(text) if char != " "]
    if place < 0 or not spelled or len(solid) != count_solid(tokens):
        return None
    first = count_solid(tokens[:place])
    last = first + count_solid(spelled) - 1
    return text[solid[first] : solid[last] + 1]


def spell(pieces: Sequence[str]) -> str:
    """Join pieces to the tokens they make: "p", "##53", "," become "p53 ,".

    A continuation at the beginning is taken without its mark.
    """
    text = " ".join(pieces).replace(" " + CONTINUATION, "")
    return text[len(CONTINUATION) :] if text.startswith(CONTINUATION) else text


def count_solid(text: str) -> int:
    """Count the characters that are no spaces."""
    return len(text) - text.count(" ")
