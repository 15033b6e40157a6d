"""Reading and writing the suite's files: one error class, whole files or none.

Every script of the suite reads UTF-8 text whose lines end in LF or CRLF, with or
without a byte-order mark, and reports what is wrong with it in one line that says
where. Every file it writes appears complete or not at all.
"""

import contextlib
import hashlib
import json
import os
import shutil
import stat
import sys
from typing import (
    IO,
    Any,
    BinaryIO,
    ContextManager,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
)

from biocodes.lib import binary

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# What messages call the file "-".
STANDARD_INPUT = "standard input"
# A line on standard error that a person can still read; a cell may have megabytes.
LONGEST_MESSAGE = 2000
LONGEST_QUOTE = 40
# Bytes that are read at a time where a file need not be in memory.
BLOCK = 1 << 20


class InputError(ValueError):
    """Something that the user can put right: a file, a flag, a folder.

    str() of it is the one line a user sees: "PATH:LINE: PROBLEM; REMEDY".

    Args:
      problem: what is wrong, in lower case and without a full stop.
      path: the file or folder concerned, or the flag ("--max_seq_length").
      line: line number in that file, from 1.
      remedy: what to do about it.
    """

    def __init__(
        self,
        problem: str,
        path: Optional[str] = None,
        line: Optional[int] = None,
        remedy: Optional[str] = None,
    ) -> None:
        where = "" if path is None else f"{path}: "
        if path is not None and line is not None:
            where = f"{path}:{line}: "
        message = where + problem + (f"; {remedy}" if remedy else "")
        super().__init__(one_line(message))


# Words for messages


def one_line(text: str) -> str:
    """Make a text a single line that a terminal can show, cut in its middle."""
    text = " ".join(text.split())
    if len(text) > LONGEST_MESSAGE:
        half = LONGEST_MESSAGE // 2
        text = f"{text[:half]} … {text[-half:]}"
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def is_text(text: str) -> bool:
    """Return whether a file can hold a text: it has no half of a surrogate pair.

    Bytes of a command line that are not UTF-8 are such halves, and JSON can have some.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def quoted(text: str) -> str:
    """Quote a cell for a message, cut to a readable length."""
    return repr(text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "…")


def columns_of(cells: Sequence[str]) -> str:
    """Say how many columns a line has: 1 column, 2 columns."""
    return f"{len(cells)} column{'s' if len(cells) != 1 else ''}"


def unreadable(path: str, error: OSError) -> InputError:
    """Make the InputError for an OSError met while reading path."""
    reason = (error.strerror or str(error)).lower()
    remedy = _what_is_there(path) if isinstance(error, FileNotFoundError) else None
    return InputError(f"cannot be read ({reason})", path, remedy=remedy)


def _what_is_there(path: str) -> Optional[str]:
    """Say what to do with another form of a file that is missing, if there is one."""
    stem, ending = os.path.splitext(path)
    if os.path.exists(f"{path}.gz"):
        return f"there is {path}.gz, which has to be unpacked: gunzip {path}.gz"
    task = {".tsv": "re", ".json": "qa"}.get(ending)
    if task and os.path.exists(f"{stem}.csv"):
        command = f"python biocodes/to_corpus.py --task={task} --input={stem}.csv"
        return f"there is {stem}.csv; {command} makes the files for run_{task}.py of it"
    return None


def unwritable(path: str, error: OSError) -> InputError:
    """Make the InputError for an OSError met while writing path."""
    reason = (error.strerror or str(error)).lower()
    return InputError(
        f"cannot be written ({reason})", path, remedy="nothing there was changed"
    )


# Reading


def read_lines(path: str) -> Iterator[Tuple[int, str]]:
    """Yield (line number from 1, text without its line end) of a UTF-8 file.

    Lines end at LF only; a CR before it and a byte-order mark at the start of the
    file are dropped. path "-" is standard input.

    Raises:
      InputError: the file cannot be read, or a line of it is not UTF-8.
    """
    with open_binary(path) as stream:
        # Decoding line by line costs little and names the line that cannot be.
        for number, raw in enumerate(stream, 1):
            yield number, decode_line(raw, path, number)


def decode_line(raw: bytes, path: str, number: int) -> str:
    """Decode a line as read_lines does, and drop its line end."""
    if number == 1:
        check_text(raw, path)
    if number == 1 and raw.startswith(BYTE_ORDER_MARK):
        raw = raw[len(BYTE_ORDER_MARK) :]
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


def check_text(head: bytes, path: str) -> None:
    """Raise InputError if the first bytes of a file say that it is no UTF-8 text."""
    kind = binary.kind_of(head)
    if kind is not None:
        raise InputError(f"this is {kind.words}", path, remedy=kind.remedy)


@contextlib.contextmanager
def open_binary(path: str) -> Iterator[BinaryIO]:
    """Open a file ("-" for standard input) for reading bytes.

    Raises:
      InputError: there is no such file, or it cannot be read.
    """
    if path == "-":
        if sys.stdin is None:
            raise InputError("is closed", STANDARD_INPUT)
        # Its own stream, not sys.stdin: Python aborts when it closes that one at the
        # end of the process while another thread waits for a line.
        try:
            with open(sys.stdin.fileno(), "rb", closefd=False) as stream:
                yield stream
        except OSError as error:
            raise unreadable(STANDARD_INPUT, error) from error
        return
    try:
        with open(path, "rb") as stream:
            yield stream
    except OSError as error:
        raise unreadable(path, error) from error


def read_text(path: str) -> str:
    """Read the whole of a UTF-8 file as one string, line ends made LF."""
    return "\n".join(text for _, text in read_lines(path))


def read_json(path: str) -> Any:
    """Read the value of a JSON file; what it is has to be checked by the caller.

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


