"""curve.py: training.jsonl of a training that may be resumed."""

import json

import pytest

from biocodes.lib import files, run_files
from finetuning.curve import Curve


def steps_in(folder):
    return [entry["step"] for entry in run_files.read_curve(str(folder))]


def test_line_has_step_epoch_and_values(tmp_path):
    Curve(str(tmp_path), 0, 2.5).add(5, loss=1 / 3, learning_rate=5e-5)
    text = (tmp_path / "training.jsonl").read_text()
    expected = {"step": 5, "epoch": 2.0, "loss": 0.333333, "learning_rate": 5e-05}
    assert json.loads(text) == expected
    assert text.endswith("}\n")


def test_resumed_training_drops_the_steps_that_come_again(tmp_path):
    curve = Curve(str(tmp_path), 0, 2.5)
    for step in (4, 8, 12):
        curve.add(step, loss=1.0)
    Curve(str(tmp_path), 8, 2.5).add(16, loss=1.0)
    assert steps_in(tmp_path) == [4, 8, 16]


def test_line_that_a_killed_run_has_not_finished_does_not_count(tmp_path):
    Curve(str(tmp_path), 0, 2.5).add(4, loss=1.0)
    with open(str(tmp_path / "training.jsonl"), "a") as stream:
        stream.write('{"step": 8, "lo')
    assert steps_in(tmp_path) == [4]
    Curve(str(tmp_path), 8, 2.5).add(9, loss=1.0)
    assert steps_in(tmp_path) == [4, 9]


@pytest.mark.parametrize(
    "line", ["x", "[]", '{"step": 1}', '{"step": 1, "loss": NaN}', '{"step":1e400}']
)
def test_what_is_no_line_of_ours_is_named(tmp_path, line):
    good = '{"step": 1, "loss": 2}\n'
    (tmp_path / "training.jsonl").write_text(f"{good}{line}\n{good}")
    with pytest.raises(files.InputError, match="training.jsonl:2: not a line of"):
        Curve(str(tmp_path), 8, 2.5)


def test_folder_that_cannot_be_written_is_named(tmp_path):
    curve = Curve(str(tmp_path), 0, 2.5)
    (tmp_path / "training.jsonl").unlink()
    (tmp_path / "training.jsonl").mkdir()
    with pytest.raises(files.InputError, match="training.jsonl: cannot be written"):
        curve.add(4, loss=1.0)
