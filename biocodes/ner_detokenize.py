#!/usr/bin/env python
"""Turns run_ner.py's labels of word pieces into labels of words, for conlleval.

    python biocodes/ner_detokenize.py \\
        --token_test_path=$OUT/token_test.txt --label_test_path=$OUT/label_test.txt \\
        --answer_path=$NER_DIR/test.tsv --output_dir=$OUT

Three files of run_ner.py go line by line together (here side by side):

    token_test.txt   label_test.txt   word_test.txt
    [CLS]            [CLS]            0
    At               B                1<TAB>Ataxia      line 1 of test.tsv
    ##ax             X                1<TAB>Ataxia
    ##ia             X                1<TAB>Ataxia
    [SEP]            [SEP]            0

A word gets the label of its first piece; a word without one (nothing of it was left,
or its sentence was cut at max_seq_length) gets O. NER_result_conll.txt has a line
"WORD GOLD PREDICTED" for each word of the answer file, "WORD PREDICTED" if that has
no labels, and an empty line after each sentence.

word_test.txt makes the alignment exact whatever the words are. Without it (the
original suite writes none) words are told apart by spelling them again, which is as
exact as long as the pieces are those of the original's tokenizer.
"""

import functools
import os
import sys
from typing import NamedTuple, Optional

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

MARKERS = (tokenization.CLS, tokenization.SEP)

NOT_TOGETHER = "give the files of one prediction, and the test.tsv that it was made for"


# run_ner.py's files.


class Pieces(NamedTuple):
    """run_ner.py's files, line by line.

    tokens: the lines of token_test.txt.
    labels: the lines of label_test.txt.
    words: the lines of word_test.txt, None if there is no such file.
    paths: the paths of the three.
    """

    tokens: list
    labels: list
    words: Optional[list]
    paths: list


def read_pieces(token_path, label_path, word_path=None):
    """Reads run_ner.py's files → Pieces.

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


def sentence_ranges(is_marker, path):
    """Where the sentences are: [CLS] piece … [SEP] [CLS] piece … [SEP].

    Args:
      is_marker: for each line whether it is [CLS] or [SEP].
      path: the file of these lines, for messages.

    Returns:
      List of range, the lines (from 0) of each sentence's pieces.

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


# Alignment by word_test.txt: each piece names its word.


def align_by_lines(sentences, pieces, answer_path):
    """The word of each piece, as word_test.txt tells.

    Args:
      sentences: list of conll.Sentence.
      pieces: Pieces with words.
      answer_path: the sentences' file, for messages.

    Returns:
      (ranges, piece_words): the lines of each sentence's pieces, see sentence_ranges,
      and for each sentence the index of each piece's word.

    Raises:
      InputError: the pieces are not those of these sentences.
    """
    path = pieces.paths[2]
    ranges = sentence_ranges([text == NO_LINE for text in pieces.words], path)
    _check_sentence_count(ranges, sentences, path, answer_path)
    piece_words = []
    for sentence, lines in zip(sentences, ranges):
        places = {
            word_line(line, word): index
            for index, (line, word) in enumerate(zip(sentence.lines, sentence.words))
        }
        indices = [places.get(pieces.words[line]) for line in lines]
        if None in indices:
            line = lines[indices.index(None)]
            raise files.InputError(
                f"{_shown(pieces.words[line])} is no line and word of the sentence at "
                f"line {sentence.lines[0]} of {answer_path}: the pieces do not belong "
                "to the answer file",
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


def _shown(text):
    """Text in an error message: quoted, and not longer than a line can bear."""
    return repr(text if len(text) <= 40 else text[:40] + "…")


# Alignment by spelling, for the original's files. Its tokenizer makes basic tokens of
# each word ("BRCA1/2" → BRCA1 / 2) and cuts each of them into pieces of which all but
# the first begin with ##, or makes it [UNK]. No basic token begins with ## itself, as
# # is punctuation and stands alone. So pieces without ## count the basic tokens.


class SpellingError(Exception):
    """Pieces are not those of the words. piece and word are indices or None."""

    def __init__(self, piece, word):
        super().__init__(piece, word)
        self.piece = piece
        self.word = word


def align_by_spelling(sentences, pieces, answer_path):
    """The word of each piece, found by tokenizing the words once more.

    Whether the model lower-cases its input is found out, too: whichever way spells
    the pieces. Takes and returns what align_by_lines does; pieces.words is not used.
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
                place = (lines.start + error.piece, error.word, sentence)
                break
        else:
            return ranges, piece_words
        if furthest is None or place[0] > furthest[0]:
            furthest = place
    raise _misspelled(*furthest, pieces, answer_path)


def _misspelled(line, word, sentence, pieces, answer_path):
    """The InputError for pieces of a sentence that go wrong at a line (from 0)."""
    if word is None:
        place = f"line {sentence.lines[-1]} of {answer_path}"
        problem = f"pieces go on after the end of their sentence ({place})"
    else:
        place = f"line {sentence.lines[word]} of {answer_path}"
        piece, word = _shown(pieces.tokens[line]), _shown(sentence.words[word])
        problem = f"{piece} is not how {word} ({place}) is spelled"
    return files.InputError(
        f"{problem}: the pieces do not belong to the answer file",
        pieces.paths[0],
        line + 1,
        NOT_TOGETHER,
    )


def spell(words, pieces, lower, may_be_cut):
    """The index of each piece's word, for one sentence.

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
    """["le", "##uk", "##emia", "."] → [("leukemia", 3), (".", 1)]."""
    tokens = []
    for piece in pieces:
        if piece.startswith("##") and tokens:
            text, count = tokens[-1]
            tokens[-1] = (text + piece[2:], count + 1)
        else:
            tokens.append((piece, 1))
    return tokens


@functools.lru_cache(maxsize=1 << 16)
def basic_tokens(text, lower):
    """What BERT's basic tokenizer makes of a text, before WordPiece; a tuple of str."""
    return tuple(tokenization.BasicTokenizer(lower).tokenize(text))


# The command.


def parse_flags(argv=None):
    parser = command.ArgumentParser(
        description="Turns run_ner.py's labels of word pieces into labels of words.",
    )
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


def print_lost_words(sentences, piece_words, answer_path):
    """Names on standard error the words that no piece belongs to."""
    for sentence, indices in zip(sentences, piece_words):
        for index in sorted(set(range(len(sentence.words))) - set(indices)):
            word, line = sentence.words[index], sentence.lines[index]
            message = f"{answer_path}:{line}: {_shown(word)} has no piece, so it is O"
            sys.stderr.write(message + "\n")


def main(argv=None):
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
