"""BERT's tokenizer: text → words and punctuation → WordPiece pieces → ids.

The basic step cleans the text and splits it at white space and punctuation; the
WordPiece step (Wu et al. 2016, section 4.1) cuts each of these tokens into pieces of
the vocabulary. Both give exactly what the encoder was pretrained with (Devlin et al.
2019).

    FullTokenizer("vocab.txt", do_lower_case=True).tokenize("Naïve T-cells!")
    ["naive", "t", "-", "cells", "!"]

Errors that a user can cause are ValueErrors of one line, "PATH:LINE: PROBLEM; REMEDY".
"""

import functools
import re
import unicodedata

UNKNOWN = "[UNK]"
REQUIRED_PIECES = ("[PAD]", UNKNOWN, "[CLS]", "[SEP]")

# The words that FullTokenizer remembers: corpora repeat theirs, memory is bounded.
MEMO_WORDS = 1 << 16
MEMO_WORD_LENGTH = 200

# What separates words: tab, line ends, and the categories Zs, Zl and Zp.
_WORD = re.compile("[^\t\n\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")

_ASCII_CONTROLS = dict.fromkeys(
    code for code in [*range(32), 127] if chr(code) not in "\t\n\r"
)
_ASCII_TOKEN = re.compile(r"[A-Za-z0-9]+|[!-/:-@\[-`{-~]")

_CJK_IDEOGRAPHS = re.compile(
    "[\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\U00020000-\U0002a6df"
    "\U0002a700-\U0002b73f\U0002b740-\U0002b81f\U0002b820-\U0002ceaf"
    "\U0002f800-\U0002fa1f]"
)

# Google's folders: "uncased_L-12_H-768_A-12", "wwm_cased_…", "multi_cased_…", and the
# older "multilingual_…" and "chinese_…", which were made from lower-cased text.
_GOOGLE_MODEL = re.compile(
    r"(?:wwm_|multi_)?(cased|uncased|multilingual|chinese)_L-\d+_H-\d+_A-\d+"
)


def validate_case_matches_checkpoint(do_lower_case, init_checkpoint):
    """Raises ValueError if the checkpoint's path names a model of the other case.

    Args:
      do_lower_case: whether text is going to be lower-cased.
      init_checkpoint: path of a checkpoint, or None. Only a folder or file that has
        the name of one of Google's published models tells anything.
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


# Vocabulary


def load_vocab(vocab_file):
    """{piece: id} of a vocabulary: a piece a line, ids are line numbers from 0.

    White space around a piece is no part of it. Of equal lines the last one counts,
    as it does for the published checkpoints.

    Raises:
      ValueError: the file cannot be read, is empty or not UTF-8, or lacks one of
        [PAD], [UNK], [CLS] and [SEP].
    """
    return _number(read_pieces(vocab_file), vocab_file)


def _number(pieces, vocab_file):
    """Pieces in order → {piece: id}, see load_vocab."""
    vocab = {piece: number for number, piece in enumerate(pieces)}
    missing = [piece for piece in REQUIRED_PIECES if piece not in vocab]
    if missing:
        raise ValueError(
            f"{vocab_file}: without the piece {', '.join(missing)}; "
            "is this the vocab.txt of a BERT?"
        )
    return vocab


def read_pieces(vocab_file):
    """The pieces of a vocabulary in the order of their ids, see load_vocab.

    A byte-order mark and empty lines at the end of the file are no pieces.

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


# The two steps


