import argparse
import re

from biocodes.lib import files
from biocodes.lib.relations import shown

LABEL_FILE = "label2id.json"
NO_LABEL = re.compile("[\t\n\ud800-\udfff]")


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
            raise files.InputError(f"{shown(label)} is no label", path)
    return labels


# --- command ---


def label_list(text):
    """Value of --labels → list of different, non-empty names."""
    labels = [label.strip() for label in text.split(",")]
    if "" in labels or len(set(labels)) < len(labels):
        raise argparse.ArgumentTypeError("expected different names, as in a,b,c")
    return labels
