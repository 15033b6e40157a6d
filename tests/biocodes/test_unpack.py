"""unpack.py: nothing outside the folder, nothing half, nothing garbled."""

import gzip
import hashlib
import io
import os
import stat
import tarfile
import tempfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes import unpack
from biocodes.lib import files

GOOD = [("datasets/NER/a.tsv", b"word\tO\n" * 1000), ("datasets/RE/b.tsv", b"x\n")]


def tar_member(name, kind=tarfile.REGTYPE, link=""):
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = link
    return member


def make_tar(path, contents=(), members=()):
    """Make a .tar.gz with files of these (name, bytes), then these bare members."""
    with tarfile.open(str(path), "w:gz") as archive:
        for name, content in contents:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in members:
            archive.addfile(member)
    return str(path)


def make_zip(path, contents, mode=stat.S_IFREG | 0o644):
    with zipfile.ZipFile(str(path), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents:
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            archive.writestr(member, content)
    return str(path)


def tree(folder):
    """Return {path below folder: content} of every file there; none is a link."""
    contents = {}
    for parent, _, names in os.walk(str(folder)):
        for name in names:
            path = os.path.join(parent, name)
            assert not os.path.islink(path)
            with open(path, "rb") as stream:
                contents[os.path.relpath(path, str(folder))] = stream.read()
    return contents


def refuse(archive, tmp_path, words, **options):
    """Check that unpacking stops with these words in its line and leaves no trace."""
    target = tmp_path / "inner" / "out"
    target.parent.mkdir(exist_ok=True)
    before = tree(tmp_path)
    with pytest.raises(files.InputError) as caught:
        unpack.unpack(archive, str(target), **options)
    assert words in str(caught.value)
    assert tree(tmp_path) == before
    assert os.listdir(str(target.parent)) == []


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_an_archive_of_one_folder_becomes_that_folder(tmp_path, make):
    archive = make(tmp_path / "archive", GOOD)
    unpack.unpack(archive, str(tmp_path / "new" / "data"))
    assert tree(tmp_path / "new") == {
        "data/NER/a.tsv": GOOD[0][1],
        "data/RE/b.tsv": GOOD[1][1],
    }


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_an_archive_of_several_things_is_unpacked_as_it_is(tmp_path, make):
    archive = make(tmp_path / "archive", [("a/x", b"1"), ("./b", b"2")])
    unpack.unpack(archive, str(tmp_path / "out"))
    assert tree(tmp_path / "out") == {"a/x": b"1", "b": b"2"}


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_one_folder_of_an_archive_can_be_taken_alone(tmp_path, make):
    archive = make(tmp_path / "archive", GOOD + [("setup.py", b"no")])
    unpack.unpack(archive, str(tmp_path / "out"), folder="datasets/RE/")
    assert tree(tmp_path / "out") == {"b.tsv": b"x\n"}
    refuse(archive, tmp_path, "holds no folder 'datasets/R'", folder="datasets/R")


def test_an_empty_folder_may_stand_there_and_a_full_one_is_kept(tmp_path):
    archive = make_tar(tmp_path / "a.tar.gz", GOOD)
    out = tmp_path / "out"
    out.mkdir()
    unpack.unpack(archive, str(out))
    (out / "mine").write_text("kept")
    before = tree(out)
    with pytest.raises(files.InputError, match="is already there"):
        unpack.unpack(archive, str(out))
    assert tree(out) == before


def test_what_an_interrupted_run_left_does_not_get_mixed_in(tmp_path):
    archive = make_tar(tmp_path / "a.tar.gz", GOOD)
    left = tmp_path / "out.unpacking"
    left.mkdir()
    (left / "half").write_text("")
    unpack.unpack(archive, str(tmp_path / "out"))
    assert sorted(tree(tmp_path / "out")) == ["NER/a.tsv", "RE/b.tsv"]
    assert not left.exists()


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "..\\evil"])
@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path, make, name):
    archive = make(tmp_path / "archive", GOOD + [(name, b"evil")])
    refuse(archive, tmp_path, "outside of the folder")


@pytest.mark.parametrize(
    "member",
    [
        tar_member("datasets/evil", tarfile.SYMTYPE, "/etc/passwd"),
        tar_member("datasets/evil", tarfile.SYMTYPE, "../../secret"),
        tar_member("datasets/evil", tarfile.SYMTYPE, "NER"),
        tar_member("datasets/evil", tarfile.SYMTYPE, "evil"),
        tar_member("datasets/evil", tarfile.LNKTYPE, "/etc/passwd"),
        tar_member("datasets/evil", tarfile.LNKTYPE, "../secret"),
    ],
    ids=lambda member: member.linkname,
)
def test_a_link_out_of_the_archive_is_refused(tmp_path, member):
    (tmp_path / "secret").write_text("secret")
    archive = make_tar(tmp_path / "a.tar.gz", GOOD, [member])
    refuse(archive, tmp_path, "a link to something that is not in the archive")


