import contextlib
import os
import re

from biocodes.lib import files, passages
from biocodes.lib.entities import LINE_BREAKERS, Annotated, Entity, check_entity

# PubTator


@contextlib.contextmanager
def writer(folder):
    with files.whole_file(os.path.join(folder, "entities.pubtator")) as stream:
        yield lambda document: stream.write(_pubtator_text(document))


def _pubtator_text(document):
    """A document's lines. A passage that is no abstract is written as a title."""
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


_INTEGERS = re.compile("[0-9]+\t[0-9]+")


def read_pubtator(path):
    """Yields the Annotated titles and abstracts of a PubTator file, each on its own.

    Lines of annotations with columns id, start, end, text and type count; relations,
    which have no offsets, are skipped.

    Raises:
      InputError: a line is none of PubTator's, or an entity is not where it says.
    """
    with contextlib.closing(files.read_lines(path)) as lines:
        found, notes = [], []
        for number, line in lines:
            match = passages.PUBTATOR.fullmatch(line)
            columns = line.split("\t")
            if match:
                name, letter, text = match.groups()
                if notes or (found and found[-1].id != name):
                    yield from _pubtator_document(found, notes, path)
                    found, notes = [], []
                section = "title" if letter == "t" else "abstract"
                found.append(passages.Passage(name, section, text))
            elif len(columns) > 4 and _INTEGERS.fullmatch("\t".join(columns[1:3])):
                notes.append((number, columns))
            elif line.strip() and len(columns) < 3:
                problem = "neither a text nor an annotation"
                raise files.InputError(problem, path, number)
        yield from _pubtator_document(found, notes, path)


def _pubtator_document(found, notes, path):
    """Passages and lines of annotations of one id → Annotated passages."""
    shift = 0
    entities = [[] for _ in found]
    borders = []
    for passage in found:
        borders.append(shift)
        shift += len(passage.text) + 1
    for number, (name, start, end, mention, kind, *_) in notes:
        if not found or found[-1].id != name:
            problem = f"an annotation of {name}, whose text is not right before it"
            raise files.InputError(problem, path, number)
        place = sum(border <= int(start) for border in borders) - 1
        shifted = int(start) - borders[place], int(end) - borders[place]
        entity = Entity(*shifted, kind, mention)
        entities[place].append(check_entity(entity, found[place].text, path, number))
    for passage, own in zip(found, entities):
        yield Annotated(passage, sorted(own, key=lambda entity: entity[:2]))
