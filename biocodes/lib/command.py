import argparse
import errno
import os
import signal
import sys

from biocodes.lib import files

EXIT_STATUS = 2
# How many ids a warning names.
NAMED = 5
# What standard output, whose errors name no file, meets on a disk that is full or ill.
_FULL_OR_ILL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO)


def run(main):
    """Runs main() as a command and ends the process.

    What the user can put right becomes one line on standard error and exit status 2:
    an InputError, a file that the system refuses, a standard output that takes no more,
    too little memory. A reader that went away is no error. Anything else is a mistake
    in the suite and keeps its traceback.
    """
    _replace_closed_streams()
    try:
        status = main()
        sys.stdout.flush()
    except files.InputError as error:
        fail(str(error))
    except BrokenPipeError:
        _drop_standard_output()
        status = 0
    except OSError as error:
        if error.filename is None and error.errno not in _FULL_OR_ILL:
            raise
        _drop_standard_output()
        fail(_refused_by_system(error))
    except MemoryError:
        fail("out of memory")
    except KeyboardInterrupt:
        sys.stderr.write("stopped by SIGINT: no result was written half\n")
        status = 128 + signal.SIGINT
    sys.exit(status)


def _replace_closed_streams():
    """A command may be started without them (>&-); what it prints is lost then."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115


def _drop_standard_output():
    """Else Python would complain once more when it closes the stream at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refused_by_system(error):
    """An OSError in words."""
    reason = (error.strerror or str(error)).lower()
    if error.filename is None:
        return f"standard output: cannot be written ({reason})"
    return f"{error.filename}: {reason}"


def fail(problem):
    """Ends the process with one line on standard error and exit status 2."""
    script = os.path.basename(sys.argv[0])
    sys.stderr.write(f"{script}: error: {files.one_line(problem)}\n")
    sys.exit(EXIT_STATUS)


def warn(problem, ids):
    """Says in one line on standard error what has a problem, if anything does.

    Args:
      problem: in words.
      ids: list of str, of which the first few are named.
    """
    if ids:
        named = " ".join(", ".join(ids[:NAMED]).split())
        more = ", ..." if len(ids) > NAMED else ""
        sys.stderr.write(f"warning: {problem}: {len(ids)} ({named}{more})\n")


class ArgumentParser(argparse.ArgumentParser):
    """argparse, whose errors are one line, too."""

    def error(self, message):
        fail(f"{message}; --help lists the flags")
