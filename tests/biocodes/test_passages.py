"""lib/passages.py, lib/line_formats.py: passages of lines, their ids and words."""

import io
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes.lib import files, inputs, passages
from biocodes.lib.passages import Passage

# Characters on which the two tokenizers could part: white space of all sorts, controls,
# soft hyphen, joiners, combining marks, symbols that are no punctuation, ideographs at
# the ends of their blocks, an unassigned code point, U+FFFD and the last code point.
ODD = (
    " \t\n\r\x0b\x0c\x1c\x85\xa0\u2028\u3000\u200b\xad\ufeff\0\x7f\u0301\u20ac\xab$^`"
    "\u4e00\u9fff\ua000\U0002ceaf\U0002ceb0\u0378\ufffd\U0010ffff\u0130\u037e\U0001f9ec"
)
ANY_TEXT = st.text(st.sampled_from("aZ0-.(" + ODD) | st.characters())


def read(path):
    return list(inputs.read_passages(path))


@settings(deadline=None)
@given(ANY_TEXT.map(str.split))
def test_words_that_were_given_stay(words):
    passage = Passage("1", None, " ".join(words), tuple(words))
    spans = passages.spans(passage)
    assert [passage.text[start:end] for start, end in spans] == words


def test_words_of_a_passage_without_words_are_its_tokens():
    assert passages.spans(Passage("1", None, "T-cell")) == [(0, 1), (1, 2), (2, 6)]


# Files


def test_plain_text_has_a_passage_a_line_numbered_as_lines(write):
    path = write(b"\xef\xbb\xbf\r\n  Ataxia, twice. \r\n \t\n{\0\n1|t|x", "my.TXT")
    assert read(path) == [
        Passage("2", None, "  Ataxia, twice. "),
        Passage("4", None, "{\0"),
        Passage("5", None, "1|t|x"),
    ]


def test_table_has_an_id_and_a_text_a_line(write):
    path = write('i d\ttexts\r\nα β\t "x" ü\n9\t\n\n', "my.tsv")
    assert read(path) == [
        Passage("i d", None, "texts"),
        Passage("α β", None, ' "x" ü'),
        Passage("9", None, ""),
    ]


def test_json_lines_may_have_more_keys(write):
    path = write(
        name="my.jsonl",
        content=b'{"text": "a\\nb", "id": 31415, "year": [1]}\n\n'
        b'{"id": "x", "text": "\\u00fc", "section": "results", "entities": []}\n'
        b'{"id": "y", "text": "t", "section": "title"}\n'
        b'{"id": "y", "text": "a", "section": "abstract"}\n',
    )
    assert read(path) == [
        Passage("31415", None, "a\nb"),
        Passage("x", None, "ü"),
        Passage("y", "title", "t"),
        Passage("y", "abstract", "a"),
    ]


def test_pubtator_keeps_title_and_abstract_apart_and_skips_annotations(write):
    path = write(
        name="my.PubTator",
        content=b"1|t|Ataxia|a|b\n1|a|\n1\t0\t6\tAtaxia\tDisease\tD001259\n1\tCID\tD1\tD2\n\n"
        b"2|t| A\tB \r\n\n3|a|only",
    )
    assert read(path) == [
        Passage("1", "title", "Ataxia|a|b"),
        Passage("1", "abstract", ""),
        Passage("2", "title", " A\tB "),
        Passage("3", "abstract", "only"),
    ]


def test_columns_give_their_words(write):
    path = write(
        b"-DOCSTART- -X- O\n\nT\tNN O\n-\ncell B\n\n\n-DOCSTART-\n\xce\xb2 x y\n",
        "my.conll",
    )
    assert read(path) == [
        Passage("3", None, "T - cell", ("T", "-", "cell")),
        Passage("9", None, "β", ("β",)),
    ]


@pytest.mark.parametrize(
    "content, expected",
    [
        (b"Ataxia.\n{}\n", [Passage("1", None, "Ataxia."), Passage("2", None, "{}")]),
        (b'\xef\xbb\xbf\n {"id": 1, "text": "x"}', [Passage("1", None, "x")]),
        (
            b"\n\n7|t|x\n7|a|y",
            [Passage("7", "title", "x"), Passage("7", "abstract", "y")],
        ),
        (b"\n\nx\ty\n", [Passage("3", None, "x\ty")]),
    ],
)
def test_other_names_and_standard_input_are_read_by_content(write, content, expected):
    assert read(write(content, "no_extension")) == expected
    assert list(inputs.read_passages("-", io.BytesIO(content))) == expected


def test_dash_is_standard_input(write, monkeypatch):
    with open(write(b"a\n\nb", "input")) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        assert read("-") == [Passage("1", None, "a"), Passage("3", None, "b")]


def test_passages_come_as_lines_are_read():
    def lines():
        yield b"first\n"
        raise AssertionError("read ahead")

    assert next(inputs.read_passages("-", lines())).text == "first"


