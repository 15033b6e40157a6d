"""Data sets that come in folds: one model each, and a table of their scores."""

import os
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

import numpy as np

from biocodes.lib import files
from biocodes.lib.columns import aligned
from finetuning import console, output_dir
from finetuning.console import log

FOLD_RECORD = "fold.json"
FOLD_SCORES = "fold_scores.txt"
Scores = Dict[str, float]


class Fold(NamedTuple):
    """Where the files of one model lie.

    Attributes:
      paths: phase ("train", "eval", "predict") → data file.
      folder: for its checkpoints and results.
    """

    paths: Dict[str, str]
    folder: str


class FoldJob(NamedTuple):
    """What is to be done with a fold, all of it checked.

    Attributes:
      folder: for its checkpoints and results.
      made_from: JSON value of all that the scores rest on.
      results: names of the results files that the run makes.
      run: function that does it and returns the scores, floats from 0 to 1.
    """

    folder: str
    made_from: Any
    results: Sequence[str]
    run: Callable[[], Scores]


def find_folds(
    data_dir: str, output_folder: str, file_names: Dict[str, str]
) -> List[Fold]:
    """Find the folds of a data set, or the whole of one that has none.

    Args:
      data_dir: has the files itself, or in sub-folders 1, 2, 3, …
      output_folder: gets the results, or sub-folders of the same numbers.
      file_names: phase → name of its data file.

    Returns:
      The folds; that of a data set without folds is the only one and has output_folder
      as its folder.

    Raises:
      InputError: a fold is missing between others.
    """

    def fold(name: str) -> Fold:
        inside = os.path.join(data_dir, name)
        paths = {phase: os.path.join(inside, file_names[phase]) for phase in file_names}
        return Fold(paths, os.path.join(output_folder, name) if name else output_folder)

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


def numbered_folders(folder: str) -> List[int]:
    """List the sub-folders whose names are numbers from 1 to 999, sorted."""
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


def run_folds(output_folder: str, jobs: Sequence[FoldJob], overwrite: bool) -> None:
    """Run fold after fold, leave out those that are done, and report their scores.

    Args:
      output_folder: gets fold_scores.txt.
      jobs: one a fold.
      overwrite: whether folds that are done are run all the same.
    """
    scores = []
    for number, job in enumerate(jobs, 1):
        log.info("***** fold %d of %d: %s *****", number, len(jobs), job.folder)
        of_fold = None if overwrite else _scores_of_done(job)
        if of_fold is None:
            output_dir.remove(output_folder, (FOLD_SCORES,))
            output_dir.remove(job.folder, (FOLD_RECORD,))
            of_fold = job.run()
            record = {"made_from": job.made_from, "scores": of_fold}
            files.write_json(os.path.join(job.folder, FOLD_RECORD), record)
        else:
            log.info("  done already")
        scores.append(of_fold)
    if not any(scores):
        log.info("no labels to score the folds by")
        return
    table = fold_table(scores)
    with files.whole_file(os.path.join(output_folder, FOLD_SCORES)) as stream:
        stream.writelines(f"{line}\n" for line in table)
    console.log_results("scores of the folds", table)


def _scores_of_done(job: FoldJob) -> Optional[Scores]:
    """Return the scores of a fold that is done, made from just the same; else None."""
    path = os.path.join(job.folder, FOLD_RECORD)
    names = [FOLD_RECORD, *job.results]
    if not all(os.path.exists(os.path.join(job.folder, name)) for name in names):
        return None
    record = files.read_json(path)
    if not isinstance(record, dict) or record.get("made_from") != job.made_from:
        return None
    scores = record.get("scores")
    if not isinstance(scores, dict) or not all(
        isinstance(score, float) and 0.0 <= score <= 1.0 for score in scores.values()
    ):
        raise files.InputError(
            "not a record of this suite", path, remedy="remove it to run the fold again"
        )
    return scores


def fold_table(scores: Sequence[Scores]) -> List[str]:
    """Lay out the folds' scores with their means and standard deviations.

    Args:
      scores: floats from 0 to 1 by name, for each fold.

    Returns:
      The lines. A deviation is that of a sample (divided by n - 1).
    """
    names = list(dict.fromkeys(name for of_fold in scores for name in of_fold))
    values = [
        [of_fold[name] for of_fold in scores if name in of_fold] for name in names
    ]
    rows = [["fold", *names]]
    for number, of_fold in enumerate(scores, 1):
        rows.append([str(number), *(percent(of_fold.get(name)) for name in names)])
    rows.append(["mean", *(percent(np.mean(column)) for column in values)])
    deviations = (
        np.std(column, ddof=1) if len(column) > 1 else None for column in values
    )
    rows.append(["standard deviation", *map(percent, deviations)])
    return aligned(rows)


def percent(share: Optional[float]) -> str:
    """Write 0.8352 as "83.52%", None as "-"."""
    return "-" if share is None else f"{share:.2%}"
