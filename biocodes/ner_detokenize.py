#!/usr/bin/env python
"""Labels of words, for conlleval, of run_ner.py's labels of word pieces."""

import argparse
import functools
import os
import sys
from typing import List, NamedTuple, Optional, Sequence, Tuple

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import tokenization
from biocodes.lib import command, conll, files
from biocodes.lib.word_labels import (
    NO_LINE,
    RESULT_FILE,
    WORD_FILE,
    word_labels,
    word_line,
    write_result,
)

DESCRIPTION = """\
Turn run_ner.py's labels of word pieces into labels of words, for conlleval.

  python biocodes/ner_detokenize.py --token_test_path=OUT/token_test.txt \\
    --label_test_path=OUT/label_test.txt --answer_path=NCBI-disease/test.tsv \\
    --output_dir=OUT

writes NER_result_conll.txt into --output_dir: a line "WORD GOLD PREDICTED" for each
word of the answer file, "WORD PREDICTED" if that has no labels, and an empty line after
each sentence.
"""
DETAILS = """\
Three files of run_ner.py go line by line together (here side by side):

  token_test.txt   label_test.txt   word_test.txt
  [CLS]            [CLS]            0
  At               B                1<TAB>Ataxia      line 1 of test.tsv
  ##ax             X                1<TAB>Ataxia
  ##ia             X                1<TAB>Ataxia
  [SEP]            [SEP]            0

A word gets the label of its first piece; a word without one (nothing of it was left,
or its sentence was cut at max_seq_length) gets O.

word_test.txt makes the alignment exact whatever the words are. Without it (the
original suite writes none) words are told apart by spelling them again, which is as
exact as long as the pieces are those of the original's tokenizer.
"""

MARKERS = (tokenization.CLS, tokenization.SEP)

NOT_TOGETHER = "give the files of one prediction, and the test.tsv that it was made for"


class Pieces(NamedTuple):
    """run_ner.py's files, line by line.

    tokens: the lines of token_test.txt.
    labels: the lines of label_test.txt.
    words: the lines of word_test.txt, None if there is no such file.
    paths: the paths of the three.
    """

    tokens: List[str]
    labels: List[str]
    words: Optional[List[str]]
    paths: List[Optional[str]]


# The lines (from 0) of each sentence's pieces, and for each sentence the index of each
# piece's word.
Alignment = Tuple[List[range], List[List[int]]]


# run_ner.py's files


def read_pieces(
    token_path: str, label_path: str, word_path: Optional[str] = None
) -> Pieces:
    """Read run_ner.py's files.

    Raises:
      InputError: a file is empty, has a line that is not one piece or label, or the
        files have different numbers of lines.
    """
    tokens = _read_column(token_path, "piece")
    labels = _read_column(label_path, "label")
    _check_in_step(labels, label_path, tokens, token_path)
    words = None
    if word_path is not None:
        words = [text for _, text in files.read_lines(word_path)]
        _check_in_step(words, word_path, tokens, token_path)
    return Pieces(tokens, labels, words, [token_path, label_path, word_path])


def _read_column(path, name):
    column = []
    for number, text in files.read_lines(path):
        if len(text.split()) != 1:
            problem = f"not one {name} a line"
            raise files.InputError(problem, path, number, f"use run_ner.py's {name}s")
        column.append(text.strip())
    if not column:
        raise files.InputError("it is empty", path, remedy="let run_ner.py predict")
    return column


def _check_in_step(column, path, tokens, token_path):
    if len(column) != len(tokens):
        raise files.InputError(
            f"lines: {len(column)}, but {len(tokens)} in {token_path}",
            path,
            remedy="give the files of one prediction",
        )


def sentence_ranges(is_marker: Sequence[bool], path: str) -> List[range]:
    """Find the sentences: [CLS] piece … [SEP] [CLS] piece … [SEP].

    Args:
      is_marker: for each line whether it is [CLS] or [SEP].
      path: the file of these lines, for messages.

    Returns:
      The lines (from 0) of each sentence's pieces.

    Raises:
      InputError: a piece is outside of a sentence, or the last one does not end.
    """
    ranges = []
    start = None
    for index, marker in enumerate(is_marker):
        if start is None:
            if not marker:
                problem = "a piece where the [CLS] of a sentence is needed"
                raise files.InputError(problem, path, index + 1, NOT_TOGETHER)
            start = index + 1
        elif marker:
            ranges.append(range(start, index))
            start = None
    if start is not None:
        problem = "the last sentence has no [SEP]"
        raise files.InputError(problem, path, len(is_marker), "is the file complete?")
    return ranges


