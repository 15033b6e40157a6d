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
from typing import NamedTuple, Optional

from biocodes.lib import files
from tokenization import word_spans

SECTIONS = ("title", "abstract")

_EXTENSIONS = {
    ".txt": "plain",
    ".tsv": "table",
    ".jsonl": "json",
    ".json": "json",
    ".ndjson": "json",
    ".pubtator": "pubtator",
    ".conll": "conll",
}
# id, "t" or "a", text.
PUBTATOR = re.compile(r"([^|\t]+)\|([ta])\|(.*)")
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
    words: Optional[tuple] = None


def read_passages(path, stdin=None):
    """Yields the Passages of a file as they are read, see the head of this module.

    A document is one passage, or a title and right after it the abstract of the same
    id. Texts may be empty, but for plain text, where blank lines are skipped.

    Args:
      path: file, "-" for standard input.
      stdin: binary stream that "-" stands for instead of standard input.

    Raises:
      InputError: when it comes to a line that is wrong, or there is no passage at all.
    """
    place = "standard input" if path == "-" else path
    opened = stdin if path == "-" and stdin is not None else None
    source = files.open_binary(path) if opened is None else _left_open(opened)
    with source as stream:
        lines = _decoded(stream, place)
        kind = _EXTENSIONS.get(os.path.splitext(path)[1].lower())
        if kind is None:
            kind, lines = _sniff(lines, place)
        empty = True
        for passage in _READERS[kind](lines, place):
            empty = False
            yield passage
    if empty:
        raise files.InputError("there is no passage in it", place)


@contextlib.contextmanager
def _left_open(stream):
    """A stream that stays the caller's to close."""
    yield stream


def _decoded(stream, place):
    """Yields (line number from 1, text without its line end), see files.read_lines."""
    for number, raw in enumerate(stream, 1):
        yield number, files.decode_line(raw, place, number)


def _sniff(lines, place):
    """Lines → (the kind of file that the first of them shows, the same lines)."""
    before = []
    for number, text in lines:
        before.append((number, text))
        if text.strip():
            if text.lstrip().startswith("<?xml"):
                raise files.InputError(
                    "XML is not read", place, number, "turn it into .jsonl or .pubtator"
                )
            kind = "plain"
            if text.lstrip().startswith("{"):
                kind = "json"
            elif PUBTATOR.match(text):
                kind = "pubtator"
            return kind, itertools.chain(before, lines)
    return "plain", iter(())


# The readers: lines → Passages


def _read_plain(lines, place):
    for number, text in lines:
        if text.strip():
            yield Passage(str(number), None, text)


def _read_table(lines, place):
    first_lines = _FirstLines(place)
    blank = None
    for number, line in lines:
        if not line.strip():
            blank = number
            continue
        columns = line.split("\t")
        remedy = "write an id, a tab and a text a line; or is it CoNLL, named .conll?"
        if blank is not None:
            raise files.InputError("a blank line between texts", place, blank, remedy)
        if len(columns) != 2:
            count = f"{len(columns)} column{'s' * (len(columns) != 1)}"
            raise files.InputError(f"{count} instead of 2", place, number, remedy)
        passage = Passage(columns[0], None, columns[1])
        _check_id(passage.id, place, number)
        first_lines.check(passage, number)
        yield passage


def _read_json(lines, place):
    first_lines = _FirstLines(place)
    for number, line in lines:
        if line.strip():
            passage = passage_of(json_object(line, place, number), place, number)
            first_lines.check(passage, number)
            yield passage


def json_object(line, place, number):
    """The dict that a line of a .jsonl holds.

    Raises:
      InputError: it is no JSON object.
    """
    remedy = "write one object a line"
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        problem = f"not JSON ({error.msg} at character {error.pos + 1})"
        raise files.InputError(problem, place, number, remedy) from error
    except ValueError as error:  # Python 3.11 reads no integer of over 4,300 digits
        problem = f"JSON with a number out of range ({error})"
        raise files.InputError(problem, place, number) from error
    except RecursionError as error:
        raise files.InputError("JSON nested too deeply", place, number) from error
    if not isinstance(value, dict):
        raise files.InputError("JSON, but no object", place, number, remedy)
    return value


