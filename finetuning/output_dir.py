"""The output folder of a run: one run at a time in it, and a record of what it did.

`run.json` says how the model in the folder came about: the arguments, the versions, and
the facts that its training rests on. A later run that would resume the training, or
predict with the model, is compared with those facts.
"""

import contextlib
import fcntl
import os
import platform
import sys
from typing import Any, Dict, Iterable, Iterator, List, Optional

from biocodes.lib import files
from biocodes.lib.model_folder import BEST, RECORD, latest, unfinished
from biocodes.lib.run_files import CURVE, EVALUATIONS, PAGE, SCORES
from finetuning import shadow

LOCK = ".lock"
# Files of any task that belong to a model's training and its scores.
RECORDS = (CURVE, EVALUATIONS, SCORES, PAGE)
# Facts that also hold for predicting with a model, whatever it is then used on.
OF_THE_MODEL = ("bert_config", "vocabulary", "do_lower_case")
# Flags that shape what training makes, on top of the corpus and the model's facts.
SHAPING_FLAGS = (
    "init_checkpoint",
    "learning_rate",
    "max_seq_length",
    "num_train_epochs",
    "pad_to_max_length",
    "seed",
    "train_batch_size",
    "warmup_proportion",
)
Facts = Dict[str, Any]


# Locks


@contextlib.contextmanager
def locked(folder: str, share: Optional[str] = None) -> Iterator[str]:
    """Make the folder and keep it for this run until the block, or the process, ends.

    Args:
      folder: the output folder.
      share: name of the share of a job that the run does; only runs of other shares may
        use the folder then.

    Raises:
      InputError: it cannot be written, or another run uses it.
    """
    files.make_folder(folder)
    with contextlib.ExitStack() as locks:
        exclusive = share is None
        locks.enter_context(_lock(folder, LOCK, exclusive))
        if share is not None:
            locks.enter_context(_lock(folder, f"{LOCK}-{share}", exclusive=True))
        shadow.renew(folder)
        yield folder


@contextlib.contextmanager
def _lock(folder: str, name: str, exclusive: bool) -> Iterator[None]:
    path = os.path.join(folder, name)
    try:
        stream = open(path, "a")  # noqa: SIM115
    except OSError as error:
        raise files.unwritable(path, error) from error
    with stream:
        # The kernel drops the lock with the process, however that ends.
        try:
            kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
            fcntl.flock(stream, kind | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise files.InputError(
                "another run is at work in this folder",
                folder,
                remedy="wait for it, or choose another --output_dir",
            ) from error
        except OSError:
            # Some network file systems have no locks; the run need not fail for that.
            pass
        yield


# Comparing with what is there


def check_same_training(folder: str, facts: Facts, overwrite: bool) -> None:
    """Compare a training that would resume in a folder with the one recorded there.

    Args:
      folder: the output folder.
      facts: what the training rests on.
      overwrite: whether what is there will be removed, so that all is well.

    Raises:
      InputError: its checkpoints come from another training; the differences are named.
    """
    if overwrite or not latest(folder):
        return
    recorded = _record(folder)["training"]
    differences = _differences(recorded, facts, sorted(set(recorded) & set(facts)))
    if differences:
        raise files.InputError(
            "the checkpoints in it come from another training: " + differences,
            folder,
            remedy="choose another --output_dir, or start afresh with"
            " --overwrite_output_dir=true",
        )


def check_same_model(folder: str, facts: Facts) -> None:
    """Compare a model to predict with with the record beside its checkpoint, if any.

    Raises:
      InputError: the model was trained with another configuration, vocabulary or case.
    """
    recorded = _record(folder)["training"]
    names = [name for name in OF_THE_MODEL if name in recorded]
    differences = _differences(recorded, facts, names)
    if differences:
        raise files.InputError(
            "the model in it was trained otherwise: " + differences,
            folder,
            remedy="predict with the files and flags of the training",
        )


def _differences(recorded: Facts, facts: Facts, names: Iterable[str]) -> str:
    """Name the facts that differ; "" when none does."""
    differences = []
    for name in names:
        before, now = recorded[name], facts[name]
        if before == now:
            continue
        if name in SHAPING_FLAGS + ("do_lower_case",):
            differences.append(f"--{name} was {before}, is {now}")
        else:
            differences.append(f"its {name} differs")
    return ", ".join(differences)


# Starting


def start_training(
    folder: str, arguments: Facts, facts: Facts, results: Iterable[str]
) -> None:
    """Make the folder ready for a training, or for resuming one.

    Results that lie there without a checkpoint are those of another model, and go.

    Args:
      folder: the output folder.
      arguments: name → value of the script's flags.
      facts: what the training rests on.
      results: names of the task's results files.
    """
    is_ours = os.path.exists(os.path.join(folder, RECORD))
    if arguments["overwrite_output_dir"]:
        clear(folder, results)
    write_record(folder, arguments, facts)
    if is_ours:
        remove(folder, unfinished(folder))
    if not latest(folder):
        remove(folder, (*results, *RECORDS))


def start_prediction(
    folder: str, arguments: Facts, checkpoint: str, results: Iterable[str]
) -> None:
    """Make the folder ready for a prediction with a model that may lie elsewhere.

    Results of a prediction with another model go.

    Args:
      folder: the output folder.
      arguments: name → value of the script's flags.
      checkpoint: digest of the model's.
      results: names of the task's results files.
    """
    before = _record(folder).get("checkpoint")
    write_record(folder, arguments, checkpoint=checkpoint)
    if before not in (None, checkpoint):
        remove(folder, (*results, PAGE))


def remove(folder: str, names: Iterable[str]) -> None:
    """Remove files of these names, those that are there."""
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, name))


