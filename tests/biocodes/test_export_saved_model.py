"""export_model.py --to=savedmodel: what any TensorFlow's loader makes of it."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from biocodes.models import folder as models
from biocodes.models import graph
from kit.model_folders import MULTILABEL, TASKS, export, folder_of, pretrained

# TensorFlow 2's way, in a process of its own: it needs eager execution.
LOAD = """
import json, sys, numpy, tensorflow as tf
signatures = tf.saved_model.load(sys.argv[1]).signatures
fed = {name: tf.constant(value) for name, value in json.load(sys.stdin).items()}
given = signatures["serving_default"](**fed)
print(json.dumps({name: value.numpy().tolist() for name, value in given.items()}))
"""


def run_saved(folder, batch, signature="serving_default"):
    """Load with TensorFlow 1's loader; return the outputs of a batch by name."""
    with tf.Graph().as_default(), tf.Session() as session:
        loaded = tf.saved_model.loader.load(session, ["serve"], str(folder))
        definition = loaded.signature_def[signature]
        fed = {definition.inputs[n].name: batch[n] for n in definition.inputs}
        names = {n: tensor.name for n, tensor in definition.outputs.items()}
        return session.run(names, fed)


@pytest.mark.parametrize("task", [*TASKS, MULTILABEL, "pretrained"])
def test_signature_gives_what_the_task_predicts(tmp_path, task):
    source = pretrained(tmp_path) if task == "pretrained" else folder_of(tmp_path, task)
    out = export(source, tmp_path / "out", "savedmodel")
    model = models.read_model(str(source))
    with graph.built(model) as built:
        for batch in graph.sample_batches(model):
            expected, actual = built.run(batch), run_saved(out, batch)
            assert graph.largest_difference(batch, expected, actual) < 1e-5
            if task in ("ner", "re"):
                best = actual["logits"].argmax(-1)
                np.testing.assert_array_equal(actual["label_ids"], best)
                np.testing.assert_allclose(actual["probabilities"].sum(-1), 1, 1e-5)
            if task == MULTILABEL:
                shares = 1 / (1 + np.exp(-actual["logits"]))
                np.testing.assert_allclose(actual["probabilities"], shares, 1e-4)
                assert "label_ids" not in actual


def test_ids_alone_are_enough_where_segments_say_nothing(tmp_path):
    out = export(folder_of(tmp_path, "ner"), tmp_path / "out", "savedmodel")
    ids = np.array([[2, 5, 9, 3], [2, 7, 3, 0]], np.int32)
    batch = {
        "input_ids": ids,
        "input_mask": (ids > 0).astype(np.int32),
        "segment_ids": np.zeros_like(ids),
    }
    alone = run_saved(out, batch, "ids_only")
    np.testing.assert_array_equal(alone["logits"], run_saved(out, batch)["logits"])


def test_vocabulary_and_labels_lie_beside_it(tmp_path):
    source = folder_of(tmp_path, "ner")
    extra = export(source, tmp_path / "out", "savedmodel") / "assets.extra"
    assert (extra / "vocab.txt").read_bytes() == (source / "vocab.txt").read_bytes()
    labels = [json.loads((f / "label2id.json").read_text()) for f in (extra, source)]
    assert labels[0] == labels[1]


@pytest.mark.skipif(tf.version.VERSION < "2", reason="TensorFlow 2's loader")
def test_tensorflow_2_loads_it(tmp_path):
    source = folder_of(tmp_path, "re")
    out = export(source, tmp_path / "out", "savedmodel")
    model = models.read_model(str(source))
    _, batch = graph.sample_batches(model)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(out)],
        input=json.dumps({name: value.tolist() for name, value in batch.items()}),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    given = json.loads(done.stdout)
    expected = run_saved(out, batch)
    assert sorted(given) == ["label_ids", "logits", "probabilities"]
    np.testing.assert_allclose(given["logits"], expected["logits"], atol=1e-5)
