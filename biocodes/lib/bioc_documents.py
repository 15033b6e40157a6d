"""BioC's documents, from JSON and XML, in the one shape that BioC-JSON has.

    {"id": "8751855", "infons": {}, "passages": [
      {"offset": 0, "infons": {"type": "title"}, "text": "…", "sentences": [],
       "annotations": [{"id": "T1", "infons": {"type": "Disease"}, "text": "…",
                        "locations": [{"offset": 0, "length": 6}]}],
       "relations": []}]}

JSON may be a collection, the list of collections that PMC gives, an object like
{"PubTator3": [documents]}, or a document a line. XML streams; JSON is read at once.
"""

import json
import re
from typing import Any, Dict, Iterable, Iterator, List, Tuple

from biocodes.lib import files, passages, safe_xml
from biocodes.lib.line_formats import File, Numbered, Options
from biocodes.lib.passages import Passage

ROOTS = {"collection": ("document",)}
Document = Dict[str, Any]

BROKEN = (AttributeError, LookupError, TypeError, ValueError)
_XML = re.compile(rb"\s*<")


def read(path: str) -> Iterator[Document]:
    """Yield the documents of a BioC file, XML or JSON by what it begins with.

    Raises:
      InputError: it cannot be read or is no BioC.
    """
    with files.open_binary(path) as stream:
        head = stream.read(len(files.BYTE_ORDER_MARK) + 100)
    if _XML.match(head[3:] if head.startswith(files.BYTE_ORDER_MARK) else head):
        with files.open_binary(path) as stream:
            blocks = iter(lambda: stream.read(files.BLOCK), b"")
            for number, tree in safe_xml.records(blocks, ROOTS, path):
                yield of_xml(tree, path, number)
    else:
        yield from of_json(files.read_text(path), path)


# JSON


def of_json(text: str, path: str) -> Iterator[Document]:
    """Yield the documents in a text of JSON.

    Raises:
      InputError: it is no JSON, or holds no documents.
    """
    try:
        values = [json.loads(text)]
    except (ValueError, RecursionError) as error:
        values = _json_lines(text, path, error)
    for value in values:
        documents = list(_documents_in(value))
        if not documents and "documents" not in value:
            raise files.InputError(
                "not what BioC-JSON has",
                path,
                remedy='it has "documents" with "passages"',
            )
        yield from documents


def _json_lines(text: str, path: str, whole: Exception) -> List[Any]:
    """Parse a JSON value a line; if the first is none, what is wrong is `whole`."""
    lines = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    try:
        json.loads(lines[0][1])
    except (ValueError, RecursionError, IndexError):
        line = getattr(whole, "lineno", None)
        reason = getattr(whole, "msg", "a number out of range, or nested too deeply")
        raise files.InputError(
            f"not JSON ({reason})", path, line, "is the file complete?"
        ) from whole
    return [passages.json_object(line, path, number) for number, line in lines]


def _documents_in(value: Any) -> Iterator[Document]:
    if isinstance(value, list):
        for item in value:
            yield from _documents_in(item)
    elif isinstance(value, dict):
        if "passages" in value:
            yield value
        elif isinstance(value.get("documents"), list):
            yield from value["documents"]
        elif len(value) == 1:
            yield from _documents_in(next(iter(value.values())))


# XML


def of_xml(tree: safe_xml.Element, path: str, number: int) -> Document:
    """Make a document of BioC-XML's <document>; number: its line, for messages.

    Raises:
      InputError: a part of it is missing.
    """
    try:
        return {
            "id": tree.findtext("id", ""),
            "infons": _infons(tree),
            "passages": [_passage(part) for part in tree.findall("passage")],
            "relations": [_relation(item) for item in tree.findall("relation")],
        }
    except BROKEN as error:
        problem = f"not what BioC-XML has ({type(error).__name__}: {error})"
        raise files.InputError(problem, path, number) from error


