"""Several corpora in one model: what each leaves open, and the loss that knows it."""

from typing import TYPE_CHECKING, NamedTuple, Optional, Sequence

import numpy as np

from biocodes.lib import conll
from tasks.ner.corpora import Corpus

if TYPE_CHECKING:
    import tensorflow.compat.v1 as tf


class PartialAnnotation(NamedTuple):
    """What the corpora of one model leave open.

    Attributes:
      outside: id of the label O.
      meanings: float32 [C, L], 1 for the labels that O stands for in each corpus.
    """

    outside: int
    meanings: np.ndarray


def partial_annotation(
    corpora: Sequence[Corpus], labels: Sequence[str], special: Sequence[str]
) -> Optional[PartialAnnotation]:
    """Return what several corpora leave open; None where O leaves nothing open.

    Args:
      corpora: all of the run.
      labels: of the model, in the order of their ids.
      special: those among them that are of pieces and not of words.
    """
    if len(corpora) < 2 or conll.OUTSIDE not in labels:
        return None
    meanings = meanings_of_outside(corpora, labels, special)
    return PartialAnnotation(labels.index(conll.OUTSIDE), meanings)


def meanings_of_outside(
    corpora: Sequence[Corpus], labels: Sequence[str], special: Sequence[str]
) -> np.ndarray:
    """Return what a word that a corpus labels O may really be.

    Args:
      corpora: all of the run.
      labels: of the model, in the order of their ids.
      special: those among them that are of pieces and not of words.

    Returns:
      float32 [C, L]: 1 where a label, for that corpus, is O or of a type that the
      corpus does not annotate.
    """

    def may_be(label: str, corpus: Corpus) -> bool:
        if label in special or conll.entity_type(label) is None:
            return label == conll.OUTSIDE
        return corpus.types is not None and conll.entity_type(label) not in corpus.types

    return np.array(
        [[may_be(label, corpus) for label in labels] for corpus in corpora], np.float32
    )


def marginal_cross_entropy(
    logits: "tf.Tensor",
    label_ids: "tf.Tensor",
    corpus: "tf.Tensor",
    partial: PartialAnnotation,
) -> "tf.Tensor":
    """Build the cross entropy in which O stands for every label that it may be.

    A word labelled O is outside of the entities that its corpus annotates; of other
    types it can be anything. So its loss is -log of the summed probability of O and of
    all labels of those types: the marginal likelihood of what is known (Greenberg et
    al. 2018, "Marginal Likelihood Training of BiLSTM-CRF for Biomedical Named Entity
    Recognition from Disjoint Label Sets", here without a CRF, so word by word). All
    other labels have their plain cross entropy.

    Args:
      logits: float [B, S, L].
      label_ids: int [B, S].
      corpus: int [B], row of partial.meanings for each sentence.
      partial: what the corpora leave open.

    Returns:
      float [B, S].
    """
    import tensorflow.compat.v1 as tf

    known = tf.one_hot(label_ids, partial.meanings.shape[1])
    open_ones = tf.gather(tf.constant(partial.meanings), corpus)[:, tf.newaxis, :]
    is_outside = tf.cast(tf.equal(label_ids, partial.outside), tf.float32)
    possible = known + is_outside[:, :, tf.newaxis] * (open_ones - known)
    # Far below every logit, yet finite: the gradient of what is impossible is 0.
    impossible = (1.0 - possible) * -1e9
    of_possible = tf.reduce_logsumexp(logits + impossible, axis=-1)
    return tf.reduce_logsumexp(logits, axis=-1) - of_possible
