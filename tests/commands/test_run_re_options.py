"""run_re.py: imbalance, several labels a text, texts longer than the model takes."""

import json

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import run_re
from biocodes import re_eval
from biocodes.lib import files
from kit.re_runs import ALL, SHORT, read_table, read_text, run, write_data

tf.disable_v2_behavior()

SETS = ("activates|binds", "none", "binds", "")


def scores_of(folder):
    return json.loads(read_text(folder, "scores.json"))["scores"]


def probabilities_in(folder):
    return np.loadtxt(str(folder / "test_results.tsv"))


def labels_in(folder):
    return [line[1] for line in read_table(folder / "test_predictions.tsv")[1:]]


# Imbalance


@pytest.fixture(scope="module")
def weighted(tmp_path_factory):
    """Data in folds, flags, and the folder of a run on them with weights and best."""
    folder = tmp_path_factory.mktemp("weighted")
    write_data(folder / "data" / "1")
    write_data(folder / "data" / "2", ("0", "0", "1"))
    flags = {
        "task_name": "gad",
        "data_dir": folder / "data",
        "output_dir": folder / "out",
        "class_weights": "balanced",
        "threshold": "best",
        **SHORT,
    }
    run(**flags, **ALL, eval_every="epoch", keep_best=True, best_metric="roc_auc")
    return folder, flags


def test_each_fold_chooses_its_threshold(weighted):
    out = weighted[0] / "out"
    for fold, share in (("1", 1.0), ("2", 0.75)):
        record = json.loads(read_text(out, fold, "threshold.json"))
        of_dev = scores_of(out / fold)["dev.tsv"]
        assert of_dev["threshold"] == record["threshold"]
        assert f"threshold = {record['threshold']}\n" in read_text(
            out, fold, "eval_results.txt"
        )
        assert record["dev.tsv"]["f1"] == pytest.approx(of_dev["f1"])
        assert {"roc_auc", "average_precision"} < set(of_dev)
        facts = json.loads(read_text(out, fold, "run.json"))["training"]
        assert facts["class_weights"][0] == pytest.approx(share)


def test_predictions_and_scores_obey_the_threshold(weighted, capsys):
    folder = weighted[0]
    out, data = folder / "out" / "2", folder / "data" / "2"
    line = json.loads(read_text(out, "threshold.json"))["threshold"]
    expected = ["1" if of_1 >= line else "0" for _, of_1 in probabilities_in(out)]
    assert labels_in(out) == expected
    re_eval.main(
        [
            f"--output_path={out / 'test_results.tsv'}",
            *(f"--answer_path={data / 'test.tsv'}", f"--threshold={line!r}"),
        ]
    )
    assert capsys.readouterr().out == read_text(out, "test_scores.txt")


def test_a_later_prediction_takes_the_recorded_threshold(weighted, tmp_path):
    folder, flags = weighted
    before = labels_in(folder / "out" / "2")
    later = {**flags, "class_weights": None, "data_dir": folder / "data" / "2"}
    later.update(do_predict=True, init_checkpoint=folder / "out" / "2")
    later["output_dir"] = tmp_path
    run(**later)
    assert labels_in(tmp_path) == before
    run(**{**later, "threshold": "1"})
    assert set(labels_in(tmp_path)) == {"0"}


def test_another_weight_is_another_training(weighted):
    folder, flags = weighted
    more = {"data_dir": folder / "data" / "1", "output_dir": folder / "out" / "1"}
    more.update(class_weights="1,2", eval_every="epoch", keep_best=True)
    with pytest.raises(files.InputError, match="its class_weights differs"):
        run(**{**flags, **more}, **ALL)


# Several labels a text, in windows


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """Data, flags and output folder of a model of several labels, read in windows."""
    folder = tmp_path_factory.mktemp("several")
    flags = {
        "task_name": "custom",
        "multilabel": True,
        "negative": "none",
        "data_dir": write_data(folder / "data", SETS),
        "output_dir": folder / "out",
        "long_sentences": "window",
        "window_pooling": "max",
        "max_seq_length": 16,
        **SHORT,
    }
    run(**flags, **ALL, class_weights="2,1", threshold=0.4, eval_every=5)
    return flags


def test_texts_are_scored_and_not_their_windows(several, logs, capsys):
    out, test = several["output_dir"], several["data_dir"] / "test.tsv"
    assert read_table(out / "test_predictions.tsv")[0] == [
        *("index", "label", "activates", "binds")
    ]
    table = probabilities_in(out)
    assert table.shape == (12, 2)
    expected = [
        "|".join(n for n, p in zip(("activates", "binds"), row) if p >= 0.4) or "none"
        for row in table
    ]
    assert labels_in(out) == expected
    measures = {"micro_f1", "macro_f1", "accuracy", "by_label"}
    assert set(scores_of(out)["dev.tsv"]) == set(scores_of(out)["test.tsv"]) == measures
    files_of = [f"--output_path={out / 'test_results.tsv'}", f"--answer_path={test}"]
    task = ["--task=multilabel", "--negative=none", "--threshold=0.4"]
    re_eval.main([*files_of, *task])
    assert capsys.readouterr().out == read_text(out, "test_scores.txt")


def test_windows_are_reported_and_nothing_is_cut(several, logs, tmp_path):
    flags = {**several, "output_dir": tmp_path, "do_predict": True}
    run(**{**flags, "init_checkpoint": several["output_dir"]})
    assert "test.tsv: 12 texts in " in logs.text
    assert "cut" not in logs.text
    same = [probabilities_in(each) for each in (several["output_dir"], tmp_path)]
    np.testing.assert_allclose(*same, rtol=1e-4)


def test_the_model_is_the_same_from_python(several):
    out, test = several["output_dir"], read_table(several["data_dir"] / "test.tsv")
    load = {"max_seq_length": 16, "window_pooling": "max", "threshold": 0.4}
    with run_re.load(str(out), **load) as classifier:
        relations = classifier.relations([row[1] for row in test[1:]])
    table = [list(relation.probabilities.values()) for relation in relations]
    np.testing.assert_allclose(table, probabilities_in(out), rtol=1e-4)
    assert [relation.label or "none" for relation in relations] == labels_in(out)
    for relation in relations:
        assert "|".join(relation.labels) == relation.label


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"multilabel": None}, "trained for texts of any number of labels each; give"),
        ({"labels": "a,b"}, "has the labels activates, binds, not a, b"),
        ({"negative": None}, "test.tsv:5: label 'none' is not one of activates, binds"),
    ],
)
def test_a_model_of_several_labels_is_never_misread(several, changes, message):
    flags = {**several, "do_predict": True, **changes}
    if "multilabel" in changes:
        labels = ("activates", "binds")
        data_dir = write_data(several["data_dir"] / "one", labels)
        flags.update(data_dir=data_dir, negative=None)
    with pytest.raises(files.InputError, match=message):
        run(**flags)