def test_a_file_is_not_written_through_a_link(tmp_path):
    """The classic: a link to a folder outside, then a file below that link."""
    archive = str(tmp_path / "a.tar.gz")
    with tarfile.open(archive, "w:gz") as stream:
        stream.addfile(tar_member("door", tarfile.SYMTYPE, str(tmp_path)))
        stream.addfile(tar_member("door/evil"))
    refuse(archive, tmp_path, "'door' is a link")


def test_links_inside_become_copies(tmp_path):
    links = [
        tar_member("datasets/RE/soft", tarfile.SYMTYPE, "../NER/a.tsv"),
        tar_member("datasets/RE/hard", tarfile.LNKTYPE, "datasets/RE/b.tsv"),
    ]
    archive = make_tar(tmp_path / "a.tar.gz", GOOD, links)
    unpack.unpack(archive, str(tmp_path / "out"))
    contents = tree(tmp_path / "out")
    assert contents["RE/soft"] == GOOD[0][1]
    assert contents["RE/hard"] == GOOD[1][1]


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_and_pipes_are_refused(tmp_path, kind):
    archive = make_tar(tmp_path / "a.tar.gz", GOOD, [tar_member("datasets/x", kind)])
    refuse(archive, tmp_path, "'datasets/x' is a device or pipe")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
def test_links_and_devices_of_a_zip_are_refused(tmp_path, kind):
    archive = make_zip(tmp_path / "a.zip", [("x", b"/etc/passwd")], mode=kind | 0o777)
    refuse(archive, tmp_path, "'x' is a link or device")


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_every_cut_is_noticed(tmp_path, make):
    whole = make(tmp_path / "whole", GOOD)
    with open(whole, "rb") as stream:
        content = stream.read()
    for length in [5, len(content) // 2, len(content) - 9, len(content) - 1]:
        cut = tmp_path / "cut"
        cut.write_bytes(content[:length])
        refuse(str(cut), tmp_path, "is cut off or damaged; remove it")


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_a_garbled_byte_is_noticed(tmp_path, make):
    """Stored without compression, so that only the checksums can tell."""
    archive = tmp_path / "archive"
    if make is make_tar:
        with gzip.open(make(tmp_path / "packed", GOOD)) as stream:
            archive.write_bytes(gzip.compress(stream.read(), 0))
    else:
        with zipfile.ZipFile(str(archive), "w") as stream:
            stream.writestr(*GOOD[0])
    content = archive.read_bytes()
    archive.write_bytes(content.replace(b"word", b"w0rd", 1))
    refuse(str(archive), tmp_path, "is cut off or damaged")


@pytest.mark.parametrize("content", [b"", b"<html>moved</html>", b"PK", b"\x1f\x8b"])
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "page").write_bytes(content)
    refuse(str(tmp_path / "page"), tmp_path, "remove it and fetch it again")
    refuse(str(tmp_path / "none"), tmp_path, "cannot be read")


def test_the_checksum_decides(tmp_path):
    archive = make_tar(tmp_path / "a.tar.gz", GOOD)
    with open(archive, "rb") as stream:
        digest = hashlib.sha256(stream.read()).hexdigest()
    refuse(archive, tmp_path, f"has the sha256 {digest}, not 00", sha256="00")
    unpack.unpack(archive, str(tmp_path / "out"), sha256=digest.upper())
    assert tree(tmp_path / "out")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    archive = make_tar(tmp_path / "a.tar.gz", GOOD)
    (tmp_path / "file").write_text("")
    with pytest.raises(files.InputError, match="cannot be written"):
        unpack.unpack(archive, str(tmp_path / "file" / "out"))


def test_members_that_get_in_each_others_way_leave_nothing(tmp_path):
    archive = make_tar(tmp_path / "a.tar.gz", [("a", b"file"), ("a/b", b"below it")])
    refuse(archive, tmp_path, "cannot be written")


def header(**fields):
    """A tar's header with these fields of TarInfo."""
    member = tar_member("datasets/x")
    for name, value in fields.items():
        setattr(member, name, value)
    return member.tobuf(tarfile.GNU_FORMAT)


def pax(records):
    """An extended header with these bytes in it, and the file that it is about."""
    padding = b"\0" * (-len(records) % tarfile.BLOCKSIZE)
    extended = header(type=tarfile.XHDTYPE, size=len(records))
    return extended + records + padding + header()


