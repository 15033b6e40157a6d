"""tokenization.py against the original's tokens and a slow reading of its rules."""

import json
import os
import pathlib
import pickle
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import tokenization
from tokenization import BasicTokenizer, FullTokenizer, WordpieceTokenizer

DATA = str(pathlib.Path(__file__).parent.parent / "data")
CASED = os.path.join(DATA, "init", "vocab.txt")
UNCASED = os.path.join(DATA, "tokenization", "vocab_uncased.txt")
# All that Unicode assigns, and of the rest, all of it dropped, a part.
CHARACTERS = [chr(code) for code in [*range(0x33480), *range(0xE0000, 0xE0200)]]

# What random text seldom has: characters that vanish, that split, whose lower case
# depends on their neighbours or is longer, that decompose, and marks that NFD sorts.
PECULIAR = (
    "aZ9# \t\n\r\x00\x0b\x1c\x7f\x85\xa0\xad\u2028\u2029\u3000\u200b\ufeff\ufffd\ud800"
    "-.,'[]_$«—。中文\uf900\U0002f800한αΣσςİıßŠǅÅéñﬁϓ\u212a\u1e9e\u0130"
    "\u0301\u0327\u0323\u0345\u034f\u0488\u0903\u302e\u1b44\U0001d165\U0001d16d\U0001d15f"
    "\U0001f9ec\U000e0001\U0001133b"
)
# Each property is tried on so many texts.
many = settings(max_examples=500, deadline=None)

any_text = st.text(st.one_of(st.characters(), st.sampled_from(PECULIAR)))
peculiar_text = st.text(st.sampled_from(PECULIAR))
words = st.text(st.sampled_from("abcinst#é"), max_size=20)
either = st.booleans()


# The rules read literally, one step after the other, as slow as that is


def slow_basic_tokens(text, do_lower_case):
    cleaned = ""
    for char in text:
        code = ord(char)
        category = unicodedata.category(char)
        if char in "\t\n\r" or category == "Zs":
            cleaned += " "
        elif category[0] == "C" or code == 0xFFFD:
            continue
        elif (
            0x4E00 <= code <= 0x9FFF
            or 0x3400 <= code <= 0x4DBF
            or 0xF900 <= code <= 0xFAFF
            or 0x20000 <= code <= 0x2A6DF
            or 0x2A700 <= code <= 0x2B73F
            or 0x2B740 <= code <= 0x2B81F
            or 0x2B820 <= code <= 0x2CEAF
            or 0x2F800 <= code <= 0x2FA1F
        ):
            cleaned += f" {char} "
        else:
            cleaned += char
    spaced = []
    for word in cleaned.split():
        if do_lower_case:
            word = unicodedata.normalize("NFD", word.lower())
            word = "".join(c for c in word if unicodedata.category(c) != "Mn")
        for char in word:
            spaced.append(f" {char} " if is_slow_punctuation(char) else char)
        spaced.append(" ")
    return "".join(spaced).split()


def is_slow_punctuation(char):
    in_ascii = char in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    return in_ascii or unicodedata.category(char)[0] == "P"


def slow_wordpiece(token, vocab, longest=200):
    if len(token) > longest:
        return ["[UNK]"]
    pieces = []
    while token:
        prefix = "##" if pieces else ""
        fitting = [n for n in range(len(token), 0, -1) if prefix + token[:n] in vocab]
        if not fitting:
            return ["[UNK]"]
        pieces.append(prefix + token[: fitting[0]])
        token = token[fitting[0] :]
    return pieces


def slow_pieces(text, tokenizer, do_lower_case):
    return [
        piece
        for token in slow_basic_tokens(text, do_lower_case)
        for piece in slow_wordpiece(token, tokenizer.vocab)
    ]


@pytest.fixture(scope="module")
def tokenizers():
    """{do_lower_case: a tokenizer}; they go on learning words from test to test."""
    return {
        False: FullTokenizer(CASED, do_lower_case=False),
        True: FullTokenizer(UNCASED, do_lower_case=True),
    }


