"""nbest_predictions.json of run_qa.py, read; and which texts can be answers."""

from typing import Any, Dict, List, Tuple

from biocodes.lib import files

BRACKETS = ("()", "[]", "{}")

# What an n-best list has of one answer.
Entry = Dict[str, Any]


# Of any type until it is checked.
def check_lists(nbest: Any, path: str) -> Dict[str, List[Entry]]:
    """Return the value of nbest_predictions.json, checked to be {id: [entries]}.

    Raises:
      InputError: it has another form, or no question.
    """
    remedy = "give run_qa.py's nbest_predictions.json"
    if not isinstance(nbest, dict) or not nbest:
        raise files.InputError("holds no questions", path, remedy=remedy)
    for name, entries in nbest.items():
        if not isinstance(entries, list):
            raise files.InputError(
                f"question {name} has no list of candidates", path, remedy=remedy
            )
        for entry in entries:
            if not isinstance(entry, dict) or not isinstance(entry.get("text"), str):
                raise files.InputError(
                    f'question {name} has a candidate without "text"',
                    path,
                    remedy=remedy,
                )
    return nbest


def probability_of(entry: Entry, name: str, path: str) -> float:
    """Return the "probability" of an entry of question `name`, checked."""
    probability = entry.get("probability")
    # type() and not isinstance(), for which true and false would be numbers. Softmax in
    # single precision can overshoot 1; NaN fails every comparison.
    if type(probability) not in (int, float) or not 0 <= probability <= 1.0001:
        raise files.InputError(
            f'question {name} has a candidate whose "probability" is no number from 0 '
            "to 1",
            path,
        )
    return probability


def logits_of(entry: Entry, name: str, path: str) -> Tuple[float, float]:
    """Return the "start_logit" and "end_logit" of an entry, checked."""
    logits = tuple(entry.get(key) for key in ("start_logit", "end_logit"))
    # A logit beyond 1e30 is nobody's, and sums of such could overflow.
    if any(type(x) not in (int, float) or not -1e30 < x < 1e30 for x in logits):
        raise files.InputError(
            f'question {name} has a candidate whose "start_logit" or "end_logit" is no '
            "number",
            path,
        )
    return logits


# Texts


def is_balanced(text: str) -> bool:
    """Whether every bracket of a text has its partner, each kind for itself."""
    for opening, closing in BRACKETS:
        depth = 0
        for char in text:
            depth += (char == opening) - (char == closing)
            if depth < 0:
                return False
        if depth:
            return False
    return True


def tidied(text: str) -> str:
    """Make of a span what the 7th challenge's system submits for it, "" for nothing.

    It loses one comma, full stop or space at its end, and then brackets that enclose
    all of it: "(BRCA1)." gives "BRCA1". One with a bracket that has no partner is none.
    """
    if text[-1:] in (",", ".", " "):
        text = text[:-1]
    if not is_balanced(text):
        return ""
    # "(a) and (b)" is not enclosed by its first and last bracket.
    if text[:1] + text[-1:] in BRACKETS and is_balanced(text[1:-1]):
        text = text[1:-1]
    return text
