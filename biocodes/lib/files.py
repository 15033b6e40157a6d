"""Reading and writing the suite's files: one error class, whole files or none.

Every script of the suite reads UTF-8 text whose lines end in LF or CRLF, with or
without a byte-order mark, and reports what is wrong with it in one line that says
where. Every file it writes appears complete or not at all.
"""

import contextlib
import hashlib
import json
import os
import stat
import sys

# A line on standard error that a person can still read; a cell may have megabytes.
LONGEST_MESSAGE = 2000


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
        super().__init__(one_line(message))


def one_line(text):
    """Text as a single line that a terminal can show, cut in its middle if need be."""
    text = " ".join(text.split())
    if len(text) > LONGEST_MESSAGE:
        half = LONGEST_MESSAGE // 2
        text = f"{text[:half]} … {text[-half:]}"
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


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
        # Its own stream, not sys.stdin: Python aborts when it closes that one at the
        # end of the process while another thread waits for a line.
        try:
            with open(sys.stdin.fileno(), "rb", closefd=False) as stream:
                yield stream
        except OSError as error:
            raise unreadable("standard input", error) from error
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
      InputError: the folder cannot be written, the disk is full, or there is something
        else than a file in the way.
    """
    with whole_files([path], binary=binary) as (stream,):
        yield stream


@contextlib.contextmanager
def whole_files(paths, outdated=(), binary=False):
    """Opens streams whose contents become several files that belong together.

    As whole_file. When all of them are on the disk, what is there of those names goes,
    and then they take its place: files of two runs are never there at once.

    Args:
      paths: list of str.
      outdated: paths of files that go with the older ones.
      binary: whether the streams take bytes.

    Yields:
      list of streams, one for each path.
    """
    streams = []
    try:
        # A stream that could not be written says so once more when it is closed.
        with _told_when_unwritable(paths[-1]), contextlib.ExitStack() as stack:
            for path in paths:
                with _told_when_unwritable(path):
                    streams.append(stack.enter_context(_open_beside(path, binary)))
            yield streams
            for path, stream in zip(paths, streams):
                with _told_when_unwritable(path):
                    stream.flush()
                    os.fsync(stream.fileno())
        for path in [*outdated, *(paths if len(paths) > 1 else [])]:
            with _told_when_unwritable(path), contextlib.suppress(FileNotFoundError):
                os.remove(path)
        for path in paths:
            with _told_when_unwritable(path):
                os.replace(f"{path}.tmp", path)
    finally:
        for path, _ in zip(paths, streams):
            with contextlib.suppress(OSError):
                os.remove(f"{path}.tmp")


@contextlib.contextmanager
def _told_when_unwritable(path):
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


def _open_beside(path, binary):
    """Opens PATH.tmp for writing."""
    # Root could rename a file over /dev/null or /dev/stdout.
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        raise InputError(
            "cannot be written (not a regular file)", path, remedy="name a file"
        )
    if binary:
        return open(f"{path}.tmp", "wb")
    return open(f"{path}.tmp", "w", encoding="utf-8", newline="\n")


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


def digest(path):
    """SHA-256 of a file, in hexadecimal.

    Raises:
      InputError: it cannot be read.
    """
    total = hashlib.sha256()
    with open_binary(path) as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            total.update(block)
    return total.hexdigest()