class BasicTokenizer:
    """Cleans text and splits it at white space, punctuation and CJK ideographs.

    Control characters, U+FFFD and unassigned code points are dropped. Lower-casing
    takes the accents with it: "Ångström" becomes "angstrom".
    """

    def __init__(self, do_lower_case=True):
        self.do_lower_case = do_lower_case

    def tokenize(self, text):
        """str, or bytes in UTF-8 → list of tokens."""
        text = convert_to_unicode(text)
        if text.isascii():
            text = text.translate(_ASCII_CONTROLS)
            return _ASCII_TOKEN.findall(text.lower() if self.do_lower_case else text)
        return [token for token, _, _ in self.tokenize_with_offsets(text)]

    def tokenize_with_offsets(self, text):
        """The tokens of tokenize(text) and where their characters come from.

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

    def _split_word(self, word, start):
        """Yields the tokens of a word, each a list of (character, start, end)."""
        for run in _split_at(_is_cjk, _clean(word, start)):
            folded = _fold(run) if self.do_lower_case else run
            yield from _split_at(_is_punctuation, folded)


class WordpieceTokenizer:
    """Cuts tokens into pieces of a vocabulary, the longest that fits first.

    Pieces that continue a token begin with "##": "unaffable" becomes "un", "##aff",
    "##able".

    Args:
      vocab: the pieces, as keys of a dict.
      unk_token: stands for a token that cannot be cut into pieces of the vocabulary,
        or that is longer than max_input_chars_per_word characters.
    """

    def __init__(self, vocab, unk_token=UNKNOWN, max_input_chars_per_word=200):
        self.unk_token = unk_token
        self.max_input_chars_per_word = max_input_chars_per_word
        self._first = vocab
        self._inner = {piece[2:]: piece for piece in vocab if piece.startswith("##")}
        # No window longer than the longest piece has to be looked up.
        self._longest = max(map(len, vocab), default=0)

    def tokenize(self, text):
        """Text already split by white space into tokens → list of pieces."""
        pieces = []
        for token in convert_to_unicode(text).split():
            pieces.extend(self.split_token(token) or [self.unk_token])
        return pieces

    def split_token(self, token):
        """One token → its pieces, or an empty list if it has none."""
        if len(token) > self.max_input_chars_per_word:
            return []
        if token in self._first:
            return [token]
        pieces, start, known = [], 0, self._first
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


class FullTokenizer:
    """Text → pieces and ids; remembers the words that it has seen.

    Args:
      vocab_file: path of a vocabulary, see load_vocab, which also says what is raised.
      do_lower_case: whether the model was made from lower-cased text.

    Attributes:
      vocab: {piece: id}.
      vocab_size: the number of ids, which a model's vocab_size has to equal.
    """

    def __init__(self, vocab_file, do_lower_case=True):
        self._pieces = read_pieces(vocab_file)
        self.vocab = _number(self._pieces, vocab_file)
        self.basic_tokenizer = BasicTokenizer(do_lower_case)
        self.wordpiece_tokenizer = WordpieceTokenizer(self.vocab)
        self._memo = {}  # word: (its pieces, their ids)

    @property
    def vocab_size(self):
        return len(self._pieces)

    def tokenize(self, text):
        """str, or bytes in UTF-8 → list of pieces."""
        pieces = []
        for word in _WORD.findall(convert_to_unicode(text)):
            pieces.extend(self.tokenize_word(word))
        return pieces

    def tokenize_word(self, word):
        """The pieces of tokenize(word) as a tuple; looked up if the word is known."""
        try:
            return self._memo[word][0]
        except KeyError:
            return self._learn(word)[0]

    def word_ids(self, word):
        """The ids of tokenize(word) as a tuple; looked up if the word is known."""
        try:
            return self._memo[word][1]
        except KeyError:
            return self._learn(word)[1]

    def _learn(self, word):
        pieces = []
        for token in self.basic_tokenizer.tokenize(word):
            pieces.extend(self.wordpiece_tokenizer.split_token(token) or [UNKNOWN])
        entry = tuple(pieces), tuple(self.vocab[piece] for piece in pieces)
        if len(word) <= MEMO_WORD_LENGTH:
            if len(self._memo) >= MEMO_WORDS:
                self._memo.clear()
            self._memo[word] = entry
        return entry

    def tokenize_with_offsets(self, text):
        """The pieces of tokenize(text) and the places in the text they stem from.

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
                spans.append((UNKNOWN, min(starts), max(ends)))
            begin = 0
            for piece in pieces:
                end = begin + len(piece) - (2 if begin else 0)
                spans.append((piece, min(starts[begin:end]), max(ends[begin:end])))
                begin = end
        return spans

    def convert_tokens_to_ids(self, tokens):
        """Pieces → list of their ids; ValueError for one not in the vocabulary."""
        try:
            return [self.vocab[token] for token in tokens]
        except KeyError as error:
            raise ValueError(f"{error} is no piece of the vocabulary") from error

    def convert_ids_to_tokens(self, ids):
        """Ids → list of their pieces; ValueError for one out of range."""
        for number in ids:
            if not 0 <= number < len(self._pieces):
                raise ValueError(
                    f"id {number} is outside of the vocabulary of {len(self._pieces):,}"
                )
        return [self._pieces[number] for number in ids]


# Characters, each kept as (character, start, end) with its place in the text


def convert_to_unicode(text):
    """str as it is, bytes decoded from UTF-8.

    Raises:
      ValueError: the bytes are not UTF-8.
      TypeError: neither str nor bytes.
    """
    if isinstance(text, str):
        return text
    if isinstance(text, bytes):
        return text.decode("utf-8")
    raise TypeError(f"text must be str or bytes in UTF-8, not {type(text).__name__}")


def _clean(word, start):
    """The characters of a word without those that the tokenizer drops."""
    return [
        (char, place, place + 1)
        for place, char in enumerate(word, start)
        if not _is_dropped(char)
    ]


def _fold(chars):
    """Lower case, decomposed (NFD), without combining marks (category Mn).

    Both steps look at more than one character: Σ becomes ς at the end of a word and σ
    elsewhere, and NFD sorts a run of combining characters by their combining class.
    """
    lowered = "".join(char for char, _, _ in chars).lower()
    parts, places, taken, starters = [], [], 0, 0
    for char, start, end in chars:
        length = len(char.lower())  # İ becomes two characters
        decomposed = unicodedata.normalize("NFD", lowered[taken : taken + length])
        taken += length
        if places and all(map(_is_mark, decomposed)):
            places[-1] = (places[-1][0], end)  # belongs to the character before it
        else:
            places.append((start, end))
        for part in decomposed:
            order = unicodedata.combining(part)
            starters += not order
            parts.append((starters, order, part, len(places) - 1))
    parts.sort(key=lambda part: part[:2])
    return [(part, *places[place]) for _, _, part, place in parts if not _is_mark(part)]


def _split_at(is_alone, chars):
    """Splits characters into runs; one for which is_alone(char) makes its own run."""
    runs, joined = [], False
    for item in chars:
        alone = is_alone(item[0])
        if joined and not alone:
            runs[-1].append(item)
        else:
            runs.append([item])
        joined = not alone
    return runs


@functools.lru_cache(maxsize=1 << 14)
def _is_dropped(char):
    return char == "\ufffd" or unicodedata.category(char).startswith("C")


@functools.lru_cache(maxsize=1 << 14)
def _is_cjk(char):
    return _CJK_IDEOGRAPHS.match(char) is not None


@functools.lru_cache(maxsize=1 << 14)
def _is_punctuation(char):
    if char < "\x80":
        return _ASCII_TOKEN.match(char) is not None and not char.isalnum()
    return unicodedata.category(char).startswith("P")


def _is_mark(char):
    return unicodedata.category(char) == "Mn"
