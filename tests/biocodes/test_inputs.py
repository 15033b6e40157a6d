"""lib/inputs.py: which files an input is, and files that are not what they say."""

import gzip
import io
import json

import pytest

from biocodes.lib import files, inputs
from biocodes.lib.line_formats import Options
from biocodes.lib.passages import Passage
from kit.paths import ROOT

NBIB = "PMID- 1\nTI  - A title\nAD  - Department of Ataxia.\n"
BIOC_XML = """<?xml version='1.0' encoding='utf-8'?>
<!DOCTYPE collection SYSTEM "BioC.dtd">
<collection><source>PMC</source><document><id>555</id>
<passage><infon key="type">front</infon><offset>0</offset><text>Ataxia &amp; us</text>
</passage><passage><infon key="type">abstract</infon><offset>12</offset>
<sentence><offset>12</offset><text>One.</text></sentence>
<sentence><offset>18</offset><text>Two.</text></sentence></passage>
<passage><infon key="type">paragraph</infon><offset>23</offset><text>More</text>
</passage>
</document></collection>
"""
BIOC = [
    Passage("555", "title", "Ataxia & us"),
    Passage("555", "abstract", "One.  Two."),
    Passage("555#23", None, "More"),
]
DOCUMENT = {
    "id": "555",
    "passages": [
        {"offset": 0, "infons": {"type": "front"}, "text": "Ataxia & us"},
        {"offset": 12, "infons": {"type": "abstract"}, "text": "One.  Two."},
        {"offset": 23, "infons": {"type": "paragraph"}, "text": "More"},
    ],
}
WRAPPED = """Ataxia telangiectasia is a rare disease of the nervous system that
affects children; it was first described in 1926 and has been studied
in several countries. The gene was found in 1995 by a consortium that
included many groups.
"""
ABSTRACT_FORMAT = """1. J Clin Invest. 2015 Feb;125(2):1-9. doi: 10.1172/JCI1.

A drug in ataxia: a trial of treatment in children with the disease.

Doe J(1), Roe R.

BACKGROUND: Ataxia telangiectasia is a rare disease of the nervous system
that affects children; it was described in 1926 and has been studied in
several countries since then, by many groups and
consortia.
"""


def read(path, stdin=None, **options):
    return list(inputs.read_passages(str(path), stdin, Options(**options)))


def ids(path, **options):
    return [passage.id for passage in read(path, **options)]


# BioC


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.xml", BIOC_XML),
        ("a.json", json.dumps({"documents": [DOCUMENT]})),
        (
            "a.json",
            json.dumps([{"bioctype": "BioCCollection", "documents": [DOCUMENT]}]),
        ),
        ("a.json", json.dumps({"PubTator3": [DOCUMENT]}, indent=1)),
        ("a.json", json.dumps(DOCUMENT) + "\n"),
    ],
)
def test_bioc_of_every_source(write, name, content):
    assert read(write(content, name)) == BIOC
    compressed = gzip.compress(content.encode())
    assert read(write(compressed, f"{name}.gz")) == BIOC


@pytest.mark.parametrize(
    "content, problem",
    [
        ('{"documents": [{"passages": [{}]}]}', "not what BioC has"),
        ('{"documents": [1]}', "not what BioC has"),
        ('{\n"documents": [', "a.json:2: not JSON"),
    ],
)
def test_wrong_bioc_is_one_line(write, content, problem):
    with pytest.raises(files.InputError, match=problem):
        read(write(content, "a.json"))


# Several files


def test_several_files_a_pattern_and_a_folder(tmp_path):
    (tmp_path / "b.txt").write_text("One\ntwo.\n")
    (tmp_path / "a.txt").write_text("Three.\n")
    (tmp_path / "a.ann").write_text("T1\tDisease 0 5\tThree\n")
    (tmp_path / "x.nbib").write_text(NBIB)
    assert ids(f"{tmp_path / 'b.txt'},{tmp_path / 'x.nbib'}") == ["b:1", "b:2", "1"]
    assert ids(tmp_path / "?.txt") == ["a:1", "b:1", "b:2"]
    assert read(tmp_path) == [
        Passage("a", None, "Three.\n"),
        Passage("b", None, "One\ntwo.\n"),
    ]
    assert ids(tmp_path, input_format="plain") == ["a:1", "b:1", "b:2"]
    (tmp_path / "odd,[1].txt").write_text("Four.\n")
    assert ids(tmp_path / "odd,[1].txt") == ["1"]


@pytest.mark.parametrize(
    "path, problem",
    [
        ("{}/none*.txt", "none.*: no file is called so"),
        ("{}/empty", r"there is no \.txt in this folder; name .*empty/\*\.xml\.gz"),
        ("{}/a.nbib,{}/a.nbib", "a.nbib: is named twice"),
        ("{}/a.nbib,{}/b.nbib", "b.nbib:1: the id 1 stands on line 1 of .*a.nbib"),
        ("{}/a.nbib,{}/c.nbib", "c.nbib: cannot be read"),
        ("{}/a.nbib,", ": cannot be read"),
    ],
)
def test_wrong_names_are_one_line(tmp_path, path, problem):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.nbib").write_text(NBIB)
    (tmp_path / "b.nbib").write_text(NBIB)
    with pytest.raises(files.InputError, match=problem):
        read(path.replace("{}", str(tmp_path)))


