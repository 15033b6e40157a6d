"""tensorflow_engine.py: the form of the graph that is fastest predicts the same."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import modeling
from finetuning import device, tensorflow_engine
from kit.golden import CONFIG_FILE, PRETRAINED

tf.disable_v2_behavior()

IS_TENSORFLOW_1 = tf.version.VERSION.startswith("1.")


@pytest.fixture
def asked_again():
    tensorflow_engine.fuses_layer_norm.cache_clear()
    yield
    tensorflow_engine.fuses_layer_norm.cache_clear()


def layers_of(config, session):
    """Return all that an encoder makes of some sentences, and the operations run."""
    ids, mask = (tf.placeholder(tf.int32, [None, None]) for _ in range(2))
    part = modeling.Part(ids, mask, None)
    (outputs,) = modeling.encode([part], config, is_training=False, scope="bert")
    variables = tf.global_variables()
    tf.train.Saver(variables).restore(session, PRETRAINED)
    done = tf.RunMetadata()
    options = tf.RunOptions(output_partition_graphs=True)
    tensors = [outputs.get_pooled_output(), *outputs.get_all_encoder_layers()]
    fed = {ids: np.random.RandomState(0).randint(5, 3000, [3, 17])}
    fed[mask] = np.arange(17) < [[17], [9], [2]]
    values = session.run(tensors, fed, options, done)
    return values, [n.op for graph in done.partition_graphs for n in graph.node]


@pytest.mark.skipif(
    not tensorflow_engine.fuses_layer_norm(), reason="this TensorFlow fuses none"
)
def test_fused_layer_norms_predict_the_same():
    config = modeling.BertConfig.from_json_file(CONFIG_FILE)
    results = []
    for form in (config, tensorflow_engine.fastest(config)):
        with tf.Graph().as_default(), tf.Session() as session:
            results.append(layers_of(form, session))
    (expected, usual), (actual, operations) = results
    for value, expected_value in zip(actual, expected):
        np.testing.assert_allclose(value, expected_value, rtol=0, atol=1e-5)
    assert usual.count("_MklLayerNorm") == 0
    # One behind the embeddings, two in each layer.
    assert operations.count("_MklLayerNorm") == 1 + 2 * config.num_hidden_layers


def test_a_card_computes_layer_norms_as_they_are(monkeypatch, asked_again):
    monkeypatch.setattr(device, "has_gpu", lambda: True)
    config = modeling.BertConfig(vocab_size=9)
    assert tensorflow_engine.fastest(config) is config


@pytest.mark.skipif(not IS_TENSORFLOW_1, reason="TensorFlow 2 may fuse them")
def test_tensorflow_1_computes_layer_norms_as_they_are():
    config = modeling.BertConfig(vocab_size=9)
    assert tensorflow_engine.fastest(config) is config


def test_the_form_is_no_part_of_the_configuration():
    config = modeling.BertConfig(vocab_size=9)
    fused = config.with_fused_layer_norm()
    assert fused.to_dict() == config.to_dict()
    assert not config.fused_layer_norm
