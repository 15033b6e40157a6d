"""Scores of relation extraction's predictions against the labels of test.tsv."""

import argparse
import itertools
import os
import sys
from typing import List, Optional, Sequence, Tuple

import numpy as np

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from biocodes.lib import command, files, label_sets, ranking, relation_scores
from biocodes.lib.labels import LABEL_FILE, label_list, read_labels
from biocodes.lib.relations import Row, label_ids, read_cells, read_test

DESCRIPTION = """\
Score the predictions of relation extraction against the labels of test.tsv.

  python biocodes/re_eval.py --output_path=OUT/test_results.tsv --answer_path=test.tsv
"""
DETAILS = """\
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
  multilabel  any number of labels a row, as in a|b: the same of each label and on
              average, and the share of rows whose labels are all right. A label is
              predicted from a probability of 0.5 on; --negative=LABEL is what stands
              for none of the labels, beside an empty column

--threshold=X predicts class 1 of two (class 0 if --negative names class 1), or each
label of multilabel, from a probability of X on.

A score whose denominator is 0 is 0. Every class of the label list counts in the
averages, also one that occurs nowhere.
"""

MULTILABEL = "multilabel"


def read_probabilities(path: str) -> np.ndarray:
    """Read test_results.tsv: float [rows, classes].

    Raises:
      InputError: the file is empty, a cell is not a number from 0 to 1, or a line has
        another number of columns than the first.
    """
    rows = []
    for line, cells in read_cells(path):
        if rows and len(cells) != len(rows[0]):
            raise files.InputError(
                f"{files.columns_of(cells)}, but {len(rows[0])} in the first line",
                path,
                line,
            )
        rows.append(parse_probabilities(path, line, cells))
    return np.array(rows)


def parse_probabilities(path: str, line: int, cells: Sequence[str]) -> List[float]:
    """Parse the cells of one line.

    Raises:
      InputError: one of them is not a number from 0 to 1.
    """
    values = []
    for column, cell in enumerate(cells, 1):
        # float() would also take "nan", "1_0" and digits of other scripts.
        value = float(cell) if ranking.NUMBER.fullmatch(cell.strip()) else -1.0
        if not 0.0 <= value <= 1.0 + 1e-6:
            raise files.InputError(
                f"{files.quoted(cell)} in column {column} is not a probability",
                path,
                line,
                "expected the class probabilities alone, without a header line",
            )
        values.append(value)
    return values


def read_answers(path: str, several: bool = False) -> List[Row]:
    """Read test.tsv with its labels.

    Args:
      path: the file.
      several: whether a row has any number of labels.

    Raises:
      InputError: as read_test, or there is no label column.
    """
    rows, has_labels = read_test(path, may_be_empty=several)
    if not has_labels:
        raise files.InputError(
            "no label column, so there is nothing to score against", path, 1
        )
    return rows


def choose_labels(
    flags: argparse.Namespace, answers: Sequence[Row], columns: int
) -> Tuple[Sequence[str], str]:
    """Find the label names in the order of the probability columns, see --labels.

    Args:
      flags: of the command line.
      answers: the rows of --answer_path.
      columns: number of probability columns.

    Returns:
      (labels, where they come from).

    Raises:
      InputError: no label list can be found.
    """
    if flags.task in relation_scores.TASK_LABELS:
        return relation_scores.TASK_LABELS[flags.task], f"--task={flags.task}"
    if flags.labels is not None:
        return flags.labels, "--labels"
    label_file = os.path.join(os.path.dirname(flags.output_path), LABEL_FILE)
    if os.path.exists(label_file):
        return read_labels(label_file), label_file
    labels = sorted({row.label for row in answers})
    if flags.task == MULTILABEL:
        label_sets.check(answers, flags.answer_path, flags.negative)
        names = (label_sets.split(label, flags.negative) for label in labels)
        labels = sorted(set(itertools.chain.from_iterable(names)))
    if len(labels) != columns:
        raise files.InputError(
            f"{len(labels)} different labels, but {columns} columns of probabilities",
            flags.answer_path,
            remedy="name all labels in the order of the columns with --labels=a,b,c",
        )
    return labels, flags.answer_path