# The original's tokens


@pytest.mark.parametrize(
    "golden, vocab_file, do_lower_case",
    [
        ("cased.jsonl", CASED, False),
        ("cased_vocab_lowercased.jsonl", CASED, True),
        ("uncased.jsonl", UNCASED, True),
    ],
)
def test_tokens_and_ids_are_the_originals(golden, vocab_file, do_lower_case):
    tokenizer = FullTokenizer(vocab_file, do_lower_case)
    with open(os.path.join(DATA, "tokenization", golden), encoding="utf-8") as lines:
        cases = [json.loads(line) for line in lines]
    assert len(cases) > 200
    for case in cases:
        text = case["text"]
        pieces = tokenizer.tokenize(text)
        assert tokenizer.basic_tokenizer.tokenize(text) == case["basic_tokens"], text
        assert pieces == case["tokens"], text
        assert tokenizer.convert_tokens_to_ids(pieces) == case["ids"], text
        assert tokenizer.convert_ids_to_tokens(case["ids"]) == case["tokens"], text
        spans = tokenizer.tokenize_with_offsets(text)
        assert [piece for piece, _, _ in spans] == case["tokens"], text


# The basic step


@many
@given(st.one_of(any_text, peculiar_text), either)
@example("ΑΣ ΑΣ. Σ.Α", True)
@example("q\U0001d16d\u0307\U0001d165\u0327", True)
@example("a\x0bb\x1cc\x85d\u2028e", False)
def test_basic_tokens_follow_the_rules(text, do_lower_case):
    tokens = BasicTokenizer(do_lower_case).tokenize(text)
    assert tokens == slow_basic_tokens(text, do_lower_case)


@pytest.mark.parametrize("do_lower_case", [False, True])
def test_every_character_is_treated_by_the_rules(do_lower_case):
    tokenizer = BasicTokenizer(do_lower_case)
    for start in range(0, len(CHARACTERS), 64):
        text = "".join(f"x{char}y " for char in CHARACTERS[start : start + 64])
        assert tokenizer.tokenize(text) == slow_basic_tokens(text, do_lower_case)


def test_lower_case_of_a_character_is_as_long_alone_as_in_a_word():
    # _fold finds the origin of characters by this.
    for char in CHARACTERS:
        for word in (char + "b", "b" + char, "b" + char + "b"):
            assert len(word.lower()) == len(char.lower()) + len(word) - 1


@many
@given(any_text)
@example("\U0001d16d\u034f\u302e")
def test_lower_casing_lower_cased_tokens_changes_nothing(text):
    tokenizer = BasicTokenizer(do_lower_case=True)
    tokens = tokenizer.tokenize(text)
    # A dropped mark may have kept apart two characters that NFD exchanges.
    expected = [unicodedata.normalize("NFD", token) for token in tokens]
    assert tokenizer.tokenize(" ".join(tokens)) == expected


@many
@given(any_text, either)
def test_tokens_have_no_space_and_punctuation_stands_alone(text, do_lower_case):
    for token in BasicTokenizer(do_lower_case).tokenize(text):
        assert token.split() == [token]
        assert len(token) == 1 or not any(map(is_slow_punctuation, token))


# The WordPiece step


@many
@given(st.lists(words, max_size=30), words, st.integers(1, 12))
@example(["un", "##aff", "##able"], "unaffable", 200)
@example(["ab", "##cd", "abc", "##d"], "abcd", 200)  # the longest first
@example(["abc", "a", "##b", "##bc"], "abcc", 200)  # and no way back
@example(["##", "a", "##a", "###"], "aa#", 200)
def test_wordpiece_takes_the_longest_piece_first(pieces, token, longest):
    vocab = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = WordpieceTokenizer(vocab, max_input_chars_per_word=longest)
    expected = slow_wordpiece(token, vocab, longest) if token else []
    assert tokenizer.tokenize(token) == expected


