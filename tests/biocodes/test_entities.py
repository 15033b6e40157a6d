"""lib/entities.py: entities.jsonl comes back, and what is wrong in it is named."""

import json

import pytest
from hypothesis import given

from biocodes.lib import files, inputs
from biocodes.lib.entities import Annotated, Entity, jsonl_line, read_jsonl
from biocodes.lib.passages import Passage
from kit.annotated import ALONE, TITLE, annotated_documents, any_documents


@any_documents
@given(annotated_documents())
def test_json_lines_come_back(tmp_path_factory, annotated):
    path = str(tmp_path_factory.getbasetemp() / "entities.jsonl")
    with open(path, "w", encoding="ascii") as stream:
        stream.writelines(jsonl_line(item) + "\n" for item in annotated)
    assert list(read_jsonl(path)) == annotated
    # They are input of a further prediction, too.
    assert list(inputs.read_passages(path)) == [
        item.passage._replace(words=None) for item in annotated
    ]


def test_json_line_is_ascii_and_rounds_scores():
    item = ALONE._replace(entities=[ALONE.entities[0]._replace(score=2 / 3)])
    assert jsonl_line(item) == (
        '{"id": "s/1", "text": "\\u00fcber\\nAPC deficiency", "entities": [{"start": 5,'
        ' "end": 19, "type": "MISC", "text": "APC deficiency", "score": 0.666667}]}'
    )
    words = Annotated(Passage("1", None, "a b", ("a", "b")), [])
    assert jsonl_line(words) == (
        '{"id": "1", "text": "a b", "words": ["a", "b"], "entities": []}'
    )
    assert '"section": "title", "text"' in jsonl_line(TITLE)


def entity(**changes):
    fields = {"start": 0, "end": 1, "type": "A", "text": "a", "score": 0.5}
    fields.update(changes)
    return {key: value for key, value in fields.items() if value != "missing"}


@pytest.mark.parametrize(
    "record, problem",
    [
        ({"id": "1", "text": "a"}, 'without "entities"'),
        ({"id": "1", "text": "a", "entities": {}}, 'without "entities"'),
        ({"id": "1", "text": "a", "entities": [3]}, "an entity is no object"),
        ({"id": "1", "entities": []}, 'without "text"'),
        ({"id": "1", "text": "a", "words": ["b"], "entities": []}, '"words" are not'),
        ({"id": "1", "text": "a", "words": "a", "entities": []}, '"words" are not'),
        ([], "no object"),
        (entity(text="b"), "'a' stands where the entity 'b' should"),
        (entity(end=4), "0 to 4 is out of the text"),
        (entity(start=-1), "-1 to 1 is out of the text"),
        (entity(end=0, text=""), "0 to 0 is out of the text"),
        (entity(end="1"), 'without "end"'),
        (entity(start=False), 'without "start"'),
        (entity(start=2, end=3, text=" "), "2 to 3 is white space"),
        (entity(type="missing"), 'without "type"'),
        (entity(type="A B"), "is no type"),
        (entity(type=""), "is no type"),
        (entity(type="\ud800"), "is no type"),
        (entity(score=1.5), "score"),
        (entity(score=float("nan")), "score"),
        (entity(score="1"), "score"),
    ],
)
def test_wrong_json_line_is_named(tmp_path, record, problem):
    if "start" in record:
        record = {"id": "1", "text": "ab ", "entities": [record]}
    path = tmp_path / "entities.jsonl"
    path.write_text('{"id": "0", "text": "", "entities": []}\n' + json.dumps(record))
    with pytest.raises(files.InputError) as raised:
        list(read_jsonl(str(path)))
    assert str(raised.value).startswith(f"{path}:2: ")
    assert problem in str(raised.value)


def test_entities_over_each_other_are_refused(write_entities):
    entities = [Entity(0, 2, "A", "ab"), Entity(1, 3, "B", "bc")]
    path = write_entities([Annotated(Passage("1", None, "abc"), entities)])
    with pytest.raises(files.InputError, match=":1: the entity at 1 is not after"):
        list(read_jsonl(path))
