"""The files that make a model: configuration, vocabulary, checkpoint.

Each is checked before TensorFlow works with it, so that what does not fit is told in a
line that names the file.
"""

import contextlib
import os
import re

import numpy as np
import tensorflow.compat.v1 as tf

import modeling
import tokenization
from biocodes import files, re_eval

# A file of a checkpoint that a run has saved.
_OURS = re.compile(r"(model\.ckpt-\d+)\.")
_PART = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
# What every model of the suite has whatever its head: a checkpoint without it is none.
ENCODER = "bert/"
LABELS_FILE = re_eval.LABEL_FILE


def load_config(path, max_seq_length):
    """Reads bert_config.json and checks that the inputs fit.

    Raises:
      InputError: it cannot be read or used; max_seq_length is too long for it.
    """
    values = files.read_json(path)
    try:
        config = modeling.BertConfig.from_complete_dict(values)
    except ValueError as error:
        raise files.InputError(str(error), path) from error
    if max_seq_length > config.max_position_embeddings:
        raise files.InputError(
            f"{max_seq_length} is more than the model's max_position_embeddings"
            f" {config.max_position_embeddings}",
            "--max_seq_length",
        )
    return config


def load_tokenizer(vocab_file, do_lower_case, config, init_checkpoint):
    """Makes the tokenizer and checks that it belongs to the model.

    Args:
      vocab_file: vocabulary.
      do_lower_case: see tokenization.FullTokenizer.
      config: BertConfig, whose vocab_size must be the vocabulary's.
      init_checkpoint: path whose name may tell a cased from an uncased model, or None.

    Raises:
      InputError: the vocabulary cannot be used or does not belong to the model.
    """
    try:
        tokenization.validate_case_matches_checkpoint(do_lower_case, init_checkpoint)
        tokenizer = tokenization.FullTokenizer(vocab_file, do_lower_case)
        tokenization.check_required_pieces(tokenizer.vocab, vocab_file)
    except ValueError as error:
        raise files.InputError(str(error)) from error
    except OSError as error:
        raise files.unreadable(vocab_file, error) from error
    if tokenizer.vocab_size != config.vocab_size:
        raise files.InputError(
            f"{tokenizer.vocab_size:,} pieces, but the configuration says vocab_size"
            f" {config.vocab_size:,}",
            vocab_file,
            remedy="take vocabulary and configuration of the same model",
        )
    return tokenizer


def latest(folder):
    """Prefix of the newest checkpoint in a folder, or None.

    It is the one of the greatest step, whatever the folder's `checkpoint` file says:
    that file may be missing after a move, or name paths of another machine.
    """
    prefixes = prefixes_in(folder)
    return max(
        prefixes, key=lambda prefix: (step_of_name(prefix), prefix), default=None
    )


def latest_to_continue(folder, keep):
    """As latest, and makes it the one that TensorFlow will restore in this folder.

    The `keep` latest checkpoints stay, older ones go: TensorFlow removes one at a time,
    which is not enough after a run was killed before it did so, or kept more.

    TensorFlow believes the folder's `checkpoint` file. A run that was killed right
    after it saved a checkpoint has not listed it there yet, and in a folder that was
    copied without its checkpoints the file names those of the other folder.
    """
    last = latest(folder)
    if not last:
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, "checkpoint"))
        return None
    prefixes = sorted(prefixes_in(folder), key=step_of_name)
    tf.train.update_checkpoint_state(folder, last, prefixes[-keep:])
    outdated = {os.path.basename(prefix) for prefix in prefixes[:-keep]}
    for name in os.listdir(folder):
        match = _OURS.match(name)
        if match and match.group(1) in outdated:
            os.remove(os.path.join(folder, name))
    return last


def unfinished(folder):
    """Names of what killed runs left of checkpoints that they were writing or removing.

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


def prefixes_in(folder):
    """Prefixes of the complete checkpoints in a folder, sorted."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(
        os.path.join(folder, name[: -len(".index")])
        for name in names
        if name.endswith(".index") and _has_data(os.path.join(folder, name))
    )


def _has_data(index_path):
    data = re.compile(
        re.escape(os.path.basename(index_path)[: -len(".index")])
        + r"\.data-\d{5}-of-(\d{5})$"
    )
    folder = os.path.dirname(index_path) or "."
    found = [data.match(name) for name in os.listdir(folder)]
    shards = [int(match.group(1)) for match in found if match]
    return bool(shards) and len(shards) == shards[0]


def step_of_name(prefix):
    """Step that a prefix ends in, "model.ckpt-1190" → 1190; -1 without one."""
    match = re.search(r"-(\d+)$", prefix)
    return int(match.group(1)) if match else -1


