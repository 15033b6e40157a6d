"""tokenization.py: vocabularies, ids, and the case of published checkpoints."""

import pathlib

import pytest

import tokenization
from tokenization import FullTokenizer

CASED = str(pathlib.Path(__file__).parent.parent / "data" / "init" / "vocab.txt")

SPECIAL = b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n"


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "vocab.txt"
        path.write_bytes(content)
        return str(path)

    return write


def test_id_is_the_line_number_and_white_space_no_part_of_a_piece(write):
    path = write(b"[PAD]\n[unused1]\n[UNK]\n[CLS]\n[SEP]\n  gene \t\n##s\n")
    assert list(tokenization.load_vocab(path).items()) == [
        ("[PAD]", 0),
        ("[unused1]", 1),
        ("[UNK]", 2),
        ("[CLS]", 3),
        ("[SEP]", 4),
        ("gene", 5),
        ("##s", 6),
    ]


def test_only_line_feeds_end_pieces(write):
    path = write(SPECIAL + "a\u2028b\na\x0bb\n\u2028\nc\r\nd".encode())
    vocab = tokenization.load_vocab(path)
    assert {"a\u2028b": 4, "a\x0bb": 5, "c": 7, "d": 8}.items() <= vocab.items()


def test_byte_order_mark_crlf_and_blank_end_are_no_pieces(write):
    text = b"\xef\xbb\xbf" + SPECIAL.replace(b"\n", b"\r\n") + b"gene\r\n\r\n\n"
    tokenizer = FullTokenizer(write(text))
    assert tokenizer.vocab["[PAD]"] == 0 and tokenizer.vocab["gene"] == 4
    assert tokenizer.vocab_size == 5


def test_blank_and_repeated_lines_keep_the_ids_of_the_others(write):
    tokenizer = FullTokenizer(write(SPECIAL + b"gene\n\ngene\ncell\n"))
    assert tokenizer.convert_tokens_to_ids(["gene", "cell"]) == [6, 7]
    assert tokenizer.convert_ids_to_tokens([4, 6]) == ["gene", "gene"]
    assert tokenizer.vocab_size == 8


@pytest.mark.parametrize(
    "content, problem",
    [
        (b"", "vocab.txt: empty"),
        (b"\n\r\n", "vocab.txt: empty"),
        (SPECIAL + b"ok\ncaf\xe9\n", "vocab.txt:6: byte 4 of the line is not UTF-8"),
        (b"\x80\x04\x95pickle", "vocab.txt:1: byte 1 of the line is not UTF-8"),
    ],
)
def test_unusable_vocabularies_are_refused(write, content, problem):
    with pytest.raises(ValueError, match=problem) as caught:
        FullTokenizer(write(content))
    assert "\n" not in str(caught.value)


def test_vocabularies_that_cannot_be_read_are_named(tmp_path):
    for path in (str(tmp_path / "none.txt"), str(tmp_path)):
        with pytest.raises(ValueError, match="cannot be read") as caught:
            tokenization.load_vocab(path)
        assert str(caught.value).startswith(path)


def test_ids_and_pieces_outside_of_the_vocabulary_are_key_errors():
    tokenizer = FullTokenizer(CASED, do_lower_case=False)
    assert tokenizer.convert_ids_to_tokens([0, 2999]) == [
        "[PAD]",
        list(tokenizer.vocab)[-1],
    ]
    for number in (-1, 3000):
        with pytest.raises(KeyError, match=f"{number}"):
            tokenizer.convert_ids_to_tokens([number])
    with pytest.raises(KeyError, match="'no piece'"):
        tokenizer.convert_tokens_to_ids(["[PAD]", "no piece"])


def test_pieces_that_the_suite_requires_are_named(write):
    path = write(b"[PAD]\n[CLS]\ngene\n")
    problem = r"vocab.txt: without the piece \[UNK\], \[SEP\]; is this"
    with pytest.raises(ValueError, match=problem) as caught:
        tokenization.check_required_pieces(tokenization.load_vocab(path), path)
    assert "\n" not in str(caught.value)
    whole = write(SPECIAL)
    tokenization.check_required_pieces(tokenization.load_vocab(whole), whole)


@pytest.mark.parametrize("with_unknown", [True, False])
def test_vocabulary_of_a_few_pieces_is_enough_for_the_tokenizer(write, with_unknown):
    """As in the tests of many a script; a piece without an id is still a piece."""
    tokenizer = FullTokenizer(write(b"un\n##aff\n##able\n" + b"[UNK]" * with_unknown))
    pieces = ["un", "##aff", "##able", "[UNK]"]
    for _ in range(2):  # learned, then looked up
        assert tokenizer.tokenize("Unaffable gene") == pieces
        assert tokenizer.word_ids("unaffable") == (0, 1, 2)
        assert tokenizer.tokenize_with_offsets("gene") == [("[UNK]", 0, 4)]
        if with_unknown:
            assert tokenizer.convert_tokens_to_ids(pieces) == [0, 1, 2, 3]
            assert tokenizer.word_ids("gene") == (3,)
        else:
            with pytest.raises(KeyError, match="UNK"):
                tokenizer.convert_tokens_to_ids(pieces)
            with pytest.raises(KeyError, match="UNK"):
                tokenizer.word_ids("gene")


# Case of published checkpoints


@pytest.mark.parametrize(
    "folder, lower",
    [
        ("uncased_L-24_H-1024_A-16", True),
        ("uncased_L-12_H-768_A-12", True),
        ("multilingual_L-12_H-768_A-12", True),
        ("chinese_L-12_H-768_A-12", True),
        ("wwm_uncased_L-24_H-1024_A-16", True),
        ("uncased_L-2_H-128_A-2", True),
        ("cased_L-12_H-768_A-12", False),
        ("cased_L-24_H-1024_A-16", False),
        ("multi_cased_L-12_H-768_A-12", False),
        ("wwm_cased_L-24_H-1024_A-16", False),
    ],
)
@pytest.mark.parametrize("path", ["{}/bert_model.ckpt", "/m/{}/x/model.ckpt-9", "{}"])
def test_case_contradicting_the_checkpoint_is_refused(folder, lower, path):
    path = path.format(folder)
    tokenization.validate_case_matches_checkpoint(lower, path)
    needed = "true" if lower else "false"
    with pytest.raises(ValueError, match=f"use --do_lower_case={needed}") as caught:
        tokenization.validate_case_matches_checkpoint(not lower, path)
    assert str(caught.value).startswith(path)


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "biobert_v1.1_pubmed/model.ckpt-1000000",
        "my_cased_L-12_H-768_A-12_copy/bert_model.ckpt",
        "/cased/uncased/model.ckpt",
    ],
)
def test_other_checkpoints_go_with_both_cases(path):
    for do_lower_case in (False, True):
        tokenization.validate_case_matches_checkpoint(do_lower_case, path)