def test_wordpiece_takes_text_split_by_white_space():
    tokenizer = WordpieceTokenizer({"a": 0, "##b": 1, "?": 2}, unk_token="?")
    assert tokenizer.tokenize(" ab  ba\nab ") == ["a", "##b", "?", "a", "##b"]


@pytest.mark.parametrize("length, known", [(199, True), (200, True), (201, False)])
def test_words_of_more_than_200_characters_are_unknown(tokenizers, length, known):
    pieces = tokenizers[False].tokenize("a" * length)
    assert (pieces == ["[UNK]"]) == (not known)


# Both steps


@many
@given(text=any_text, do_lower_case=either)
def test_pieces_follow_the_rules(tokenizers, text, do_lower_case):
    tokenizer = tokenizers[do_lower_case]
    assert tokenizer.tokenize(text) == slow_pieces(text, tokenizer, do_lower_case)


@many
@given(text=any_text, do_lower_case=either)
def test_pieces_joined_are_the_basic_tokens(tokenizers, text, do_lower_case):
    tokenizer = tokenizers[do_lower_case]
    for token in tokenizer.basic_tokenizer.tokenize(text):
        pieces = tokenizer.tokenize_word(token)
        if pieces != ("[UNK]",):
            assert all(piece.startswith("##") for piece in pieces[1:])
            assert pieces[0] + "".join(piece[2:] for piece in pieces[1:]) == token


@many
@given(text=any_text, do_lower_case=either)
def test_remembered_words_are_as_new_ones(tokenizers, text, do_lower_case):
    tokenizer = tokenizers[do_lower_case]
    expected = tuple(slow_pieces(text, tokenizer, do_lower_case))
    for _ in range(2):  # learned, then looked up
        ids = tokenizer.word_ids(text)
        assert tokenizer.tokenize_word(text) == expected
        assert tokenizer.convert_ids_to_tokens(ids) == list(expected)


def test_memory_for_words_is_bounded(monkeypatch):
    monkeypatch.setattr(tokenization, "MEMO_WORDS", 10)
    tokenizer = FullTokenizer(UNCASED)
    kept = []
    for number in range(100):
        assert tokenizer.tokenize_word(f"{number}") == tuple(
            slow_wordpiece(f"{number}", tokenizer.vocab)
        )
        kept.append(len(tokenizer._memo))
    assert max(kept) == 10
    tokenizer.tokenize("a" * 1000000)  # and it does not keep a file without spaces
    assert max(map(len, tokenizer._memo)) < 1000


def test_tokenizer_can_be_sent_to_another_process():
    tokenizer = FullTokenizer(UNCASED)
    tokenizer.tokenize("known words")
    copy = pickle.loads(pickle.dumps(tokenizer))
    assert copy.tokenize("known Naïve words") == ["known", "naive", "words"]


def test_bytes_are_read_as_utf_8(tokenizers):
    text = "Sjögren's Σ"
    for tokenizer in tokenizers.values():
        raw = text.encode("utf-8")
        assert tokenizer.tokenize(raw) == tokenizer.tokenize(text)
        assert tokenizer.word_ids(raw) == tokenizer.word_ids(text)
        offsets = tokenizer.tokenize_with_offsets(raw)
        assert offsets == tokenizer.tokenize_with_offsets(text)


@pytest.mark.parametrize("method", ["tokenize", "word_ids", "tokenize_with_offsets"])
def test_what_is_no_text_is_refused(tokenizers, method):
    with pytest.raises(ValueError):
        getattr(tokenizers[True], method)(b"caf\xe9")
    for value in (None, 7, ["word"]):
        with pytest.raises(TypeError):
            getattr(tokenizers[True], method)(value)


# Places in the text


