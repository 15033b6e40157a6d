import json
import os
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes.lib import (
    bioc,
    brat,
    conll,
    conll_scores,
    entity_formats,
    entity_page,
    files,
    passages,
    pubtator,
)
from biocodes.lib.entities import (
    Annotated,
    Entity,
    documents,
    jsonl_line,
    labelled_words,
    read_conll,
    read_jsonl,
)
from biocodes.lib.entity_formats import FORMATS
from biocodes.lib.passages import Passage

SCRIPT = "biocodes/entity_formats.py"

TITLE = Annotated(
    Passage("314", "title", "Ataxia & <T-cell>\tleukaemia"),
    [
        Entity(0, 6, "Disease", "Ataxia", 0.98),
        Entity(10, 27, "Disease", "T-cell>\tleukaemia", 0.5),
    ],
)
ABSTRACT = Annotated(
    Passage("314", "abstract", "Zinc."), [Entity(0, 4, "Chemical", "Zinc", 1.0)]
)
ALONE = Annotated(
    Passage("s/1", None, "über\nAPC deficiency"),
    [Entity(5, 19, "MISC", "APC deficiency", 0.123457)],
)


@pytest.fixture
def write(tmp_path):
    def write(annotated, name="entities.jsonl"):
        path = tmp_path / name
        lines = [jsonl_line(item) + "\n" for item in annotated]
        path.write_text("".join(lines), encoding="ascii")
        return str(path)

    return write


@pytest.fixture
def converted(write, tmp_path):
    """converted(annotated, *formats) → the folder that they were made in."""

    def convert(annotated, *formats):
        entity_formats.convert(write(annotated), str(tmp_path / "out"), formats)
        return tmp_path / "out"

    return convert


# Annotated documents of any text, whose entities begin and end at words.

any_text = st.text(
    st.sampled_from(
        "aZ0-.|&<>\"';# \t\n\r\f\x0b\x1c\x85\u2028\u200b\ufeff\0\u4e00\u0301"
    )
    | st.characters(blacklist_categories=["Cs"])
)
scores = st.none() | st.floats(0, 1).map(lambda score: round(score, 6))
types = st.sampled_from(
    ["Disease", "Chemical", "gene-product", "MISC", "Größe", "</p>"]
)


@st.composite
def annotated_passages(draw, name, section):
    text = draw(any_text)
    words = None
    if section is None and draw(st.booleans()):
        words = tuple(text.replace("\ufeff", "").split())
        text = " ".join(words)
    passage = Passage(name, section, text, words)
    spans = passages.spans(passage)
    borders = st.lists(st.integers(0, len(spans)), unique=True, max_size=8)
    entities = []
    for first, after in zip(*[iter(sorted(draw(borders)))] * 2):
        start, end = spans[first][0], spans[after - 1][1]
        score = draw(scores)
        entities.append(Entity(start, end, draw(types), text[start:end], score))
    return Annotated(passage, entities)


@st.composite
def annotated_documents(draw):
    sections = st.sampled_from([[None], ["title", "abstract"], ["title"], ["abstract"]])
    return [
        draw(annotated_passages(str(number), section))
        for number in range(draw(st.integers(1, 4)))
        for section in draw(sections)
    ]


def round_trip(annotated, name, tmp_path_factory):
    """What the reader of a format gives of what its writer has written."""
    folder = str(tmp_path_factory.getbasetemp() / "round_trip")
    files.make_folder(folder)
    path = os.path.join(folder, "entities.jsonl")
    with open(path, "w", encoding="ascii") as stream:
        stream.writelines(jsonl_line(item) + "\n" for item in annotated)
    entity_formats.convert(path, folder, [name])
    file_name = {"brat": "brat", "bioc": "entities.bioc.json"}.get(name)
    reader = entity_formats.READERS[name]
    return list(reader(os.path.join(folder, file_name or f"entities.{name}")))


any_documents = settings(deadline=None, max_examples=60)


@any_documents
@given(annotated_documents())
def test_json_lines_come_back(tmp_path_factory, annotated):
    path = str(tmp_path_factory.getbasetemp() / "entities.jsonl")
    with open(path, "w", encoding="ascii") as stream:
        stream.writelines(jsonl_line(item) + "\n" for item in annotated)
    assert list(read_jsonl(path)) == annotated
    # They are input of a further prediction, too.
    assert list(passages.read_passages(path)) == [
        item.passage._replace(words=None) for item in annotated
    ]


