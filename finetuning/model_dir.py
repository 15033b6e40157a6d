"""What --model_dir names, and what makes a model of an output folder.

biocodes/lib/model_folder.py says which files a model's folder has. A single flag
(--vocab_file, --init_checkpoint, …) has precedence over the folder.
"""

import os
from typing import Dict, Iterable, NamedTuple

from biocodes.lib import files
from biocodes.lib.model_folder import (
    CASING,
    CONFIG,
    VOCABULARY,
    casing_of,
    check_folder,
    is_uncased,
    only_checkpoint,
    recorded_casing,
    vocabulary_is_uncased,
    write_casing,
)
from finetuning.command_line import Flags, log


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
      InputError: it holds no model, or more than one.
    """
    check_folder(folder)
    vocab_file = os.path.join(folder, VOCABULARY)
    config = os.path.join(folder, CONFIG)
    return ModelFiles(vocab_file, config, only_checkpoint(folder), casing_of(folder))


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
        flags["init_checkpoint"].value = only_checkpoint(folder)
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
