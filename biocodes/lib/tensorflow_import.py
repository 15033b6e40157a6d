"""What TensorFlow needs and cannot take, in one line each; its import without noise.

It is imported by the three scripts, and by the commands that read or write checkpoints.
"""

import contextlib
import gc
import os
import re
import resource
import sys
import warnings
from typing import Iterator, NoReturn, Optional

from biocodes.lib import command, files

# Bytes of address space that its libraries take, and each of its threads: stack and
# heap. Where one cannot be started, a library ends the process (std::system_error).
LIBRARIES = 1.5e9
THREAD = 75e6
# It has two pools of a thread for each core, and some threads more.
POOLS, SINGLE_THREADS = 2, 8
# What it takes for a pattern in the name of a checkpoint.
_PATTERN = re.compile(r"[*?\[\]\\]")
_NO_MEMORY = re.compile("failed to map segment|cannot allocate memory", re.IGNORECASE)
_REASON = re.compile(r"^ImportError: (.+)", re.MULTILINE)


@contextlib.contextmanager
def importing() -> Iterator[int]:
    """Within the block, which imports TensorFlow, drop what libraries write and warn.

    A command ends in one line where it cannot be imported, or could not work then.
    Where the suite is used as a library, the error is raised.

    Yields:
      A descriptor that still writes to standard error.
    """
    if _is_command():
        _check_address_space()
    try:
        with warnings.catch_warnings(), command.standard_error_dropped() as kept:
            # Also where python -W error would make errors of them.
            warnings.simplefilter("ignore")
            with _nothing_collected():
                yield kept
    except (ImportError, MemoryError, TypeError, AttributeError) as error:
        fail(error)


@contextlib.contextmanager
def _nothing_collected() -> Iterator[None]:
    """Keep Python from looking for garbage, of which an import makes next to none.

    Looking takes a tenth of the import.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def fail(error: Exception) -> NoReturn:
    """End a command in one line about an error of the import.

    It is raised again where the suite is used as a library, or the error is unknown.
    """
    reason = _reason(error)
    if reason is None or not _is_command():
        raise error
    command.fail(reason)


def check_path(path: str, name: str) -> None:
    """Refuse the path of a checkpoint, or of its folder, that TensorFlow misreads.

    It would train for hours, and then not find what it has written.

    Args:
      path: as it was given.
      name: of the flag, for messages.

    Raises:
      InputError: the path has a character of a pattern, or is not UTF-8.
    """
    odd = _PATTERN.search(path)
    if odd:
        raise files.InputError(
            f"{path} has a {odd.group()}, which TensorFlow reads as a pattern",
            name,
            remedy="name or rename a folder without * ? [ ] \\",
        )
    try:
        is_utf8 = os.fsencode(path) == path.encode("utf-8")
    except UnicodeEncodeError:
        is_utf8 = False
    if not is_utf8:
        encoding = sys.getfilesystemencoding()
        raise files.InputError(
            f"{path} is not UTF-8, and TensorFlow opens only UTF-8 paths",
            name,
            remedy="rename the folder"
            if encoding == "utf-8"
            else f"the locale's encoding is {encoding}: set PYTHONUTF8=1",
        )


def _is_command() -> bool:
    """Whether the process is one of the suite's scripts."""
    main = getattr(sys.modules.get("__main__"), "__file__", None) or ""
    folders = (command.ROOT, os.path.join(command.ROOT, "biocodes"))
    return os.path.dirname(os.path.abspath(main)) in folders


def _check_address_space() -> None:
    """End the process if its address space (ulimit -v) is too small for TensorFlow."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    needed = LIBRARIES + (POOLS * cores + SINGLE_THREADS) * THREAD
    if limit != resource.RLIM_INFINITY and limit < needed:
        command.fail(
            f"too little memory for TensorFlow: it needs {needed / 1e9:.1f} GB of"
            f" address space, and ulimit -v allows {limit / 1e9:.1f} GB; raise it, or"
            " leave it out"
        )


def _reason(error: Exception) -> Optional[str]:
    """Say in words what an error at the import is about; None if that is not known."""
    if isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)):
        return "too little memory for TensorFlow, which could not be imported"
    if isinstance(error, ImportError):
        # TensorFlow 1.15 puts a traceback there.
        inner = _REASON.search(str(error))
        return (
            f"TensorFlow cannot be imported by {sys.executable}"
            f" ({inner.group(1) if inner else error}); ./install.sh makes an"
            " environment with one that fits, see docs/installing.md"
        )
    # TensorFlow 1.15 adds to docstrings, which there are none of.
    if sys.flags.optimize > 1:
        return "this TensorFlow cannot be imported under python -OO; leave that out"
    return None
