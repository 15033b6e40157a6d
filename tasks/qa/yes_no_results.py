"""Results of yes/no questions: from windows to answers, their files and scores."""

import contextlib
import os
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from biocodes.lib import bioasq, files, relation_scores
from finetuning.console import log
from finetuning.run import Run
from tasks.qa.results import (
    PREDICTIONS,
    PROBABILITIES,
    RESULTS,
    json_object,
    write_scores,
)

# The first one is the official measure.
METRICS = ("macro_f1", "accuracy")
# One logit, above 0 for yes; or one for each label.
Logits = Sequence[float]
_WRITTEN = (PREDICTIONS, PROBABILITIES)


def combine(windows: Sequence[Tuple[Any, Mapping[str, np.ndarray]]]) -> List[float]:
    """Return the mean of the logits of a context's windows, one at least.

    Args:
      windows: (features, predictions with logits [1] or [labels]) of each.
    """
    logits = [predictions["logits"] for _, predictions in windows]
    return np.mean(np.array(logits, np.float64), axis=0).tolist()


def probabilities(logits: Logits, labels: Sequence[str]) -> Dict[str, float]:
    """Map each label to its probability."""
    # A single logit is the one of yes against 0 for no.
    scores = np.array([logits[0], 0.0] if len(logits) == 1 else logits)
    shares = np.exp(scores - scores.max())
    return dict(zip(labels, (shares / shares.sum()).tolist()))


def best(logits: Logits, labels: Sequence[str]) -> str:
    """Return the most probable label; "no" for a single logit of 0."""
    if len(logits) == 1:
        return labels[0] if logits[0] > 0 else labels[1]
    return labels[int(np.argmax(logits))]


def write(folder: str, logits: Mapping[str, Logits], labels: Sequence[str]) -> None:
    """Write predictions.json, {id: [answer, logits]}, and probabilities.json.

    Args:
      folder: where they go; other results of an earlier prediction there are removed.
      logits: of each question by id.
      labels: names in the order of their ids.
    """
    paths = [os.path.join(folder, name) for name in _WRITTEN]
    outdated = [os.path.join(folder, name) for name in set(RESULTS) - set(_WRITTEN)]
    with contextlib.ExitStack() as stack:
        streams = stack.enter_context(files.whole_files(paths, outdated))
        predicted, probable = (
            stack.enter_context(json_object(stream)) for stream in streams
        )
        for name, of_question in logits.items():
            predicted(name, [best(of_question, labels), list(of_question)])
            probable(name, probabilities(of_question, labels))


def scores(
    golds: Mapping[str, str], predicted: Mapping[str, str], labels: Sequence[str]
) -> Dict[str, float]:
    """Score answers.

    Args:
      golds: {id: right answer}, one at least.
      predicted: {id: answer} of all of these and perhaps more.
      labels: names in the order of their ids.

    Returns:
      accuracy, f1_LABEL of each label and macro_f1, their mean, from 0 to 1; and total,
      the number of questions.
    """
    pairs = [(golds[name], predicted[name]) for name in golds]
    gold_ids, ids = ([labels.index(answer) for answer in side] for side in zip(*pairs))
    of_classes = relation_scores.multiclass_scores(gold_ids, ids, len(labels))
    named = {
        f"f1_{label}": float(of_class.f1)
        for label, of_class in zip(labels, of_classes.classes)
    }
    accuracy = sum(gold == answer for gold, answer in pairs) / len(pairs)
    macro_f1 = of_classes.macro.f1
    return dict(named, accuracy=accuracy, macro_f1=macro_f1, total=len(pairs))


def measures(
    golds: Sequence[Tuple[str, str]],
    logits: Mapping[str, Logits],
    labels: Sequence[str],
) -> Dict[str, float]:
    """Score the answers to questions; see scores.

    The snippets of a BioASQ question are one question, whose logits are the means of
    theirs.

    Args:
      golds: (id, right answer) of the questions that have one, one at least.
      logits: of each question by id.
      labels: names in the order of their ids.
    """
    pools = bioasq.pool_snippets(logits, "predict_file")
    predicted = {
        name: best(np.mean(of_snippets, axis=0), labels)
        for name, of_snippets in pools.items()
    }
    by_question = {bioasq.question_id(name): answer for name, answer in golds}
    return scores(by_question, predicted, labels)


def report(
    run: Run, golds: Sequence[Tuple[str, str]], logits: Mapping[str, Logits]
) -> None:
    """Score the answers where that can be; log scores and write eval_results.txt.

    Args:
      run: with the model that answered.
      golds, logits: see measures.
    """
    log.info("the answers: %s", os.path.join(run.folder, PREDICTIONS))
    if not golds:
        log.info("no gold answers in predict_file, so no scores")
        return
    values = measures(golds, logits, run.model.labels)
    results = {name: round(value, 4) for name, value in values.items()}
    write_scores(run, results, {name: values[name] for name in METRICS})
