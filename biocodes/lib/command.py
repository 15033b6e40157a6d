"""How a script behaves as a command: its exit status, its flags, its messages.

Whatever the user can put right is one line on standard error and exit status 2. The
command line is parsed by argparse, whose errors are such lines, too.
"""

import argparse
import contextlib
import errno
import os
import signal
import sys
from typing import IO, Any, Callable, Iterator, NoReturn, Optional, Sequence

from biocodes.lib import files
from biocodes.lib.version import VERSION

EXIT_STATUS = 2
# The suite's folder; its scripts are there and in biocodes/.
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# How many ids a warning names.
NAMED = 5
# What standard output, whose errors name no file, meets on a disk that is full or ill.
_FULL_OR_ILL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO)


def run(main: Callable[[], Optional[int]]) -> NoReturn:
    """Run main() as a command and end the process.

    What the user can put right becomes one line on standard error and exit status 2:
    an InputError, a file that the system refuses, a standard output that takes no more,
    too little memory. A reader that went away is no error. Anything else is a mistake
    in the suite and keeps its traceback.

    Args:
      main: returns the exit status, None for 0.
    """
    _prepare_streams()
    try:
        status = _status_of(main)
        if status != EXIT_STATUS:  # else there is a line about an error already
            sys.stdout.flush()
    except files.InputError as error:
        status = report(str(error))
    except BrokenPipeError:
        status = 0
    except OSError as error:
        if error.filename is None and error.errno not in _FULL_OR_ILL:
            raise
        status = report(_refused_by_system(error))
    except MemoryError:
        status = report("out of memory")
    except KeyboardInterrupt:
        _write_error("stopped by SIGINT: no result was written half\n")
        status = 128 + signal.SIGINT
    for stream in (sys.stdout, sys.stderr):
        _settle(stream)
    sys.exit(status)


def report(problem: str) -> int:
    """Write a problem as one line to standard error; return the exit status for it."""
    script = os.path.basename(sys.argv[0])
    _write_error(f"{script}: error: {files.one_line(problem)}\n")
    return EXIT_STATUS


def fail(problem: str) -> NoReturn:
    """End the process with one line on standard error and exit status 2."""
    sys.exit(report(problem))


def warn(problem: str, ids: Sequence[str]) -> None:
    """Report in one line on standard error what has a problem, if anything does.

    Args:
      problem: in words.
      ids: what has it; the first few are named.
    """
    if ids:
        named = " ".join(", ".join(ids[:NAMED]).split())
        more = ", ..." if len(ids) > NAMED else ""
        _write_error(f"warning: {problem}: {len(ids)} ({named}{more})\n")


class ArgumentParser(argparse.ArgumentParser):
    """argparse with one-line errors, a description kept as it is, and --version.

    The description has to be a string of the script's own, no docstring: `python -OO`
    removes those.
    """

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**options)
        self.add_argument(
            "--version",
            action="version",
            version=f"%(prog)s {VERSION}",
            help="show the version and exit",
        )

    def error(self, message: str) -> NoReturn:
        fail(f"{message}; --help lists the flags")

    def print_help(self, file: Optional[IO[str]] = None) -> None:
        # argparse's own would hide that standard output is full.
        (file or sys.stdout).write(self.format_help())


def _status_of(main):
    """Call main() and return its exit status, also where it exits by itself."""
    try:
        return main()
    except SystemExit as ended:  # --help and --version, wrong flags, fail()
        return ended.code


def _prepare_streams():
    """Replace streams that are closed, and escape what the terminal cannot show."""
    for name in ("stdout", "stderr"):
        # A command may be started without them (>&-); what it prints is lost then.
        if getattr(sys, name) is None:
            # Not to be closed at exit, which `python -W error` would complain about.
            nothing = os.open(os.devnull, os.O_WRONLY)
            setattr(sys, name, open(nothing, "w", closefd=False))  # noqa: SIM115
    # Standard error escapes already. In the C locale, bytes of names that are not UTF-8
    # would go to the terminal as they are, and other text not at all.
    escapes = sys.stdout.errors not in ("strict", "surrogateescape")
    if not escapes and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")


def _write_error(line):
    # Nobody is left to be told that standard error is full, or closed.
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            sys.stderr.write(line)
        _settle(sys.stderr)


def _settle(stream):
    """Flush a stream, or drop what it holds.

    Python flushes it once more at exit: where that fails, a message of several lines
    and exit status 120 would follow.
    """
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _refused_by_system(error):
    """Say in words what an OSError is about."""
    reason = (error.strerror or str(error)).lower()
    if error.filename is None:
        return f"standard output: cannot be written ({reason})"
    return f"{error.filename}: {reason}"


@contextlib.contextmanager
def standard_error_dropped() -> Iterator[int]:
    """Drop what is written to standard error within the block, by C libraries, too.

    Since 2.16 TensorFlow writes lines, before its logging is set up, that no log level
    switches off.

    Yields:
      A descriptor that still writes to standard error.
    """
    try:
        kept = os.dup(2)
    except OSError:  # closed
        yield 2
        return
    dropped = os.open(os.devnull, os.O_WRONLY)
    os.dup2(dropped, 2)
    os.close(dropped)
    try:
        yield kept
    finally:
        os.dup2(kept, 2)
        os.close(kept)
