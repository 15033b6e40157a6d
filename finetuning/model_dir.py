"""A folder is a model: what --model_dir names, and what makes an output folder one.

    vocab.txt, bert_config.json    as in published folders
    model.ckpt-1000000, bert_model.ckpt, …    the checkpoint
    tokenizer_config.json          {"do_lower_case": …}; ours, and Hugging Face's
    label2id.json                  of a fine-tuned model

A single flag (--vocab_file, --init_checkpoint, …) has precedence over the folder.
"""

import os
import re
import shutil
from typing import Any, Dict, Iterable, NamedTuple, Optional

from biocodes.lib import files
from biocodes.lib.tensorflow_import import check_path
from finetuning import checkpoints
from finetuning.command_line import Flags, log

VOCABULARY = "vocab.txt"
CONFIG = "bert_config.json"
CASING = "tokenizer_config.json"
_HUGGING_FACE = ("model.safetensors", "pytorch_model.bin", "config.json")
_STEP = re.compile(r"-\d+$")


class ModelFiles(NamedTuple):
    """The files that make a model, and its casing.

    Attributes:
      vocab_file, bert_config_file: paths.
      checkpoint: prefix.
      do_lower_case: as recorded, or as the vocabulary says.
    """

    vocab_file: str
    bert_config_file: str
    checkpoint: str
    do_lower_case: bool


def find_files(folder: str) -> ModelFiles:
    """Find all that a folder says of its model.

    Raises:
      InputError: it holds no model, or more than one; or TensorFlow misreads its path.
    """
    check_path(folder, "--model_dir")
    _check_folder(folder)
    vocab_file = os.path.join(folder, VOCABULARY)
    casing = recorded_casing(folder)
    if casing is None:
        casing = is_uncased(_lines(vocab_file))
    config = os.path.join(folder, CONFIG)
    return ModelFiles(vocab_file, config, only_checkpoint(folder), casing)


def fill_flags(flags: Flags) -> None:
    """Set the flags that --model_dir answers and that were not given.

    Args:
      flags: the script's, parsed.

    Raises:
      InputError: the folder holds no model, or more than one; or --do_lower_case
        contradicts what it says.
    """
    folder = flags.model_dir
    if not folder:
        return
    _check_folder(folder)
    for flag, name in (("vocab_file", VOCABULARY), ("bert_config_file", CONFIG)):
        if not flags[flag].value:
            flags[flag].value = os.path.join(folder, name)
    if not flags.init_checkpoint:
        flags["init_checkpoint"].value = only_checkpoint(folder)
    recorded = recorded_casing(folder)
    given = flags.do_lower_case if flags["do_lower_case"].present else None
    if recorded is None:
        if given is None:
            flags["do_lower_case"].value = is_uncased(_lines(flags.vocab_file))
        return
    if given not in (None, recorded):
        raise files.InputError(
            f"{str(given).lower()} contradicts {os.path.join(folder, CASING)}, which"
            f" says {str(recorded).lower()}",
            "--do_lower_case",
            remedy="leave the flag out",
        )
    flags["do_lower_case"].value = recorded


def _check_folder(folder: str) -> None:
    """Check that a folder can be a model's."""
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
    elif checkpoints.latest(folder):
        remedy = "name the missing files by --vocab_file and --bert_config_file"
        if len(missing) < 2:
            remedy = f"copy {missing[0]} of its pretrained model there"
    raise files.InputError(
        f"{' and '.join(missing)} missing", f"--model_dir={folder}", remedy=remedy
    )


def only_checkpoint(folder: str) -> str:
    """Return the prefix of the newest checkpoint of the model in a folder.

    Raises:
      InputError: there is none, or there are checkpoints of several models.
    """
    prefixes = checkpoints.prefixes_in(folder)
    stems = sorted({os.path.basename(_STEP.sub("", prefix)) for prefix in prefixes})
    if not stems:
        raise files.InputError("no checkpoint in this folder", f"--model_dir={folder}")
    if len(stems) > 1:
        raise files.InputError(
            f"several checkpoints in this folder: {', '.join(stems)}",
            f"--model_dir={folder}",
            remedy="name one by --init_checkpoint",
        )
    return checkpoints.latest(folder)


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


def _lines(path: str) -> Iterable[str]:
    return (text.strip() for _, text in files.read_lines(path))


def warn_of_casing(vocabulary: Iterable[str], do_lower_case: bool) -> None:
    """Log a warning when the vocabulary and --do_lower_case contradict each other."""
    uncased = is_uncased(vocabulary)
    if uncased == do_lower_case:
        return
    problem = (
        "no piece of the vocabulary has a capital letter, but --do_lower_case=false"
        " keeps those of the text: words with one become [UNK]"
        if uncased
        else "the vocabulary has capital letters, but --do_lower_case=true takes those"
        " of the text away: the model never sees the pieces it was pretrained with"
    )
    log.warning("!!! %s; is --do_lower_case=%s meant?", problem, str(uncased).lower())


# Output folders


def check_files(folder: str, sources: Dict[str, str]) -> None:
    """Check that other files of these names do not lie in an output folder.

    Args:
      folder: the output folder.
      sources: name there → path of the file that it will be a copy of.

    Raises:
      InputError: one of another content is there.
    """
    for name, source in sources.items():
        path = os.path.join(folder, name)
        if os.path.exists(path) and files.digest(path) != files.digest(source):
            raise files.InputError(
                f"is not {source}, which belongs to the model that will be there",
                path,
                remedy="choose another --output_dir, or move it away",
            )


def write_files(folder: str, sources: Dict[str, str], do_lower_case: bool) -> None:
    """Make a model of an output folder: copies of its files, and the casing.

    Args:
      folder: the output folder.
      sources: name there → path of the file to copy.
      do_lower_case: of the tokenizer.
    """
    for name, source in sources.items():
        path = os.path.join(folder, name)
        if os.path.exists(path) and os.path.samefile(path, source):
            continue
        with files.whole_file(path, binary=True) as stream:
            with files.open_binary(source) as original:
                shutil.copyfileobj(original, stream)
    path = os.path.join(folder, CASING)
    value: Any = files.read_json(path) if os.path.exists(path) else {}
    if not isinstance(value, dict) or value.get("do_lower_case") != do_lower_case:
        value = dict(value if isinstance(value, dict) else {})
        files.write_json(path, dict(value, do_lower_case=do_lower_case))
