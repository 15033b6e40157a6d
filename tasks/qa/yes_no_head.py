"""The head of yes/no questions."""

from typing import Optional, Tuple

import tensorflow.compat.v1 as tf

import modeling
from biocodes.lib.yes_no import YES_NO, YES_NO_MAYBE
from finetuning.model import Head, Tensors
from tasks.qa.kind import YES_NO_HEAD, YES_NO_MAYBE_HEAD

# The ends of the names of each head's variables.
_SUFFIXES = {
    labels: name.rpartition("output_weights")[2]
    for labels, name in ((YES_NO, YES_NO_HEAD), (YES_NO_MAYBE, YES_NO_MAYBE_HEAD))
}


def make_head(labels: Tuple[str, ...]) -> Head:
    """Make a linear layer over the last layer's vector of [CLS].

    Args:
      labels: YES_NO for one logit and a sigmoid, YES_NO_MAYBE for three and a softmax.

    Returns:
      Head. The loss is each example's cross-entropy, [B]. The predictions are logits
      [B, 1] or [B, 3].
    """
    units = 1 if labels == YES_NO else len(labels)

    def head(
        encoder: modeling.Outputs, features: Tensors, mode: str
    ) -> Tuple[Optional[tf.Tensor], Tensors]:
        first = encoder.get_sequence_output()[:, 0]
        with tf.variable_scope("cls/squad"):
            logits = modeling.output_layer(first, units, _SUFFIXES[labels])
        predictions = {"logits": logits}
        if "label_id" not in features:
            return None, predictions
        if units == 1:
            is_yes = tf.equal(features["label_id"], labels.index("yes"))
            return tf.nn.sigmoid_cross_entropy_with_logits(
                labels=tf.cast(is_yes, tf.float32), logits=logits[:, 0]
            ), predictions
        return tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=features["label_id"], logits=logits
        ), predictions

    return head
