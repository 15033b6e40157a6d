"""benchmarks/memory.py: what it counts, and that saving memory saves some."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from benchmarks import memory
from biocodes.lib.files import InputError
from kit.paths import DATA

tf.disable_v2_behavior()


def test_peak_is_what_is_alive_together():
    """Three matrices of 4 MB, one made of the other: two of them at a time."""
    with tf.Graph().as_default(), tf.Session() as session:
        size = tf.placeholder(tf.int32, [])
        matrix = tf.random.uniform([size, size])
        square = tf.matmul(matrix, matrix)
        total = tf.reduce_sum(tf.matmul(square, square))
        peak = memory.peak_of(memory.traced(session, total, {size: 1000}))
    assert peak == pytest.approx(8e6, rel=0.1)


def test_each_way_to_save_memory_saves_some(monkeypatch):
    """Layers that are computed again are really not kept until then."""
    monkeypatch.setitem(memory.BATCHES, "qa", (8, 128))
    peaks = {}
    for way in ("none", "recomputed", "both"):
        with tf.Graph().as_default():
            always, peaks[way], resident = memory.measure_step("tiny-qa", way)
        assert always < peaks[way] < resident
    assert peaks["recomputed"] < 0.6 * peaks["none"]
    assert peaks["both"] < 0.6 * peaks["recomputed"]


def test_steps_are_measured_in_processes_of_their_own(capsys):
    memory.main(["--shapes=tiny-ner", "--ways=both"])
    head, _, row = capsys.readouterr().out.splitlines()[:3]
    assert head.split(" | ")[1:3] == ["batch", "flags"]
    assert row.startswith("| tiny | NER 32 × 128 | both | 0.0")


def test_phases_are_measured(capsys, monkeypatch, tmp_path):
    for name in ("train_dev.tsv", "devel.tsv", "test.tsv", "train.tsv"):
        text = (DATA / "ner" / "test.tsv").read_text("utf-8")
        (tmp_path / name).write_text("\n\n".join(text.split("\n\n")[:40]) + "\n")
    monkeypatch.setattr(
        memory, "in_a_process", lambda what, *flags: memory.measure_phases(flags)
    )
    model = [f"--model_dir={DATA / 'init'}", "--do_lower_case=false"]
    memory.main(["--phases", f"--data={tmp_path}", *model, "--steps=2"])
    table = capsys.readouterr().out.split("\n\n")[0]
    rows = table.splitlines()[2:]
    assert [row.split(" | ")[0].strip("| ") for row in rows] == list(memory.PHASES)
    numbers = np.array([row.strip("| ").split(" | ")[1:] for row in rows], float)
    assert (numbers > 0).all()


@pytest.mark.parametrize("flag", ["--shapes=base-ner,huge-ner", "--ways=plain"])
def test_unknown_shapes_are_refused(flag):
    with pytest.raises((SystemExit, InputError)):
        memory.main([flag])