def digest(path: str) -> str:
    """Compute the SHA-256 of a file, in hexadecimal.

    Raises:
      InputError: it cannot be read.
    """
    total = hashlib.sha256()
    for block in _blocks(path):
        total.update(block)
    return total.hexdigest()


# Writing


@contextlib.contextmanager
def whole_file(path: str, binary: bool = False) -> Iterator[IO]:
    """Open a stream whose content becomes the file `path` when the block succeeds.

    The text (UTF-8, LF) goes to PATH.tmp beside it, which replaces `path` at the end;
    when the block raises, an older file of that name stays as it was.

    Raises:
      InputError: the folder cannot be written, the disk is full, or there is something
        else than a file in the way.
    """
    with whole_files([path], binary=binary) as (stream,):
        yield stream


@contextlib.contextmanager
def whole_files(
    paths: Sequence[str], outdated: Sequence[str] = (), binary: bool = False
) -> Iterator[List[IO]]:
    """Open streams whose contents become several files that belong together.

    As whole_file. When all of them are on the disk, what is there of those names goes,
    and then they take its place: files of two runs are never there at once.

    Args:
      paths: the files.
      outdated: paths of files that go with the older ones.
      binary: whether the streams take bytes.

    Yields:
      list of streams, one for each path.
    """
    streams = []
    try:
        # A stream that could not be written raises once more when it is closed.
        with _reporting_unwritable(paths[-1]), contextlib.ExitStack() as stack:
            for path in paths:
                with _reporting_unwritable(path):
                    streams.append(stack.enter_context(_open_beside(path, binary)))
            yield streams
            for path, stream in zip(paths, streams):
                with _reporting_unwritable(path):
                    stream.flush()
                    os.fsync(stream.fileno())
        for path in [*outdated, *(paths if len(paths) > 1 else [])]:
            with _reporting_unwritable(path), contextlib.suppress(FileNotFoundError):
                os.remove(path)
        for path in paths:
            with _reporting_unwritable(path):
                os.replace(f"{path}.tmp", path)
    finally:
        for path, _ in zip(paths, streams):
            with contextlib.suppress(OSError):
                os.remove(f"{path}.tmp")


# JSON has no type of its own, and json.dumps takes many.
def write_json(path: str, value: Any, indent: int = 2) -> None:
    """Write a value as a whole JSON file, non-ASCII text as \\u escapes."""
    with whole_file(path) as stream:
        stream.write(json.dumps(value, indent=indent) + "\n")


def make_folder(path: str) -> None:
    """Make a folder and its parents if they are not there.

    Raises:
      InputError: it cannot be made, or a file of that name is in the way.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


def copy_file(source: str, path: str) -> None:
    """Copy a file; the copy is there whole or not at all.

    Raises:
      InputError: the source cannot be read, or the copy not be written.
    """
    with whole_file(path, binary=True) as stream:
        for block in _blocks(source):
            stream.write(block)


def _blocks(path: str) -> Iterator[bytes]:
    """Yield the content of a file, BLOCK bytes at a time."""
    with open_binary(path) as stream:
        yield from iter(lambda: stream.read(BLOCK), b"")


@contextlib.contextmanager
def new_folder(path: str) -> Iterator[str]:
    """Give a folder that becomes the folder `path` when the block succeeds.

    It is PATH.incomplete beside it until then; when the block raises, it goes.

    Raises:
      InputError: see check_new_folder; the disk is full.
    """
    check_new_folder(path)
    target = os.path.abspath(path)
    beside = target + ".incomplete"
    try:
        shutil.rmtree(beside, ignore_errors=True)  # a killed run's
        os.makedirs(beside)
        yield beside
        os.rename(beside, target)  # over an empty folder, too
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def check_new_folder(path: str) -> None:
    """Check that there is nothing at a path but perhaps an empty folder.

    Raises:
      InputError: there is something, or its place cannot be written.
    """
    if os.path.lexists(path):
        if os.path.isdir(path) and not os.path.islink(path) and not os.listdir(path):
            return
        raise InputError("is already there", path, remedy="name a new folder")
    above = os.path.dirname(os.path.abspath(path))
    while not os.path.lexists(above):
        above = os.path.dirname(above)
    if not os.path.isdir(above):
        raise unwritable(path, NotADirectoryError(0, "Not a directory"))
    if not os.access(above, os.W_OK | os.X_OK):
        raise unwritable(path, PermissionError(0, "Permission denied"))


@contextlib.contextmanager
def _reporting_unwritable(path):
    """Turn an OSError of the block into the InputError that names path."""
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error
    except UnicodeEncodeError as error:
        odd = error.object[error.start : error.end]
        problem = f"cannot be written ({quoted(odd)} is no character of UTF-8 text)"
        raise InputError(problem, path, None, "nothing there was changed") from error


def _open_beside(path: str, binary: bool) -> ContextManager[IO]:
    """Open PATH.tmp for writing."""
    # Root could rename a file over /dev/null or /dev/stdout.
    if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
        raise InputError(
            "cannot be written (not a regular file)", path, remedy="name a file"
        )
    if binary:
        return open(f"{path}.tmp", "wb")
    return open(f"{path}.tmp", "w", encoding="utf-8", newline="\n")
