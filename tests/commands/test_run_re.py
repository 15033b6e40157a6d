"""run_re.py: the original's numbers, whole runs, tasks and their labels, folds."""

import json
import logging
import pathlib
import re
import shutil

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import run_re
from biocodes.lib import files
from biocodes.lib.labels import read_labels
from biocodes.lib.relations import CHEMPROT_LABELS, Row, read_test
from finetuning.folds import find_folds
from kit.golden import CASED, RE, RE_MODEL
from kit.re_runs import (
    ALL,
    SHORT,
    TRAIN,
    arguments,
    read_table,
    read_text,
    run,
    write_data,
    write_lines,
)
from kit.wrong_input import snapshot

tf.disable_v2_behavior()


@pytest.fixture(scope="module")
def gad(tmp_path_factory, succeed):
    """A gad data set and the folder of a model trained on it by a real command."""
    folder = tmp_path_factory.mktemp("gad")
    data_dir, output_dir = write_data(folder / "data"), folder / "out"
    succeed(
        "run_re.py",
        *arguments(
            task_name="gad", data_dir=data_dir, output_dir=output_dir, **SHORT, **ALL
        ),
    )
    return data_dir, output_dir


# The original's numbers


def test_features_are_those_of_the_original():
    with open(str(RE / "features.jsonl")) as stream:
        expected = [json.loads(line) for line in stream]
    of_train = [row for row in expected if row["guid"].startswith("train-")]
    assert len(of_train) == 100
    for row, features in zip(TRAIN, of_train):
        ours = run_re.featurize(
            row, CASED, {"0": 0, "1": 1}, features["max_seq_length"]
        )
        assert ours["input_ids"] == features["input_ids"]
        assert ours["label_id"] == features["label_id"]
        assert not any(features["segment_ids"])  # which run_re therefore leaves out


@pytest.mark.parametrize("padded", [True, False])
def test_a_checkpoint_of_the_original_predicts_the_same_here(padded, tmp_path):
    run(
        task_name="GAD",
        do_eval=True,
        do_predict=True,
        data_dir=RE,
        output_dir=tmp_path,
        init_checkpoint=RE_MODEL,
        pad_to_max_length=padded,
    )
    expected = np.loadtxt(str(RE / "test_results.tsv"), delimiter="\t")
    predicted = np.loadtxt(str(tmp_path / "test_results.tsv"), delimiter="\t")
    np.testing.assert_allclose(predicted, expected, rtol=0, atol=1e-4)
    assert read_text(tmp_path, "test_scores.txt") == read_text(RE, "re_eval.txt")
    results, golden = (
        [
            line.split(" = ")
            for line in read_text(folder, "eval_results.txt").split("\n")
        ]
        for folder in (tmp_path, RE)
    )
    ours = {f"eval_{name}" for name in ("f1", "precision", "recall", "specificity")}
    assert ours < {line[0] for line in results}
    results = [line for line in results if line[0] not in ours]
    assert [line[0] for line in results] == [line[0] for line in golden]
    for (_, ours), (_, theirs) in zip(results[:-1], golden[:-1]):
        assert float(ours) == pytest.approx(float(theirs), abs=1e-4)
    # Noted whether or not the run predicts by it; it is no worse than the labels.
    best = json.loads(read_text(tmp_path, "threshold.json"))["dev.tsv"]["f1"]
    of_dev = json.loads(read_text(tmp_path, "scores.json"))["scores"]["dev.tsv"]
    assert best >= of_dev["f1"]


def test_result_lines_have_the_form_of_the_original(gad):
    # As many digits as a float32 needs, a tab between them, no header line.
    number = r"(?:0\.\d+|1\.0|\d(?:\.\d+)?e-\d\d)"
    lines = re.compile(rf"(?:{number}\t{number}\n)+")
    for folder in (RE, gad[1]):
        assert lines.fullmatch(read_text(folder, "test_results.tsv"))
    for cells in read_table(gad[1] / "test_results.tsv"):
        assert cells == [str(np.float32(cell)) for cell in cells]


# Features


@given(st.text(min_size=1, max_size=60), st.integers(3, 20))
@settings(deadline=None)
def test_any_text_becomes_the_pieces_of_the_tokenizer(text, limit):
    row = Row(1, text, None)
    features = run_re.featurize(row, CASED, {}, limit)
    pieces = CASED.tokenize(text)
    kept = CASED.convert_ids_to_tokens(features["input_ids"])
    assert kept == ["[CLS]", *pieces[: limit - 2], "[SEP]"]
    assert features["pieces"] == len(pieces) + 2
    if len(pieces) <= limit - 2:
        assert not features["lost"]


