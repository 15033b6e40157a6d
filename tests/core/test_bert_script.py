"""A script written for BERT (bert_script.py) runs on the core, as a command."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import modeling
import tokenization

tf.disable_v2_behavior()

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
INIT = HERE.parent / "data" / "init"
CHECKPOINT = str(INIT / "model.ckpt")
needs_estimator = pytest.mark.skipif(
    not hasattr(tf, "estimator"), reason="this TensorFlow has no Estimator"
)


@pytest.fixture(
    scope="module",
    params=["session", pytest.param("estimator", marks=needs_estimator)],
)
def finished(request, tmp_path_factory):
    """The script's folder after a run, and what it wrote about it."""
    folder = tmp_path_factory.mktemp(request.param)
    done = subprocess.run(
        [
            sys.executable,
            str(HERE / "bert_script.py"),
            f"--bert_config_file={INIT / 'bert_config.json'}",
            f"--vocab_file={INIT / 'vocab.txt'}",
            f"--init_checkpoint={CHECKPOINT}",
            "--do_lower_case=False",
            f"--output_dir={folder}",
            f"--{'' if request.param == 'estimator' else 'no'}estimator",
        ],
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        stderr=subprocess.PIPE,
    )
    assert done.returncode == 0, done.stderr.decode()
    return folder, json.loads((folder / "result.json").read_text())


def test_features_are_the_models(finished):
    _, result = finished
    tokenizer = tokenization.FullTokenizer(str(INIT / "vocab.txt"), False)
    pieces = tokenizer.tokenize("BRCA1/2: a gene (on 17q).")
    assert [t for t in result["tokens"][1] if t != "[PAD]"] == [
        "[CLS]",
        *pieces,
        "[SEP]",
    ]
    ids = np.array(result["input_ids"])
    config = modeling.BertConfig.from_json_file(str(INIT / "bert_config.json"))
    with tf.Graph().as_default(), tf.Session() as session:
        part = modeling.Part(tf.constant(ids, tf.int32), tf.constant(ids > 0, tf.int32))
        (outputs,) = modeling.encode([part], config, is_training=False)
        tf.train.Saver().restore(session, CHECKPOINT)
        rows, pooled = session.run([outputs.sequence_output, outputs.pooled_output])
    np.testing.assert_allclose(result["rows"], rows, rtol=0, atol=1e-5)
    np.testing.assert_allclose(result["pooled"], pooled, rtol=0, atol=1e-5)


def test_training_starts_from_the_checkpoint_and_moves_its_weights(finished):
    folder, result = finished
    before = tf.train.load_checkpoint(CHECKPOINT)
    encoder = [n for n in before.get_variable_to_shape_map() if n.startswith("bert/")]
    assert result["initialized"] == sorted(
        key for name in encoder for key in (name, name + ":0")
    )
    assert len(result["losses"]) == 3 and np.isfinite(result["losses"]).all()
    after = tf.train.load_checkpoint(str(folder))
    assert after.get_tensor("global_step") == 3
    held = after.get_variable_to_shape_map()
    for name in encoder:
        assert {f"{name}/adam_m", f"{name}/adam_v"} <= set(held)
        moved = np.abs(after.get_tensor(name) - before.get_tensor(name)).max()
        # The rates are 0.9, 0.8 and 0.7 thousandths, and with them m / sqrt(v) is at
        # most 3.16, 4.25 and 4.97: a weight moves by up to 0.0097, and decays a little.
        assert 0 < moved < 0.0098, name
