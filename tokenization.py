"""BERT's tokenizer: text → words and punctuation → WordPiece pieces → ids.

The basic step cleans the text and splits it at white space and punctuation; the
WordPiece step (Wu et al. 2016, section 4.1) cuts each of these tokens into pieces of
the vocabulary. Both give exactly what the encoder was pretrained with (Devlin et al.
2019).

    FullTokenizer("vocab.txt", do_lower_case=True).tokenize("Naïve T-cells!")
    ["naive", "t", "-", "cells", "!"]

This module needs Python's standard library only. Errors that a user can cause are
ValueErrors of one line, "PATH:LINE: PROBLEM; REMEDY".
"""

import re
import unicodedata
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

# Pieces that every BERT has, whatever text it was made from.
PAD, UNK, CLS, SEP = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
REQUIRED_PIECES = (PAD, UNK, CLS, SEP)

# The words that FullTokenizer remembers: corpora repeat theirs, memory is bounded.
MEMO_WORDS = 1 << 16
MEMO_WORD_LENGTH = 200

# Google's folders: "uncased_L-12_H-768_A-12", "wwm_cased_…", "multi_cased_…", and the
# older "multilingual_…" and "chinese_…", which were made from lower-cased text.
_GOOGLE_MODEL = re.compile(
    r"(?:wwm_|multi_)?(cased|uncased|multilingual|chinese)_L-\d+_H-\d+_A-\d+"
)

# str, or bytes in UTF-8.
Text = Union[str, bytes]
# A character and the start and end of what it was made of in the text.
_Char = Tuple[str, int, int]


def validate_case_matches_checkpoint(
    do_lower_case: bool, init_checkpoint: Optional[str]
) -> None:
    """Raise ValueError if the checkpoint's path names a model of the other case.

    Args:
      do_lower_case: whether text is going to be lower-cased.
      init_checkpoint: path of a checkpoint. Only a folder or file that bears the name
        of one of Google's published models says which case it needs.
    """
    for name in reversed(re.split(r"[/\\]", init_checkpoint or "")):
        model = _GOOGLE_MODEL.fullmatch(name)
        if model:
            needed = model.group(1) != "cased"
            if needed != bool(do_lower_case):
                kind = "lower-cased" if needed else "cased"
                raise ValueError(
                    f"{init_checkpoint}: {name} is a model of {kind} text; "
                    f"use --do_lower_case={str(needed).lower()} with it"
                )
            return


# Characters

# What separates words: tab, line ends, and the categories Zs, Zl and Zp.
_WORD = re.compile("[^\t\n\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")

# The blocks that BERT takes for ideographs.
_IDEOGRAPH = re.compile(
    "[\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\U00020000-\U0002a6df"
    "\U0002a700-\U0002b73f\U0002b740-\U0002b81f\U0002b820-\U0002ceaf"
    "\U0002f800-\U0002fa1f]"
)

# Punctuation for BERT though not for Unicode.
_ASCII_SYMBOLS = "$+<=>^`|~"


class _Kinds(dict):
    """{code point: what the basic tokenizer makes of the character}.

    " " separates words, "x" is dropped, "p" (punctuation) and "c" (CJK ideographs) are
    words of their own, "w" is part of a word. A character is classified when it is
    looked up for the first time.
    """

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        kind = "w"
        if not _WORD.match(char):
            kind = " "
        elif category.startswith("C") or char == "\ufffd":
            kind = "x"
        elif category.startswith("P") or char in _ASCII_SYMBOLS:
            kind = "p"
        elif _IDEOGRAPH.match(char):
            kind = "c"
        self[code] = kind
        return kind


_KINDS = _Kinds()

# In text translated by _KINDS, a word: dropped characters may only lie inside of it.
_SPAN = re.compile("[pc]|w+(?:x+w+)*")

# The same rules for ASCII, where one search is faster than a look-up a character.
_ASCII_DROPPED = {code: None for code in range(128) if _KINDS[code] == "x"}
_ASCII_PUNCTUATION = "".join(chr(code) for code in range(128) if _KINDS[code] == "p")
_ASCII_TOKEN = re.compile(f"[A-Za-z0-9]+|[{re.escape(_ASCII_PUNCTUATION)}]")


def convert_to_unicode(text: Text) -> str:
    """Return str as it is, bytes decoded from UTF-8.

    Raises:
      ValueError: the bytes are not UTF-8.
      TypeError: neither str nor bytes.
    """
    if isinstance(text, str):
        return text
    if isinstance(text, bytes):
        return text.decode("utf-8")
    raise TypeError(f"text must be str or bytes in UTF-8, not {type(text).__name__}")


