"""model_files.py: what a user's path means, and what does not fit together."""

import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import modeling
from biocodes.lib import files
from finetuning import checkpoints, model
from finetuning.model import LABELS_FILE, load_config, load_labels, save_labels
from kit.paths import DATA

tf.disable_v2_behavior()

INIT = DATA / "init"
FINE_TUNED = str(DATA / "ner" / "model.ckpt-1190")
PARTS = (".index", ".data-00000-of-00001")


def copy_checkpoint(folder, name="model.ckpt-7", parts=PARTS):
    """The golden first weights under another name. → prefix."""
    for part in parts:
        shutil.copy(str(INIT / f"model.ckpt{part}"), str(folder / f"{name}{part}"))
    return str(folder / name)


def save(prefix, values):
    """Saves a checkpoint of variables given as arrays by name. → prefix"""
    with tf.Graph().as_default(), tf.Session() as session:
        for name, value in values.items():
            tf.get_variable(name, initializer=np.asarray(value), use_resource=True)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(prefix), write_meta_graph=False)
    return str(prefix)


def values_of(prefix):
    reader = tf.train.load_checkpoint(prefix)
    return {
        name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()
    }


# Paths.


@pytest.mark.parametrize(
    "ending", ["", ".index", ".data-00000-of-00001", ".meta", "/", ".index/"]
)
def test_parts_of_a_checkpoint_mean_the_checkpoint(tmp_path, ending):
    prefix = copy_checkpoint(tmp_path)
    assert checkpoints.resolve(prefix + ending) == prefix