def test_streams_are_known(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    assert inputs.can_be_read_again(str(tmp_path / "a.txt"))
    assert inputs.can_be_read_again(str(tmp_path))
    assert not inputs.can_be_read_again("-")
    assert not inputs.can_be_read_again(f"{tmp_path / 'a.txt'},/dev/null")


# What is not what its name says


@pytest.mark.parametrize(
    "name, content, problem",
    [
        ("a.txt", NBIB, "MEDLINE format, .*--input_format=medline reads it"),
        ("a.txt", "TY  - JOUR\nTI  - T\nER  - \n", "fields with tags"),
        ("a.txt", "id,text\n1,Ataxia\n", "CSV with a header .*--input_format=csv"),
        ("a.txt", '"1","Ataxia, rare"\n', "CSV with quoted cells"),
        ("a.txt", '1,"Ataxia, rare",1999\n', "CSV with quoted cells"),
        ("a.txt", "PMID\tTitle\n1\tAtaxia\n", "a table with a header line"),
        ("a.txt", "1\tAtaxia is\n2\tChorea is\n", "columns with tabs"),
        ("a.txt", "Abstract\nAtaxia is rare.\n", "a column with a header line"),
        ("a.txt", "Ataxia B\nis O\n\nrare O\n", "CoNLL.*--input_format=conll"),
        ("a.txt", "1|t|Ataxia\n1|a|Rare.\n", "PubTator.*--input_format=pubtator"),
        ("a.txt", '{"id": 1, "text": "x"}\n', "JSON.*--input_format=jsonl"),
        ("a.txt", "<!DOCTYPE html>\n<html><body>Ataxia", "HTML"),
        ("a.txt", BIOC_XML, "XML.*--input_format=xml"),
        ("a.txt", WRAPPED, "paragraphs over several lines.*--input_format=document"),
        ("a.txt", ABSTRACT_FORMAT, "paragraphs over several lines"),
        ("a.tsv", "Ataxia\tB\nis\tO\nrare\tO\n", "CoNLL"),
        ("a.tsv", NBIB, "MEDLINE"),
        ("a.tsv", "@GENE$ is in @DISEASE$.\t1\n@GENE$ is not in it.\t0\n", "its label"),
        ("a.csv", NBIB, "MEDLINE"),
        ("a.csv", "<html>\n<body>", "HTML"),
        ("a.conll", "Ataxia is a rare disease of children.\nSo is another one.\n" * 3,
         "plain text"),
        ("a", WRAPPED, "which is not read as it is"),
        ("a.nbib", WRAPPED, "no record of MEDLINE begins so"),
        ("a.xml", "Ataxia\n", "not well-formed XML"),
        ("a.docx", b"PK\x03\x04\x14", "a ZIP archive, as .docx and .xlsx are; save"),
        ("a.pdf", b"%PDF-1.5\n\xff", "a PDF; extract its text"),
        ("a.txt", "Ataxia".encode("utf-16"), "UTF-16; save it as UTF-8"),
        ("a.txt", gzip.compress(b"Ataxia\n"), "gzip, which its name does not say"),
        ("a.txt.gz", b"Ataxia\n", "not compressed by gzip, as its name says"),
        ("a.txt.gz", gzip.compress(b"Ataxia\n" * 99)[:-9], "a damaged .gz"),
        ("a.txt.gz", gzip.compress(b"Ataxia\n")[:-8] + b"\0" * 8, "a damaged .gz"),
    ],
)  # fmt: skip
def test_files_that_are_no_such_thing_are_refused(write, name, content, problem):
    path = write(content, name)
    with pytest.raises(files.InputError, match=problem) as raised:
        read(path)
    assert str(raised.value).startswith(path)
    assert "\n" not in str(raised.value)


def test_the_flag_decides(write):
    path = write(WRAPPED, "wrapped.txt")
    assert len(read(path, input_format="plain")) == 4
    document = Passage("wrapped", None, WRAPPED)
    assert read(path, input_format="document") == [document]
    path = write(NBIB, "a.txt")
    assert [item.text for item in read(path, input_format="medline")] == ["A title"]
    path = write("id\ttext\n1\tx\n", "a.tsv")
    assert len(read(path, input_format="pairs")) == 2


@pytest.mark.parametrize(
    "content",
    [
        "Title, abstract and methods of a paper.\nMore of it.\n",
        '"Ataxia", "chorea" and others.\n',
        "DNA - a review\nRNA polymerase II.\n",
        "ataxia\nchorea\nhuntington disease\n",
        "Ataxia, which is rare,\nChorea in 12,3 % of mice\n",
        "<i>BRCA1</i> mutations are rare.\n",
        "[Ataxia in children].\n{x} is a set.\n",
        "the gene of ataxia telangiectasia, which was found in 1995\n"
        "a mouse\n"
        "the patients who had been treated before were left out here\n",
    ],
)
def test_plain_text_is_plain(write, content):
    expected = [line for line in content.split("\n") if line]
    assert [passage.text for passage in read(write(content, "a.txt"))] == expected


def test_the_examples_are_what_they_say():
    assert len(read(ROOT / "examples" / "abstracts.txt")) == 6


def test_a_stream_is_looked_at_by_its_first_line():
    assert read("-", io.BytesIO(NBIB.encode())) == [Passage("1", "title", "A title")]
    assert read("-", io.BytesIO(b"id,text\n7,x\n")) == [Passage("7", None, "x")]
    with pytest.raises(files.InputError, match="standard input: this looks like HTML"):
        read("-", io.BytesIO(b"<html>\n"))
    with pytest.raises(files.InputError, match="standard input: .* gunzip -c FILE"):
        read("-", io.BytesIO(gzip.compress(b"x")))
