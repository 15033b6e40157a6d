"""A report's part on relations: confusion, curves of two classes, the surest errors."""

import os
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from biocodes.lib import files, ranking, relation_scores, relations, report_html
from biocodes.lib.page_plots import Line, Plot, Point, figure
from biocodes.lib.report_html import Box, Filter, Matrix, percent, text_of

PREDICTIONS = "test_predictions.tsv"
THRESHOLD = "threshold.json"
# Of the positive class where one has to be chosen.
POSITIVE = "1"


class Predicted(NamedTuple):
    """A line of test_predictions.tsv: index, predicted label, probabilities."""

    index: str
    label: str
    probabilities: List[float]


class Curve(NamedTuple):
    """A curve over all thresholds: its points, the area below, that of guessing."""

    points: List[Point]
    area: float
    guessing: float


# Reading


def read_labels(path: str) -> List[str]:
    """Return the labels that test_predictions.tsv has probabilities of, in order.

    Raises:
      InputError: it is another file.
    """
    for _, cells in relations.read_cells(path):
        if cells[:2] == ["index", "label"] and len(cells) > 2:
            return cells[2:]
        break
    raise files.InputError("has not the columns index, label and labels", path, 1)


def read_predictions(path: str, count: int) -> Iterator[Predicted]:
    """Yield the lines of test_predictions.tsv.

    Args:
      path: the file.
      count: number of labels.

    Raises:
      InputError: a line is not what run_re.py writes.
    """
    for line, cells in relations.read_cells(path):
        if line == 1:
            continue
        try:
            numbers = [float(cell) for cell in cells[2:]]
        except ValueError:
            numbers = []
        if len(numbers) != count or not all(0 <= x <= 1.0001 for x in numbers):
            raise files.InputError(f"has not {count} probabilities", path, line)
        yield Predicted(cells[0], cells[1], numbers)


def pairs(
    predictions: str, gold: str, labels: Sequence[str]
) -> Iterator[Tuple[relations.Row, Predicted]]:
    """Yield (row of the gold file, its prediction), both files read line by line.

    Args:
      predictions: path of test_predictions.tsv.
      gold: path of test.tsv.
      labels: of the predictions.

    Raises:
      InputError: they are not of the same rows.
    """
    rows = relations.iterate_test(gold)
    lines = read_predictions(predictions, len(labels))
    for row in rows:
        predicted = next(lines, None)
        if predicted is None or predicted.index != row.index:
            raise files.InputError(
                "the predictions are of another file", gold, row.line
            )
        yield row, predicted
    if next(lines, None) is not None:
        raise files.InputError("the predictions are of more rows", gold)


# Curves of two classes


def roc(gold: np.ndarray, scores: np.ndarray) -> Curve:
    """Compute the ROC curve: recall over the false positives' share.

    Args:
      gold: bool [N], whether the class is the positive one; some are, some are not.
      scores: float [N], its probabilities.
    """
    true, false = ranking.cumulated(gold, scores)
    points = zip((false / false[-1]).tolist(), (true / true[-1]).tolist())
    return Curve(list(points), ranking.roc_auc(gold, scores), 0.5)


def precision_recall(gold: np.ndarray, scores: np.ndarray) -> Curve:
    """Compute the precision–recall curve; its area is the average precision.

    Arguments as of roc.
    """
    true, false = ranking.cumulated(gold, scores)
    precision = true[1:] / (true[1:] + false[1:])
    # Nothing found has no precision; the curve begins at that of the surest.
    precision = np.append(precision[0], precision)
    points = list(zip((true / true[-1]).tolist(), precision.tolist()))
    return Curve(points, ranking.average_precision(gold, scores), float(np.mean(gold)))


# HTML


class _Errors:
    """What a whole file comes to, and the surest of its errors."""

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = list(labels)
        self.counts = np.zeros([len(labels)] * 2, np.int64)
        self.scores: List[float] = []
        self.gold: List[bool] = []
        self.positive = positive_of(labels)
        self.sample = report_html.Sample()

    def add(self, row: relations.Row, predicted: Predicted) -> None:
        gold = self.labels.index(row.label)
        said = self.labels.index(predicted.label)
        self.counts[gold, said] += 1
        if self.positive is not None:
            self.scores.append(predicted.probabilities[self.positive])
            self.gold.append(gold == self.positive)
        if gold != said:
            sure = predicted.probabilities[said]
            size = len(row.sentence) + 300
            # The surest first; what is equally sure to four digits is drawn.
            rank = round(10000 * (1 - sure))
            self.sample.add(row.line, (row, predicted, gold, said), size, rank)


def positive_of(labels: Sequence[str]) -> Optional[int]:
    """Return the number of the class that counts as positive, of two; else None."""
    if len(labels) != 2:
        return None
    return list(labels).index(POSITIVE) if POSITIVE in labels else 1


