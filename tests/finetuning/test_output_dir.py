"""output_folder.py: one run at a time, nothing mixed, nothing foreign removed."""

import hashlib
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import modeling
import run_ner
from biocodes.lib import files
from finetuning import output_dir
from finetuning.model import model_facts
from kit.paths import DATA

ROOT = DATA.parent.parent
VOCAB = str(DATA / "init" / "vocab.txt")
CONFIG_FILE = str(DATA / "init" / "bert_config.json")
FINE_TUNED = DATA / "ner"
CHECKPOINT = ("model.ckpt-1190.index", "model.ckpt-1190.data-00000-of-00001")
RESULTS = ("eval_results.txt", "token_test.txt")

HOLD_LOCK = """
import sys
from finetuning import output_dir
with output_dir.locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def parsed(*arguments):
    flags = run_ner.define_flags()
    flags(["run_ner.py", *arguments])
    return flags


@pytest.fixture(scope="module")
def model():
    config = modeling.BertConfig.from_json_file(CONFIG_FILE)
    return model_facts(config, VOCAB, False)


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "train_dev.tsv"
    path.write_text("a\tO\n")
    return str(path)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    return str(path)


def facts_of(model, corpus, *arguments, labels=("B", "I", "O")):
    return output_dir.training_facts(parsed(*arguments), model, corpus, labels=labels)


def add_checkpoint(folder):
    for name in CHECKPOINT:
        shutil.copy(str(FINE_TUNED / name), folder)


# The lock.


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


# Facts.


def test_digest_is_sha_256(tmp_path):
    path = tmp_path / "big"
    content = os.urandom(3 << 20) + b"end"
    path.write_bytes(content)
    assert files.digest(str(path)) == hashlib.sha256(content).hexdigest()
    with pytest.raises(files.InputError, match="no such file"):
        files.digest(str(tmp_path / "no"))


def test_facts_come_back_from_the_record_as_they_were(folder, model, corpus):
    facts = facts_of(model, corpus, "--init_checkpoint=some/where", "--seed=3")
    assert facts["init_checkpoint"] == os.path.abspath("some/where")
    flags = parsed("--seed=3")
    output_dir.start_training(folder, flags, facts, RESULTS)
    record = files.read_json(os.path.join(folder, "run.json"))
    assert record["training"] == facts
    assert facts["bert_config"]["hidden_size"] == 32
    assert facts["corpus"] == files.digest(corpus)
    assert facts["vocabulary"] == files.digest(VOCAB)
    assert record["command"] == sys.argv
    assert record["arguments"]["seed"] == 3
    assert record["arguments"]["learning_rate"] == 5e-5
    assert record["versions"] == {
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
    folder, model, corpus, listing, arguments, difference
):
    output_dir.start_training(folder, parsed(), facts_of(model, corpus), RESULTS)
    add_checkpoint(folder)
    before = listing(folder)
    changed = facts_of(model, corpus, *arguments)
    with pytest.raises(files.InputError) as caught:
        output_dir.start_training(folder, parsed(*arguments), changed, RESULTS)
    assert str(caught.value) == (
        f"{folder}: the checkpoints in it come from another training: {difference}; "
        "choose another --output_dir, or start afresh with --overwrite_output_dir=true"
    )
    assert listing(folder) == before


def test_data_that_training_rests_on_may_not_change(folder, model, corpus):
    output_dir.start_training(folder, parsed(), facts_of(model, corpus), RESULTS)
    add_checkpoint(folder)
    others = {
        "its bert_config differs": facts_of(dict(model, bert_config={}), corpus),
        "its vocabulary differs": facts_of(dict(model, vocabulary="0"), corpus),
        "--do_lower_case was False, is True": facts_of(
            dict(model, do_lower_case=True), corpus
        ),
        "its labels differs": facts_of(model, corpus, labels=("B", "O")),
    }
    pathlib.Path(corpus).write_text("b\tO\n")
    others["its corpus differs"] = facts_of(model, corpus)
    for difference, facts in others.items():
        with pytest.raises(files.InputError, match=difference):
            output_dir.check_start(folder, facts, afresh=False)
        output_dir.check_start(folder, facts, afresh=True)


def test_flags_that_shape_nothing_may_change(folder, model, corpus):
    output_dir.start_training(folder, parsed(), facts_of(model, corpus), RESULTS)
    add_checkpoint(folder)
    arguments = ["--predict_batch_size=64", "--do_eval", "--save_checkpoints_steps=9"]
    facts = facts_of(model, corpus, *arguments)
    output_dir.start_training(folder, parsed(*arguments), facts, RESULTS)
    record = files.read_json(os.path.join(folder, "run.json"))
    assert record["arguments"]["predict_batch_size"] == 64


def test_without_a_checkpoint_there_is_nothing_to_mix(folder, model, corpus):
    output_dir.start_training(folder, parsed(), facts_of(model, corpus), RESULTS)
    other = facts_of(model, corpus, "--seed=2")
    output_dir.start_training(folder, parsed("--seed=2"), other, RESULTS)
    record = files.read_json(os.path.join(folder, "run.json"))
    assert record["training"]["seed"] == 2


def test_checkpoint_without_a_record_is_gone_on_with(folder, model, corpus):
    """The original writes none."""
    add_checkpoint(folder)
    output_dir.start_training(folder, parsed(), facts_of(model, corpus), RESULTS)
    assert os.path.exists(os.path.join(folder, "run.json"))


def test_prediction_is_held_against_the_model_only(folder, model, corpus):
    output_dir.check_same_model(folder, model)  # no record, no objection
    facts = facts_of(model, corpus, "--seed=5")
    output_dir.start_training(folder, parsed("--seed=5"), facts, RESULTS)
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
def test_record_is_checked_before_it_is_believed(folder, model, corpus, content):
    path = os.path.join(folder, "run.json")
    pathlib.Path(path).write_text(content)
    add_checkpoint(folder)
    with pytest.raises(files.InputError) as caught:
        output_dir.check_start(folder, facts_of(model, corpus), afresh=False)
    assert str(caught.value).startswith(path)
    with pytest.raises(files.InputError):
        output_dir.check_same_model(folder, model)


def test_results_of_a_prediction_with_another_model_go(folder, tmp_path):
    one, other = str(FINE_TUNED / "model.ckpt-1190"), str(DATA / "init" / "model.ckpt")
    path = pathlib.Path(folder, RESULTS[0])

    def predict(checkpoint):
        output_dir.start_prediction(folder, parsed(), checkpoint, RESULTS)
        kept = path.exists()
        path.write_text("")
        return kept

    path.write_text("of nobody knows what")
    assert [predict(one), predict(one), predict(other)] == [True, True, False]
    for odd in (7, [1, 2], {"a": None}):
        record = json.dumps({"training": {}, "checkpoint": odd})
        pathlib.Path(folder, "run.json").write_text(record)
        assert predict(one) is False


def test_prediction_keeps_the_facts_of_the_training(folder, model, corpus):
    facts = facts_of(model, corpus)
    output_dir.start_training(folder, parsed(), facts, RESULTS)
    checkpoint = str(FINE_TUNED / "model.ckpt-1190")
    output_dir.start_prediction(folder, parsed("--nodo_train"), checkpoint, [])
    record = files.read_json(os.path.join(folder, "run.json"))
    assert record["training"] == facts
    assert record["arguments"]["do_train"] is False


def test_record_files_rest_on_corpus_and_tokenizer(model, corpus):
    facts = output_dir.data_facts(model, corpus)
    assert facts == {
        "vocabulary": model["vocabulary"],
        "do_lower_case": False,
        "corpus": files.digest(corpus),
    }
    json.dumps(facts)


def test_results_of_another_model_go_when_training_starts(folder, model, corpus):
    facts = facts_of(model, corpus)
    paths = [pathlib.Path(folder, name) for name in (*RESULTS, "notes.txt")]
    for path in paths:
        path.write_text("of an earlier prediction")
    output_dir.start_training(folder, parsed(), facts, RESULTS)
    assert [path.exists() for path in paths] == [False, False, True]
    add_checkpoint(folder)
    for path in paths:
        path.write_text("of this training")
    output_dir.start_training(folder, parsed(), facts, RESULTS)
    assert all(path.exists() for path in paths)


def test_what_killed_runs_left_of_checkpoints_goes(folder, model, corpus):
    """But in a folder that no run has recorded, it is not ours."""
    add_checkpoint(folder)
    left = [
        "model.ckpt-1190.index.tempstate4711",
        "model.ckpt-1200.data-00000-of-00001.tempstate4711",
        "model.ckpt-1100.data-00000-of-00001",
        "checkpoint.tmp0815",
    ]
    for name in [*left, "model.ckpt.zip", "checkpoint"]:
        pathlib.Path(folder, name).write_text("")
    before = sorted(os.listdir(folder))
    facts = facts_of(model, corpus)
    output_dir.start_training(folder, parsed(), facts, RESULTS)
    assert sorted(os.listdir(folder)) == sorted([*before, "run.json"])
    output_dir.start_training(folder, parsed(), facts, RESULTS)
    assert sorted(os.listdir(folder)) == sorted({*before, "run.json"} - {*left})


# Starting afresh.


def test_starting_afresh_leaves_foreign_files_alone(folder, model, corpus):
    add_checkpoint(folder)
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
    flags = parsed("--overwrite_output_dir")
    output_dir.start_training(folder, flags, facts_of(model, corpus), RESULTS)
    assert sorted(os.listdir(folder)) == sorted([*foreign, "events", "run.json"])


# Results.


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
