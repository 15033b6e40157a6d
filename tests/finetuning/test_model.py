"""model.py: what makes a model, and what it starts from, is checked before use."""

import json
import os
import pathlib

import pytest

from biocodes.lib import files
from biocodes.lib.labels import LABEL_FILE
from finetuning import model
from finetuning.model import Model, load_config, load_labels, save_labels
from finetuning.model_dir import ModelFiles
from kit import small_run
from kit.golden import CONFIG_FILE, FINE_TUNED, PRETRAINED, VOCAB_FILE
from kit.models import (
    PARTS,
    copy_checkpoint,
    head_over_pieces,
    save_checkpoint,
    tiny_config,
    tiny_facts,
    tiny_model,
    values_of,
)

# Configuration and vocabulary


def test_sequences_are_no_longer_than_the_models_positions():
    assert load_config(CONFIG_FILE, 384).hidden_size == 32
    with pytest.raises(files.InputError) as caught:
        load_config(CONFIG_FILE, 385)
    assert str(caught.value) == (
        "--max_seq_length: 385 is more than the model's max_position_embeddings 384"
    )


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "cannot be read .no such file"),
        (b"", "not JSON"),
        (b'{"vocab_size": 3000,\n', ":[12]: not JSON"),
        (b"[1]", "must be a JSON object"),
        (b'{"vocab_size": 3000}', "missing hidden_size"),
        (b"\xff\xfe{}", "this is UTF-16; save it as UTF-8"),
    ],
)
def test_wrong_configuration_file_is_named(tmp_path, content, message):
    path = tmp_path / "bert_config.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(files.InputError, match=message) as caught:
        load_config(str(path), 128)
    assert str(caught.value).startswith(str(path))


def load_tokenizer(vocabulary, checkpoint=None):
    parts = ModelFiles(str(vocabulary), CONFIG_FILE, checkpoint, False)
    return model.load_tokenizer(parts, tiny_config().vocab_size)


def test_vocabulary_belongs_to_the_model():
    assert load_tokenizer(VOCAB_FILE).vocab_size == 3000


PIECES = pathlib.Path(VOCAB_FILE).read_bytes().splitlines(True)


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "cannot be read .no such file"),
        (b"", "empty"),
        (b"".join(PIECES[:-1]), "2,999 pieces, .* vocab_size 3,000; take"),
        (b"".join([*PIECES, b"more\n"]), "3,001 pieces"),
        (b"".join(piece for piece in PIECES if piece != b"[CLS]\n"), r"\[CLS\]"),
        (b"".join([*PIECES[:-1], b"\xe9\n"]), ":3000: byte 1 .* is not UTF-8"),
    ],
)
def test_wrong_vocabulary_is_named(tmp_path, content, message):
    path = tmp_path / "vocab.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(files.InputError, match=message) as caught:
        load_tokenizer(path)
    assert str(caught.value).startswith(str(path))


def test_case_that_contradicts_the_checkpoints_name_is_refused():
    path = "/models/uncased_L-12_H-768_A-12/bert_model.ckpt"
    with pytest.raises(files.InputError, match="use --do_lower_case=true"):
        load_tokenizer(VOCAB_FILE, path)


# The model


def of_flags(*arguments):
    flags = small_run.parsed(*arguments)
    return Model.from_flags(flags)


def test_flags_name_a_model():
    tiny = of_flags("--max_seq_length=64")
    assert tiny.config.to_dict() == tiny_config().to_dict()
    assert tiny.tokenizer.vocab_size == 3000
    assert tiny.tokenizer.tokenize("Ataxia")[0][0].isupper()
    assert tiny.facts == tiny_facts() == json.loads(json.dumps(tiny_facts()))
    assert (tiny.labels, tiny.head) == ((), None)


@pytest.mark.parametrize(
    "flag, message",
    [
        ("--max_seq_length=385", "--max_seq_length: 385 is more than"),
        ("--vocab_file=nowhere.txt", "nowhere.txt: cannot be read"),
        ("--bert_config_file=nowhere.json", "nowhere.json: cannot be read"),
        (
            "--init_checkpoint=uncased_L-12_H-768_A-12/bert_model.ckpt",
            "use --do_lower_case=true",
        ),
    ],
)
def test_flags_that_name_no_model_are_refused(flag, message):
    with pytest.raises(files.InputError, match=message):
        of_flags(flag)


def test_head_and_labels_make_a_model_of_a_task():
    tiny = tiny_model()
    head = head_over_pieces(2)
    tagger = tiny.with_head(head, ["O", "B"])
    assert tagger == tiny._replace(head=head, labels=("O", "B"))
    assert tagger.label_ids == {"O": 0, "B": 1}
    assert tiny.head is None


def test_record_files_rest_on_corpus_and_tokenizer():
    tiny = tiny_model()
    facts = tiny.data_facts("digest", max_seq_length=64)
    assert facts == {
        "vocabulary": tiny.facts["vocabulary"],
        "do_lower_case": False,
        "corpus": "digest",
        "max_seq_length": 64,
    }
    json.dumps(facts)


