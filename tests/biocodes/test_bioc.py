"""lib/bioc.py: BioC-JSON, whose offsets count through a document."""

from hypothesis import given

from biocodes.lib import files
from biocodes.lib.entities import Annotated
from kit.annotated import (
    ABSTRACT,
    ALONE,
    TITLE,
    annotated_documents,
    any_documents,
    round_trip,
)


@any_documents
@given(annotated_documents())
def test_bioc_comes_back(tmp_path_factory, annotated):
    assert round_trip(annotated, "bioc", tmp_path_factory) == [
        Annotated(passage._replace(words=None), entities)
        for passage, entities in annotated
    ]


def test_bioc_counts_offsets_through_the_document(converted):
    folder = converted([TITLE, ABSTRACT, ALONE], "bioc")
    collection = files.read_json(str(folder / "entities.bioc.json"))
    first, second = collection["documents"]
    assert [first["id"], second["id"]] == ["314", "s/1"]
    assert [part["offset"] for part in first["passages"]] == [0, 28]
    assert [part["infons"] for part in first["passages"]] == [
        {"type": "title"},
        {"type": "abstract"},
    ]
    assert first["passages"][1]["annotations"] == [
        {
            "id": "3",
            "infons": {"type": "Chemical", "score": "1.0"},
            "text": "Zinc",
            "locations": [{"offset": 28, "length": 4}],
        }
    ]
