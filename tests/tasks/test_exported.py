"""exported.py: the heads in NumPy predict what those of TensorFlow do."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import modeling
from finetuning.estimator import ModeKeys
from kit.model_folders import LABELS
from tasks import exported, heads
from tasks.ner.labels import OF_LABEL
from tasks.ner.partial_annotation import PartialAnnotation

tf.disable_v2_behavior()

ONNX = "folder/model.onnx"
B, S, H, L = 3, 7, 4, len(LABELS["ner"])


class Encoder:
    """Stands in for the encoder; its output comes through the head unchanged."""

    def __init__(self, sequence, pooled):
        self.sequence, self.pooled = sequence, pooled

    def get_sequence_output(self):
        return tf.constant(self.sequence)

    def get_pooled_output(self):
        return tf.constant(self.pooled)


def both(head, array_head, features, width, rank):
    """(predictions of TensorFlow's head, those of NumPy's) of random logits.

    The linear layer's weights are the identity, so that what goes in are the logits.
    """
    random = np.random.RandomState(5)
    logits = random.normal(0, 3, [B, S, width]).astype(np.float32)
    logits = logits if rank == 3 else logits[:, 0]
    with tf.Graph().as_default(), tf.Session() as session:
        tensors = {name: tf.constant(value) for name, value in features.items()}
        encoder = Encoder(logits, logits)
        _, predictions = head(encoder, tensors, ModeKeys.PREDICT)
        weights, bias = tf.trainable_variables()
        identity = tf.assign(weights, np.eye(width, dtype=np.float32))
        session.run([identity, tf.assign(bias, np.zeros(width, np.float32))])
        expected = session.run(predictions)
    if width == 2 and rank == 3:
        outputs = {"start_logits": logits[..., 0], "end_logits": logits[..., 1]}
    else:
        outputs = {"logits": logits}
    ranks = {name: value.ndim for name, value in outputs.items()}
    assert array_head.outputs == ranks
    return expected, array_head.decode(outputs, features)


def assert_same(expected, actual):
    assert sorted(actual) == sorted(expected)
    for name, value in expected.items():
        assert actual[name].shape == value.shape
        np.testing.assert_allclose(actual[name], value, rtol=1e-5, atol=1e-5)
    if "label_ids" in expected:
        np.testing.assert_array_equal(actual["label_ids"], expected["label_ids"])


def sentences(with_corpus=False):
    random = np.random.RandomState(6)
    lengths = np.array([S, 4, 2])
    mask = (np.arange(S) < lengths[:, np.newaxis]).astype(np.int32)
    labels = (random.randint(0, L, [B, S]) * mask).astype(np.int32)
    features = {"input_mask": mask, "label_ids": labels}
    if with_corpus:
        features["corpus"] = np.array([0, 1, 1], np.int32)
    return features


PARTIAL = PartialAnnotation(
    3, np.array([[0, 1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0]], np.float32)
)


@pytest.mark.parametrize("partial", [None, PARTIAL])
@pytest.mark.parametrize("count_padding", [False, True])
def test_labels_probabilities_and_losses_of_pieces(count_padding, partial):
    head = heads.of_entities(None, L, count_padding, partial, probability=OF_LABEL)
    array_head = heads.of_entities(ONNX, L, count_padding, partial)
    assert_same(*both(head, array_head, sentences(partial is not None), L, rank=3))


def test_text_without_labels_has_no_loss():
    features = {"input_mask": sentences()["input_mask"]}
    head = heads.of_entities(None, L, False, probability=OF_LABEL)
    expected, actual = both(head, heads.of_entities(ONNX, L, False), features, L, 3)
    assert_same(expected, actual)
    assert sorted(actual) == ["label_ids", "probability"]


@pytest.mark.parametrize("labelled", [False, True])
def test_probabilities_and_losses_of_relations(labelled):
    features = {"label_id": np.array([0, 3, 1], np.int32)} if labelled else {}
    pair = heads.of_relations(None, 4), heads.of_relations(ONNX, 4)
    assert_same(*both(*pair, features, 4, rank=2))


@pytest.mark.parametrize("labelled", [False, True])
def test_probabilities_and_losses_of_several_labels(labelled):
    values = [[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 0, 0]]
    features = {f"label_{i}": np.array(v, np.int32) for i, v in enumerate(values)}
    features = features if labelled else {}
    head = heads.of_relations(None, 4, multilabel=True, with_logits=True)
    array_head = heads.of_relations(ONNX, 4, multilabel=True, with_logits=True)
    assert array_head.outputs == {"logits": 2, "probabilities": 2}
    assert_same(*both(head, array_head._replace(outputs={"logits": 2}), features, 4, 2))


@pytest.mark.parametrize("multilabel", [False, True])
def test_weights_are_those_of_the_training_loss(multilabel, monkeypatch):
    """An example's loss is multiplied; of several labels the part of those it has."""
    monkeypatch.setattr(modeling, "dropout", lambda value, _: value)
    logits = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)
    labels = np.array([1, 0])
    features = {"label_id": labels, "label_0": 1 - labels, "label_1": labels}
    weights = np.array([0.5, 4.0])
    head = heads.of_relations(None, 2, multilabel, weights.tolist())
    with tf.Graph().as_default(), tf.Session() as session:
        tensors = {name: tf.constant(value) for name, value in features.items()}
        with tf.variable_scope("", reuse=tf.AUTO_REUSE):
            losses = [
                head(Encoder(logits, logits), tensors, mode)[0]
                for mode in (ModeKeys.TRAIN, ModeKeys.EVAL)
            ]
        kernel, bias = tf.trainable_variables()
        session.run([tf.assign(kernel, np.eye(2)), tf.assign(bias, np.zeros(2))])
        weighted, plain = session.run(losses)
    if not multilabel:
        np.testing.assert_allclose(weighted, plain * weights[labels], rtol=1e-6)
        return
    having, without = np.logaddexp(0, -logits), np.logaddexp(0, logits)
    has = np.eye(2)[labels]
    np.testing.assert_allclose(
        plain, (has * having + (1 - has) * without).mean(axis=1), rtol=1e-5
    )
    np.testing.assert_allclose(
        weighted, (weights * has * having + (1 - has) * without).mean(axis=1), rtol=1e-5
    )


def test_logits_of_answers():
    pair = heads.of_answers(None, True), heads.of_answers(ONNX, True)
    assert_same(*both(*pair, {}, 2, rank=3))


def test_large_logits_do_not_overflow():
    batch = {"label_0": np.array([1]), "label_1": np.array([1])}
    extreme = {"logits": np.array([[1000.0, -1000.0]], np.float32)}
    with np.errstate(over="raise", invalid="raise"):
        several = exported.relations(multilabel=True).decode(extreme, batch)
    assert several["probabilities"].tolist() == [[1.0, 0.0]]
    assert several["loss"].tolist() == [500.0]
    logits = np.array([[[1000.0, -1000.0, 0.0]]], np.float32)
    with np.errstate(over="raise", invalid="raise"):
        predictions = exported.piece_labels(False).decode({"logits": logits}, {})
    assert predictions["probability"].tolist() == [[1.0]]