@pytest.mark.parametrize(
    "content",
    [
        header(size=1 << 80),
        header(size=(1 << 63) - 1),
        pax(b"38 size=%d\n" % (1 << 90)),
        pax(b"30 size=%s\n" % (b"9" * 21)),
        pax(b"24 GNU.sparse.map=x,y,z\n"),
        header(type=tarfile.GNUTYPE_LONGNAME, size=1) * 3000,
        header(type=tarfile.GNUTYPE_LONGNAME, size=1 << 60),
    ],
    ids=[
        *("size of 2^80", "size of 2^63", "pax size of 2^90", "pax size of 21 digits"),
        *("pax sparse map", "chain", "name of 2^60 bytes"),
    ],
)
def test_numbers_and_chains_that_cannot_be_are_damage(tmp_path, content):
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(gzip.compress(content + b"\0" * 2 * tarfile.BLOCKSIZE))
    refuse(str(archive), tmp_path, "is cut off or damaged; remove it")


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_a_zip_of_garbled_streams_is_damaged(tmp_path, method):
    """Each kind of stream has errors of its own; bz2's look like those of a disk."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(str(path), "w", method) as archive:
        archive.writestr("a.tsv", b"word\tO\n" * 1000)
    content = bytearray(path.read_bytes())
    # After the local header: 30 bytes and the name, then 9 bytes of LZMA's settings.
    content[44:60] = b"\xff" * 16
    path.write_bytes(bytes(content))
    refuse(str(path), tmp_path, "is cut off or damaged; remove it")


def test_a_name_that_the_locale_lacks_is_refused(tmp_path, run_command):
    archive = make_zip(tmp_path / "archive", [("n\xe9e.tsv", b"x")])
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = run_command(
        "biocodes/unpack.py",
        f"--archive_path={archive}",
        f"--output_dir={tmp_path / 'out'}",
        env={**os.environ, **environment},
    )
    assert "its member 'n\\xe9e.tsv' is not in this locale's encoding, " in done.error
    assert os.listdir(str(tmp_path)) == ["archive"]


@pytest.mark.parametrize("make", [make_tar, make_zip])
def test_folders_in_folders_without_end_are_refused(tmp_path, make):
    archive = make(tmp_path / "archive", [("d/" * 1900 + "x", b"deep")])
    refuse(archive, tmp_path, "in too many folders; nothing was unpacked")


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_any_garbled_tar_is_unpacked_or_refused(data):
    """Headers of a tar that gzip calls intact may say anything."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        archive.addfile(tar_member("folder", tarfile.DIRTYPE))
        archive.addfile(tar_member("folder/link", tarfile.SYMTYPE, "é" * 120))
        archive.addfile(tar_member("folder/" + "n" * 120))
    content = bytearray(plain.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, 4 * tarfile.BLOCKSIZE))
        content[index] = data.draw(st.integers(0, 255))
        # With a fitting checksum, or tarfile would look at nothing else in the header.
        start = index - index % tarfile.BLOCKSIZE
        content[start + 148 : start + 156] = b" " * 8
        checksum = sum(content[start : start + tarfile.BLOCKSIZE])
        content[start + 148 : start + 156] = b"%06o\0 " % checksum
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.tar.gz")
        with open(path, "wb") as stream:
            stream.write(gzip.compress(bytes(content)))
        try:
            unpack.unpack(path, os.path.join(folder, "out"))
            assert sorted(os.listdir(folder)) == ["a.tar.gz", "out"]
        except files.InputError:
            assert os.listdir(folder) == ["a.tar.gz"]


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_any_garbled_zip_is_unpacked_or_refused(data):
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", data.draw(st.sampled_from(methods))) as archive:
        archive.writestr("folder/a.tsv", b"word\tO\n" * 9)
        archive.writestr("folder/b.tsv", b"")
    content = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(
            st.integers(0, 255)
        )
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.zip")
        with open(path, "wb") as file:
            file.write(bytes(content))
        try:
            unpack.unpack(path, os.path.join(folder, "out"))
            assert sorted(os.listdir(folder)) == ["a.zip", "out"]
        except files.InputError:
            assert os.listdir(folder) == ["a.zip"]


def test_as_a_command(run_command, tmp_path):
    archive = make_tar(tmp_path / "a.tar.gz", GOOD)
    command = ["biocodes/unpack.py", f"--archive_path={archive}", "--output_dir=out"]
    assert run_command(*command, cwd=str(tmp_path)) == (0, "", "")
    assert sorted(tree(tmp_path / "out")) == ["NER/a.tsv", "RE/b.tsv"]
    assert run_command(*command, cwd=str(tmp_path)).error == (
        "unpack.py: error: out: is already there; move it away to unpack anew"
    )
