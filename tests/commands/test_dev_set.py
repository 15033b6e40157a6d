"""The scripts with --eval_every: what a user gets, and what an interruption leaves."""

import json
import re
import shutil

import numpy as np
import pytest

from biocodes.lib import model_folder
from kit.forked import At
from kit.small_input import COMMANDS, lay_out

WATCHED = ["--eval_every=2", "--keep_best=true", "--num_train_epochs=3"]


@pytest.fixture
def here(tmp_path):
    """A folder of good input, with a train.tsv of its own for NER."""
    lay_out(tmp_path)
    text = (tmp_path / "ner" / "train_dev.tsv").read_text(encoding="utf-8")
    # Those that have all labels come first.
    sentences = sorted(text.strip().split("\n\n"), key=lambda one: "\tI" not in one)
    half = "\n\n".join(sentences[:4]) + "\n"
    (tmp_path / "ner" / "train.tsv").write_text(half, encoding="utf-8")
    for path in (tmp_path / "out").iterdir():
        path.unlink()
    return tmp_path


@pytest.fixture
def run(launch, here):
    """run(script, *flags) → Done of the good command with these flags."""

    def start(script, *flags, at=None):
        given = [flag.format(here=here) for flag in COMMANDS[script]]
        return launch(script, *given, *flags, at=at)

    return start


def scores_of(here):
    return json.loads((here / "out" / "scores.json").read_text(encoding="utf-8"))


FOLDERS = ("seed-1", "seed-2", "ensemble")
SAME_RESULTS = {
    "run_ner.py": ("NER_result_conll.txt", "token_test.txt", "label_test.txt"),
    "run_qa.py": ("predictions.json",),
}
DEV_FILES = {
    "run_ner.py": "devel.tsv",
    "run_re.py": "dev.tsv",
    "run_qa.py": "test.json",
}


@pytest.mark.parametrize(
    "script, measure",
    [("run_ner.py", "f1"), ("run_re.py", "accuracy"), ("run_qa.py", "exact_match")],
)
def test_best_weights_score_as_they_did_in_training(run, here, script, measure):
    # Questions are scored by what is also predicted afterwards.
    dev_file = [f"--dev_file={here}/qa/test.json"] if script == "run_qa.py" else []
    done = run(script, *WATCHED, *dev_file, f"--best_metric={measure}")
    assert done.status == 0, done.stderr
    record = scores_of(here)
    # The page is made of these records.
    page = (here / "out" / "report.html").read_text(encoding="utf-8")
    assert f"best {measure} " in page
    curve = (here / "out" / "training.jsonl").read_text().splitlines()
    assert json.loads(curve[-1])["step"] == record["evaluations"][-1]["step"]
    best = max(record["evaluations"], key=lambda entry: entry["scores"][measure])
    assert record["checkpoint"]["step"] == best["step"]
    assert record["checkpoint"]["is_best"]
    of_dev = record["scores"][DEV_FILES[script]]
    for name, value in best["scores"].items():
        assert of_dev[name] == pytest.approx(value), name
    assert (
        f"global_step = {best['step']}\n" in (here / "out/eval_results.txt").read_text()
    )


def test_ner_trains_on_what_devel_is_not_part_of(run, here):
    done = run("run_ner.py", *WATCHED)
    assert "training on train.tsv alone" in done.stderr
    assert "  examples = 4, batch size = 4" in done.stderr
    with_flag = run(
        "run_ner.py", *WATCHED, "--train_file=train_dev.tsv", "--overwrite_output_dir"
    )
    assert "  examples = 8, batch size = 4" in with_flag.stderr


def test_sentences_that_were_trained_on_are_counted(run, here):
    done = run("run_ner.py")
    line = "!!! 8 of the 8 sentences of .*/devel.tsv are also in .*/train_dev.tsv"
    assert re.search(line, done.stderr)
    results = (here / "out" / "eval_results.txt").read_text()
    assert "sentences_trained_on = 8\n" in results
    assert re.search(r"^entity_f1 = 0\.\d+$", results, re.MULTILINE)
    # A later evaluation of the same model says so, too.
    again = run("run_ner.py", "--do_train=false")
    assert re.search(line, again.stderr)


