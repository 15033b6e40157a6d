"""People's own text, read a passage at a time.

    name            what is read
    .txt            a passage a line; its id is the number of the line
    .tsv            `id<TAB>text` a line, without a header
    .jsonl          a JSON object a line, with "id" and "text" (also .json, .ndjson)
    .pubtator       `id|t|title` and `id|a|abstract`; lines of annotations are skipped
    .conll          a word a line (first column), a blank line after each sentence; its
                    id is the number of its first line; -DOCSTART- lines are skipped

Any other name, and "-" (standard input), is read as what its first line that is not
blank looks like: `{` begins JSON objects, `id|t|` PubTator, and all else is plain text.
Files are UTF-8; a byte-order mark and CRLF are read. Nothing but ids is kept in memory.
"""

import array
import contextlib
import itertools
import json
import os
import re
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from biocodes.lib import files
from tokenization import word_spans

SECTIONS = ("title", "abstract")
# id, "t" or "a", text.
PUBTATOR = re.compile(r"([^|\t]+)\|([ta])\|(.*)")

_EXTENSIONS = {
    ".txt": "plain",
    ".tsv": "table",
    ".jsonl": "json",
    ".json": "json",
    ".ndjson": "json",
    ".pubtator": "pubtator",
    ".conll": "conll",
}
_CONTROL = re.compile("[\0-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Passage(NamedTuple):
    """A stretch of text that a model reads on its own.

    id: that of the document it belongs to.
    section: "title" or "abstract" of a document that has both, else None.
    text: exactly as given. Offsets count its Unicode characters.
    words: None, or the words of a CoNLL sentence; text is then these words with one
      space between them.
    """

    id: str
    section: Optional[str]
    text: str
    words: Optional[Tuple[str, ...]] = None


def read_passages(
    path: str, stdin: Optional[Iterable[bytes]] = None
) -> Iterator[Passage]:
    """Yield the Passages of a file as they are read, see the head of this module.

    A document is one passage, or a title and right after it the abstract of the same
    id. Texts may be empty, but for plain text, where blank lines are skipped.

    Args:
      path: file, "-" for standard input.
      stdin: lines that "-" stands for instead of standard input.

    Raises:
      InputError: when it comes to a line that is wrong, or there is no passage at all.
    """
    name = files.STANDARD_INPUT if path == "-" else path
    opened = stdin if path == "-" and stdin is not None else None
    source = files.open_binary(path) if opened is None else _left_open(opened)
    with source as stream:
        lines = _decoded(stream, name)
        kind = _EXTENSIONS.get(os.path.splitext(path)[1].lower())
        if kind is None:
            kind, lines = _sniff(lines, name)
        empty = True
        for passage in _READERS[kind](lines, name):
            empty = False
            yield passage
    if empty:
        raise files.InputError("there is no passage in it", name)


def same_document(before: Passage, after: Passage) -> bool:
    """Return whether `after` is the abstract to the title right before it."""
    return (before.id, before.section, after.section) == (after.id, *SECTIONS)


@contextlib.contextmanager
def _left_open(stream):
    """Give a stream that stays the caller's to close."""
    yield stream


def _decoded(stream, path):
    """Yield (line number from 1, text without its line end), see files.read_lines."""
    for number, raw in enumerate(stream, 1):
        yield number, files.decode_line(raw, path, number)


def _sniff(lines, path):
    """Return (the kind of file that the first of the lines shows, the same lines)."""
    before = []
    for number, text in lines:
        before.append((number, text))
        if text.strip():
            if text.lstrip().startswith("<?xml"):
                raise files.InputError(
                    "XML is not read", path, number, "turn it into .jsonl or .pubtator"
                )
            kind = "plain"
            if text.lstrip().startswith("{"):
                kind = "json"
            elif PUBTATOR.match(text):
                kind = "pubtator"
            return kind, itertools.chain(before, lines)
    return "plain", iter(())


# JSON


def json_object(line: str, path: str, number: int) -> Dict[str, Any]:
    """Parse the JSON object that a line of a .jsonl is.

    Raises:
      InputError: it is none.
    """
    remedy = "write one object a line"
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        problem = f"not JSON ({error.msg} at character {error.pos + 1})"
        raise files.InputError(problem, path, number, remedy) from error
    except ValueError as error:  # Python 3.11 reads no integer of over 4,300 digits
        problem = f"JSON with a number out of range ({error})"
        raise files.InputError(problem, path, number) from error
    except RecursionError as error:
        raise files.InputError("JSON nested too deeply", path, number) from error
    if not isinstance(value, dict):
        raise files.InputError("JSON, but no object", path, number, remedy)
    return value


def passage_of(
    record: Dict[str, Any], path: str, number: Optional[int] = None
) -> Passage:
    """Make a Passage of a dict with "id" and "text", and "section" if it has one.

    Raises:
      InputError: one of them is missing or not a string (an id may be an integer); the
        id is blank or has a control character; or there is half of a surrogate pair.
    """
    for key, kinds in (("id", (str, int)), ("text", (str,))):
        remedy = 'write {"id": "...", "text": "..."}'
        if key not in record:
            raise files.InputError(f'without "{key}"', path, number, remedy)
        value = record[key]
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise files.InputError(f'"{key}" is no string', path, number, remedy)
        if isinstance(value, str) and _SURROGATE.search(value):
            raise files.InputError(
                f'"{key}" has half of a surrogate pair, which is no character',
                path,
                number,
            )
    name, section = str(record["id"]), record.get("section")
    _check_id(name, path, number)
    if section not in SECTIONS:
        section = None
    return Passage(name, section, record["text"])


def _check_id(name, path, number):
    """Raise InputError for an id that other formats could not carry."""
    if not name.strip():
        raise files.InputError("the id is empty", path, number)
    if _CONTROL.search(name):
        raise files.InputError("a control character in the id", path, number)


# A reader for each kind of file: lines → Passages


def _read_plain(lines, path):
    for number, text in lines:
        if text.strip():
            yield Passage(str(number), None, text)


def _read_table(lines, path):
    known_ids = _KnownIds(path)
    blank = None
    for number, line in lines:
        if not line.strip():
            blank = number
            continue
        columns = line.split("\t")
        remedy = "write an id, a tab and a text a line; or is it CoNLL, named .conll?"
        if blank is not None:
            raise files.InputError("a blank line between texts", path, blank, remedy)
        if len(columns) != 2:
            problem = f"{files.columns_of(columns)} instead of 2"
            raise files.InputError(problem, path, number, remedy)
        passage = Passage(columns[0], None, columns[1])
        _check_id(passage.id, path, number)
        known_ids.check(passage, number)
        yield passage


def _read_json(lines, path):
    known_ids = _KnownIds(path)
    for number, line in lines:
        if line.strip():
            passage = passage_of(json_object(line, path, number), path, number)
            known_ids.check(passage, number)
            yield passage


def _read_pubtator(lines, path):
    known_ids = _KnownIds(path)
    for number, line in lines:
        match = PUBTATOR.fullmatch(line)
        if match:
            name, letter, text = match.groups()
            section = "title" if letter == "t" else "abstract"
            passage = Passage(name, section, text)
            _check_id(name, path, number)
            known_ids.check(passage, number)
            yield passage
        elif line.strip() and "\t" not in line:
            raise files.InputError(
                "neither a text nor an annotation",
                path,
                number,
                "write id|t|title and id|a|abstract, each on one line",
            )


def _read_conll(lines, path):
    words, first_line = [], None
    for number, line in lines:
        columns = line.split()
        if columns and columns[0] != "-DOCSTART-":
            first_line = first_line or number
            words.append(columns[0])
        elif words:
            yield Passage(str(first_line), None, " ".join(words), tuple(words))
            words, first_line = [], None
    if words:
        yield Passage(str(first_line), None, " ".join(words), tuple(words))


_READERS = {
    "plain": _read_plain,
    "table": _read_table,
    "json": _read_json,
    "pubtator": _read_pubtator,
    "conll": _read_conll,
}


class _KnownIds:
    """On which line each id came first, so that none comes twice.

    An open-addressing table of 64-bit hashes, which takes 24 to 48 bytes an id; a dict
    of strings would take some 200. Two ids of one hash are met once in 10^19 pairs.
    """

    def __init__(self, path):
        self._path = path
        self._before = None
        self._count = 0
        self._make(1 << 10)

    def _make(self, size):
        self._size = size
        self._hashes = array.array("Q", bytes(8 * size))
        self._numbers = array.array("Q", bytes(8 * size))  # 0: the slot is free

    def check(self, passage, number):
        """Remember the id of the passage on a line.

        Raises:
          InputError: another document has it.
        """
        before, self._before = self._before, passage
        if before is not None and same_document(before, passage):
            return
        line = self._add(hash(passage.id) & 0xFFFFFFFFFFFFFFFF, number)
        if line:
            remedy = "give each its own"
            if passage.section:
                remedy += "; an abstract comes right after its title"
            problem = f"the id {passage.id} stands on line {line} already"
            raise files.InputError(problem, self._path, number, remedy)

    def _add(self, key, number):
        """Add a hash, or return the line it was added with if it is there already."""
        slot = key % self._size
        while self._numbers[slot]:
            if self._hashes[slot] == key:
                return self._numbers[slot]
            slot = (slot + 1) % self._size
        self._hashes[slot], self._numbers[slot] = key, number
        self._count += 1
        if 3 * self._count > 2 * self._size:
            entries = zip(self._hashes, self._numbers)
            self._count = 0
            self._make(2 * self._size)
            for old_key, old_number in entries:
                if old_number:
                    self._add(old_key, old_number)
        return None


# Words


def spans(passage: Passage) -> List[Tuple[int, int]]:
    """Return the (start, end) of a Passage's words: as given, or word_spans."""
    if passage.words is None:
        return word_spans(passage.text)
    given, start = [], 0
    for word in passage.words:
        given.append((start, start + len(word)))
        start += len(word) + 1
    return given
