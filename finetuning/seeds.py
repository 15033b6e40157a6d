"""Several seeds in one command: a model each, in a sub-folder, and their scores."""

import os
from typing import Any, Callable, Dict, List, Optional

import numpy as np

from biocodes.lib import files
from biocodes.lib.columns import aligned
from finetuning import (
    command_line,
    console,
    distributed,
    ensemble,
    output_dir,
    scores,
    shadow,
)
from finetuning.console import log
from finetuning.folds import percent

TABLE = "seed_scores.txt"
# Folder of what all models predict together.
ENSEMBLE = "ensemble"


def define_flags(flags: command_line.Flags) -> None:
    """Add --seeds and --ensemble, and --ensemble_of."""
    topic = flags.topic(command_line.TRAINING)
    topic.string(
        "seeds",
        None,
        "Seeds, as in 1,2,3: a model each, in the folders seed-1, seed-2, … of"
        " output_dir, and a table of their scores.",
    )
    topic.boolean(
        "ensemble",
        False,
        "All seeds' models predict together, into output_dir/ensemble.",
    )
    ensemble.define_flags(flags)


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
      flags: the script's. output_dir and seed are set for each run; for that of the
        ensemble also do_train and ensemble_of.
      run_one: function that does all of a run, as the flags say.

    Raises:
      InputError: the flags cannot be used; what a run raises.
    """
    _check(flags)
    with distributed.joined(flags), shadow.cast(flags):
        _run(flags, run_one)


def _run(flags: command_line.Flags, run_one: Callable[[], None]) -> None:
    if flags.seeds is None:
        run_one()
        return
    seeds, whole = parse(flags.seeds), flags.output_dir
    folders = {str(seed): os.path.join(whole, f"seed-{seed}") for seed in seeds}
    with output_dir.locked(whole):
        output_dir.remove(whole, (TABLE,))
        for number, (seed, folder) in enumerate(folders.items(), 1):
            log.info("***** seed %s (%d of %d) *****", seed, number, len(seeds))
            flags["seed"].value, flags["output_dir"].value = int(seed), folder
            run_one()
        if flags.ensemble:
            log.info("***** all %d models together *****", len(seeds))
            together = os.path.join(whole, ENSEMBLE)
            flags["ensemble_of"].value = ",".join(folders.values())
            flags["do_train"].value, flags["output_dir"].value = False, together
            run_one()
        results = {seed: scored_in(folder) for seed, folder in folders.items()}
        if any(results.values()):
            of_ensemble = scored_in(together) if flags.ensemble else None
            _write_table(whole, table_of(results, of_ensemble))
            if flags.report:
                parts = [*folders.values(), *([together] if flags.ensemble else [])]
                scores.write_overview(whole, parts)


def _check(flags: command_line.Flags) -> None:
    """Check the flags of this module, and fill in what --ensemble_of implies.

    Raises:
      InputError: they cannot be used, or do not go together.
    """
    several = flags.seeds is not None and len(parse(flags.seeds)) > 1
    if flags.ensemble and not several:
        raise files.InputError(
            "needs several models", "--ensemble", remedy="give --seeds=1,2,3"
        )
    if flags.seeds is not None:
        for name in ("seed", ensemble.FLAG):
            if flags[name].present:
                raise files.InputError(
                    f"--{name} and --seeds exclude each other", "--seeds"
                )
        if "," in flags.output_dir and flags.ensemble:
            raise files.InputError("has a comma in it", "--output_dir")
    ensemble.folders_of(flags)


def scored_in(folder: str) -> Dict[str, float]:
    """Return what a run has scored, see flat; {} without scores.json."""
    return flat(scores.read(folder) or {})


def flat(record: Dict[str, Any]) -> Dict[str, float]:
    """Return the scores of a scores.json by "FILE NAME", without those by label."""
    return {
        f"{file} {name}": score
        for file, of_file in record.get("scores", {}).items()
        for name, score in of_file.items()
        if isinstance(score, float)
    }


def _write_table(folder: str, table: List[str]) -> None:
    with files.whole_file(os.path.join(folder, TABLE)) as stream:
        stream.writelines(f"{line}\n" for line in table)
    console.log_results("scores of the seeds", table)


def table_of(
    results: Dict[str, Dict[str, float]],
    of_ensemble: Optional[Dict[str, float]] = None,
) -> List[str]:
    """Lay out a line a score: its value for each seed, mean and standard deviation.

    Args:
      results: seed → scores from 0 to 1 by name.
      of_ensemble: those of all models together, for a column of its own.

    Returns:
      The lines. A deviation is that of a sample (divided by n - 1).
    """
    names = list(
        dict.fromkeys(name for of_seed in results.values() for name in of_seed)
    )
    last = [] if of_ensemble is None else [ENSEMBLE]
    rows = [["score", *(f"seed {seed}" for seed in results), "mean", "sd", *last]]
    for name in names:
        values = [of_seed.get(name) for of_seed in results.values()]
        known = [value for value in values if value is not None]
        deviation = np.std(known, ddof=1) if len(known) > 1 else None
        together = [of_ensemble.get(name) for _ in last]
        columns = [*values, np.mean(known), deviation, *together]
        rows.append([name, *map(percent, columns)])
    return aligned(rows)
