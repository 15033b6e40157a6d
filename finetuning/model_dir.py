"""What --model_dir names, and what makes a model of an output folder.

biocodes/lib/model_folder.py says which files a model's folder has. A single flag
(--vocab_file, --init_checkpoint, …) has precedence over the folder.
"""

import os
from typing import Dict, Iterable, NamedTuple, Optional, Sequence

from biocodes.lib import files
from biocodes.lib.model_folder import (
    CASING,
    CONFIG,
    VOCABULARY,
    casing_of,
    check_folder,
    exported_model,
    is_uncased,
    only_checkpoint,
    recorded_casing,
    to_use,
    vocabulary_is_uncased,
    write_casing,
)
from biocodes.lib.tensorflow_import import check_path
from finetuning.command_line import Flags
from finetuning.console import log
from finetuning.engine import ONNX, TENSORFLOW


class ModelFiles(NamedTuple):
    """The files that make a model, and its casing.

    Attributes:
      vocab_file, bert_config_file: paths.
      checkpoint: prefix, or path of an exported model; None for random weights.
      do_lower_case: as recorded, or as the vocabulary says.
    """

    vocab_file: str
    bert_config_file: str
    checkpoint: Optional[str]
    do_lower_case: bool


def find_files(folder: str, engine: str = TENSORFLOW) -> ModelFiles:
    """Find all that a folder says of its model.

    Args:
      folder: the model's.
      engine: that the model is for.

    Raises:
      InputError: it holds no model, or more than one; or TensorFlow misreads its path.
    """
    check_path(folder, "--model_dir")
    check_folder(folder)
    vocab_file = os.path.join(folder, VOCABULARY)
    config = os.path.join(folder, CONFIG)
    checkpoint = _checkpoint_in(folder, engine)
    return ModelFiles(vocab_file, config, checkpoint, casing_of(folder))


def _checkpoint_in(folder: str, engine: str) -> str:
    if engine == ONNX:
        return exported_model(folder, "--model_dir")
    return only_checkpoint(folder)


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
    check_folder(folder)
    for flag, name in (("vocab_file", VOCABULARY), ("bert_config_file", CONFIG)):
        if not flags[flag].value:
            flags[flag].value = os.path.join(folder, name)
    if not flags.init_checkpoint:
        flags["init_checkpoint"].value = _checkpoint_in(folder, flags.engine)
    recorded = recorded_casing(folder)
    given = flags.do_lower_case if flags["do_lower_case"].present else None
    if recorded is None:
        if given is None:
            flags["do_lower_case"].value = vocabulary_is_uncased(flags.vocab_file)
        return
    if given not in (None, recorded):
        raise files.InputError(
            f"{str(given).lower()} contradicts {os.path.join(folder, CASING)}, which"
            f" says {str(recorded).lower()}",
            "--do_lower_case",
            remedy="leave the flag out",
        )
    flags["do_lower_case"].value = recorded


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


def headless(prefix: str, missing: Sequence[str]) -> files.InputError:
    """Return the error for a checkpoint that lacks these variables of the head."""
    return files.InputError(
        f"has no trained head for this task ({', '.join(missing)} missing), only"
        " an encoder",
        prefix,
        remedy="train first (--do_train=true), or give a fine-tuned checkpoint",
    )


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
        files.copy_file(source, path)
    write_casing(folder, do_lower_case)
