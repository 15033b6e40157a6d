"""Documents with annotations, as annotation tools and corpora have them.

Mentions may overlap here and have several parts, and relations are kept: it is for the
reader of a Document to decide what becomes of them. (entities.py has what a model
finds, which is in order and never overlaps.)
"""

import os
import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from biocodes.lib import bioc_documents, brat, files
from biocodes.lib.passages import PUBTATOR

Span = Tuple[int, int]

_SPAN = "[0-9]{1,18} [0-9]{1,18}"
_TEXT_BOUND = re.compile(rf"(T\S+)\t(\S+) ({_SPAN}(?:;{_SPAN})*)\t(.*)")
_RELATION = re.compile(r"(R\S+)\t(\S+) \S+?:(T\S+) \S+?:(T\S+)\s*")


class Mention(NamedTuple):
    """An annotated piece of a text.

    Attributes:
      id: its own in the document; "" if it has none.
      type: as annotated.
      parts: (start, end) of each of its parts, in order; most have one.
      concepts: identifiers of what it names, in a database.
    """

    id: str
    type: str
    parts: Tuple[Span, ...]
    concepts: Tuple[str, ...] = ()

    @property
    def start(self) -> int:
        """Where the first part begins."""
        return self.parts[0][0]

    @property
    def end(self) -> int:
        """Where the last part ends."""
        return self.parts[-1][1]


class Relation(NamedTuple):
    """A relation of two mentions, or of two concepts wherever they are mentioned."""

    type: str
    first: str
    second: str
    of_concepts: bool = False


class Document(NamedTuple):
    """A text with its annotations.

    Attributes:
      id: its name.
      text: of all of it; a title is followed by a space or a line end.
      body: where what follows the title begins; 0 without a title.
      mentions: in the order of the file.
      relations: in the order of the file.
    """

    id: str
    text: str
    body: int
    mentions: List[Mention]
    relations: List[Relation]


class Place(NamedTuple):
    """Where something is, for messages."""

    path: str
    line: Optional[int] = None


def checked(mention: Mention, text: str, said: Optional[str], place: Place) -> Mention:
    """Return a mention if its offsets are in the text and say what it says.

    Args:
      mention: its parts in any order.
      text: of the document.
      said: the words of the mention as the file has them, or None. White space is
        not compared, and neither is what stands between two parts.
      place: of the mention.

    Raises:
      InputError: it is not there, or its type is empty.
    """
    parts = tuple(sorted(mention.parts))
    if not parts or not all(0 <= start < end <= len(text) for start, end in parts):
        spans = ", ".join(f"{start} to {end}" for start, end in parts) or "nowhere"
        problem = f"the mention {spans} is out of the text"
        remedy = f"the text has {len(text)} characters"
        raise files.InputError(problem, *place, remedy)
    there = "".join(text[start:end] for start, end in parts)
    if said is not None and "".join(there.split()) != "".join(said.split()):
        quoted = files.quoted(there)
        problem = f"{quoted} stands where the mention {files.quoted(said)} should"
        remedy = "do the offsets count characters of this text?"
        raise files.InputError(problem, *place, remedy)
    if not mention.type.strip():
        raise files.InputError("a mention without a type", *place)
    return mention._replace(parts=parts)


# brat


def read_brat(folder: str) -> Iterator[Document]:
    """Yield the documents of a brat folder; a .txt without its .ann is left out.

    Text-bound annotations (T) and binary relations (R) count.

    Raises:
      InputError: there is no .ann, or an annotation is not what the text says.
    """
    try:
        names = {os.path.splitext(name) for name in os.listdir(folder)}
    except OSError as error:
        raise files.unreadable(folder, error) from error
    stems = sorted(stem for stem, ending in names if ending == ".ann")
    if not stems:
        raise files.InputError("there is no .ann in this folder", folder)
    for stem in stems:
        path = os.path.join(folder, stem)
        text = brat.read_text(f"{path}.txt")
        yield _brat_document(stem, text, f"{path}.ann")


def _brat_document(name, text, path):
    mentions, relations = [], []
    for number, line in files.read_lines(path):
        bound, relation = _TEXT_BOUND.fullmatch(line), _RELATION.fullmatch(line)
        if bound:
            own, kind, offsets, said = bound.groups()
            spans = [tuple(map(int, part.split(" "))) for part in offsets.split(";")]
            mention = Mention(own, kind, tuple(spans))
            mentions.append(checked(mention, text, said, Place(path, number)))
        elif relation:
            relations.append(Relation(*relation.groups()[1:]))
        elif line.startswith("T"):
            raise files.InputError("no annotation of a text", path, number)
    title = re.match(r"[^\n]*\n", text)
    body = title.end() if title and text[title.end() :].strip() else 0
    return Document(name, text, body, mentions, relations)


