"""to_corpus.py: annotations of every tool as corpora for run_ner.py and run_re.py."""

import collections
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes import to_corpus
from biocodes.lib import (
    conll,
    corpus_sets,
    corpus_words,
    files,
    passages,
    relations,
    squad,
)
from biocodes.lib.annotations import Document, Mention
from biocodes.lib.corpus_sets import Shares
from biocodes.lib.corpus_words import Types

TITLE, BODY = "Ataxia in mice.", "Zinc causes ataxia in p53null mice. Zinc is rare."
TEXT = f"{TITLE}\n{BODY}"
PUBTATOR = f"""7|t|{TITLE}
7|a|{BODY}
7\t0\t6\tAtaxia\tDisease\tD1
7\t16\t20\tZinc\tChemical\tD2
7\t28\t34\tataxia\tDisease\tD1|D3
7\tCID\tD2\tD1
"""
BRAT = """T1\tDisease 0 6\tAtaxia
T2\tChemical 16 20\tZinc
T3\tDisease 28 34\tataxia
R1\tCID Arg1:T2 Arg2:T3\t
#1\tAnnotatorNotes T1\tsure?
"""
SPANS = [(0, 6, "Disease"), (16, 20, "Chemical"), (28, 34, "Disease")]
DOCCANO = {"id": 7, "text": TEXT, "label": [list(span) for span in SPANS]}
DOCCANO_RELATIONS = {
    "id": 7,
    "text": TEXT,
    "entities": [
        {"id": i, "label": kind, "start_offset": start, "end_offset": end}
        for i, (start, end, kind) in enumerate(SPANS)
    ],
    "relations": [{"id": 9, "from_id": 1, "to_id": 2, "type": "CID"}],
}
LABEL_STUDIO = {
    "id": 7,
    "data": {"text": TEXT},
    "annotations": [
        {"was_cancelled": True, "result": []},
        {
            "result": [
                {
                    "id": f"x{i}",
                    "type": "labels",
                    "value": {
                        "start": start,
                        "end": end,
                        "text": TEXT[start:end],
                        "labels": [kind],
                    },
                }
                for i, (start, end, kind) in enumerate(SPANS)
            ]
            + [{"type": "relation", "from_id": "x1", "to_id": "x2", "labels": ["CID"]}]
        },
    ],
}
ENTITIES = [
    {
        "id": "7",
        "section": "title",
        "text": TITLE,
        "entities": [{"start": 0, "end": 6, "type": "Disease", "text": "Ataxia"}],
    },
    {
        "id": "7",
        "section": "abstract",
        "text": BODY,
        "entities": [
            {"start": 0, "end": 4, "type": "Chemical", "text": "Zinc"},
            {"start": 12, "end": 18, "type": "Disease", "text": "ataxia"},
        ],
    },
]
BIOC = {
    "documents": [
        {
            "id": "7",
            "passages": [
                {
                    "offset": offset,
                    "infons": {"type": kind},
                    "text": text,
                    "annotations": [
                        {
                            "id": f"T{start}",
                            "infons": {"type": label},
                            "text": TEXT[start:end],
                            "locations": [{"offset": start, "length": end - start}],
                        }
                        for start, end, label in SPANS
                        if offset <= start < offset + len(text)
                    ],
                }
                for offset, kind, text in ((0, "title", TITLE), (16, "abstract", BODY))
            ],
            "relations": [
                {
                    "id": "R",
                    "infons": {"type": "CID"},
                    "nodes": [{"refid": "T16"}, {"refid": "T28"}],
                }
            ],
        }
    ]
}
LABELLED = """Ataxia\tB-Disease
in\tO
mice\tO
.\tO

Zinc\tB-Chemical
causes\tO
ataxia\tB-Disease
in\tO
p53null\tO
mice\tO
.\tO

Zinc\tO
is\tO
rare\tO
.\tO

"""
SOURCES = {
    "a.pubtator": PUBTATOR,
    "a.json": json.dumps(BIOC),
    "doccano.jsonl": json.dumps(DOCCANO),
    "relations.jsonl": json.dumps(DOCCANO_RELATIONS),
    "studio.json": json.dumps([LABEL_STUDIO], indent=1),
    "entities.jsonl": "\n".join(map(json.dumps, ENTITIES)),
}


@pytest.fixture
def source(tmp_path):
    """source(name) → path of the same document in another format; "brat" a folder."""

    def make(name):
        if name == "brat":
            folder = tmp_path / "brat"
            folder.mkdir()
            (folder / "7.txt").write_text(TEXT)
            (folder / "7.ann").write_text(BRAT)
            return str(folder)
        (tmp_path / name).write_text(SOURCES[name])
        return str(tmp_path / name)

    return make


@pytest.fixture
def make(tmp_path, capsys):
    """make(*flags) → {name of a file: its text}, the report."""

    def run(*flags):
        out = tmp_path / "out"
        to_corpus.main([*flags, f"--output_dir={out}"])
        written = {path.name: path.read_text() for path in out.iterdir()}
        return written, capsys.readouterr().out

    return run


# Named entities


