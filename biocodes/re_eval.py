"""Scores the predictions of relation extraction against the labels of test.tsv.

  python biocodes/re_eval.py --output_path=OUT/test_results.tsv --answer_path=test.tsv

--output_path holds one line of tab-separated class probabilities for each row of
--answer_path, whose columns are index, sentence and label. The predicted class is the
most probable one, the first of them on ties.

  binary      labels 0, 1: F1, recall and precision of class 1, and specificity, which
              is the recall of class 0
  chemprot    labels cpr:3, cpr:4, cpr:5, cpr:6, cpr:9, false: F1, recall and precision
              micro-averaged over the five cpr classes
  multiclass  any other labels: precision, recall, F1 and support (the number of rows
              with that label) of each class, and their micro average (true positives,
              predictions and support added up over the classes first) and macro
              average (the mean of the classes' scores). Over all classes, all three
              micro averages are the accuracy. --negative=LABEL leaves the class for
              "no relation" out of both averages.

A score whose denominator is 0 is 0. Every class of the label list counts in the
averages, also one that occurs nowhere.
"""

import argparse
import os
import re
import sys
from typing import List, NamedTuple

import numpy as np

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes import files, re_files  # noqa: E402

TASK_LABELS = {
    "binary": re_files.BINARY_LABELS,
    "chemprot": re_files.CHEMPROT_LABELS,
}
TASKS = (*TASK_LABELS, "multiclass")
LABEL_FILE = "label2id.json"
NO_LABEL = re.compile("[\t\n\ud800-\udfff]")
NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")


class ClassScores(NamedTuple):
    """Scores between 0 and 1 of one class or an average; support is its rows."""

    precision: float
    recall: float
    f1: float
    support: int


class MulticlassScores(NamedTuple):
    """classes: the scores of each class in label order; micro, macro: averages."""

    classes: List[ClassScores]
    micro: ClassScores
    macro: ClassScores


# --- scores: class ids in, numbers out ---


def class_counts(gold, predicted, classes):
    """Counts for each class its true positives, its predictions and its gold rows.

    Args:
      gold, predicted: equally long sequences of class ids from 0 to classes - 1.
      classes: number of classes C.

    Returns:
      Three int arrays [C].
    """
    gold, predicted = np.asarray(gold, int), np.asarray(predicted, int)
    hits = gold[gold == predicted]
    return tuple(np.bincount(ids, minlength=classes) for ids in (hits, predicted, gold))


def class_scores(true_positives, predictions, support):
    """ClassScores of three counts; a score with the denominator 0 is 0."""

    def ratio(part, whole):
        return float(part) / float(whole) if whole else 0.0

    return ClassScores(
        precision=ratio(true_positives, predictions),
        recall=ratio(true_positives, support),
        # 2PR / (P + R) with P and R written out, so that it is rounded only once.
        f1=ratio(2 * true_positives, predictions + support),
        support=int(support),
    )


def binary_scores(gold, predicted):
    """Scores of class 1 and the recall of class 0, for ids 0 and 1.

    Returns:
      {"f1 score", "recall", "precision", "specificity": float from 0 to 1}, in the
      order in which they are printed.
    """
    counts = class_counts(gold, predicted, 2)
    negative, positive = (class_scores(*column) for column in zip(*counts))
    return {**headline(positive), "specificity": negative.recall}


def micro_scores(gold, predicted, counted):
    """Scores micro-averaged over some of the classes.

    Args:
      gold, predicted: equally long sequences of class ids.
      counted: ids of the classes that count; the others are "no relation".

    Returns:
      {"f1 score", "recall", "precision": float from 0 to 1}, in the order in which
      they are printed.
    """
    counted = list(counted)
    classes = 1 + max([*counted, *gold, *predicted])
    counts = class_counts(gold, predicted, classes)
    return headline(class_scores(*(column[counted].sum() for column in counts)))


def multiclass_scores(gold, predicted, classes, negative=None):
    """Scores of each class, and their micro and macro averages.

    Args:
      gold, predicted: equally long sequences of class ids from 0 to classes - 1.
      classes: number of classes.
      negative: id of a class that is left out of the averages, or None.

    Returns:
      MulticlassScores.
    """
    counts = np.stack(class_counts(gold, predicted, classes))
    each = [class_scores(*column) for column in counts.T]
    counted = [number for number in range(classes) if number != negative]
    micro = class_scores(*counts[:, counted].sum(axis=1))
    means = np.mean([each[number][:3] for number in counted], axis=0)
    macro = ClassScores(*map(float, means), support=micro.support)
    return MulticlassScores(each, micro, macro)