# Vocabulary


def read_pieces(vocab_file: str) -> List[str]:
    """Read the pieces of a vocabulary in the order of their ids.

    A vocabulary has a piece a line, and ids are line numbers from 0. White space around
    a piece is no part of it; a byte-order mark and empty lines at the end of the file
    are no pieces.

    Raises:
      ValueError: the file cannot be read, is empty or not UTF-8.
    """
    try:
        with open(vocab_file, "rb") as stream:
            lines = stream.read().split(b"\n")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ValueError(f"{vocab_file}: cannot be read ({reason})") from error
    while lines and lines[-1] in (b"", b"\r"):
        lines.pop()
    if not lines:
        raise ValueError(f"{vocab_file}: empty; a vocabulary has a piece a line")
    if lines[0].startswith(b"\xef\xbb\xbf"):
        lines[0] = lines[0][3:]
    pieces = []
    for number, line in enumerate(lines, 1):
        try:
            pieces.append(line.decode("utf-8").strip())
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{vocab_file}:{number}: byte {error.start + 1} of the line is not "
                "UTF-8 text; is this a vocab.txt?"
            ) from error
    return pieces


def check_required_pieces(vocab: Mapping[str, int], vocab_file: str) -> None:
    """Raise ValueError if a vocabulary lacks one of REQUIRED_PIECES.

    Args:
      vocab: the vocabulary.
      vocab_file: its path, for the message.
    """
    missing = [piece for piece in REQUIRED_PIECES if piece not in vocab]
    if missing:
        raise ValueError(
            f"{vocab_file}: without the piece {', '.join(missing)}; "
            "is this the vocab.txt of a BERT?"
        )


# The basic step


class BasicTokenizer:
    """Cleans text and splits it at white space, punctuation and CJK ideographs.

    Control characters, U+FFFD and unassigned code points are dropped. Lower-casing
    takes the accents with it: "Ångström" becomes "angstrom".
    """

    def __init__(self, do_lower_case: bool = True) -> None:
        self.do_lower_case = do_lower_case

    def tokenize(self, text: Text) -> List[str]:
        """Split a text into tokens."""
        text = convert_to_unicode(text)
        if text.isascii():
            text = text.translate(_ASCII_DROPPED)
            return _ASCII_TOKEN.findall(text.lower() if self.do_lower_case else text)
        return [token for token, _, _ in self.tokenize_with_offsets(text)]

    def tokenize_with_offsets(
        self, text: Text
    ) -> List[Tuple[str, Sequence[int], Sequence[int]]]:
        """Split a text into tokens and say where their characters come from.

        Returns:
          list of (token, starts, ends): token[i] was made of text[starts[i]:ends[i]].
          "Né", its é written as e and a combining accent, becomes ("ne", (0, 1),
          (1, 3)) when lower-cased.
        """
        tokens = []
        for match in _WORD.finditer(convert_to_unicode(text)):
            word, start = match.group(), match.start()
            if word.isascii() and word.isprintable():
                cased = word.lower() if self.do_lower_case else word
                for token in _ASCII_TOKEN.finditer(cased):
                    begin, end = start + token.start(), start + token.end()
                    starts, ends = range(begin, end), range(begin + 1, end + 1)
                    tokens.append((token.group(), starts, ends))
            else:
                for run in self._split_word(word, start):
                    chars, starts, ends = zip(*run)
                    tokens.append(("".join(chars), starts, ends))
        return tokens

    def _split_word(self, word: str, start: int) -> Iterable[List[_Char]]:
        """Yield the tokens of a word that begins at `start` of the text."""
        for run in _split_at("c", _clean(word, start)):
            folded = _fold(run) if self.do_lower_case else run
            yield from _split_at("p", folded)


def word_spans(text: str) -> List[Tuple[int, int]]:
    """Find the words of a text as the model sees them: (start, end) of each.

    They are the tokens of BasicTokenizer(do_lower_case=False), one for one, so a
    character that it drops is part of a word only if it lies inside of one.

    "(BRCA1)" → [(0, 1), (1, 6), (6, 7)]
    """
    # The translation has one character for each of the text, so offsets stay.
    return [match.span() for match in _SPAN.finditer(text.translate(_KINDS))]


def _clean(word: str, start: int) -> List[_Char]:
    """Return a word's characters but those that the tokenizer drops."""
    return [
        (char, index, index + 1)
        for index, char in enumerate(word, start)
        if _KINDS[ord(char)] != "x"
    ]


