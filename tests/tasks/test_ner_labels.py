"""tasks/ner/labels.py: which labels there are, in which order, and their files."""

import json
import pickle

from biocodes.lib import conll
from finetuning.model import Model, save_labels
from kit.golden import NER
from tasks.ner import labels as ner_labels
from tasks.ner.labels import ORIGINAL_LABELS


def test_labels_of_plain_data_are_the_originals():
    sentences = conll.load_sentences(str(NER / "devel.tsv"))
    assert ner_labels.of_file(sentences, "x") == ORIGINAL_LABELS
    scored = ner_labels.scored_ids(ORIGINAL_LABELS)
    assert [ORIGINAL_LABELS[i] for i in scored] == ["B", "I"]


def test_labels_of_typed_data_are_sorted():
    labels = ["O", "I-Disease", "B-Disease", "B-Chemical", "I-Chemical"]
    sentences = [conll.Sentence([1] * 5, ["w"] * 5, labels)]
    of_file = ner_labels.of_file(sentences, "x")
    assert of_file == ("[PAD]", *sorted(labels), "X", "[CLS]", "[SEP]")
    scored = ner_labels.scored_ids(of_file)
    assert [of_file[i] for i in scored] == sorted(labels)[:-1]
    ids = Model(None, None, {}, of_file).label_ids
    assert [ids[name] for name in of_file] == list(range(9))


def test_labels_are_kept_for_us_and_for_old_scripts(tmp_path):
    expected = {name: i for i, name in enumerate(ORIGINAL_LABELS)}
    save_labels(str(tmp_path), ORIGINAL_LABELS)
    ner_labels.save_pickle(
        str(tmp_path), Model(None, None, {}, ORIGINAL_LABELS).label_ids
    )
    assert json.loads((tmp_path / "label2id.json").read_text()) == expected
    assert pickle.loads((tmp_path / "label2id.pkl").read_bytes()) == expected
