"""Tag schemes of corpora: which one a file has, and its labels as B, I and O.

    scheme   Ataxia telangiectasia and chorea    one word, the last word, two in a row
    IOB2     B      I              O   B         (what everything here reads)
    IOB1     I      I              O   I         B only after an entity of the same type
    IOBES    B      E              O   S
    BIOUL    B      L              O   U
    BMES     B      E              O   S         M for I

Labels may have types: S-Disease. A file in another scheme, IOE of CoNLL-2000 for
example, is left as it is; conll.entities says what its labels mean.
"""

import collections
from typing import Dict, Iterable, List, Optional, Sequence

OUTSIDE = "O"
IOB1 = "IOB1"
# Scheme → its tags for the beginning, the end and the whole of an entity, and others.
_ENDED = {"IOBES": "BESIO", "BIOUL": "BLUIO", "BMES": "BESMO"}
_IOB = frozenset("BIO")
# Of entities that are begun so many have to be ended, and the other way round.
_SHARE_ENDED = 0.9


class SchemeFinder:
    """Finds the tag scheme of a file, sentence by sentence."""

    def __init__(self) -> None:
        self._counts: Dict[str, int] = collections.Counter()
        self._may_be_iob1 = True
        self._starts_inside = False

    def add(self, labels: Sequence[Optional[str]]) -> None:
        """Count the labels of a sentence; those of a file without labels are None."""
        self._counts.update(labels)
        if self._may_be_iob1:
            self._look_for_iob1(labels)

    def _look_for_iob1(self, labels):
        type_before = None
        for label in labels:
            tag, _, kind = (label or OUTSIDE).partition("-")
            if tag == "B" and kind != type_before:
                self._may_be_iob1 = False
                return
            if tag == "I" and kind != type_before:
                self._starts_inside = True
            type_before = None if tag == OUTSIDE else kind

    def scheme(self) -> Optional[str]:
        """Return IOB1, IOBES, BIOUL or BMES; None for IOB2 and all others."""
        if None in self._counts:
            return None
        tags = collections.Counter()
        for label, count in self._counts.items():
            tags[label.partition("-")[0]] += count
        if set(tags) <= _IOB:
            is_iob1 = self._may_be_iob1 and self._starts_inside and tags["B"]
            return IOB1 if is_iob1 else None
        for name, (begin, end, whole, *others) in _ENDED.items():
            is_in = set(tags) <= {begin, end, whole, *others}
            # One E among many B is a slip, and S alone may be the name of a type.
            fewer, more = sorted((tags[begin], tags[end]))
            is_ended = fewer >= _SHARE_ENDED * more
            is_scheme = tags[begin] or any("-" in label for label in self._counts)
            if is_in and is_ended and is_scheme and (tags[end] or tags[whole]):
                return name
        return None


def scheme_of(sentences: Iterable[Sequence[Optional[str]]]) -> Optional[str]:
    """Find the scheme of all sentences of a file, given their labels."""
    finder = SchemeFinder()
    for labels in sentences:
        finder.add(labels)
    return finder.scheme()


def as_iob2(labels: Sequence[Optional[str]], scheme: Optional[str]) -> List:
    """Write the labels of a sentence with B, I and O.

    Args:
      labels: of its words; None for words without.
      scheme: see SchemeFinder.scheme; None changes nothing.
    """
    if scheme is None:
        return list(labels)
    if scheme == IOB1:
        return _from_iob1(labels)
    begin, end, whole, inside, _ = _ENDED[scheme]
    tags = {begin: "B", whole: "B", end: "I", inside: "I"}
    return [_with_tag(label, tags.get(label.partition("-")[0])) for label in labels]


def _from_iob1(labels):
    written, type_before = [], None
    for label in labels:
        tag, _, kind = label.partition("-")
        starts = tag == "I" and kind != type_before
        written.append(_with_tag(label, "B" if starts else None))
        type_before = None if tag == OUTSIDE else kind
    return written


def _with_tag(label, tag):
    """Give a label another tag, if there is one."""
    if tag is None:
        return label
    return tag + label[len(label.partition("-")[0]) :]