# PubTator


def read_pubtator(path: str) -> Iterator[Document]:
    """Yield the documents of a PubTator file: title, a space, abstract.

    Lines of annotations have the columns id, start, end, text, type and perhaps
    concepts, lines of relations id, type and two concepts.

    Raises:
      InputError: a line is none of PubTator's, or a mention is not where it says.
    """
    name, texts, notes = None, {}, []
    for number, line in files.read_lines(path):
        match, columns = PUBTATOR.fullmatch(line), line.split("\t")
        if match:
            own, letter, text = match.groups()
            if notes or letter in texts or own != name:
                yield from _pubtator_document(name, texts, notes, path)
                texts, notes = {}, []
            name = own
            texts[letter] = text
        elif len(columns) >= 4 and columns[0] == name:
            notes.append((number, columns))
        elif line.strip():
            raise files.InputError(
                "neither a text nor an annotation of the text before it",
                path,
                number,
                "write id|t|title, id|a|abstract, and below them id, start, end, text"
                " and type with tabs between them",
            )
    yield from _pubtator_document(name, texts, notes, path)


def _pubtator_document(name, texts, notes, path):
    if name is None:
        return
    title = texts.get("t", "")
    text = f"{title} {texts.get('a', '')}"
    mentions, relations = [], []
    for number, columns in notes:
        if columns[1].isdigit() and columns[2].isdigit() and len(columns) >= 5:
            span = int(columns[1]), int(columns[2])
            concepts = tuple(re.split(r"[|;,+]", columns[5])) if columns[5:] else ()
            mention = Mention(f"T{len(mentions)}", columns[4], (span,), concepts)
            place = Place(path, number)
            mentions.append(checked(mention, text, columns[3], place))
        else:
            relations.append(Relation(columns[1], columns[2], columns[3], True))
    yield Document(name, text, len(title) + 1, mentions, relations)


# BioC


def read_bioc(path: str) -> Iterator[Document]:
    """Yield the documents of BioC, XML or JSON; passages stand at their offsets.

    Relations count whose two nodes are mentions, and those of BioCreative V's form,
    whose infons name two concepts.

    Raises:
      InputError: it is no BioC, or a mention is not where it says.
    """
    for record in bioc_documents.read(path):
        try:
            yield _bioc_document(record, path)
        except files.InputError:
            raise
        except bioc_documents.BROKEN as error:
            problem = f"not what BioC has ({type(error).__name__}: {error})"
            raise files.InputError(problem, path) from error


def _bioc_document(record, path):
    text, body, notes, relations = "", 0, [], list(record.get("relations") or [])
    shift = record["passages"][0]["offset"] if record["passages"] else 0
    for number, part in enumerate(record["passages"]):
        own, annotations = bioc_documents.text_and_annotations(part)
        start = part["offset"] - shift
        if start < len(text):
            problem = f"the passages of {record['id']} overlap"
            raise files.InputError(problem, path)
        text += ("\n" * (start - len(text))) + own
        body = len(text) + 1 if number == 0 and len(record["passages"]) > 1 else body
        notes += annotations
        relations += part.get("relations") or []
    mentions = []
    for note in notes:
        spans = tuple(
            (at["offset"] - shift, at["offset"] - shift + at["length"])
            for at in note["locations"]
        )
        infons = note.get("infons") or {}
        mention = Mention(
            str(note["id"]), str(infons["type"]), spans, _concepts_of(infons)
        )
        mentions.append(checked(mention, text, None, Place(path)))
    found = [_bioc_relation(relation) for relation in relations]
    return Document(
        str(record["id"]), text, body, mentions, [item for item in found if item]
    )


def _concepts_of(infons: Dict[str, str]) -> Tuple[str, ...]:
    """Return the concepts that a mention's infons name."""
    values = [
        value
        for key, value in infons.items()
        if key.lower() in ("identifier", "mesh", "omim", "ncbi gene", "ncbigene")
    ]
    return tuple(part for value in values for part in re.split(r"[|;,+]", str(value)))


def _bioc_relation(relation):
    """Make a Relation; None if it is not one of two."""
    nodes, infons = relation.get("nodes") or [], dict(relation.get("infons") or {})
    kind = infons.pop("type", None) or infons.pop("relation", None)
    if kind and len(nodes) == 2:
        return Relation(str(kind), *(str(node["refid"]) for node in nodes))
    if kind and not nodes and len(infons) == 2:
        return Relation(str(kind), *map(str, infons.values()), of_concepts=True)
    return None


def names_of_types(documents: Sequence[Document]) -> List[str]:
    """List the types of mentions, sorted."""
    return sorted({mention.type for item in documents for mention in item.mentions})