def _infons(element):
    return {
        infon.get("key", ""): infon.text or "" for infon in element.findall("infon")
    }


def _passage(element):
    return {
        "offset": int(element.findtext("offset")),
        "infons": _infons(element),
        "text": element.findtext("text", ""),
        "sentences": [_passage(part) for part in element.findall("sentence")],
        "annotations": [_annotation(item) for item in element.findall("annotation")],
        "relations": [_relation(item) for item in element.findall("relation")],
    }


def _annotation(element):
    locations = [
        {"offset": int(item.get("offset")), "length": int(item.get("length"))}
        for item in element.findall("location")
    ]
    return {
        "id": element.get("id", ""),
        "infons": _infons(element),
        "text": element.findtext("text", ""),
        "locations": locations,
    }


def _relation(element):
    nodes = [
        {"refid": node.get("refid"), "role": node.get("role")}
        for node in element.findall("node")
    ]
    return {"id": element.get("id", ""), "infons": _infons(element), "nodes": nodes}


# Passages


def text_and_annotations(part: Document) -> Tuple[str, List[Document]]:
    """Return the text of a passage and its annotations, sentences put together.

    Where a passage has no text but sentences that have, these stand at their offsets,
    with spaces between them.
    """
    sentences = part.get("sentences") or []
    text, annotations = part.get("text") or "", list(part.get("annotations") or [])
    for sentence in sentences:
        annotations += sentence.get("annotations") or []
    if not text:
        for sentence in sentences:
            gap = sentence["offset"] - part["offset"] - len(text)
            text += " " * gap + (sentence.get("text") or "")
    return text, annotations


def named_passages(
    document: Document, path: str
) -> Iterator[Tuple[Passage, Document, List[Document]]]:
    """Yield (Passage, the passage's record, its annotations) of each passage.

    A title and the abstract right after it have the document's id and their sections.
    A document of one passage has its id, too. Further passages, as full text has them,
    are each on their own, with the id ID#OFFSET.

    Raises:
      InputError: something is missing or not what it should be.
    """
    try:
        name = str(document["id"])
        parts = []
        for part in document["passages"]:
            text, annotations = text_and_annotations(part)
            if not isinstance(text, str):
                raise TypeError("a text that is none")
            parts.append((_section(part), text, part, annotations))
        sections = _sections([section for section, *_ in parts])
        for section, (_, text, part, annotations) in zip(sections, parts):
            is_whole = section is not None or len(parts) == 1
            own = name if is_whole else f"{name}#{part['offset']}"
            yield Passage(own, section, text), part, annotations
    except files.InputError:
        raise
    except BROKEN as error:
        problem = f"not what BioC has ({type(error).__name__}: {error})"
        raise files.InputError(problem, path) from error


def _section(part):
    """Name the section of a passage; PMC calls the title "front"."""
    kind = str((part.get("infons") or {}).get("type", "")).lower()
    return {"front": "title"}.get(kind, kind)


def _sections(found: List[str]) -> List[Any]:
    """Keep the sections of the first title and of an abstract right after it."""
    kept: List[Any] = [None] * len(found)
    for index, section in enumerate(found):
        if section == "title":
            kept[index] = section
            if found[index + 1 : index + 2] == ["abstract"]:
                kept[index + 1] = "abstract"
            return kept
    if found == ["abstract"]:
        kept = ["abstract"]
    return kept


def passages_of(documents: Iterable[Document], path: str) -> Iterator[Passage]:
    """Yield the Passages of documents, see named_passages."""
    for document in documents:
        for passage, _, _ in named_passages(document, path):
            passages.check_id(passage.id, path)
            yield passage


def read_json(file: File, options: Options) -> Numbered:
    """Read the passages of BioC-JSON, which is in memory at once."""
    text = "\n".join(line for _, line in file.lines())
    yield from enumerate(passages_of(of_json(text, file.name), file.name), 1)
