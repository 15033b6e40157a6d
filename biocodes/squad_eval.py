"""SQuAD's two measures of an answer: exact match and token F1.

    python biocodes/squad_eval.py DATASET PREDICTIONS

scores predictions.json of run_qa.py, {id: text}, against the answers of a file in
SQuAD's form, v1.1 (Rajpurkar et al. 2016, section 6.1) or v2.0 (Rajpurkar, Jia and
Liang 2018: the empty answer is right where there is none, and only there).

Answers are compared word by word after case, punctuation and the articles are gone. Of
several gold answers the one that agrees best counts.
"""

import collections
import os
import re
import string
import sys

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from biocodes import files  # noqa: E402

ARTICLE = re.compile(r"\b(?:a|an|the)\b")
WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(text):
    """The words of an answer that count, joined by single spaces.

    Lower case, without ASCII punctuation and without the articles a, an and the:
    "The IFITM-3 gene." gives "ifitm3 gene".
    """
    text = text.lower().translate(WITHOUT_PUNCTUATION)
    return " ".join(ARTICLE.sub(" ", text).split())


def exact_match(prediction, golds):
    """1.0 if the prediction equals a gold answer after normalization, else 0.0.

    Args:
      prediction: text; "" says that there is no answer.
      golds: list of texts; none, or none with a word left after normalization, says
        that the question has no answer.
    """
    prediction = normalize_answer(prediction)
    return float(any(prediction == gold for gold in normalized_golds(golds)))


def f1(prediction, golds):
    """The best token F1 of the prediction against a gold answer, from 0.0 to 1.0.

    The words are compared as multisets. Where either side is empty, F1 is 1.0 if both
    are and 0.0 otherwise. Arguments as of exact_match().
    """
    prediction = normalize_answer(prediction)
    return max(token_f1(prediction, gold) for gold in normalized_golds(golds))


def normalized_golds(golds):
    """Normalized gold answers that have a word left, or [""] if there is none."""
    normalized = [normalize_answer(gold) for gold in golds]
    return [gold for gold in normalized if gold] or [""]


def token_f1(prediction, gold):
    """F1 of two normalized answers, see f1()."""
    predicted, right = prediction.split(), gold.split()
    if not predicted or not right:
        return float(predicted == right)
    shared = collections.Counter(predicted) & collections.Counter(right)
    return 2 * sum(shared.values()) / (len(predicted) + len(right))


def gold_answers(dataset, path="dataset"):
    """The questions of a SQuAD file that can be scored: [(id, [gold text])].

    A question marked is_impossible has the gold answers []; a question that is not
    and has no answers (a file made for prediction) is left out.

    Raises:
      InputError: the file has another form, or an id stands there twice.
    """
    golds = {}
    for paragraph in paragraphs(dataset, path):
        for question in list_of_dicts(paragraph, "qas", path):
            name = question.get("id")
            if not isinstance(name, str) or not name:
                raise files.InputError('has a question without "id"', path)
            if name in golds:
                raise files.InputError(f"question {name} stands there twice", path)
            golds[name] = texts_of(question, path)
    return [(name, texts) for name, texts in golds.items() if texts is not None]


def paragraphs(dataset, path):
    """Yields the paragraphs of all articles of a SQuAD file."""
    for article in list_of_dicts(dataset, "data", path):
        yield from list_of_dicts(article, "paragraphs", path)


def list_of_dicts(parent, key, path):
    """parent[key], checked to be a list of dicts."""
    value = parent.get(key) if isinstance(parent, dict) else None
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return value
    raise files.InputError(
        f'has no list "{key}" where SQuAD has one',
        path,
        remedy="the form is data[].paragraphs[].qas[]",
    )


def texts_of(question, path):
    """Gold texts of one question, [] if impossible, None if it has no answers."""
    if question.get("is_impossible") is True:
        return []
    answers = question.get("answers")
    if answers is None:
        return None
    if isinstance(answers, list) and all(isinstance(each, dict) for each in answers):
        texts = [each.get("text") for each in answers]
        if all(isinstance(text, str) for text in texts):
            return texts or None
    raise files.InputError(
        f'question {question["id"]} has "answers" that are no list of objects with a '
        '"text"',
        path,
    )


def evaluate(dataset, predictions):
    """Scores predictions.

    Args:
      dataset: the value of a SQuAD file, or a list of (id, gold texts) pairs.
      predictions: {id: text}; ids that dataset lacks are ignored, and a question
        without a prediction is wrong, also if it has no answer.

    Returns:
      {"exact_match", "f1", "total"}: two means in percent, and the number of questions
      they are over; all 0 without questions.
    """
    golds = gold_answers(dataset) if isinstance(dataset, dict) else dataset
    given = [(predictions[name], texts) for name, texts in golds if name in predictions]
    total = len(golds)
    return {
        "exact_match": percent([exact_match(*pair) for pair in given], total),
        "f1": percent([f1(*pair) for pair in given], total),
        "total": total,
    }


def percent(scores, total):
    """The sum of scores as percentage of total, 0.0 of nothing."""
    return 100.0 * sum(scores) / total if total else 0.0


def read_predictions(path):
    """{id: text} of a predictions.json.

    Raises:
      InputError: the file has another form; the question is named.
    """
    predictions = files.read_json(path)
    if not isinstance(predictions, dict):
        raise files.InputError(
            "is not an object of ids and texts",
            path,
            remedy="give run_qa.py's predictions.json",
        )
    for name, text in predictions.items():
        if not isinstance(text, str):
            raise files.InputError(
                f"question {name} has a prediction that is no text",
                path,
                remedy="give run_qa.py's predictions.json",
            )
    return predictions


def parse_flags(argv):
    parser = files.ArgumentParser(
        description="Prints SQuAD's exact match and token F1, in percent.",
    )
    parser.add_argument("dataset", metavar="DATASET", help="file in SQuAD's form")
    parser.add_argument(
        "predictions", metavar="PREDICTIONS", help="predictions.json of run_qa.py"
    )
    return parser.parse_args(argv)


def main(argv=None):
    flags = parse_flags(argv)
    golds = gold_answers(files.read_json(flags.dataset), flags.dataset)
    if not golds:
        raise files.InputError("has no answers to compare with", flags.dataset)
    predictions = read_predictions(flags.predictions)
    scores = evaluate(golds, predictions)
    for measure in ("exact_match", "f1"):
        print(f"{measure} = {scores[measure]:.4f}")
    print(f"total = {scores['total']}")
    files.warn(
        f"questions without a prediction in {flags.predictions}, counted as wrong",
        [name for name, _ in golds if name not in predictions],
    )


if __name__ == "__main__":
    files.run(main)
