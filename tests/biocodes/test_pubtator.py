"""lib/pubtator.py: titles and abstracts with their entities."""

import re

from hypothesis import given

from biocodes.lib import passages, pubtator
from biocodes.lib.entities import Annotated, documents
from biocodes.lib.passages import Passage
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
def test_pubtator_comes_back(tmp_path_factory, annotated):
    def held(text):
        return re.sub("[\t\n\x0b\x0c\r\x1c-\x1e\x85\u2028\u2029]", " ", text)

    expected = []
    for document in documents(annotated):
        own = {item.passage.section or "title": item for item in document}
        for section in passages.SECTIONS:
            name = document[0].passage.id
            passage, entities = own.get(section, (Passage(name, section, ""), []))
            expected.append(
                Annotated(
                    Passage(name, section, held(passage.text)),
                    [e._replace(text=held(e.text), score=None) for e in entities],
                )
            )
    assert round_trip(annotated, "pubtator", tmp_path_factory) == expected


def test_pubtator_counts_a_character_between_title_and_abstract(converted):
    folder = converted([TITLE, ABSTRACT, ALONE], "pubtator")
    assert (folder / "entities.pubtator").read_text(encoding="utf-8") == (
        "314|t|Ataxia & <T-cell> leukaemia\n"
        "314|a|Zinc.\n"
        "314\t0\t6\tAtaxia\tDisease\t-\n"
        "314\t10\t27\tT-cell> leukaemia\tDisease\t-\n"
        "314\t28\t32\tZinc\tChemical\t-\n"
        "\n"
        "s/1|t|über APC deficiency\n"
        "s/1|a|\n"
        "s/1\t5\t19\tAPC deficiency\tMISC\t-\n"
        "\n"
    )


def test_pubtator_of_others_has_more_columns_and_relations(tmp_path):
    path = tmp_path / "other.pubtator"
    path.write_bytes(
        b"7|t|Zinc\r\n7|a|in Wilson disease\r\n"
        b"7\t8\t22\tWilson disease\tDisease\tD006527\t\r\n"
        b"7\t0\t4\tZinc\tChemical\t\r\n"
        b"7\tCID\tD015032\tD006527\r\n\r\n8|t|None\r\n8|a|"
    )
    assert [
        (item.passage.id, [entity[:4] for entity in item.entities])
        for item in pubtator.read(str(path))
    ] == [
        ("7", [(0, 4, "Chemical", "Zinc")]),
        ("7", [(3, 17, "Disease", "Wilson disease")]),
        ("8", []),
        ("8", []),
    ]
