"""The labels of a classifier: label2id.json beside its checkpoints, and --labels."""

import argparse
import re
from typing import Any, Iterable, List, Sequence

from biocodes.lib import files
from biocodes.lib.conll import OUTSIDE
from tokenization import CLS, PAD, SEP

LABEL_FILE = "label2id.json"
# What the original writes instead, a pickle: it is never loaded.
PICKLED_LABELS = "label2id.pkl"
# Of entity recognition: X labels the further pieces of a word, the others label [PAD],
# [CLS] and [SEP]. No word has one of them.
CONTINUATION = "X"
SPECIAL = (PAD, CONTINUATION, CLS, SEP)
# What the original trains entity recognition on, whatever the corpus; its checkpoints
# do not say.
ORIGINAL_LABELS = (PAD, "B", "I", OUTSIDE, CONTINUATION, CLS, SEP)
# What the names of the variables of a head with a sigmoid a label end in, so that no
# checkpoint of it is taken for one of a softmax.
MULTILABEL = "_multilabel"
_UNWRITABLE = re.compile("[\t\n\ud800-\udfff]")


def of_entity_recognition(labels: Iterable[str]) -> bool:
    """Whether labels are those of a model for entity recognition."""
    labels = list(labels)
    is_column = all(len(name.split()) == 1 for name in labels)
    return labels[:1] == [PAD] and set(SPECIAL) < set(labels) and is_column


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
        if not is_label(label):
            raise files.InputError(f"{files.quoted(label)} is no label", path)
    return labels


def is_label(value: Any) -> bool:
    """Whether a JSON value is a label; JSON can hold what no column of a file can."""
    if not isinstance(value, str):
        return False
    return value.strip() == value != "" and not _UNWRITABLE.search(value)


def are_labels(values: Sequence[Any]) -> bool:
    """Whether JSON values are a classifier's labels: some, all of them different."""
    return all(map(is_label, values)) and len(set(values)) == len(values) > 0


def label_list(text: str) -> List[str]:
    """Parse the value of --labels: different, non-empty names with commas between.

    Raises:
      argparse.ArgumentTypeError: for argparse to report.
    """
    labels = [label.strip() for label in text.split(",")]
    if "" in labels or len(set(labels)) < len(labels):
        raise argparse.ArgumentTypeError("expected different names, as in a,b,c")
    return labels
