"""Files and streams that may be compressed, opened with a look at their beginning."""

import contextlib
import gzip
import itertools
import os
import stat
import zlib
from typing import Callable, Iterable, Iterator, List, Optional, Tuple

from biocodes.lib import files

STREAM = "-"
COMPRESSED = ".gz"
GZIP = b"\x1f\x8b"
# Bytes of a file's beginning.
HEAD = 1 << 16


def is_regular(path: str) -> bool:
    """Return whether a file is no stream; one that is not there is none."""
    if path == STREAM:
        return False
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return True


@contextlib.contextmanager
def opened(
    path: str, name: str, stdin: Optional[Iterable[bytes]]
) -> Iterator[Tuple[bytes, Callable[[str], Iterable[bytes]]]]:
    """Open a file, unpacked.

    Args:
      path: "-" for standard input.
      name: of it, for messages.
      stdin: lines that "-" stands for instead.

    Yields:
      Its beginning, of a stream what comes before the end of the first line that is not
      blank; and a function that gives all of it, in
      "lines" or, of a file for "xml", in blocks, as XML may have no line ends.
    """
    if path == STREAM and stdin is not None:
        first, lines = _with_first_line(stdin, name)
        yield first, lambda unit: lines
        return
    with files.open_binary(path) as stream:
        if not is_regular(path):
            first, lines = _with_first_line(stream, name)
            yield first, lambda unit: lines
            return
        compressed = stream.read(len(GZIP)) == GZIP
        _check_compression(path, compressed)
        stream.seek(0)
        unpacked = gzip.GzipFile(fileobj=stream) if compressed else stream
        with _reporting_damage(path):
            head = unpacked.read(HEAD)
            unpacked.seek(0)

        def blocks_of(unit: str) -> Iterator[bytes]:
            with _reporting_damage(path):
                if unit == "xml":
                    yield from iter(lambda: unpacked.read(files.BLOCK), b"")
                else:
                    yield from unpacked

        yield head, blocks_of


def _with_first_line(
    stream: Iterable[bytes], name: str
) -> Tuple[bytes, Iterator[bytes]]:
    """Return (a stream up to its first line that is not blank, all of its lines)."""
    lines = iter(stream)
    first: List[bytes] = []
    for line in lines:
        first.append(line)
        if line.strip(b" \t\r\n" + files.BYTE_ORDER_MARK):
            break
    if first and first[0].startswith(GZIP):
        remedy = "unpack it on the way: gunzip -c FILE |"
        raise files.InputError("this is compressed by gzip", name, remedy=remedy)
    return b"".join(first), itertools.chain(first, lines)


def _check_compression(path: str, compressed: bool) -> None:
    named_so = path.lower().endswith(COMPRESSED)
    if compressed and not named_so:
        problem = "this is compressed by gzip, which its name does not say"
        remedy = f"add {COMPRESSED} to its name"
        raise files.InputError(problem, path, remedy=remedy)
    if named_so and not compressed:
        raise files.InputError(
            "this is not compressed by gzip, as its name says",
            path,
            remedy=f"take {COMPRESSED} off its name",
        )


@contextlib.contextmanager
def _reporting_damage(path: str) -> Iterator[None]:
    """Turn what gzip raises into an InputError, but not what the system does."""
    try:
        yield
    except (EOFError, zlib.error, OSError) as error:
        if getattr(error, "errno", None) is not None:
            raise
        problem = f"a damaged .gz ({error})"
        raise files.InputError(problem, path, remedy="is the file complete?") from error
