"""run_ner.py's training: typed labels, resuming, seeds, signals, a full disk."""

import json
import pathlib
import re
import shutil
import signal
import time

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import run_ner
from biocodes.lib import files, model_folder
from finetuning import checkpoints
from finetuning.signals import AGAIN
from kit.finished import logged
from kit.golden import INIT
from kit.ner_runs import (
    DEVEL,
    SHORT,
    SMALL,
    TEST,
    detokenize_and_score,
    results_in,
    typed,
    write_corpus,
)
from kit.paths import DATA
from tasks.ner.results import PIECE_FILES

tf.disable_v2_behavior()


@pytest.fixture(scope="module")
def typed_run(tmp_path_factory, run_command, tiny_bert):
    """A training on typed data and a prediction, as a command.

    Returns:
      Its arguments, the output folder, Finished. The output folder is named by the last
      argument, so that a copy can be used instead.
    """
    folder = tmp_path_factory.mktemp("typed")
    arguments = [
        *tiny_bert,
        write_corpus(folder / "data", typed(DEVEL), typed(DEVEL), typed(TEST)),
        "--do_eval=true",
        "--max_seq_length=64",
        "--train_batch_size=8",
        "--learning_rate=2e-3",
        "--num_train_epochs=10",
        "--save_checkpoints_steps=60",
        f"--output_dir={folder / 'out'}",
    ]
    done = run_command("run_ner.py", *arguments)
    assert done.status == 0, done.stderr
    return arguments, folder / "out", done


@pytest.fixture
def finished(typed_run, tmp_path):
    """The arguments of the typed run in a copy of its folder, and that copy."""
    arguments, out, _ = typed_run
    copy = tmp_path / "out"
    shutil.copytree(str(out), str(copy))
    return [*arguments[:-1], f"--output_dir={copy}"], copy


def test_typed_data_just_works(typed_run, run_command, tmp_path):
    arguments, out, done = typed_run
    table = (out / "entity_level_results.txt").read_text()
    assert re.search(r"^ +Chemical: precision: ", table, re.MULTILINE)
    assert re.search(r"^ +Disease: precision: ", table, re.MULTILINE)
    assert "MISC" not in table
    for line in table.splitlines():
        assert f"INFO:tensorflow:  {line}\n" in done.stderr
    data = out.parent / "data"
    detokenize_and_score(out, data / "test.tsv", run_command, tmp_path)
    labels = json.loads((out / "label2id.json").read_text())
    assert list(labels) == sorted(labels, key=labels.get)
    assert set(labels) > {"B-Chemical", "I-Disease", "O"}
    lines = (out / "label_test.txt").read_text().splitlines()
    assert set(lines) <= set(labels) - {"[PAD]"}


def test_something_is_learned(typed_run):
    """devel.tsv is the training file here."""
    _, out, _ = typed_run
    results = results_in(out / "eval_results.txt")
    assert results["global_step"] == 150
    assert results["eval_f"] > 0.3


def test_training_log_has_no_noise_and_no_line_twice(typed_run):
    _, _, done = typed_run
    lines = done.stderr.splitlines()
    warning = "WARNING:tensorflow:!!! 120 of the 120 sentences of "
    assert sum(line.startswith(warning) for line in lines) == 1
    lines = [line for line in lines if not line.startswith(warning)]
    assert all(line.startswith("INFO:tensorflow:") for line in lines), done.stderr
    assert done.stdout == ""
    for start in (
        "device: ",
        "***** training *****",
        "  steps = 150, of them warm-up = 15",
        "***** Eval results *****",
        "***** token-level evaluation results *****",
        "***** entity-level evaluation results *****",
    ):
        assert done.stderr.count(f"INFO:tensorflow:{start}") == 1
    last = r"^INFO:tensorflow:[-0-9]+ [:0-9]+ step 150 of 150 \(100 %\), "
    assert len(re.findall(last, done.stderr, re.MULTILINE)) == 1


def test_checkpoint_has_the_originals_variables(finished):
    _, out = finished
    path = DATA / "model" / "checkpoint_variables_ner.json"
    expected = {
        name[: -len(":0")] if name.endswith(":0") else name: shape
        for name, shape in json.loads(path.read_text())
    }
    for name in expected:
        if name.startswith(("output_weights", "output_bias")):
            expected[name][0] = 9  # here with nine labels
    assert checkpoints.shapes(str(out / "model.ckpt-150")) == expected


def checkpoint_names(folder):
    return [
        pathlib.Path(prefix).name for prefix in model_folder.prefixes_in(str(folder))
    ]


def test_checkpoints_are_saved_on_the_way(typed_run):
    _, out, _ = typed_run
    names = {"model.ckpt-60", "model.ckpt-120", "model.ckpt-150"}
    assert set(checkpoint_names(out)) == names


# A second run in the same folder


def test_second_run_has_nothing_left_and_predicts_the_same(
    finished, call, caplog, listing
):
    arguments, out = finished
    before = listing(out)
    assert call(run_ner, *arguments) == (0, "", "")
    assert "  step 150 of 150: nothing left to train" in logged(caplog)
    after = listing(out)
    for changing in ("run.json", "checkpoint", "scores.json", "report.html"):
        before.pop(changing), after.pop(changing)
    assert after == before


