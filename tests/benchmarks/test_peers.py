"""peers.py and its three sides: what each measures, and that all get the same data.

The peers' own packages are not here: tests/biocodes/test_transformers.py runs their
script where they are.
"""

import contextlib
import io
import json
import os
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from benchmarks import common, peer_suite, peers
from biocodes.lib import conll, files
from kit.paths import DATA

MODEL = str(DATA / "init")


@pytest.fixture
def asked(monkeypatch):
    """Commands that peers.py would have run in processes of their own.

    This suite's side runs, in this process; of the others' it is noted what they get.
    """
    tf.disable_v2_behavior()
    commands = []

    def answer_of(python, script, *arguments):
        commands.append((python, os.path.basename(script), *arguments))
        if script != peers.SUITE:
            return [7.0, 100.0]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            peer_suite.main(list(arguments))
        return json.loads(printed.getvalue().splitlines()[-1])

    monkeypatch.setattr(peers, "answer_of", answer_of)
    monkeypatch.setattr(peers, "peers_python", lambda folder: "their-python")
    peers.reason_against.cache_clear()
    yield commands
    peers.reason_against.cache_clear()


def flags_of(corpus, *flags):
    common_flags = [f"--model_dir={MODEL}", "--do_lower_case=false", f"--data={corpus}"]
    return [*common_flags, "--rounds=1", "--steps=1", "--warm_up=1", *flags]


def test_training_and_prediction(asked, small_corpus, capsys):
    peers.main(flags_of(small_corpus, "--parts=training,prediction"))
    *_, table = capsys.readouterr().out.partition("| what")
    rows = [line.split("|")[1:-1] for line in table.splitlines() if line[:1] == "|"]
    here = f"here, TensorFlow {tf.version.VERSION}"
    names = [(row[0].strip(), row[1].strip()) for row in rows[1:]]
    theirs = ["transformers, float32", "transformers, bfloat16"]
    runtime = ["onnx, here", "onnx, by hand", "int8, here", "int8, by hand"]
    assert [x for x in names if "mixed" not in x[1]] == [
        *(("training", name) for name in [here, *theirs]),
        *(("prediction", name) for name in [here, *theirs, *runtime]),
    ]
    assert all(float(row[2].replace(",", "")) > 0 for row in rows[1:])
    scripts = [command[1] for command in asked if command[0] == "their-python"]
    assert sorted(set(scripts)) == ["peer_onnx.py", "peer_pytorch.py"]


def test_peers_get_the_very_same_pieces(asked, small_corpus, tmp_path):
    """Of all examples, under transformers' names; lengths say where padding begins."""
    setting = peer_suite.Setting("ner", small_corpus, MODEL, "false", 1, 1)
    made = peers.prepared(setting, "their-python", str(tmp_path))
    for name, source in (("", "test.tsv"), (peer_suite.TRAINING, "train_dev.tsv")):
        with np.load(str(tmp_path / (peers.FEATURES + name))) as arrays:
            ids, lengths = arrays["input_ids"], arrays["lengths"]
            assert arrays["labels"].shape == ids.shape
        count = len(conll.load_sentences(os.path.join(small_corpus, source)))
        assert len(ids) == len(lengths) == count
        tokenizer = setting.pretrained().tokenizer
        cls, sep = tokenizer.vocab["[CLS]"], tokenizer.vocab["[SEP]"]
        rows = np.arange(count)
        assert (ids[:, 0] == cls).all() and (ids[rows, lengths - 1] == sep).all()
    assert sorted(made.fine_tuned) == ["checkpoint", "huggingface", "int8", "onnx"]
    made.pytorch("train", "bfloat16")
    request = files.read_json(asked[-1][-1])
    assert request["labels"] == 7 and request["dtype"] == "bfloat16"
    assert request["features"].endswith(peer_suite.TRAINING)
    assert request["pieces"] == 8 * 128


def test_commands_are_timed_and_failures_are_said(tmp_path):
    program = "import time; x = b'x' * 30000000; time.sleep(0.3)"
    seconds, memory = peers.seconds_of_command(
        [sys.executable, "-c", program], str(tmp_path)
    )
    # And not that of this process, which has TensorFlow.
    assert seconds > 0.3 and 35 < memory < 100
    with pytest.raises(files.InputError, match="exit.* failed"):
        peers.seconds_of_command([sys.executable, "-c", "exit(3)"], str(tmp_path))


def test_commands_of_all_sides(asked, small_corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(common, "NCBI_DISEASE", small_corpus)
    setting = peer_suite.Setting("ner", small_corpus, MODEL, "false", 1, 1)
    kinds = ("checkpoint", "onnx", "int8", "huggingface")
    folders = {kind: f"/{kind}" for kind in kinds}
    side = peers.Peers("their-python", setting, str(tmp_path), folders)
    measured = peers.commands_of([2], {"here": "our-python"}, side)
    assert [name for _, name in measured] == [
        *("here", "onnx, here", "int8, here", "transformers, float32")
    ]
    commands = {name: one.args[0] for (_, name), one in measured.items()}
    assert commands["here"][0] == "our-python"
    assert "--model_dir=/int8" in commands["int8, here"]
    assert "--engine=onnx" in commands["int8, here"]
    assert "--engine=onnx" not in commands["here"]
    assert "/huggingface" in commands["transformers, float32"]
    assert len((tmp_path / "2.txt").read_text("utf-8").splitlines()) == 2


def test_unknown_part_is_refused():
    with pytest.raises(files.InputError, match="--parts: is some of training, "):
        peers.parse(["--parts=trainings"])