# Whole runs


def test_gad_trains_then_predicts_in_another_command(gad, succeed, tmp_path):
    data_dir, output_dir = gad
    names = ("test_results.tsv", "test_predictions.tsv", "test_scores.txt")
    trained = {name: read_text(output_dir, name) for name in names}
    again = tmp_path / "again"
    done = succeed(
        "run_re.py",
        *arguments(
            task_name="gad",
            do_predict="True",
            data_dir=data_dir,
            output_dir=again,
            init_checkpoint=output_dir,
        ),
    )
    assert {name: read_text(again, name) for name in names} == trained
    scores = succeed(
        "biocodes/re_eval.py",
        f"--output_path={again / 'test_results.tsv'}",
        f"--answer_path={data_dir / 'test.tsv'}",
    ).stdout
    assert scores == trained["test_scores.txt"]
    report = (f"  {line}" for line in scores.split("\n"))
    for line in ["***** test results *****", *report]:
        assert not line.strip() or done.stderr.count(f"INFO:tensorflow:{line}\n") == 1
    assert json.loads(read_text(output_dir, "label2id.json")) == {"0": 0, "1": 1}


def test_predictions_are_traced_back_to_their_sentences(gad):
    data_dir, output_dir = gad
    test = read_table(data_dir / "test.tsv")
    probabilities = read_table(output_dir / "test_results.tsv")
    header, *table = read_table(output_dir / "test_predictions.tsv")
    assert header == ["index", "label", "0", "1"]
    assert [line[0] for line in table] == [line[0] for line in test[1:]]
    assert [line[2:] for line in table] == probabilities
    best = [str(int(float(of_1) > float(of_0))) for of_0, of_1 in probabilities]
    assert [line[1] for line in table] == best


def test_a_second_training_has_nothing_left_to_do(gad, logs, tmp_path):
    data_dir, output_dir = gad
    copy = tmp_path / "out"
    shutil.copytree(str(output_dir), str(copy))
    before = snapshot(copy)
    run(task_name="gad", data_dir=data_dir, output_dir=copy, **SHORT, **ALL)
    assert "nothing left to train" in logs.text
    assert set(snapshot(copy)) == set(before)


def test_chemprot_trains_predicts_and_is_scored(succeed, tmp_path):
    data_dir = write_data(tmp_path / "data", CHEMPROT_LABELS)
    output_dir = tmp_path / "out"
    names = {"task_name": "chemprot", "data_dir": data_dir, "output_dir": output_dir}
    succeed("run_re.py", *arguments(**names, **SHORT, **ALL))
    header = read_table(output_dir / "test_predictions.tsv")[0]
    assert header == ["index", "label", *CHEMPROT_LABELS]
    scores = succeed(
        "biocodes/re_eval.py",
        f"--output_path={output_dir / 'test_results.tsv'}",
        f"--answer_path={data_dir / 'test.tsv'}",
        "--task=chemprot",
    ).stdout
    assert scores == read_text(output_dir, "test_scores.txt")


def test_custom_labels_are_kept_beside_the_model(succeed, tmp_path):
    data_dir = write_data(tmp_path / "data", ("treats", "causes", "none"))
    output_dir = tmp_path / "out"
    names = {"task_name": "custom", "data_dir": data_dir, "output_dir": output_dir}
    negative = {"negative": "none"}
    succeed("run_re.py", *arguments(**names, **negative, **SHORT, **ALL))
    labels = ["causes", "none", "treats"]
    assert read_labels(str(output_dir / "label2id.json")) == labels
    scores = succeed(
        "biocodes/re_eval.py",
        f"--output_path={output_dir / 'test_results.tsv'}",
        f"--answer_path={data_dir / 'test.tsv'}",
        *("--task=multiclass", "--negative=none"),
    ).stdout
    assert scores == read_text(output_dir, "test_scores.txt")

    # The labels are found again with the model; a test.tsv without any is fine.
    write_data(data_dir, ("treats", "causes", "none"), test_labels=False)
    before = read_text(output_dir, "test_predictions.tsv")
    run(**names, do_predict=True)
    assert read_text(output_dir, "test_predictions.tsv") == before
    assert not (output_dir / "test_scores.txt").exists()


