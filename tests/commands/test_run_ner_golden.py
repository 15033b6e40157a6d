"""run_ner.py with the original's checkpoint: its numbers, files and log lines."""

import json
import re
import shutil

import pytest
import tensorflow.compat.v1 as tf

import run_ner
from kit.finished import logged
from kit.golden import NER, NER_MODEL
from kit.ner_runs import (
    DEVEL,
    SMALL,
    TEST,
    detokenize_and_score,
    prediction_flags,
    results_in,
    write_corpus,
)
from tasks.ner.results import PIECE_FILES

tf.disable_v2_behavior()


@pytest.fixture(scope="module")
def golden_run(tmp_path_factory, run_command, tiny_bert):
    """A prediction with the original's model, as a command.

    Nothing but test.tsv and devel.tsv is there, and the checkpoint lies elsewhere.

    Returns:
      The flag of data_dir, the output folder, Finished.
    """
    folder = tmp_path_factory.mktemp("golden")
    data_dir = write_corpus(folder / "data", devel=DEVEL, test=TEST)
    done = run_command(
        "run_ner.py",
        *tiny_bert,
        f"--init_checkpoint={NER_MODEL}",
        data_dir,
        f"--output_dir={folder / 'out'}",
        "--do_train=false",
        "--do_eval=true",
        "--max_seq_length=64",
        "--pad_to_max_length=true",
    )
    assert done.status == 0, done.stderr
    return data_dir, folder / "out", done


@pytest.mark.parametrize("name", ["token_test.txt", "label_test.txt"])
def test_predictions_are_the_originals(golden_run, name):
    _, out, _ = golden_run
    assert (out / name).read_bytes() == (NER / name).read_bytes()


def test_words_and_their_labels_are_the_originals(golden_run):
    _, out, _ = golden_run

    def columns(path, skipped=0):
        lines = path.read_text(encoding="utf-8").splitlines()
        return [line.split(" ")[skipped:] for line in lines]

    ours = out / "NER_result_conll.txt"
    assert columns(ours, 1) == columns(NER / "NER_result_conll.txt", 1)
    words = [line.split("\t")[0] for line in TEST.splitlines()]
    assert [line[0] for line in columns(ours)] == words


def test_entity_scores_are_the_originals(golden_run):
    _, out, _ = golden_run
    expected = (NER / "conlleval.txt").read_bytes()
    assert (out / "entity_level_results.txt").read_bytes() == expected


def test_token_scores_are_the_originals(golden_run):
    _, out, done = golden_run
    expected = results_in(NER / "eval_results.txt")
    of_tokens = results_in(out / "eval_results.txt")
    for name in ("entity_f1", "entity_precision", "entity_recall"):  # ours
        assert 0 < of_tokens.pop(name) < 1
    assert of_tokens == pytest.approx(expected, rel=1e-4)
    after = done.stderr.split("***** token-level evaluation results *****\n")[1]
    scores = {
        key: float(value)
        for key, value in re.findall(r"^INFO:tensorflow:  (\w+) = (\S+)$", after, re.M)
    }
    expected = results_in(NER / "token_level_results.txt")
    expected.update(loss=26.115667, global_step=1190)
    assert scores == pytest.approx(expected, rel=1e-4)


def test_log_is_what_a_person_wants_to_read(golden_run):
    """The lines of the original's README as shown there, once, and no noise."""
    _, _, done = golden_run
    number = r"\d+(\.\d+)?"
    scores = [
        f"  eval_f = {number}",
        f"  eval_precision = {number}",
        f"  eval_recall = {number}",
        "  global_step = 1190",
        f"  loss = {number}",
    ]
    of_entities = [f"  entity_{x} = {number}" for x in ("f1", "precision", "recall")]
    expected = [
        "device: .+",
        r"\*\*\*\*\* Eval results \*\*\*\*\*",
        *of_entities,
        *scores,
        r"\*\*\*\*\* token-level evaluation results \*\*\*\*\*",
        *scores,
        r"\*\*\*\*\* entity-level evaluation results \*\*\*\*\*",
        r"  processed 3988 tokens with 142 phrases; found: .+",
        r"  accuracy: .+",
        r"  +MISC: precision: .+",
        r"the report: .+/report\.html \([\d.]+ s\)",
    ]
    lines = done.stderr.splitlines()
    assert len(lines) == len(expected), done.stderr
    for line, pattern in zip(lines, expected):
        assert re.fullmatch("INFO:tensorflow:" + pattern, line)
    assert done.stdout == ""


def test_run_is_recorded(golden_run):
    _, out, _ = golden_run
    record = json.loads((out / "run.json").read_text())
    assert record["arguments"]["max_seq_length"] == 64
    assert record["arguments"]["init_checkpoint"] == str(NER_MODEL)
    assert record["versions"]["tensorflow"] == tf.version.VERSION


