"""The head of relation extraction: a label for every sentence."""

from typing import Optional, Tuple

import tensorflow.compat.v1 as tf

import modeling
from finetuning.estimator import ModeKeys
from finetuning.model import Head, Tensors


def make_head(num_labels: int) -> Head:
    """Make a linear layer over the pooled output; num_labels: L.

    Returns:
      Head. The loss is each example's, [B]. The predictions are probabilities [B, L],
      and loss [B] when features have labels.
    """

    def head(
        encoder: modeling.Outputs, features: Tensors, mode: str
    ) -> Tuple[Optional[tf.Tensor], Tensors]:
        pooled = encoder.get_pooled_output()
        if mode == ModeKeys.TRAIN:
            pooled = modeling.dropout(pooled, 0.1)
        logits = modeling.output_layer(pooled, num_labels)
        predictions = {"probabilities": tf.nn.softmax(logits)}
        if "label_id" not in features:
            return None, predictions
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=features["label_id"], logits=logits
        )
        predictions["loss"] = losses
        return losses, predictions

    return head
