"""The output folder of a run: one run at a time in it, and a record of what it did.

`run.json` keeps how the model in the folder came about: the arguments, the versions,
and the facts that its training rests on. A later run that would go on from there, or
predict with the model, is held against those facts.
"""

import contextlib
import fcntl
import json
import os
import platform
import sys

import numpy as np
import tensorflow.compat.v1 as tf

from biocodes.lib import files
from finetuning import checkpoints

RECORD = "run.json"
LOCK = ".lock"
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


@contextlib.contextmanager
def locked(folder, share=None):
    """Makes the folder and keeps it for this run until the block, or the process, ends.

    Args:
      folder: the output folder.
      share: name of the share of a job that the run does; only runs of other shares may
        be at work in the folder then.

    Raises:
      InputError: it cannot be written, or another run is at work there.
    """
    files.make_folder(folder)
    with contextlib.ExitStack() as locks:
        exclusive = share is None
        locks.enter_context(_lock(folder, LOCK, exclusive))
        if share is not None:
            locks.enter_context(_lock(folder, f"{LOCK}-{share}", exclusive=True))
        yield folder


@contextlib.contextmanager
def _lock(folder, name, exclusive):
    path = os.path.join(folder, name)
    try:
        stream = open(path, "a")  # noqa: SIM115
    except OSError as error:
        raise files.unwritable(path, error) from error
    with stream:
        # The kernel drops the lock with the process, however that ends.
        try:
            how = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
            fcntl.flock(stream, how | fcntl.LOCK_NB)
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


def training_facts(flags, model, corpus, **of_the_task):
    """What a training rests on: the model's facts, the corpus, the shaping flags.

    Args:
      flags: the script's flags.
      model: see model_facts.
      corpus: path of the training file.
      of_the_task: further JSON values by name, such as labels.
    """
    facts = dict(model, corpus=files.digest(corpus), **of_the_task)
    facts.update((name, flags[name].value) for name in SHAPING_FLAGS)
    if facts["init_checkpoint"]:
        facts["init_checkpoint"] = os.path.abspath(facts["init_checkpoint"])
    # As JSON gives them back, tuples as lists.
    return json.loads(json.dumps(facts))


def data_facts(model, corpus):
    """What a record file of a corpus is made from, next to the limits of a task."""
    of_tokenizer = {name: model[name] for name in ("vocabulary", "do_lower_case")}
    return dict(of_tokenizer, corpus=files.digest(corpus))


def start_training(folder, flags, facts, results):
    """Makes the folder ready for a training, or for going on with one.

    Results that lie there without a checkpoint are those of another model, and go.

    Args:
      folder: the output folder.
      flags: the script's flags.
      facts: see training_facts.
      results: names of the task's results files.

    Raises:
      InputError: see check_start.
    """
    check_start(folder, facts, flags.overwrite_output_dir)
    is_ours = os.path.exists(os.path.join(folder, RECORD))
    if flags.overwrite_output_dir:
        clear(folder, results)
    write_record(folder, flags, facts)
    if is_ours:
        remove(folder, checkpoints.unfinished(folder))
    if not checkpoints.latest(folder):
        remove(folder, results)


def check_start(folder, facts, afresh):
    """Holds a training that would go on in a folder against the one recorded there.

    Args:
      folder: the output folder.
      facts: see training_facts.
      afresh: whether what is there will be removed, so that all is well.

    Raises:
      InputError: its checkpoints come from another training; the differences are named.
    """
    if afresh or not checkpoints.latest(folder):
        return
    recorded = _recorded_facts(folder)
    differences = _differences(recorded, facts, sorted(set(recorded) & set(facts)))
    if differences:
        raise files.InputError(
            "the checkpoints in it come from another training: " + differences,
            folder,
            remedy="choose another --output_dir, or start afresh with"
            " --overwrite_output_dir=true",
        )


def check_same_model(folder, facts):
    """Holds a prediction against the record beside the checkpoint, if there is one.

    Raises:
      InputError: the model was trained with another configuration, vocabulary or case.
    """
    recorded = _recorded_facts(folder)
    names = [name for name in OF_THE_MODEL if name in recorded]
    differences = _differences(recorded, facts, names)
    if differences:
        raise files.InputError(
            "the model in it was trained otherwise: " + differences,
            folder,
            remedy="predict with the files and flags of the training",
        )


def start_prediction(folder, flags, checkpoint, results):
    """Makes the folder ready for a prediction with a model that may lie elsewhere.

    Results of a prediction with another model go.

    Args:
      folder: the output folder.
      flags: the script's flags.
      checkpoint: prefix of the model's.
      results: names of the task's results files.
    """
    before = _record(folder).get("checkpoint")
    now = files.digest(f"{checkpoint}.index")
    write_record(folder, flags, checkpoint=now)
    if before not in (None, now):
        remove(folder, results)


def write_record(folder, flags, facts=None, checkpoint=None):
    """Writes run.json: command, arguments, versions and the facts of the training.

    Args:
      folder: the output folder.
      flags: the script's flags.
      facts: see training_facts; default: those recorded there stay.
      checkpoint: digest of the one to predict with, if there is no training.
    """
    if facts is None:
        facts = _recorded_facts(folder)
    files.write_json(
        os.path.join(folder, RECORD),
        {
            "command": sys.argv,
            "arguments": flags.flag_values_dict(),
            "versions": {
                "python": platform.python_version(),
                "tensorflow": tf.version.VERSION,
                "numpy": np.__version__,
            },
            "training": facts,
            "checkpoint": checkpoint,
        },
    )


def write_results(folder, name, results):
    """Writes a results file: a line `key = value` for each result, keys sorted."""
    with files.whole_file(os.path.join(folder, name)) as stream:
        stream.writelines(f"{line}\n" for line in result_lines(results))


def result_lines(results):
    """dict of results → list of `key = value` lines, keys sorted."""
    # str() of a NumPy float32 has as many digits as it needs; format() would add noise.
    return [f"{key} = {results[key]!s}" for key in sorted(results)]


def remove(folder, names):
    """Removes files of these names, those that are there."""
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, name))


def clear(folder, results):
    """Removes what an earlier run left: checkpoints, records, results.

    Args:
      folder: the output folder; anything else in it stays.
      results: names of the task's results files.
    """
    beginnings = ("model.ckpt-", "events.out.tfevents")
    endings = (".tf_record", ".tmp")
    left = [
        name
        for name in os.listdir(folder)
        if name.startswith(beginnings) or name.endswith(endings)
    ]
    remove(folder, (*left, *results, "checkpoint", RECORD))


def _recorded_facts(folder):
    return _record(folder)["training"]


def _record(folder):
    """The value of run.json, checked as far as it is looked at."""
    path = os.path.join(folder, RECORD)
    if not os.path.exists(path):
        return {"training": {}}
    record = files.read_json(path)
    if not isinstance(record, dict) or not isinstance(record.get("training"), dict):
        raise files.InputError(
            "not a record of this suite", path, remedy="remove it to go on without it"
        )
    return record


def _differences(recorded, facts, names):
    """The facts that differ, in words; "" when none does."""
    found = []
    for name in names:
        before, now = recorded[name], facts[name]
        if before == now:
            continue
        if name in SHAPING_FLAGS + ("do_lower_case",):
            found.append(f"--{name} was {before}, is {now}")
        else:
            found.append(f"its {name} differs")
    return ", ".join(found)
