"""Entities in BioC: a collection of documents, passages and annotations, as JSON."""

import contextlib
import json
import os
from typing import Callable, Iterator, Sequence

from biocodes.lib import bioc_documents, files
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
    """Yield the Annotated passages of BioC, XML or JSON; JSON is read at once.

    Annotations of passages and of their sentences count, relations do not. What is
    called how, and which passages are title and abstract, bioc_documents says.

    Raises:
      InputError: the file is no BioC, or an entity is not where it says.
    """
    for document in bioc_documents.read(path):
        named = bioc_documents.named_passages(document, path)
        for passage, part, annotations in named:
            try:
                entities = [_entity(item, part, passage, path) for item in annotations]
            except files.InputError:
                raise
            except bioc_documents.BROKEN as error:
                problem = f"not what BioC has ({type(error).__name__}: {error})"
                raise files.InputError(problem, path) from error
            yield Annotated(passage, sorted(entities, key=lambda entity: entity[:2]))


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


def _entity(annotation, part, passage, path):
    """Make the Entity of an annotation of a document's passage, checked."""
    if len(annotation["locations"]) != 1:
        problem = f"annotation {annotation['id']} of {passage.id} is not in one piece"
        raise files.InputError(problem, path)
    location, infons = annotation["locations"][0], annotation["infons"]
    start = location["offset"] - part["offset"]
    end = start + location["length"]
    score = float(infons["score"]) if "score" in infons else None
    entity = Entity(start, end, infons["type"], annotation["text"], score)
    return check_entity(entity, passage.text, path)