def _fold(chars: Sequence[_Char]) -> List[_Char]:
    """Lower-case and decompose (NFD) characters; drop combining marks (category Mn).

    Both steps look at more than one character: Σ becomes ς at the end of a word and σ
    elsewhere, and NFD sorts a run of combining characters by their combining class.
    """
    lowered = "".join(char for char, _, _ in chars).lower()
    parts, spans, taken, starters = [], [], 0, 0
    for char, start, end in chars:
        length = len(char.lower())  # İ becomes two characters
        decomposed = unicodedata.normalize("NFD", lowered[taken : taken + length])
        taken += length
        if spans and all(map(_is_mark, decomposed)):
            spans[-1] = (spans[-1][0], end)  # belongs to the character before it
        else:
            spans.append((start, end))
        for part in decomposed:
            order = unicodedata.combining(part)
            starters += not order
            parts.append((starters, order, part, len(spans) - 1))
    parts.sort(key=lambda part: part[:2])
    return [(part, *spans[index]) for _, _, part, index in parts if not _is_mark(part)]


def _split_at(kind: str, chars: Iterable[_Char]) -> List[List[_Char]]:
    """Split characters into runs; one of the given kind makes a run of its own."""
    runs, joined = [], False
    for item in chars:
        alone = _KINDS[ord(item[0])] == kind
        if joined and not alone:
            runs[-1].append(item)
        else:
            runs.append([item])
        joined = not alone
    return runs


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) == "Mn"


# The WordPiece step


class WordpieceTokenizer:
    """Cuts tokens into pieces of a vocabulary, the longest that fits first.

    Pieces that continue a token begin with "##": "unaffable" becomes "un", "##aff",
    "##able".

    Args:
      vocab: the pieces, as keys of a dict.
      unk_token: stands for a token that cannot be cut into pieces of the vocabulary,
        or that is longer than max_input_chars_per_word characters.
    """

    def __init__(
        self,
        vocab: Mapping[str, Any],
        unk_token: str = UNK,
        max_input_chars_per_word: int = 200,
    ) -> None:
        self.vocab = vocab
        self.unk_token = unk_token
        self.max_input_chars_per_word = max_input_chars_per_word
        self._inner = {piece[2:]: piece for piece in vocab if piece.startswith("##")}
        # No window longer than the longest piece has to be looked up.
        self._longest = max(map(len, vocab), default=0)

    def tokenize(self, text: Text) -> List[str]:
        """Cut a text, whose tokens have white space between them, into pieces."""
        pieces = []
        for token in convert_to_unicode(text).split():
            pieces.extend(self.split_token(token) or [self.unk_token])
        return pieces

    def split_token(self, token: str) -> List[str]:
        """Cut a token into its pieces; an empty list if it has none."""
        if len(token) > self.max_input_chars_per_word:
            return []
        if token in self.vocab:
            return [token]
        pieces, start, known = [], 0, self.vocab
        while start < len(token):
            for end in range(min(len(token), start + self._longest), start, -1):
                window = token[start:end]
                if window in known:
                    break
            else:
                return []
            pieces.append("##" + window if start else window)
            start, known = end, self._inner
        return pieces


# Both steps