def sections(folder: str, gold: Optional[str]) -> List[str]:
    """Make the sections on the predictions in a folder.

    Args:
      folder: with test_predictions.tsv.
      gold: path of test.tsv; None: nobody knows it.
    """
    path = os.path.join(folder, PREDICTIONS)
    if gold is None:
        words = "test.tsv was not found, so errors cannot be shown; give --data_dir."
        return [report_html.section("Errors", report_html.note(words))]
    if next(relations.iterate_test(gold)).label is None:
        words = "test.tsv has no labels, so there are no errors to show."
        return [report_html.section("Errors", report_html.note(words))]
    labels = read_labels(path)
    errors = _Errors(labels)
    for row, predicted in pairs(path, gold, labels):
        if row.label not in labels or predicted.label not in labels:
            words = "Rows with several labels have no table of confusions."
            return [report_html.section("Errors", report_html.note(words))]
        errors.add(row, predicted)
    confusion = Matrix(
        labels,
        labels,
        errors.counts.tolist(),
        "Gold labels (rows), predicted (columns)",
    )
    parts = [report_html.section("What was confused", report_html.matrix(confusion))]
    if errors.positive is not None:
        parts.append(_curves(errors, folder))
    return [*parts, _items(errors)]


def _curves(errors: _Errors, folder: str) -> str:
    gold, scores = np.array(errors.gold), np.array(errors.scores)
    name = errors.labels[errors.positive]
    title = f"Thresholds of the probability of {name}"
    if gold.all() or not gold.any():
        words = "All rows have the same label, so there is no curve."
        return report_html.section(title, report_html.note(words))
    of_roc, of_pr = roc(gold, scores), precision_recall(gold, scores)
    diagonal = Line("guessing", [(0.0, 0.0), (1.0, 1.0)])
    level = Line("guessing", [(0.0, of_pr.guessing), (1.0, of_pr.guessing)])
    plots = [
        _square(
            f"ROC, area {of_roc.area:.4f}",
            ("false positive rate", "recall"),
            [Line("model", of_roc.points), diagonal],
        ),
        _square(
            f"Precision–recall, average precision {of_pr.area:.4f}",
            ("recall", "precision"),
            [Line("model", of_pr.points), level],
        ),
    ]
    drawn = f'<div class="plots">{"".join(plots)}</div>\n'
    return report_html.section(title, drawn, _threshold(errors, folder))


def _square(title: str, axes: Tuple[str, str], lines: Sequence[Line]) -> str:
    """Draw shares over shares."""
    unit = (0.0, 1.0)
    return figure(Plot(title, *axes, lines, unit, unit, is_share=True))


def _threshold(errors: _Errors, folder: str) -> str:
    """Say which threshold was best on dev.tsv, and what it does on test.tsv."""
    path = os.path.join(folder, THRESHOLD)
    record = files.read_json(path) if os.path.exists(path) else {}
    threshold = record.get("threshold") if isinstance(record, dict) else None
    if not isinstance(threshold, float):
        return report_html.note(
            "Which threshold is best has to be read off dev.tsv, not off this file:"
            f" {THRESHOLD}, which would say it, is not in the folder."
        )
    said, gold = np.array(errors.scores) >= threshold, np.array(errors.gold)
    right, predicted, every = (int(x.sum()) for x in (said & gold, said, gold))
    of_test = relation_scores.class_scores(right, predicted, every)
    return report_html.note(
        f"The threshold that is best on dev.tsv, {threshold:.4f}, gives test.tsv an F1"
        f" of {percent(of_test.f1)} %: precision {percent(of_test.precision)} %,"
        f" recall {percent(of_test.recall)} %."
    )


def _items(errors: _Errors) -> str:
    items = errors.sample.items()
    if not items:
        return report_html.section("Errors", report_html.note("There are none."))
    kinds: Dict[Tuple[int, int], int] = {
        (gold, said): int(errors.counts[gold, said])
        for gold, said in zip(*np.nonzero(errors.counts))
        if gold != said
    }
    numbers = {pair: number for number, pair in enumerate(kinds)}
    names = errors.labels
    boxes = [
        Box(
            numbers[gold, said],
            f'{text_of(names[gold])}<span class="arrow">→</span>{text_of(names[said])}',
            count,
        )
        for (gold, said), count in kinds.items()
    ]
    lines = [
        f'<li data-k="{numbers[gold, said]}"><span class="where">{text_of(row.index)}'
        f'</span><p dir="auto">{text_of(row.sentence)}</p>\n<ul class="parts"><li>'
        f'{_bar(predicted.probabilities[said])}gold <b class="inline">'
        f'{text_of(row.label)}</b><span class="arrow">→</span>predicted'
        f' <b class="inline">{text_of(predicted.label)}</b></li></ul></li>\n'
        for row, predicted, gold, said in items
    ]
    given = Filter("relations", boxes, [], "error|errors")
    parts = [report_html.filter_form(given)]
    sample = errors.sample.said("errors, the surest of them")
    parts += [report_html.note(sample)] if sample else []
    parts.append(report_html.item_list("relations", lines))
    return report_html.section("Errors, the surest first", *parts)


def _bar(share: float) -> str:
    return (
        f'<span class="bar s0" style="--share:{share:.4f}"></span>{100 * share:.1f} % '
    )