def clear(folder: str, results: Iterable[str]) -> None:
    """Remove what an earlier run left: checkpoints, records, results.

    Args:
      folder: the output folder; anything else in it stays.
      results: names of the task's results files.
    """
    beginnings = ("model.ckpt-", f"{BEST}-", "events.out.tfevents")
    endings = (".tf_record", ".tmp")
    left = [
        name
        for name in os.listdir(folder)
        if name.startswith(beginnings) or name.endswith(endings)
    ]
    remove(folder, (*left, *results, *RECORDS, "checkpoint", RECORD))


# Records of runs


def write_record(
    folder: str,
    arguments: Facts,
    facts: Optional[Facts] = None,
    checkpoint: Optional[str] = None,
) -> None:
    """Write run.json: command, arguments, versions and the facts of the training.

    Args:
      folder: the output folder.
      arguments: name → value of the script's flags.
      facts: what the training rests on; default: those recorded there stay.
      checkpoint: digest of the one to predict with, if there is no training.
    """
    if facts is None:
        facts = _record(folder)["training"]
    files.write_json(
        os.path.join(folder, RECORD),
        {
            "command": sys.argv,
            "arguments": arguments,
            "versions": versions(),
            "training": facts,
            "checkpoint": checkpoint,
        },
    )


def versions() -> Dict[str, str]:
    """Return the versions of Python and of the libraries that are in use."""
    known = {"python": platform.python_version()}
    for name in ("tensorflow", "horovod", "onnxruntime", "numpy"):
        if name in sys.modules:
            known[name] = sys.modules[name].__version__
    return known


def trained_on(folder: str) -> Any:
    """Return what run.json says of the corpus that a model was trained on, or None."""
    return _record(folder)["training"].get("corpus")


def _record(folder: str) -> Facts:
    """Read run.json, checked as far as it is used."""
    path = os.path.join(folder, RECORD)
    if not os.path.exists(path):
        return {"training": {}}
    record = files.read_json(path)
    if not isinstance(record, dict) or not isinstance(record.get("training"), dict):
        raise files.InputError(
            "not a record of this suite", path, remedy="remove it to go on without it"
        )
    return record


# Results


def write_results(folder: str, name: str, results: Facts) -> None:
    """Write a results file: a line `key = value` for each result, keys sorted."""
    with files.whole_file(os.path.join(folder, name)) as stream:
        stream.writelines(f"{line}\n" for line in result_lines(results))


def result_lines(results: Facts) -> List[str]:
    """List `key = value` lines, keys sorted."""
    # str() of a NumPy float32 has as many digits as it needs; format() would add noise.
    return [f"{key} = {results[key]!s}" for key in sorted(results)]