# Alignment by word_test.txt: each piece names its word


def align_by_lines(
    sentences: Sequence[conll.Sentence], pieces: Pieces, answer_path: str
) -> Alignment:
    """Find the word of each piece, as word_test.txt names it.

    Args:
      sentences: those of the answer file.
      pieces: with words.
      answer_path: the sentences' file, for messages.

    Raises:
      InputError: the pieces are not those of these sentences.
    """
    path = pieces.paths[2]
    ranges = sentence_ranges([text == NO_LINE for text in pieces.words], path)
    _check_sentence_count(ranges, sentences, path, answer_path)
    piece_words = []
    for sentence, lines in zip(sentences, ranges):
        index_of = {
            word_line(line, word): index
            for index, (line, word) in enumerate(zip(sentence.lines, sentence.words))
        }
        indices = [index_of.get(pieces.words[line]) for line in lines]
        if None in indices:
            line = lines[indices.index(None)]
            raise files.InputError(
                f"{files.quoted(pieces.words[line])} is no line and word of the "
                f"sentence at line {sentence.lines[0]} of {answer_path}: the pieces do "
                "not belong to the answer file",
                path,
                line + 1,
                NOT_TOGETHER,
            )
        piece_words.append(indices)
    return ranges, piece_words


def _check_sentence_count(ranges, sentences, path, answer_path):
    if len(ranges) != len(sentences):
        raise files.InputError(
            f"sentences: {len(ranges)}, but {len(sentences)} in {answer_path}; the "
            "pieces do not belong to the answer file",
            path,
            remedy=NOT_TOGETHER,
        )


# Alignment by spelling, for the original's files. Its tokenizer makes basic tokens of
# each word ("BRCA1/2" → BRCA1 / 2) and cuts each of them into pieces of which all but
# the first begin with ##, or makes it [UNK]. No basic token begins with ## itself, as
# # is punctuation and stands alone. So pieces without ## count the basic tokens.


class SpellingError(Exception):
    """Pieces are not those of the words. piece and word are indices or None."""

    def __init__(self, piece: int, word: Optional[int]) -> None:
        super().__init__(piece, word)
        self.piece = piece
        self.word = word


class _Misspelling(NamedTuple):
    """Where pieces go wrong: line (from 0), index of the word or None, sentence."""

    line: int
    word: Optional[int]
    sentence: conll.Sentence


def align_by_spelling(
    sentences: Sequence[conll.Sentence], pieces: Pieces, answer_path: str
) -> Alignment:
    """Find the word of each piece by tokenizing the words once more.

    Whether the model lower-cases its input is found out, too: whichever way spells
    the pieces. pieces.words is not used.

    Raises:
      InputError: the pieces are not those of these sentences.
    """
    path = pieces.paths[0]
    ranges = sentence_ranges([token in MARKERS for token in pieces.tokens], path)
    _check_sentence_count(ranges, sentences, path, answer_path)
    # Only sentences as long as the longest can have been cut at max_seq_length.
    longest = max(map(len, ranges))
    furthest = None
    for lower in (False, True):
        piece_words = []
        for sentence, lines in zip(sentences, ranges):
            tokens = pieces.tokens[lines.start : lines.stop]
            may_be_cut = len(lines) == longest
            try:
                piece_words.append(spell(sentence.words, tokens, lower, may_be_cut))
            except SpellingError as error:
                line = lines.start + error.piece
                wrong = _Misspelling(line, error.word, sentence)
                break
        else:
            return ranges, piece_words
        if furthest is None or wrong.line > furthest.line:
            furthest = wrong
    raise _misspelled(furthest, pieces, answer_path)


def _misspelled(wrong, pieces, answer_path):
    """Make the InputError for pieces that go wrong."""
    line, word, sentence = wrong
    if word is None:
        where = f"line {sentence.lines[-1]} of {answer_path}"
        problem = f"pieces go on after the end of their sentence ({where})"
    else:
        where = f"line {sentence.lines[word]} of {answer_path}"
        piece = files.quoted(pieces.tokens[line])
        spelled = files.quoted(sentence.words[word])
        problem = f"{piece} is not how {spelled} ({where}) is spelled"
    return files.InputError(
        f"{problem}: the pieces do not belong to the answer file",
        pieces.paths[0],
        line + 1,
        NOT_TOGETHER,
    )