@many
@given(text=any_text, do_lower_case=either)
@example("\u0301caf\u0301e\u0301x", True)
@example("q\u0323\u0307\U0001d165\u0327", True)
def test_offsets_belong_to_the_pieces_of_tokenize(tokenizers, text, do_lower_case):
    tokenizer = tokenizers[do_lower_case]
    spans = tokenizer.tokenize_with_offsets(text)
    assert [piece for piece, _, _ in spans] == tokenizer.tokenize(text)
    assert all(0 <= start < end <= len(text) for _, start, end in spans)


@many
@given(text=st.one_of(any_text, peculiar_text))
def test_without_lower_casing_a_piece_stands_in_its_span(tokenizers, text):
    spans = tokenizers[False].tokenize_with_offsets(text)
    for piece, start, end in spans:
        covered = "".join(BasicTokenizer(False).tokenize(text[start:end]))
        assert piece in ("[UNK]", covered, "##" + covered)
    indices = [index for _, start, end in spans for index in range(start, end)]
    assert indices == sorted(set(indices))


@many
@given(text=st.one_of(any_text, peculiar_text), do_lower_case=either)
@example(":\u302e\u0316", True)
def test_spans_of_a_token_hold_what_it_was_made_of(text, do_lower_case):
    """The text of a token's span alone gives the token again."""
    tokenizer = BasicTokenizer(do_lower_case)
    covered = set()
    for token, starts, ends in tokenizer.tokenize_with_offsets(text):
        assert len(token) == len(starts) == len(ends)
        again = tokenizer.tokenize(text[min(starts) : max(ends)])
        assert "".join(again).replace("ς", "σ") == token.replace("ς", "σ")
        covered.update(range(min(starts), max(ends)))
    for index in set(range(len(text))) - covered:  # nothing else makes a token
        assert tokenizer.tokenize(text[index]) == []


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", []),
        ("Naïve T-cells!", ["Naïve", "T", "-", "cells", "!"]),
        ("nai\u0308ve cells", ["nai\u0308ve", "cells"]),  # ï as two characters
        ("gene\u0301, x", ["gene\u0301", ",", "x"]),  # a mark at the end
        ("a\u0307\u0323 x", ["a\u0307\u0323", "x"]),  # marks that NFD exchanges
        ("\u200bcell\u200b \xadcell", ["cell", "cell"]),  # dropped around
        ("ce\u200bll", ["ce\u200bll"]),  # and inside
        ("İ is", ["İ", "is"]),  # whose lower case is two characters
        ("中文cell", ["中", "文", "cell"]),
        ("a\x0bb cd", ["a\x0bb", "cd"]),
        ("\ufeff\x00", []),
    ],
)
def test_spans_of_words(text, expected):
    tokenizer = BasicTokenizer(do_lower_case=True)
    spans = [
        text[min(starts) : max(ends)]
        for _, starts, ends in tokenizer.tokenize_with_offsets(text)
    ]
    assert spans == expected


def test_spans_of_pieces(tmp_path):
    path = tmp_path / "vocab.txt"
    pieces = "[PAD]\n[UNK]\n[CLS]\n[SEP]\nnai\n##ve\n\u1112\n##\u1161\u11ab\n-\n"
    pieces += "\U0001d165\U0001d16d\n"
    path.write_bytes(pieces.encode("utf-8"))
    tokenizer = FullTokenizer(str(path), do_lower_case=True)
    text = " NAÏVE-nai\u0308\u200bve  unknöwn\u0301 한 \U0001d16d\U0001d165"
    assert tokenizer.tokenize_with_offsets(text) == [
        ("nai", 1, 4),
        ("##ve", 4, 6),
        ("-", 6, 7),
        ("nai", 7, 11),
        ("##ve", 12, 14),
        ("[UNK]", 16, 24),
        ("\u1112", 25, 26),  # one syllable makes three characters, here two pieces
        ("##\u1161\u11ab", 25, 26),
        ("\U0001d165\U0001d16d", 27, 29),  # which NFD exchanges
    ]