def test_prediction_alone_takes_the_model_in_the_folder(
    finished, call, listing, tiny_bert
):
    arguments, out = finished
    before = (out / "label_test.txt").read_bytes()
    for name in ("label_test.txt", "label2id.pkl"):
        (out / name).unlink()
    for name in ("train_dev.tsv", "devel.tsv"):
        assert (out.parent / "data" / name).exists() is False
    data_dir = write_corpus(out.parent / "data", test=typed(TEST))
    done = call(run_ner, *arguments, data_dir, "--do_train=false", "--do_eval=false")
    assert done == (0, "", "")
    assert (out / "label_test.txt").read_bytes() == before
    record = json.loads((out / "run.json").read_text())
    assert record["training"]["learning_rate"] == 2e-3


@pytest.mark.parametrize(
    "change, difference",
    [
        (["--learning_rate=1e-3"], "--learning_rate was 0.002, is 0.001"),
        (["--max_seq_length=32"], "--max_seq_length was 64, is 32"),
        (["--do_lower_case"], "--do_lower_case was False, is True"),
        (["corpus"], "its corpus differs"),
        (["vocabulary"], "its vocabulary differs"),
    ],
)
def test_other_training_is_refused_in_the_same_folder(
    finished, call, listing, tmp_path, change, difference
):
    arguments, out = finished
    if change == ["corpus"]:
        text = typed(DEVEL).replace("\n", "\n\n", 1)
        change = [write_corpus(tmp_path / "data", text, typed(DEVEL), typed(TEST))]
    if change == ["vocabulary"]:
        pieces = (INIT / "vocab.txt").read_text(encoding="utf-8").splitlines()
        pieces[1500:1502] = pieces[1501:1499:-1]
        path = tmp_path / "vocab.txt"
        path.write_text("\n".join(pieces) + "\n", encoding="utf-8")
        change = [f"--vocab_file={path}"]
    before = listing(out)
    error = call(run_ner, *arguments, *change).error
    assert error.startswith(
        f"run_ner.py: error: {out}: the checkpoints in it come from"
    )
    assert difference in error
    assert error.endswith("or start afresh with --overwrite_output_dir=true")
    assert listing(out) == before


def test_overwriting_replaces_what_was_there(finished, call, caplog):
    arguments, out = finished
    (out / "notes.txt").write_text("mine")
    change = ["--overwrite_output_dir=true", "--num_train_epochs=0.2", "--seed=2"]
    assert call(run_ner, *arguments, *change) == (0, "", "")
    assert "  steps = 3, of them warm-up = 0" in logged(caplog)
    assert checkpoint_names(out) == ["model.ckpt-3"]
    assert (out / "notes.txt").read_text() == "mine"
    assert results_in(out / "eval_results.txt")["global_step"] == 3


def test_a_bad_start_removes_nothing_even_when_it_overwrites(finished, call, listing):
    arguments, out = finished
    before = listing(out)
    checkpoint = out.parent / "model.ckpt"
    for ending in ("index", "data-00000-of-00001"):
        name = f"model.ckpt.{ending}"
        content = (INIT / name).read_bytes()
        (out.parent / name).write_bytes(content[:300000])
    change = [f"--init_checkpoint={checkpoint}", "--overwrite_output_dir=true"]
    assert "not a readable TensorFlow" in call(run_ner, *arguments, *change).error
    assert listing(out) == before


# Seeds, signals, a full disk


def test_seed_fixes_a_run(call, tiny_bert, tmp_path, caplog):
    data_dir = write_corpus(tmp_path / "data", train=SMALL, test=SMALL)

    def run(name, seed):
        out = tmp_path / name
        flags = [*tiny_bert, data_dir, *SHORT, f"--output_dir={out}", f"--seed={seed}"]
        assert call(run_ner, *flags) == (0, "", "")
        (step,) = [line for line in logged(caplog) if line.startswith("step 6 of 6")]
        reader = tf.train.load_checkpoint(str(out / "model.ckpt-6"))
        return step.split(", learning")[0], reader.get_tensor("output_weights")

    step, weights = run("a", 1)
    same_step, same_weights = run("b", 1)
    other_step, other_weights = run("c", 2)
    assert step == same_step != other_step
    np.testing.assert_allclose(weights, same_weights, rtol=0, atol=1e-6)
    assert np.abs(weights - other_weights).max() > 0.01


