"""Several labels of one text: names with a bar between, as in activates|binds.

A text that has none of the labels has an empty one, or that for "none of them".
"""

from typing import Iterable, List, Optional, Sequence

from biocodes.lib import files
from biocodes.lib.relations import Row

SEPARATOR = "|"


def split(label: str, negative: Optional[str] = None) -> List[str]:
    """Return the labels in the label column of a row.

    Args:
      label: of a Row, without surrounding spaces.
      negative: label for "none of them", or None.

    Returns:
      Names in the order in which they are written; [] for none.

    Raises:
      ValueError: a name is empty or occurs twice, or negative stands beside others.
    """
    if label in ("", negative):
        return []
    names = [name.strip() for name in label.split(SEPARATOR)]
    if "" in names:
        raise ValueError(f"an empty label in {files.quoted(label)}")
    if len(set(names)) < len(names):
        raise ValueError(f"a label occurs twice in {files.quoted(label)}")
    if negative in names:
        raise ValueError(
            f"{files.quoted(negative)} is for none of the labels, but stands beside"
            f" others in {files.quoted(label)}"
        )
    return names


def check(rows: Iterable[Row], path: str, negative: Optional[str]) -> None:
    """Check that the labels of all rows of a file can be split.

    Raises:
      InputError: one cannot; path is the file to name.
    """
    for row in rows:
        try:
            split(row.label, negative)
        except ValueError as error:
            raise files.InputError(str(error), path, row.line) from error


def check_known(
    rows: Iterable[Row], labels: Sequence[str], path: str, negative: Optional[str]
) -> None:
    """Check that all labels of a file are some of `labels`.

    Raises:
      InputError: one is not, or cannot be split; path is the file to name.
    """
    known = set(labels)
    for row in rows:
        check([row], path, negative)
        for name in split(row.label, negative):
            if name not in known:
                raise files.InputError(
                    f"label {files.quoted(name)} is not one of {', '.join(labels)}",
                    path,
                    row.line,
                )


def flags_of(
    label: str, labels: Sequence[str], negative: Optional[str] = None
) -> List[bool]:
    """Return for each of `labels` whether it is in the label column of a row."""
    names = set(split(label, negative))
    return [name in names for name in labels]


def joined(names: Iterable[str], negative: Optional[str] = None) -> str:
    """Write labels as files have them; negative, or nothing, for none."""
    return SEPARATOR.join(names) or negative or ""
