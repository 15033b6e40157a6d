"""lib/word_labels.py: labels of words, and the lines of NER_result_conll.txt."""

import pytest

from biocodes.lib import conll
from biocodes.lib.word_labels import is_typed, result_lines, word_labels


def test_first_piece_gives_the_label_and_special_labels_are_outside():
    words = [None, 0, 0, 2, 3, 4, 4, None]
    labels = ["[CLS]", "B", "I", "X", "[SEP]", "[PAD]", "B", "O"]
    assert word_labels(6, words, labels) == [
        "B",
        "O",
        "O",
        "O",
        "O",
        "O",
    ]


def sentence(words, labels):
    return conll.Sentence(list(range(1, len(words) + 1)), words, labels)


@pytest.mark.parametrize(
    "gold, predicted, expected",
    [
        (["B", "O"], ["O", "I"], ["a B-MISC O-MISC\n", "b O-MISC I-MISC\n"]),
        (["B-Gene", "O"], ["I-Gene", "O"], ["a B-Gene I-Gene\n", "b O O\n"]),
        (["O", "O"], ["B-Gene", "O"], ["a O B-Gene\n", "b O O\n"]),
        (["B-Gene", "I"], ["O", "B"], ["a B-Gene O\n", "b I-MISC B-MISC\n"]),
        ([None, None], ["B", "O"], ["a B-MISC\n", "b O-MISC\n"]),
        ([None, None], ["B-Gene", "O"], ["a B-Gene\n", "b O\n"]),
    ],
)
def test_result_lines(gold, predicted, expected):
    sentences, predictions = [sentence(["a", "b"], gold)], [predicted]
    typed = is_typed(sentences, predictions)
    lines = result_lines(sentences, predictions, typed)
    assert list(lines) == [*expected, "\n"]


def test_one_typed_label_makes_the_whole_file_typed():
    sentences = [sentence(["a"], ["O"]), sentence(["b"], ["O"])]
    predictions = [["O"], ["B-Gene"]]
    typed = is_typed(sentences, predictions)
    lines = list(result_lines(sentences, predictions, typed))
    assert lines == ["a O O\n", "\n", "b O B-Gene\n", "\n"]
