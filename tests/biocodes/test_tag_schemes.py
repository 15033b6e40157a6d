"""lib/tag_schemes.py: corpora in IOBES, BIOUL, BMES and IOB1 are read as B, I and O."""

import collections

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biocodes.lib import conll, tag_schemes

# Scheme → tags of the first, inner, last and only word of an entity.
TAGS = {"IOBES": "BIES", "BIOUL": "BILU", "BMES": "BMES", None: "BIIB"}
SLIP = ["B", "I", "O", "B", "O", "B", "I", "O", "E", "O"]


def written(pieces, scheme, typed):
    """Label runs of words as a scheme does: [(length, type or None)]."""
    labels, kind_before = [], None
    for length, kind in pieces:
        if kind is None:
            labels += ["O"] * length
        else:
            if scheme == "IOB1":
                first = "B" if kind == kind_before else "I"
                tags = [first, *"I" * (length - 1)]
            else:
                first, inner, last, only = TAGS[scheme]
                tags = [first, *inner * (length - 2), last] if length > 1 else [only]
            labels += [f"{tag}-{kind}" if typed else tag for tag in tags]
        kind_before = kind
    return labels


def spans(pieces):
    start, found = 0, []
    for length, kind in pieces:
        if kind is not None:
            found.append((start, start + length, kind))
        start += length
    return found


# A sentence with an entity of each length, which tells every scheme but IOB1 …
TELLING = [(1, "A"), (2, None), (2, "A"), (1, "B"), (3, "B"), (1, None)]
# … and one with two entities of a type in a row.
IN_A_ROW = [(2, "A"), (1, "A"), (1, None)]
PIECES = st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["A", "B", None])))


@given(st.lists(PIECES), st.sampled_from([*TAGS, "IOB1"]))
def test_entities_are_those_that_were_written(sentences, scheme):
    sentences = [TELLING, IN_A_ROW, *sentences]
    labels = [written(pieces, scheme, True) for pieces in sentences]
    assert tag_schemes.scheme_of(labels) == scheme
    for pieces, of_sentence in zip(sentences, labels):
        read = tag_schemes.as_iob2(of_sentence, scheme)
        assert conll.entities(read) == spans(pieces)
        assert read == written(pieces, None, True)


@pytest.mark.parametrize("scheme", ["IOBES", "BIOUL", "BMES"])
def test_labels_without_types_are_told_too(scheme):
    untyped = [(length, kind and "A") for length, kind in TELLING]
    labels = written(untyped, scheme, False)
    assert tag_schemes.scheme_of([labels]) == scheme
    assert tag_schemes.as_iob2(labels, scheme) == written(untyped, None, False)


@pytest.mark.parametrize(
    "labels",
    [
        ["B-A", "I-A", "O"],
        ["I-A", "O", "B-A"],  # an I that begins, and a B that does after O
        ["I-A", "I-A", "O"],  # nothing but I
        ["O", "I", "E", "E"],  # IOE, which conll.entities reads
        ["S", "O"],  # may be the name of a type
        ["Gene", "O"],
        ["B-A", "X-A"],
        ["O", "O"],
        [None, None],
        SLIP,
    ],
)
def test_all_else_is_left_as_it_is(labels):
    assert tag_schemes.scheme_of([labels]) is None
    assert tag_schemes.as_iob2(labels, None) == labels


def test_files_are_read_as_b_i_and_o(write):
    rows = ["-DOCSTART- -X- -X- O", ""]
    labels = [*written(TELLING, "IOBES", True), *written(IN_A_ROW, "IOBES", True)]
    rows += [f"word{i} NN I-NP {label}" for i, label in enumerate(labels)]
    rows += ["", "-DOCSTART- -X- -X- O", "", "end . O O"]
    path = write("\n".join(rows) + "\n")
    expected = [*written(TELLING, None, True), *written(IN_A_ROW, None, True)]
    file = conll.SentenceFile(path)
    assert (file.scheme, len(file)) == ("IOBES", 2)
    for sentences in (list(file), conll.load_sentences(path)):
        assert [sentence.labels for sentence in sentences] == [expected, ["O"]]
        assert sentences[0].lines[0] == 3


def test_phrases_are_counted_as_the_corpus_has_them():
    """Read as they stand, S next to S would be one phrase, and E one of its own."""
    pieces = [(1, "A"), (1, "A"), (2, "A"), (1, None)] * 10
    labels = written(pieces, "IOBES", True)
    counted = collections.Counter(kind for *_, kind in conll.entities(labels))
    assert counted["A"] != 30
    read = tag_schemes.as_iob2(labels, tag_schemes.scheme_of([labels]))
    assert len(conll.entities(read)) == 30
