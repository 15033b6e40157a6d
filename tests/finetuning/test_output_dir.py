"""output_dir.py: one run at a time, nothing mixed, nothing foreign removed."""

import hashlib
import json
import os
import pathlib
import platform
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from biocodes.lib import files
from finetuning import output_dir
from kit.golden import FINE_TUNED, PRETRAINED
from kit.models import copy_checkpoint, tiny_facts
from kit.paths import ROOT
from kit.small_run import RESULTS, arguments_of

HOLD_LOCK = """
import sys
from finetuning import output_dir
with output_dir.locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    return str(path)


def facts_of(*arguments):
    """Facts of a training with these flags."""
    flags = arguments_of(*arguments)
    shaping = {name: flags[name] for name in output_dir.SHAPING_FLAGS}
    return dict(tiny_facts(), corpus="abc", labels=["B", "I", "O"], **shaping)


def start_training(folder, *arguments):
    facts = facts_of(*arguments)
    output_dir.start_training(folder, arguments_of(*arguments), facts, RESULTS)
    return facts


def record_of(folder):
    return files.read_json(os.path.join(folder, "run.json"))


# The lock


def test_second_run_is_refused_until_the_first_is_gone(folder):
    """A killed run leaves no lock behind: the kernel drops it."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, folder],
        cwd=str(ROOT),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(files.InputError, match="another run is at work") as caught:
            with output_dir.locked(folder):
                pass
        assert str(caught.value).startswith(folder)
    finally:
        holder.kill()
        holder.communicate()
    with output_dir.locked(folder) as locked:
        assert locked == folder


def test_lock_is_released_with_the_block(folder):
    with pytest.raises(KeyError), output_dir.locked(folder):
        raise KeyError
    with output_dir.locked(folder):
        pass


def test_folder_is_made_with_its_parents(tmp_path):
    path = str(tmp_path / "a" / "b")
    with output_dir.locked(path):
        assert os.path.isdir(path)


def test_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(files.InputError, match="cannot be written"):
            with output_dir.locked(str(path)):
                pass


# Records and what they are compared with


def test_digest_is_sha_256(tmp_path):
    path = tmp_path / "big"
    content = os.urandom(3 << 20) + b"end"
    path.write_bytes(content)
    assert files.digest(str(path)) == hashlib.sha256(content).hexdigest()
    with pytest.raises(files.InputError, match="no such file"):
        files.digest(str(tmp_path / "no"))


def test_record_says_how_the_model_came_about(folder):
    facts = start_training(folder, "--seed=3")
    record = record_of(folder)
    assert record["training"] == facts
    assert record["command"] == sys.argv
    assert record["arguments"] == arguments_of("--seed=3")
    assert record["arguments"]["seed"] == 3
    assert record["arguments"]["learning_rate"] == 5e-5
    assert record["checkpoint"] is None
    versions = record["versions"]
    versions.pop("onnxruntime", None)  # where another test has imported it
    assert versions == {
        "python": platform.python_version(),
        "tensorflow": tf.version.VERSION,
        "numpy": np.__version__,
    }


DIFFERENCES = [
    (["--learning_rate=1e-4"], "--learning_rate was 5e-05, is 0.0001"),
    (["--seed=2"], "--seed was 1, is 2"),
    (["--max_seq_length=64"], "--max_seq_length was 128, is 64"),
    (["--num_train_epochs=3"], "--num_train_epochs was 10.0, is 3.0"),
    (["--train_batch_size=8"], "--train_batch_size was 32, is 8"),
    (["--warmup_proportion=0"], "--warmup_proportion was 0.1, is 0.0"),
    (["--pad_to_max_length"], "--pad_to_max_length was False, is True"),
    (["--init_checkpoint=/a/b"], "--init_checkpoint was None, is /a/b"),
    (
        ["--seed=2", "--max_seq_length=64"],
        "--max_seq_length was 128, is 64, --seed was 1, is 2",
    ),
]


@pytest.mark.parametrize("arguments, difference", DIFFERENCES)
def test_flag_that_shapes_training_may_not_change(
    folder, listing, arguments, difference
):
    start_training(folder)
    copy_checkpoint(FINE_TUNED, folder)
    before = listing(folder)
    with pytest.raises(files.InputError) as caught:
        output_dir.check_same_training(folder, facts_of(*arguments), overwrite=False)
    assert str(caught.value) == (
        f"{folder}: the checkpoints in it come from another training: {difference}; "
        "choose another --output_dir, or start afresh with --overwrite_output_dir=true"
    )
    assert listing(folder) == before
    output_dir.check_same_training(folder, facts_of(*arguments), overwrite=True)


@pytest.mark.parametrize(
    "name, value, difference",
    [
        ("bert_config", {}, "its bert_config differs"),
        ("vocabulary", "0", "its vocabulary differs"),
        ("do_lower_case", True, "--do_lower_case was False, is True"),
        ("labels", ["B", "O"], "its labels differs"),
        ("corpus", "abd", "its corpus differs"),
    ],
)
def test_data_that_training_rests_on_may_not_change(folder, name, value, difference):
    start_training(folder)
    copy_checkpoint(FINE_TUNED, folder)
    facts = dict(facts_of(), **{name: value})
    with pytest.raises(files.InputError, match=difference):
        output_dir.check_same_training(folder, facts, overwrite=False)
    output_dir.check_same_training(folder, facts, overwrite=True)


def test_flags_that_shape_nothing_may_change(folder):
    start_training(folder)
    copy_checkpoint(FINE_TUNED, folder)
    arguments = ["--predict_batch_size=64", "--do_eval", "--save_checkpoints_steps=9"]
    output_dir.check_same_training(folder, facts_of(*arguments), overwrite=False)
    start_training(folder, *arguments)
    assert record_of(folder)["arguments"]["predict_batch_size"] == 64


