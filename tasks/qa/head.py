"""The head of question answering: where an answer starts and ends."""

from typing import Optional, Tuple

import tensorflow.compat.v1 as tf

import modeling
from finetuning.model import Head, Tensors


def make_head(count_padding: bool) -> Head:
    """Make a linear layer that gives every position a start and an end logit.

    Args:
      count_padding: whether padding competes in the loss, as in the original.

    Returns:
      Head. The loss is each example's mean of the cross-entropies of start and end,
      [B]. The predictions are start_logits and end_logits [B, S].
    """

    def head(
        encoder: modeling.Outputs, features: Tensors, mode: str
    ) -> Tuple[Optional[tf.Tensor], Tensors]:
        with tf.variable_scope("cls/squad"):
            logits = modeling.output_layer(encoder.get_sequence_output(), 2)
        start_logits, end_logits = tf.unstack(logits, axis=-1)
        predictions = {"start_logits": start_logits, "end_logits": end_logits}
        if "start_position" not in features:
            return None, predictions
        padding = 1.0 - tf.cast(features["input_mask"], tf.float32)
        mask = 0.0 if count_padding else padding * -1e9
        losses = [
            tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=features[f"{which}_position"],
                logits=predictions[f"{which}_logits"] + mask,
            )
            for which in ("start", "end")
        ]
        return tf.reduce_mean(tf.stack(losses), axis=0), predictions

    return head