class FullTokenizer:
    """Cuts text into pieces and numbers them; remembers the words that it has seen.

    Args:
      vocab_file: path of a vocabulary; read_pieces says how it is read and what is
        raised.
      do_lower_case: whether the model was made from lower-cased text.

    Attributes:
      vocab: {piece: id}. Of equal lines the last one counts, as it does for the
        published checkpoints.
      inv_vocab: {id: piece}.
      vocab_size: the number of ids, which a model's vocab_size has to equal.
    """

    def __init__(self, vocab_file: str, do_lower_case: bool = True) -> None:
        self.inv_vocab = dict(enumerate(read_pieces(vocab_file)))
        self.vocab = {piece: number for number, piece in self.inv_vocab.items()}
        self.basic_tokenizer = BasicTokenizer(do_lower_case)
        self.wordpiece_tokenizer = WordpieceTokenizer(self.vocab)
        # word: (its pieces, their ids or None if the vocabulary has no [UNK])
        self._memo = {}

    @property
    def vocab_size(self) -> int:
        """Number of pieces, which is the encoder's vocab_size."""
        return len(self.inv_vocab)

    def tokenize(self, text: Text) -> List[str]:
        """Cut a text into pieces."""
        pieces = []
        for word in _WORD.findall(convert_to_unicode(text)):
            pieces.extend(self.tokenize_word(word))
        return pieces

    def tokenize_word(self, word: Text) -> Tuple[str, ...]:
        """Cut a text into pieces as tokenize does; a known word is looked up."""
        try:
            return self._memo[word][0]
        except KeyError:
            return self._learn(word)[0]

    def word_ids(self, word: Text) -> Tuple[int, ...]:
        """Return the ids of a text's pieces; a known word is looked up.

        Raises:
          KeyError: a word is unknown and the vocabulary has no [UNK].
        """
        try:
            pieces, ids = self._memo[word]
        except KeyError:
            pieces, ids = self._learn(word)
        return tuple(self.convert_tokens_to_ids(pieces)) if ids is None else ids

    def _learn(self, word: Text) -> Tuple[Tuple[str, ...], Optional[Tuple[int, ...]]]:
        pieces = []
        for token in self.basic_tokenizer.tokenize(word):
            pieces.extend(self.wordpiece_tokenizer.split_token(token) or [UNK])
        ids = None
        if UNK in self.vocab or UNK not in pieces:
            ids = tuple(self.convert_tokens_to_ids(pieces))
        entry = tuple(pieces), ids
        if len(word) <= MEMO_WORD_LENGTH:
            if len(self._memo) >= MEMO_WORDS:
                self._memo.clear()
            self._memo[word] = entry
        return entry

    def tokenize_with_offsets(self, text: Text) -> List[Tuple[str, int, int]]:
        """Cut a text into pieces and say where they come from.

        Returns:
          list of (piece, start, end), in characters of the text as given. A piece
          covers what was made into it, whatever lower-casing and dropping did:
          combining marks belong to the character before them, dropped characters only
          where they lie inside. [UNK] covers its whole token.
        """
        spans = []
        for token, starts, ends in self.basic_tokenizer.tokenize_with_offsets(text):
            pieces = self.wordpiece_tokenizer.split_token(token)
            if not pieces:
                spans.append((UNK, min(starts), max(ends)))
            begin = 0
            for piece in pieces:
                end = begin + len(piece) - (2 if begin else 0)
                spans.append((piece, min(starts[begin:end]), max(ends[begin:end])))
                begin = end
        return spans

    def convert_tokens_to_ids(self, tokens: Iterable[str]) -> List[int]:
        """Return the ids of pieces; KeyError for one not in the vocabulary."""
        return [self.vocab[token] for token in tokens]

    def convert_ids_to_tokens(self, ids: Iterable[int]) -> List[str]:
        """Return the pieces of ids; KeyError for one out of range."""
        return [self.inv_vocab[number] for number in ids]


# For other scripts: the rest of the public names of BERT's tokenization.py, which the
# suite itself has no use for (docs/core.md)


def load_vocab(vocab_file: str) -> Dict[str, int]:
    """Read a vocabulary: {piece: id}, in the order of the file.

    read_pieces says how the file is read and what is raised.
    """
    return {piece: number for number, piece in enumerate(read_pieces(vocab_file))}


def printable_text(text: Text) -> str:
    """Return a text as print takes it; bytes that are not UTF-8 are left out."""
    if isinstance(text, bytes):
        return text.decode("utf-8", "ignore")
    return convert_to_unicode(text)


def convert_by_vocab(vocab: Mapping[Any, Any], items: Iterable[Any]) -> List[Any]:
    """Look up pieces or ids; KeyError for one that is not in the vocabulary."""
    return [vocab[item] for item in items]


def convert_tokens_to_ids(vocab: Mapping[str, int], tokens: Iterable[str]) -> List[int]:
    """Look up the ids of pieces; KeyError for one not in the vocabulary."""
    return convert_by_vocab(vocab, tokens)


def convert_ids_to_tokens(
    inv_vocab: Mapping[int, str], ids: Iterable[int]
) -> List[str]:
    """Look up the pieces of ids; KeyError for one not in the vocabulary."""
    return convert_by_vocab(inv_vocab, ids)


def whitespace_tokenize(text: str) -> List[str]:
    """Split a text at white space; no token is empty."""
    return text.split()


def _is_whitespace(char: str) -> bool:
    # The line and paragraph separators separate words, but are not called white space.
    return _KINDS[ord(char)] == " " and char not in "\u2028\u2029"


def _is_control(char: str) -> bool:
    return _KINDS[ord(char)] == "x" and char != "\ufffd"


def _is_punctuation(char: str) -> bool:
    return _KINDS[ord(char)] == "p"
