"""The labels of a classifier: label2id.json beside its checkpoints, and --labels."""

import argparse
import re
from typing import List

from biocodes.lib import files

LABEL_FILE = "label2id.json"
_UNWRITABLE = re.compile("[\t\n\ud800-\udfff]")


def read_labels(path: str) -> List[str]:
    """Read label2id.json ({label: id}, ids from 0 without gaps): labels by id.

    Raises:
      InputError: the file is anything else.
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
        if label.strip() != label or not label or _UNWRITABLE.search(label):
            raise files.InputError(f"{files.quoted(label)} is no label", path)
    return labels


def label_list(text: str) -> List[str]:
    """Parse the value of --labels: different, non-empty names with commas between.

    Raises:
      argparse.ArgumentTypeError: for argparse to report.
    """
    labels = [label.strip() for label in text.split(",")]
    if "" in labels or len(set(labels)) < len(labels):
        raise argparse.ArgumentTypeError("expected different names, as in a,b,c")
    return labels