def test_sentences_of_a_dev_set_apart_are_not_counted(run, here):
    devel = here / "ner" / "devel.tsv"
    devel.write_text(devel.read_text(encoding="utf-8").replace("\t", "x\t"))
    done = run("run_ner.py", "--report=false")
    assert done.status == 0
    assert not (here / "out" / "report.html").exists()
    assert "!!!" not in done.stderr
    assert "trained_on" not in (here / "out" / "eval_results.txt").read_text()


@pytest.mark.parametrize("script", ["run_ner.py", "run_re.py"])
def test_run_killed_in_an_evaluation_resumes_to_the_same_evaluation(run, here, script):
    """Up to there nothing depends on the interruption."""
    assert run(script, *WATCHED).status == 0
    undisturbed = scores_of(here)["evaluations"]
    killed = At("finetuning.evaluation.Evaluations.add")
    done = run(script, *WATCHED, "--overwrite_output_dir", at=killed)
    assert done.status == -9, done.stderr
    assert model_folder.step_of_name(model_folder.latest(str(here / "out"))) == 2
    assert run(script, *WATCHED).status == 0
    resumed = scores_of(here)["evaluations"]
    assert [entry["step"] for entry in resumed] == [
        entry["step"] for entry in undisturbed
    ]
    assert resumed[0]["scores"] == pytest.approx(undisturbed[0]["scores"])


def test_seeds_end_with_a_table(run, here):
    done = run("run_re.py", "--seeds=1,2", "--ensemble", *WATCHED)
    assert done.status == 0, done.stderr
    lines = (here / "out" / "seed_scores.txt").read_text().splitlines()
    head = ["score", "seed", "1", "seed", "2", "mean", "sd", "ensemble"]
    assert lines[0].split() == head
    rows = [np.loadtxt(here / "out" / name / "test_results.tsv") for name in FOLDERS]
    np.testing.assert_allclose(rows[2], (rows[0] + rows[1]) / 2, rtol=1e-6)
    assert [line.split()[:2] for line in lines[1:3]] == [
        ["dev.tsv", "f1"],
        ["dev.tsv", "recall"],
    ]
    page = (here / "out" / "report.html").read_text()
    for folder in FOLDERS:
        assert (here / "out" / folder / "test_scores.txt").exists()
        assert f'href="{folder}/report.html"' in page


@pytest.mark.parametrize("script", ["run_ner.py", "run_qa.py"])
def test_ensemble_of_a_model_and_its_copy_predicts_what_the_model_does(
    run, here, script
):
    first = run(script)
    assert first.status == 0, first.stderr
    shutil.copytree(here / "out", here / "copy")
    both = f"--ensemble_of={here}/out,{here}/copy"
    done = run(script, "--do_train=false", both, f"--output_dir={here}/both")
    assert done.status == 0, done.stderr
    for name in SAME_RESULTS[script]:
        assert (here / "both" / name).read_text() == (here / "out" / name).read_text()


@pytest.mark.parametrize(
    "script, flag, message",
    [
        ("run_ner.py", "--best_metric=x", "--best_metric: x is none of f1, precision"),
        ("run_re.py", "--best_metric=x", "--best_metric: x is none of f1, recall"),
        ("run_re.py", "--seeds=1,x", "--seeds: is a list of whole numbers"),
        ("run_re.py", "--ensemble", "--ensemble: needs several models"),
        ("run_qa.py", "--ensemble_of=a", "--ensemble_of: is two folders or more"),
        ("run_ner.py", "--ensemble_of=a,b", "--do_train: does not go with"),
        ("run_qa.py", "--seed=1", "--dev_file: is required by --eval_every"),
        ("run_qa.py", "--dev_file={here}/qa/none.json", "none.json: cannot be read"),
    ],
)
def test_wrong_flags_are_refused_before_anything_is_written(
    run, here, script, flag, message
):
    done = run(script, *WATCHED, flag.format(here=here))
    assert done.status == 2
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in (here / "out").iterdir()) in ([], [".lock"])
