"""Entities as CoNLL columns: entities.conll, a word and its label a line."""

import contextlib
import os
from typing import Callable, Iterator, List, Sequence, Tuple

from biocodes.lib import conll, files, passages, tag_schemes
from biocodes.lib.entities import Annotated, Entity


@contextlib.contextmanager
def writer(folder: str) -> Iterator[Callable[[Sequence[Annotated]], None]]:
    """Give the function that adds a document to the folder's entities.conll."""
    with files.whole_file(os.path.join(folder, "entities.conll")) as stream:

        def write(document):
            for passage, entities in document:
                for word, label in labelled_words(passage, entities):
                    stream.write(f"{word}\t{label}\n")
                stream.write("\n")

        yield write


def labelled_words(
    passage: passages.Passage, entities: Sequence[Entity]
) -> List[Tuple[str, str]]:
    """Label the words of a passage: "B-" and the type, "I-" and the type, or "O".

    A word that an entity covers in part belongs to it, to the first of several. Words
    lose the controls that readers of columns split at (U+0085, U+001C, ...), which the
    model drops, too.

    Returns:
      [(word, label)].
    """
    labelled, index = [], 0
    index_before = None  # of the entity that the word before is in
    for start, end in passages.spans(passage):
        while index < len(entities) and entities[index].end <= start:
            index += 1
        label, inside = conll.OUTSIDE, None
        if index < len(entities) and entities[index].start < end:
            label = ("I-" if index_before == index else "B-") + entities[index].type
            inside = index
        labelled.append(("".join(passage.text[start:end].split()), label))
        index_before = inside
    return labelled


def read(path: str) -> Iterator[Annotated]:
    """Yield the Annotated sentences of a file in columns, entities as conlleval's.

    A passage has the sentence's words with a space between them as its text and the
    number of its first line as its id.

    Raises:
      InputError: as conll.read_sentences.
    """
    scheme = tag_schemes.scheme_of(s.labels for s in conll.read_sentences(path))
    for lines, words, labels in conll.read_sentences(path):
        labels = tag_schemes.as_iob2(labels, scheme)
        passage = passages.Passage(str(lines[0]), None, " ".join(words), tuple(words))
        spans = passages.spans(passage)
        entities = []
        for first_word, after, kind in conll.entities(labels):
            start, end = spans[first_word][0], spans[after - 1][1]
            entities.append(Entity(start, end, kind, passage.text[start:end]))
        yield Annotated(passage, entities)
