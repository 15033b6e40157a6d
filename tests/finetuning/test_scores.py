"""scores.json and the tables that are made of it."""

import os

import pytest

from biocodes.lib import files
from finetuning import scores, seeds
from kit.paths import ROOT
from kit.small_run import parsed

CHECKPOINT = {"step": 12, "is_best": False, "digest": "abc"}


def write(folder, file, checkpoint=CHECKPOINT, **values):
    board = scores.Board()
    board.add(file, values)
    board.write(str(folder), checkpoint=checkpoint, command=["run_x.py"])


def test_scores_of_two_runs_with_one_model_stand_together(tmp_path):
    write(tmp_path, "dev.tsv", f1=0.5)
    write(tmp_path, "test.tsv", f1=0.25)
    write(tmp_path, "dev.tsv", f1=0.75)
    record = scores.read(str(tmp_path))
    assert record["scores"] == {"dev.tsv": {"f1": 0.75}, "test.tsv": {"f1": 0.25}}
    assert record["started"] <= record["ended"]
    assert record["command"] == ["run_x.py"]


def test_scores_of_another_model_go(tmp_path):
    write(tmp_path, "dev.tsv", f1=0.5)
    write(tmp_path, "test.tsv", dict(CHECKPOINT, step=24), f1=0.25)
    assert scores.read(str(tmp_path))["scores"] == {"test.tsv": {"f1": 0.25}}


def test_run_without_scores_writes_nothing(tmp_path):
    scores.Board().write(str(tmp_path), checkpoint=CHECKPOINT)
    assert scores.read(str(tmp_path)) is None


def test_speed_of_training_is_noted(tmp_path):
    board = scores.Board()
    board.trained(steps=10, examples=320, seconds=4.0)
    board.write(str(tmp_path), checkpoint=CHECKPOINT)
    training = scores.read(str(tmp_path))["training"]
    assert training == {"steps": 10, "seconds": 4.0, "examples_per_second": 80.0}


def test_labels_have_scores_of_their_own(tmp_path):
    board = scores.Board()
    board.add("test.tsv", {"f1": 0.5}, {"Disease": {"f1": 0.5}})
    board.write(str(tmp_path), checkpoint=CHECKPOINT)
    of_file = scores.read(str(tmp_path))["scores"]["test.tsv"]
    assert of_file == {"f1": 0.5, "by_label": {"Disease": {"f1": 0.5}}}


@pytest.mark.parametrize("text", ["[]", '{"scores": 1}'])
def test_file_of_something_else_is_refused(tmp_path, text):
    (tmp_path / "scores.json").write_text(text)
    with pytest.raises(files.InputError, match="not a record of this suite"):
        scores.read(str(tmp_path))


def test_folds_are_averaged(tmp_path):
    for name, f1 in (("1", 0.5), ("2", 1.0)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, "test.tsv", f1=f1)
    parts = [str(tmp_path / name) for name in ("1", "2", "not there")]
    scores.write_means(str(tmp_path), parts)
    record = scores.read(str(tmp_path))
    assert record["scores"] == {"test.tsv": {"f1": 0.75}}
    assert seeds.flat(record) == {"test.tsv f1": 0.75}
    assert not (tmp_path / "report.html").exists()


def test_page_of_folds_leads_to_those_of_each(tmp_path, log):
    parts = [tmp_path / name for name in ("1", "2")]
    for part in parts:
        part.mkdir()
        write(part, "test.tsv", f1=0.5)
    scores.write_means(str(tmp_path), list(map(str, parts)), with_page=True)
    page = (tmp_path / "report.html").read_text()
    assert 'href="1/report.html"' in page and 'href="2/report.html"' in page
    assert log() == [f"the report: {tmp_path}/report.html"]


# The commit of a checkout


def test_commit_is_read_without_git(tmp_path):
    commit = "0123456789" * 4
    git = tmp_path / ".git"
    git.mkdir()
    assert scores.git_commit(str(tmp_path)) is None
    (git / "HEAD").write_text(commit + "\n")
    assert scores.git_commit(str(tmp_path)) == commit
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert scores.git_commit(str(tmp_path)) is None
    (git / "packed-refs").write_text(f"# pack-refs\n{commit} refs/heads/main\n")
    assert scores.git_commit(str(tmp_path)) == commit
    os.makedirs(str(git / "refs" / "heads"))
    (git / "refs" / "heads" / "main").write_text("f" * 40)
    assert scores.git_commit(str(tmp_path)) == "f" * 40


def test_commit_of_no_checkout_is_unknown(tmp_path):
    assert scores.git_commit(str(tmp_path)) is None
    assert scores.git_commit(str(ROOT / "tests")) is None


# Seeds


@pytest.fixture
def flags(tmp_path):
    return lambda *arguments: parsed(f"--output_dir={tmp_path}/out", *arguments)


def test_each_seed_has_a_folder_and_the_table_a_line_a_score(flags, tmp_path):
    given = flags("--seeds=3,1")
    done = []

    def run():
        done.append((given.seed, given.output_dir))
        os.makedirs(given.output_dir)
        write(given.output_dir, "test.tsv", f1=given.seed / 4)

    seeds.run(given, run)
    out = tmp_path / "out"
    assert done == [(3, str(out / "seed-3")), (1, str(out / "seed-1"))]
    assert (out / seeds.TABLE).read_text().splitlines() == [
        "score        seed 3  seed 1    mean      sd",
        "test.tsv f1  75.00%  25.00%  50.00%  35.36%",
    ]


def test_without_seeds_there_is_one_run(flags, tmp_path):
    done = []
    seeds.run(flags(), lambda: done.append(1))
    assert done == [1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["", "1,,2", "a", "-1", "1.5", "1,1", str(2**31)])
def test_what_is_no_list_of_seeds_is_refused(flags, tmp_path, text):
    with pytest.raises(files.InputError, match="--seeds"):
        seeds.run(flags(f"--seeds={text}"), lambda: None)
    assert not (tmp_path / "out").exists()


def test_seed_and_seeds_exclude_each_other(flags):
    with pytest.raises(files.InputError, match="exclude each other"):
        seeds.run(flags("--seeds=1,2", "--seed=3"), lambda: None)