@any_documents
@given(annotated_documents())
def test_bioc_comes_back(tmp_path_factory, annotated):
    assert round_trip(annotated, "bioc", tmp_path_factory) == [
        Annotated(passage._replace(words=None), entities)
        for passage, entities in annotated
    ]


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


@any_documents
@given(annotated_documents())
def test_brat_comes_back(tmp_path_factory, annotated):
    expected = [brat.joined(document) for document in documents(annotated)]
    assert round_trip(annotated, "brat", tmp_path_factory) == expected


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


@any_documents
@given(annotated_documents())
def test_conll_comes_back(tmp_path_factory, annotated):
    expected = []
    line = 1
    for passage, entities in annotated:
        spans = passages.spans(passage)
        words = tuple("".join(passage.text[s:e].split()) for s, e in spans)
        found = Passage(str(line), None, " ".join(words), words)
        places = dict(zip([s for s, _ in spans], passages.spans(found)))
        ends = dict(zip([e for _, e in spans], passages.spans(found)))
        own = []
        for entity in entities:
            start, end = places[entity.start][0], ends[entity.end][1]
            own.append(Entity(start, end, entity.type, found.text[start:end]))
        if words:
            expected.append(Annotated(found, own))
        line += len(words) + 1
    assert round_trip(annotated, "conll", tmp_path_factory) == expected


# What the formats look like


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
    assert list(brat.read_brat(str(folder))) == [Annotated(passage, [entity])]


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


def test_conll_has_the_labels_that_the_scorer_counts(converted):
    folder = converted([TITLE, ABSTRACT, ALONE], "conll")
    lines = (folder / "entities.conll").read_text(encoding="utf-8")
    assert lines == (
        "Ataxia\tB-Disease\n&\tO\n<\tO\nT\tB-Disease\n-\tI-Disease\ncell\tI-Disease\n"
        ">\tI-Disease\nleukaemia\tI-Disease\n\n"
        "Zinc\tB-Chemical\n.\tO\n\n"
        "über\tO\nAPC\tB-MISC\ndeficiency\tI-MISC\n\n"
    )
    sentences = conll.load_sentences(str(folder / "entities.conll"))
    labels = [label for sentence in sentences for label in [*sentence.labels, None]]
    scores = conll_scores.evaluate(
        [(label, label) if label else None for label in labels]
    )
    assert {kind: counts.correct for kind, counts in scores.by_type.items()} == {
        "Chemical": 1,
        "Disease": 2,
        "MISC": 1,
    }


def test_a_word_that_an_entity_covers_in_part_is_labelled():
    passage = Passage("1", None, "antidiabetics now")
    entities = [Entity(4, 13, "A", "diabetics"), Entity(14, 15, "B", "n")]
    assert labelled_words(passage, entities) == [
        ("antidiabetics", "B-A"),
        ("now", "B-B"),
    ]


def test_neighbours_of_one_type_stay_two(converted):
    passage = Passage("1", None, "a b c")
    entities = [Entity(0, 3, "A", "a b"), Entity(4, 5, "A", "c")]
    folder = converted([Annotated(passage, entities)], "conll")
    found = read_conll(str(folder / "entities.conll"))
    assert next(found).entities == entities


def test_concatenated_results_convert(write, converted, tmp_path):
    entity_formats.convert(write([TITLE, ABSTRACT]), str(tmp_path / "1"), ["pubtator"])
    entity_formats.convert(write([ALONE]), str(tmp_path / "2"), ["pubtator"])
    folder = converted([TITLE, ABSTRACT, ALONE], "pubtator")
    assert (folder / "entities.pubtator").read_bytes() == b"".join(
        (tmp_path / part / "entities.pubtator").read_bytes() for part in "12"
    )


def test_nothing_predicted_converts(converted):
    folder = converted([], *FORMATS)
    assert sorted(path.name for path in folder.iterdir()) == [
        "brat",
        "entities.bioc.json",
        "entities.conll",
        "entities.html",
        "entities.pubtator",
    ]
    assert list(bioc.read_bioc(str(folder / "entities.bioc.json"))) == []
    assert list(entity_page.read_html(str(folder / "entities.html"))) == []


# Files of others


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
        for item in pubtator.read_pubtator(str(path))
    ] == [
        ("7", [(0, 4, "Chemical", "Zinc")]),
        ("7", [(3, 17, "Disease", "Wilson disease")]),
        ("8", []),
        ("8", []),
    ]


