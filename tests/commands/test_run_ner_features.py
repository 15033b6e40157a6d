"""run_ner.py's features and head: the original's pieces, windows, the loss."""

import json

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import modeling
import run_ner
from biocodes.lib import conll
from finetuning import windows
from finetuning.estimator import ModeKeys
from finetuning.windows import NO_WORD
from kit.golden import CASED, INIT, NER, NER_MODEL
from kit.ner_runs import LABEL_IDS, TEST, prediction_flags, write_corpus
from tasks.ner import head as ner_head
from tasks.ner.labels import ORIGINAL_LABELS
from tasks.ner.results import whole_sentences

tf.disable_v2_behavior()


def test_features_are_the_originals():
    sentences = conll.load_sentences(str(NER / "test.tsv"))
    lines = (NER / "features.jsonl").read_text().splitlines()
    assert len(lines) == len(sentences)
    for sentence, line in zip(sentences, lines):
        expected = json.loads(line)
        (features,) = run_ner.featurize(
            sentence, CASED, LABEL_IDS, expected["max_seq_length"]
        )
        assert features["input_ids"] == expected["input_ids"]
        assert features["label_ids"] == expected["label_ids"]


def test_features_say_which_word_a_piece_belongs_to():
    words = ["leukemia", "\u200b", "T-cells", "##x"]
    sentence = conll.Sentence([1, 2, 3, 4], words, ["B", "I", "O", "B"])
    (features,) = run_ner.featurize(sentence, CASED, LABEL_IDS, 128)
    pieces = CASED.convert_ids_to_tokens(features["input_ids"])
    labels = [ORIGINAL_LABELS[i] for i in features["label_ids"]]
    begins = {}
    for piece, word, label in zip(pieces, features["word_index"], labels):
        begins.setdefault(word, (piece, label))
    assert begins[NO_WORD] == ("[CLS]", "[CLS]")
    assert begins[0][1] == "B" and begins[2] == ("T", "O") and begins[3] == ("#", "B")
    assert 1 not in begins
    assert labels.count("B") == 2 and labels.count("I") == 0
    (cut,) = run_ner.featurize(sentence, CASED, LABEL_IDS, 3)
    assert [len(values) for values in cut.values()] == [3, 3, 3]


WORD_SIZES = st.lists(st.integers(0, 6), min_size=1, max_size=40)


class WordsAreNumbers:
    """Stands for a tokenizer; makes three pieces of "3"."""

    vocab = {"[CLS]": 1, "[SEP]": 2}

    def word_ids(self, word):
        return (7,) * int(word)


class UnpackedRecords(list):
    """Stands for a RecordFile."""


@settings(deadline=None, max_examples=200)
@given(WORD_SIZES, st.integers(8, 24), st.booleans(), st.booleans())
def test_windows_put_together_are_the_sentence(sizes, limit, labelled, padded):
    """Each piece once, with what was predicted where it counts."""
    words = [str(size) for size in sizes]
    labels = ["BIO"[i % 3] if labelled else None for i in range(len(sizes))]
    sentence = conll.Sentence(list(range(1, len(sizes) + 1)), words, labels)
    arguments = sentence, WordsAreNumbers(), LABEL_IDS
    schema = run_ner.schema(labelled)
    rows = [
        schema.pack(window)
        for window in run_ner.featurize(*arguments, limit, windows.cut_pieces)
    ]
    assert len(rows) > 1 or sum(sizes) <= limit - 2
    data = UnpackedRecords(map(schema.unpack, rows))
    data.schema = schema

    def predictions():
        for index, window in enumerate(data):
            # The number of the word where it counts, and else what nobody must see.
            said = [word if word >= -1 else 99 for word in window["word_index"]]
            yield index, {"label_ids": np.array(said + [98] * padded), "loss": 0.5}

    parts = list(predictions())
    ((features, prediction),) = whole_sentences(data, parts)
    (expected,) = run_ner.featurize(*arguments, 10**6)
    assert set(features) == set(expected)
    for name, values in expected.items():
        assert features[name].tolist() == values
    length = len(expected["word_index"])
    assert prediction["label_ids"][:length].tolist() == expected["word_index"]
    assert prediction["loss"] == 0.5 * len(parts)


def test_no_word_loses_its_prediction_in_windows(call, tiny_bert, tmp_path):
    data_dir = write_corpus(tmp_path / "data", test=TEST)
    runs = {
        "windows": ["--max_seq_length=16", "--long_sentences=window"],
        "whole": ["--max_seq_length=384"],
    }
    for name, more in runs.items():
        flags = prediction_flags(tiny_bert, tmp_path / name, data_dir, *more)
        assert call(run_ner, *flags) == (0, "", "")
    for file in ("token_test.txt", "word_test.txt"):
        in_windows = (tmp_path / "windows" / file).read_bytes()
        assert in_windows == (tmp_path / "whole" / file).read_bytes()


def test_padding_is_out_of_the_loss_unless_it_shall_count():
    """Two sentences padded together lose what each alone does, and no more."""
    config = modeling.BertConfig.from_json_file(str(INIT / "bert_config.json"))
    ids = np.array([[2, 50, 60, 70, 3], [2, 99, 3, 0, 0]])
    # Not 0 for padding, which this model would see coming.
    labels = np.array([[5, 1, 2, 3, 6], [5, 3, 6, 1, 1]])

    def losses(rows, length, count_padding):
        mask = (ids > 0).astype(np.int32)
        parts = {"input_ids": ids, "input_mask": mask, "label_ids": labels}
        with tf.Graph().as_default(), tf.Session() as session:
            features = {
                name: tf.constant(part[rows, :length], tf.int32)
                for name, part in parts.items()
            }
            model = modeling.BertModel(
                config, False, features["input_ids"], features["input_mask"]
            )
            head = ner_head.make_head(7, count_padding)
            loss, predictions = head(model, features, ModeKeys.EVAL)
            tf.train.Saver().restore(session, str(NER_MODEL))
            return session.run([loss, predictions["loss"]])

    total, each = losses([0, 1], 5, False)
    assert total == pytest.approx(each.sum(), rel=1e-5)
    for row, length in enumerate((5, 3)):
        alone, _ = losses([row], length, False)
        assert each[row] == pytest.approx(alone, rel=1e-4)
    counted, _ = losses([0, 1], 5, True)
    assert counted > total + 1.0
    # [PAD] on a piece: it counts in another window, and not here. Without each of them
    # in turn, five sums lack each piece once.
    full = labels.copy()
    sums = 0
    for position in range(5):
        labels[0] = full[0]
        labels[0, position] = 0
        sums += losses([0], 5, False)[0]
    assert sums == pytest.approx(4 * each[0], rel=1e-4)
