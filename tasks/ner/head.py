"""The head of entity recognition: a label for every position."""

from typing import Optional, Tuple

import tensorflow.compat.v1 as tf

import modeling
from finetuning.estimator import ModeKeys
from finetuning.model import Head, Tensors
from tasks.ner.labels import OF_ALL, OF_LABEL
from tasks.ner.partial_annotation import PartialAnnotation, marginal_cross_entropy


def make_head(
    num_labels: int,
    count_padding: bool,
    partial: Optional[PartialAnnotation] = None,
    probability: Optional[str] = None,
) -> Head:
    """Make a linear layer over every position.

    Args:
      num_labels: L.
      count_padding: whether padding counts in the loss (as [PAD]), as in the original.
      partial: what several corpora leave open; features then have corpus [B].
      probability: what else to predict: OF_LABEL for probability, float [B, S], of the
        label predicted; OF_ALL for probabilities [B, S, L].

    Returns:
      Head. The loss is the sum over the positions of the batch. The predictions are
      label_ids [B, S], and loss [B] when features have labels.
    """

    def head(
        encoder: modeling.Outputs, features: Tensors, mode: str
    ) -> Tuple[Optional[tf.Tensor], Tensors]:
        hidden = encoder.get_sequence_output()
        if mode == ModeKeys.TRAIN:
            hidden = modeling.dropout(hidden, 0.1)
        logits = modeling.output_layer(hidden, num_labels)
        predictions = {"label_ids": tf.argmax(logits, -1, output_type=tf.int32)}
        if probability == OF_LABEL:
            predictions["probability"] = tf.reduce_max(tf.nn.softmax(logits), axis=-1)
        elif probability == OF_ALL:
            predictions["probabilities"] = tf.nn.softmax(logits)
        if "label_ids" not in features:
            return None, predictions
        if partial is None:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=features["label_ids"], logits=logits
            )
        else:
            losses = marginal_cross_entropy(
                logits, features["label_ids"], features["corpus"], partial
            )
        if not count_padding:
            # Only what counts in another window has [PAD] for a label, see featurize.
            counts = features["input_mask"] * tf.sign(features["label_ids"])
            losses *= tf.cast(counts, tf.float32)
        predictions["loss"] = tf.reduce_sum(losses, axis=-1)
        return tf.reduce_sum(losses), predictions

    return head
