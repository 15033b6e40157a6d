"""Output folders of runs, and what is compared of them: scores, flags, seeds."""

import os
import re
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from biocodes.lib import files, run_files
from biocodes.lib.run_files import Record

# Sub-folders of --seeds, and of data in folds.
_PART = re.compile(r"seed-(\d+)|([1-9]\d{0,2})")
# Of a file's scores, those that are shown unless others are asked for.
MOST_MEASURES = 3
# Flags in which runs always differ, or which say nothing of a model.
UNCOMPARED = ("output_dir", "overwrite_output_dir", "report", "seeds")


class Compared(NamedTuple):
    """A row of a comparison: a run, or several seeds of one.

    Attributes:
      name: as it is shown.
      folders: one, or one a seed.
      scores: "FILE MEASURE" → values from 0 to 1, one a folder that has any.
      arguments: name → values of the flag, without repetition.
    """

    name: str
    folders: List[str]
    scores: Dict[str, List[float]]
    arguments: Dict[str, List[Any]]


def parts_of(folder: str) -> List[str]:
    """List the sub-folders of an output folder that hold a seed, or a fold, each.

    Raises:
      InputError: there is no such folder.
    """
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise files.unreadable(folder, error) from error
    matches = [match for match in map(_PART.fullmatch, names) if match]
    numbered = sorted((int(m.group(1) or m.group(2)), m.group()) for m in matches)
    paths = [os.path.join(folder, name) for _, name in numbered]
    return [path for path in paths if _has_record(path)]


def _has_record(folder: str) -> bool:
    names = (run_files.RUN, run_files.SCORES)
    return any(os.path.exists(os.path.join(folder, name)) for name in names)


def flat(record: Record) -> Dict[str, float]:
    """Return the scores of a scores.json by "FILE MEASURE"."""
    return {
        f"{file} {name}": score
        for file, of_file in record.get("scores", {}).items()
        for name, score in of_file.items()
        if isinstance(score, float)
    }


def main_scores(record: Record) -> List[str]:
    """Name the scores of a scores.json that come first: "test.tsv f1", …"""
    names = []
    for file, of_file in record.get("scores", {}).items():
        own = [name for name, score in of_file.items() if isinstance(score, float)]
        names += [f"{file} {name}" for name in own[:MOST_MEASURES]]
    return names


def read(folder: str) -> List[Compared]:
    """Read what an output folder has: a run, and the seeds of one.

    Raises:
      InputError: it has no scores.
    """
    rows = []
    seeds = [part for part in parts_of(folder) if "seed-" in os.path.basename(part)]
    seeds = [seed for seed in seeds if run_files.read_scores(seed)]
    own = run_files.read_scores(folder)
    name = folder.rstrip("/") or folder
    if own:
        rows.append(_compared(name, [folder]))
    if seeds:
        count = f"{len(seeds)} seeds" if len(seeds) > 1 else "1 seed"
        rows.append(_compared(f"{name} ({count})", seeds))
    if not rows:
        raise files.InputError(
            f"has no {run_files.SCORES}, and no folder of a seed with one",
            folder,
            remedy="name an output folder of a run that has scored something",
        )
    return rows


def _compared(name: str, folders: Sequence[str]) -> Compared:
    scores: Dict[str, List[float]] = {}
    arguments: Dict[str, List[Any]] = {}
    for folder in folders:
        record = run_files.read_scores(folder) or {}
        for measure, value in flat(record).items():
            scores.setdefault(measure, []).append(value)
        given = record.get("arguments")
        for flag, value in given.items() if isinstance(given, dict) else ():
            values = arguments.setdefault(flag, [])
            if value not in values:
                values.append(value)
    return Compared(name, list(folders), scores, arguments)


def mean_and_deviation(values: Sequence[float]) -> Tuple[float, float]:
    """Return the mean and the standard deviation of a sample, 0 of one value."""
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return float(np.mean(values)), deviation


def differing_flags(rows: Sequence[Compared]) -> Dict[str, List[str]]:
    """Map the flags in which runs differ to the values that each has.

    Args:
      rows: the runs; one whose flags are not known counts as having none.
    """
    names = sorted({name for row in rows for name in row.arguments})
    differing = {}
    for name in names:
        values = [
            ",".join(written(value) for value in row.arguments.get(name, []))
            for row in rows
        ]
        known = {value for value, row in zip(values, rows) if row.arguments}
        if name not in UNCOMPARED and len(known) > 1:
            differing[name] = values
    return differing


def written(value: Any) -> str:
    """Write the value of a flag as a command line has it; None as "-"."""
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)
