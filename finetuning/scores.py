"""scores.json: what a run scored, with what, and how long it took.

    {"scores": {"test.tsv": {"f1": 0.85, …, "by_label": {"Disease": {"f1": …}}}},
     "evaluations": […], "checkpoint": {…}, "training": {…}, "device": …, …}

Every score is a share from 0 to 1. compare_runs.py in biocodes/ reads it.
"""

import datetime
import os
import re
import time
from typing import Any, Dict, List, Optional, Sequence

from biocodes.lib import files
from biocodes.lib.run_files import SCORES as FILE
from biocodes.lib.run_files import read_scores as read
from finetuning.console import log

# Name → score; and "by_label", label → scores by name.
Scores = Dict[str, Any]


class Board:
    """The scores of a run, gathered while it goes on."""

    def __init__(self) -> None:
        """Note when the run began."""
        self._started = time.time()
        self._scores: Dict[str, Scores] = {}
        self._training: Optional[Dict[str, Any]] = None

    def add(
        self,
        name: str,
        scores: Dict[str, float],
        by_label: Optional[Dict[str, Scores]] = None,
    ) -> None:
        """Add the scores of a file.

        Args:
          name: of the file, "test.tsv"; below a folder where there are several.
          scores: by name.
          by_label: label → scores by name, where there are any.
        """
        values: Scores = {key: float(score) for key, score in scores.items()}
        if by_label:
            values["by_label"] = by_label
        self._scores[name] = values

    def trained(self, steps: int, examples: int, seconds: float) -> None:
        """Note what the training of this run did.

        Args:
          steps: those of this run; an earlier one may have made the first.
          examples: of these steps.
          seconds: of them, with building the graph and evaluations.
        """
        self._training = {
            "steps": steps,
            "seconds": round(seconds, 3),
            "examples_per_second": round(examples / max(seconds, 1e-9), 3),
        }

    @property
    def scores(self) -> Dict[str, Scores]:
        """File → its scores, so far."""
        return dict(self._scores)

    def write(self, folder: str, **facts: Any) -> bool:
        """Write scores.json; scores of the same checkpoint that it holds stay.

        Args:
          folder: the output folder.
          facts: JSON values by name; "checkpoint" and "device" among them.

        Returns:
          Whether there was anything to write.

        Raises:
          InputError: it cannot be written, or what is there is no such file.
        """
        if not self._scores and self._training is None:
            return False
        before = read(folder) or {}
        same = before.get("checkpoint") == facts["checkpoint"]
        kept = dict(before.get("scores", {})) if same else {}
        training = self._training or (before.get("training") if same else None)
        value = {
            "scores": dict(kept, **self._scores),
            **facts,
            "training": training,
            "git_commit": git_commit(),
            "started": _written(self._started),
            "ended": _written(time.time()),
        }
        files.write_json(os.path.join(folder, FILE), value)
        return True


def write_means(folder: str, parts: Sequence[str], with_page: bool = False) -> None:
    """Write scores.json of several models, such as folds: the means of their scores.

    Args:
      folder: where it goes.
      parts: folders with a scores.json each; those without one are left out.
      with_page: whether to write_overview, too.

    Raises:
      InputError: it cannot be written, or a part's cannot be used.
    """
    records = [record for record in map(read, parts) if record]
    values: Dict[str, Dict[str, List[float]]] = {}
    for record in records:
        for name, of_file in record["scores"].items():
            for measure, score in of_file.items():
                if isinstance(score, float):
                    values.setdefault(name, {}).setdefault(measure, []).append(score)
    if values:
        means = {
            name: {measure: sum(x) / len(x) for measure, x in of_file.items()}
            for name, of_file in values.items()
        }
        of = [os.path.relpath(part, folder) for part in parts]
        files.write_json(os.path.join(folder, FILE), {"scores": means, "means_of": of})
        if with_page:
            write_overview(folder, parts)


def write_overview(folder: str, parts: Sequence[str]) -> None:
    """Write the report.html that leads to those of several runs, and log its path.

    Args:
      folder: where it goes.
      parts: output folders in it.

    Raises:
      InputError: it cannot be written.
    """
    from biocodes.lib import report  # which is read when it is needed

    log.info("the report: %s", report.write_overview(folder, parts))


def _written(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc)
    return moment.isoformat()


def git_commit(folder: Optional[str] = None) -> Optional[str]:
    """Return the commit that a checkout is at; None where there is no checkout.

    Args:
      folder: of the checkout; default: this one. It is read without Git.
    """
    folder = folder or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    head = _first_line(os.path.join(folder, ".git", "HEAD"))
    name = head[len("ref: ") :] if head and head.startswith("ref: ") else None
    commit = _first_line(os.path.join(folder, ".git", name)) if name else head
    if commit is None and name:
        packed = os.path.join(folder, ".git", "packed-refs")
        commit = _packed(packed, name)
    return commit if commit and re.fullmatch("[0-9a-f]{40,64}", commit) else None


def _first_line(path: str) -> Optional[str]:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.readline().strip()
    except OSError:
        return None


def _packed(path: str, name: str) -> Optional[str]:
    try:
        with open(path, encoding="utf-8") as stream:
            for line in stream:
                commit, _, reference = line.strip().partition(" ")
                if reference == name:
                    return commit
    except OSError:
        pass
    return None
