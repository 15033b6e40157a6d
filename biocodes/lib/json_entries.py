"""A JSON object of a file, read entry by entry: files that memory should not hold."""

import codecs
import json
from typing import Any, Iterator, List, Tuple

from biocodes.lib import files

_SPACE = " \t\r\n"
# What may follow a value, or a key.
_AFTER = tuple(",:}" + _SPACE)


def read(path: str) -> Iterator[Tuple[str, Any]]:
    """Yield (key, value) of the object that a UTF-8 JSON file is.

    One entry at a time is in memory, besides a block of the file.

    Raises:
      InputError: the file cannot be read, or is no whole JSON object.
    """
    with files.open_binary(path) as stream:
        blocks = iter(lambda: stream.read(files.BLOCK), b"")
        try:
            yield from _Entries(codecs.iterdecode(blocks, "utf-8-sig")).all()
        except UnicodeDecodeError as error:
            raise files.InputError("is not UTF-8 text", path) from error
        except (ValueError, RecursionError) as error:
            if isinstance(error, files.InputError):
                raise
            problem = "not a JSON object"
            raise files.InputError(
                problem, path, remedy="is the file complete?"
            ) from error


class _Entries:
    """The text that is at hand, and where the next one comes from."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts, self._text, self._place = texts, "", 0
        self._decoder = json.JSONDecoder()

    def all(self) -> Iterator[Tuple[str, Any]]:
        self._take("{")
        if self._next() == "}":
            self._place += 1
        else:
            separator = ","
            while separator == ",":
                key = self._value()
                if not isinstance(key, str):
                    raise ValueError("a key that is no string")
                self._take(":")
                yield key, self._value()
                separator = self._next()
                self._place += 1
            if separator != "}":
                raise ValueError("no comma and no end")
        if self._next():
            raise ValueError("text after the end")

    def _next(self) -> str:
        """Skip white space; return the character there, "" at the end."""
        while True:
            while self._place < len(self._text):
                if self._text[self._place] not in _SPACE:
                    return self._text[self._place]
                self._place += 1
            if not self._read():
                return ""

    def _take(self, character: str) -> None:
        if self._next() != character:
            raise ValueError(f"no {character}")
        self._place += 1

    def _value(self) -> Any:
        """Parse a value, with as much more text as it takes."""
        self._next()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._place)
            except json.JSONDecodeError:
                if not self._read():
                    raise
                continue
            # A number may go on in the next block: "0." of 0.5 is 0 so far.
            if self._text[end : end + 1] not in _AFTER and self._read():
                continue
            self._place = end
            return value

    def _read(self) -> bool:
        """Take more text, as much again as there is; return whether there was any."""
        parts: List[str] = [self._text[self._place :]]
        wanted = max(len(parts[0]), 1)
        while wanted > 0:
            more = next(self._texts, None)
            if more is None:
                break
            parts.append(more)
            wanted -= len(more)
        self._text, self._place = "".join(parts), 0
        return len(parts) > 1
