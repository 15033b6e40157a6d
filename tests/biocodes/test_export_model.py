"""export_model.py: the same model in another folder, whole, or nothing."""

import json
import os
import sys

import numpy as np
import pytest
import safetensors.numpy

from biocodes.lib.files import InputError
from biocodes.lib.labels import ORIGINAL_LABELS
from biocodes.models import folder as models
from biocodes.models import layout, to_hugging_face
from kit.hugging_face import convert
from kit.model_folders import (
    MULTILABEL,
    TASKS,
    export,
    folder_of,
    pretrained,
    write_labels,
)
from kit.models import copy_checkpoint, save_checkpoint, values_of
from kit.paths import DATA
from tasks.ner.labels import in_order


def checkpoint_in(folder):
    (index,) = folder.glob("*.index")
    return str(index)[: -len(".index")]


def weights_in(folder):
    """The variables of a model's folder without the optimizer's and the step."""
    values = values_of(checkpoint_in(folder))
    return {n: v for n, v in values.items() if "/adam_" not in n and n != "global_step"}


def assert_same(actual, expected):
    assert sorted(actual) == sorted(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(actual[name], value)


def json_in(folder, name):
    return json.loads((folder / name).read_text())


# What a folder is


@pytest.mark.parametrize("task", [*TASKS, MULTILABEL])
def test_kind_is_found_from_the_files(tmp_path, task):
    model = models.read_model(str(folder_of(tmp_path, task)))
    assert model.kind == task
    assert bool(model.labels) == (task != "qa")


def test_pretrained_folder_is_an_encoder(tmp_path):
    assert models.read_model(str(pretrained(tmp_path))).kind == layout.ENCODER


def test_labels_of_the_original_are_known_by_their_pickle(tmp_path):
    """It is never loaded: what is in it does not matter."""
    folder = folder_of(tmp_path, "ner")
    (folder / "label2id.json").unlink()
    with pytest.raises(InputError, match="labels are unknown; the head has 7; put the"):
        models.read_model(str(folder))
    (folder / "label2id.pkl").write_bytes(b"no pickle")
    assert models.read_model(str(folder)).labels == ORIGINAL_LABELS


def test_unfinished_training_is_exported_with_its_step(tmp_path, capsys):
    folder = folder_of(tmp_path, "ner")
    export(folder, tmp_path / "out", "slim")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{folder}: entity recognition, 7 labels, step 1,190"
    assert lines[1].startswith(f"{tmp_path / 'out'}: bert_config.json, checkpoint, ")


def test_another_checkpoint_can_be_named(tmp_path):
    folder = folder_of(tmp_path, "qa")
    other = folder_of(tmp_path, "re")
    copy_checkpoint(checkpoint_in(other), folder)
    with pytest.raises(InputError, match="lacks|several|labels are unknown"):
        os.rename(f"{folder}/model.ckpt-150.index", f"{folder}/other.index")
        os.rename(
            f"{folder}/model.ckpt-150.data-00000-of-00001",
            f"{folder}/other.data-00000-of-00001",
        )
        models.read_model(str(folder))
    named = models.read_model(str(folder), f"{folder}/model.ckpt-365.index")
    assert named.kind == layout.QA


# slim


@pytest.mark.parametrize("task", TASKS)
def test_slim_folder_has_the_weights_and_no_slots(tmp_path, task):
    source = folder_of(tmp_path, task)
    slim = export(source, tmp_path / "slim", "slim")
    assert_same(weights_in(slim), weights_in(source))
    names = values_of(checkpoint_in(slim))
    assert "global_step" in names or task != "ner"
    assert not any("/adam_" in name for name in names)
    assert checkpoint_in(slim) == str(slim / os.path.basename(checkpoint_in(source)))
    assert json_in(slim, "tokenizer_config.json") == {"do_lower_case": False}
    for name in ("vocab.txt", "bert_config.json"):
        assert (slim / name).read_bytes() == (source / name).read_bytes()


def test_slim_folder_of_a_training_is_a_third_and_keeps_its_record(tmp_path):
    source = folder_of(tmp_path, "ner")
    (source / "run.json").write_text('{"training": {}}')
    (source / "label2id.pkl").write_bytes(b"copied unread")
    slim = export(source, tmp_path / "slim", "slim")
    data = "model.ckpt-1190.data-00000-of-00001"
    assert os.path.getsize(slim / data) < 0.34 * os.path.getsize(source / data)
    for name in ("run.json", "label2id.json", "label2id.pkl"):
        assert (slim / name).read_bytes() == (source / name).read_bytes()


# Hugging Face


ARCHITECTURES = {
    "ner": "BertForTokenClassification",
    "re": "BertForSequenceClassification",
    "multilabel": "BertForSequenceClassification",
    "qa": "BertForQuestionAnswering",
}


PROBLEMS = {
    "re": "single_label_classification",
    "multilabel": "multi_label_classification",
}


@pytest.mark.parametrize("task", [*TASKS, MULTILABEL])
def test_hugging_face_form_comes_back_bit_by_bit(tmp_path, task):
    source = folder_of(tmp_path, task)
    theirs = export(source, tmp_path / "theirs", "huggingface")
    assert json_in(theirs, "config.json")["architectures"] == [ARCHITECTURES[task]]
    assert json_in(theirs, "config.json").get("problem_type") == PROBLEMS.get(task)
    back = convert(theirs, tmp_path / "back")
    assert_same(weights_in(back), weights_in(source))
    assert json_in(back, "bert_config.json") == json_in(source, "bert_config.json")
    assert json_in(back, "tokenizer_config.json") == {"do_lower_case": False}
    assert (back / "vocab.txt").read_bytes() == (source / "vocab.txt").read_bytes()
    assert (back / "label2id.json").exists() == (task != "qa")
    if task != "qa":
        labels = json_in(source, "label2id.json")
        assert list(json_in(back, "label2id.json").items()) == list(labels.items())
    # And the other way round.
    again = export(back, tmp_path / "again", "huggingface")
    for name in ("model.safetensors", "config.json", "tokenizer_config.json"):
        assert (again / name).read_bytes() == (theirs / name).read_bytes()


def with_pretraining_heads(folder, next_sentence=True):
    """Give an encoder's checkpoint the heads of its pretraining."""
    config = json_in(folder, "bert_config.json")
    kind = layout.PRETRAINING if next_sentence else layout.MASKED_LM
    random = np.random.RandomState(3)
    head = {
        name: random.normal(size=sizes).astype(np.float32)
        for name, sizes in layout.head_shapes(kind, config).items()
    }
    values = {**values_of(checkpoint_in(folder)), **head}
    save_checkpoint(folder / "model.ckpt", values)
    return folder


@pytest.mark.parametrize(
    "next_sentence, architecture",
    [(True, "BertForPreTraining"), (False, "BertForMaskedLM"), (None, "BertModel")],
)
def test_pretrained_model_comes_back_with_its_heads(
    tmp_path, next_sentence, architecture
):
    source = pretrained(tmp_path)
    if next_sentence is not None:
        with_pretraining_heads(source, next_sentence)
    theirs = export(source, tmp_path / "theirs", "huggingface")
    assert json_in(theirs, "config.json")["architectures"] == [architecture]
    names = safetensors.numpy.load_file(str(theirs / "model.safetensors"))
    prefix = "" if next_sentence is None else "bert."
    assert f"{prefix}embeddings.word_embeddings.weight" in names
    assert_same(weights_in(convert(theirs, tmp_path / "back")), weights_in(source))


def test_head_may_be_left_behind(tmp_path, capsys):
    theirs = export(folder_of(tmp_path, "re"), tmp_path / "theirs", "huggingface")
    capsys.readouterr()
    convert(theirs, tmp_path / "kept")
    assert "2 variables of the head, labels 0, 1\n" in capsys.readouterr().out
    convert(theirs, tmp_path / "dropped", "--head=drop")
    left = "not carried over: classifier.bias, classifier.weight\n"
    assert left in capsys.readouterr().out
    assert not (tmp_path / "dropped" / "label2id.json").exists()
    assert "output_bias" not in weights_in(tmp_path / "dropped")


def test_labels_of_any_sequence_classifier_come_along(tmp_path):
    """Also without label2id.json, which only export_model.py writes."""
    theirs = export(folder_of(tmp_path, "re"), tmp_path / "theirs", "huggingface")
    (theirs / "label2id.json").unlink()
    config = dict(json_in(theirs, "config.json"), id2label={"0": "no", "1": "yes"})
    (theirs / "config.json").write_text(json.dumps(config))
    back = convert(theirs, tmp_path / "back")
    assert json_in(back, "label2id.json") == {"no": 0, "yes": 1}


@pytest.mark.parametrize("id2label", [None, {"0": "a", "1": "a"}, {"1": "a", "2": "b"}])
def test_head_whose_labels_are_none_stays_behind(tmp_path, capsys, id2label):
    theirs = export(folder_of(tmp_path, "re"), tmp_path / "theirs", "huggingface")
    (theirs / "label2id.json").unlink()
    config = dict(json_in(theirs, "config.json"), id2label=id2label)
    (theirs / "config.json").write_text(json.dumps(config))
    back = convert(theirs, tmp_path / "back")
    assert "not carried over: classifier.bias, " in capsys.readouterr().out
    assert not (back / "label2id.json").exists()


def test_labels_are_presented_as_pipelines_expect_them(tmp_path):
    """No word has X, [CLS], [SEP] or [PAD]; B without a type begins nothing."""
    config = json_in(
        export(folder_of(tmp_path, "ner"), tmp_path / "out", "huggingface"),
        "config.json",
    )
    names = ["O", "B-MISC", "I-MISC", "O", "O", "O", "O"]
    assert config["id2label"] == {str(i): name for i, name in enumerate(names)}
    assert config["label2id"] == {"O": 3, "B-MISC": 1, "I-MISC": 2}


def test_typed_labels_are_presented_as_they_are():
    labels = in_order(["B-Disease", "I-Disease", "O"])
    presented = [to_hugging_face.presented_label(label) for label in labels]
    assert presented == ["O", "B-Disease", "I-Disease", "O", "O", "O", "O"]


def test_model_card_says_what_was_trained_and_how_well(tmp_path):
    source = folder_of(tmp_path, "re")
    write_labels(source, ("a|b", "<script>"))
    arguments = {
        "do_train": True,
        "data_dir": "/home/somebody/GAD/1/",
        "learning_rate": 2e-5,
        "init_checkpoint": "/home/somebody/biobert/model.ckpt-1000000",
    }
    record = {"arguments": arguments, "training": {}}
    (source / "run.json").write_text(json.dumps(record))
    (source / "test_scores.txt").write_text("f1 score : 77.10%\n```\n")
    out = export(source, tmp_path / "out", "huggingface")
    card = (out / "README.md").read_text()
    assert "pipeline_tag: text-classification" in card
    assert "| `data_dir` | 1 |" in card and "| `learning_rate` | 2e-05 |" in card
    assert "| `init_checkpoint` | model.ckpt-1000000 |" in card
    assert "somebody" not in card
    assert "f1 score : 77.10%" in card and card.count("```") == 4
    assert r"| 0 | a\|b | a\|b |" in card and r"\<script\>" in card


def test_tokenizer_json_cuts_text_as_ours_does(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    import tokenization

    out = export(folder_of(tmp_path, "ner"), tmp_path / "out", "huggingface")
    theirs = tokenizers.Tokenizer.from_file(str(out / "tokenizer.json"))
    ours = tokenization.FullTokenizer(str(out / "vocab.txt"), do_lower_case=False)
    text = (DATA / "ner" / "test.tsv").read_text(encoding="utf-8")
    words = " ".join(line.split("\t")[0] for line in text.splitlines()[:400])
    for part in (words, "Ångström 中文 don't (BRCA1)", "x" * 150, "x" * 201, ""):
        ids = ours.convert_tokens_to_ids(["[CLS]", *ours.tokenize(part), "[SEP]"])
        assert theirs.encode(part).ids == ids


def test_tokenizer_json_is_left_out_without_its_package(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    out = export(folder_of(tmp_path, "qa"), tmp_path / "out", "huggingface")
    assert not (out / "tokenizer.json").exists() and (out / "vocab.txt").exists()
    assert "\nno tokenizer.json, for the package tok" in capsys.readouterr().out


# Whole or nothing


def test_full_disk_leaves_nothing(tmp_path, monkeypatch):
    source = folder_of(tmp_path, "ner")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError, match="cannot be written .no space left on device"):
        export(source, tmp_path / "out", "slim")
    assert sorted(os.listdir(str(tmp_path))) == ["ner"]


def test_empty_folder_is_filled_and_a_killed_run_s_is_replaced(tmp_path):
    source = folder_of(tmp_path, "ner")
    (tmp_path / "out").mkdir()
    (tmp_path / "out.incomplete").mkdir()
    (tmp_path / "out.incomplete" / "half").write_text("")
    out = export(source, tmp_path / "out", "slim")
    assert not (out / "half").exists() and (out / "vocab.txt").exists()
    assert sorted(os.listdir(str(tmp_path))) == ["ner", "out"]
