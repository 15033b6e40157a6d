"""lib/files.py: text of every kind is read, files appear whole or not at all."""

import os
import pathlib
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes.lib import files
from kit.python import run_python


def written(folder, content):
    path = folder / "file"
    path.write_bytes(content)
    return str(path)


# Reading


@pytest.mark.parametrize(
    "content, lines",
    [
        (b"", []),
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"a\n\n", ["a", ""]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\r\nb", ["a", "b"]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", ["a", "\ufeffb"]),
        (b"\xef\xbb\xbf", [""]),
        (
            b"a\rb\x0bc\x0cd\x1ce\xc2\x85f\xe2\x80\xa8g\n",
            ["a\rb\vc\fd\x1ce\x85f\u2028g"],
        ),
        (b"a\r\r\n", ["a\r"]),
        (b"\0\n", ["\0"]),
        ("é\t日本\n".encode(), ["é\t日本"]),
    ],
)
def test_lines(tmp_path, content, lines):
    path = written(tmp_path, content)
    assert list(files.read_lines(path)) == list(enumerate(lines, 1))
    assert files.read_text(path) == "\n".join(lines)


LINES = st.lists(
    st.text(
        st.characters(blacklist_categories=["Cs"], blacklist_characters="\n\r"),
        max_size=20,
    )
)


@settings(deadline=None, max_examples=100)
@given(LINES, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_any_lines_are_read_back(lines, end, has_mark, ends_last):
    if lines and lines[0].startswith("\ufeff"):
        lines[0] = "x" + lines[0]
    text = "".join(line + end for line in lines)
    if not ends_last and lines and lines[-1]:
        text = text[: -len(end)]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "file")
        with open(path, "wb") as stream:
            stream.write(
                (b"\xef\xbb\xbf" if has_mark and lines else b"") + text.encode()
            )
        assert [line for _, line in files.read_lines(path)] == lines


@pytest.mark.parametrize(
    "content, where",
    [
        (b"\xff\n", ":1: byte 1 of"),
        (b"good\nna\xefve\n", ":2: byte 3 of"),
        (b"a\nb\nc \xe2\x82", ":3: byte 3 of"),
        (b"\xef\xbb\xbf\xff", ":1: byte 1 of"),
        (b"\xed\xa0\x80", ":1: byte 1 of"),
    ],
)
def test_bytes_that_are_no_text_are_named(tmp_path, content, where):
    path = written(tmp_path, content)
    with pytest.raises(files.InputError) as caught:
        list(files.read_lines(path))
    assert str(caught.value).startswith(path + where)
    assert "save the file as UTF-8" in str(caught.value)


@pytest.mark.parametrize(
    "content, words",
    [
        ("word\n".encode("utf-16"), "UTF-16; save it as UTF-8"),
        (b"PK\x03\x04\x14\0\n", "a ZIP archive, as .docx and .xlsx are; save"),
        (b"%PDF-1.5\n", "a PDF; extract its text"),
        (b"\x1f\x8b\x08", "compressed by gzip; unpack it first: gunzip FILE"),
    ],
)
def test_known_files_that_are_no_text_are_called_by_name(tmp_path, content, words):
    path = written(tmp_path, content)
    with pytest.raises(files.InputError) as caught:
        list(files.read_lines(path))
    assert str(caught.value).startswith(f"{path}: this is {words}")


def test_lines_before_the_bad_one_are_given(tmp_path):
    lines = files.read_lines(written(tmp_path, b"good\n\xff\n"))
    assert next(lines) == (1, "good")
    with pytest.raises(files.InputError):
        next(lines)


@pytest.mark.parametrize("read", [files.read_text, files.read_json])
def test_what_cannot_be_read_is_named(tmp_path, read):
    missing = str(tmp_path / "no")
    with pytest.raises(files.InputError) as caught:
        read(missing)
    assert str(caught.value) == f"{missing}: cannot be read (no such file or directory)"
    with pytest.raises(files.InputError, match="is a directory"):
        read(str(tmp_path))


