"""Pairs of mentions as rows of relation extraction: one for each candidate pair."""

import bisect
import collections
import itertools
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from biocodes.lib.annotations import Document, Mention
from biocodes.lib.corpus_words import (
    Types,
    chosen_mentions,
    plain_type,
    starts_of_sentences,
)

SENTENCE, DOCUMENT = UNITS = ("sentence", "document")
# Labels of a corpus with one type of relation, and of no relation among several.
YES, NO, NO_RELATION = "1", "0", "false"
APART, LEFT_OUT, FURTHER = (
    "without a pair of its own, in different sentences",
    "of mentions that are left out, or of other types",
    "whose pair has an earlier one",
)


class Row(NamedTuple):
    """A row of the written files."""

    index: str
    sentence: str
    label: str


class Pairs(NamedTuple):
    """Which pairs are candidates.

    Attributes:
      types: of the two mentions; None for those that relations have.
      unit: one of UNITS, which both mentions are in.
      labels: type of relation → label in the files.
      negative: label of a pair without a relation.
    """

    types: Optional[Tuple[str, str]]
    unit: str
    labels: Dict[str, str]
    negative: str


def plan(
    documents: Sequence[Document], types: Optional[Tuple[str, str]], unit: str
) -> Pairs:
    """Decide on the labels: 1 and 0 for one type of relation, else names and false."""
    kinds = sorted(
        {plain_type(item.type) for document in documents for item in document.relations}
    )
    if len(kinds) == 1:
        return Pairs(types, unit, {kinds[0]: YES}, NO)
    return Pairs(types, unit, {kind: kind for kind in kinds}, NO_RELATION)


def types_of_relations(documents: Sequence[Document]) -> List[Tuple[str, str]]:
    """Count the pairs of types that relations are between, the most frequent first."""
    counts: Dict[Tuple[str, str], int] = collections.Counter()
    for document in documents:
        for first, second in _related(document):
            pair = sorted((plain_type(first.type), plain_type(second.type)))
            counts[tuple(pair)] += 1
    return sorted(counts, key=lambda pair: (-counts[pair], pair))


def _related(document: Document) -> Iterator[Tuple[Mention, Mention]]:
    """Yield two mentions that each relation is between, of concepts the first ones."""
    for relation in document.relations:
        found = [
            next((m for m in document.mentions if name in names_of(m, relation)), None)
            for name in (relation.first, relation.second)
        ]
        if None not in found:
            yield found[0], found[1]


def names_of(mention: Mention, relation) -> Tuple[str, ...]:
    """Return the names that a relation may call a mention by."""
    return mention.concepts if relation.of_concepts else (mention.id,)


def rows_of(document: Document, pairs: Pairs, counts: Dict[str, int]) -> List[Row]:
    """Make a row of each candidate pair, in the order of the text.

    Args:
      document: its relations say which pairs are positive. A relation has no direction
        here: it is that of a pair whichever of the two it names first.
      pairs: which are candidates.
      counts: reasons and numbers, added to.
    """
    kept = None if pairs.types is None else set(pairs.types)
    mentions = chosen_mentions(document, Types(kept), collections.Counter())
    starts = [0]
    if pairs.unit == SENTENCE:
        starts = starts_of_sentences(document, mentions)
    by_unit = collections.defaultdict(list)
    for mention in mentions:
        by_unit[bisect.bisect_right(starts, mention.start) - 1].append(mention)
    rows, met = [], set()
    for unit, own in sorted(by_unit.items()):
        end = starts[unit + 1] if unit + 1 < len(starts) else len(document.text)
        for first, second in itertools.combinations(own, 2):
            if _are_candidates(first, second, pairs.types):
                found = _relations_of(document, first, second)
                met.update(found)
                counts[FURTHER] += max(len(found) - 1, 0)
                label = pairs.negative
                if found:
                    kind = document.relations[found[0]].type
                    label = pairs.labels[plain_type(kind)]
                counts["type", label] += 1
                sentence = masked(document.text, (starts[unit], end), first, second)
                rows.append(
                    Row(f"{document.id}.{first.id}.{second.id}", sentence, label)
                )
    _count_unmet(document, mentions, met, counts)
    return rows


def _are_candidates(first, second, types):
    if types is None:
        return True
    pair = plain_type(first.type), plain_type(second.type)
    return sorted(pair) == sorted(types)


def _relations_of(document, first, second) -> List[int]:
    """List the relations of two mentions, by their places among the document's."""
    found = []
    for number, relation in enumerate(document.relations):
        one, two = names_of(first, relation), names_of(second, relation)
        if (relation.first in one and relation.second in two) or (
            relation.first in two and relation.second in one
        ):
            found.append(number)
    return found


def _count_unmet(document, mentions, met: Set[int], counts):
    """Count the relations that no row has."""
    for number, relation in enumerate(document.relations):
        if number not in met:
            known = {
                name for mention in mentions for name in names_of(mention, relation)
            }
            both = {relation.first, relation.second} <= known
            counts[APART if both else LEFT_OUT] += 1


def masked(text: str, unit: Tuple[int, int], first: Mention, second: Mention) -> str:
    """Put @TYPE$ in place of two mentions in text[start:end], white space made one."""
    start, end = unit
    parts = [
        text[start : first.start],
        f"@{plain_type(first.type).upper()}$",
        text[first.end : second.start],
        f"@{plain_type(second.type).upper()}$",
        text[second.end : end],
    ]
    return " ".join("".join(parts).split())
