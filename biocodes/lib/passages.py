"""Passages: stretches of text that a model reads, their ids and their words."""

import array
import json
import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from biocodes.lib import files
from tokenization import word_spans

SECTIONS = ("title", "abstract")
# id, "t" or "a", text.
PUBTATOR = re.compile(r"([^|\t]+)\|([ta])\|(.*)")

_CONTROL = re.compile("[\0-\x1f\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Of a place in KnownIds: the line; the bits above are the number of the file.
_LINE_BITS = 40


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


def same_document(before: Passage, after: Passage) -> bool:
    """Return whether `after` is the abstract to the title right before it."""
    return (before.id, before.section, after.section) == (after.id, *SECTIONS)


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
    check_id(name, path, number)
    if section not in SECTIONS:
        section = None
    return Passage(name, section, record["text"])


# Ids


def check_id(name: str, path: str, number: Optional[int] = None) -> None:
    """Raise InputError for an id that other formats could not carry.

    Args:
      name: the id.
      path, number: file and line, for messages.
    """
    if not name.strip():
        raise files.InputError("the id is empty", path, number)
    if _CONTROL.search(name):
        raise files.InputError("a control character in the id", path, number)


class KnownIds:
    """In which line of which file each id came first, so that none comes twice.

    An open-addressing table of 64-bit hashes, which takes 24 to 48 bytes an id; a dict
    of strings would take some 200. Two ids of one hash are met once in 10^19 pairs.
    """

    def __init__(self) -> None:
        self._paths: List[str] = []
        self._before = None
        self._count = 0
        self._make(1 << 10)

    def _make(self, size):
        self._size = size
        self._hashes = array.array("Q", bytes(8 * size))
        self._places = array.array("Q", bytes(8 * size))  # 0: the slot is free

    def begin(self, path: str) -> None:
        """Say which file the ids are from, from now on."""
        self._paths.append(path)
        self._before = None

    def check(self, passage: Passage, number: int) -> None:
        """Remember the id of the passage on a line.

        Raises:
          InputError: another document has it.
        """
        before, self._before = self._before, passage
        if before is not None and same_document(before, passage):
            return
        place = len(self._paths) << _LINE_BITS | number
        known = self._add(hash(passage.id) & 0xFFFFFFFFFFFFFFFF, place)
        if known:
            file, line = known >> _LINE_BITS, known & ((1 << _LINE_BITS) - 1)
            where = f"line {line}"
            if file != len(self._paths):
                where += f" of {self._paths[file - 1]}"
            remedy = "give each its own"
            if passage.section:
                remedy += "; an abstract comes right after its title"
            problem = f"the id {passage.id} stands on {where} already"
            raise files.InputError(problem, self._paths[-1], number, remedy)

    def _add(self, key, place):
        """Add a hash, or return the place it was added with if it is there already."""
        slot = key % self._size
        while self._places[slot]:
            if self._hashes[slot] == key:
                return self._places[slot]
            slot = (slot + 1) % self._size
        self._hashes[slot], self._places[slot] = key, place
        self._count += 1
        if 3 * self._count > 2 * self._size:
            entries = zip(self._hashes, self._places)
            self._count = 0
            self._make(2 * self._size)
            for old_key, old_place in entries:
                if old_place:
                    self._add(old_key, old_place)
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
