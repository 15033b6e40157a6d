"""lib/relations.py: which tab-separated files are read, which are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biocodes.lib import files
from biocodes.lib.relations import BINARY_LABELS, Row, label_ids, read_test, read_train
from kit.paths import DATA

HEADER = "index\tsentence\tlabel\n"


def test_train_keeps_lines_sentences_and_labels():
    rows = read_train(str(DATA / "re" / "train.tsv"))
    assert len(rows) == 600
    assert rows[1] == Row(
        line=2,
        sentence="No association was found between @GENE$ and @DISEASE$ in Japanese "
        "controls. These data do not support a role of TP53 in the disease among C677T "
        "subjects.",
        label="0",
    )


def test_test_keeps_its_own_index():
    rows, has_labels = read_test(str(DATA / "re" / "test.tsv"))
    assert has_labels
    assert len(rows) == 131
    assert rows[1] == Row(3, "@GENE$ was not linked to @DISEASE$ (naïve).", "0", "1")


def test_test_may_lack_the_label_column(write):
    rows, has_labels = read_test(write("index\tsentence\nx1\tA sentence.\n"))
    assert not has_labels
    assert rows == [Row(2, "A sentence.", None, "x1")]


def test_quotes_are_ordinary_characters(write):
    rows = read_train(write('"@GENE$ alone\t1\na ""b"" c"\t0\n'))
    assert [row.sentence for row in rows] == ['"@GENE$ alone', 'a ""b"" c"']


def test_byte_order_mark_crlf_and_missing_last_line_end_are_read(write):
    path = write(b"\xef\xbb\xbfindex\tsentence\tlabel\r\n7\tA b.\t1\r\n8\tC.\t0")
    rows, _ = read_test(path)
    assert [(row.index, row.sentence, row.label) for row in rows] == [
        ("7", "A b.", "1"),
        ("8", "C.", "0"),
    ]


def test_spaces_are_dropped_around_labels_and_kept_in_sentences(write):
    (row,) = read_train(write("  two  spaces \t 1 \n"))
    assert (row.sentence, row.label) == ("  two  spaces ", "1")


def test_empty_lines_at_the_end_are_skipped(write):
    assert len(read_train(write("a\t1\nb\t0\n\n\n"))) == 2


@given(
    st.lists(
        st.tuples(
            # Any text but what separates columns and lines; a CR only ends a line.
            st.text(
                st.characters(blacklist_characters="\t\n\r\0", blacklist_categories="C")
            ).filter(str.strip),
            st.sampled_from(["0", "1"]),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_sentence_comes_back(tmp_path_factory, examples):
    path = tmp_path_factory.mktemp("any") / "test.tsv"
    lines = [f"{i}\t{text}\t{label}\n" for i, (text, label) in enumerate(examples)]
    path.write_bytes((HEADER + "".join(lines)).encode("utf-8"))
    rows, _ = read_test(str(path))
    assert [(row.sentence, row.label) for row in rows] == examples


@pytest.mark.parametrize(
    "content, line, message",
    [
        ("", None, "the file is empty"),
        ("\n\n", None, "the file is empty"),
        ("a\t1\nonly a sentence\n", 2, "1 column, expected 2"),
        ("a 1\n", 1, "write sentence<tab>label"),
        ("a\t1\nb\tc\t0\n", 2, "3 columns, expected 2"),
        ("sentence\tlabel\na\t1\n", 1, "a header line"),
        (HEADER + "0\ta\t1\n", 1, "delete the line and the index column"),
        ("\ufeffSentence\tLabel\r\na\t1\r\n", 1, "a header line"),
        ("a\t1\n\nb\t0\n", 2, "an empty line between others"),
        ("a\t1\n \t0\n", 2, "the sentence is empty"),
        ("a\t1\nb\t\n", 2, "the label is empty"),
        ("a\t1\nb\0\t0\n", 2, "NUL"),
        ("a\t1\n".encode("utf-16-le"), 1, "NUL"),
        (b"a\t1\nb\xff\t0\n", 2, "not UTF-8"),
    ],
)
def test_train_refuses(write, content, line, message):
    path = write(content)
    with pytest.raises(files.InputError) as error:
        read_train(path)
    assert str(error.value).startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    "content, line, message",
    [
        ("", None, "the file is empty"),
        (HEADER, None, "no rows after the header line"),
        ("0\ta\t1\n", 1, "index<tab>sentence<tab>label"),
        ("sentence\tlabel\na\t1\n", 1, "not the header line"),
        ("index sentence label\n0\ta\t1\n", 1, "not the header line"),
        (HEADER + "0\ta\n", 2, "2 columns, expected 3"),
        ("index\tsentence\n0\ta\t1\n", 2, "3 columns, expected 2"),
        (HEADER + "0\ta\t1\n\n1\tb\t0\n", 3, "an empty line between others"),
        (HEADER + "0\t\t1\n", 2, "the sentence is empty"),
        (HEADER + "0\ta\t \n", 2, "the label is empty"),
    ],
)
def test_test_refuses(write, content, line, message):
    path = write(content)
    with pytest.raises(files.InputError) as error:
        read_test(path)
    assert str(error.value).startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert message in str(error.value)


def test_a_label_outside_the_task_is_named_with_its_line(write):
    path = write("a\t1\nb\t2\n")
    rows = read_train(path)
    assert label_ids(rows, ["1", "2"], path) == [0, 1]
    with pytest.raises(files.InputError) as error:
        label_ids(rows, BINARY_LABELS, path)
    assert str(error.value) == f"{path}:2: label '2' is not one of 0, 1"
