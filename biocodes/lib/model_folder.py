"""A folder is a model: the files that it has, and what they say, without TensorFlow.

vocab.txt, bert_config.json    as in published folders
model.ckpt-1000000, bert_model.ckpt, …    the checkpoint
best.ckpt-400                  the best weights of a training, instead of it
tokenizer_config.json          {"do_lower_case": …}; ours, and Hugging Face's
label2id.json                  of a fine-tuned model
run.json                       how it was trained here
model.onnx                     instead of a checkpoint, of an exported model
"""

import os
import re
from typing import Any, Iterable, List, Optional

from biocodes.lib import files

VOCABULARY = "vocab.txt"
CONFIG = "bert_config.json"
CASING = "tokenizer_config.json"
RECORD = "run.json"
ONNX_MODEL = "model.onnx"
_HUGGING_FACE = ("model.safetensors", "pytorch_model.bin", "config.json")
_STEP = re.compile(r"-\d+$")
# What ends the names of the variables that the optimizer keeps beside each weight.
SLOTS = ("/adam_m", "/adam_v")
# Weights that a training kept because they scored best, "best.ckpt-400".
BEST = "best.ckpt"
# A file of a checkpoint that a run has saved.
OURS = re.compile(r"(model\.ckpt-\d+)\.")
_CHECKPOINT_FILE = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")


# What a folder must have


def check_folder(folder: str) -> None:
    """Check that a folder can be a model's: vocabulary and configuration are there.

    Raises:
      InputError: it says what the folder seems to be instead.
    """
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise files.unreadable(f"--model_dir={folder}", error) from error
    missing = [name for name in (VOCABULARY, CONFIG) if name not in names]
    if not missing:
        return
    remedy = "name the folder of a pretrained model, or of one fine-tuned here"
    if any(name in names for name in _HUGGING_FACE):
        remedy = (
            "it looks like Hugging Face's; make a TensorFlow checkpoint of it:"
            f" python biocodes/convert_checkpoint.py --input_dir={folder}"
            " --output_dir=ANOTHER_FOLDER"
        )
    elif to_use(folder):
        remedy = "name the missing files by --vocab_file and --bert_config_file"
        if len(missing) < 2:
            remedy = f"copy {missing[0]} of its pretrained model there"
    raise files.InputError(
        f"{' and '.join(missing)} missing", f"--model_dir={folder}", remedy=remedy
    )


def only_checkpoint(folder: str) -> str:
    """Return the prefix of the model's checkpoint in a folder: best, or else newest.

    Raises:
      InputError: there is none, or there are checkpoints of several models.
    """
    if best(folder):
        return best(folder)
    prefixes = prefixes_in(folder)
    stems = sorted({os.path.basename(_STEP.sub("", prefix)) for prefix in prefixes})
    if not stems:
        is_exported = os.path.exists(os.path.join(folder, ONNX_MODEL))
        raise files.InputError(
            "no checkpoint in this folder",
            f"--model_dir={folder}",
            remedy=f"it has {ONNX_MODEL}, which predicts with --engine=onnx"
            if is_exported
            else None,
        )
    if len(stems) > 1:
        raise files.InputError(
            f"several checkpoints in this folder: {', '.join(stems)}",
            f"--model_dir={folder}",
            remedy="name one by --init_checkpoint",
        )
    return latest(folder)


def is_exported(checkpoint: str) -> bool:
    """Whether a checkpoint is an exported model's, which is a single file."""
    return checkpoint.endswith(".onnx")


def exported_model(path: str, flag: str) -> str:
    """Return the path of the model.onnx that a user's path means.

    Args:
      path: the file, or its folder.
      flag: where the path was given, for messages.

    Raises:
      InputError: there is none.
    """
    file = os.path.join(path, ONNX_MODEL) if os.path.isdir(path) else path
    if os.path.isfile(file) and is_exported(file):
        return file
    raise files.InputError(
        f"no {ONNX_MODEL} there",
        f"{flag}={path}",
        remedy="make one of the model: python biocodes/export_model.py --to=onnx"
        " --model_dir=… --output_dir=…",
    )


# Casing


