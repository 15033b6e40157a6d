"""Reading and writing the suite's files: one error class, whole files or none.

Every script of the suite reads UTF-8 text whose lines end in LF or CRLF, with or
without a byte-order mark, and reports what is wrong with it in one line that says
where. Every file it writes appears complete or not at all.
"""

import argparse
import contextlib
import json
import os
import sys

EXIT_STATUS = 2
# How many ids a warning names.
NAMED = 5


class InputError(ValueError):
    """Something that the user can put right: a file, a flag, a place on disk.

    str() of it is the one line a user sees: "PATH:LINE: PROBLEM; REMEDY".

    Args:
      problem: what is wrong, in lower case and without a full stop.
      path: the file or folder concerned, or the flag ("--max_seq_length").
      line: line number in that file, from 1.
      remedy: what to do about it.
    """

    def __init__(self, problem, path=None, line=None, remedy=None):
        place = "" if path is None else f"{path}: "
        if path is not None and line is not None:
            place = f"{path}:{line}: "
        message = place + problem + (f"; {remedy}" if remedy else "")
        super().__init__(" ".join(message.split()))


def run(main):
    """Runs main() as a command and ends the process.

    An InputError becomes its one line on standard error and exit status 2; so does a
    standard output that takes no more. A reader that went away is no error.
    """
    try:
        status = main()
        sys.stdout.flush()
    except InputError as error:
        fail(str(error))
    except BrokenPipeError:
        # Python would complain once more when it closes the stream at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        fail(error.strerror or str(error))
    sys.exit(status)


def fail(problem):
    """Ends the process with one line on standard error and exit status 2."""
    script = os.path.basename(sys.argv[0])
    sys.stderr.write(f"{script}: error: {problem}\n")
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


def read_lines(path):
    """Yields (line number from 1, text without its line end) of a UTF-8 file.

    Lines end at LF only; a CR before it and a byte-order mark at the start of the
    file are dropped. path "-" is standard input.

    Raises:
      InputError: the file cannot be read, or a line of it is not UTF-8.
    """
    with open_binary(path) as stream:
        # Decoding line by line costs little and names the line that cannot be.
        for number, raw in enumerate(stream, 1):
            yield number, decode_line(raw, path, number)


def decode_line(raw, path, number):
    """bytes of one line → text without its line end, see read_lines."""
    if number == 1 and raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"byte {error.start + 1} of the line is not UTF-8 text",
            path,
            number,
            "save the file as UTF-8",
        ) from error
    if text.endswith("\n"):
        text = text[:-2] if text.endswith("\r\n") else text[:-1]
    return text


@contextlib.contextmanager
def open_binary(path):
    """Opens a file ("-" for standard input) for reading bytes.

    Raises:
      InputError: there is no such file, or it cannot be read.
    """
    if path == "-":
        if sys.stdin is None:
            raise InputError("is closed", "standard input")
        yield sys.stdin.buffer
        return
    try:
        with open(path, "rb") as stream:
            yield stream
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path, error):
    """The InputError for an OSError met while reading path."""
    reason = (error.strerror or str(error)).lower()
    return InputError(f"cannot be read ({reason})", path)


def read_text(path):
    """The whole of a UTF-8 file as one string, line ends made LF."""
    return "\n".join(text for _, text in read_lines(path))


def read_json(path):
    """The value of a JSON file.

    Raises:
      InputError: the file cannot be read or is not JSON; the line is named.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"not JSON ({error.msg})", path, error.lineno, "is the file complete?"
        ) from error
    except ValueError as error:  # Python 3.11 reads no integer of over 4,300 digits
        raise InputError(f"JSON with a number out of range ({error})", path) from error
    except RecursionError as error:
        raise InputError("JSON nested too deeply", path) from error


@contextlib.contextmanager
def whole_file(path, binary=False):
    """Opens a stream whose content becomes the file `path` when the block succeeds.

    The text (UTF-8, LF) goes to PATH.tmp beside it, which replaces `path` at the end;
    when the block raises, an older file of that name stays as it was.

    Raises:
      InputError: the folder cannot be written, or the disk is full.
    """
    beside = f"{path}.tmp"
    try:
        if binary:
            stream = open(beside, "wb")  # noqa: SIM115
        else:
            stream = open(  # noqa: SIM115
                beside, "w", encoding="utf-8", newline="\n"
            )
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            os.remove(beside)


def unwritable(path, error):
    """The InputError for an OSError met while writing path."""
    reason = (error.strerror or str(error)).lower()
    return InputError(
        f"cannot be written ({reason})", path, remedy="nothing there was changed"
    )


def write_json(path, value, indent=2):
    """Writes value as a whole JSON file, non-ASCII text as \\u escapes."""
    with whole_file(path) as stream:
        stream.write(json.dumps(value, indent=indent) + "\n")


def make_folder(path):
    """Makes a folder and its parents if they are not there.

    Raises:
      InputError: it cannot be made, or a file of that name is in the way.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error
