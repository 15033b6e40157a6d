"""Valid input, spoiled at random: bytes flipped, cut, doubled, fields swapped, …

A mutation is a function (content, random) → content. `mutated` applies a few of them.
The same seed gives the same content, so that a case can be run again.
"""

import random
import re
from typing import Callable, List, Tuple

Mutation = Callable[[bytes, random.Random], bytes]

# What readers meet in other people's files.
_ODD = (
    b"\0",
    b"\r",
    b"\n",
    b"\n\n",
    b"\t",
    b" ",
    b'"',
    b"\\",
    b"{",
    b"]",
    b"|",
    b"-",
    b"##",
    b"\xef\xbb\xbf",  # byte-order mark
    b"\xff\xfe",
    b"\xe9",  # é in latin-1
    b"\xed\xa0\x80",  # half of a surrogate pair
    "\u2028".encode(),
    "\u0301\u200b\U0001f600".encode(),
    b"\\ud800",
    b"[CLS]",
    b"-DOCSTART-",
    b"__proto__",
    b"../../x",
    b"<script>",
)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_NUMBERS = (
    b"-1",
    b"0",
    b"-0.0",
    b"1.5",
    b"1e999",
    b"-1e999",
    b"NaN",
    b"Infinity",
    b"2147483648",
    b"9223372036854775808",
    b"1" + b"0" * 30,
    b"9" * 5000,
    b"1e-400",
    "\u0663".encode(),  # a digit of another script
    b"",
)
# A string, a number or a word of JSON, and what may stand in its place.
_JSON_VALUE = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null')
_JSON_VALUES = (
    b"null",
    b"true",
    b"0",
    b"-7",
    b"1.5",
    b"1e999",
    b"NaN",
    b'""',
    b'"\\ud83d"',
    b'"\\u0000\\n"',
    b"[]",
    b"{}",
    b"[[[[]]]]",
    b'{"id": []}',
    b"[" * 3000,
    b"1" + b"0" * 30,
)


# What follows the name of a field in JSON, in HTML, among flags.
_FIELD_VALUE = re.compile(rb'="[^"]*"|=\S+|: *(?:"(?:[^"\\]|\\.)*"|[^\s,"}]+)')


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Spoil content by one to three mutations."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        content = rng.choice(MUTATIONS)(content, rng)
    return content


# Bytes


def _flip(content: bytes, rng: random.Random) -> bytes:
    """Change some bytes."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _flip_bit(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    if changed:
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(content: bytes, rng: random.Random) -> bytes:
    """Keep the beginning, or the end."""
    place = rng.randint(0, len(content))
    return content[:place] if rng.random() < 0.8 else content[place:]


def _remove(content: bytes, rng: random.Random) -> bytes:
    start, end = _span(content, rng)
    return content[:start] + content[end:]


def _double(content: bytes, rng: random.Random) -> bytes:
    """Repeat a part, or all of it."""
    if rng.random() < 0.2:
        return content * 2
    start, end = _span(content, rng)
    return content[:end] + content[start:]


def _insert(content: bytes, rng: random.Random) -> bytes:
    place = rng.randint(0, len(content))
    return content[:place] + rng.choice(_ODD) + content[place:]


def _span(content: bytes, rng: random.Random) -> Tuple[int, int]:
    start = rng.randint(0, len(content))
    return start, min(start + rng.choice((1, 2, 16, 300)), len(content))


# Fields


def _swap_fields(content: bytes, rng: random.Random) -> bytes:
    """Let two fields of a line, or two lines, change places."""
    separator = rng.choice((b"\n", b"\t", b" ", b",", b":", b"|"))
    fields = content.split(separator)
    if len(fields) > 1:
        first = rng.randrange(len(fields))
        second = rng.choice((first - 1, rng.randrange(len(fields))))
        fields[first], fields[second] = fields[second], fields[first]
    return separator.join(fields)


def _change_separator(content: bytes, rng: random.Random) -> bytes:
    separators = (b"\t", b" ", b"\n", b",", b":", b"")
    old, new = rng.choice(separators[:-1]), rng.choice(separators)
    place = content.find(old, rng.randint(0, len(content)))
    if place < 0:
        return content
    return content[:place] + new + content[place + len(old) :]


def _change_number(content: bytes, rng: random.Random) -> bytes:
    return _replace(content, _NUMBER, _NUMBERS, rng)


def _change_json(content: bytes, rng: random.Random) -> bytes:
    return _replace(content, _JSON_VALUE, _JSON_VALUES, rng)


def _drop_value(content: bytes, rng: random.Random) -> bytes:
    """Leave a field its name alone."""
    return _replace(content, _FIELD_VALUE, (b"", b"", b": ", b"="), rng)


def _replace(
    content: bytes,
    pattern: "re.Pattern[bytes]",
    values: Tuple[bytes, ...],
    rng: random.Random,
) -> bytes:
    """Replace a match by one of some values, or by another match."""
    matches = list(pattern.finditer(content))
    if not matches:
        return content
    match = rng.choice(matches)
    value = rng.choice((*values, rng.choice(matches).group()))
    return content[: match.start()] + value + content[match.end() :]


MUTATIONS: List[Mutation] = [
    _flip,
    _flip_bit,
    _cut,
    _remove,
    _double,
    _insert,
    _swap_fields,
    _change_separator,
    _change_number,
    _change_json,
    _drop_value,
]
