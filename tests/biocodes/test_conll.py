"""lib/conll.py: columns are read as they are, entities are the scorer's."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from biocodes.lib import conll, files


def test_blank_lines_end_sentences_and_lines_keep_their_numbers(write):
    path = write(b"\n\na\tB\nb I\n \t\n\nc  O")
    assert list(conll.read_sentences(path)) == [
        conll.Sentence([3, 4], ["a", "b"], ["B", "I"]),
        conll.Sentence([7], ["c"], ["O"]),
    ]


def test_first_and_last_columns_count(write):
    path = write(b"Ataxia NN  x B-Disease \n")
    assert conll.load_sentences(path)[0][1:] == (["Ataxia"], ["B-Disease"])


def test_byte_order_mark_and_crlf_are_no_part_of_words_or_labels(write):
    path = write(b"\xef\xbb\xbfa\tB\r\n\r\nb\tO\r\n")
    assert [s[1:] for s in conll.load_sentences(path)] == [
        (["a"], ["B"]),
        (["b"], ["O"]),
    ]


@pytest.mark.parametrize("kept", [0, conll.KEPT])
def test_a_file_of_sentences_can_be_gone_through_again(write, kept, monkeypatch):
    monkeypatch.setattr(conll, "KEPT", kept)
    path = write(b"a\tB\n\nb\tO\nc\tI\n")
    sentences = conll.SentenceFile(path)
    assert len(sentences) == 2
    for _ in range(2):
        assert list(sentences) == conll.load_sentences(path)
    short = conll.SentenceFile(path, change=lambda one: one._replace(words=["x"]))
    assert [sentence.words for sentence in short] == [["x"], ["x"]]


def test_a_small_file_is_read_once_and_a_large_one_each_time(write, monkeypatch):
    path = write(b"a\tB\n")
    small = conll.SentenceFile(path)
    monkeypatch.setattr(conll, "KEPT", 3)
    large = conll.SentenceFile(path)
    write(b"b\tB\n")
    words = [[sentence.words for sentence in each] for each in (small, large)]
    assert words == [[["a"]], [["b"]]]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"a\tB\n\nb\n"])
def test_a_file_of_sentences_is_refused_at_once(write, content):
    path = write(content)
    with pytest.raises(files.InputError) as expected:
        conll.load_sentences(path)
    with pytest.raises(files.InputError) as found:
        conll.SentenceFile(path)
    assert str(found.value) == str(expected.value)


def test_odd_characters_belong_to_words(write):
    words = ["\0", "\ufffd", "-X-", "[CLS]", "##a", "\u200b", "\U0001f9ec", "##"]
    path = write("".join(f"{word}\tO\n" for word in words).encode())
    assert conll.load_sentences(path)[0].words == words


def test_file_without_labels(write):
    path = write(b"a\nb\n\nc\n")
    assert [s[1:] for s in conll.load_sentences(path, labelled=False)] == [
        (["a", "b"], [None, None]),
        (["c"], [None]),
    ]


def test_labels_are_read_where_they_are_not_needed(write):
    path = write(b"a B\nb O\n")
    assert conll.load_sentences(path, labelled=False)[0].labels == ["B", "O"]


@pytest.mark.parametrize(
    "content, labelled, line",
    [
        (b"a O\nb\n", True, 2),
        (b"a O\n\n\nb\n", False, 4),
        (b"a\n\nb O\n", False, 3),
        (b"a O\n\xff O\n", True, 2),
        ("a O\nb B\n".encode("utf-16-le"), True, 1),
        (b"a\0 O\nb B\0\n", False, 2),
    ],
)
def test_wrong_line_is_named(write, content, labelled, line):
    path = write(content)
    with pytest.raises(files.InputError) as error:
        list(conll.read_sentences(path, labelled))
    assert str(error.value).startswith(f"{path}:{line}: ")


@pytest.mark.parametrize("content", [b"", b"\n \n\r\n", b"\xef\xbb\xbf"])
def test_file_without_a_sentence_is_refused(write, content):
    path = write(content)
    with pytest.raises(files.InputError) as error:
        conll.load_sentences(path)
    assert str(error.value).startswith(f"{path}: there is no sentence")


@pytest.mark.parametrize(
    "label, tag_and_type, entity",
    [
        ("B-Chemical", ("B", "Chemical"), "Chemical"),
        ("I-gene-or-product", ("I", "gene-or-product"), "gene-or-product"),
        ("B", ("B", ""), "MISC"),
        ("O", ("O", ""), None),
        ("O-MISC", ("O", "MISC"), None),
    ],
)
def test_tag_and_type_of_a_label(label, tag_and_type, entity):
    assert conll.split_label(label) == tag_and_type
    assert conll.entity_type(label) == entity


@pytest.mark.parametrize(
    "labels, expected",
    [
        ("B I O B", [(0, 2, "MISC"), (3, 4, "MISC")]),
        ("B-A I-A I-B O", [(0, 2, "A"), (2, 3, "B")]),
        ("O I-A I-A B-A", [(1, 3, "A"), (3, 4, "A")]),
        ("B-A B-A", [(0, 1, "A"), (1, 2, "A")]),
        ("B-A O-A I-A", [(0, 1, "A"), (2, 3, "A")]),
        ("I-A E-A I-A", [(0, 2, "A"), (2, 3, "A")]),
        ("O E O", [(1, 2, "MISC")]),
        ("[-A ]-A I-A", [(0, 1, "A"), (1, 2, "A")]),
        ("O O", []),
        ("", []),
    ],
)
def test_entities_follow_the_scorers_rule(labels, expected):
    assert conll.entities(labels.split()) == expected


WORDS = st.text(
    st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=8
).filter(lambda word: word.split() == [word])
LABELS = WORDS.filter(lambda label: "\0" not in label)


@given(st.lists(st.lists(st.tuples(WORDS, LABELS), min_size=1), min_size=1))
@example([[("\ufeff", "O")]])
def test_any_words_and_labels_are_read_back(tmp_path_factory, sentences):
    text = "\n".join(
        "".join(f"{word}\t{label}\n" for word, label in sentence)
        for sentence in sentences
    )
    path = tmp_path_factory.mktemp("conll") / "test.tsv"
    path.write_bytes(("\ufeff" + text).encode())
    read = [list(zip(s.words, s.labels)) for s in conll.read_sentences(str(path))]
    assert read == sentences
