"""Results of relation extraction: predictions, scores, and their files."""

import os
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from biocodes.lib import files
from biocodes.lib.files import InputError
from biocodes.lib.relations import Row, is_labelled
from finetuning import console, output_dir
from finetuning.console import log
from finetuning.evaluation import DevSet
from finetuning.records import RecordFile
from finetuning.run import Run
from tasks import heads
from tasks.re import threshold as thresholds
from tasks.re.class_weights import Weights
from tasks.re.records import Form
from tasks.re.scoring import (
    AnyScoring,
    MultilabelScoring,
    Scored,
    Scoring,
    metrics_of,
)
from tasks.re.threshold import Threshold
from tasks.re.windows import Pooling

PREDICTIONS = ("test_results.tsv", "test_predictions.tsv")
TEST_SCORES = "test_scores.txt"
DEV_FILE, TEST_FILE = "dev.tsv", "test.tsv"
DEV_SCORES = "eval_results.txt"
RESULTS = (*PREDICTIONS, TEST_SCORES, DEV_SCORES, thresholds.RECORD)
Predictions = Iterable[Tuple[int, Dict[str, np.ndarray]]]


class Examples(NamedTuple):
    """A file: its rows, and the records of them, or of their windows."""

    rows: Sequence[Row]
    data: RecordFile


class Rules(NamedTuple):
    """How predictions become labels, and what these are scored by.

    Attributes:
      scoring: of the labels.
      pooling: puts the windows of a text together; None: each text is a record.
      threshold: Threshold.
    """

    scoring: AnyScoring
    pooling: Optional[Pooling] = None
    threshold: Threshold = Threshold()

    def by_text(self, data: RecordFile, predictions: Predictions) -> Predictions:
        """Return what is predicted of each text, in order; data: their records."""
        if self.pooling is None:
            return predictions
        return self.pooling.by_text(data, predictions)

    def scored(self, examples: Examples, predictions: Predictions) -> Scored:
        """Score a file with labels by what the head predicts of its records.

        The threshold, if it is the best one, is chosen on this very file.
        """
        probabilities, losses = [], []
        for _, prediction in self.by_text(examples.data, predictions):
            probabilities.append(prediction["probabilities"])
            losses.append(float(prediction["loss"]))
        table = np.stack(probabilities)
        gold, threshold = self.scoring.gold_of(examples.rows), self.threshold.value
        predicted = self.scoring.decide(table, threshold)
        scored = Scored(self.scoring, gold, predicted, table, losses)
        is_chosen = self.threshold.is_best and threshold is None
        return scored.at_best_threshold() if is_chosen else scored

    def check(self, corpus: Dict[str, Sequence[Row]], paths: Dict[str, str]) -> None:
        """Check that a threshold means something, and can be chosen.

        Args:
          corpus: phase → rows.
          paths: phase → file, for messages.

        Raises:
          InputError: it does not, or cannot.
        """
        if self.threshold == Threshold():
            return
        labels = self.scoring.labels
        if not self.scoring.takes_threshold:
            raise InputError(
                f"is for two labels, or for --multilabel=true, not for {len(labels)}"
                f" labels ({', '.join(labels)})",
                thresholds.FLAG,
            )
        if not self.threshold.is_best or "eval" not in corpus:
            return
        if not self.scoring.has_both(corpus["eval"]):
            raise InputError(
                "all its examples are of one class, so no threshold is best",
                paths["eval"],
                remedy=f"give a number by {thresholds.FLAG}",
            )

    def head(self, checkpoint: Optional[str], weights: Optional[Weights] = None) -> Any:
        """Make the head; checkpoint as of heads.of_relations, weights of the labels."""
        return heads.of_relations(
            checkpoint,
            len(self.scoring.labels),
            isinstance(self.scoring, MultilabelScoring),
            weights,
            with_logits=self.pooling is not None,
        )

    def form(self, limit: int) -> Form:
        """Return the form of records; limit: pieces of a window."""
        several = self.scoring if isinstance(self.scoring, MultilabelScoring) else None
        return Form(several, limit if self.pooling else None)

    def with_threshold(self, value: Optional[float]) -> "Rules":
        """Return the same with a threshold that was chosen; None: none was."""
        if value is None:
            return self
        return self._replace(threshold=self.threshold._replace(value=value))


