"""Entities in BioC-JSON: one collection of documents, passages and annotations."""

import contextlib
import json
import os
from typing import Callable, Iterator, Sequence

from biocodes.lib import files, passages
from biocodes.lib.entities import Annotated, Entity, check_entity


@contextlib.contextmanager
def writer(folder: str) -> Iterator[Callable[[Sequence[Annotated]], None]]:
    """Give the function that adds a document to the folder's entities.bioc.json."""
    with files.whole_file(os.path.join(folder, "entities.bioc.json")) as stream:
        head = {"source": "", "date": "", "key": "", "infons": {}}
        stream.write(json.dumps(head)[:-1] + ', "documents": [')
        separator = "\n"

        def write(document):
            nonlocal separator
            stream.write(separator + json.dumps(_document_record(document)))
            separator = ",\n"

        yield write
        stream.write("\n]}\n")


def read(path: str) -> Iterator[Annotated]:
    """Yield the Annotated passages of a BioC-JSON collection, which is read at once.

    Annotations of passages count; those of sentences and relations do not.

    Raises:
      InputError: the file is no BioC-JSON, or an entity is not where it says.
    """
    collection = files.read_json(path)
    try:
        for document in collection["documents"]:
            for part in document["passages"]:
                yield _annotated(document["id"], part, path)
    except files.InputError:
        raise
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        problem = f"not what BioC-JSON has ({type(error).__name__}: {error})"
        raise files.InputError(problem, path) from error


def _document_record(document):
    """Make the dict of a document; offsets count through it, as PubTator's."""
    parts, offset, count = [], 0, 0
    for passage, entities in document:
        annotations = []
        for entity in entities:
            count += 1
            annotations.append(_annotation_record(entity, count, offset))
        parts.append(
            {
                "offset": offset,
                "infons": {"type": passage.section} if passage.section else {},
                "text": passage.text,
                "sentences": [],
                "annotations": annotations,
                "relations": [],
            }
        )
        offset += len(passage.text) + 1
    name = document[0].passage.id
    return {"id": name, "infons": {}, "passages": parts, "relations": []}


def _annotation_record(entity, number, offset):
    """Make the dict of an entity, the document's entity of that number from 1."""
    infons = {"type": entity.type}
    if entity.score is not None:
        infons["score"] = str(entity.score)
    location = {"offset": offset + entity.start, "length": len(entity.text)}
    return {
        "id": str(number),
        "infons": infons,
        "text": entity.text,
        "locations": [location],
    }


def _annotated(name, part, path):
    """Make the Annotated passage of a document's passage."""
    section = part["infons"].get("type")
    record = {"id": name, "section": section, "text": part["text"]}
    passage = passages.passage_of(record, path)
    entities = []
    for annotation in part["annotations"]:
        if len(annotation["locations"]) != 1:
            problem = f"annotation {annotation['id']} of {name} is not in one piece"
            raise files.InputError(problem, path)
        location, infons = annotation["locations"][0], annotation["infons"]
        start = location["offset"] - part["offset"]
        end = start + location["length"]
        score = float(infons["score"]) if "score" in infons else None
        entity = Entity(start, end, infons["type"], annotation["text"], score)
        entities.append(check_entity(entity, passage.text, path))
    entities.sort(key=lambda entity: entity[:2])
    return Annotated(passage, entities)
