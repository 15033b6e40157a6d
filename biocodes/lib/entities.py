"""Entities with character offsets, and entities.jsonl, which holds them.

    {"id": "123", "section": "title", "text": "Ataxia in mice", "entities":
     [{"start": 0, "end": 6, "type": "Disease", "text": "Ataxia", "score": 0.98}]}

A line a passage. "section" is there for the title and the abstract of one document,
which follow each other; "words" if the words were given (CoNLL). Offsets count Unicode
characters of "text". An entity of a model without types has the type MISC, as in
conlleval.
"""

import json
import re
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional

from biocodes.lib import files, passages

SCORE_DECIMALS = 6

# What a line of a file cannot hold; str.splitlines() splits at each of them.
BREAKERS = "\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029"
LINE_BREAKERS = re.compile(f"[{BREAKERS}]")


class Entity(NamedTuple):
    """text[start:end] of a passage is an entity of a type.

    score: probability from 0 to 1, or None where a format has none.
    """

    start: int
    end: int
    type: str
    text: str
    score: Optional[float] = None


class Annotated(NamedTuple):
    """A Passage and its Entities, in the order of the text and none over another."""

    passage: passages.Passage
    entities: List[Entity]


def documents(annotated: Iterable[Annotated]) -> Iterator[List[Annotated]]:
    """Gather passages to documents: a title with its abstract, or one alone."""
    document = []
    for item in annotated:
        if document and not passages.same_document(document[-1].passage, item.passage):
            yield document
            document = []
        document.append(item)
    if document:
        yield document


def count_types(
    annotated: Iterable[Annotated], counts: Optional[Dict[str, int]] = None
) -> Dict[str, int]:
    """Count the entities of each type, and add that to `counts` if it is given."""
    counts = {} if counts is None else counts
    for _, entities in annotated:
        for entity in entities:
            counts[entity.type] = counts.get(entity.type, 0) + 1
    return counts


def check_entity(
    entity: Entity, text: str, path: str, number: Optional[int] = None
) -> Entity:
    """Return the entity if it is what the text has between its offsets.

    Args:
      entity: as a file has it.
      text: that of its passage.
      path, number: file and line, for messages.

    Raises:
      InputError: it is not, or it is white space, or its type is no name of one.
    """
    if not 0 <= entity.start < entity.end <= len(text):
        problem = f"the entity {entity.start} to {entity.end} is out of the text"
    elif text[entity.start : entity.end] != entity.text:
        there = text[entity.start : entity.end]
        problem = f"{there!r} stands where the entity {entity.text!r} should"
    elif not entity.text.strip():
        problem = f"the entity {entity.start} to {entity.end} is white space"
    elif not entity.type.isprintable() or entity.type.split() != [entity.type]:
        problem = f"{entity.type!r} is no type of an entity"
    else:
        return entity
    remedy = f"the text of this passage has {len(text)} characters"
    raise files.InputError(problem, path, number, remedy)


# entities.jsonl


def jsonl_line(annotated: Annotated) -> str:
    """Write passage and entities as a line of JSON: ASCII, without the line end."""
    passage = annotated.passage
    record = {"id": passage.id}
    if passage.section:
        record["section"] = passage.section
    record["text"] = passage.text
    if passage.words is not None:
        record["words"] = passage.words
    record["entities"] = [entity._asdict() for entity in annotated.entities]
    for entity in record["entities"]:
        if entity["score"] is not None:
            entity["score"] = round(float(entity["score"]), SCORE_DECIMALS)
    return json.dumps(record)


def read_jsonl(path: str) -> Iterator[Annotated]:
    """Yield the Annotated passages of an entities.jsonl; an empty file has none.

    Raises:
      InputError: a line is no JSON object with what belongs there; an entity is out of
        the text or not what it says, or begins before the end of the one before it.
    """
    for number, line in files.read_lines(path):
        if line.strip():
            record = passages.json_object(line, path, number)
            passage = passages.passage_of(record, path, number)
            passage = passage._replace(words=_words_of(record, path, number))
            yield Annotated(passage, _entities_of(record, path, number))


def _entities_of(record, path, number):
    """Return the Entities that a record of entities.jsonl holds, in order."""
    if not isinstance(record.get("entities"), list):
        remedy = "is this an entities.jsonl?"
        raise files.InputError('without "entities"', path, number, remedy)
    entities, end = [], 0
    for fields in record["entities"]:
        entity = check_entity(
            _entity_of(fields, path, number), record["text"], path, number
        )
        if entity.start < end:
            problem = f"the entity at {entity.start} is not after the one before it"
            raise files.InputError(problem, path, number)
        entities.append(entity)
        end = entity.end
    return entities


def _words_of(record, path, number):
    """Return the words that a record of entities.jsonl holds as a tuple, or None."""
    words = record.get("words")
    if words is None:
        return None
    if (
        not isinstance(words, list)
        or not all(isinstance(word, str) and word.split() == [word] for word in words)
        or " ".join(words) != record["text"]
    ):
        problem = '"words" are not those of "text", with a space between them'
        raise files.InputError(problem, path, number)
    return tuple(words)


def _entity_of(record, path, number):
    """Make an Entity of a dict of entities.jsonl, with fields of the right kind."""
    kinds = {"start": int, "end": int, "type": str, "text": str}
    if not isinstance(record, dict):
        raise files.InputError("an entity is no object", path, number)
    for key, kind in kinds.items():
        if type(record.get(key)) is not kind:
            raise files.InputError(
                f'an entity without "{key}", or with a wrong one', path, number
            )
    score = record.get("score")
    if score is not None:
        if type(score) not in (int, float) or not 0 <= score <= 1:
            raise files.InputError("a score is no number from 0 to 1", path, number)
        score = float(score)
    return Entity(*(record[key] for key in kinds), score)
