"""CoNLL columns: `word<white space>label` lines, and what their labels mean.

A sentence is a run of lines, blank lines end it:

    Ataxia<TAB>B-Disease        first column: the word
    is<TAB>O                    last column: its label
                                (columns between them are skipped)
    A<TAB>O

A label is a tag, alone ("B", "O") or followed by a hyphen and the type of the entity
("B-Disease"). Where an entity starts and ends follows the scorer of the CoNLL-2000
shared task (Tjong Kim Sang and Buchholz 2000), which accepts every tagging scheme of
that time (IOB1, IOB2, IOE, brackets) and every sequence of tags, well-formed or not.
Files in IOB1, IOBES or BIOUL can be read as B, I and O (tag_schemes.py).
"""

import copy
import os
from typing import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from biocodes.lib import files, tag_schemes

OUTSIDE = "O"
# The type that entities of untyped data (plain B, I, O) go under.
UNTYPED = "MISC"
# Begins a line between documents, which is no sentence (CoNLL-2003).
DOCUMENT_START = "-DOCSTART-"
# Bytes up to which a file's sentences are kept: they take about 13 times as much.
KEPT = 2 << 20

_OUTSIDE_TAGS = {OUTSIDE, "."}
_SINGLE_WORD_TAGS = {"[", "]"}
# (tag before, tag) pairs between which an entity starts or ends although the type
# stays the same. "E" is the last word of an entity that others of its type follow.
_STARTS = {
    ("O", "B"),
    ("O", "I"),
    ("O", "E"),
    ("B", "B"),
    ("I", "B"),
    ("E", "E"),
    ("E", "I"),
}
_ENDS = {
    ("B", "O"),
    ("I", "O"),
    ("E", "O"),
    ("B", "B"),
    ("I", "B"),
    ("E", "E"),
    ("E", "I"),
}

TagAndType = Tuple[str, str]


class Sentence(NamedTuple):
    """One sentence of a file in columns; the three lists are in step.

    lines: line numbers in the file, from 1.
    words: the words.
    labels: their labels, or None for each word of a file without labels.
    """

    lines: List[int]
    words: List[str]
    labels: List[Optional[str]]


# Files


def read_sentences(path: str, labelled: bool = True) -> Iterator[Sentence]:
    """Yield the Sentences of a file in columns.

    Columns are separated as str.split() does it; any other character, NUL included,
    belongs to a word, but no label has a NUL. Blank lines in a row count as one, and
    the last sentence needs none after it. A line that begins with -DOCSTART- ends a
    sentence, too.

    Args:
      path: UTF-8 file, "-" for standard input.
      labelled: whether every word needs a label. If not, either all lines of the file
        have one or none has.

    Raises:
      InputError: the file cannot be read or is not UTF-8; or a line is without a label,
        or with one that holds a NUL.
    """
    lines, words, labels = [], [], []
    has_labels = True if labelled else None
    for number, text in files.read_lines(path):
        columns = text.split()
        if columns and columns[0] != DOCUMENT_START:
            has_label = len(columns) > 1
            if has_label is not has_labels:
                if has_labels is not None:
                    raise _column_error(path, number, has_label, labelled)
                has_labels = has_label
            if has_label and "\0" in columns[-1]:
                raise _nul_error(path, number)
            lines.append(number)
            words.append(columns[0])
            labels.append(columns[-1] if has_label else None)
        elif words:
            yield Sentence(lines, words, labels)
            lines, words, labels = [], [], []
    if words:
        yield Sentence(lines, words, labels)


def load_sentences(path: str, labelled: bool = True) -> List[Sentence]:
    """Read all Sentences of a file, their labels as B, I and O.

    Raises:
      InputError: as read_sentences, or there is no sentence in the file.
    """
    sentences = list(read_sentences(path, labelled))
    if not sentences:
        raise _empty_error(path)
    scheme = tag_schemes.scheme_of(sentence.labels for sentence in sentences)
    return [_as_iob2(sentence, scheme) for sentence in sentences]


class SentenceFile:
    """The Sentences of a file that may be too large to be held in memory.

    It is read when this object is made, to check all of it, and then, unless it is
    small, anew whenever the object is iterated over. Its labels come as B, I and O.

    Attributes:
      scheme: the file's tag scheme if it is another, see tag_schemes.

    Args:
      path: UTF-8 file; not standard input, which can be read only once.
      labelled: see read_sentences.
      change: applied to each sentence before anybody sees it.

    Raises:
      InputError: as read_sentences, or there is no sentence in the file.
    """

    def __init__(
        self,
        path: str,
        labelled: bool = True,
        change: Optional[Callable[[Sentence], Sentence]] = None,
    ) -> None:
        self._path = path
        self._labelled = labelled
        self._change = change
        self._count = 0
        is_small = os.path.isfile(path) and os.path.getsize(path) <= KEPT
        finder = tag_schemes.SchemeFinder()
        self._kept: List[Sentence] = []
        for sentence in read_sentences(path, labelled):
            finder.add(sentence.labels)
            self._count += 1
            if is_small:
                self._kept.append(sentence)
        if not self._count:
            raise _empty_error(path)
        self.scheme = finder.scheme()
        if change is not None:
            for _ in self:  # which may refuse a sentence
                pass

    def __len__(self) -> int:
        return self._count

    def changed(self, change: Callable[[Sentence], Sentence]) -> "SentenceFile":
        """Return the same file with another change after that of this one."""
        before = self._change or (lambda sentence: sentence)
        other = copy.copy(self)
        other._change = lambda sentence: change(before(sentence))
        return other

    def __iter__(self) -> Iterator[Sentence]:
        sentences = iter(self._kept or read_sentences(self._path, self._labelled))
        if self.scheme is not None:
            sentences = (_as_iob2(sentence, self.scheme) for sentence in sentences)
        return sentences if self._change is None else map(self._change, sentences)


