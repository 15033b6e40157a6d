"""Checkpoints: find the one that is meant, check it, map its variables to a model's.

Checked before TensorFlow restores it, a checkpoint that is damaged or does not fit is
an error of one line that names the file.
"""

import contextlib
import os
import re
from typing import Dict, Iterable, Iterator, List, Optional, Sequence

import numpy as np
import tensorflow.compat.v1 as tf

from biocodes.lib import files

# Name of a variable → its sizes.
Shapes = Dict[str, List[int]]

# A file of a checkpoint that a run has saved.
_OURS = re.compile(r"(model\.ckpt-\d+)\.")
_PART = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
# Weights that a training kept because they scored best, "best.ckpt-400".
BEST = "best.ckpt"
# The variables that every model of the suite has, whatever its head.
ENCODER = "bert/"
# What ends the names of the optimizer's variables.
SLOTS = ("/adam_m", "/adam_v")


# Folders of checkpoints


def latest(folder: str) -> Optional[str]:
    """Return the prefix of the newest checkpoint in a folder, or None.

    It is the one of the greatest step, whatever the folder's `checkpoint` file says:
    that file may be missing after a move, or name paths of another machine.
    """
    return _newest(_not_best(folder))


def best(folder: str) -> Optional[str]:
    """Return the prefix of the weights that a training in a folder kept as its best.

    There are two when a run was killed at the wrong moment; the later ones are better.
    """
    return _newest(set(prefixes_in(folder)).difference(_not_best(folder)))


def to_use(folder: str) -> Optional[str]:
    """Return the checkpoint of a folder to predict with: best, or else latest."""
    return best(folder) or latest(folder)


def _not_best(folder: str) -> List[str]:
    return [
        prefix
        for prefix in prefixes_in(folder)
        if not os.path.basename(prefix).startswith(f"{BEST}-")
    ]


def _newest(prefixes: Iterable[str]) -> Optional[str]:
    return max(
        prefixes, key=lambda prefix: (step_of_name(prefix), prefix), default=None
    )


def latest_to_resume(folder: str, keep: int) -> Optional[str]:
    """Return latest(folder), after making it what TensorFlow will restore there.

    TensorFlow believes the folder's `checkpoint` file. A run that was killed right
    after it saved a checkpoint has not listed it there yet, and in a folder that was
    copied without its checkpoints the file names those of the other folder.

    Args:
      folder: the output folder of the training.
      keep: number of latest checkpoints that stay; older ones go. TensorFlow removes
        one at a time, which is not enough after a run was killed before it did so, or
        kept more.
    """
    last = latest(folder)
    if not last:
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, "checkpoint"))
        return None
    prefixes = sorted(_not_best(folder), key=step_of_name)
    tf.train.update_checkpoint_state(folder, last, prefixes[-keep:])
    outdated = {os.path.basename(prefix) for prefix in prefixes[:-keep]}
    for name in os.listdir(folder):
        match = _OURS.match(name)
        if match and match.group(1) in outdated:
            os.remove(os.path.join(folder, name))
    return last


def unfinished(folder: str) -> List[str]:
    """List the files of checkpoints that killed runs were writing or removing.

    They may have gigabytes, and nothing else would ever remove them.
    """
    whole = {os.path.basename(prefix) for prefix in prefixes_in(folder)}
    left = []
    for name in os.listdir(folder):
        match = _OURS.match(name)
        is_ours = match and (match.group(1) not in whole or ".tempstate" in name)
        if is_ours or name.startswith("checkpoint.tmp"):
            left.append(name)
    return left


