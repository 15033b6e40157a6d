"""folds.py: every fold is found, run once, and its scores are in the table."""

import json
import os
import re

import numpy as np
import pytest

from biocodes.lib import files
from finetuning.folds import (
    FOLD_RECORD,
    FOLD_SCORES,
    Fold,
    FoldJob,
    find_folds,
    fold_table,
    numbered_folders,
    percent,
    run_folds,
)

NAMES = {"train": "train.tsv", "predict": "test.tsv"}


def paths_in(folder):
    return {phase: os.path.join(str(folder), name) for phase, name in NAMES.items()}


# Finding them


def make_folders(folder, *names):
    for name in names:
        (folder / name).mkdir()


def test_data_set_without_folds_is_a_whole(tmp_path):
    make_folders(tmp_path, "images", "0", "01", "1000", "-1", "1a")
    assert find_folds(str(tmp_path), "out", NAMES) == [Fold(paths_in(tmp_path), "out")]


def test_files_of_the_whole_have_precedence_over_folds(tmp_path):
    """Otherwise a backup in a folder called 1 would take their place."""
    make_folders(tmp_path, "1", "2")
    assert len(find_folds(str(tmp_path), "out", NAMES)) == 2
    (tmp_path / "test.tsv").write_text("")
    assert find_folds(str(tmp_path), "out", NAMES) == [Fold(paths_in(tmp_path), "out")]


def test_folds_are_in_the_order_of_their_numbers(tmp_path):
    make_folders(tmp_path, *map(str, range(1, 12)), "notes")
    (tmp_path / "12").write_text("no folder")
    expected = [
        Fold(paths_in(tmp_path / str(number)), os.path.join("out", str(number)))
        for number in range(1, 12)
    ]
    assert find_folds(str(tmp_path), "out", NAMES) == expected
    assert numbered_folders(str(tmp_path)) == list(range(1, 12))


@pytest.mark.parametrize("names, missing", [("13", 2), ("24", 1), ("9", 1)])
def test_missing_fold_is_named(tmp_path, names, missing):
    make_folders(tmp_path, *names)
    message = f"{tmp_path}: has folds up to {names[-1]} but no folder {missing}"
    with pytest.raises(files.InputError, match=f"^{re.escape(message)}$"):
        find_folds(str(tmp_path), "out", NAMES)


def test_data_set_that_is_not_there_is_named(tmp_path):
    with pytest.raises(files.InputError, match="/no: cannot be read .no such file"):
        find_folds(str(tmp_path / "no"), "out", NAMES)


# Running them


class Folds:
    """Three folds whose runs note that they ran and leave a result."""

    def __init__(self, folder):
        self.folder = folder
        self.ran = []
        self.scores = [{"f1": 0.5, "recall": 0.25}, {"f1": 0.75}, {"f1": 1.0}]
        self.made_from = [{"corpus": str(number)} for number in range(3)]
        self.interrupted_at = None

    def run(self, overwrite=False):
        jobs = [self._job(number) for number in range(3)]
        run_folds(str(self.folder), jobs, overwrite)
        ran, self.ran = self.ran, []
        return ran

    def _job(self, number):
        fold = self.folder / str(number + 1)
        fold.mkdir(exist_ok=True)

        def run():
            if number == self.interrupted_at:
                raise KeyboardInterrupt
            assert not (fold / FOLD_RECORD).exists()
            assert not self.table.exists()
            self.ran.append(number)
            (fold / "results.tsv").write_text("")
            return self.scores[number]

        return FoldJob(str(fold), self.made_from[number], ["results.tsv"], run)

    @property
    def table(self):
        return self.folder / FOLD_SCORES


@pytest.fixture
def three(tmp_path):
    return Folds(tmp_path)