def passage_of(record, place, number):
    """A dict with "id" and "text" → Passage (its "section" if that is one of SECTIONS).

    Raises:
      InputError: one of them is missing or not a string (an id may be an integer); the
        id is blank or has a control character; or there is half of a surrogate pair.
    """
    for key, kinds in (("id", (str, int)), ("text", (str,))):
        remedy = 'write {"id": "...", "text": "..."}'
        if key not in record:
            raise files.InputError(f'without "{key}"', place, number, remedy)
        value = record[key]
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise files.InputError(f'"{key}" is no string', place, number, remedy)
        if isinstance(value, str) and _SURROGATE.search(value):
            raise files.InputError(
                f'"{key}" has half of a surrogate pair, which is no character',
                place,
                number,
            )
    name, section = str(record["id"]), record.get("section")
    _check_id(name, place, number)
    if section not in SECTIONS:
        section = None
    return Passage(name, section, record["text"])


def _check_id(name, place, number):
    """Raises InputError for an id that other formats could not carry."""
    if not name.strip():
        raise files.InputError("the id is empty", place, number)
    if _CONTROL.search(name):
        raise files.InputError("a control character in the id", place, number)


def _read_pubtator(lines, place):
    first_lines = _FirstLines(place)
    for number, line in lines:
        match = PUBTATOR.fullmatch(line)
        if match:
            name, letter, text = match.groups()
            section = "title" if letter == "t" else "abstract"
            passage = Passage(name, section, text)
            _check_id(name, place, number)
            first_lines.check(passage, number)
            yield passage
        elif line.strip() and "\t" not in line:
            raise files.InputError(
                "neither a text nor an annotation",
                place,
                number,
                "write id|t|title and id|a|abstract, each on one line",
            )


def _read_conll(lines, place):
    words, first = [], None
    for number, line in lines:
        columns = line.split()
        if columns and columns[0] != "-DOCSTART-":
            first = first or number
            words.append(columns[0])
        elif words:
            yield Passage(str(first), None, " ".join(words), tuple(words))
            words, first = [], None
    if words:
        yield Passage(str(first), None, " ".join(words), tuple(words))


_READERS = {
    "plain": _read_plain,
    "table": _read_table,
    "json": _read_json,
    "pubtator": _read_pubtator,
    "conll": _read_conll,
}


class _FirstLines:
    """On which line each id came first, so that none comes twice.

    An open-addressing table of 64-bit hashes, which takes 24 to 48 bytes an id; a dict
    of strings would take some 200. Two ids of one hash are met once in 10^19 pairs.
    """

    def __init__(self, place):
        self._place = place
        self._before = None
        self._count = 0
        self._make(1 << 10)

    def _make(self, size):
        self._size = size
        self._hashes = array.array("Q", bytes(8 * size))
        self._numbers = array.array("Q", bytes(8 * size))  # 0: the slot is free

    def check(self, passage, number):
        """Remembers the id of the passage on a line.

        Raises:
          InputError: another document has it.
        """
        before, self._before = self._before, passage
        if before is not None and same_document(before, passage):
            return
        first = self._add(hash(passage.id) & 0xFFFFFFFFFFFFFFFF, number)
        if first:
            remedy = "give each its own"
            if passage.section:
                remedy += "; an abstract comes right after its title"
            problem = f"the id {passage.id} stands on line {first} already"
            raise files.InputError(problem, self._place, number, remedy)

    def _add(self, key, number):
        """Adds a hash; the line it was added with if it is there already, else None."""
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


def same_document(before, after):
    """Whether Passage `after` is the abstract to the title right before it."""
    return (before.id, before.section, after.section) == (after.id, *SECTIONS)


# Words


def spans(passage):
    """The (start, end) of a Passage's words in its text: as given, or word_spans."""
    if passage.words is None:
        return word_spans(passage.text)
    found, start = [], 0
    for word in passage.words:
        found.append((start, start + len(word)))
        start += len(word) + 1
    return found