def resolve(path, flag="--init_checkpoint"):
    """Prefix of the checkpoint that a user's path means.

    The path may be the prefix, one of the checkpoint's files, or a folder, whose
    newest checkpoint is taken.

    Raises:
      InputError: there is no checkpoint; those that are near are named.
    """
    prefix = _PART.sub("", path.rstrip("/"))
    if os.path.isdir(prefix):
        found = latest(prefix)
        if found is None:
            raise files.InputError("no checkpoint in this folder", f"{flag}={path}")
        return found
    index = prefix + ".index"
    if os.path.isfile(index) and _has_data(index):
        return prefix
    folder = os.path.dirname(prefix) or "."
    near = [os.path.basename(one) for one in prefixes_in(folder)]
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


def fine_tuned(folder, given):
    """The checkpoint to predict with: the newest in a folder, or else the given one.

    Raises:
      InputError: there is neither.
    """
    prefix = latest(folder) or given
    if prefix is None:
        raise files.InputError(
            "there is no checkpoint in it",
            folder,
            remedy="train first (--do_train=true), or give a fine-tuned checkpoint with"
            " --init_checkpoint",
        )
    return prefix


def shapes(prefix):
    """Variables of a checkpoint: dict of name → list of sizes.

    Raises:
      InputError: the files are damaged.
    """
    with _told_when_damaged(prefix):
        return tf.train.load_checkpoint(prefix).get_variable_to_shape_map()


def check_readable(prefix, names):
    """Reads variables of a checkpoint and drops them: better now than halfway through.

    Raises:
      InputError: the files are damaged, or hold NaN or infinity.
    """
    with _told_when_damaged(prefix):
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
def _told_when_damaged(prefix):
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


def check_can_go_on(prefix):
    """Refuses a checkpoint that a training cannot go on from.

    Raises:
      InputError: it is damaged, or holds weights only, not the optimizer's variables.
    """
    names = shapes(prefix)
    has_slots = any(name.endswith("/adam_m") for name in names)
    if not has_slots or "global_step" not in names:
        raise files.InputError(
            "holds no more than weights, so training cannot go on from it",
            prefix,
            remedy="move it elsewhere and give it as --init_checkpoint",
        )
    check_readable(prefix, names)


def step(prefix):
    """Training step at which a checkpoint was saved; 0 if it does not say."""
    reader = tf.train.load_checkpoint(prefix)
    if not reader.has_tensor("global_step"):
        return 0
    return int(reader.get_tensor("global_step"))


def save_labels(folder, names):
    """Keeps a model's labels beside its checkpoints: label2id.json, label → id."""
    ids = {name: index for index, name in enumerate(names)}
    files.write_json(os.path.join(folder, LABELS_FILE), ids)


def load_labels(prefix, default=None):
    """The labels that a checkpoint was trained with.

    They lie beside it in label2id.json. A checkpoint of the original has none that we
    would read (never load a pickle).

    Args:
      prefix: checkpoint.
      default: the labels of a checkpoint without label2id.json, if its head has as
        many.

    Returns:
      tuple of names in the order of their ids.

    Raises:
      InputError: there are none, or not as many as the head has; or there is no head.
    """
    head = shapes(prefix).get("output_bias")
    if head is None:
        raise _headless(prefix, ["output_bias"])
    path = os.path.join(os.path.dirname(prefix), LABELS_FILE)
    if os.path.exists(path):
        names = tuple(re_eval.read_labels(path))
    elif default is not None and head == [len(default)]:
        names = tuple(default)
    else:
        raise files.InputError(
            f"its labels are unknown; the head has {head[0]}",
            prefix,
            remedy=f"put the {LABELS_FILE} of its training beside it",
        )
    if head != [len(names)]:
        raise files.InputError(
            f"{len(names)} labels, but the checkpoint's head has {head[0]}", path
        )
    return names


def variables_to_load(prefix, variables, needs_head):
    """Those of a model's variables that a checkpoint holds.

    Args:
      prefix: checkpoint.
      variables: the model's variables (with .op.name and .shape).
      needs_head: whether the task's head must be among them.

    Returns:
      dict of name → variable.

    Raises:
      InputError: see names_to_load.
    """
    by_name = {variable.op.name: variable for variable in variables}
    wanted = {name: variable.shape.as_list() for name, variable in by_name.items()}
    return {name: by_name[name] for name in names_to_load(prefix, wanted, needs_head)}


def names_to_load(prefix, wanted, needs_head):
    """Names of those of a model's variables that a checkpoint holds.

    Args:
      prefix: checkpoint.
      wanted: the model's variables, dict of name → list of sizes.
      needs_head: whether the task's head must be among them.

    Returns:
      list, in the order of `wanted`.

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
        raise _headless(prefix, missing)
    return [name for name in wanted if name in held]


def _headless(prefix, missing):
    return files.InputError(
        f"has no trained head for this task ({', '.join(missing)} missing), only"
        " an encoder",
        prefix,
        remedy="train first (--do_train=true), or give a fine-tuned checkpoint",
    )


def _shape_remedy(name):
    if name.startswith(ENCODER):
        return "is --bert_config_file the one that came with the checkpoint?"
    return "it was trained with other labels; give a checkpoint without this head"