def headline(scores):
    """ClassScores → the three scores of the printed lines, in their order."""
    return {
        "f1 score": scores.f1,
        "recall": scores.recall,
        "precision": scores.precision,
    }


# --- reports: label names and predicted ids in, lines out ---


def task_for(labels):
    """The task that scores a label list: binary, chemprot, or else multiclass."""
    for task, its_labels in TASK_LABELS.items():
        if tuple(labels) == its_labels:
            return task
    return "multiclass"


def summary_scores(task, gold, predicted, labels, negative=None):
    """The few numbers that stand for a whole run, such as one fold of ten.

    Args and Raises: as report_lines.

    Returns:
      {name: float from 0 to 1}: for binary and chemprot all that is printed, for
      multiclass "micro f1" and "macro f1".
    """
    gold_ids = [labels.index(label) for label in gold]
    if task == "binary":
        return binary_scores(gold_ids, predicted)
    if task == "chemprot":
        relations = [i for i, label in enumerate(labels) if label != "false"]
        return micro_scores(gold_ids, predicted, relations)
    excluded = None if negative is None else labels.index(negative)
    scores = multiclass_scores(gold_ids, predicted, len(labels), excluded)
    return {"micro f1": scores.micro.f1, "macro f1": scores.macro.f1}


def report_lines(task, gold, predicted, labels, negative=None):
    """The report that re_eval.py prints and run_re.py keeps in test_scores.txt.

    Args:
      task: "binary", "chemprot" or "multiclass".
      gold: the right label of each row, by name.
      predicted: the predicted class of each row, as its place in `labels`.
      labels: label names in the order of the probability columns.
      negative: label that multiclass leaves out of its averages, or None.

    Returns:
      list of str without line ends.

    Raises:
      ValueError: a name in gold, or negative, is not in labels.
    """
    if task == "multiclass":
        return table_lines(gold, predicted, labels, negative)
    scores = summary_scores(task, gold, predicted, labels)
    return [f"{name:11s} : {score:.2%}" for name, score in scores.items()]


def table_lines(gold, predicted, labels, negative):
    """The report of multiclass: a line for each class and one for each average."""
    gold_ids = [labels.index(label) for label in gold]
    excluded = None if negative is None else labels.index(negative)
    scores = multiclass_scores(gold_ids, predicted, len(labels), excluded)
    without = "" if negative is None else f" without {negative}"
    named = [
        *zip(labels, scores.classes),
        (f"micro average{without}", scores.micro),
        (f"macro average{without}", scores.macro),
    ]
    width = max(len(name) for name, _ in named)
    lines = [f"{'label':{width}s}  precision   recall  f1 score  support"]
    for name, (precision, recall, f1, support) in named:
        numbers = f"{precision:9.2%}  {recall:7.2%}  {f1:8.2%}  {support:7d}"
        lines.append(f"{name:{width}s}  {numbers}")
    return lines


# --- files ---


def read_probabilities(path):
    """Reads test_results.tsv → float array [rows, classes].

    Raises:
      InputError: the file is empty, a cell is not a number from 0 to 1, or a line has
        another number of columns than the first.
    """
    rows = []
    for line, cells in re_files.read_cells(path):
        if rows and len(cells) != len(rows[0]):
            raise files.InputError(
                f"{re_files.columns_of(cells)}, but {len(rows[0])} in the first line",
                path,
                line,
            )
        rows.append(parse_probabilities(path, line, cells))
    return np.array(rows)


def parse_probabilities(path, line, cells):
    """The cells of one line → list of float."""
    values = []
    for column, cell in enumerate(cells, 1):
        # float() would also take "nan", "1_0" and digits of other scripts.
        value = float(cell) if NUMBER.fullmatch(cell.strip()) else -1.0
        if not 0.0 <= value <= 1.0 + 1e-6:
            raise files.InputError(
                f"{re_files.shown(cell)} in column {column} is not a probability",
                path,
                line,
                "expected the class probabilities alone, without a header line",
            )
        values.append(value)
    return values


def read_answers(path):
    """Reads test.tsv with its labels → list of re_files.Row.

    Raises:
      InputError: as re_files.read_test, or there is no label column.
    """
    rows, has_labels = re_files.read_test(path)
    if not has_labels:
        raise files.InputError(
            "no label column, so there is nothing to score against", path, 1
        )
    return rows