def recorded_casing(folder: str) -> Optional[bool]:
    """Return what tokenizer_config.json says of do_lower_case; None if nothing."""
    path = os.path.join(folder, CASING)
    if not os.path.exists(path):
        return None
    value = files.read_json(path)
    casing = value.get("do_lower_case") if isinstance(value, dict) else None
    return casing if isinstance(casing, bool) else None


def is_uncased(pieces: Iterable[str]) -> bool:
    """Whether a vocabulary has no capital letter outside [SPECIAL] pieces."""
    return not any(
        piece != piece.lower()
        for piece in pieces
        if not (piece.startswith("[") and piece.endswith("]"))
    )


def casing_of(folder: str) -> bool:
    """Return a model's do_lower_case: as recorded, or as its vocabulary says."""
    recorded = recorded_casing(folder)
    if recorded is not None:
        return recorded
    return vocabulary_is_uncased(os.path.join(folder, VOCABULARY))


def vocabulary_is_uncased(path: str) -> bool:
    """Whether the vocabulary of a file is_uncased."""
    return is_uncased(text.strip() for _, text in files.read_lines(path))


def write_casing(folder: str, do_lower_case: bool) -> None:
    """Record the casing of a model; what else tokenizer_config.json says stays."""
    path = os.path.join(folder, CASING)
    value: Any = files.read_json(path) if os.path.exists(path) else {}
    if not isinstance(value, dict) or value.get("do_lower_case") != do_lower_case:
        value = dict(value if isinstance(value, dict) else {})
        files.write_json(path, dict(value, do_lower_case=do_lower_case))


# Checkpoints


def latest(folder: str) -> Optional[str]:
    """Return the prefix of the newest checkpoint in a folder, or None.

    It is the one of the greatest step, whatever the folder's `checkpoint` file says:
    that file may be missing after a move, or name paths of another machine. The best
    weights do not count.
    """
    return _newest(not_best(folder))


def best(folder: str) -> Optional[str]:
    """Return the prefix of the weights that a training in a folder kept as its best.

    There are two when a run was killed at the wrong moment; the later ones are better.
    """
    return _newest(set(prefixes_in(folder)).difference(not_best(folder)))


def to_use(folder: str) -> Optional[str]:
    """Return the checkpoint of a folder to predict with: best, or else latest."""
    return best(folder) or latest(folder)


def not_best(folder: str) -> List[str]:
    """List the prefixes of the checkpoints that are not best weights, sorted."""
    return [
        prefix
        for prefix in prefixes_in(folder)
        if not os.path.basename(prefix).startswith(f"{BEST}-")
    ]


def _newest(prefixes: Iterable[str]) -> Optional[str]:
    return max(
        prefixes, key=lambda prefix: (step_of_name(prefix), prefix), default=None
    )


def remove_best(folder: str, but: Optional[int] = None) -> None:
    """Remove the best weights in a folder, except those of step `but`."""
    match = re.compile(re.escape(BEST) + r"-(\d+)\.")
    for name in os.listdir(folder):
        step_of = match.match(name)
        if step_of and int(step_of.group(1)) != but:
            os.remove(os.path.join(folder, name))


def prefixes_in(folder: str) -> List[str]:
    """List the prefixes of the complete checkpoints in a folder, sorted."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(
        os.path.join(folder, name[: -len(".index")])
        for name in names
        if name.endswith(".index") and has_data(os.path.join(folder, name))
    )


def has_data(index_path: str) -> bool:
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
    prefix = _CHECKPOINT_FILE.sub("", path.rstrip("/"))
    if os.path.isdir(prefix):
        newest = to_use(prefix)
        if newest is None:
            raise files.InputError("no checkpoint in this folder", f"{flag}={path}")
        return newest
    index = prefix + ".index"
    if os.path.isfile(index) and has_data(index):
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


def unfinished(folder: str) -> List[str]:
    """List the files of checkpoints that killed runs were writing or removing.

    They may have gigabytes, and nothing else would ever remove them.
    """
    whole = {os.path.basename(prefix) for prefix in prefixes_in(folder)}
    left = []
    for name in os.listdir(folder):
        match = OURS.match(name)
        is_ours = match and (match.group(1) not in whole or ".tempstate" in name)
        if is_ours or name.startswith("checkpoint.tmp"):
            left.append(name)
    return left
