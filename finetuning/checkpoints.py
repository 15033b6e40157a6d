"""Checkpoints: check one, map its variables to a model's, prepare to resume.

Checked before TensorFlow restores it, a checkpoint that is damaged or does not fit is
an error of one line that names the file.
"""

import contextlib
import os
from typing import Dict, Iterable, Iterator, List, Optional

import numpy as np
import tensorflow.compat.v1 as tf

from biocodes.lib import files
from biocodes.lib.model_folder import (
    BEST,
    OURS,
    SLOTS,
    latest,
    not_best,
    step_of_name,
)
from finetuning.model_dir import headless

# Name of a variable → its sizes.
Shapes = Dict[str, List[int]]

# The variables that every model of the suite has, whatever its head.
ENCODER = "bert/"


# Folders of checkpoints


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
    prefixes = sorted(not_best(folder), key=step_of_name)
    tf.train.update_checkpoint_state(folder, last, prefixes[-keep:])
    outdated = {os.path.basename(prefix) for prefix in prefixes[:-keep]}
    for name in os.listdir(folder):
        match = OURS.match(name)
        if match and match.group(1) in outdated:
            os.remove(os.path.join(folder, name))
    return last


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


def _shape_remedy(name: str) -> str:
    if name.startswith(ENCODER):
        return "is --bert_config_file the one that came with the checkpoint?"
    return "it was trained with other labels; give a checkpoint without this head"
