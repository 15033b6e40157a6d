"""SQuAD's two measures of an answer: exact match and token F1.

Answers are compared word by word after case, punctuation and the articles are gone. Of
several gold answers the one that agrees best counts.
"""

import collections
import re
import string
from typing import Any, Dict, List, Mapping, Sequence, Union

from biocodes.lib import squad

ARTICLE = re.compile(r"\b(?:a|an|the)\b")
WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


def evaluate(
    dataset: Union[Dict[str, Any], Sequence[squad.Gold]], predictions: Mapping[str, str]
) -> Dict[str, float]:
    """Score predictions.

    Args:
      dataset: the value of a SQuAD file, or a list of (id, gold texts) pairs.
      predictions: {id: text}; ids that dataset lacks are ignored, and a question
        without a prediction is wrong, also if it has no answer.

    Returns:
      {"exact_match", "f1", "total"}: two means in percent, and the number of questions
      they are over; all 0 without questions.
    """
    golds = squad.gold_answers(dataset) if isinstance(dataset, dict) else dataset
    given = [(predictions[name], texts) for name, texts in golds if name in predictions]
    total = len(golds)
    return {
        "exact_match": percent([exact_match(*pair) for pair in given], total),
        "f1": percent([f1(*pair) for pair in given], total),
        "total": total,
    }


def exact_match(prediction: str, golds: Sequence[str]) -> float:
    """Return 1.0 if the prediction is a gold answer after normalization, else 0.0.

    Args:
      prediction: text; "" says that there is no answer.
      golds: texts; none, or none with a word left after normalization, says that the
        question has no answer.
    """
    prediction = normalize_answer(prediction)
    return float(any(prediction == gold for gold in normalized_golds(golds)))


def f1(prediction: str, golds: Sequence[str]) -> float:
    """Compute the best token F1 of a prediction against a gold answer, 0.0 to 1.0.

    The words are compared as multisets. Where either side is empty, F1 is 1.0 if both
    are and 0.0 otherwise. Arguments as of exact_match().
    """
    prediction = normalize_answer(prediction)
    return max(token_f1(prediction, gold) for gold in normalized_golds(golds))


def normalize_answer(text: str) -> str:
    """Return the words of an answer that count, joined by single spaces.

    Lower case, without ASCII punctuation and without the articles a, an and the:
    "The IFITM-3 gene." gives "ifitm3 gene".
    """
    text = text.lower().translate(WITHOUT_PUNCTUATION)
    return " ".join(ARTICLE.sub(" ", text).split())


def normalized_golds(golds: Sequence[str]) -> List[str]:
    """Normalize the gold answers that have a word left, or [""] if there is none."""
    normalized = [normalize_answer(gold) for gold in golds]
    return [gold for gold in normalized if gold] or [""]


def token_f1(prediction: str, gold: str) -> float:
    """Compute the F1 of two normalized answers, see f1()."""
    predicted, right = prediction.split(), gold.split()
    if not predicted or not right:
        return float(predicted == right)
    shared = collections.Counter(predicted) & collections.Counter(right)
    return 2 * sum(shared.values()) / (len(predicted) + len(right))


def percent(scores: Sequence[float], total: int) -> float:
    """Return the sum of scores as percentage of total, 0.0 of nothing."""
    return 100.0 * sum(scores) / total if total else 0.0
