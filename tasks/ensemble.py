"""What the models of an ensemble predict together, for each task.

Probabilities are averaged. Each function takes the predictions of the models for one
batch, dicts of arrays by name, and returns those of the ensemble, as one head gives
them; a loss is the mean of the models' losses.
"""

from typing import Dict, List, Sequence

import numpy as np

from tasks.qa.decoding import WindowLogits

Predictions = Dict[str, np.ndarray]
# Keeps logarithms of probabilities finite; float32's smallest normal number.
_LEAST = np.finfo(np.float32).tiny


def mean_of_pieces(each: List[Predictions]) -> Predictions:
    """Label pieces by the mean of probabilities [B, S, L].

    Returns:
      label_ids int32 [B, S], probability [B, S] of each of them, and loss if there is.
    """
    probabilities = _mean(each, "probabilities")
    return {
        "label_ids": probabilities.argmax(axis=-1).astype(np.int32),
        "probability": probabilities.max(axis=-1),
        **_loss(each),
    }


def mean_of_classes(each: List[Predictions]) -> Predictions:
    """Classify by the mean of probabilities [B, L].

    Returns:
      probabilities, and loss if there is. Where the models give logits, too, those of
      all of them, [B, M, L]: what stands in windows is put together for each model.
    """
    mean = {"probabilities": _mean(each, "probabilities"), **_loss(each)}
    if "logits" in each[0]:
        mean["logits"] = np.stack([one["logits"] for one in each], axis=1)
    return mean


def mean_of_answers(each: List[Predictions]) -> Predictions:
    """Answer yes/no questions by the mean of the models' probabilities.

    Args:
      each: logits [B, 1] of yes against no, or [B, L] of classes.

    Returns:
      The logits [B, 1] or [B, L] of the mean.
    """
    logits = np.array([one["logits"] for one in each], np.float64)
    if logits.shape[-1] == 1:
        yes = np.mean(np.exp(-np.logaddexp(0.0, -logits)), axis=0)
        no = np.mean(np.exp(-np.logaddexp(0.0, logits)), axis=0)
        return {"logits": np.log(np.maximum(yes, _LEAST) / np.maximum(no, _LEAST))}
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    return {"logits": np.log(np.maximum(shares.mean(axis=0), _LEAST))}


def side_by_side(each: List[Predictions]) -> Predictions:
    """Keep the logits of all models: start_logits, end_logits [B, M, S].

    They are comparable only once all windows of a question are known: mean_of_windows.
    """
    return {name: np.stack([one[name] for one in each], axis=1) for name in each[0]}


def mean_of_windows(windows: Sequence[WindowLogits]) -> List[WindowLogits]:
    """Average what M models say of where an answer starts, and of where it ends.

    For each model, all positions of all windows of the question share a probability
    of 1. The logits that come back are logarithms of the means of these.

    Args:
      windows: of one question, with start_logits and end_logits [M, S].
    """
    means = {}
    for name in ("start_logits", "end_logits"):
        logits = [getattr(window, name) for window in windows]
        ends = np.cumsum([values.shape[-1] for values in logits])
        together = np.concatenate(logits, axis=-1).astype(np.float64)
        shares = np.exp(together - together.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        mean = np.log(np.maximum(shares.mean(axis=0), _LEAST))
        means[name] = np.split(mean, ends[:-1])
    pairs = zip(windows, means["start_logits"], means["end_logits"])
    return [
        window._replace(start_logits=start, end_logits=end)
        for window, start, end in pairs
    ]


def _mean(each: List[Predictions], name: str) -> np.ndarray:
    return np.mean([one[name] for one in each], axis=0)


def _loss(each: List[Predictions]) -> Predictions:
    return {"loss": _mean(each, "loss")} if "loss" in each[0] else {}