def check_labels(
    labels: Sequence[str], source: str, flags: argparse.Namespace, row: np.ndarray
) -> None:
    """Raise InputError if labels do not fit a row or lack --negative.

    Args:
      labels: all label names.
      source: where they come from, for messages.
      flags: of the command line.
      row: float [classes], a row of probabilities.
    """
    if len(labels) != len(row):
        raise files.InputError(
            f"{files.columns_of(row)} of probabilities, but {len(labels)} classes "
            f"by {source} ({', '.join(labels)})",
            flags.output_path,
            1,
        )
    if flags.task == MULTILABEL:
        if flags.negative in labels:
            raise files.InputError(f"is one of {', '.join(labels)}", "--negative")
        return
    if flags.negative is not None and flags.negative not in labels:
        raise files.InputError(
            f"{files.quoted(flags.negative)} is not one of {', '.join(labels)}",
            "--negative",
        )
    if flags.threshold is not None and len(labels) != 2:
        raise files.InputError(
            f"is for two classes, not for {len(labels)} ({', '.join(labels)})",
            "--threshold",
        )
    if len(labels) < 2:
        raise files.InputError("one class alone cannot be scored", source)


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(
        description=DESCRIPTION, epilog=DETAILS, allow_abbrev=False
    )
    parser.add_argument(
        "--output_path", required=True, help="test_results.tsv that run_re.py wrote"
    )
    parser.add_argument(
        "--answer_path", required=True, help="test.tsv with its header and labels"
    )
    parser.add_argument(
        "--task",
        choices=(*relation_scores.TASKS, MULTILABEL),
        default="binary",
        help="default: binary",
    )
    parser.add_argument(
        "--labels",
        type=label_list,
        metavar="A,B,C",
        help="multiclass, multilabel: names in the order of the probability columns; "
        f"default: {LABEL_FILE} in the folder of --output_path, else the sorted labels "
        "of --answer_path",
    )
    parser.add_argument(
        "--negative", metavar="LABEL", help="multiclass: label outside the averages"
    )
    parser.add_argument(
        "--threshold",
        type=threshold,
        metavar="X",
        help="of two classes, and multilabel: probability that predicts a label",
    )
    flags = parser.parse_args(argv)
    check_flags(parser, flags)
    return flags


def check_flags(parser: argparse.ArgumentParser, flags: argparse.Namespace) -> None:
    """End with an error if flags do not go together."""
    for name in ("labels", "negative"):
        if (
            flags.task in relation_scores.TASK_LABELS
            and getattr(flags, name) is not None
        ):
            parser.error(f"--{name} is for --task=multiclass and --task=multilabel")
    if flags.task == "chemprot" and flags.threshold is not None:
        parser.error("--threshold is for two classes and for --task=multilabel")


def threshold(text: str) -> float:
    """Parse the value of --threshold.

    Raises:
      argparse.ArgumentTypeError: for argparse to report.
    """
    try:
        return ranking.parse_threshold(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def report_of(
    flags: argparse.Namespace,
    answers: Sequence[Row],
    probabilities: np.ndarray,
    labels: Sequence[str],
) -> List[str]:
    """Make the report of a task.

    Args:
      flags: of the command line.
      answers: the rows of --answer_path.
      probabilities: float [rows, classes].
      labels: names in the order of the classes.

    Raises:
      InputError: a label of the answers is none of the names.
    """
    if flags.task == MULTILABEL:
        label_sets.check_known(answers, labels, flags.answer_path, flags.negative)
        gold = np.array(
            [label_sets.flags_of(row.label, labels, flags.negative) for row in answers]
        )
        line = 0.5 if flags.threshold is None else flags.threshold
        return relation_scores.multilabel_lines(gold, probabilities >= line, labels)
    label_ids(answers, labels, flags.answer_path)  # names a wrong label's line
    names = [row.label for row in answers]
    predicted = probabilities.argmax(axis=1)
    if flags.threshold is not None:
        positive = int(flags.negative != labels[1])
        is_positive = probabilities[:, positive] >= flags.threshold
        predicted = np.where(is_positive, positive, 1 - positive)
    return relation_scores.report_lines(
        flags.task, names, predicted, labels, flags.negative
    )


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Print the report of --task."""
    flags = parse_flags(argv)
    probabilities = read_probabilities(flags.output_path)
    answers = read_answers(flags.answer_path, flags.task == MULTILABEL)
    if len(probabilities) != len(answers):
        raise files.InputError(
            f"{len(probabilities)} lines of predictions, but {flags.answer_path} has "
            f"{len(answers)} rows",
            flags.output_path,
            remedy="give the test.tsv that was predicted",
        )
    labels, source = choose_labels(flags, answers, columns=probabilities.shape[1])
    check_labels(labels, source, flags, probabilities[0])
    report = report_of(flags, answers, probabilities, labels)
    if source == flags.answer_path:
        sys.stderr.write(f"labels: {','.join(labels)} (--labels gives another order)\n")
    sys.stdout.write("".join(f"{line}\n" for line in report))


if __name__ == "__main__":
    command.run(main)