def test_standard_input_is_read():
    done = run_python("print(list(files.read_lines('-')))", input=b"\xef\xbb\xbfa\r\nb")
    assert done.stdout == b"[(1, 'a'), (2, 'b')]\n"


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", ":1: not JSON"),
        (b'{"a": 1,\n "b": }\n', ":2: not JSON"),
        (b'{"a": 1', ":1: not JSON"),
        (b"[" * 100000, "nested too deeply"),
        (b"\xff", ":1: byte 1"),
    ],
)
def test_what_is_no_json_is_named(tmp_path, content, message):
    path = written(tmp_path, content)
    with pytest.raises(files.InputError) as caught:
        files.read_json(path)
    assert str(caught.value).startswith(path)
    assert message in str(caught.value)


def test_json_with_byte_order_mark_is_read(tmp_path):
    path = written(tmp_path, b'\xef\xbb\xbf{"a":\r\n ["\xc3\xa9"]}\r\n')
    assert files.read_json(path) == {"a": ["é"]}


# Writing


def test_file_appears_when_it_is_whole(tmp_path):
    path = str(tmp_path / "file")
    with files.whole_file(path) as stream:
        stream.write("é\n")
        assert not os.path.exists(path)
    assert pathlib.Path(path).read_bytes() == b"\xc3\xa9\n"
    with files.whole_file(path, binary=True) as stream:
        stream.write(b"\xff\r\n")
    assert pathlib.Path(path).read_bytes() == b"\xff\r\n"
    assert os.listdir(str(tmp_path)) == ["file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, files.InputError])
def test_failure_leaves_the_older_file(tmp_path, error):
    path = written(tmp_path, b"older")
    with pytest.raises(error), files.whole_file(path) as stream:
        stream.write("half")
        raise error("stop")
    assert pathlib.Path(path).read_bytes() == b"older"
    assert os.listdir(str(tmp_path)) == ["file"]


def test_what_is_no_text_is_an_error_and_leaves_the_older_file(tmp_path):
    """Half of a surrogate pair: a byte of a name that is not UTF-8, or of JSON."""
    path = written(tmp_path, b"older")
    with pytest.raises(files.InputError) as caught:
        with files.whole_file(path) as stream:
            stream.write("caf\udce9")
    assert str(caught.value) == (
        f"{path}: cannot be written ('\\udce9' is no character of UTF-8 text); nothing"
        " there was changed"
    )
    assert pathlib.Path(path).read_bytes() == b"older"
    assert os.listdir(str(tmp_path)) == ["file"]


def test_files_appear_together_and_alone(tmp_path):
    """And what went with the older ones goes."""
    for name in ("a", "b", "scores", "mine"):
        (tmp_path / name).write_text("older")
    paths = [str(tmp_path / name) for name in ("a", "b", "c")]
    outdated = [str(tmp_path / name) for name in ("scores", "never there")]
    with files.whole_files(paths, outdated) as streams:
        for stream in streams:
            stream.write("new")
        assert (tmp_path / "a").read_text() == (tmp_path / "scores").read_text()
        assert not (tmp_path / "c").exists()
    contents = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert contents == {"a": "new", "b": "new", "c": "new", "mine": "older"}


@pytest.mark.parametrize("last", ["no folder/b", "file/b", "folder"])
def test_one_of_several_that_fails_leaves_all_older_files(tmp_path, last):
    (tmp_path / "folder").mkdir()
    path = written(tmp_path, b"older")
    with pytest.raises(files.InputError, match="cannot be written") as caught:
        with files.whole_files([path, str(tmp_path / last)], [path]):
            raise AssertionError("opened")
    assert str(caught.value).startswith(str(tmp_path / last))
    assert pathlib.Path(path).read_bytes() == b"older"
    assert sorted(os.listdir(str(tmp_path))) == ["file", "folder"]


@pytest.mark.parametrize("size", [2000, 1 << 20])
def test_full_disk_leaves_the_older_file(tmp_path, size):
    path = written(tmp_path, b"older")
    done = run_python(
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "def main():\n"
        "    with files.whole_file(sys.argv[1]) as stream:\n"
        "        stream.write('x' * int(sys.argv[2]))\n"
        "command.run(main)",
        path,
        str(size),
    )
    assert done.returncode == 2
    message = f"{path}: cannot be written (file too large)"
    assert done.stderr.startswith(f"-c: error: {message}".encode())
    assert done.stderr.endswith(b"nothing there was changed\n")
    assert done.stderr.count(b"\n") == 1
    assert pathlib.Path(path).read_bytes() == b"older"
    assert os.listdir(str(tmp_path)) == ["file"]


def test_folder_that_cannot_be_written_is_named(tmp_path):
    for path in (tmp_path / "no" / "file", pathlib.Path(written(tmp_path, b"")) / "x"):
        with pytest.raises(files.InputError, match="cannot be written") as caught:
            files.write_json(str(path), {})
        assert str(caught.value).startswith(str(path))


def test_folder_in_the_place_of_a_file_is_named(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(files.InputError, match="cannot be written"):
        files.write_json(str(tmp_path / "file"), {})
    assert os.listdir(str(tmp_path)) == ["file"]


def test_devices_and_pipes_are_not_replaced(tmp_path):
    """Root could rename a file over them."""
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    with pytest.raises(files.InputError, match="cannot be written .not a regular file"):
        files.write_json(path, {})
    assert os.listdir(str(tmp_path)) == ["pipe"]
    assert not os.path.isfile(path)


def test_json_is_written_in_ascii(tmp_path):
    path = str(tmp_path / "file")
    files.write_json(path, {"é": ["\U0001f600", "\ud800"]})
    assert pathlib.Path(path).read_bytes() == (
        b'{\n  "\\u00e9": [\n    "\\ud83d\\ude00",\n    "\\ud800"\n  ]\n}\n'
    )
    assert files.read_json(path) == {"é": ["\U0001f600", "\ud800"]}


def test_folders_are_made(tmp_path):
    path = str(tmp_path / "a" / "b")
    files.make_folder(path)
    files.make_folder(path)
    assert os.path.isdir(path)
    with pytest.raises(files.InputError, match="cannot be written"):
        files.make_folder(written(tmp_path, b""))


def test_copy_is_whole_and_errors_name_the_file_that_they_are_of(tmp_path, monkeypatch):
    source = written(tmp_path, b"\0\xff" * 1000)
    copy = str(tmp_path / "copy")
    files.copy_file(source, copy)
    assert pathlib.Path(copy).read_bytes() == pathlib.Path(source).read_bytes()
    with pytest.raises(files.InputError, match="nowhere: cannot be read"):
        files.copy_file(str(tmp_path / "nowhere"), copy)

    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(files.InputError, match="other: cannot be written .no space"):
        files.copy_file(source, str(tmp_path / "other"))
    assert sorted(os.listdir(str(tmp_path))) == ["copy", "file"]


def test_new_folder_is_there_whole_or_not_at_all(tmp_path):
    path = str(tmp_path / "above" / "new")
    for _ in range(2):  # what the first attempt has left does no harm
        with pytest.raises(KeyError):
            with files.new_folder(path) as folder:
                open(os.path.join(folder, "half"), "w").close()
                raise KeyError
        assert os.listdir(str(tmp_path / "above")) == []
    os.makedirs(path)  # an empty one may be there
    with files.new_folder(path) as folder:
        open(os.path.join(folder, "whole"), "w").close()
        assert os.listdir(path) == []
    assert os.listdir(path) == ["whole"]
    with pytest.raises(files.InputError, match="new: is already there; name a new"):
        files.check_new_folder(path)
    below = os.path.join(written(tmp_path, b""), "new")
    with pytest.raises(files.InputError, match="new: cannot be written .not a direct"):
        files.check_new_folder(below)


# Errors


@pytest.mark.parametrize(
    "arguments, line",
    [
        (("wrong",), "wrong"),
        (("wrong", "a.tsv"), "a.tsv: wrong"),
        (("wrong", "a.tsv", 3), "a.tsv:3: wrong"),
        (("wrong", "a.tsv", 3, "mend it"), "a.tsv:3: wrong; mend it"),
        (("wrong", None, None, "mend it"), "wrong; mend it"),
        (("two\nlines", "odd\nname"), "odd name: two lines"),
    ],
)
def test_error_is_one_line(arguments, line):
    assert str(files.InputError(*arguments)) == line
    assert isinstance(files.InputError("wrong"), ValueError)


def test_error_is_a_line_that_can_be_read():
    message = str(files.InputError(f"label {'x' * 10000000}\0\x1b[2J", "a.tsv", 7))
    assert message.startswith("a.tsv:7: label xxx") and message.endswith("\\x1b[2J")
    assert len(message) < 3000 and message.isprintable()
