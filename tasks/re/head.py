"""The heads of relation extraction: a label for every sentence, or any number."""

from typing import Optional, Sequence, Tuple

import tensorflow.compat.v1 as tf

import modeling
from biocodes.lib.labels import MULTILABEL
from finetuning.estimator import ModeKeys
from finetuning.model import Head, Tensors

# Weight of each label, or None.
Weights = Optional[Sequence[float]]


def make_head(
    num_labels: int, weights: Weights = None, with_logits: bool = False
) -> Head:
    """Make a linear layer over the pooled output, and a softmax.

    Args:
      num_labels: L.
      weights: what the training loss of an example is multiplied with, by its label.
      with_logits: whether they are among the predictions.

    Returns:
      Head. The loss is each example's, [B]. The predictions are probabilities [B, L],
      and loss [B] when features have labels.
    """

    def head(
        encoder: modeling.Outputs, features: Tensors, mode: str
    ) -> Tuple[Optional[tf.Tensor], Tensors]:
        logits = modeling.output_layer(_pooled(encoder, mode), num_labels)
        predictions = {"probabilities": tf.nn.softmax(logits)}
        if with_logits:
            predictions["logits"] = logits
        if "label_id" not in features:
            return None, predictions
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=features["label_id"], logits=logits
        )
        if weights is not None and mode == ModeKeys.TRAIN:
            losses *= tf.gather(tf.constant(weights, tf.float32), features["label_id"])
        predictions["loss"] = losses
        return losses, predictions

    return head


def make_multilabel_head(
    num_labels: int, weights: Weights = None, with_logits: bool = False
) -> Head:
    """Make a linear layer over the pooled output, and a sigmoid for each label.

    Its variables have names of their own.

    Args:
      num_labels: L; features have label_0 … label_L-1, each 1 or 0.
      weights: what the training loss of a label that is there is multiplied with.
      with_logits: whether they are among the predictions.

    Returns:
      Head. The loss of an example, [B], is the mean of the binary cross-entropies of
      its labels. The predictions are as of make_head.
    """

    def head(
        encoder: modeling.Outputs, features: Tensors, mode: str
    ) -> Tuple[Optional[tf.Tensor], Tensors]:
        pooled = _pooled(encoder, mode)
        logits = modeling.output_layer(pooled, num_labels, MULTILABEL)
        predictions = {"probabilities": tf.nn.sigmoid(logits)}
        if with_logits:
            predictions["logits"] = logits
        if "label_0" not in features:
            return None, predictions
        each = [features[f"label_{number}"] for number in range(num_labels)]
        labels = tf.cast(tf.stack(each, axis=1), tf.float32)
        weight = weights if weights and mode == ModeKeys.TRAIN else 1.0
        losses = tf.nn.weighted_cross_entropy_with_logits(
            labels=labels, logits=logits, pos_weight=tf.constant(weight, tf.float32)
        )
        predictions["loss"] = tf.reduce_mean(losses, axis=1)
        return predictions["loss"], predictions

    return head


def _pooled(encoder: modeling.Outputs, mode: str) -> tf.Tensor:
    """Return the pooled output, [B, H], with dropout in training."""
    pooled = encoder.get_pooled_output()
    return modeling.dropout(pooled, 0.1) if mode == ModeKeys.TRAIN else pooled