def _as_iob2(sentence, scheme):
    """Return the Sentence with labels B, I and O."""
    if scheme is None:
        return sentence
    return sentence._replace(labels=tag_schemes.as_iob2(sentence.labels, scheme))


def is_labelled(sentences: Iterable[Sentence]) -> bool:
    """Return whether the words of a file have labels; all have, or none."""
    return next(iter(sentences)).labels[0] is not None


# Labels and entities


def split_label(label: str) -> TagAndType:
    """Split a label into (tag, type); the type of a label without one is "".

    The tag goes up to the first hyphen, so types may have hyphens:
    "B-gene-product" → ("B", "gene-product"), "O" → ("O", ""). A type "0" is no type,
    as in the scorer.
    """
    tag, _, entity = label.partition("-")
    return tag, "" if entity == "0" else entity


def entity_type(label: str) -> Optional[str]:
    """Return the type of the entity that a word with this label is part of, or None.

    "B-Chemical" → "Chemical"; "I" → "MISC", the type of untyped data; "O" → None.
    """
    tag, entity = split_label(label)
    return None if tag in _OUTSIDE_TAGS else entity or UNTYPED


def entities(labels: Sequence[str]) -> List[Tuple[int, int, str]]:
    """Find the entities of a sentence, as the scorer counts them.

    Args:
      labels: the labels of the sentence's words.

    Returns:
      List of (start, end, type): words start to end - 1 are an entity of that type,
      "MISC" if the labels have none. ["B-A", "I-A", "I-B", "O"] is an A of two words
      and a B of one: an I that follows another type or an O starts an entity.
    """
    spans = []
    start = None
    before = split_label(OUTSIDE)
    for index, label in enumerate([split_label(label) for label in labels] + [before]):
        starting = starts(before, label)
        if start is not None and (starting or ends(before, label)):
            spans.append((start, index, before[1] or UNTYPED))
            start = None
        if starting:
            start = index
        before = label
    return spans


def starts(before: TagAndType, label: TagAndType) -> bool:
    """Return whether an entity starts at a label, given the one before it."""
    (tag_before, type_before), (tag, entity) = before, label
    return (
        (tag_before, tag) in _STARTS
        or (tag not in _OUTSIDE_TAGS and entity != type_before)
        or tag in _SINGLE_WORD_TAGS
    )


def ends(before: TagAndType, label: TagAndType) -> bool:
    """Return whether an entity ends at the label before this one."""
    (tag_before, type_before), (tag, entity) = before, label
    return (
        (tag_before, tag) in _ENDS
        or (tag_before not in _OUTSIDE_TAGS and entity != type_before)
        or tag_before in _SINGLE_WORD_TAGS
    )


# Types of entities


def types_in(sentences: Iterable[Sentence]) -> Set[str]:
    """Return the types of the entities in Sentences, see entity_type."""
    labels = {label for sentence in sentences for label in sentence.labels}
    return {entity_type(label) for label in labels if label is not None} - {None}


def only(labels: Sequence[str], types: Collection[str]) -> List[str]:
    """Make the labels of all types but some O.

    The entities of these types stay exactly as they are: the scorer (entities) ends an
    entity where another type begins, just as it does before an O.

    Args:
      labels: the labels of a sentence's words; every word needs one.
      types: the types to keep.
    """
    return [label if entity_type(label) in types else OUTSIDE for label in labels]


def with_type(sentence: Sentence, entity: str, path: str) -> Sentence:
    """Give the labels of a Sentence, which have no types, one: B → B-Disease.

    Args:
      sentence: its words may be without labels.
      entity: the type.
      path: its file, for messages.

    Raises:
      InputError: a label has a type already.
    """
    labels = []
    for line, label in zip(sentence.lines, sentence.labels):
        if label is not None and split_label(label)[1]:
            raise files.InputError(
                f"the label {label} has a type, so {entity} cannot be given to it",
                path,
                line,
                "leave the type out where the corpus is named",
            )
        is_inside = label is not None and entity_type(label) is not None
        labels.append(f"{label}-{entity}" if is_inside else label)
    return sentence._replace(labels=labels)


def _empty_error(path):
    """Make the InputError for a file without a sentence."""
    return files.InputError(
        "there is no sentence in it",
        path,
        remedy="write a word and its label a line, and a blank line after each"
        " sentence",
    )


def _nul_error(path, number):
    """Make the InputError for a NUL in a label: UTF-16 read as UTF-8 has them."""
    problem = "the label holds a NUL character"
    return files.InputError(problem, path, number, "save the file as UTF-8 text")


def _column_error(path, number, has_label, labelled):
    """Make the InputError for a line that has a label column unlike it should."""
    if labelled:
        problem = "one column where a word and its label are needed"
        remedy = "write both, with a tab or a space between them"
    elif has_label:
        problem = "a word with a label after words without"
        remedy = "label all words of the file or none"
    else:
        problem = "a word without a label after words with one"
        remedy = "label all words of the file or none"
    return files.InputError(problem, path, number, remedy)
