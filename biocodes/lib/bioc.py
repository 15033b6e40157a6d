import contextlib
import json
import os

from biocodes.lib import files, passages
from biocodes.lib.entities import Annotated, Entity, check_entity

# BioC-JSON


@contextlib.contextmanager
def writer(folder):
    with files.whole_file(os.path.join(folder, "entities.bioc.json")) as stream:
        head = {"source": "", "date": "", "key": "", "infons": {}}
        stream.write(json.dumps(head)[:-1] + ', "documents": [')
        separator = "\n"

        def write(document):
            nonlocal separator
            stream.write(separator + json.dumps(_bioc_document(document)))
            separator = ",\n"

        yield write
        stream.write("\n]}\n")


def _bioc_document(document):
    """A document as BioC-JSON's dict; offsets as PubTator counts them."""
    parts, offset, count = [], 0, 0
    for passage, entities in document:
        annotations = []
        for entity in entities:
            count += 1
            infons = {"type": entity.type}
            if entity.score is not None:
                infons["score"] = str(entity.score)
            place = {"offset": offset + entity.start, "length": len(entity.text)}
            annotations.append(
                {
                    "id": str(count),
                    "infons": infons,
                    "text": entity.text,
                    "locations": [place],
                }
            )
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


def read_bioc(path):
    """Yields the Annotated passages of a BioC-JSON collection, read at once.

    Annotations of passages count; those of sentences and relations do not.

    Raises:
      InputError: the file is no BioC-JSON, or an entity is not where it says.
    """
    collection = files.read_json(path)
    try:
        for document in collection["documents"]:
            for part in document["passages"]:
                yield _bioc_passage(document["id"], part, path)
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        problem = f"not what BioC-JSON has ({type(error).__name__}: {error})"
        raise files.InputError(problem, path) from error


def _bioc_passage(name, part, path):
    """A passage of BioC-JSON → Annotated."""
    section = part["infons"].get("type")
    if section not in passages.SECTIONS:
        section = None
    entities = []
    for annotation in part["annotations"]:
        if len(annotation["locations"]) != 1:
            problem = f"annotation {annotation['id']} of {name} is not in one piece"
            raise files.InputError(problem, path)
        place, infons = annotation["locations"][0], annotation["infons"]
        start = place["offset"] - part["offset"]
        end = start + place["length"]
        score = float(infons["score"]) if "score" in infons else None
        entity = Entity(start, end, infons["type"], annotation["text"], score)
        entities.append(check_entity(entity, part["text"], path))
    entities.sort(key=lambda entity: entity[:2])
    return Annotated(passages.Passage(name, section, part["text"]), entities)
