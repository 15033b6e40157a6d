"""The heads of exported models: what the tasks predict, in NumPy.

They give what the heads in the three scripts give, from the outputs of model.onnx.
"""

from typing import Dict, Optional

import numpy as np

from finetuning.batches import Batch
from finetuning.onnx_engine import ArrayHead
from tasks.ner.partial_annotation import PartialAnnotation

Arrays = Dict[str, np.ndarray]


def piece_labels(
    count_padding: bool, partial: Optional[PartialAnnotation] = None
) -> ArrayHead:
    """Make the head of entity recognition: a label for every position.

    Args:
      count_padding: whether padding counts in the loss (as [PAD]).
      partial: what several corpora leave open; batches then have corpus [B].

    Returns:
      ArrayHead that predicts label_ids [B, S], probability [B, S] of each of them, and
      loss [B], the sum over its positions, when a batch has labels.
    """

    def decode(outputs: Arrays, batch: Batch) -> Arrays:
        logits = outputs["logits"]
        probabilities = np.exp(_log_softmax(logits))
        predictions = {
            "label_ids": logits.argmax(axis=-1).astype(np.int32),
            "probability": probabilities.max(axis=-1),
        }
        if "label_ids" in batch:
            losses = _losses(logits, batch, partial)
            if not count_padding:
                losses = losses * batch["input_mask"] * np.sign(batch["label_ids"])
            predictions["loss"] = losses.sum(axis=-1)
        return predictions

    return ArrayHead({"logits": 3}, decode)


def _losses(
    logits: np.ndarray, batch: Batch, partial: Optional[PartialAnnotation]
) -> np.ndarray:
    """Return each position's cross entropy, or marginal_cross_entropy: [B, S]."""
    labels = batch["label_ids"]
    possible = np.eye(logits.shape[-1], dtype=np.float32)[labels]
    if partial is not None:
        open_ones = partial.meanings[batch["corpus"]][:, np.newaxis, :]
        is_outside = (labels == partial.outside)[:, :, np.newaxis]
        possible = np.where(is_outside, open_ones, possible)
    of_possible = np.where(possible > 0, _log_softmax(logits), -np.inf)
    return -np.logaddexp.reduce(of_possible, axis=-1)


def relations(multilabel: bool = False, with_logits: bool = False) -> ArrayHead:
    """Make the head of relation extraction.

    Args:
      multilabel: whether a text has any number of labels, see re.head.
      with_logits: whether they are among the predictions.

    Returns:
      ArrayHead that predicts probabilities [B, L], and loss [B] when a batch has
      labels.
    """

    def decode(outputs: Arrays, batch: Batch) -> Arrays:
        of_batch = _sigmoids if multilabel else _softmax
        predictions = of_batch(outputs["logits"], batch)
        if with_logits:
            predictions["logits"] = outputs["logits"]
        return predictions

    outputs = {"logits": 2}
    return ArrayHead(dict(outputs, probabilities=2) if multilabel else outputs, decode)


def _softmax(logits: np.ndarray, batch: Batch) -> Arrays:
    """Predict one label a text; logits: [B, L]."""
    logs = _log_softmax(logits)
    predictions = {"probabilities": np.exp(logs)}
    if "label_id" in batch:
        rows = np.arange(len(logs))
        predictions["loss"] = -logs[rows, batch["label_id"]]
    return predictions


def _sigmoids(logits: np.ndarray, batch: Batch) -> Arrays:
    """Predict any number of labels a text; logits: [B, L]."""
    # The logarithms of not having a label and of having it, without overflow.
    without, having = -np.logaddexp(0, logits), -np.logaddexp(0, -logits)
    predictions = {"probabilities": np.exp(having)}
    if "label_0" in batch:
        labels = [batch[f"label_{number}"] for number in range(logits.shape[1])]
        losses = -np.where(np.stack(labels, axis=1) > 0, having, without)
        predictions["loss"] = losses.mean(axis=1)
    return predictions


def answers() -> ArrayHead:
    """Make the head of question answering.

    Returns:
      ArrayHead that predicts start_logits and end_logits, both [B, S].
    """
    outputs = {"start_logits": 2, "end_logits": 2}
    return ArrayHead(outputs, lambda given, _: {name: given[name] for name in outputs})


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return the logarithms of the probabilities over the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