@pytest.mark.parametrize("name", ["brat", *SOURCES])
def test_every_tool_gives_the_same_corpus(source, make, name):
    written, report = make(f"--train_input={source(name)}")
    assert written == {"train.tsv": LABELLED, "train_dev.tsv": LABELLED}
    assert [line.split() for line in report.splitlines()] == [
        ["train.tsv"],
        ["documents", "1"],
        ["sentences", "3"],
        ["words", "15"],
        ["mentions", "Chemical", "1"],
        ["mentions", "Disease", "2"],
    ]


def test_types_are_kept_merged_and_dropped(source, make):
    path = source("a.pubtator")
    written, report = make(f"--train_input={path}", "--types=Chemical")
    assert (
        "Disease" not in written["train.tsv"] and "B-Chemical" in written["train.tsv"]
    )
    assert "left out: mentions of a type not asked for" in report
    written, _ = make(f"--train_input={path}", "--one_type=Thing")
    assert written["train.tsv"].count("B-Thing") == 3
    written, _ = make(f"--train_input={path}", "--untyped")
    assert written["train.tsv"].count("\tB\n") == 3


def label(text, *mentions):
    """Label the words of a text: (words with their labels, counts)."""
    counts = collections.Counter()
    made = [Mention(f"T{i}", kind, parts) for i, (kind, *parts) in enumerate(mentions)]
    made = [mention._replace(parts=tuple(mention.parts)) for mention in made]
    document = Document("1", text, 0, made, [])
    sentences = corpus_words.labelled_sentences(document, Types(), counts)
    return [pair for sentence in sentences for pair in sentence], counts


def test_overlapping_and_divided_mentions_are_counted():
    words, counts = label(
        "breast and ovarian cancer",
        ("A", (19, 25)),
        ("B", (11, 25)),
        ("A", (0, 6), (19, 25)),
        ("C", (0, 6), (7, 10)),
    )
    assert words == [
        ("breast", "B-C"),
        ("and", "I-C"),
        ("ovarian", "B-B"),
        ("cancer", "I-B"),
    ]
    assert counts[corpus_words.OVERLAPPING] == counts[corpus_words.IN_PARTS] == 1


def test_words_are_cut_where_a_mention_is():
    words, counts = label("p53null\u200b x", ("Gene", (0, 3)), ("A", (7, 8)))
    assert words == [("p53", "B-Gene"), ("null", "O"), ("x", "O")]
    assert counts[corpus_words.NO_WORD] == 1


ODD = st.sampled_from("aZ0-.( \n\t\u0301\u200b\xe9\U0001f600")
TEXTS = st.text(ODD | st.characters(blacklist_categories=["Cs"]), max_size=60)


@settings(deadline=None, max_examples=200)
@given(TEXTS, st.lists(st.integers(0, 60), unique=True, max_size=8))
def test_a_corpus_learnt_perfectly_gives_the_same_offsets(text, borders):
    """The labels of a corpus's words, laid over the text, are the mentions."""
    borders = sorted(border for border in borders if border <= len(text))
    mentions = [("A", span) for span in zip(*[iter(borders)] * 2)]
    spans = passages.spans(passages.Passage("1", None, text))
    cut = corpus_words.cut_words(
        text, [Mention("", kind, (span,)) for kind, span in mentions]
    )
    words, counts = label(text, *mentions)
    assert len(words) == len(cut)
    assert ["".join(text[start:end].split()) for start, end in cut] == [
        word for word, _ in words
    ]
    # No character of a word is lost.
    seen = {index for start, end in cut for index in range(start, end)}
    for start, end in spans:
        for index in set(range(start, end)) - seen:
            assert not passages.spans(passages.Passage("1", None, text[index]))
    found = [
        (cut[begin][0], cut[end - 1][1])
        for begin, end, _ in conll.entities([name for _, name in words])
    ]
    expected = []
    for _, (start, end) in mentions:
        own = [span for span in cut if start <= span[0] and span[1] <= end]
        if own:
            expected.append((own[0][0], own[-1][1]))
    assert found == expected
    assert counts["type", "A"] == len(expected)


# Splits


def documents(count):
    return [Document(str(i), "x", 0, [], []) for i in range(count)]


@given(st.integers(3, 200), st.integers(0, 99))
def test_a_split_has_each_document_once_whatever_their_order(count, seed):
    shares = Shares(80, 10, 10)
    sets = corpus_sets.split(documents(count), shares, seed)
    assert sorted(int(d.id) for own in sets.values() for d in own) == list(range(count))
    assert all(sets[name] for name in corpus_sets.SETS)
    assert abs(len(sets["train"]) - 0.8 * count) <= 2
    turned = corpus_sets.split(documents(count)[::-1], shares, seed)
    for name, own in sets.items():
        assert {d.id for d in own} == {d.id for d in turned[name]}


def test_documents_of_one_id_stay_together():
    sets = corpus_sets.split(documents(10) * 2, Shares(50, 25, 25), 1)
    assert sorted(len(own) for own in sets.values()) in ([4, 6, 10], [4, 4, 12])
    assert corpus_sets.split(documents(5), Shares(100, 0, 0), 1) == {
        "train": documents(5)
    }


