"""Annotations in JSON: doccano's, Label Studio's, and entities.jsonl.

    {"id": 1, "text": "…", "label": [[0, 6, "Disease"]]}               doccano
    {"text": "…", "entities": [{"id": 1, "label": "Disease",           doccano with
     "start_offset": 0, "end_offset": 6}], "relations": […]}           relations
    {"id": 1, "data": {"text": "…"}, "annotations": [{"result": […]}]} Label Studio
    {"id": "1", "text": "…", "entities": [{"start": 0, …}]}            entities.jsonl

A file has an object a line, or a list of them. What an object is its keys tell.
"""

from typing import Any, Dict, Iterator, Tuple

from biocodes.lib import files
from biocodes.lib.annotations import Document, Mention, Place, Relation, checked
from biocodes.lib.passages import json_object

Record = Dict[str, Any]
_BROKEN = (AttributeError, LookupError, TypeError, ValueError)


def read(path: str) -> Iterator[Document]:
    """Yield the documents of a file, see the head of this module.

    Title and abstract of an entities.jsonl become one document.

    Raises:
      InputError: the file is none of them, or a mention is not where it says.
    """
    before = None
    for number, record in _records(path):
        try:
            document = _document(record, Place(path, number))
        except files.InputError:
            raise
        except _BROKEN as error:
            raise files.InputError(
                f"not what annotations have ({type(error).__name__}: {error})",
                path,
                number,
                "doccano's, Label Studio's JSON and entities.jsonl are read",
            ) from error
        is_abstract = record.get("section") == "abstract"
        if is_abstract and before is not None and before.id == document.id:
            before = _joined(before, document)
            continue
        if before is not None:
            yield before
        before = document
    if before is not None:
        yield before


def _records(path: str) -> Iterator[Tuple[int, Record]]:
    """Yield (line number, object)."""
    lines = files.read_lines(path)
    first = next(((n, line) for n, line in lines if line.strip()), None)
    if first is None:
        return
    if first[1].lstrip().startswith("["):
        lines.close()
        for record in files.read_json(path):
            if not isinstance(record, dict):
                raise files.InputError("a list of what is no object", path)
            yield first[0], record
        return
    yield first[0], json_object(first[1], path, first[0])
    for number, line in lines:
        if line.strip():
            yield number, json_object(line, path, number)


def _document(record: Record, place: Place) -> Document:
    if "data" in record:
        return _label_studio(record, place)
    text = record["text"]
    name = str(record.get("id", place.line))
    key = next((key for key in ("entities", "label", "labels") if key in record), None)
    if not isinstance(text, str) or key is None:
        raise files.InputError(
            "no annotated text",
            *place,
            'an object has "text", and "label" or "entities"',
        )
    mentions = [
        checked(_mention(fields, index), text, _said(fields), place)
        for index, fields in enumerate(record[key])
    ]
    relations = [
        Relation(str(item["type"]), str(item["from_id"]), str(item["to_id"]))
        for item in record.get("relations") or []
    ]
    return Document(name, text, 0, mentions, relations)


def _mention(fields: Any, index: int) -> Mention:
    """Make the Mention, not checked, of [start, end, type] or an object."""
    if isinstance(fields, list):
        start, end, kind = fields
        return Mention(f"T{index}", str(kind), ((int(start), int(end)),))
    kind = fields.get("type", fields.get("label", fields.get("labels")))
    if isinstance(kind, list):
        kind = kind[0]
    start = fields.get("start", fields.get("start_offset"))
    end = fields.get("end", fields.get("end_offset"))
    name = str(fields.get("id", f"T{index}"))
    return Mention(name, str(kind or ""), ((int(start), int(end)),))


def _said(fields: Any) -> Any:
    """Return what a mention says that its text is, or None."""
    return fields.get("text") if isinstance(fields, dict) else None


def _label_studio(record: Record, place: Place) -> Document:
    """Make a document of a task; of several annotators the first counts."""
    data = record["data"]
    texts = [value for value in data.values() if isinstance(value, str)]
    text = data.get("text", texts[0] if len(texts) == 1 else None)
    if not isinstance(text, str):
        problem = 'a task without "text" in its data'
        raise files.InputError(problem, *place)
    done = [
        item for item in record.get("annotations", []) if not item.get("was_cancelled")
    ]
    mentions, relations = [], []
    for result in done[0]["result"] if done else []:
        if result.get("type") == "relation":
            kind = (result.get("labels") or ["related"])[0]
            relations.append(
                Relation(str(kind), str(result["from_id"]), str(result["to_id"]))
            )
        elif "labels" in result.get("value", {}):
            fields = dict(result["value"], id=result.get("id", f"T{len(mentions)}"))
            mention = _mention(fields, len(mentions))
            mentions.append(checked(mention, text, _said(fields), place))
    return Document(str(record.get("id", place.line)), text, 0, mentions, relations)


def _joined(title: Document, abstract: Document) -> Document:
    """Make one document of two passages, with a space between them."""
    shift = len(title.text) + 1
    moved = [
        mention._replace(
            id=f"A{mention.id}",
            parts=tuple((start + shift, end + shift) for start, end in mention.parts),
        )
        for mention in abstract.mentions
    ]
    text = f"{title.text} {abstract.text}"
    return Document(title.id, text, shift, title.mentions + moved, title.relations)
