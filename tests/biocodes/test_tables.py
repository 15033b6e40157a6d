"""lib/tables.py: .csv of spreadsheets and .tsv with a header line."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biocodes.lib import files, inputs
from biocodes.lib.line_formats import Options
from biocodes.lib.passages import Passage


def read(path, **options):
    return list(inputs.read_passages(path, options=Options(**options)))


def test_csv_of_a_spreadsheet(write):
    content = (
        "\ufeffPMID,Year,Article Title,Abstract\r\n"
        '1,1999,"Ataxia, ""rare""","Two\r\nlines"\r\n'
        ",,,\r\n"
        "2,2001,T,\r\n"
    )
    assert read(write(content, "a.csv")) == [
        Passage("1", "title", 'Ataxia, "rare"'),
        Passage("1", "abstract", "Two\r\nlines"),
        Passage("2", "title", "T"),
        Passage("2", "abstract", ""),
    ]


@pytest.mark.parametrize(
    "content",
    ["id;text\nx;a, b\n", "sep=;\nid;text\nx;a, b\n", 'id\ttext\nx\t"a, b"\n'],
)
def test_csv_with_other_separators(write, content):
    assert read(write(content, "a.csv")) == [Passage("x", None, "a, b")]


def test_tsv_with_a_header_keeps_its_quotes(write):
    path = write('text\tlabel\tid\n"Ataxia" is\t1\tx\n', "a.tsv")
    assert read(path) == [Passage("x", None, '"Ataxia" is')]


def test_columns_that_are_named(write):
    path = write("key,note,name\n1,Ataxia,A\n2,Chorea,B\n", "a.csv")
    assert read(path, id_column="key", text_column="note") == [
        Passage("1", None, "Ataxia"),
        Passage("2", None, "Chorea"),
    ]
    assert read(path, id_column="key", text_column="name, note")[:2] == [
        Passage("1", "title", "A"),
        Passage("1", "abstract", "Ataxia"),
    ]
    # Of several lines, the one that the row begins in.
    path = write('note\n"a\nb"\nc\n', "b.csv")
    assert [item.id for item in read(path, id_column="none", text_column="note")] == [
        "2",
        "4",
    ]


@given(
    st.lists(
        st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])),
        min_size=1,
    )
)
def test_any_text_that_csv_holds_comes_back(texts):
    stream = io.StringIO(newline="")
    rows = csv.writer(stream)
    rows.writerow(["id", "text"])
    rows.writerows([f"i{number}", text] for number, text in enumerate(texts))
    lines = io.BytesIO(stream.getvalue().encode())
    found = list(inputs.read_passages("-", lines))
    assert [passage.text for passage in found] == texts


@pytest.mark.parametrize(
    "name, content, line, problem",
    [
        ("a.csv", "a,b\n1,2\n", 1, "no column is called text, abstract or title"),
        ("a.csv", "a,text\n1,2\n", 1, "no column is called id or pmid"),
        ("a.csv", "id,pmid,text\n1,2,3\n", 1, "the columns id and pmid could both"),
        ("a.csv", "id,text\n1,a,b\n", 2, "3 columns where the header has 2"),
        ("a.csv", 'id,text\n1,a\n2,"a\nb\n', 3, "not CSV (unexpected end of data)"),
        ("a.csv", 'id,text\n1,"a" b\n', 2, "not CSV"),
        ("a.csv", "id,text\n1,a\n1,b\n", 3, "the id 1 stands on line 2 already"),
        ("a.csv", "id,text\n ,a\n", 2, "the id is empty"),
        ("a.csv", "id,text\n1,\xe9".encode("latin-1"), 2, "is not UTF-8"),
        ("a.tsv", "id\ttext\n1\ta\tb\n", 2, "3 columns where the header has 2"),
        ("a.tsv", 'id\ttext\n1\t"a ""b"""\n', 2, "--input_format=csv"),
        ("a.tsv", "key\tnote\n1\ta\n2\tb\n", 1, "may be a header line"),
    ],
)
def test_wrong_tables_are_one_line(write, name, content, line, problem):
    path = write(content, name)
    with pytest.raises(files.InputError) as raised:
        read(path)
    assert str(raised.value).startswith(f"{path}:{line}: ")
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    "options, problem",
    [
        (
            {"text_column": "x"},
            "--text_column: no column called 'x' among 'id', 'text'",
        ),
        ({"id_column": "x"}, "--id_column: no column called 'x'"),
        ({"text_column": "id,text,id"}, "names more than two columns"),
    ],
)
def test_names_of_no_column_are_one_line(write, options, problem):
    with pytest.raises(files.InputError, match=problem):
        read(write("id,text\n1,a\n", "a.csv"), **options)
