"""A .tar.gz or .zip archive unpacked into a folder: all of it, only there, or nothing.

Every member is looked at before the first is written. They are unpacked beside the
output folder, which appears by a rename at the end, when all checksums were right.
"""

import argparse
import contextlib
import functools
import gzip
import lzma
import os
import shutil
import stat
import struct
import sys
import tarfile
import zipfile
import zlib
from typing import BinaryIO, Callable, Iterator, List, NamedTuple, Optional, Sequence

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import command, files

DESCRIPTION = """\
Unpack a .tar.gz or .zip archive into a folder: all of it, only there, or nothing.

  python biocodes/unpack.py --archive_path=datasets.tar.gz --output_dir=datasets

An archive that holds one folder and nothing beside it becomes that folder.
"""
# Folders of a member's name; Python's functions for folders in folders are recursive.
MAX_DEPTH = 100
FETCH_AGAIN = "remove it and fetch it again"
# What the standard library raises on an archive that is cut off or garbled. The lower
# half is what its arithmetic meets in headers with numbers and chains that cannot be.
DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)


class Entry(NamedTuple):
    """A file or folder of an archive, under a name that stays below any folder."""

    name: str  # parts joined by "/", none of them "", "." or ".."
    open: Optional[Callable[[], BinaryIO]]  # None for a folder


def unpack(
    archive_path: str,
    output_dir: str,
    folder: Optional[str] = None,
    sha256: Optional[str] = None,
) -> None:
    """Unpack an archive so that output_dir is there whole, or not at all.

    Links are not made: a link to a file of the archive becomes a copy of that file.

    Args:
      archive_path: a .tar.gz or .zip file; its content says which of the two it is.
      output_dir: the folder to make; it may exist if it is empty.
      folder: only this folder of the archive, which becomes output_dir.
      sha256: the archive's checksum in hexadecimal, to be compared.

    Raises:
      InputError: output_dir holds something; the checksum differs; the archive is
        damaged, or has a member that would not stay below output_dir, or one that is
        neither file, folder nor link; the disk is full.
    """
    target = os.path.abspath(output_dir)
    if os.path.lexists(target) and not is_empty_folder(target):
        raise files.InputError(
            "is already there", output_dir, remedy="move it away to unpack anew"
        )
    if sha256:
        check_sha256(archive_path, sha256)
    scratch = target + ".unpacking"
    with open_archive(archive_path) as entries:
        if folder:
            entries = below(folder, entries, archive_path)
        try:
            # An interrupted run may have left one.
            shutil.rmtree(scratch, ignore_errors=True)
            write_entries(entries, scratch, archive_path)
            os.rename(scratch if folder else only_folder(scratch), target)
        except OSError as error:
            raise files.unwritable(output_dir, error) from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def is_empty_folder(path: str) -> bool:
    """Return whether path is a folder, and no link to one, with nothing in it."""
    return os.path.isdir(path) and not os.path.islink(path) and not os.listdir(path)


def check_sha256(path: str, expected: str) -> None:
    """Raise InputError unless the file has this SHA-256 (hexadecimal)."""
    digest = files.digest(path)
    if digest != expected.strip().lower():
        raise files.InputError(
            f"has the sha256 {digest}, not {expected}",
            path,
            remedy=FETCH_AGAIN,
        )


@contextlib.contextmanager
def open_archive(path: str) -> Iterator[List[Entry]]:
    """Give the entries of an archive, whose streams can be opened inside the block.

    Raises:
      InputError: it is no archive, it is damaged, or a member of it is refused.
    """
    with files.open_binary(path) as stream:
        magic = stream.read(4)
    with contextlib.ExitStack() as stack:
        with reporting_damage(path):
            if magic.startswith(b"\x1f\x8b"):
                check_gzip(path)
                entries = tar_entries(
                    stack.enter_context(tarfile.open(path, "r:gz")), path
                )
            elif magic == b"PK\x03\x04":
                entries = zip_entries(stack.enter_context(zipfile.ZipFile(path)), path)
            else:
                raise files.InputError(
                    "is no .tar.gz or .zip archive", path, remedy=FETCH_AGAIN
                )
        yield entries


@contextlib.contextmanager
def reporting_damage(path: str) -> Iterator[None]:
    """Within the block, which reads an archive, whatever goes wrong is its damage."""
    try:
        yield
    except files.InputError:
        raise
    except DAMAGE as error:
        raise files.InputError(
            "is cut off or damaged", path, remedy=FETCH_AGAIN
        ) from error


