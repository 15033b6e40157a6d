"""run_qa.py: the original's answers, whole runs, what they write and log."""

import json

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import run_qa
from biocodes.lib import files, squad, squad_scores
from kit.golden import INIT, QA, QA_MODEL
from kit.models import save_checkpoint, value_of, values_of
from kit.qa_runs import (
    SMALL,
    TEST,
    TRAIN,
    arguments,
    load,
    predict,
    question,
    squad_file,
    train,
    write,
)

tf.disable_v2_behavior()


SETTINGS = {
    "": [],
    "small_windows": [*SMALL, "--n_best_size=10", "--max_answer_length=15"],
    "with_negative": [
        "--version_2_with_negative=true",
        "--null_score_diff_threshold=1.05",
    ],
}


def check_nbest(ours, golden):
    """Texts and order are equal up to ties under 1e-4, numbers to 1e-3."""

    def score(entry):
        return entry["start_logit"] + entry["end_logit"]

    assert list(ours) == list(golden)
    for name, entries in golden.items():
        assert len(ours[name]) == len(entries)
        by_text = {entry["text"]: entry for entry in ours[name]}
        for mine, theirs in zip(ours[name], entries):
            assert list(mine) == list(theirs)
            same = by_text[theirs["text"]]
            assert abs(score(same) - score(mine)) < 1e-4
            for key in ("probability", "start_logit", "end_logit"):
                assert same[key] == pytest.approx(theirs[key], abs=1e-3)


@pytest.mark.parametrize("setting", sorted(SETTINGS))
def test_answers_are_the_originals(setting, tmp_path):
    predict(tmp_path, TEST, *SETTINGS[setting])
    golden = QA / setting
    check_nbest(
        load(tmp_path, "nbest_predictions.json"), load(golden, "nbest_predictions.json")
    )
    for name in ("predictions.json", "nbest_predictions.json"):
        text = (tmp_path / name).read_text()
        assert text == json.dumps(json.loads(text), indent=4) + "\n"
    texts = load(tmp_path, "predictions.json")
    assert texts == load(golden, "predictions.json")
    scores = squad_scores.evaluate(load(QA, "test.json"), texts)
    assert (tmp_path / "eval_results.txt").read_text() == (
        f"exact_match = {round(scores['exact_match'], 4)}\n"
        f"f1 = {round(scores['f1'], 4)}\n"
        "global_step = 365\n"
        "total = 80\n"
    )


@pytest.mark.parametrize("setting", ["small_windows", "with_negative"])
def test_padded_answers_are_the_originals(setting, tmp_path):
    predict(tmp_path, TEST, *SETTINGS[setting], "--pad_to_max_length=true")
    golden = QA / setting
    nbest = "nbest_predictions.json"
    check_nbest(load(tmp_path, nbest), load(golden, nbest))
    assert load(tmp_path, "predictions.json") == load(golden, "predictions.json")


def test_padding_competes_with_answers_where_every_input_is_padded(tmp_path):
    """A model that is trained well, as the golden one, does not show it."""
    values = dict(values_of(str(QA_MODEL)))
    values["cls/squad/output_weights"] = -values["cls/squad/output_weights"]
    model = save_checkpoint(tmp_path / "model.ckpt", values)
    sizes = {}
    for padded in ("true", "false"):
        flags = (f"--init_checkpoint={model}", f"--pad_to_max_length={padded}")
        predict(tmp_path / padded, TEST, *SETTINGS["small_windows"], *flags)
        lists = load(tmp_path / padded, "nbest_predictions.json")
        sizes[padded] = [len(entries) for entries in lists.values()]
    pairs = list(zip(sizes["true"], sizes["false"]))
    assert all(with_padding <= without for with_padding, without in pairs)
    assert any(with_padding < without for with_padding, without in pairs)


def test_null_odds_decide_against_the_threshold(tmp_path):
    predict(tmp_path, TEST, *SETTINGS["with_negative"])
    odds = load(tmp_path, "null_odds.json")
    nbest = load(tmp_path, "nbest_predictions.json")
    texts = load(tmp_path, "predictions.json")
    assert list(odds) == list(texts)
    for name, entries in nbest.items():
        null = next(entry for entry in entries if not entry["text"])
        best = next(entry for entry in entries if entry["text"])
        difference = sum(null[key] - best[key] for key in ("start_logit", "end_logit"))
        assert odds[name] == pytest.approx(difference, abs=1e-5)
        assert texts[name] == ("" if odds[name] > 1.05 else best["text"])


# Whole runs


def test_train_predict_convert_score(succeed, tmp_path):
    out = tmp_path / "out"
    flags = arguments(
        out,
        *SMALL,
        "--do_train=true",
        "--do_predict=true",
        f"--train_file={TRAIN}",
        f"--predict_file={TEST}",
        f"--init_checkpoint={INIT / 'model.ckpt'}",
        "--train_batch_size=8",
        "--num_train_epochs=1.0",
    )
    stderr = succeed("run_qa.py", *flags).stderr
    assert "Traceback" not in stderr
    questions = sum(1 for _ in squad.load_to_train(str(TRAIN), False)[0])
    # Epochs count questions, as in the original, not the windows they are cut into.
    assert (out / f"model.ckpt-{questions // 8}.index").exists()
    assert "exact_match = " in stderr
    assert "exact_match = " in (out / "eval_results.txt").read_text()
    succeed(
        "biocodes/transform_nbset2bioasqform.py",
        f"--nbest_path={out / 'nbest_predictions.json'}",
        f"--output_path={out}",
    )
    printed = succeed(
        "biocodes/bioasq_eval.py",
        QA / "bioasq_golden.json",
        out / "BioASQform_BioASQ-answer.json",
    ).stdout
    assert len([float(number) for number in printed.split()]) == 10


