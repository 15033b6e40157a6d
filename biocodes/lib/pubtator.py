"""Entities in PubTator's format: two lines of text a document, a line an entity."""

import contextlib
import os
import re
from typing import Callable, Iterator, Sequence

from biocodes.lib import files, passages
from biocodes.lib.entities import LINE_BREAKERS, Annotated, Entity, check_entity

_OFFSETS = re.compile("[0-9]{1,18}\t[0-9]{1,18}")


@contextlib.contextmanager
def writer(folder: str) -> Iterator[Callable[[Sequence[Annotated]], None]]:
    """Give the function that adds a document to the folder's entities.pubtator."""
    with files.whole_file(os.path.join(folder, "entities.pubtator")) as stream:
        yield lambda document: stream.write(_text_of(document))


def read(path: str) -> Iterator[Annotated]:
    """Yield the Annotated titles and abstracts of a PubTator file, each on its own.

    Lines of annotations with columns id, start, end, text and type count; relations,
    which have no offsets, are skipped.

    Raises:
      InputError: a line is none of PubTator's, or an entity is not where it says.
    """
    with contextlib.closing(files.read_lines(path)) as lines:
        texts, notes = [], []
        for number, line in lines:
            match = passages.PUBTATOR.fullmatch(line)
            columns = line.split("\t")
            if match:
                name, letter, text = match.groups()
                if notes or (texts and texts[-1].id != name):
                    yield from _annotated(texts, notes, path)
                    texts, notes = [], []
                section = "title" if letter == "t" else "abstract"
                texts.append(passages.Passage(name, section, text))
            elif len(columns) > 4 and _OFFSETS.fullmatch("\t".join(columns[1:3])):
                notes.append((number, columns))
            elif line.strip() and len(columns) < 3:
                problem = "neither a text nor an annotation"
                raise files.InputError(problem, path, number)
        yield from _annotated(texts, notes, path)


def _text_of(document):
    """Make a document's lines; a passage that is no abstract is written as a title."""
    texts = {"title": "", "abstract": ""}
    for passage, _ in document:
        section = passage.section or "title"
        texts[section] = LINE_BREAKERS.sub(" ", passage.text)
    name = LINE_BREAKERS.sub(" ", document[0].passage.id).replace("|", "_")
    lines = [f"{name}|t|{texts['title']}", f"{name}|a|{texts['abstract']}"]
    for passage, entities in document:
        section = passage.section or "title"
        # Offsets count a character between the two.
        shift = len(texts["title"]) + 1 if section == "abstract" else 0
        for start, end, kind, _, _ in entities:
            mention = texts[section][start:end]
            # Some readers take a line of five columns for a relation; "-" stands for an
            # identifier that is not known.
            columns = name, start + shift, end + shift, mention, kind, "-"
            lines.append("\t".join(map(str, columns)))
    return "".join(line + "\n" for line in [*lines, ""])


def _annotated(texts, notes, path):
    """Yield the Passages of one id with the entities of its lines of annotations.

    Args:
      texts: the Passages.
      notes: [(line number, columns)].
      path: the file, for messages.
    """
    borders, shift = [], 0
    for passage in texts:
        borders.append(shift)
        shift += len(passage.text) + 1
    entities = [[] for _ in texts]
    for number, (name, start, end, mention, kind, *_) in notes:
        if not texts or texts[-1].id != name:
            problem = f"an annotation of {name}, whose text is not right before it"
            raise files.InputError(problem, path, number)
        index = sum(border <= int(start) for border in borders) - 1
        shifted = int(start) - borders[index], int(end) - borders[index]
        entity = Entity(*shifted, kind, mention)
        entities[index].append(check_entity(entity, texts[index].text, path, number))
    for passage, own in zip(texts, entities):
        yield Annotated(passage, sorted(own, key=lambda entity: entity[:2]))