def prefixes_in(folder: str) -> List[str]:
    """List the prefixes of the complete checkpoints in a folder, sorted."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(
        os.path.join(folder, name[: -len(".index")])
        for name in names
        if name.endswith(".index") and _has_data(os.path.join(folder, name))
    )


def _has_data(index_path: str) -> bool:
    """Whether all data files of a checkpoint are there."""
    data = re.compile(
        re.escape(os.path.basename(index_path)[: -len(".index")])
        + r"\.data-\d{5}-of-(\d{5})$"
    )
    folder = os.path.dirname(index_path) or "."
    matches = [data.match(name) for name in os.listdir(folder)]
    shards = [int(match.group(1)) for match in matches if match]
    return bool(shards) and len(shards) == shards[0]


def step_of_name(prefix: str) -> int:
    """Return the step that a prefix ends in, "model.ckpt-1190" → 1190; -1 if none."""
    match = re.search(r"-(\d+)$", prefix)
    return int(match.group(1)) if match else -1


def resolve(path: str, flag: str = "--init_checkpoint") -> str:
    """Return the prefix of the checkpoint that a user's path means.

    Args:
      path: the prefix, one of the checkpoint's files, or a folder, whose newest
        checkpoint is taken.
      flag: where the path was given, for messages.

    Raises:
      InputError: there is no checkpoint; those in the same folder are named.
    """
    prefix = _PART.sub("", path.rstrip("/"))
    if os.path.isdir(prefix):
        newest = to_use(prefix)
        if newest is None:
            raise files.InputError("no checkpoint in this folder", f"{flag}={path}")
        return newest
    index = prefix + ".index"
    if os.path.isfile(index) and _has_data(index):
        return prefix
    folder = os.path.dirname(prefix) or "."
    near = [os.path.basename(other) for other in prefixes_in(folder)]
    problem = "no such checkpoint"
    if os.path.isfile(index):
        problem = "the checkpoint's .data file is missing or incomplete"
    elif not os.path.isdir(folder):
        problem = "no such folder"
    raise files.InputError(
        problem,
        f"{flag}={path}",
        remedy=f"in {folder} there is " + (", ".join(near) or "no checkpoint at all"),
    )


def fine_tuned(folder: str, init_checkpoint: Optional[str]) -> str:
    """Return the checkpoint to predict with: of a folder, or else the given one.

    Raises:
      InputError: there is neither.
    """
    prefix = to_use(folder) or init_checkpoint
    if prefix is None:
        raise files.InputError(
            "there is no checkpoint in it",
            folder,
            remedy="train first (--do_train=true), or give a fine-tuned checkpoint with"
            " --init_checkpoint",
        )
    return prefix


# The best weights


def keep_as_best(prefix: str) -> str:
    """Copy the weights of a checkpoint to best.ckpt-STEP, beside it.

    Args:
      prefix: of the checkpoint. Its optimizer's variables are left out.

    Returns:
      Prefix of the copy.

    Raises:
      InputError: it cannot be written.
    """
    name = f"{BEST}-{step_of_name(prefix)}"
    copy = os.path.join(os.path.dirname(prefix), name)
    copy_weights(prefix, copy)
    return copy


def copy_weights(prefix: str, copy: str) -> None:
    """Write what a checkpoint holds, but for the optimizer's slots, to another one.

    Raises:
      InputError: it cannot be read or written.
    """
    names = sorted(name for name in shapes(prefix) if not name.endswith(SLOTS))
    reader = tf.train.load_checkpoint(prefix)
    values = [reader.get_tensor(name) for name in names]
    no_gpu = tf.ConfigProto(device_count={"GPU": 0})
    with tf.Graph().as_default(), tf.Session(config=no_gpu) as session:
        # Fed, because as constants they would count against a graph's 2 GB.
        fed = [tf.placeholder(value.dtype, value.shape) for value in values]
        save = tf.raw_ops.SaveV2(
            prefix=copy,
            tensor_names=names,
            shape_and_slices=[""] * len(names),
            tensors=fed,
        )
        try:
            session.run(save, dict(zip(fed, values)))
        except tf.errors.OpError as error:
            raise files.unwritable(copy, OSError(0, error.message)) from error


def remove_best(folder: str, but: Optional[int] = None) -> None:
    """Remove the best weights in a folder, except those of step `but`."""
    match = re.compile(re.escape(BEST) + r"-(\d+)\.")
    for name in os.listdir(folder):
        step_of = match.match(name)
        if step_of and int(step_of.group(1)) != but:
            os.remove(os.path.join(folder, name))


# What is in a checkpoint


def shapes(prefix: str) -> Shapes:
    """Map the name of each variable of a checkpoint to its sizes.

    Raises:
      InputError: the files are damaged.
    """
    with _damage_reported(prefix):
        return tf.train.load_checkpoint(prefix).get_variable_to_shape_map()


def check_readable(prefix: str, names: Iterable[str]) -> None:
    """Read variables of a checkpoint, so that an error comes now and not halfway.

    Raises:
      InputError: the files are damaged, or hold NaN or infinity.
    """
    with _damage_reported(prefix):
        reader = tf.train.load_checkpoint(prefix)
        for name in names:
            value = np.asarray(reader.get_tensor(name))
            # There may be other things than numbers, such as TensorFlow 2's notes.
            if np.issubdtype(value.dtype, np.floating) and not np.isfinite(value).all():
                raise files.InputError(
                    f"{name} holds numbers that are not finite",
                    prefix,
                    remedy="give another checkpoint",
                )


@contextlib.contextmanager
def _damage_reported(prefix: str) -> Iterator[None]:
    """Within the block, a checkpoint that cannot be read is an InputError."""
    try:
        yield
    except files.InputError:
        raise
    # TensorFlow 2's reader raises Python's errors for some of its own.
    except (tf.errors.OpError, ValueError, RuntimeError, IndexError) as error:
        raise files.InputError(
            "not a readable TensorFlow checkpoint",
            prefix,
            remedy="copy or download it again",
        ) from error


def check_resumable(prefix: str) -> None:
    """Check that training can resume from a checkpoint.

    Raises:
      InputError: it is damaged, or holds weights only, not the optimizer's variables.
    """
    names = shapes(prefix)
    has_slots = any(name.endswith("/adam_m") for name in names)
    if not has_slots or "global_step" not in names:
        raise files.InputError(
            "holds no more than weights, so training cannot resume from it",
            prefix,
            remedy="move it elsewhere and give it as --init_checkpoint",
        )
    check_readable(prefix, names)


def step(prefix: str) -> int:
    """Return the training step at which a checkpoint was saved; 0 if it has none."""
    reader = tf.train.load_checkpoint(prefix)
    if not reader.has_tensor("global_step"):
        return 0
    return int(reader.get_tensor("global_step"))


# What a model takes from it


def variables_to_load(
    prefix: str, variables: Iterable[tf.Variable], needs_head: bool
) -> Dict[str, tf.Variable]:
    """Map the names of those variables of a model that a checkpoint holds to them.

    Args:
      prefix: checkpoint.
      variables: the model's.
      needs_head: whether the task's head must be among them.

    Raises:
      InputError: as names_to_load.
    """
    by_name = {variable.op.name: variable for variable in variables}
    wanted = {name: variable.shape.as_list() for name, variable in by_name.items()}
    return {name: by_name[name] for name in names_to_load(prefix, wanted, needs_head)}


def names_to_load(prefix: str, wanted: Shapes, needs_head: bool) -> List[str]:
    """List the variables of a model that a checkpoint holds, in the model's order.

    Args:
      prefix: checkpoint.
      wanted: the model's variables.
      needs_head: whether the task's head must be among them.

    Raises:
      InputError: shapes differ, or the encoder, or a head that is needed, is missing.
    """
    held = shapes(prefix)
    for name, sizes in wanted.items():
        if held.get(name, sizes) != sizes:
            raise files.InputError(
                f"{name} has shape {held[name]} there but {sizes} in this model",
                prefix,
                remedy=_shape_remedy(name),
            )
    missing = [name for name in wanted if name not in held]
    encoder = [name for name in missing if name.startswith(ENCODER)]
    if encoder:
        raise files.InputError(
            f"lacks {len(encoder)} variables of the encoder, {encoder[0]} among them",
            prefix,
            remedy="give a checkpoint of this BERT configuration",
        )
    if missing and needs_head:
        raise headless(prefix, missing)
    return [name for name in wanted if name in held]


def headless(prefix: str, missing: Sequence[str]) -> files.InputError:
    """Return the error for a checkpoint that lacks these variables of the head."""
    return files.InputError(
        f"has no trained head for this task ({', '.join(missing)} missing), only"
        " an encoder",
        prefix,
        remedy="train first (--do_train=true), or give a fine-tuned checkpoint",
    )


def _shape_remedy(name: str) -> str:
    if name.startswith(ENCODER):
        return "is --bert_config_file the one that came with the checkpoint?"
    return "it was trained with other labels; give a checkpoint without this head"
