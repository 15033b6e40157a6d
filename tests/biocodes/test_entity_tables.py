"""lib/entity_tables.py: entities.csv and summary.csv."""

import csv

from hypothesis import given

from biocodes.lib import formats
from biocodes.lib.entities import Annotated, Entity, jsonl_line
from biocodes.lib.passages import Passage
from kit.annotated import annotated_documents, any_documents


def entity(text, mention, score=None, kind="Disease", after=0):
    start = text.index(mention, after)
    return Entity(start, start + len(mention), kind, mention, score)


TITLE = 'Ataxia, "rare". Zinc deficiency causes ataxia.'
ABSTRACT = "Ataxia\nis new."
DOCUMENTS = [
    Annotated(
        Passage("7", "title", TITLE),
        [
            entity(TITLE, "Ataxia", 0.5),
            entity(TITLE, "Zinc", 0.25, "Chemical"),
            entity(TITLE, "ataxia", 1.0),
        ],
    ),
    Annotated(Passage("7", "abstract", ABSTRACT), [entity(ABSTRACT, "Ataxia")]),
    Annotated(Passage("8", None, ABSTRACT), [entity(ABSTRACT, "Ataxia", 0.75)]),
    Annotated(Passage("9", None, ""), []),
]


def table(folder, name):
    with open(str(folder / name), encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))


def test_an_entity_is_a_row(converted):
    assert table(converted(DOCUMENTS, "csv"), "entities.csv") == [
        ["id", "section", "start", "end", "type", "text", "score", "sentence"],
        ["7", "title", "0", "6", "Disease", "Ataxia", "0.5", 'Ataxia, "rare".'],
        *(
            ["7", "title", *row, "Zinc deficiency causes ataxia."]
            for row in (
                ["16", "20", "Chemical", "Zinc", "0.25"],
                ["39", "45", "Disease", "ataxia", "1.0"],
            )
        ),
        ["7", "abstract", "0", "6", "Disease", "Ataxia", "", ABSTRACT],
        ["8", "", "0", "6", "Disease", "Ataxia", "0.75", ABSTRACT],
    ]


def test_a_mention_is_a_row_of_the_summary(converted):
    folder = converted(DOCUMENTS, "summary")
    assert (folder / "summary.csv").read_bytes().startswith(b"\xef\xbb\xbftext,")
    assert table(folder, "summary.csv") == [
        ["text", "type", "count", "documents", "mean_score"],
        ["Ataxia", "Disease", "4", "2", "0.75"],
        ["Zinc", "Chemical", "1", "1", "0.25"],
    ]


@any_documents
@given(annotated_documents())
def test_any_entity_is_in_the_tables(tmp_path_factory, annotated):
    folder = tmp_path_factory.getbasetemp() / "tables"
    folder.mkdir(exist_ok=True)
    path = folder / "entities.jsonl"
    path.write_text("".join(jsonl_line(item) + "\n" for item in annotated))
    formats.convert(str(path), str(folder), ["csv", "summary"])
    expected = [
        [
            item.passage.id,
            str(own.start),
            str(own.end),
            own.text.replace("\0", "\ufffd"),
        ]
        for item in annotated
        for own in item.entities
    ]
    rows = table(folder, "entities.csv")[1:]
    assert [[row[0], row[2], row[3], row[5]] for row in rows] == expected
    assert all("".join(row[5].split()) in "".join(row[7].split()) for row in rows)
    counts = [int(row[2]) for row in table(folder, "summary.csv")[1:]]
    assert sum(counts) == len(expected) and counts == sorted(counts, reverse=True)