@settings(deadline=None)
@given(
    st.lists(
        st.text(st.characters(blacklist_characters="\n", blacklist_categories=["Cs"]))
    )
)
def test_any_line_of_plain_text_comes_back(texts):
    content = "x\n" + "".join(f"{text}\n" for text in texts)
    found = list(inputs.read_passages("-", io.BytesIO(content.encode())))
    expected = [
        Passage(str(number), None, text[:-1] if text.endswith("\r") else text)
        for number, text in enumerate(["x", *texts], 1)
        if text.strip()
    ]
    assert found == expected


# What is wrong


@pytest.mark.parametrize(
    "name, content, line, problem",
    [
        ("a.txt", b"", None, "there is no passage"),
        ("a.txt", b" \n\n", None, "there is no passage"),
        ("a", b"", None, "there is no passage"),
        ("a.txt", b"a\nb\xff\n", 2, "not UTF-8"),
        ("a.tsv", b"1\ta\n2\n", 2, "1 column instead of 2"),
        ("a.tsv", b"1\ta\tb\n", 1, "3 columns instead of 2"),
        ("a.tsv", b"The\tO\n\nRisk\tO\n", 2, ".conll"),
        ("a.tsv", b" \ta\n", 1, "the id is empty"),
        ("a.tsv", b"1\ta\n2\tb\n1\ta\n", 3, "stands on line 1"),
        ("a.jsonl", b'{"id": "1", "text": "a"}\n{"id"\n', 2, "not JSON"),
        ("a.jsonl", b"[1]\n", 1, "no object"),
        ("a.jsonl", b'{"id": "1"}\n', 1, 'without "text"'),
        ("a.jsonl", b'{"text": "a"}\n', 1, 'without "id"'),
        ("a.jsonl", b'{"id": true, "text": "a"}\n', 1, '"id" is no string'),
        ("a.jsonl", b'{"id": "1", "text": null}\n', 1, '"text" is no string'),
        ("a.jsonl", b'{"id": "1\\t2", "text": "a"}\n', 1, "control character"),
        ("a.jsonl", b'{"id": "1", "text": "\\ud83e!"}\n', 1, "surrogate"),
        ("a.jsonl", b'{"id": 1, "text": ""}\n{"id": "1", "text": ""}\n', 2, "line 1"),
        ("a.jsonl", b"[" * 100000, 1, "nested too deeply"),
        ("a.json", b'{\n"id": 1\n}', 1, "write one object a line"),
        ("a.pubtator", b"1|t|a\n1|a|b\nsome text\n", 3, "neither a text nor"),
        ("a.pubtator", b"1|t|a\n1|t|b\n", 2, "stands on line 1"),
        ("a.pubtator", b"1|t|a\n2|t|b\n1|a|c\n", 3, "right after its title"),
        ("a.conll", b"-DOCSTART-\n\n", None, "there is no passage"),
        ("a.xml", b"<?xml version='1.0'?>\n<x/>", None, "XML of <x>, which is not"),
    ],
)
def test_wrong_input_is_one_line_that_says_where(write, name, content, line, problem):
    path = write(content, name)
    with pytest.raises(files.InputError) as raised:
        read(path)
    place = path if line is None else f"{path}:{line}"
    assert str(raised.value).startswith(f"{place}: ")
    assert problem in str(raised.value)
    assert "\n" not in str(raised.value)


def test_standard_input_is_named_in_errors():
    with pytest.raises(files.InputError, match="^standard input:2: byte 1 "):
        list(inputs.read_passages("-", io.BytesIO(b"a\n\xff")))


def test_file_that_is_not_there(tmp_path):
    with pytest.raises(files.InputError, match="cannot be read"):
        read(str(tmp_path / "none.txt"))


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 5000), st.integers(0, 5000))
def test_any_id_that_comes_again_is_found_among_many(first, second):
    # More than fit into the table before it has grown twice.
    names = [f"PMID{number}" for number in range(5001)]
    names[max(first, second)] = names[min(first, second)]
    stream = io.BytesIO("".join(f'{{"id":"{n}","text":""}}\n' for n in names).encode())
    found = inputs.read_passages("-", stream)
    if first == second:
        assert len(list(found)) == 5001
    else:
        line, again = sorted([first + 1, second + 1])
        with pytest.raises(files.InputError, match=f":{again}: .* line {line} already"):
            list(found)


def test_text_needs_no_more_memory_than_its_longest_line_and_its_ids():
    import tracemalloc

    def lines(count):
        for number in range(count):
            yield b'{"id": %d, "text": "%s"}\n' % (number, b"ataxia " * 100)

    peaks = []
    for count in (2000, 20000):
        tracemalloc.start()
        for _ in inputs.read_passages("-", lines(count)):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 18,000 more passages hold 13 MB of text.
    assert peaks[1] - peaks[0] < 100 * 18000
