"""tasks/ner/partial_annotation.py: what O leaves open, and its loss."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.ner.corpora import Corpus
from tasks.ner.labels import SPECIAL, in_order
from tasks.ner.partial_annotation import (
    marginal_cross_entropy,
    meanings_of_outside,
    partial_annotation,
)

tf.disable_v2_behavior()

LABELS = in_order(["O", "B-A", "I-A", "B-B", "I-B"])


def corpus_of(number, types):
    return Corpus(number, str(number), None, frozenset(types), {}, {})


def test_outside_may_be_what_a_corpus_does_not_annotate():
    labels = in_order(["O", ".", "B-A", "I-A", "B-B", "B-C-D", "I"])
    corpora = [corpus_of(0, "A"), corpus_of(1, ["B", "C-D"]), corpus_of(2, [])]
    meanings = meanings_of_outside(corpora, labels, SPECIAL)
    open_labels = [
        {name for name, is_open in zip(labels, row) if is_open} for row in meanings
    ]
    assert open_labels == [
        {"O", "B-B", "B-C-D", "I"},
        {"O", "B-A", "I-A", "I"},
        {"O", "B-A", "I-A", "B-B", "B-C-D", "I"},
    ]


PARTIAL = partial_annotation(
    [corpus_of(0, "A"), corpus_of(1, "B"), corpus_of(2, "AB")],
    LABELS,
    SPECIAL,
)


def evaluated(logits, label_ids, corpus, partial=PARTIAL):
    """Losses [B, S], and gradients of their sum by the logits."""
    with tf.Graph().as_default(), tf.Session() as session:
        logits = tf.constant(logits, tf.float32)
        losses = marginal_cross_entropy(
            logits, tf.constant(label_ids), tf.constant(corpus), partial
        )
        return session.run([losses, tf.gradients(losses, logits)[0]])


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 3.0, 40.0]))
def test_loss_is_that_of_everything_that_a_label_may_be(seed, scale):
    random = np.random.RandomState(seed)
    count = len(LABELS)
    logits = scale * random.randn(4, 5, count)
    label_ids = random.randint(count, size=[4, 5])
    corpus = random.randint(3, size=4)
    losses, gradients = evaluated(logits, label_ids, corpus)
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    for sentence, position in np.ndindex(4, 5):
        possible = [label_ids[sentence, position]]
        if possible == [PARTIAL.outside]:
            possible = np.flatnonzero(PARTIAL.meanings[corpus[sentence]])
        p = probabilities[sentence, position]
        expected = -np.log(p[possible].sum())
        assert losses[sentence, position] == pytest.approx(expected, 1e-4, 1e-5)
        # What is possible is pushed up in proportion to its probability.
        share = np.zeros(count)
        share[possible] = p[possible] / p[possible].sum()
        np.testing.assert_allclose(
            gradients[sentence, position], p - share, rtol=1e-3, atol=1e-5
        )


def test_outside_does_not_push_against_what_is_not_annotated():
    logits = np.zeros([2, 1, len(LABELS)])
    for other in ("B-B", "I-B"):  # the model is quite sure of an entity of B
        logits[:, 0, LABELS.index(other)] = 5.0
    losses, gradients = evaluated(logits, [[PARTIAL.outside]] * 2, [0, 1])
    # Corpus 0 annotates A alone; corpus 1 does annotate B, and says that it is none.
    assert losses[0, 0] < 0.1 < 4.0 < losses[1, 0]
    at = LABELS.index("B-B")
    assert gradients[0, 0, at] < 0.0 < 0.4 < gradients[1, 0, at]
    for kind in ("B-A", "I-A"):
        assert (gradients[0, 0, LABELS.index(kind)]) > 0.0


def test_corpora_that_annotate_everything_lose_what_one_does():
    random = np.random.RandomState(1)
    logits = random.randn(3, 4, len(LABELS))
    label_ids = random.randint(len(LABELS), size=[3, 4])
    losses, _ = evaluated(logits, label_ids, [2, 2, 2])
    with tf.Graph().as_default(), tf.Session() as session:
        plain = session.run(
            tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=label_ids, logits=logits
            )
        )
    np.testing.assert_allclose(losses, plain, rtol=1e-5)
