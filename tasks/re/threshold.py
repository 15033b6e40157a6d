"""--threshold: from which probability on a label is predicted, given or chosen.

threshold.json    what was chosen on dev.tsv, and for which checkpoint
"""

import os
from typing import Any, Iterable, NamedTuple, Optional

from biocodes.lib import files, ranking
from biocodes.lib.files import InputError

RECORD = "threshold.json"
BEST = "best"
FLAG = "--threshold"


class Threshold(NamedTuple):
    """What --threshold asks for.

    Attributes:
      value: the threshold; None: none, or one that is still to be chosen.
      is_best: whether it is the best one on dev.tsv.
    """

    value: Optional[float] = None
    is_best: bool = False

    @classmethod
    def parse(cls, text: Optional[str]) -> "Threshold":
        """Take the value of the flag.

        Raises:
          InputError: it is neither "best" nor a number from 0 to 1.
        """
        if text is None or text == BEST:
            return cls(None, text == BEST)
        try:
            return cls(ranking.parse_threshold(text))
        except ValueError as error:
            raise InputError(
                str(error), FLAG, remedy=f"or {BEST}, on dev.tsv"
            ) from error


def write(folder: str, value: float, measures: Any, checkpoint: str) -> None:
    """Record a threshold beside the results.

    Args:
      folder: the output folder.
      value: the threshold.
      measures: scores of dev.tsv with it, by name.
      checkpoint: digest of the weights that it was chosen for.
    """
    record = {"threshold": value, "dev.tsv": measures, "checkpoint": checkpoint}
    files.write_json(os.path.join(folder, RECORD), record)


def recorded(folders: Iterable[str], checkpoint: str) -> float:
    """Return the threshold that was chosen for a checkpoint.

    Args:
      folders: where to look for its record.
      checkpoint: digest of the weights.

    Raises:
      InputError: none was chosen, or for other weights, or the record is none.
    """
    places = list(dict.fromkeys(folder or "." for folder in folders))
    for folder in places:
        path = os.path.join(folder, RECORD)
        if not os.path.exists(path):
            continue
        record = files.read_json(path)
        value = record.get("threshold") if isinstance(record, dict) else None
        if not isinstance(value, float) or not 0.0 <= value <= 1.0:
            raise InputError("not a record of this suite", path, remedy="remove it")
        if record.get("checkpoint") == checkpoint:
            return value
    raise InputError(
        f"{BEST} is chosen on dev.tsv, and was not yet for this checkpoint: no"
        f" {RECORD} of it in {' or '.join(places)}",
        FLAG,
        remedy="give --do_eval=true",
    )