def test_without_a_checkpoint_there_is_nothing_to_mix(folder):
    start_training(folder)
    output_dir.check_same_training(folder, facts_of("--seed=2"), overwrite=False)
    start_training(folder, "--seed=2")
    assert record_of(folder)["training"]["seed"] == 2


def test_checkpoint_without_a_record_is_resumed(folder):
    """The original writes none."""
    copy_checkpoint(FINE_TUNED, folder)
    output_dir.check_same_training(folder, facts_of(), overwrite=False)
    start_training(folder)
    assert os.path.exists(os.path.join(folder, "run.json"))


def test_prediction_is_compared_with_the_model_only(folder):
    model = tiny_facts()
    output_dir.check_same_model(folder, model)  # no record, no objection
    start_training(folder, "--seed=5")
    output_dir.check_same_model(folder, model)
    for name, value, difference in [
        ("vocabulary", "0", "its vocabulary differs"),
        ("bert_config", {}, "its bert_config differs"),
        ("do_lower_case", True, "--do_lower_case was False, is True"),
    ]:
        with pytest.raises(files.InputError, match="trained otherwise: " + difference):
            output_dir.check_same_model(folder, dict(model, **{name: value}))


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "7", '{"training": []}', '{"training": null}', "{}"]
)
def test_record_is_checked_before_it_is_believed(folder, content):
    path = os.path.join(folder, "run.json")
    pathlib.Path(path).write_text(content)
    copy_checkpoint(FINE_TUNED, folder)
    with pytest.raises(files.InputError) as caught:
        output_dir.check_same_training(folder, facts_of(), overwrite=False)
    assert str(caught.value).startswith(path)
    with pytest.raises(files.InputError):
        output_dir.check_same_model(folder, tiny_facts())


def test_results_of_a_prediction_with_another_model_go(folder):
    path = pathlib.Path(folder, RESULTS[0])

    def predict(checkpoint):
        digest = files.digest(f"{checkpoint}.index")
        output_dir.start_prediction(folder, arguments_of(), digest, RESULTS)
        kept = path.exists()
        path.write_text("")
        return kept

    path.write_text("of nobody knows what")
    models = [FINE_TUNED, FINE_TUNED, PRETRAINED]
    assert [predict(checkpoint) for checkpoint in models] == [True, True, False]
    for odd in (7, [1, 2], {"a": None}):
        record = json.dumps({"training": {}, "checkpoint": odd})
        pathlib.Path(folder, "run.json").write_text(record)
        assert predict(FINE_TUNED) is False


def test_prediction_keeps_the_facts_of_the_training(folder):
    facts = start_training(folder)
    arguments = arguments_of("--nodo_train")
    output_dir.start_prediction(folder, arguments, "abc", [])
    record = record_of(folder)
    assert record["training"] == facts
    assert record["arguments"]["do_train"] is False
    assert record["checkpoint"] == "abc"


def test_results_of_another_model_go_when_training_starts(folder):
    paths = [pathlib.Path(folder, name) for name in (*RESULTS, "notes.txt")]
    for path in paths:
        path.write_text("of an earlier prediction")
    start_training(folder)
    assert [path.exists() for path in paths] == [False, False, True]
    copy_checkpoint(FINE_TUNED, folder)
    for path in paths:
        path.write_text("of this training")
    start_training(folder)
    assert all(path.exists() for path in paths)


def test_what_killed_runs_left_of_checkpoints_goes(folder):
    """But in a folder that no run has recorded, it is not ours."""
    copy_checkpoint(FINE_TUNED, folder)
    left = [
        "model.ckpt-1190.index.tempstate4711",
        "model.ckpt-1200.data-00000-of-00001.tempstate4711",
        "model.ckpt-1100.data-00000-of-00001",
        "checkpoint.tmp0815",
    ]
    for name in [*left, "model.ckpt.zip", "checkpoint"]:
        pathlib.Path(folder, name).write_text("")
    before = sorted(os.listdir(folder))
    start_training(folder)
    assert sorted(os.listdir(folder)) == sorted([*before, "run.json"])
    start_training(folder)
    assert sorted(os.listdir(folder)) == sorted({*before, "run.json"} - {*left})


# Overwriting


def test_overwriting_leaves_foreign_files_alone(folder):
    copy_checkpoint(FINE_TUNED, folder)
    ours = [
        "checkpoint",
        "run.json",
        "train.tf_record",
        "predict.tf_record",
        "train.tf_record.tmp",
        "model.ckpt-3.data-00000-of-00001.tempstate99",
        "events.out.tfevents.1700000000.host",
        *RESULTS,
    ]
    foreign = ["notes.txt", "model.ckpt.zip", "my_model.ckpt-7.index", "test.tsv"]
    for name in ours + foreign:
        pathlib.Path(folder, name).write_text("not JSON")
    os.mkdir(os.path.join(folder, "events"))
    start_training(folder, "--overwrite_output_dir")
    assert sorted(os.listdir(folder)) == sorted([*foreign, "events", "run.json"])


# Results


def test_results_are_sorted_lines(folder):
    results = {
        "loss": np.float32(26.115667),
        "eval_f": np.float32(0.6368353),
        "global_step": 1190,
        "eval_recall": np.float32(1 / 3),
    }
    output_dir.write_results(folder, "eval_results.txt", results)
    assert pathlib.Path(folder, "eval_results.txt").read_text() == (
        "eval_f = 0.6368353\neval_recall = 0.33333334\nglobal_step = 1190\n"
        "loss = 26.115667\n"
    )


def test_removing_what_is_not_there_is_fine(folder):
    pathlib.Path(folder, "a").write_text("")
    output_dir.remove(folder, ["a", "b"])
    assert os.listdir(folder) == []
