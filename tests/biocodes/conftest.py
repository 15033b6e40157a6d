"""What the tests of biocodes/ share: files to read, written in one line."""

import json

import pytest

from biocodes.lib import formats
from biocodes.lib.entities import jsonl_line
from kit import pages


@pytest.fixture
def write(tmp_path):
    """write(content, name) → path, a str: bytes, text in UTF-8, or a value as JSON."""

    def to_file(content, name="file.tsv"):
        path = tmp_path / name
        if not isinstance(content, (bytes, str)):
            content = json.dumps(content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return to_file


@pytest.fixture
def write_entities(tmp_path):
    """write_entities(annotated) → path of an entities.jsonl."""

    def to_file(annotated):
        path = tmp_path / "entities.jsonl"
        path.write_text("".join(jsonl_line(item) + "\n" for item in annotated))
        return str(path)

    return to_file


@pytest.fixture
def converted(write_entities, tmp_path):
    """converted(annotated, *formats) → the folder that they were made in."""

    def convert(annotated, *names):
        formats.convert(write_entities(annotated), str(tmp_path / "out"), names)
        return tmp_path / "out"

    return convert


@pytest.fixture
def source(tmp_path):
    """A folder with a small BERT in Hugging Face form."""
    from kit.hugging_face import write_folder  # which needs safetensors

    return write_folder(tmp_path / "source")


@pytest.fixture
def browse(tmp_path):
    """browse(page, fragment, *flags) → standard output of a headless Chromium."""

    def run(page, fragment="", *flags):
        path = tmp_path / "page.html"
        path.write_bytes(page.encode())
        return pages.browse(path, tmp_path, fragment, *flags)

    return run