def rules_of(task: Any, options: Any) -> Rules:
    """Make the rules of a run.

    Args:
      task: task.Task, whose labels are those of the model.
      options: options.Options.
    """
    make = MultilabelScoring if task.multilabel else Scoring
    pooling = None
    if options.pooling:
        pooling = Pooling(options.pooling, task.multilabel)
    return Rules(make(task.labels, task.negative), pooling, options.threshold)


# dev.tsv


def dev_set(examples: Examples, rules: Rules) -> DevSet:
    """Make what is scored during training: dev.tsv, by the measures of a test."""

    def score(predictions: Predictions) -> Dict[str, float]:
        return rules.scored(examples, predictions).all_measures

    metrics = dev_metrics([(rules, {"eval": examples.rows})])
    return DevSet(DEV_FILE, examples.data, score, metrics)


def dev_metrics(folds: Sequence[Tuple[Rules, Dict[str, Sequence[Row]]]]) -> List[str]:
    """List the measures that dev.tsv has; folds: the rules and the corpus of each."""
    scoring = folds[0][0].scoring
    if not isinstance(scoring, Scoring) or not scoring.takes_threshold:
        return metrics_of(scoring)
    of_dev = [corpus["eval"] for _, corpus in folds if "eval" in corpus]
    return metrics_of(scoring, all(map(scoring.has_both, of_dev)))


def shared_sentences(training: Sequence[Row], dev: Sequence[Row]) -> int:
    """Count the sentences of dev.tsv that are trained on; log a warning of any."""
    known = {row.sentence for row in training}
    shared = sum(row.sentence in known for row in dev)
    if shared:
        log.warning(
            "!!! %s of the %s sentences of %s are also trained on: scores on it are not"
            " those of unseen sentences",
            *(f"{shared:,}", f"{len(dev):,}", DEV_FILE),
        )
    return shared


def dev_scores(
    correct: Sequence[bool], losses: Sequence[float], batch_size: int
) -> Dict[str, np.float32]:
    """Score a file by accuracy and loss.

    Args:
      correct: for each example whether its predicted label is the right one.
      losses: their losses, in the order of the file.
      batch_size: examples whose mean is a batch's loss.

    Returns:
      eval_accuracy; eval_loss, the mean over the examples; and loss, the mean over the
      batches, in which a last batch that is not full counts like the others, as
      Estimator has it.
    """
    batches = [
        np.mean(losses[first : first + batch_size])
        for first in range(0, len(losses), batch_size)
    ]
    values = {"eval_accuracy": correct, "eval_loss": losses, "loss": batches}
    return {name: np.float32(np.mean(value)) for name, value in values.items()}


def evaluate(
    run: Run, examples: Examples, rules: Rules, batch_size: int, trained_on: int
) -> Scored:
    """Score dev.tsv; log the results and write eval_results.txt.

    A threshold that is chosen on it goes there, too. The best one, where one can be
    told, goes into threshold.json in any case.

    Args:
      run: with the model that is scored.
      examples: those of dev.tsv.
      rules: Rules.
      batch_size: examples whose mean is a batch's loss.
      trained_on: sentences of dev.tsv that are trained on as well.
    """
    scored = rules.scored(examples, run.predict(examples.data, batch_size))
    results = dict(
        dev_scores(scored.correct, scored.losses, batch_size), global_step=run.step
    )
    for name, value in scored.measures.items():
        results.setdefault(f"eval_{name}", np.float32(value))
    if trained_on:
        results["sentences_trained_on"] = trained_on
    if scored.chosen is not None:
        results["threshold"] = scored.chosen
        log.info("the best threshold on %s: %s", DEV_FILE, scored.chosen)
    console.log_results("Eval results", output_dir.result_lines(results))
    output_dir.write_results(run.folder, DEV_SCORES, results)
    if rules.scoring.takes_threshold and rules.scoring.has_both(examples.rows):
        # Whether or not this run predicts by it: the report and a later run may.
        at_best = scored.at_best_threshold()
        thresholds.write(run.folder, at_best.chosen, at_best.measures, run.digest)
    run.board.add(DEV_FILE, scored.all_measures, scored.by_label)
    return scored