def read_labels(path):
    """Reads label2id.json ({label: id}, ids from 0 without gaps) → labels by id.

    Raises:
      InputError: the file is not of that form.
    """
    value = files.read_json(path)
    if not isinstance(value, dict) or not all(type(i) is int for i in value.values()):
        value = {}
    labels = sorted(value, key=value.get)
    if not labels or [value[label] for label in labels] != list(range(len(labels))):
        raise files.InputError(
            "not a JSON object of labels with the ids 0, 1, 2, …", path
        )
    for label in labels:
        # JSON can hold what no column of a file can.
        if label.strip() != label or not label or NO_LABEL.search(label):
            raise files.InputError(f"{re_files.shown(label)} is no label", path)
    return labels


def choose_labels(flags, answers, columns):
    """The label names in the order of the probability columns, see --labels.

    Args:
      flags: parsed flags.
      answers: list of Row.
      columns: number of probability columns.

    Returns:
      (labels, where they come from).

    Raises:
      InputError: no label list can be found.
    """
    if flags.task in TASK_LABELS:
        return TASK_LABELS[flags.task], f"--task={flags.task}"
    if flags.labels is not None:
        return flags.labels, "--labels"
    label_file = os.path.join(os.path.dirname(flags.output_path), LABEL_FILE)
    if os.path.exists(label_file):
        return read_labels(label_file), label_file
    labels = sorted({row.label for row in answers})
    if len(labels) != columns:
        raise files.InputError(
            f"{len(labels)} different labels, but {columns} columns of probabilities",
            flags.answer_path,
            remedy="name all labels in the order of the columns with --labels=a,b,c",
        )
    return labels, flags.answer_path


def check_labels(labels, source, negative, row, output_path):
    """Raises InputError if labels do not fit a row or lack the negative one."""
    if len(labels) != len(row):
        raise files.InputError(
            f"{re_files.columns_of(row)} of probabilities, but {len(labels)} classes "
            f"by {source} ({', '.join(labels)})",
            output_path,
            1,
        )
    if negative is not None and negative not in labels:
        raise files.InputError(
            f"{re_files.shown(negative)} is not one of {', '.join(labels)}",
            "--negative",
        )
    if len(labels) < 2:
        raise files.InputError("one class alone cannot be scored", source)


# --- command ---


def label_list(text):
    """Value of --labels → list of different, non-empty names."""
    labels = [label.strip() for label in text.split(",")]
    if "" in labels or len(set(labels)) < len(labels):
        raise argparse.ArgumentTypeError("expected different names, as in a,b,c")
    return labels


def parse_flags(argv):
    """Command line → flags; argv None is the process's own."""
    description = __doc__.split("\n\n", 2)
    parser = files.ArgumentParser(
        description=description[0],
        epilog=description[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--output_path", required=True, help="test_results.tsv that run_re.py wrote"
    )
    parser.add_argument(
        "--answer_path", required=True, help="test.tsv with its header and labels"
    )
    parser.add_argument(
        "--task", choices=TASKS, default="binary", help="default: binary"
    )
    parser.add_argument(
        "--labels",
        type=label_list,
        metavar="A,B,C",
        help="multiclass: label names in the order of the probability columns; "
        f"default: {LABEL_FILE} in the folder of --output_path, else the sorted labels "
        "of --answer_path",
    )
    parser.add_argument(
        "--negative", metavar="LABEL", help="multiclass: label outside the averages"
    )
    flags = parser.parse_args(argv)
    for name in ("labels", "negative"):
        if flags.task != "multiclass" and getattr(flags, name) is not None:
            parser.error(f"--{name} is for --task=multiclass")
    return flags


def main(argv=None):
    flags = parse_flags(argv)
    probabilities = read_probabilities(flags.output_path)
    answers = read_answers(flags.answer_path)
    if len(probabilities) != len(answers):
        raise files.InputError(
            f"{len(probabilities)} lines of predictions, but {flags.answer_path} has "
            f"{len(answers)} rows",
            flags.output_path,
            remedy="give the test.tsv that was predicted",
        )
    labels, source = choose_labels(flags, answers, columns=probabilities.shape[1])
    check_labels(labels, source, flags.negative, probabilities[0], flags.output_path)
    re_files.label_ids(answers, labels, flags.answer_path)  # names a wrong label's line
    if source == flags.answer_path:
        sys.stderr.write(f"labels: {','.join(labels)} (--labels gives another order)\n")
    gold = [row.label for row in answers]
    predicted = probabilities.argmax(axis=1)
    report = report_lines(flags.task, gold, predicted, labels, flags.negative)
    sys.stdout.write("".join(f"{line}\n" for line in report))


if __name__ == "__main__":
    files.run(main)
