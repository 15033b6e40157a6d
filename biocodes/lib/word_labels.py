"""From labels of word pieces to labels of words, and NER_result_conll.txt of them.

run_ner.py and ner_detokenize.py write the same file, line by line.
"""

from typing import Iterable, Iterator, List, Optional, Sequence

import tokenization
from biocodes.lib import conll, files

RESULT_FILE = "NER_result_conll.txt"
WORD_FILE = "word_test.txt"
NO_LINE = "0"  # in word_test.txt beside [CLS] and [SEP]
_NOT_FOR_WORDS = frozenset(("X", tokenization.CLS, tokenization.SEP, tokenization.PAD))


def word_labels(
    count: int, piece_words: Iterable[Optional[int]], piece_labels: Iterable[str]
) -> List[str]:
    """Label the words of a sentence, given the labels of its pieces.

    Args:
      count: number of words.
      piece_words: for each piece the index of its word, None for [CLS] and [SEP].
      piece_labels: the predicted label of each piece.

    Returns:
      A label for each word. A word whose first piece was labelled X, [CLS], [SEP] or
      [PAD], or that has no piece, is labelled O.
    """
    labels = [None] * count
    for word, label in zip(piece_words, piece_labels):
        if word is not None and labels[word] is None:
            labels[word] = conll.OUTSIDE if label in _NOT_FOR_WORDS else label
    return [label or conll.OUTSIDE for label in labels]


def word_line(line: int, word: str) -> str:
    """Make the line of word_test.txt beside each piece of the word in line `line`."""
    return f"{line}\t{word}"


def is_typed(
    sentences: Iterable[conll.Sentence], predictions: Iterable[Sequence[str]]
) -> bool:
    """Return whether any gold or predicted label has a type, as in B-Chemical."""
    for sentence, predicted in zip(sentences, predictions):
        for label in {*sentence.labels, *predicted}:
            if label is not None and "-" in label:
                return True
    return False


def result_lines(
    sentences: Iterable[conll.Sentence],
    predictions: Iterable[Sequence[str]],
    typed: bool,
) -> Iterator[str]:
    """Yield the lines of NER_result_conll.txt, each with its line end.

    Labels without a type get -MISC, as the original writes it: O becomes O-MISC. In
    typed data O stays plain, so that it is the same to conlleval everywhere.

    Args:
      sentences: those of the corpus.
      predictions: for each of them the labels of its words.
      typed: see is_typed.
    """
    shown = {conll.OUTSIDE: conll.OUTSIDE} if typed else {}
    for sentence, predicted in zip(sentences, predictions):
        for columns in zip(sentence.words, sentence.labels, predicted):
            word, *labels = [column for column in columns if column is not None]
            for label in labels:
                if label not in shown:
                    type_ = "" if "-" in label else f"-{conll.UNTYPED}"
                    shown[label] = label + type_
            yield f"{word} {' '.join([shown[label] for label in labels])}\n"
        yield "\n"


def write_result(
    path: str,
    sentences: Iterable[conll.Sentence],
    predictions: Iterable[Sequence[str]],
) -> None:
    """Write the lines that result_lines gives.

    Args:
      path: the file.
      sentences, predictions: see result_lines; they are iterated over twice, and may
        be read anew each time rather than be in memory.

    Raises:
      InputError: the file cannot be written.
    """
    typed = is_typed(sentences, predictions)
    with files.whole_file(path) as stream:
        stream.writelines(result_lines(sentences, predictions, typed))