# Relations


@pytest.mark.parametrize(
    "name", ["brat", "a.pubtator", "a.json", "relations.jsonl", "studio.json"]
)
def test_relations_of_every_tool(source, make, name):
    flags = [f"--train_input={source(name)}", "--task=re"]
    written, report = make(*flags)
    row = "@CHEMICAL$ causes @DISEASE$ in p53null mice.\t1\n"
    assert written == {"train.tsv": row}
    written, _ = make(*flags, "--pairs=document")
    # Of concepts, the relation is that of all their mentions.
    first = "1" if name == "a.pubtator" else "0"
    assert written["train.tsv"] == (
        "@DISEASE$ in mice. @CHEMICAL$ causes ataxia in p53null mice. Zinc is rare."
        f"\t{first}\nAtaxia in mice. @CHEMICAL$ causes @DISEASE$ in p53null mice. "
        "Zinc is rare.\t1\n"
    )


def test_several_relations_negatives_and_those_without_a_row(make, tmp_path):
    folder = tmp_path / "brat"
    folder.mkdir()
    (folder / "7.txt").write_text("Zinc, iron and ataxia.\nAtaxia is rare.\n")
    (folder / "7.ann").write_text(
        "T1\tChemical 0 4\tZinc\nT2\tChemical 6 10\tiron\nT3\tDisease 15 21\tataxia\n"
        "T4\tDisease 23 29\tAtaxia\n"
        "R1\tcauses Arg1:T1 Arg2:T3\nR2\ttreats Arg1:T1 Arg2:T3\n"
        "R3\ttreats Arg1:T2 Arg2:T4\n"
    )
    written, report = make(f"--train_input={folder}", "--task=re")
    assert written["train.tsv"] == (
        "@CHEMICAL$, iron and @DISEASE$.\tcauses\n"
        "Zinc, @CHEMICAL$ and @DISEASE$.\tfalse\n"
    )
    assert "left out: relations whose pair has an earlier one" in report
    assert "left out: relations without a pair of its own" in report


def test_test_rows_are_those_that_run_re_reads(source, make, tmp_path):
    make(f"--test_input={source('brat')}", "--task=re")
    rows, labelled = relations.read_test(str(tmp_path / "out" / "test.tsv"))
    assert labelled and [(row.index, row.label) for row in rows] == [("7.T2.T3", "1")]


# Tables


def test_csv_becomes_files_of_run_re(make, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        'id,Text,Class\n1,"@GENE$, in\n @DISEASE$",yes\n'
        + "".join(f"{i},@GENE$ is {i},no\n" for i in range(2, 9))
    )
    flags = ["--task=re", "--columns=label=Class", "--split=50,25,25"]
    written, report = make(f"--input={path}", *flags)
    assert sorted(written) == ["dev.tsv", "test.tsv", "train.tsv"]
    assert "@GENE$, in @DISEASE$\tyes\n" in "".join(written.values())
    assert written["test.tsv"].startswith("index\tsentence\tlabel\n")
    assert "label no" in report
    relations.read_train(str(tmp_path / "out" / "train.tsv"))


def test_csv_becomes_files_of_run_qa(make, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("question,context,answer\nWhat binds?,The P53 protein,p53\n")
    written, _ = make(f"--train_input={path}", "--task=qa")
    (paragraph,) = json.loads(written["train.json"])["data"][0]["paragraphs"]
    assert paragraph["qas"][0]["answers"] == [{"text": "P53", "answer_start": 4}]
    examples, _ = squad.load_to_train(str(tmp_path / "out" / "train.json"), False)
    assert len(examples) == 1


# What is wrong


@pytest.mark.parametrize(
    "name, content, problem",
    [
        ("a.pubtator", "1|t|a\n1|a|b\n1\t0\t1\tb\tA\n", ":3: 'a' stands where the m"),
        ("a.pubtator", "1|t|a\n1|a|b\n1\t0\t9\ta\tA\n", ":3: the mention 0 to 9"),
        ("a.pubtator", "1|t|a\nx\n", ":2: neither a text nor an annotation"),
        ("a.txt", "plain text\n", "plain text, not like annotations"),
        ("a.jsonl", '{"id": 1, "text": "a"}\n', ":1: no annotated text"),
        ("a.jsonl", '{"text": "a", "label": [[0, 1]]}\n', ":1: not what annotations"),
        ("a.jsonl", '{"text": "a", "label": [[0, 1, " "]]}\n', "without a type"),
        ("a.json", '[{"data": {"a": 1}}]', ':1: a task without "text"'),
        ("a.json", '{"documents": [{"id": 1}]}', "not what BioC has"),
        ("a.docx", b"PK\x03\x04", "a ZIP archive"),
    ],
)  # fmt: skip
def test_wrong_annotations_are_one_line(write, name, content, problem):
    path = write(content, name)
    with pytest.raises(files.InputError) as raised:
        corpus_sets.read_documents(path)
    assert str(raised.value).startswith(path)
    assert problem in str(raised.value)
