"""training.jsonl: loss, learning rate and speed over the steps of a training.

A line of JSON for each line of progress in the log:

    {"step": 280, "epoch": 1.6, "loss": 0.09, "learning_rate": 4.2e-05, …}
"""

import json
import os

from biocodes.lib import files, run_files
from biocodes.lib.run_files import CURVE as FILE


class Curve:
    """The file of a training that is going on."""

    def __init__(self, folder: str, step: int, epoch: float) -> None:
        """Open the file; its lines of steps that are trained anew go.

        Args:
          folder: the output folder.
          step: the last one that is trained.
          epoch: steps of an epoch; need not be whole.

        Raises:
          InputError: the file cannot be written, or is none of ours.
        """
        files.make_folder(folder)
        self._path = os.path.join(folder, FILE)
        self._epoch = epoch
        kept = [
            entry for entry in run_files.read_curve(folder) if entry["step"] <= step
        ]
        with files.whole_file(self._path) as stream:
            stream.writelines(f"{json.dumps(entry)}\n" for entry in kept)

    def add(self, step: int, **values: float) -> None:
        """Write the line of a step.

        Args:
          step: the last one that the values are of.
          values: by name.

        Raises:
          InputError: the disk is full, or the like.
        """
        entry = {"step": int(step), "epoch": round(step / self._epoch, 4)}
        entry.update((name, float(f"{value:.6g}")) for name, value in values.items())
        try:
            with open(self._path, "a", encoding="utf-8") as stream:
                stream.write(json.dumps(entry) + "\n")
        except OSError as error:
            raise files.unwritable(self._path, error) from error
