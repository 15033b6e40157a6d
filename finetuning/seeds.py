"""Several seeds in one command: a model each, in a sub-folder, and their scores."""

import os
from typing import Any, Callable, Dict, List

import numpy as np

from biocodes.lib import files
from finetuning import command_line, output_dir, scores
from finetuning.command_line import log
from finetuning.folds import aligned, percent

TABLE = "seed_scores.txt"


def define_flags(flags: command_line.Flags) -> None:
    """Add --seeds."""
    flags.topic(command_line.TRAINING).string(
        "seeds",
        None,
        "Seeds, as in 1,2,3: a model each, in the folders seed-1, seed-2, … of"
        " output_dir, and a table of their scores.",
    )


def parse(text: str) -> List[int]:
    """Parse the value of --seeds.

    Raises:
      InputError: it is no list of different seeds.
    """
    parts = text.split(",")
    if not all(part.isdecimal() and int(part) < 2**31 for part in parts):
        raise files.InputError(
            f"is a list of whole numbers, as in 1,2,3, not {text}", "--seeds"
        )
    seeds = [int(part) for part in parts]
    if len(set(seeds)) < len(seeds):
        raise files.InputError(f"a seed occurs twice in {text}", "--seeds")
    return seeds


def run(flags: command_line.Flags, run_one: Callable[[], None]) -> None:
    """Run once, or once for each of --seeds, and write the table of their scores.

    Args:
      flags: the script's. output_dir and seed are set for each run.
      run_one: function that does all of a run, as the flags say.

    Raises:
      InputError: --seeds cannot be used; what a run raises.
    """
    if flags.seeds is None:
        run_one()
        return
    seeds, whole = parse(flags.seeds), flags.output_dir
    if flags["seed"].present:
        raise files.InputError("--seed and --seeds exclude each other", "--seeds")
    with output_dir.locked(whole):
        output_dir.remove(whole, (TABLE,))
        results: Dict[str, Dict[str, float]] = {}
        for number, seed in enumerate(seeds, 1):
            folder = os.path.join(whole, f"seed-{seed}")
            log.info("***** seed %d (%d of %d) *****", seed, number, len(seeds))
            flags["seed"].value, flags["output_dir"].value = seed, folder
            run_one()
            results[str(seed)] = flat(scores.read(folder) or {})
        if any(results.values()):
            _write_table(whole, results)


def flat(record: Dict[str, Any]) -> Dict[str, float]:
    """Return the scores of a scores.json by "FILE NAME", without those by label."""
    return {
        f"{file} {name}": score
        for file, of_file in record.get("scores", {}).items()
        for name, score in of_file.items()
        if isinstance(score, float)
    }


def _write_table(folder: str, results: Dict[str, Dict[str, float]]) -> None:
    table = table_of(results)
    with files.whole_file(os.path.join(folder, TABLE)) as stream:
        stream.writelines(f"{line}\n" for line in table)
    command_line.log_results("scores of the seeds", table)


def table_of(results: Dict[str, Dict[str, float]]) -> List[str]:
    """Lay out a line a score: its value for each seed, mean and standard deviation.

    Args:
      results: seed → scores from 0 to 1 by name.

    Returns:
      The lines. A deviation is that of a sample (divided by n - 1).
    """
    names = list(
        dict.fromkeys(name for of_seed in results.values() for name in of_seed)
    )
    rows = [["score", *(f"seed {seed}" for seed in results), "mean", "sd"]]
    for name in names:
        values = [of_seed.get(name) for of_seed in results.values()]
        known = [value for value in values if value is not None]
        deviation = np.std(known, ddof=1) if len(known) > 1 else None
        rows.append([name, *map(percent, [*values, np.mean(known), deviation])])
    return aligned(rows)
