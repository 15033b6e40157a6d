"""tokenization.py: the names that only other scripts use."""

import pathlib
import unicodedata

import pytest

import tokenization
from tokenization import FullTokenizer, WordpieceTokenizer

VOCAB = str(pathlib.Path(__file__).parent.parent / "data" / "init" / "vocab.txt")
# All that Unicode assigns, and of the rest a part.
CHARACTERS = [chr(code) for code in [*range(0x33480), *range(0xE0000, 0xE0200)]]


def test_vocabulary_keeps_the_order_of_the_file(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("zeta\nalpha\n##b\n")  # none of the required pieces
    vocab = tokenization.load_vocab(str(path))
    assert list(vocab.items()) == [("zeta", 0), ("alpha", 1), ("##b", 2)]


def test_full_tokenizer_has_both_directions():
    tokenizer = FullTokenizer(VOCAB, do_lower_case=False)
    assert tokenizer.vocab == tokenization.load_vocab(VOCAB)
    assert tokenizer.inv_vocab == {v: k for k, v in tokenizer.vocab.items()}
    assert tokenizer.wordpiece_tokenizer.vocab is tokenizer.vocab


def test_pieces_and_ids_are_looked_up_as_the_tokenizer_does():
    tokenizer = FullTokenizer(VOCAB, do_lower_case=False)
    pieces = tokenizer.tokenize("Ataxia-telangiectasia (AT) is a gene.")
    ids = tokenization.convert_tokens_to_ids(tokenizer.vocab, pieces)
    assert ids == tokenizer.convert_tokens_to_ids(pieces)
    assert tokenization.convert_ids_to_tokens(tokenizer.inv_vocab, ids) == pieces
    assert tokenization.convert_by_vocab(tokenizer.vocab, iter(pieces)) == ids
    for convert in (tokenization.convert_tokens_to_ids, tokenization.convert_by_vocab):
        with pytest.raises(KeyError, match="no piece"):
            convert(tokenizer.vocab, ["no piece"])


def test_text_is_what_print_takes():
    for convert in (tokenization.printable_text, tokenization.convert_to_unicode):
        assert convert("Sjögren") == "Sjögren"
        assert convert("Sjögren".encode()) == "Sjögren"
        for value in (None, 7, ["word"]):
            with pytest.raises(TypeError):
                convert(value)
    assert tokenization.printable_text(b"caf\xe9s") == "cafs"
    with pytest.raises(ValueError):
        tokenization.convert_to_unicode(b"caf\xe9s")


def test_white_space_splits():
    assert tokenization.whitespace_tokenize(" a\tb \n\xa0c ") == ["a", "b", "c"]
    assert tokenization.whitespace_tokenize(" \n") == []


def test_unknown_piece_and_longest_word_can_be_chosen():
    tokenizer = WordpieceTokenizer({"a": 0, "##a": 1}, "?", 3)
    assert tokenizer.tokenize("aaa aaaa ab") == ["a", "##a", "##a", "?", "?"]
    assert (tokenizer.unk_token, tokenizer.max_input_chars_per_word) == ("?", 3)


def test_characters_are_classified_by_the_rules():
    for char in CHARACTERS:
        category = unicodedata.category(char)
        is_space = char in " \t\n\r" or category == "Zs"
        is_control = char not in "\t\n\r" and category.startswith("C")
        in_ascii = char in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
        is_punctuation = in_ascii or category.startswith("P")
        assert tokenization._is_whitespace(char) == is_space, ascii(char)
        assert tokenization._is_control(char) == is_control, ascii(char)
        assert tokenization._is_punctuation(char) == is_punctuation, ascii(char)