def test_variables_are_those_of_encoder_and_head():
    """Without a graph of the encoder: what a checkpoint of the original has."""
    expected = {
        name: list(value.shape)
        for name, value in values_of(FINE_TUNED).items()
        if name != "global_step" and not name.endswith(("/adam_m", "/adam_v"))
    }
    assert tagger().variables() == expected


# What a run starts from


def tagger(labels=7, config=None):
    return tiny_model(head_over_pieces(labels), config=config)


def test_checkpoints_that_fit_are_accepted():
    tagger().check_checkpoint(PRETRAINED, needs_head=False)
    tagger().check_checkpoint(FINE_TUNED, needs_head=False)
    tagger().check_checkpoint(FINE_TUNED)
    tagger().check_resumable(FINE_TUNED)


def test_checkpoints_that_do_not_fit_are_refused(tmp_path):
    other = tiny_config(intermediate_size=48)
    cut = copy_checkpoint(PRETRAINED, tmp_path, cut=300000)
    for needs_head in (False, True):
        with pytest.raises(files.InputError, match=r"\[32, 64\] there but \[32, 48\]"):
            tagger(config=other).check_checkpoint(PRETRAINED, needs_head)
        with pytest.raises(files.InputError, match="trained with other labels"):
            tagger(9).check_checkpoint(FINE_TUNED, needs_head)
    with pytest.raises(files.InputError, match="not a readable"):
        tagger().check_checkpoint(cut, needs_head=False)
    with pytest.raises(files.InputError, match="no trained head"):
        tagger().check_checkpoint(PRETRAINED)


def test_training_resumes_from_a_whole_checkpoint_that_fits(tmp_path):
    with pytest.raises(files.InputError, match="trained with other labels"):
        tagger(9).check_resumable(FINE_TUNED)
    with pytest.raises(files.InputError, match="no trained head"):
        tagger().check_resumable(PRETRAINED)
    values = values_of(FINE_TUNED)
    weights = {name: v for name, v in values.items() if "adam_" not in name}
    prefix = save_checkpoint(tmp_path / "weights" / "model.ckpt-1", weights)
    with pytest.raises(files.InputError, match="no more than weights"):
        tagger().check_resumable(prefix)
    # Only the optimizer's part is cut: by name, output_weights/adam_v is the last.
    size = os.path.getsize(FINE_TUNED + PARTS[1])
    cut = copy_checkpoint(FINE_TUNED, tmp_path, cut=size - 1)
    tagger().check_checkpoint(cut)
    with pytest.raises(files.InputError, match="not a readable") as caught:
        tagger().check_resumable(cut)
    assert str(caught.value).startswith(cut)


# Labels


def labelled(folder, labels):
    path = folder / LABEL_FILE
    path.write_text(labels if isinstance(labels, str) else json.dumps(labels))
    return copy_checkpoint(FINE_TUNED, folder), path


def test_labels_are_kept_beside_the_checkpoint(tmp_path):
    prefix, _ = labelled(tmp_path, "")
    names = ("[PAD]", "B", "I", "O", "X", "[CLS]", "é")
    save_labels(str(tmp_path), names)
    assert load_labels(prefix, ("other",)) == names


def test_labels_of_a_checkpoint_of_the_original_are_the_default_ones():
    names = tuple("abcdefg")
    assert load_labels(FINE_TUNED, names) == names
    for default in (None, names[:-1]):
        with pytest.raises(files.InputError, match="its labels are unknown.*has 7"):
            load_labels(FINE_TUNED, default)


@pytest.mark.parametrize(
    "labels, message",
    [
        ("", "not JSON"),
        ("[]", "not a JSON object of labels"),
        ({}, "not a JSON object of labels"),
        ({"a": [1]}, "not a JSON object of labels"),
        ({"a": "0"}, "not a JSON object of labels"),
        ({"a": True, "b": 0}, "not a JSON object of labels"),
        ({"a": 0, "b": 2}, "not a JSON object of labels"),
        ({"a": 0, "b": 0}, "not a JSON object of labels"),
        ({"a": 0, "": 1}, "'' is no label"),
        ({"a": 0, "b ": 1}, "'b ' is no label"),
        ({"a\tb": 0}, "is no label"),
        ({"a\nb": 0}, "is no label"),
        ({"\ud800": 0}, "is no label"),
        ({"a": 0, "b": 1e400}, "not a JSON object of labels"),
        ({"a": 0, "b": 10**4000}, "not a JSON object of labels"),
        ('{"a": 0, "a": 1}', "not a JSON object of labels"),
        ({"a": 0, "b": 1}, "2 labels, but the checkpoint's head has 7"),
    ],
)
def test_wrong_labels_are_refused(tmp_path, labels, message):
    prefix, path = labelled(tmp_path, labels)
    with pytest.raises(files.InputError, match=message) as caught:
        load_labels(prefix)
    assert str(caught.value).startswith(str(path))


def test_labels_without_a_head_are_none():
    with pytest.raises(files.InputError, match="no trained head"):
        load_labels(PRETRAINED, ("a",))
