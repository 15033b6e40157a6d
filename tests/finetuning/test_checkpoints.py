"""checkpoints.py: what a user's path means, and what does not fit together."""

import pathlib

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import modeling
from biocodes.lib import files, model_folder
from finetuning import checkpoints, model_dir
from kit.golden import FINE_TUNED, PRETRAINED
from kit.models import (
    PARTS,
    copy_checkpoint,
    save_checkpoint,
    tiny_config,
    values_of,
)

# Paths


@pytest.mark.parametrize(
    "ending", ["", ".index", ".data-00000-of-00001", ".meta", "/", ".index/"]
)
def test_parts_of_a_checkpoint_mean_the_checkpoint(tmp_path, ending):
    prefix = copy_checkpoint(PRETRAINED, tmp_path, "model.ckpt-7")
    assert model_folder.resolve(prefix + ending) == prefix


def test_relative_prefix_is_found(tmp_path, monkeypatch):
    copy_checkpoint(PRETRAINED, tmp_path, "model.ckpt-7")
    monkeypatch.chdir(tmp_path)
    assert model_folder.resolve("model.ckpt-7") == "model.ckpt-7"
    assert model_folder.resolve("model.ckpt-7.index") == "model.ckpt-7"
    with pytest.raises(files.InputError, match="there is model.ckpt-7$"):
        model_folder.resolve("model.ckpt-8")


def test_folder_means_its_checkpoint_of_the_greatest_step(tmp_path):
    for step in (9, 100, 20):
        copy_checkpoint(PRETRAINED, tmp_path, f"model.ckpt-{step}")
    # As TensorFlow left it on another machine.
    (tmp_path / "checkpoint").write_text(
        'model_checkpoint_path: "/elsewhere/model.ckpt-9"\n'
    )
    newest = str(tmp_path / "model.ckpt-100")
    assert model_folder.resolve(str(tmp_path)) == newest
    assert model_folder.latest(str(tmp_path)) == newest


def test_checkpoint_without_a_step_counts_when_there_is_no_other(tmp_path):
    prefix = copy_checkpoint(PRETRAINED, tmp_path, "bert_model.ckpt")
    assert model_folder.resolve(str(tmp_path)) == prefix
    newer = copy_checkpoint(PRETRAINED, tmp_path, "model.ckpt-0")
    assert model_folder.latest(str(tmp_path)) == newer


def test_incomplete_checkpoints_do_not_count(tmp_path):
    whole = copy_checkpoint(PRETRAINED, tmp_path, "model.ckpt-5")
    copy_checkpoint(PRETRAINED, tmp_path, "model.ckpt-6", PARTS[:1])
    copy_checkpoint(PRETRAINED, tmp_path, "model.ckpt-7", PARTS[1:])
    # Of two data files only the second, and one that is still being written.
    copy_checkpoint(PRETRAINED, tmp_path, "model.ckpt-8", PARTS[:1])
    (tmp_path / "model.ckpt-8.data-00001-of-00002").write_bytes(b"x")
    copy_checkpoint(PRETRAINED, tmp_path, "model.ckpt-9", PARTS[:1])
    (tmp_path / "model.ckpt-9.data-00000-of-00001.tempstate12").write_bytes(b"x")
    assert model_folder.prefixes_in(str(tmp_path)) == [whole]
    (tmp_path / "model.ckpt-8.data-00000-of-00002").write_bytes(b"x")
    assert model_folder.latest(str(tmp_path)) == str(tmp_path / "model.ckpt-8")


@pytest.mark.parametrize("name", ["no", "no/deeper"])
def test_folder_that_is_not_there_has_no_checkpoint(tmp_path, name):
    assert model_folder.latest(str(tmp_path / name)) is None


def test_path_to_nothing_is_told_what_is_near(tmp_path):
    for step in (5, 10):
        copy_checkpoint(PRETRAINED, tmp_path, f"model.ckpt-{step}")
    with pytest.raises(files.InputError) as caught:
        model_folder.resolve(str(tmp_path / "model.ckpt-7"))
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
    copy_checkpoint(PRETRAINED, tmp_path, "model.ckpt-7", parts)
    with pytest.raises(files.InputError, match=message):
        model_folder.resolve(str(tmp_path / path))


def test_fine_tuned_prefers_the_folder(tmp_path):
    assert model_dir.fine_tuned(str(tmp_path), "given") == "given"
    prefix = copy_checkpoint(PRETRAINED, tmp_path, "model.ckpt-7")
    assert model_dir.fine_tuned(str(tmp_path), "given") == prefix
    with pytest.raises(files.InputError, match="no checkpoint .* --init_checkpoint"):
        model_dir.fine_tuned(str(tmp_path / "no"), None)


@pytest.mark.parametrize(
    "prefix, step",
    [("a/model.ckpt-1190", 1190), ("a/model.ckpt", -1), ("a-7/b", -1), ("m-07", 7)],
)
def test_step_of_a_name(prefix, step):
    assert model_folder.step_of_name(prefix) == step


def test_step_is_what_the_checkpoint_says(tmp_path):
    assert checkpoints.step(FINE_TUNED) == 1190
    assert checkpoints.step(PRETRAINED) == 0


def test_checkpoint_that_a_killed_run_did_not_list_is_resumed(tmp_path):
    for step in (9, 10):
        copy_checkpoint(PRETRAINED, tmp_path, f"model.ckpt-{step}")
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-9"\n')
    folder = str(tmp_path)
    newest = str(tmp_path / "model.ckpt-10")
    assert checkpoints.latest_to_resume(folder, keep=5) == newest
    assert tf.train.latest_checkpoint(folder) == newest
    state = tf.train.get_checkpoint_state(folder)
    assert len(state.all_model_checkpoint_paths) == 2