def test_stand_alone_scripts_give_the_same(golden_run, run_command, tmp_path):
    _, out, _ = golden_run
    detokenize_and_score(out, NER / "test.tsv", run_command, tmp_path)


def test_batches_by_length_predict_the_same(golden_run, call, tiny_bert, tmp_path):
    data_dir, out, _ = golden_run
    for size in (8, 200):
        flags = prediction_flags(tiny_bert, tmp_path / str(size), data_dir)
        assert call(run_ner, *flags, f"--predict_batch_size={size}").status == 0
        for name in PIECE_FILES:
            predicted = (tmp_path / str(size) / name).read_bytes()
            assert predicted == (out / name).read_bytes()


@pytest.mark.parametrize("layout", ["crlf", "bom", "blank lines", "no last line end"])
def test_layout_of_the_file_changes_nothing(
    golden_run, call, tiny_bert, tmp_path, layout
):
    text = {
        "crlf": TEST.replace("\n", "\r\n"),
        "bom": "\ufeff" + TEST,
        "blank lines": "\n\n" + TEST.replace("\n\n", "\n \t\n\n\n") + "\n\n",
        "no last line end": TEST.rstrip("\n"),
    }[layout]
    data_dir = write_corpus(tmp_path / "data", test=text)
    done = call(run_ner, *prediction_flags(tiny_bert, tmp_path, data_dir))
    assert done == (0, "", "")
    for name in ("token_test.txt", "label_test.txt", "NER_result_conll.txt"):
        assert (tmp_path / name).read_bytes() == (golden_run[1] / name).read_bytes()


def test_words_without_labels_are_predicted(
    golden_run, call, tiny_bert, tmp_path, caplog
):
    """Then there are no scores, and none of an earlier prediction stay."""
    words = "".join(f"{line.split(chr(9))[0]}\n" for line in TEST.splitlines())
    out = tmp_path / "out"
    flags = prediction_flags(tiny_bert, out)
    labelled = write_corpus(tmp_path / "labelled", test=SMALL)
    assert call(run_ner, *flags, labelled).status == 0
    assert (out / "entity_level_results.txt").exists()
    assert (
        call(run_ner, *flags, write_corpus(tmp_path / "data", test=words)).status == 0
    )
    assert not (out / "entity_level_results.txt").exists()
    assert any("no labels in test.tsv, so no scores" in line for line in logged(caplog))
    assert not any("results *****" in line for line in logged(caplog))
    golden = (golden_run[1] / "NER_result_conll.txt").read_text(encoding="utf-8")
    expected = [" ".join(line.split(" ")[::2]) for line in golden.split("\n")]
    written = (out / "NER_result_conll.txt").read_text(encoding="utf-8")
    assert written.split("\n") == expected


@pytest.mark.parametrize(
    "path", ["folder", "model.ckpt-1190.index", "model.ckpt-1190.data-00000-of-00001"]
)
def test_checkpoint_may_be_named_by_folder_or_part(
    call, tiny_bert, tmp_path, monkeypatch, path
):
    monkeypatch.chdir(NER)
    flags = prediction_flags(
        tiny_bert, tmp_path, write_corpus(tmp_path / "data", test=SMALL)
    )
    checkpoint = str(NER) if path == "folder" else path
    assert call(run_ner, *flags, f"--init_checkpoint={checkpoint}") == (0, "", "")
    assert (tmp_path / "NER_result_conll.txt").exists()


def test_training_resumes_from_the_originals_checkpoint(
    call, tiny_bert, tmp_path, caplog
):
    for path in NER.glob("model.ckpt-1190.*"):
        shutil.copy(str(path), str(tmp_path))
    done = call(
        run_ner,
        *tiny_bert,
        write_corpus(tmp_path / "data", train=DEVEL, test=TEST),
        f"--output_dir={tmp_path}",
        "--train_batch_size=8",
        "--max_seq_length=64",
        "--num_train_epochs=80.7",
        "--pad_to_max_length=true",
    )
    assert done == (0, "", "")
    assert "  resuming at step 1,190 of 1,210" in logged(caplog)
    prefix = str(tmp_path / "model.ckpt-1210")
    before, after = map(tf.train.load_checkpoint, (str(NER_MODEL), prefix))
    assert after.get_tensor("global_step") == 1210
    # The slots are restored with the weights: β2 keeps 0.98 of v over 20 steps.
    name = "bert/encoder/layer_0/output/dense/kernel/adam_v"
    kept = 0.999**20 * before.get_tensor(name)
    assert (after.get_tensor(name) >= 0.999 * kept).all()
    golden = results_in(NER / "token_level_results.txt")["eval_f"]
    lines = [line for line in logged(caplog) if line.startswith("  eval_f = ")]
    assert float(lines[-1].split(" = ")[1]) == pytest.approx(golden, abs=0.1)
