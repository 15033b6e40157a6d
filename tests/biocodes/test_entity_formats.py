"""entity_formats.py and lib/formats.py: all formats from one entities.jsonl."""

import pytest
from hypothesis import given

from biocodes.lib import bioc, entity_page, files, formats
from biocodes.lib.entities import Annotated
from biocodes.lib.passages import Passage
from kit.annotated import (
    ABSTRACT,
    ALONE,
    TITLE,
    annotated_documents,
    any_documents,
    round_trip,
)

# A passage "a" with an entity "b"; more can be said of it.
BIOC = """{"documents": [{"id": "1", "passages": [{"offset": 0, "infons": {},
 "text": "a", "annotations": [{"id": "1", "infons": {"type": "A", %s},
 "text": "b", "locations": [{"offset": 0, "length": 1}]}]}]}]}"""


@any_documents
@given(annotated_documents())
def test_html_comes_back(tmp_path_factory, annotated):
    def held(text):
        return text.replace("\0", "\ufffd")

    assert round_trip(annotated, "html", tmp_path_factory) == [
        Annotated(
            passage._replace(words=None, text=held(passage.text)),
            [entity._replace(text=held(entity.text)) for entity in entities],
        )
        for passage, entities in annotated
    ]


def test_concatenated_results_convert(write_entities, converted, tmp_path):
    formats.convert(
        write_entities([TITLE, ABSTRACT]), str(tmp_path / "1"), ["pubtator"]
    )
    formats.convert(write_entities([ALONE]), str(tmp_path / "2"), ["pubtator"])
    folder = converted([TITLE, ABSTRACT, ALONE], "pubtator")
    assert (folder / "entities.pubtator").read_bytes() == b"".join(
        (tmp_path / part / "entities.pubtator").read_bytes() for part in "12"
    )


def test_nothing_predicted_converts(converted):
    folder = converted([], *formats.FORMATS)
    assert sorted(path.name for path in folder.iterdir()) == [
        "brat",
        "entities.bioc.json",
        "entities.conll",
        "entities.csv",
        "entities.html",
        "entities.pubtator",
        "summary.csv",
    ]
    assert list(bioc.read(str(folder / "entities.bioc.json"))) == []
    assert list(entity_page.read(str(folder / "entities.html"))) == []


@pytest.mark.parametrize(
    "name, content, problem",
    [
        ("pubtator", "1|t|a\nfree text\n", ":2: neither a text nor"),
        ("pubtator", "1|t|a\n2\t0\t1\ta\tA\n", ":2: an annotation of 2"),
        ("pubtator", "1\t0\t1\ta\tA\n", ":1: an annotation of 1"),
        ("pubtator", "1|t|a\n1\t0\t1\tb\tA\n", ":2: 'a' stands where"),
        ("pubtator", "1|t|a\n1|a|b\n1\t0\t3\ta b\tA\n", ":3: the entity 0 to 3"),
        ("bioc", "{", "not JSON"),
        ("bioc", "[]", "not what BioC-JSON has"),
        ("bioc", '{"documents": [{"id": "1"}]}', "KeyError: 'passages'"),
        ("bioc", BIOC % '"score": "high"', "could not convert string to float"),
        ("bioc", BIOC % '"no score": 1', "'a' stands where the entity 'b' should"),
        ("pubtator", "1|t|a\n1\t0\t%s\ta\tA\n" % ("9" * 18), ":2: the entity 0 to"),
        ("html", b"\xff", "not UTF-8"),
        ("conll", "a\tB\nb\n", ":2: one column"),
    ],
)
def test_wrong_files_of_other_formats_are_named(tmp_path, name, content, problem):
    path = tmp_path / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(files.InputError) as raised:
        list(formats.READERS[name](str(path)))
    assert str(raised.value).startswith(str(path))
    assert problem in str(raised.value)


def test_formats_are_checked():
    assert formats.check_formats(" html,brat,, html") == ["brat", "html"]
    assert formats.check_formats("") == []
    with pytest.raises(files.InputError) as raised:
        formats.check_formats("brat,xml")
    assert str(raised.value) == (
        "--output_formats: 'xml' is no format; "
        "choose of conll, pubtator, brat, bioc, csv, summary, html"
    )


def test_wrong_input_leaves_what_is_there(write_entities, converted, listing):
    folder = converted([TITLE, ABSTRACT], *formats.FORMATS)
    before = listing(folder)
    path = write_entities([ABSTRACT, ALONE])
    with open(path, "a") as stream:
        stream.write("{")
    with pytest.raises(files.InputError, match=":3: not JSON"):
        formats.convert(path, str(folder), list(formats.FORMATS))
    assert listing(folder) == before
    assert len(list(folder.iterdir())) == len(formats.FORMATS)


def test_memory_does_not_grow_with_the_number_of_passages(write_entities, tmp_path):
    import tracemalloc

    item = Annotated(Passage("1", None, "Ataxia. " * 100), [TITLE.entities[0]])
    peaks = []
    for count in (100, 1000):
        path = write_entities([item] * count)
        tracemalloc.start()
        formats.convert(path, str(tmp_path / "out"), list(formats.FORMATS))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 100000  # 900 more passages have 720,000 characters


def test_command_makes_the_formats_it_is_asked_for(
    write_entities, run_command, tmp_path
):
    path, folder = write_entities([TITLE, ABSTRACT, ALONE]), tmp_path / "made" / "here"
    done = run_command(
        "biocodes/entity_formats.py",
        f"--input_path={path}",
        f"--output_dir={folder}",
        "--output_formats=brat,html",
        "--title=My <own> texts",
        cwd=str(tmp_path),
    )
    assert done == (0, "", "")
    assert sorted(made.name for made in folder.iterdir()) == ["brat", "entities.html"]
    page = (folder / "entities.html").read_text(encoding="utf-8")
    assert "<h1>My &lt;own&gt; texts</h1>" in page


def test_command_names_what_is_wrong_in_one_line(write_entities, run_command, tmp_path):
    arguments = [
        f"--input_path={write_entities([TITLE])}",
        f"--output_dir={tmp_path / 'new'}",
    ]
    done = run_command(
        "biocodes/entity_formats.py", *arguments, "--output_formats=brat,word"
    )
    assert "'word' is no format; choose of conll, pubtator" in done.error
    done = run_command("biocodes/entity_formats.py", *arguments, "--output_formats=,")
    assert "--output_formats names no format" in done.error
    assert not (tmp_path / "new").exists()