def test_brat_of_others_has_more_than_entities(tmp_path):
    (tmp_path / "d.txt").write_text("Zinc and copper\n")
    (tmp_path / "d.ann").write_text(
        "R1\tBinds Arg1:T2 Arg2:T1\nT2\tChemical 9 15\tcopper\n"
        "#1\tAnnotatorNotes R1\tsurely\nT1\tChemical 0 4\tZinc\n*\tEquiv T1 T2\n"
    )
    (found,) = brat.read_brat(str(tmp_path))
    assert [entity.text for entity in found.entities] == ["Zinc", "copper"]


# What is wrong


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


def test_entities_over_each_other_are_refused(write):
    entities = [Entity(0, 2, "A", "ab"), Entity(1, 3, "B", "bc")]
    path = write([Annotated(Passage("1", None, "abc"), entities)])
    with pytest.raises(files.InputError, match=":1: the entity at 1 is not after"):
        list(read_jsonl(path))


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
        ("html", b"\xff", "not UTF-8"),
        ("conll", "a\tB\nb\n", ":2: one column"),
    ],
)
def test_wrong_files_of_other_formats_are_named(tmp_path, name, content, problem):
    path = tmp_path / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(files.InputError) as raised:
        list(entity_formats.READERS[name](str(path)))
    assert str(raised.value).startswith(str(path))
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    "annotation, problem",
    [
        ("T1\tA 0 1\tb\n", "d.ann:1: 'a' stands where"),
        ("T1\tA 0 1;4 5\ta c\n", "d.ann:1: an annotation of pieces"),
        ("T1 A 0 1 a\n", "d.ann:1: no annotation"),
        (None, "d.ann: cannot be read"),
    ],
)
def test_wrong_brat_folder_is_named(tmp_path, annotation, problem):
    (tmp_path / "d.txt").write_text("a b c")
    if annotation:
        (tmp_path / "d.ann").write_text(annotation)
    with pytest.raises(files.InputError) as raised:
        list(brat.read_brat(str(tmp_path)))
    assert problem in str(raised.value)


def test_brat_folder_without_a_text(tmp_path):
    with pytest.raises(files.InputError, match="there is no .txt in it"):
        list(brat.read_brat(str(tmp_path)))


def test_formats_are_checked():
    assert entity_formats.check_formats(" html,brat,, html") == ["brat", "html"]
    assert entity_formats.check_formats("") == []
    with pytest.raises(files.InputError) as raised:
        entity_formats.check_formats("brat,xml")
    assert str(raised.value) == (
        "--output_formats: 'xml' is no format; "
        "choose of conll, pubtator, brat, bioc, html"
    )


def test_wrong_input_leaves_what_is_there(write, converted, listing):
    folder = converted([TITLE, ABSTRACT], *FORMATS)
    before = listing(folder)
    path = write([ABSTRACT, ALONE])
    with open(path, "a") as stream:
        stream.write("{")
    with pytest.raises(files.InputError, match=":3: not JSON"):
        entity_formats.convert(path, str(folder), list(FORMATS))
    assert listing(folder) == before
    assert len(list(folder.iterdir())) == len(FORMATS)


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


def test_memory_does_not_grow_with_the_number_of_passages(write, tmp_path):
    import tracemalloc

    item = Annotated(Passage("1", None, "Ataxia. " * 100), [TITLE.entities[0]])
    peaks = []
    for count in (100, 1000):
        path = write([item] * count)
        tracemalloc.start()
        entity_formats.convert(path, str(tmp_path / "out"), list(FORMATS))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 100000  # 900 more passages have 720,000 characters


# As a command


def test_command_makes_the_formats_it_is_asked_for(write, run_command, tmp_path):
    path, folder = write([TITLE, ABSTRACT, ALONE]), tmp_path / "made" / "here"
    done = run_command(
        SCRIPT,
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


def test_command_names_what_is_wrong_in_one_line(write, run_command, tmp_path):
    arguments = [f"--input_path={write([TITLE])}", f"--output_dir={tmp_path / 'new'}"]
    done = run_command(SCRIPT, *arguments, "--output_formats=brat,word")
    assert "'word' is no format; choose of conll, pubtator" in done.error
    done = run_command(SCRIPT, *arguments, "--output_formats=,")
    assert "--output_formats names no format" in done.error
    assert not (tmp_path / "new").exists()