def spell(
    words: Sequence[str], pieces: Sequence[str], lower: bool, may_be_cut: bool
) -> List[int]:
    """Find the index of each piece's word, for one sentence.

    Args:
      words: the sentence's words.
      pieces: its pieces without [CLS] and [SEP].
      lower: whether the tokenizer lower-cases.
      may_be_cut: whether the pieces may end before the words do.

    Raises:
      SpellingError: the pieces do not spell the words.
    """
    expected = [
        (index, token)
        for index, word in enumerate(words)
        for token in basic_tokens(word, lower)
    ]
    spelled = _join_pieces(pieces)
    piece_words = []
    for position, (text, count) in enumerate(spelled):
        if position == len(expected):
            raise SpellingError(len(piece_words), None)
        index, token = expected[position]
        is_cut = may_be_cut and position == len(spelled) - 1
        if not (
            text in (token, tokenization.UNK) or (is_cut and token.startswith(text))
        ):
            raise SpellingError(len(piece_words), index)
        piece_words += [index] * count
    if len(spelled) < len(expected) and not may_be_cut:
        raise SpellingError(len(piece_words), expected[len(spelled)][0])
    return piece_words


def _join_pieces(pieces):
    """Join the pieces of each basic token, and count them.

    ["le", "##uk", "##emia", "."] → [("leukemia", 3), (".", 1)]
    """
    tokens = []
    for piece in pieces:
        if piece.startswith("##") and tokens:
            text, count = tokens[-1]
            tokens[-1] = (text + piece[2:], count + 1)
        else:
            tokens.append((piece, 1))
    return tokens


@functools.lru_cache(maxsize=1 << 16)
def basic_tokens(text: str, lower: bool) -> Tuple[str, ...]:
    """Split a text as BERT's basic tokenizer does, before WordPiece."""
    return tuple(tokenization.BasicTokenizer(lower).tokenize(text))


# The command


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(description=DESCRIPTION, epilog=DETAILS)
    parser.add_argument("--token_test_path", required=True, help="its token_test.txt")
    parser.add_argument("--label_test_path", required=True, help="its label_test.txt")
    parser.add_argument(
        "--word_test_path",
        help=f"its {WORD_FILE} (default: the one beside token_test.txt, if there is)",
    )
    parser.add_argument(
        "--answer_path", required=True, help="the test.tsv that it predicted"
    )
    parser.add_argument(
        "--output_dir", required=True, help=f"folder where {RESULT_FILE} goes"
    )
    parser.add_argument(
        "--debug", action="store_true", help="name the words that have no piece"
    )
    flags = parser.parse_args(argv)
    if flags.word_test_path is None:
        beside = os.path.join(os.path.dirname(flags.token_test_path), WORD_FILE)
        flags.word_test_path = beside if os.path.exists(beside) else None
    return flags


def print_lost_words(
    sentences: Sequence[conll.Sentence],
    piece_words: Sequence[Sequence[int]],
    answer_path: str,
) -> None:
    """Name on standard error the words that no piece belongs to."""
    for sentence, indices in zip(sentences, piece_words):
        for index in sorted(set(range(len(sentence.words))) - set(indices)):
            word, line = sentence.words[index], sentence.lines[index]
            problem = f"{files.quoted(word)} has no piece, so it is O"
            sys.stderr.write(f"{answer_path}:{line}: {problem}\n")


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Write NER_result_conll.txt."""
    flags = parse_flags(argv)
    sentences = conll.load_sentences(flags.answer_path, labelled=False)
    pieces = read_pieces(
        flags.token_test_path, flags.label_test_path, flags.word_test_path
    )
    align = align_by_spelling if pieces.words is None else align_by_lines
    ranges, piece_words = align(sentences, pieces, flags.answer_path)
    if flags.debug:
        print_lost_words(sentences, piece_words, flags.answer_path)
    predictions = [
        word_labels(
            len(sentence.words), indices, pieces.labels[lines.start : lines.stop]
        )
        for sentence, lines, indices in zip(sentences, ranges, piece_words)
    ]
    files.make_folder(flags.output_dir)
    write_result(os.path.join(flags.output_dir, RESULT_FILE), sentences, predictions)


if __name__ == "__main__":
    command.run(main)
