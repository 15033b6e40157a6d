"""The records that a run leaves in its output folder, read without TensorFlow.

    run.json            the command, its flags, what the training rests on
    training.jsonl      loss, learning rate and speed over the steps
    evaluations.json    the scores of development data over the steps
    scores.json         the scores of the run, and what it rests on

Folders of older runs have some of them, or none.
"""

import json
import math
import os
from typing import Any, Dict, List, Optional

from biocodes.lib import files

RUN = "run.json"
CURVE = "training.jsonl"
EVALUATIONS = "evaluations.json"
SCORES = "scores.json"
PAGE = "report.html"

# A record as JSON has it.
Record = Dict[str, Any]


def read_scores(folder: str) -> Optional[Record]:
    """Read the scores.json of a folder; None if there is none.

    Raises:
      InputError: it is not a record of this suite.
    """
    record = _read(folder, SCORES)
    scores = record.get("scores") if isinstance(record, dict) else None
    if record is None:
        return None
    if not isinstance(scores, dict) or not all(map(_is_file, scores.values())):
        raise _foreign(folder, SCORES)
    return record


def _is_file(of_file: Any) -> bool:
    return isinstance(of_file, dict)


def read_run(folder: str) -> Optional[Record]:
    """Read the run.json of a folder; None if there is none.

    Raises:
      InputError: it is not a record of this suite.
    """
    record = _read(folder, RUN)
    if record is None:
        return None
    if not isinstance(record, dict) or not isinstance(record.get("arguments"), dict):
        raise _foreign(folder, RUN)
    return record


def read_evaluations(folder: str) -> List[Record]:
    """Read evaluations.json; [] if there is none.

    Returns:
      {"step", "epoch", "seconds", "scores"} of each evaluation.

    Raises:
      InputError: it is not a record of this suite.
    """
    entries = _read(folder, EVALUATIONS)
    if entries is None:
        return []
    if not isinstance(entries, list) or not all(map(is_evaluation, entries)):
        raise _foreign(folder, EVALUATIONS)
    return entries


def is_evaluation(entry: Any) -> bool:
    """Whether a JSON value is an entry of evaluations.json."""
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("step"), int)
        and isinstance(entry.get("scores"), dict)
        and all(isinstance(x, float) for x in entry["scores"].values())
    )


def read_curve(folder: str) -> List[Record]:
    """Read training.jsonl; [] if there is none.

    Returns:
      {"step", "loss", …} of each line, the numbers finite. A last line that a killed
      run has not finished does not count.

    Raises:
      InputError: a line is anything else.
    """
    path = os.path.join(folder, CURVE)
    if not os.path.exists(path):
        return []
    entries = []
    with files.open_binary(path) as stream:
        for number, raw in enumerate(stream, 1):
            if not raw.endswith(b"\n"):
                break
            entries.append(_point(files.decode_line(raw, path, number), path, number))
    return entries


def _point(text: str, path: str, number: int) -> Record:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if (
        isinstance(value, dict)
        and type(value.get("step")) is int
        and "loss" in value
        and all(type(x) in (int, float) and abs(x) < math.inf for x in value.values())
    ):
        return value
    raise files.InputError(
        "not a line of this suite", path, number, "remove the file to go on without it"
    )


def _read(folder: str, name: str) -> Any:
    path = os.path.join(folder, name)
    return files.read_json(path) if os.path.exists(path) else None


def _foreign(folder: str, name: str) -> files.InputError:
    return files.InputError(
        "not a record of this suite",
        os.path.join(folder, name),
        remedy="remove it to go on without it",
    )