def test_labels_have_the_ids_of_their_place_in_the_flag(tmp_path):
    data_dir = write_data(tmp_path / "data", ("b", "a"))
    names = {"task_name": "custom", "data_dir": data_dir, "output_dir": tmp_path}
    run(**names, labels="b,c,a", do_train=True, **SHORT)
    assert json.loads(read_text(tmp_path, "label2id.json")) == {"b": 0, "c": 1, "a": 2}


def test_ddi13_can_be_trained_with_all_its_classes(tmp_path):
    labels = ("advise", "effect", "mechanism", "int", "false")
    data_dir = write_data(tmp_path / "data", labels)
    run(task_name="ddi13", data_dir=data_dir, output_dir=tmp_path, **SHORT, **ALL)
    assert tuple(read_labels(str(tmp_path / "label2id.json"))) == labels
    scores = read_text(tmp_path, "test_scores.txt")
    assert [line.split()[0] for line in scores.splitlines()[1:6]] == list(labels)
    assert "micro average without false" in scores


def warnings_in(logs):
    return [
        record.getMessage()
        for record in logs.records
        if record.levelno == logging.WARNING
    ]


def test_cut_sentences_are_reported_once(gad, logs, tmp_path):
    data_dir, output_dir = gad
    names = {"task_name": "gad", "data_dir": data_dir, "output_dir": tmp_path}
    source = {"do_predict": True, "init_checkpoint": output_dir}
    run(**names, **source, max_seq_length=8)
    test, _ = read_test(str(data_dir / "test.tsv"))
    sizes = [len(CASED.tokenize(row.sentence)) + 2 for row in test]
    cuts = [line for line in logs.messages if "--max_seq_length=8" in line]
    assert cuts == [
        "sentences cut at --max_seq_length=8: 12 of 12 in test.tsv; the longest has"
        f" {max(sizes)} pieces"
    ]
    assert [warning.split(":")[0] for warning in warnings_in(logs)] == [
        "sentences with an entity (@…$) in the part cut off"
    ]
    logs.clear()
    run(**names, **source)
    assert f"none; the longest has {max(sizes)} pieces" in logs.text
    assert not warnings_in(logs)


# Folds


def test_folds_run_one_after_another_and_only_once(succeed, logs, tmp_path):
    for fold in ("1", "2"):
        write_data(tmp_path / "data" / fold)
    output_dir = tmp_path / "out"
    flags = dict(
        task_name="gad",
        data_dir=tmp_path / "data",
        output_dir=output_dir,
        **SHORT,
        **ALL,
    )
    done = succeed("run_re.py", *arguments(**flags))
    lines = done.stderr
    assert lines.index("fold 1 of 2") < lines.index("fold 2 of 2")
    table = read_text(output_dir, "fold_scores.txt")
    rows = [line.split() for line in table.splitlines()]
    assert [row[0] for row in rows] == ["fold", "1", "2", "mean", "standard"]
    for number in (1, 2):
        f1 = read_text(output_dir, number, "test_scores.txt").split("\n")[0]
        assert f1.split(" : ")[1] == rows[number][1]
    assert all(f"  {line}\n" in lines for line in table.splitlines())

    # Only the second fold is run again when one of its results is gone.
    before = snapshot(output_dir / "1")
    (output_dir / "2" / "test_scores.txt").unlink()
    run(**flags)
    assert snapshot(output_dir / "1") == before
    assert (output_dir / "2" / "test_scores.txt").exists()
    assert read_text(output_dir, "fold_scores.txt") == table
    assert logs.messages.count("  done already") == 1

    # Both are when their results came from something else, here from other batches.
    logs.clear()
    run(**{**flags, "eval_batch_size": 3})
    assert "  done already" not in logs.messages
    # And a file that does not fit in one fold stops the run before any other.
    write_lines(tmp_path / "data" / "2" / "dev.tsv", ["A sentence.\tmaybe"])
    before = snapshot(output_dir)
    with pytest.raises(files.InputError, match="2/dev.tsv:1: label 'maybe'"):
        run(**flags)
    assert snapshot(output_dir) == before


def test_folds_share_the_labels_of_all_training_data(tmp_path):
    paths = {"1": ["A.\tb", "B.\ta"], "2": ["A.\tc", "B.\ta"]}
    for fold, lines in paths.items():
        write_lines(tmp_path / fold / "train.tsv", lines)
    folds = find_folds(str(tmp_path), str(tmp_path / "out"), {"train": "train.tsv"})
    assert [pathlib.Path(fold.folder).name for fold in folds] == ["1", "2"]
    corpora = [run_re.read_corpus(fold.paths) for fold in folds]
    assert run_re.labels_to_learn(run_re.Task(None), corpora) == ("a", "b", "c")
