"""lib/brat.py: a folder of texts and annotations, replaced as a whole."""

import re

import pytest
from hypothesis import given

from biocodes.lib import brat, files
from biocodes.lib.entities import Annotated, Entity, documents
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
def test_brat_comes_back(tmp_path_factory, annotated):
    expected = [brat.joined(document) for document in documents(annotated)]
    assert round_trip(annotated, "brat", tmp_path_factory) == expected


def test_brat_has_a_text_and_an_annotation_file_a_document(converted):
    folder = converted([TITLE, ABSTRACT, ALONE], "brat") / "brat"
    assert {path.name: path.read_bytes().decode() for path in folder.iterdir()} == {
        "314.txt": "Ataxia & <T-cell>\tleukaemia\nZinc.",
        "314.ann": "T1\tDisease 0 6\tAtaxia\n#1\tAnnotatorNotes T1\tscore 0.98\n"
        "T2\tDisease 10 17;18 27\tT-cell> leukaemia\n#2\tAnnotatorNotes T2\tscore 0.5\n"
        "T3\tChemical 28 32\tZinc\n#3\tAnnotatorNotes T3\tscore 1.0\n",
        "s_1.txt": "über\nAPC deficiency",
        "s_1.ann": "T1\tMISC 5 19\tAPC deficiency\n"
        "#1\tAnnotatorNotes T1\tscore 0.123457\n",
        "annotation.conf": "[entities]\nChemical\nDisease\nMISC\n"
        "[relations]\n[events]\n[attributes]\n",
    }


def test_brat_names_the_lines_of_an_entity_over_a_line_end(converted):
    passage = Passage("1", None, "T-cell\n\nleukaemia")
    entity = Entity(0, 17, "Disease", passage.text)
    folder = converted([Annotated(passage, [entity])], "brat") / "brat"
    text = (folder / "1.ann").read_text(encoding="utf-8")
    assert text == "T1\tDisease 0 6;8 17\tT-cell leukaemia\n"
    assert list(brat.read(str(folder))) == [Annotated(passage, [entity])]


def test_brat_files_of_any_ids_have_names_of_their_own(converted):
    names = [
        "a/b",
        "a_b",
        "a b",
        "a_b-2",
        "../x",
        ".hidden",
        "-x",
        "病",
        "n" * 300,
        "a_b",
    ]
    annotated = [Annotated(Passage(name, None, name), []) for name in names]
    folder = converted(annotated, "brat") / "brat"
    found = {path.read_text(encoding="utf-8") for path in folder.glob("*.txt")}
    assert len(list(folder.glob("*.txt"))) == len(names)
    assert found == set(names)
    for path in folder.iterdir():
        assert re.fullmatch(
            r"[A-Za-z0-9_][A-Za-z0-9._-]{,104}\.(txt|ann|conf)", path.name
        )


def test_brat_of_others_has_more_than_entities(tmp_path):
    (tmp_path / "d.txt").write_text("Zinc and copper\n")
    (tmp_path / "d.ann").write_text(
        "R1\tBinds Arg1:T2 Arg2:T1\nT2\tChemical 9 15\tcopper\n"
        "#1\tAnnotatorNotes R1\tsurely\nT1\tChemical 0 4\tZinc\n*\tEquiv T1 T2\n"
        "#2\tAnnotatorNotes T1\tscore ...\n#3\tAnnotatorNotes T2\tscore 5e-07\n"
    )
    (annotated,) = brat.read(str(tmp_path))
    assert [entity.text for entity in annotated.entities] == ["Zinc", "copper"]
    assert [entity.score for entity in annotated.entities] == [None, 5e-07]


@pytest.mark.parametrize(
    "annotation, problem",
    [
        ("T1\tA 0 1\tb\n", "d.ann:1: 'a' stands where"),
        ("T1\tA 0 1;4 5\ta c\n", "d.ann:1: an annotation of pieces"),
        ("T1 A 0 1 a\n", "d.ann:1: no annotation"),
        (f"T1\tA 0 {'9' * 5000}\ta\n", "d.ann:1: no annotation"),
        (None, "d.ann: cannot be read"),
    ],
)
def test_wrong_brat_folder_is_named(tmp_path, annotation, problem):
    (tmp_path / "d.txt").write_text("a b c")
    if annotation:
        (tmp_path / "d.ann").write_text(annotation)
    with pytest.raises(files.InputError) as raised:
        list(brat.read(str(tmp_path)))
    assert problem in str(raised.value)


def test_brat_folder_without_a_text(tmp_path):
    with pytest.raises(files.InputError, match="there is no .txt in it"):
        list(brat.read(str(tmp_path)))


def test_brat_folder_is_replaced_as_a_whole(converted):
    converted([TITLE, ABSTRACT], "brat")
    folder = converted([ALONE], "brat")
    assert sorted(path.name for path in folder.iterdir()) == ["brat"]
    assert sorted(path.name for path in (folder / "brat").glob("*.txt")) == ["s_1.txt"]


def test_brat_folder_with_files_of_others_is_left_alone(converted):
    folder = converted([TITLE, ABSTRACT], "brat")
    (folder / "brat" / "visual.conf").write_text("mine")
    with pytest.raises(files.InputError, match="visual.conf is in it.*move it away"):
        converted([ALONE], "brat", "bioc")
    assert sorted(path.name for path in folder.iterdir()) == ["brat"]
    assert (folder / "brat" / "314.txt").exists()
