"""Entities in brat's standoff format: a folder with ID.txt and ID.ann a document."""

import contextlib
import os
import re
import shutil
from typing import Callable, Iterator, NamedTuple, Sequence

from biocodes.lib import files, passages
from biocodes.lib.entities import (
    BREAKERS,
    Annotated,
    Entity,
    check_entity,
    count_types,
)

CONFIGURATION = "annotation.conf"
NAME_LENGTH = 100

_UNBROKEN = re.compile(f"[^{BREAKERS}]+")
_SPAN = "[0-9]{1,18} [0-9]{1,18}"
_TEXT_BOUND = re.compile(rf"(T\S+)\t(\S+) ({_SPAN}(?:;{_SPAN})*)\t(.*)")
_SCORE_NOTE = re.compile(
    r"#\S+\tAnnotatorNotes (T\S+)\tscore ([0-9]*\.?[0-9]+(?:e-?[0-9]+)?)"
)


class _TextBound(NamedTuple):
    """A line of a .ann about the text: "T1", "Disease", "0 6", "Ataxia"."""

    name: str
    type: str
    offsets: str
    mention: str


@contextlib.contextmanager
def writer(folder: str) -> Iterator[Callable[[Sequence[Annotated]], None]]:
    """Give the function that adds a document to FOLDER/brat.

    The folder is made beside its final place and put there at the end.

    Raises:
      InputError: it cannot be written, or see check_folder.
    """
    final = os.path.join(folder, "brat")
    beside, older = final + ".tmp", final + ".old"
    check_folder(final)
    for left_over in (beside, older):
        shutil.rmtree(left_over, ignore_errors=True)
    files.make_folder(beside)
    repeated, types = {}, {}
    try:

        def write(document):
            name = _file_name(beside, document[0].passage.id, repeated)
            _write_document(os.path.join(beside, name), joined(document))
            count_types(document, types)

        yield write
        with open(os.path.join(beside, CONFIGURATION), "w", encoding="utf-8") as f:
            f.write("[entities]\n" + "".join(f"{name}\n" for name in sorted(types)))
            f.write("[relations]\n[events]\n[attributes]\n")
        _replace_folder(final, beside, older)
    except OSError as error:
        raise files.unwritable(final, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def check_folder(folder: str) -> None:
    """Raise InputError if there is more in a brat folder than is written here."""
    if not os.path.lexists(folder):
        return
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise files.unwritable(folder, error) from error
    for name in sorted(names):
        if name != CONFIGURATION and not name.endswith((".txt", ".ann")):
            raise files.InputError(
                f"{name} is in it, which is not made here",
                folder,
                remedy="move it away; the folder is going to be replaced",
            )


def read(folder: str) -> Iterator[Annotated]:
    """Yield the Annotated documents of a brat folder, in the order of their names.

    An id is the name of a .txt without that. Only text-bound annotations (T) count, and
    notes (#) that hold a score.

    Raises:
      InputError: the folder or a file of it cannot be read, or an annotation is not
        what the text says.
    """
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".txt"))
    except OSError as error:
        raise files.unreadable(folder, error) from error
    if not names:
        raise files.InputError("there is no .txt in it", folder)
    for name in names:
        path = os.path.join(folder, name)
        text = read_text(path)
        entities = _read_annotations(path[: -len("txt")] + "ann", text)
        yield Annotated(passages.Passage(name[: -len(".txt")], None, text), entities)


def joined(document: Sequence[Annotated]) -> Annotated:
    """Make a document one Annotated: texts with a line end between them."""
    text, entities = "", []
    for index, (passage, own) in enumerate(document):
        text += "\n" if index else ""
        for start, end, *fields in own:
            entities.append(Entity(start + len(text), end + len(text), *fields))
        text += passage.text
    return Annotated(passages.Passage(document[0].passage.id, None, text), entities)


# Writing


def _file_name(folder, name, repeated):
    """Make of an id a name for its files that every system takes and that is free.

    Args:
      folder: where the files go.
      name: the id.
      repeated: {name: how often it was asked for again}, kept between calls.
    """
    safe = re.sub("[^A-Za-z0-9._-]", "_", name)[:NAME_LENGTH]
    safe = unique = re.sub("^[.-]", "_", safe)
    while os.path.exists(os.path.join(folder, f"{unique}.txt")):
        repeated[safe] = repeated.get(safe, 1) + 1
        unique = f"{safe}-{repeated[safe]}"
    return unique


def _write_document(path, annotated):
    """Write PATH.txt and PATH.ann."""
    with open(f"{path}.txt", "w", encoding="utf-8", newline="") as stream:
        stream.write(annotated.passage.text)
    with open(f"{path}.ann", "w", encoding="utf-8", newline="") as stream:
        for number, entity in enumerate(annotated.entities, 1):
            # Tabs and line ends cannot stand in an annotation, so what is between them
            # is named piece by piece.
            parts = [
                (entity.start + match.start(), entity.start + match.end())
                for match in _UNBROKEN.finditer(entity.text)
            ]
            offsets = ";".join(f"{start} {end}" for start, end in parts)
            text = " ".join(annotated.passage.text[start:end] for start, end in parts)
            stream.write(f"T{number}\t{entity.type} {offsets}\t{text}\n")
            if entity.score is not None:
                note = f"AnnotatorNotes T{number}\tscore {entity.score}"
                stream.write(f"#{number}\t{note}\n")


def _replace_folder(final, beside, older):
    """Put a folder in the place of another, which comes back if that fails."""
    if os.path.isdir(final):
        os.rename(final, older)
    try:
        os.rename(beside, final)
    except OSError:
        if os.path.isdir(older):
            os.rename(older, final)
        raise
    shutil.rmtree(older, ignore_errors=True)


# Reading


def read_text(path: str) -> str:
    """Read a .txt, every character of it, as all of them count in offsets.

    Raises:
      InputError: it cannot be read or is not UTF-8.
    """
    with files.open_binary(path) as stream:
        content = stream.read()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        problem = f"byte {error.start + 1} is not UTF-8 text"
        raise files.InputError(problem, path) from error


def _read_annotations(path, text):
    """Return the Entities of a brat .ann, in the order of the text."""
    entities = {}
    for number, line in files.read_lines(path):
        bound, note = _TEXT_BOUND.fullmatch(line), _SCORE_NOTE.fullmatch(line)
        if bound:
            annotation = _TextBound(*bound.groups())
            entities[annotation.name] = _entity_of(annotation, text, path, number)
        elif note and note.group(1) in entities:
            entity = entities[note.group(1)]
            entities[note.group(1)] = entity._replace(score=float(note.group(2)))
        elif line.startswith("T"):
            raise files.InputError("no annotation of a text", path, number)
    return sorted(entities.values(), key=lambda entity: entity[:2])


def _entity_of(annotation, text, path, number):
    """Make an Entity of a _TextBound of a text, checked.

    Several pieces are one entity if a tab or line end is between them: "0 5;6 9".
    """
    parts = [tuple(map(int, part.split(" "))) for part in annotation.offsets.split(";")]
    gaps = [text[end:start] for (_, end), (start, _) in zip(parts, parts[1:])]
    if any(_UNBROKEN.search(gap) for gap in gaps):
        problem = "an annotation of pieces with other text between them"
        raise files.InputError(problem, path, number)
    start, end = parts[0][0], parts[-1][1]
    mention = annotation.mention
    if " ".join(text[begin:after] for begin, after in parts) == mention:
        mention = text[start:end]
    return check_entity(
        Entity(start, end, annotation.type, mention), text, path, number
    )
