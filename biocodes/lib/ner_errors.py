"""The kinds of errors that entities of a sentence are predicted with.

    gold        Disease[familial ataxia]  …  Disease[ataxia]
    predicted   familial Disease[ataxia]  …

is a wrong border and a missed entity. Each gold and each predicted entity is in one
pair: what has the same words belongs together first, then what overlaps and has the
same type, then what overlaps.
"""

from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

from biocodes.lib import conll

RIGHT = "right"
BORDER, TYPE, BOTH = "wrong border", "wrong type", "wrong border and type"
MISSED, INVENTED = "missed", "invented"
# Errors, in the order in which they are shown.
KINDS = (MISSED, INVENTED, BORDER, TYPE, BOTH)

# First word, word after the last, type.
Span = Tuple[int, int, str]


class Pair(NamedTuple):
    """A gold entity and what was predicted of it.

    Attributes:
      kind: RIGHT or one of KINDS.
      gold: None if it was invented.
      predicted: None if it was missed.
    """

    kind: str
    gold: Optional[Span]
    predicted: Optional[Span]

    @property
    def first(self) -> int:
        """The first word of either."""
        return min(span[0] for span in (self.gold, self.predicted) if span)


def compare(gold: Sequence[str], predicted: Sequence[str]) -> List[Pair]:
    """Pair the entities of a sentence, in the order of their words.

    Args:
      gold, predicted: labels of its words.
    """
    return pair_up(conll.entities(gold), conll.entities(predicted))


def pair_up(gold: Sequence[Span], predicted: Sequence[Span]) -> List[Pair]:
    """Pair entities, none of which overlaps another of its own side."""
    gold_left, predicted_left = dict.fromkeys(gold), dict.fromkeys(predicted)
    pairs = []
    for _, one, other in sorted(_overlaps(gold, predicted)):
        if one in gold_left and other in predicted_left:
            del gold_left[one], predicted_left[other]
            pairs.append(Pair(_kind(one, other), one, other))
    pairs += [Pair(MISSED, one, None) for one in gold_left]
    pairs += [Pair(INVENTED, None, other) for other in predicted_left]
    return sorted(pairs, key=lambda pair: (pair.first, pair.gold is None))


def _overlaps(
    gold: Sequence[Span], predicted: Sequence[Span]
) -> Iterator[Tuple[Tuple[bool, bool, int], Span, Span]]:
    """Yield (what sorts the best first, gold, predicted) of all that overlap."""
    start = 0
    for one in gold:
        while start < len(predicted) and predicted[start][1] <= one[0]:
            start += 1
        for other in predicted[start:]:
            if other[0] >= one[1]:
                break
            shared = min(one[1], other[1]) - max(one[0], other[0])
            is_same = one[:2] == other[:2]
            yield (not is_same, one[2] != other[2], -shared), one, other


def _kind(gold: Span, predicted: Span) -> str:
    borders, types = gold[:2] == predicted[:2], gold[2] == predicted[2]
    if borders:
        return RIGHT if types else TYPE
    return BORDER if types else BOTH
