"""From probabilities to labels, and from these to scores.

There is a class for texts of one label each and one for texts of any number of labels.
They have the same methods. N texts have gold and predicted labels as arrays, of ids [N]
of one label each, or bool [N, L], whether a text has a label.
"""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from biocodes.lib import label_sets, ranking, relation_scores
from biocodes.lib.relation_scores import ClassScores
from biocodes.lib.relations import Row

RANKING = ("roc_auc", "average_precision")
# From which on a text has a label, of any number that it may have.
EVEN = 0.5


def as_written(probabilities: np.ndarray) -> np.ndarray:
    """Return float32 numbers as the decimal ones that test_results.tsv has of them.

    So a threshold gives the same labels here and to everybody who reads that file.
    """
    flat = [float(str(value)) for value in np.asarray(probabilities).ravel()]
    return np.array(flat).reshape(np.shape(probabilities))


def short_name(name: str) -> str:
    """Make a name of re_eval's fit for a flag: "f1 score" → "f1"."""
    return name.replace(" score", "").replace(" ", "_")


class Scoring(NamedTuple):
    """One label a text.

    Attributes:
      labels: names in the order of their ids.
      negative: label that the averages of a multi-class score leave out, or None.
    """

    labels: Tuple[str, ...]
    negative: Optional[str]

    @property
    def task(self) -> str:
        """The way re_eval scores these labels: binary, chemprot or multiclass."""
        if self.negative is not None:
            return "multiclass"
        return relation_scores.task_for(self.labels)

    @property
    def positive(self) -> Optional[int]:
        """Id of the positive one of two classes, which is 1 unless that is negative."""
        if len(self.labels) != 2:
            return None
        return 0 if self.negative == self.labels[1] else 1

    @property
    def takes_threshold(self) -> bool:
        """Whether a threshold means anything."""
        return self.positive is not None

    def gold_of(self, rows: Sequence[Row]) -> np.ndarray:
        """Return the labels of rows."""
        ids = {label: number for number, label in enumerate(self.labels)}
        return np.array([ids[row.label] for row in rows], int)

    def decide(
        self, probabilities: np.ndarray, threshold: Optional[float] = None
    ) -> np.ndarray:
        """Return the predicted labels.

        Args:
          probabilities: float32 [N, L].
          threshold: of the positive class; None: the most probable label.
        """
        if threshold is None:
            return np.argmax(probabilities, axis=1)
        is_positive = as_written(probabilities[:, self.positive]) >= threshold
        return np.where(is_positive, self.positive, 1 - self.positive)

    def has_both(self, rows: Sequence[Row]) -> bool:
        """Whether a best threshold can be found on rows: some are positive, not all."""
        return ranking.has_both(self.gold_of(rows) == self.positive)

    def best_threshold(self, gold: np.ndarray, probabilities: np.ndarray) -> float:
        """Return the threshold with the best F1 of the positive class."""
        scores = as_written(probabilities[:, self.positive])
        return ranking.best_threshold(gold == self.positive, scores)[0]

    def text(self, predicted: Any) -> str:
        """Write the predicted label of a text."""
        return self.labels[int(predicted)]

    def is_right(self, gold: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """Return bool [N], whether all of a text's labels are right."""
        return gold == predicted

    def summary(self, gold: np.ndarray, predicted: np.ndarray) -> Dict[str, float]:
        """Return the scores, from 0 to 1, that stand for all of them: "f1 score", …"""
        return relation_scores.summary_scores(*self._arguments(gold, predicted))

    def report(self, gold: np.ndarray, predicted: np.ndarray) -> List[str]:
        """Return the lines that re_eval.py prints."""
        return relation_scores.report_lines(*self._arguments(gold, predicted))

    def _arguments(self, gold: np.ndarray, predicted: np.ndarray) -> Tuple[Any, ...]:
        names = [self.labels[number] for number in gold]
        return self.task, names, predicted, list(self.labels), self.negative

    def of_ranking(
        self, gold: np.ndarray, probabilities: np.ndarray
    ) -> Dict[str, float]:
        """Return the scores of RANKING, of two classes that both occur; else {}."""
        is_positive = gold == self.positive
        if not self.takes_threshold or not ranking.has_both(is_positive):
            return {}
        scores = as_written(probabilities[:, self.positive])
        functions = (ranking.roc_auc, ranking.average_precision)
        return {name: of(is_positive, scores) for name, of in zip(RANKING, functions)}

    def classes(self, gold: np.ndarray, predicted: np.ndarray) -> List[ClassScores]:
        """Return the scores of each label."""
        count = len(self.labels)
        return relation_scores.multiclass_scores(gold, predicted, count).classes


class MultilabelScoring(NamedTuple):
    """Any number of labels a text; methods as of Scoring.

    Attributes:
      labels: names in the order of their ids.
      negative: what "none of them" is written as, or None.
    """

    labels: Tuple[str, ...]
    negative: Optional[str]

    @property
    def takes_threshold(self) -> bool:
        """Whether a threshold means anything: it is that of each label."""
        return True

    def gold_of(self, rows: Sequence[Row]) -> np.ndarray:
        """Return the labels of rows."""
        flags = [
            label_sets.flags_of(row.label, self.labels, self.negative) for row in rows
        ]
        return np.array(flags, bool)

    def decide(
        self, probabilities: np.ndarray, threshold: Optional[float] = None
    ) -> np.ndarray:
        """Return the predicted labels; a threshold counts for all of them."""
        return as_written(probabilities) >= (EVEN if threshold is None else threshold)

    def has_both(self, rows: Sequence[Row]) -> bool:
        """Whether a best threshold can be found on rows: some are positive, not all."""
        return ranking.has_both(self.gold_of(rows).ravel())

    def best_threshold(self, gold: np.ndarray, probabilities: np.ndarray) -> float:
        """Return the threshold with the best micro F1."""
        scores = as_written(probabilities).ravel()
        return ranking.best_threshold(gold.ravel(), scores)[0]

    def text(self, predicted: Any) -> str:
        """Write the predicted labels of a text."""
        names = (name for name, has in zip(self.labels, predicted) if has)
        return label_sets.joined(names, self.negative)

    def is_right(self, gold: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """Return bool [N], whether all of a text's labels are right."""
        return np.all(gold == predicted, axis=1)

    def summary(self, gold: np.ndarray, predicted: np.ndarray) -> Dict[str, float]:
        """Return the scores, from 0 to 1, that stand for all of them."""
        scores = relation_scores.multilabel_scores(gold, predicted)
        return {"micro f1": scores.micro.f1, "macro f1": scores.macro.f1}

    def report(self, gold: np.ndarray, predicted: np.ndarray) -> List[str]:
        """Return the lines that re_eval.py prints."""
        return relation_scores.multilabel_lines(gold, predicted, self.labels)

    def of_ranking(
        self, gold: np.ndarray, probabilities: np.ndarray
    ) -> Dict[str, float]:
        """Return {}: there is not one positive class."""
        return {}

    def classes(self, gold: np.ndarray, predicted: np.ndarray) -> List[ClassScores]:
        """Return the scores of each label."""
        return relation_scores.multilabel_scores(gold, predicted).classes


AnyScoring = Union[Scoring, MultilabelScoring]


class Scored(NamedTuple):
    """The labels of a file, its predictions and how they score.

    Attributes:
      scoring: what they are scored by.
      gold, predicted: labels.
      probabilities: float32 [N, L].
      losses: of each text; empty if they were not computed.
      chosen: the threshold, if it was chosen on this file.
    """

    scoring: AnyScoring
    gold: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    losses: Sequence[float] = ()
    chosen: Optional[float] = None

    def at_best_threshold(self) -> "Scored":
        """Return the same predicted by the threshold that is best on this file."""
        best = self.scoring.best_threshold(self.gold, self.probabilities)
        predicted = self.scoring.decide(self.probabilities, best)
        return self._replace(predicted=predicted, chosen=best)

    @property
    def correct(self) -> np.ndarray:
        """For each text whether its predicted labels are the right ones."""
        return self.scoring.is_right(self.gold, self.predicted)

    @property
    def measures(self) -> Dict[str, float]:
        """The measures of labels, "f1" or "micro_f1" first, and the accuracy."""
        summary = self.scoring.summary(self.gold, self.predicted)
        scores = {short_name(name): score for name, score in summary.items()}
        return dict(scores, accuracy=float(np.mean(self.correct)))

    @property
    def all_measures(self) -> Dict[str, float]:
        """The measures, with those of ranking and a threshold that was chosen."""
        scores = dict(self.measures)
        scores.update(self.scoring.of_ranking(self.gold, self.probabilities))
        if self.chosen is not None:
            scores["threshold"] = self.chosen
        return scores

    @property
    def by_label(self) -> Dict[str, Dict[str, float]]:
        """Precision, recall and F1 of each label."""
        classes = self.scoring.classes(self.gold, self.predicted)
        return {
            label: {
                name: getattr(of_one, name) for name in ("f1", "precision", "recall")
            }
            for label, of_one in zip(self.scoring.labels, classes)
        }


def metrics_of(scoring: AnyScoring, rankable: bool = False) -> List[str]:
    """List the names of the measures of development data, the official one first.

    Args:
      scoring: of the task.
      rankable: whether both classes of two occur.
    """
    example = np.zeros([1, len(scoring.labels)], np.float32)
    predicted = scoring.decide(example)
    scored = Scored(scoring, predicted, predicted, example)
    ranked = rankable and getattr(scoring, "positive", None) is not None
    return [*scored.measures, *(RANKING if ranked else ())]