def test_loss_that_is_not_finite_ends_the_run(call, tiny_bert, tmp_path):
    out = tmp_path / "out"
    error = call(
        run_ner,
        *tiny_bert,
        write_corpus(tmp_path / "data", train=SMALL, test=SMALL),
        *SHORT,
        f"--output_dir={out}",
        "--learning_rate=1e30",
        "--save_checkpoints_steps=1",
    ).error
    assert re.search(r"error: the (loss|gradient) is (nan|inf) at step 2; ", error)
    assert "try a lower --learning_rate" in error
    assert checkpoint_names(out) == ["model.ckpt-1"]
    assert not list(out.glob("*_test.txt"))


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"]
)
def test_stopped_run_is_finished_by_the_same_command(
    start_command, run_command, tiny_bert, tmp_path, number
):
    out = tmp_path / "out"
    arguments = [
        *tiny_bert,
        write_corpus(tmp_path / "data", train=SMALL, test=SMALL),
        f"--output_dir={out}",
        "--train_batch_size=4",
        "--max_seq_length=32",
        "--num_train_epochs=100",
        "--save_checkpoints_steps=10",
    ]
    process = start_command("run_ner.py", *arguments)
    deadline = time.time() + 60
    while not list(out.glob("model.ckpt-*.index")):
        assert process.poll() is None and time.time() < deadline
        time.sleep(0.005)
    process.send_signal(number)
    _, stderr = process.communicate()
    step = checkpoints.step(model_folder.latest(str(out)))
    assert 10 <= step < 300
    if number == signal.SIGTERM:
        assert process.returncode == 128 + number
        assert stderr.decode().splitlines()[-1] == (
            f"stopped by SIGTERM: checkpoint saved at step {step} of 300; {AGAIN}"
        )
    else:
        assert process.returncode == -number
    assert not list(out.glob("*_test.txt"))
    done = run_command("run_ner.py", *arguments)
    assert done.status == 0, done.stderr
    assert f"INFO:tensorflow:  resuming at step {step} of 300\n" in done.stderr
    assert checkpoints.step(model_folder.latest(str(out))) == 300
    for name in (*PIECE_FILES, "NER_result_conll.txt"):
        assert (out / name).stat().st_size


def test_second_run_in_a_folder_at_work_is_refused(
    start_command, call, tiny_bert, tmp_path
):
    out = tmp_path / "out"
    arguments = [
        *tiny_bert,
        write_corpus(tmp_path / "data", train=SMALL, test=SMALL),
        f"--output_dir={out}",
        "--train_batch_size=4",
        "--num_train_epochs=100000",
    ]
    process = start_command("run_ner.py", *arguments)
    deadline = time.time() + 60
    while not (out / "run.json").exists():
        assert process.poll() is None and time.time() < deadline
        time.sleep(0.02)
    error = call(run_ner, *arguments).error
    assert error == (
        f"run_ner.py: error: {out}: another run is at work in this folder; "
        "wait for it, or choose another --output_dir"
    )


def test_full_disk_ends_the_run_in_one_line(run_command, tiny_bert, tmp_path):
    """No file may grow beyond 300,000 bytes: the checkpoint cannot be saved."""
    resource = pytest.importorskip("resource")

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300000, 300000))

    out = tmp_path / "out"
    done = run_command(
        "run_ner.py",
        *tiny_bert,
        write_corpus(tmp_path / "data", train=SMALL, test=SMALL),
        *SHORT,
        f"--output_dir={out}",
        preexec_fn=limit,
    )
    assert done.error == (
        f"run_ner.py: error: {out}/model.ckpt-6: cannot be written (file too large); "
        "nothing there was changed"
    )
    assert model_folder.latest(str(out)) is None


# The command


def test_help_is_printed(run_command):
    done = run_command("run_ner.py", "--help")
    assert (done.status, done.stderr) == (0, "")
    assert re.search(r"^  --do_train=true +Fine-tune\.$", done.stdout, re.MULTILINE)
    assert "train_dev.tsv" in done.stdout


def test_input_errors_have_their_own_class():
    """So that main can be used as a function."""
    with pytest.raises(files.InputError, match="--vocab_file: is required"):
        run_ner.main(["run_ner.py"], None)


def test_a_corpus_in_iobes_is_learnt_and_scored_as_the_same_in_iob2(
    call, tiny_bert, tmp_path
):
    """And an unseen type in the test file counts as missed, by token and by entity."""
    results = []
    for name, change in (("iob2", str), ("iobes", iobes)):
        data = tmp_path / name / "data"
        test = change(typed(SMALL)).replace("-Disease", "-Gene")
        flags = [write_corpus(data, change(typed(SMALL)), test=test), *SHORT]
        out = tmp_path / name / "out"
        assert call(run_ner, *tiny_bert, *flags, f"--output_dir={out}")[0] == 0
        names = ("NER_result_conll.txt", "entity_level_results.txt", *PIECE_FILES)
        results.append([(out / file).read_bytes() for file in names])
    assert results[0] == results[1]
    assert b"Gene: precision:   0.00%; recall:   0.00%;" in results[0][1]


def iobes(text):
    """Write labels B and I with E at the end of an entity and S for a single word."""
    lines = text.split("\n")
    for index, line in enumerate(lines):
        word, _, label = line.partition("\t")
        if label[:1] in ("B", "I"):
            goes_on = lines[index + 1].partition("\t")[2][:1] == "I"
            tag = label[0] if goes_on else {"B": "S", "I": "E"}[label[0]]
            lines[index] = f"{word}\t{tag}{label[1:]}"
    return "\n".join(lines)