def check_gzip(path: str) -> None:
    """Read a gzip file to its end, where its checksum stands.

    tarfile stops before it: a garbled byte in a member would go unnoticed.
    """
    with gzip.open(path) as stream:
        while stream.read(files.BLOCK):
            pass


def tar_entries(archive: tarfile.TarFile, path: str) -> List[Entry]:
    """List the entries of a tar, links replaced by the file that they name."""
    members = archive.getmembers()
    regular = {checked_name(m.name, path): m for m in members if m.isfile()}
    entries = []
    for member in members:
        name = checked_name(member.name, path)
        if member.isdir():
            entries.append(Entry(name, None))
            continue
        if member.issym() or member.islnk():
            # A symbolic link counts from its own folder, a hard link from the top.
            start = os.path.dirname(name) if member.issym() else ""
            member = regular.get(
                os.path.normpath(f"{start}/{member.linkname}"[not start :])
            )
        elif not member.isfile():
            raise refused(name, "a device or pipe", path)
        if member is None:
            raise refused(name, "a link to something that is not in the archive", path)
        entries.append(Entry(name, functools.partial(archive.extractfile, member)))
    return entries


def zip_entries(archive: zipfile.ZipFile, path: str) -> List[Entry]:
    """List the entries of a zip; reading one to its end compares its checksum."""
    entries = []
    for member in archive.infolist():
        name = checked_name(member.filename, path)
        kind = stat.S_IFMT(member.external_attr >> 16)  # 0 where made without Unix
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise refused(name, "a link or device", path)
        if member.flag_bits & 1:
            raise refused(name, "encrypted", path)
        opener = None if member.is_dir() else functools.partial(archive.open, member)
        entries.append(Entry(name, opener))
    return entries


def checked_name(name: str, path: str) -> str:
    """Return a member's name without empty parts and "." if it stays below its folder.

    Raises:
      InputError: it does not, or it has more folders than can be made, or no file can
        be called so in this locale.
    """
    # Backslashes separate folders for those who unpack on Windows, or packed there.
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or "\0" in name:
        raise refused(name, "outside of the folder to unpack into", path)
    if len(parts) > MAX_DEPTH:
        raise refused(name, "in too many folders", path)
    try:
        os.fsencode(name)
    except UnicodeEncodeError as error:
        what = f"not in this locale's encoding, {error.encoding} (set PYTHONUTF8=1)"
        raise refused(name, what, path) from error
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def refused(name: str, what: str, path: str) -> files.InputError:
    """Make the InputError for a member that is not unpacked, nor anything beside it."""
    return files.InputError(
        f"its member {name!r} is {what}; nothing was unpacked", path
    )


def below(folder: str, entries: Sequence[Entry], path: str) -> List[Entry]:
    """List the entries inside one folder of the archive, named from there."""
    prefix = checked_name(folder, path) + "/"
    inside = [
        entry._replace(name=entry.name[len(prefix) :])
        for entry in entries
        if entry.name.startswith(prefix)
    ]
    if not inside:
        raise files.InputError(f"holds no folder {folder!r}", path)
    return inside


def write_entries(entries: Sequence[Entry], root: str, path: str) -> None:
    """Write files and folders below root, with the permissions of new files.

    Args:
      entries: of the archive.
      root: folder to make.
      path: the archive, for messages.
    """
    os.makedirs(root)
    for entry in entries:
        target = os.path.join(root, entry.name)
        os.makedirs(
            target if entry.open is None else os.path.dirname(target), exist_ok=True
        )
        if entry.open is not None:
            with open(target, "wb") as copy:
                copy.writelines(read_blocks(entry, path))


def read_blocks(entry: Entry, path: str) -> Iterator[bytes]:
    """Yield the content of a file of an archive, block by block."""
    with reporting_damage(path), entry.open() as source:
        yield from iter(lambda: source.read(files.BLOCK), b"")


def only_folder(root: str) -> str:
    """Return the folder in root if there is nothing beside it, else root itself."""
    names = os.listdir(root)
    inner = os.path.join(root, names[0]) if len(names) == 1 else root
    return inner if os.path.isdir(inner) else root


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(description=DESCRIPTION)
    parser.add_argument("--archive_path", required=True, help="a .tar.gz or .zip file")
    parser.add_argument("--output_dir", required=True, help="the folder to make")
    parser.add_argument("--folder", help="unpack this folder of the archive alone")
    parser.add_argument("--sha256", help="checksum that the archive must have")
    return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Unpack the archive."""
    flags = parse_flags(argv)
    unpack(flags.archive_path, flags.output_dir, flags.folder, flags.sha256)


if __name__ == "__main__":
    command.run(main)
