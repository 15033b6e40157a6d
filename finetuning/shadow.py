"""The output folder as processes other than the first one see it.

Each has a folder of its own, in which links stand for what the first process has in the
real one. There it writes what it would write, so that it takes the same way through all
code; nobody reads that, and it is removed at the end.
"""

import contextlib
import os
import shutil
import tempfile
from typing import Any, Callable, Iterator, NamedTuple, Optional, TypeVar

from finetuning import distributed

Made = TypeVar("Made")
# What is no other process's business.
_LEFT_OUT = (".lock", "events.out.tfevents")
# What is read later than others may have written it anew.
_COPIED = (".json", ".jsonl")


class _Folders(NamedTuple):
    """The real output folder, and the one that stands for it."""

    real: str
    shadow: str


_folders: Optional[_Folders] = None


@contextlib.contextmanager
def cast(flags: Any) -> Iterator[None]:
    """Within the block, --output_dir is a shadow in all processes but the first."""
    global _folders
    if distributed.is_first():
        yield
        return
    with tempfile.TemporaryDirectory(prefix="biobert-process-") as folder:
        _folders = _Folders(os.path.abspath(flags.output_dir), folder)
        flags["output_dir"].value, flags["report"].value = folder, False
        try:
            yield
        finally:
            _folders = None


def renew(folder: str) -> None:
    """Wait for the first process; in the others, show what it has in a folder now.

    Args:
      folder: the output folder, or one below it.
    """
    distributed.barrier()
    if _folders:
        _show(folder, _folders)
    distributed.barrier()  # before it changes anything


def _show(folder: str, folders: _Folders) -> None:
    below = os.path.relpath(folder, folders.shadow)
    real = os.path.normpath(os.path.join(folders.real, below))
    for inside, _, names in os.walk(real):
        own = os.path.normpath(os.path.join(folder, os.path.relpath(inside, real)))
        os.makedirs(own, exist_ok=True)
        _remove_links(own)
        for name in names:
            path = os.path.join(own, name)
            if name.startswith(_LEFT_OUT) or os.path.lexists(path):
                continue
            if name.endswith(_COPIED):
                shutil.copyfile(os.path.join(inside, name), path)
            else:
                os.symlink(os.path.join(inside, name), path)


def _remove_links(folder: str) -> None:
    """Remove the links of a folder: some may lead nowhere by now."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.islink(path):
            os.remove(path)


def made_once(folder: str, make: Callable[[], Made]) -> Made:
    """Let the first process make something in a folder, then the others find it there.

    Args:
      folder: of what is made.
      make: function that makes it, or finds that it is there.
    """
    if distributed.is_first():
        made = make()
        renew(folder)
        return made
    renew(folder)
    return make()
