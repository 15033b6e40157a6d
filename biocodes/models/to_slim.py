"""The same model without the optimizer's variables: a third of the size."""

import os
from typing import List

from biocodes.lib import files, model_folder
from biocodes.lib.labels import LABEL_FILE, PICKLED_LABELS
from biocodes.models.checkpoint import save_checkpoint
from biocodes.models.folder import Model

# What belongs to a model beside vocabulary, configuration and casing; the pickle, which
# the original's scripts read, is copied unread.
_OTHER_FILES = (LABEL_FILE, PICKLED_LABELS, model_folder.RECORD)
PACKAGES = ()


def write(model: Model, folder: str) -> List[str]:
    """Write the model's folder anew, for --model_dir, into an empty folder.

    The checkpoint keeps its name. All its variables stay but the optimizer's, those of
    heads that this suite does not know included.

    Raises:
      InputError: the checkpoint is damaged, or the disk is full.
    """
    checkpoint = model.checkpoint
    name = os.path.basename(checkpoint.prefix)
    variables = checkpoint.read_all(checkpoint.without_slots())
    save_checkpoint(os.path.join(folder, name), variables)
    # For scripts that ask TensorFlow for the folder's latest checkpoint.
    with files.whole_file(os.path.join(folder, "checkpoint")) as stream:
        stream.write(f'model_checkpoint_path: "{name}"\n')
    copy_description(model, folder)
    for other in _OTHER_FILES:
        source = os.path.join(model.folder, other)
        if os.path.exists(source):
            files.copy_file(source, os.path.join(folder, other))
    return []


def copy_description(model: Model, folder: str) -> None:
    """Copy vocabulary and configuration, and write the casing."""
    for name in (model_folder.VOCABULARY, model_folder.CONFIG):
        source = os.path.join(model.folder, name)
        files.copy_file(source, os.path.join(folder, name))
    model_folder.write_casing(folder, model.do_lower_case)