def test_checkpoints_beyond_those_to_keep_go(tmp_path):
    """But none that a run of ours cannot have saved."""
    for name in ("model.ckpt-9", "model.ckpt-10", "model.ckpt-8", "model.ckpt", "x-7"):
        copy_checkpoint(PRETRAINED, tmp_path, name)
    (tmp_path / "model.ckpt-8.txt").write_text("")
    newest = str(tmp_path / "model.ckpt-10")
    assert checkpoints.latest_to_resume(str(tmp_path), keep=2) == newest
    state = tf.train.get_checkpoint_state(str(tmp_path))
    assert len(state.all_model_checkpoint_paths) == 2
    prefixes = model_folder.prefixes_in(str(tmp_path))
    names = [pathlib.Path(prefix).name for prefix in prefixes]
    assert names == ["model.ckpt", "model.ckpt-10", "model.ckpt-9", "x-7"]


# What is in a checkpoint


@pytest.fixture(scope="module")
def variables():
    """Variables of the tiny encoder with a head of 7 labels."""
    config = tiny_config()
    with tf.Graph().as_default():
        model = modeling.BertModel(config, False, [[2, 3]])
        modeling.output_layer(model.get_sequence_output(), 7)
        return tf.trainable_variables()


def test_whole_model_is_loaded(variables):
    loaded = checkpoints.variables_to_load(FINE_TUNED, variables, needs_head=True)
    assert loaded == {variable.op.name: variable for variable in variables}


def test_pretrained_encoder_is_loaded_without_a_head(variables):
    prefix = PRETRAINED
    loaded = checkpoints.variables_to_load(prefix, variables, needs_head=False)
    names = {variable.op.name for variable in variables}
    assert names - set(loaded) == {"output_weights", "output_bias"}
    with pytest.raises(
        files.InputError,
        match=r"no trained head .*\(output_weights, output_bias missing\).*do_train",
    ):
        checkpoints.variables_to_load(prefix, variables, needs_head=True)


def test_further_variables_of_a_checkpoint_are_ignored(tmp_path, variables):
    values = values_of(PRETRAINED)
    values["cls/predictions/output_bias"] = np.zeros(3000, np.float32)
    values["bert/pooler/dense/bias/adam_m"] = np.zeros(32, np.float32)
    prefix = save_checkpoint(tmp_path / "model.ckpt", values)
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
    prefix = save_checkpoint(tmp_path / "model.ckpt", values)
    with pytest.raises(files.InputError) as caught:
        checkpoints.variables_to_load(prefix, variables, needs_head=True)
    message = str(caught.value)
    assert message.startswith(
        f"{prefix}: {name} has shape {shape} there but {expected}"
    )
    assert remedy in message


def test_checkpoint_of_something_else_is_refused(tmp_path, variables):
    prefix = save_checkpoint(
        tmp_path / "model.ckpt", {"dense/kernel": np.zeros([2, 2])}
    )
    with pytest.raises(files.InputError, match="lacks 39 .* bert/embeddings/word_emb"):
        checkpoints.variables_to_load(prefix, variables, needs_head=False)


@pytest.mark.parametrize("content", [b"", b"{}", b"\0" * 5000])
def test_damaged_index_is_refused(tmp_path, content):
    prefix = copy_checkpoint(PRETRAINED, tmp_path, "model.ckpt-7")
    pathlib.Path(prefix + ".index").write_bytes(content)
    with pytest.raises(files.InputError, match="not a readable TensorFlow checkpoint"):
        checkpoints.shapes(prefix)


@pytest.mark.parametrize("keep", [0, 1000, 400000])
def test_truncated_weights_are_noticed(tmp_path, keep):
    prefix = copy_checkpoint(PRETRAINED, tmp_path, "model.ckpt-7")
    names = checkpoints.shapes(prefix)
    checkpoints.check_readable(prefix, names)
    data = pathlib.Path(prefix + PARTS[1])
    data.write_bytes(data.read_bytes()[:keep])
    with pytest.raises(files.InputError, match="copy or download it again"):
        checkpoints.check_readable(prefix, names)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_noticed(tmp_path, number):
    values = {"bias": np.array([0.0, number]), "note": "no number", "global_step": 7}
    prefix = save_checkpoint(tmp_path / "model.ckpt-7", values)
    checkpoints.check_readable(prefix, ["note", "global_step"])
    with pytest.raises(files.InputError, match="-7: bias holds numbers that are not"):
        checkpoints.check_readable(prefix, values)


def test_changed_weights_are_noticed(tmp_path):
    prefix = copy_checkpoint(PRETRAINED, tmp_path, "model.ckpt-7")
    data = pathlib.Path(prefix + PARTS[1])
    content = bytearray(data.read_bytes())
    content[200000] ^= 1
    data.write_bytes(bytes(content))
    with pytest.raises(files.InputError, match="not a readable"):
        checkpoints.check_readable(prefix, checkpoints.shapes(prefix))


def test_training_resumes_from_a_training_checkpoint_only(tmp_path):
    checkpoints.check_resumable(FINE_TUNED)
    values = values_of(FINE_TUNED)
    weights = {name: v for name, v in values.items() if "adam_" not in name}
    prefix = save_checkpoint(tmp_path / "model.ckpt-1", weights)
    with pytest.raises(files.InputError, match="no more than weights"):
        checkpoints.check_resumable(prefix)
