"""From documents with mentions to sentences of labelled words."""

import bisect
import collections
import re
from typing import Collection, Dict, List, NamedTuple, Optional, Sequence, Tuple

from biocodes.lib import conll, shapes
from biocodes.lib.annotations import Document, Mention, Span
from biocodes.lib.sentences import sentence_starts
from tokenization import word_spans

# Word and label of each word.
LabelledSentence = List[Tuple[str, str]]
# Why a mention is left out.
IN_PARTS, OVERLAPPING, NO_WORD, OTHER_TYPE = (
    "in several parts",
    "overlapping a longer one",
    "without a word",
    "of a type not asked for",
)


class Types(NamedTuple):
    """What becomes of the types of mentions.

    Attributes:
      kept: those that count; None for all.
      one: the type that all of them get; None leaves each its own.
      untyped: whether labels have no types.
    """

    kept: Optional[Collection[str]] = None
    one: Optional[str] = None
    untyped: bool = False

    def label(self, tag: str, mention: Mention) -> str:
        """Make the label of a word: "B-Disease", "B"."""
        return tag if self.untyped else f"{tag}-{self.one or plain_type(mention.type)}"


def plain_type(kind: str) -> str:
    """Make the name of a type one word: "Disease class" → "Disease_class"."""
    return "_".join(kind.split())


def chosen_mentions(
    document: Document, types: Types, counts: Dict[str, int]
) -> List[Mention]:
    """Choose the mentions that labels of words can hold, in the order of the text.

    A mention in several parts is left out, for what is between them is no part of it;
    parts with nothing but white space between them are one. Of mentions that overlap
    the longest is kept, of the same length the first in the text.

    Args:
      document: with mentions of all kinds.
      types: which count.
      counts: reason → number of mentions that were left out, added to.
    """
    whole = []
    for mention in document.mentions:
        if types.kept is not None and plain_type(mention.type) not in types.kept:
            counts[OTHER_TYPE] += 1
        elif any(
            document.text[end:start].strip()
            for (_, end), (start, _) in zip(mention.parts, mention.parts[1:])
        ):
            counts[IN_PARTS] += 1
        else:
            whole.append(mention)
    chosen: List[Mention] = []
    starts: List[int] = []
    for mention in sorted(whole, key=lambda m: (m.start - m.end, m.start)):
        index = bisect.bisect_right(starts, mention.start)
        before = chosen[index - 1 : index] if index else []
        around = [*before, *chosen[index : index + 1]]
        if any(m.start < mention.end and mention.start < m.end for m in around):
            counts[OVERLAPPING] += 1
        else:
            chosen.insert(index, mention)
            starts.insert(index, mention.start)
    return chosen


def cut_words(text: str, mentions: Sequence[Mention]) -> List[Span]:
    """Find the words of a text, cut where a mention begins or ends inside one.

    They are those that a model sees in raw text, see word_spans; where a mention cuts a
    word, as "p53" in "p53null", its parts are words of their own.
    """
    borders = sorted({b for mention in mentions for b in (mention.start, mention.end)})
    words = []
    for start, end in word_spans(text):
        first = bisect.bisect_right(borders, start)
        inside = borders[first : bisect.bisect_left(borders, end)]
        if not inside:
            words.append((start, end))
        for part in zip([start, *inside], [*inside, end]) if inside else ():
            words += _words_in(text, *part)
    return words


def _words_in(text, start, end):
    """Find the words of a part of a word; there may be none."""
    return [(start + a, start + b) for a, b in word_spans(text[start:end])]


def starts_of_sentences(document: Document, mentions: Sequence[Mention]) -> List[int]:
    """Find where sentences begin: also at new lines, unless paragraphs are wrapped."""
    starts = set(sentence_starts(document.text, document.body, mentions))
    wrapped = shapes.is_wrapped(document.text)
    pattern = r"\n[^\S\n]*\n\s*" if wrapped else r"\n\s*"
    starts.update(match.end() for match in re.finditer(pattern, document.text))
    for mention in mentions:
        starts.difference_update(range(mention.start + 1, mention.end))
    return sorted(starts)


def labelled_sentences(
    document: Document, types: Types, counts: Dict[str, int]
) -> List[LabelledSentence]:
    """Label the words of a document, sentence by sentence.

    Args:
      document: its text is split into sentences, never inside of a mention.
      types: see Types.
      counts: reason → number of mentions left out, and ("type", TYPE) → mentions kept.
    """
    mentions = chosen_mentions(document, types, counts)
    starts = starts_of_sentences(document, mentions)
    sentences = collections.defaultdict(list)
    index, labelled = 0, [False] * len(mentions)
    for start, end in cut_words(document.text, mentions):
        while index < len(mentions) and mentions[index].end <= start:
            index += 1
        label = conll.OUTSIDE
        if index < len(mentions) and mentions[index].start < end:
            tag = "I" if labelled[index] else "B"
            label = types.label(tag, mentions[index])
            labelled[index] = True
        # Readers of columns split at some controls, which the model drops, too.
        word = "".join(document.text[start:end].split())
        sentences[bisect.bisect_right(starts, start)].append((word, label))
    for mention, has_word in zip(mentions, labelled):
        if has_word:
            counts["type", types.one or plain_type(mention.type)] += 1
        else:
            counts[NO_WORD] += 1
    return [sentences[number] for number in sorted(sentences)]
