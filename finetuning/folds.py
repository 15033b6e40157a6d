import os
import re
from typing import NamedTuple

import numpy as np

from biocodes.lib import files

FOLD_RECORD = "fold.json"
FOLD_SCORES = "fold_scores.txt"
FILES = {"train": "train.tsv", "eval": "dev.tsv", "predict": "test.tsv"}


# Data


class Fold(NamedTuple):
    """Where one model's files lie.

    Attributes:
      paths: dict of phase ("train", "eval", "predict") → data file.
      folder: for its checkpoints and results.
    """

    paths: dict
    folder: str


def find_folds(data_dir, output_dir, phases):
    """The folds of a data set, or the whole of one that has none.

    Args:
      data_dir: has the phases' files itself, or in sub-folders 1, 2, 3, …
      output_dir: gets the results, or sub-folders of the same numbers.
      phases: keys of FILES.

    Returns:
      list of Fold; that of a data set without folds is the only one and has output_dir
      as its folder.

    Raises:
      InputError: a fold is missing between others.
    """

    def fold(name):
        inside, folder = (os.path.join(one, name) for one in (data_dir, output_dir))
        paths = {phase: os.path.join(inside, FILES[phase]) for phase in phases}
        return Fold(paths, folder if name else output_dir)

    whole = fold("")
    numbers = numbered_folders(data_dir)
    if not numbers or any(os.path.exists(path) for path in whole.paths.values()):
        return [whole]
    missing = sorted(set(range(1, numbers[-1])).difference(numbers))
    if missing:
        raise files.InputError(
            f"has folds up to {numbers[-1]} but no folder {missing[0]}", data_dir
        )
    return [fold(str(number)) for number in numbers]


def numbered_folders(folder):
    """The sub-folders whose names are numbers from 1 to 999: list of int, sorted."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise files.unreadable(folder, error) from error
    return sorted(
        int(name)
        for name in names
        if re.fullmatch("[1-9][0-9]{0,2}", name)
        and os.path.isdir(os.path.join(folder, name))
    )


def fold_table(scores):
    """Table of the folds' scores with their means and standard deviations.

    Args:
      scores: for each fold a dict of name → float from 0 to 1.

    Returns:
      list of lines. A deviation is that of a sample (divided by n - 1).
    """
    names = list(dict.fromkeys(name for one in scores for name in one))
    values = [[one[name] for one in scores if name in one] for name in names]
    rows = [["fold", *names]]
    for number, one in enumerate(scores, 1):
        rows.append([str(number), *(percent(one.get(name)) for name in names)])
    rows.append(["mean", *(percent(np.mean(column)) for column in values)])
    deviations = (np.std(one, ddof=1) if len(one) > 1 else None for one in values)
    rows.append(["standard deviation", *map(percent, deviations)])
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [
        "  ".join([first.ljust(widths[0]), *map(str.rjust, rest, widths[1:])])
        for first, *rest in rows
    ]


def percent(share):
    """0.8352 → "83.52%"; None → "-"."""
    return "-" if share is None else f"{share:.2%}"