# test.tsv


def predict(run: Run, examples: Examples, rules: Rules) -> Dict[str, float]:
    """Write the predictions for test.tsv, and its scores if it has labels.

    Args:
      run: with the model.
      examples: those of test.tsv.
      rules: with a threshold that is chosen, if there is one.

    Returns:
      Scores from 0 to 1 by name; empty without labels.
    """
    rows = examples.rows
    predictions = rules.by_text(examples.data, run.predict(examples.data))
    probabilities = write_predictions(run.folder, rows, rules, predictions)
    log.info("the predictions: %s", os.path.join(run.folder, PREDICTIONS[-1]))
    if not is_labelled(rows):
        log.info("no labels in test.tsv, so no scores")
        return {}
    table, scoring = np.stack(probabilities), rules.scoring
    predicted = scoring.decide(table, rules.threshold.value)
    scored = Scored(scoring, scoring.gold_of(rows), predicted, table)
    run.board.add(TEST_FILE, scored.all_measures, scored.by_label)
    return write_scores(run.folder, scored)


def write_predictions(
    folder: str, rows: Sequence[Row], rules: Rules, predictions: Predictions
) -> List[np.ndarray]:
    """Write test_results.tsv and test_predictions.tsv, line by line in step.

    Args:
      folder: where they go; the scores of an earlier prediction there are removed.
      rows: those of test.tsv.
      rules: Rules.
      predictions: (index, dict with probabilities [L]) of each text.

    Returns:
      The probabilities.
    """
    scoring, threshold = rules.scoring, rules.threshold.value
    every = []
    paths = [os.path.join(folder, name) for name in PREDICTIONS]
    outdated = [os.path.join(folder, TEST_SCORES)]
    with files.whole_files(paths, outdated) as (results, table):
        table.write("\t".join(["index", "label", *scoring.labels]) + "\n")
        for index, prediction in predictions:
            values = prediction["probabilities"]
            probabilities = [str(value) for value in values]
            (predicted,) = scoring.decide(values[np.newaxis], threshold)
            results.write("\t".join(probabilities) + "\n")
            cells = [rows[index].index, scoring.text(predicted), *probabilities]
            table.write("\t".join(cells) + "\n")
            every.append(values)
    return every


def write_scores(folder: str, scored: Scored) -> Dict[str, float]:
    """Write and log the report of re_eval.py on the predictions for test.tsv.

    Returns:
      The scores, from 0 to 1, that stand for all of them.
    """
    report = scored.scoring.report(scored.gold, scored.predicted)
    with files.whole_file(os.path.join(folder, TEST_SCORES)) as stream:
        stream.writelines(f"{line}\n" for line in report)
    console.log_results("test results", report)
    return scored.scoring.summary(scored.gold, scored.predicted)


def result_names(corpus: Dict[str, Any], threshold: Threshold) -> List[str]:
    """Name the results files that a corpus, phase → rows, leads to."""
    names = []
    if "eval" in corpus:
        names.append(DEV_SCORES)
        names.extend([thresholds.RECORD] if threshold.is_best else [])
    if "predict" in corpus:
        names.extend(PREDICTIONS)
        names.extend([TEST_SCORES] if is_labelled(corpus["predict"]) else [])
    return names