def test_relative_prefix_is_found(tmp_path, monkeypatch):
    copy_checkpoint(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert checkpoints.resolve("model.ckpt-7") == "model.ckpt-7"
    assert checkpoints.resolve("model.ckpt-7.index") == "model.ckpt-7"
    with pytest.raises(files.InputError, match="there is model.ckpt-7$"):
        checkpoints.resolve("model.ckpt-8")


def test_folder_means_its_checkpoint_of_the_greatest_step(tmp_path):
    for step in (9, 100, 20):
        copy_checkpoint(tmp_path, f"model.ckpt-{step}")
    # As TensorFlow left it on another machine.
    (tmp_path / "checkpoint").write_text(
        'model_checkpoint_path: "/elsewhere/model.ckpt-9"\n'
    )
    newest = str(tmp_path / "model.ckpt-100")
    assert checkpoints.resolve(str(tmp_path)) == newest
    assert checkpoints.latest(str(tmp_path)) == newest


def test_checkpoint_without_a_step_counts_when_there_is_no_other(tmp_path):
    prefix = copy_checkpoint(tmp_path, "bert_model.ckpt")
    assert checkpoints.resolve(str(tmp_path)) == prefix
    newer = copy_checkpoint(tmp_path, "model.ckpt-0")
    assert checkpoints.latest(str(tmp_path)) == newer


def test_incomplete_checkpoints_do_not_count(tmp_path):
    whole = copy_checkpoint(tmp_path, "model.ckpt-5")
    copy_checkpoint(tmp_path, "model.ckpt-6", PARTS[:1])
    copy_checkpoint(tmp_path, "model.ckpt-7", PARTS[1:])
    # Of two data files only the second, and one that is still being written.
    copy_checkpoint(tmp_path, "model.ckpt-8", PARTS[:1])
    (tmp_path / "model.ckpt-8.data-00001-of-00002").write_bytes(b"x")
    copy_checkpoint(tmp_path, "model.ckpt-9", PARTS[:1])
    (tmp_path / "model.ckpt-9.data-00000-of-00001.tempstate12").write_bytes(b"x")
    assert checkpoints.prefixes_in(str(tmp_path)) == [whole]
    (tmp_path / "model.ckpt-8.data-00000-of-00002").write_bytes(b"x")
    assert checkpoints.latest(str(tmp_path)) == str(tmp_path / "model.ckpt-8")


@pytest.mark.parametrize("name", ["no", "no/deeper"])
def test_folder_that_is_not_there_has_no_checkpoint(tmp_path, name):
    assert checkpoints.latest(str(tmp_path / name)) is None


def test_path_to_nothing_is_told_what_is_near(tmp_path):
    for step in (5, 10):
        copy_checkpoint(tmp_path, f"model.ckpt-{step}")
    with pytest.raises(files.InputError) as caught:
        checkpoints.resolve(str(tmp_path / "model.ckpt-7"))
    assert str(caught.value) == (
        f"--init_checkpoint={tmp_path}/model.ckpt-7: no such checkpoint; "
        f"in {tmp_path} there is model.ckpt-10, model.ckpt-5"
    )


@pytest.mark.parametrize(
    "path, parts, message",
    [
        ("model.ckpt-8", PARTS, "no such checkpoint; .* there is model.ckpt-7"),
        ("no/model.ckpt-7", (), "no such folder; .* no checkpoint at all"),
        (".", (), "no checkpoint in this folder"),
        ("model.ckpt-7", PARTS[:1], "the checkpoint's .data file is missing"),
        ("model.ckpt-7", PARTS[1:], "no such checkpoint"),
    ],
)
def test_path_to_nothing_is_refused(tmp_path, path, parts, message):
    copy_checkpoint(tmp_path, parts=parts)
    with pytest.raises(files.InputError, match=message):
        checkpoints.resolve(str(tmp_path / path))


def test_fine_tuned_prefers_the_folder(tmp_path):
    assert checkpoints.fine_tuned(str(tmp_path), "given") == "given"
    prefix = copy_checkpoint(tmp_path)
    assert checkpoints.fine_tuned(str(tmp_path), "given") == prefix
    with pytest.raises(files.InputError, match="no checkpoint .* --init_checkpoint"):
        checkpoints.fine_tuned(str(tmp_path / "no"), None)


@pytest.mark.parametrize(
    "prefix, step",
    [("a/model.ckpt-1190", 1190), ("a/model.ckpt", -1), ("a-7/b", -1), ("m-07", 7)],
)
def test_step_of_a_name(prefix, step):
    assert checkpoints.step_of_name(prefix) == step


def test_step_is_what_the_checkpoint_says(tmp_path):
    assert checkpoints.step(FINE_TUNED) == 1190
    assert checkpoints.step(str(INIT / "model.ckpt")) == 0


def test_checkpoint_that_a_killed_run_did_not_list_is_gone_on_with(tmp_path):
    for step in (9, 10):
        copy_checkpoint(tmp_path, f"model.ckpt-{step}")
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-9"\n')
    folder = str(tmp_path)
    newest = str(tmp_path / "model.ckpt-10")
    assert checkpoints.latest_to_continue(folder, keep=5) == newest
    assert tf.train.latest_checkpoint(folder) == newest
    state = tf.train.get_checkpoint_state(folder)
    assert len(state.all_model_checkpoint_paths) == 2


def test_checkpoints_beyond_those_to_keep_go(tmp_path):
    """But none that a run of ours cannot have saved."""
    for name in ("model.ckpt-9", "model.ckpt-10", "model.ckpt-8", "model.ckpt", "x-7"):
        copy_checkpoint(tmp_path, name)
    (tmp_path / "model.ckpt-8.txt").write_text("")
    newest = str(tmp_path / "model.ckpt-10")
    assert checkpoints.latest_to_continue(str(tmp_path), keep=2) == newest
    state = tf.train.get_checkpoint_state(str(tmp_path))
    assert len(state.all_model_checkpoint_paths) == 2
    left = [pathlib.Path(one).name for one in checkpoints.prefixes_in(str(tmp_path))]
    assert left == ["model.ckpt", "model.ckpt-10", "model.ckpt-9", "x-7"]


# What is in a checkpoint.


@pytest.fixture(scope="module")
def variables():
    """Variables of the tiny encoder with a head of 7 labels."""
    config = modeling.BertConfig.from_json_file(str(INIT / "bert_config.json"))
    with tf.Graph().as_default():
        model = modeling.BertModel(config, False, [[2, 3]])
        modeling.output_layer(model.get_sequence_output(), 7)
        return tf.trainable_variables()


def test_whole_model_is_loaded(variables):
    loaded = checkpoints.variables_to_load(FINE_TUNED, variables, needs_head=True)
    assert loaded == {one.op.name: one for one in variables}


def test_pretrained_encoder_is_loaded_without_a_head(variables):
    prefix = str(INIT / "model.ckpt")
    loaded = checkpoints.variables_to_load(prefix, variables, needs_head=False)
    names = {one.op.name for one in variables}
    assert names - set(loaded) == {"output_weights", "output_bias"}
    with pytest.raises(
        files.InputError,
        match=r"no trained head .*\(output_weights, output_bias missing\).*do_train",
    ):
        checkpoints.variables_to_load(prefix, variables, needs_head=True)


def test_further_variables_of_a_checkpoint_are_ignored(tmp_path, variables):
    values = values_of(str(INIT / "model.ckpt"))
    values["cls/predictions/output_bias"] = np.zeros(3000, np.float32)
    values["bert/pooler/dense/bias/adam_m"] = np.zeros(32, np.float32)
    prefix = save(tmp_path / "model.ckpt", values)
    loaded = checkpoints.variables_to_load(prefix, variables, needs_head=False)
    assert "cls/predictions/output_bias" not in loaded
    assert "bert/pooler/dense/bias" in loaded


@pytest.mark.parametrize(
    "name, shape, remedy",
    [
        ("bert/pooler/dense/bias", [33], "is --bert_config_file the one"),
        ("bert/embeddings/word_embeddings", [10, 32], "is --bert_config_file the one"),
        ("output_bias", [5], "trained with other labels"),
    ],
)
def test_shape_that_does_not_fit_is_named(tmp_path, variables, name, shape, remedy):
    values = dict(values_of(FINE_TUNED))
    expected = list(values[name].shape)
    values[name] = np.zeros(shape, np.float32)
    prefix = save(tmp_path / "model.ckpt", values)
    with pytest.raises(files.InputError) as caught:
        checkpoints.variables_to_load(prefix, variables, needs_head=True)
    message = str(caught.value)
    assert message.startswith(
        f"{prefix}: {name} has shape {shape} there but {expected}"
    )
    assert remedy in message


def test_checkpoint_of_something_else_is_refused(tmp_path, variables):
    prefix = save(tmp_path / "model.ckpt", {"dense/kernel": np.zeros([2, 2])})
    with pytest.raises(files.InputError, match="lacks 39 .* bert/embeddings/word_emb"):
        checkpoints.variables_to_load(prefix, variables, needs_head=False)


@pytest.mark.parametrize("content", [b"", b"{}", b"\0" * 5000])
def test_damaged_index_is_refused(tmp_path, content):
    prefix = copy_checkpoint(tmp_path)
    pathlib.Path(prefix + ".index").write_bytes(content)
    with pytest.raises(files.InputError, match="not a readable TensorFlow checkpoint"):
        checkpoints.shapes(prefix)


@pytest.mark.parametrize("keep", [0, 1000, 400000])
def test_truncated_weights_are_noticed(tmp_path, keep):
    prefix = copy_checkpoint(tmp_path)
    names = checkpoints.shapes(prefix)
    checkpoints.check_readable(prefix, names)
    data = pathlib.Path(prefix + PARTS[1])
    data.write_bytes(data.read_bytes()[:keep])
    with pytest.raises(files.InputError, match="copy or download it again"):
        checkpoints.check_readable(prefix, names)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_noticed(tmp_path, number):
    values = {"bias": np.array([0.0, number]), "note": "no number", "global_step": 7}
    prefix = save(tmp_path / "model.ckpt-7", values)
    checkpoints.check_readable(prefix, ["note", "global_step"])
    with pytest.raises(files.InputError, match="-7: bias holds numbers that are not"):
        checkpoints.check_readable(prefix, values)


def test_changed_weights_are_noticed(tmp_path):
    prefix = copy_checkpoint(tmp_path)
    data = pathlib.Path(prefix + PARTS[1])
    content = bytearray(data.read_bytes())
    content[200000] ^= 1
    data.write_bytes(bytes(content))
    with pytest.raises(files.InputError, match="not a readable"):
        checkpoints.check_readable(prefix, checkpoints.shapes(prefix))


def test_training_goes_on_from_a_training_checkpoint_only(tmp_path):
    checkpoints.check_can_go_on(FINE_TUNED)
    values = values_of(FINE_TUNED)
    weights = {name: v for name, v in values.items() if "adam_" not in name}
    prefix = save(tmp_path / "model.ckpt-1", weights)
    with pytest.raises(files.InputError, match="no more than weights"):
        checkpoints.check_can_go_on(prefix)


# Labels.


def labelled(folder, labels):
    for part in PARTS:
        shutil.copy(FINE_TUNED + part, str(folder))
    path = folder / LABELS_FILE
    path.write_text(labels if isinstance(labels, str) else json.dumps(labels))
    return str(folder / "model.ckpt-1190"), path


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
        load_labels(str(INIT / "model.ckpt"), ("a",))


# Configuration and vocabulary.


def test_sequences_are_no_longer_than_the_models_positions():
    path = str(INIT / "bert_config.json")
    assert load_config(path, 384).hidden_size == 32
    with pytest.raises(files.InputError) as caught:
        load_config(path, 385)
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
        (b"\xff\xfe{}", ":1: byte 1 of the line is not UTF-8"),
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
    config = modeling.BertConfig.from_json_file(str(INIT / "bert_config.json"))
    return model.load_tokenizer(str(vocabulary), False, config, checkpoint)


def test_vocabulary_belongs_to_the_model():
    assert load_tokenizer(INIT / "vocab.txt").vocab_size == 3000


PIECES = (INIT / "vocab.txt").read_bytes().splitlines(True)


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
        load_tokenizer(INIT / "vocab.txt", path)
