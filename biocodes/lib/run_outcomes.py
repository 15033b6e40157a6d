"""What two runs got of the same test set, example by example, for significance.py."""

import os
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from biocodes.lib import (
    conll,
    files,
    relations,
    report,
    report_ner,
    report_qa,
    report_re,
    significance,
    squad_scores,
    word_labels,
)
from biocodes.lib.report import Gold
from biocodes.lib.report_run import Records


class Outcomes(NamedTuple):
    """What a run got.

    Attributes:
      unit: what an example is, "sentences".
      keys: of each example, what makes it the same one in another run.
      measures: name → (its function, float [examples, numbers]); the official first.
    """

    unit: str
    keys: List[str]
    measures: Dict[str, Tuple[significance.Measure, np.ndarray]]


def of_runs(folders: Tuple[str, str], gold: Gold) -> Tuple[Outcomes, Outcomes]:
    """Read what two runs got.

    Raises:
      InputError: they are not of the same test set, or a file is missing.
    """
    first, second = (of_run(folder, gold) for folder in folders)
    if first.keys != second.keys or list(first.measures) != list(second.measures):
        raise files.InputError(
            f"is not of the same test set as {folders[0]}",
            folders[1],
            remedy="compare two runs that predicted the same file",
        )
    return first, second


def of_run(folder: str, gold: Gold) -> Outcomes:
    """Read what a run got of its test set.

    Raises:
      InputError: there is no prediction, or nothing to compare it with.
    """
    records = Records.read(folder)
    names = (word_labels.RESULT_FILE, report_re.PREDICTIONS, report_qa.PREDICTIONS)
    readers = (_of_entities, _of_relations, _of_questions)
    for name, read in zip(names, readers):
        if os.path.exists(os.path.join(folder, name)):
            return read(folder, records, gold)
    raise files.InputError(f"has none of {', '.join(names)}", folder)


def _of_entities(folder: str, records: Records, gold: Gold) -> Outcomes:
    path = os.path.join(folder, word_labels.RESULT_FILE)
    if not report_ner.is_labelled(path):
        raise files.InputError("has no gold labels", path)
    keys, numbers = [], []
    types = report.scored_types(records, report.TEST_FILE)
    for sentence in report_ner.read_result(path, types):
        expected = conll.entities(sentence.gold)
        found = conll.entities(sentence.predicted)
        correct = len(set(expected) & set(found))
        keys.append("\n".join([*sentence.words, *sentence.gold]))
        numbers.append((len(expected), len(found), correct))
    return Outcomes("sentences", keys, {"f1": (significance.f1, np.array(numbers))})


def _of_relations(folder: str, records: Records, gold: Gold) -> Outcomes:
    path = report.test_file(folder, records, gold)
    if path is None:
        raise files.InputError(
            "its test.tsv was not found", folder, remedy="name its folder by --data_dir"
        )
    predictions = os.path.join(folder, report_re.PREDICTIONS)
    labels = report_re.read_labels(predictions)
    counted = counted_labels(labels, records.arguments.get("negative"))
    keys, numbers, right = [], [], []
    for row, predicted in report_re.pairs(predictions, path, labels):
        if row.label is None:
            raise files.InputError("has no labels", path)
        keys.append(f"{row.index}\t{row.label}\t{row.sentence}")
        is_right = row.label == predicted.label
        of_row = row.label in counted, predicted.label in counted
        numbers.append((*of_row, is_right and of_row[0]))
        right.append((is_right, 1))
    name = "f1" if len(counted) == 1 else "micro_f1"
    measures = {name: (significance.f1, np.array(numbers, float))}
    measures["accuracy"] = (significance.mean, np.array(right, float))
    return Outcomes("rows", keys, measures)


def counted_labels(labels: List[str], negative: Optional[str]) -> List[str]:
    """List the labels that the official F1 of relations counts; see relation_scores."""
    if negative is not None:
        return [label for label in labels if label != negative]
    if tuple(labels) == relations.BINARY_LABELS:
        return [labels[1]]
    if tuple(labels) == relations.CHEMPROT_LABELS:
        return [label for label in labels if label != relations.NO_RELATION]
    return list(labels)


def _of_questions(folder: str, records: Records, gold: Gold) -> Outcomes:
    path = report.question_file(records, gold)
    if path is None:
        raise files.InputError(
            "its questions were not found",
            folder,
            remedy="name their file by --predict_file",
        )
    of_yes_no = report_qa.is_yes_no(folder)
    read = report_qa.decided if of_yes_no else report_qa.answered
    known = [each for each in read(folder, path) if each.golds is not None]
    if not known:
        raise files.InputError("has no gold answers", path)
    keys = [f"{each.asked.id}\t{each.golds}" for each in known]
    if of_yes_no:
        return Outcomes("questions", keys, _of_decisions(known))
    f1 = [(squad_scores.f1(each.predicted, each.golds), 1) for each in known]
    exact = [
        (squad_scores.exact_match(each.predicted, each.golds), 1) for each in known
    ]
    measures = {
        "f1": (significance.mean, np.array(f1)),
        "exact_match": (significance.mean, np.array(exact)),
    }
    return Outcomes("questions", keys, measures)


def _of_decisions(
    known: List[report_qa.Answered],
) -> Dict[str, Tuple[significance.Measure, np.ndarray]]:
    labels = sorted({name for each in known for name, _ in each.candidates})
    numbers = [
        [
            value
            for label in labels
            for value in (
                each.golds[0] == label,
                each.predicted == label,
                each.golds[0] == label == each.predicted,
            )
        ]
        for each in known
    ]
    right = [(each.golds[0] == each.predicted, 1) for each in known]
    return {
        "macro_f1": (significance.mean_f1, np.array(numbers, float)),
        "accuracy": (significance.mean, np.array(right, float)),
    }