def test_a_fine_tuned_checkpoint_brings_its_head_to_a_second_training(tmp_path):
    train(
        tmp_path,
        squad_file(question("a", ("p53", 4)), question("b", ("MDM2", 22))),
        f"--init_checkpoint={QA_MODEL}",
        "--num_train_epochs=1.0",
        "--learning_rate=1e-9",
    )
    for name in ("cls/squad/output_weights", "cls/squad/output_bias"):
        trained = value_of(str(tmp_path / "model.ckpt-1"), name)
        np.testing.assert_allclose(trained, value_of(str(QA_MODEL), name), atol=1e-6)


def test_squad_2_is_trained_on_and_predicted(tmp_path):
    dataset = squad_file(
        question("yes", ("p53", 4), is_impossible=False),
        question("no", is_impossible=True),
        question("unmarked", ("MDM2", 22)),
    )
    train(
        tmp_path,
        dataset,
        "--version_2_with_negative=true",
        f"--init_checkpoint={INIT / 'model.ckpt'}",
        "--num_train_epochs=2.0",
        "--do_predict=true",
        f"--predict_file={write(tmp_path / 'predict.json', dataset)}",
    )
    assert set(load(tmp_path, "null_odds.json")) == {"yes", "no", "unmarked"}
    for entries in load(tmp_path, "nbest_predictions.json").values():
        assert [entry["text"] for entry in entries].count("") == 1
    assert "total = 3" in (tmp_path / "eval_results.txt").read_text()


def test_questions_without_answers_are_answered_and_not_scored(tmp_path, logs):
    predict(tmp_path, TEST, *SETTINGS["with_negative"])
    bare = {"id": "q", "question": "What binds ?"}
    predict(tmp_path, squad_file(bare))
    assert load(tmp_path, "predictions.json")["q"] in "The p53 protein binds MDM2 ."
    # What an earlier prediction left would now be read as if it belonged to this one.
    assert not (tmp_path / "eval_results.txt").exists()
    assert not (tmp_path / "null_odds.json").exists()
    assert any("no scores" in message for message in logs.messages)


@pytest.mark.parametrize("context", ["", " \n\t\r\u202f", "\u200b \x00"])
def test_a_context_without_words_has_no_answer(context, tmp_path):
    dataset = squad_file(question(), context=context)
    full = squad_file(question("full"), question("after"))
    dataset["data"] += full["data"]
    predict(tmp_path, dataset)
    texts = load(tmp_path, "predictions.json")
    assert list(texts) == ["q", "full", "after"]
    assert texts["q"] == "empty" and texts["full"] == texts["after"] != "empty"
    assert load(tmp_path, "nbest_predictions.json")["q"] == [
        {"text": "empty", "probability": 1.0, "start_logit": 0.0, "end_logit": 0.0}
    ]


def test_contexts_without_words_alone(tmp_path):
    nothing = squad_file(question(), context="")
    predict(tmp_path, nothing, "--version_2_with_negative=true")
    assert load(tmp_path, "predictions.json") == {"q": ""}
    assert load(tmp_path, "null_odds.json") == {"q": 0.0}


def test_verbose_logging_tells_what_is_not_found_back(tmp_path, logs):
    # The Greek letter is unknown to the vocabulary, so that its piece spells nothing.
    dataset = squad_file(question(), context="\u0524")
    predict(tmp_path, dataset, "--verbose_logging=true")
    assert load(tmp_path, "predictions.json") == {"q": "\u0524"}
    assert any("question q" in message for message in logs.messages)


def test_a_training_resumes_only_with_the_same_windows(tmp_path):
    dataset = squad_file(question("a", ("p53", 4)), question("b", ("MDM2", 22)))
    flags = (f"--init_checkpoint={INIT / 'model.ckpt'}", "--num_train_epochs=1.0")
    train(tmp_path, dataset, *flags)
    with pytest.raises(files.InputError, match="its doc_stride differs"):
        train(tmp_path, dataset, *flags, "--doc_stride=16")
    train(tmp_path, dataset, *flags, "--doc_stride=16", "--overwrite_output_dir=true")
    assert load(tmp_path, "run.json")["training"]["doc_stride"] == 16


def test_a_second_prediction_reads_the_new_file(tmp_path):
    path = tmp_path / "predict.json"
    out = tmp_path / "out"
    for context in ("The p53 protein", "The MDM2 protein"):
        write(path, squad_file(question(), context=context))
        predict(out, path)
        assert load(out, "predictions.json")["q"] in context


# Flags


def test_flags_have_the_originals_defaults():
    flags = run_qa.define_flags()
    flags(["run_qa.py"])
    defaults = {
        "train_file": None,
        "predict_file": None,
        "do_lower_case": True,
        "max_seq_length": 384,
        "doc_stride": 128,
        "max_query_length": 64,
        "do_train": False,
        "do_predict": False,
        "train_batch_size": 32,
        "predict_batch_size": 8,
        "learning_rate": 5e-5,
        "num_train_epochs": 3.0,
        "warmup_proportion": 0.1,
        "save_checkpoints_steps": 1000,
        "iterations_per_loop": 1000,
        "n_best_size": 20,
        "max_answer_length": 30,
        "verbose_logging": False,
        "version_2_with_negative": False,
        "null_score_diff_threshold": 0.0,
        "use_tpu": False,
        "tpu_name": None,
        "tpu_zone": None,
        "gcp_project": None,
        "master": None,
        "num_tpu_cores": 8,
    }
    assert {name: flags[name].value for name in defaults} == defaults