def test_every_fold_is_run_and_the_table_written(three, log):
    assert three.run() == [0, 1, 2]
    assert three.table.read_text() == "".join(
        f"{line}\n" for line in fold_table(three.scores)
    )
    assert log()[:3] == [
        f"***** fold {number} of 3: {three.folder}/{number} *****"
        for number in (1, 2, 3)
    ]
    assert log()[3] == "***** scores of the folds *****"
    assert [line.strip() for line in log()[4:]] == fold_table(three.scores)
    record = json.loads((three.folder / "2" / FOLD_RECORD).read_text())
    assert record == {"made_from": {"corpus": "1"}, "scores": {"f1": 0.75}}


def test_folds_that_are_done_are_left_out(three, log):
    three.run()
    table = three.table.read_text()
    three.table.unlink()
    assert three.run() == []
    assert three.table.read_text() == table
    assert log().count("  done already") == 3
    three.table.unlink()
    assert three.run(overwrite=True) == [0, 1, 2]


def test_interrupted_folds_are_resumed(three):
    """The table of an earlier run is not left beside results that it does not score."""
    three.run()
    three.made_from[1], three.interrupted_at = {"corpus": "changed"}, 1
    with pytest.raises(KeyboardInterrupt):
        three.run()
    assert not three.table.exists()
    assert not (three.folder / "2" / FOLD_RECORD).exists()
    three.interrupted_at = None
    assert three.run() == [1]
    assert three.table.exists()


def test_overwriting_that_fails_leaves_the_fold_to_be_run(three):
    three.run()
    three.interrupted_at = 1
    with pytest.raises(KeyboardInterrupt):
        three.run(overwrite=True)
    assert not three.table.exists()
    assert three.ran == [0]
    three.ran, three.interrupted_at = [], None
    assert three.run() == [1]


def test_fold_whose_results_are_gone_is_run_again(three):
    three.run()
    (three.folder / "3" / "results.tsv").unlink()
    assert three.run() == [2]


@pytest.mark.parametrize("record", ["[]", "7", "{}", '{"scores": {"f1": 0.5}}'])
def test_record_of_something_else_counts_for_nothing(three, record):
    three.run()
    (three.folder / "1" / FOLD_RECORD).write_text(record)
    assert three.run() == [0]


@pytest.mark.parametrize(
    "scores",
    [
        *(None, [], 7, {"f1": "0.5"}, {"f1": 7}, {"f1": 1.5}, {"f1": -0.1}),
        *({"f1": float("nan")}, {"f1": float("inf")}),
    ],
)
def test_record_with_scores_that_are_none_is_refused(three, scores):
    three.run()
    path = three.folder / "1" / FOLD_RECORD
    path.write_text(json.dumps({"made_from": {"corpus": "0"}, "scores": scores}))
    with pytest.raises(files.InputError, match="not a record of this suite; remove it"):
        three.run()


def test_folds_without_labels_have_no_table(three, log):
    three.scores = [{}, {}, {}]
    assert three.run() == [0, 1, 2]
    assert log()[-1] == "no labels to score the folds by"
    assert not three.table.exists()
    assert three.run() == []


# The table


def test_table_has_means_and_deviations_of_a_sample():
    scores = [{"f1": 0.5, "recall": 0.25}, {"f1": 0.75}, {"f1": 1.0}]
    assert fold_table(scores) == [
        "fold                     f1  recall",
        "1                    50.00%  25.00%",
        "2                    75.00%       -",
        "3                   100.00%       -",
        "mean                 75.00%  25.00%",
        "standard deviation   25.00%       -",
    ]


def test_means_are_of_what_is_written():
    random = np.random.RandomState(0)
    values = random.rand(10)
    table = fold_table([{"accuracy": float(value)} for value in values])
    numbers = [float(line.split()[-1].rstrip("%")) for line in table[1:]]
    np.testing.assert_allclose(numbers[:10], 100 * values, atol=0.005)
    mean = values.sum() / 10
    deviation = (((values - mean) ** 2).sum() / 9) ** 0.5
    np.testing.assert_allclose(numbers[10:], [100 * mean, 100 * deviation], atol=0.005)


@pytest.mark.parametrize(
    "share, text", [(0.83524, "83.52%"), (0.0, "0.00%"), (1.0, "100.00%"), (None, "-")]
)
def test_percent(share, text):
    assert percent(share) == text
