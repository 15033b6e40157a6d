"""What a file looks like, so that its name does not make it be misread.

Only the beginning of a file is looked at. Every shape that is told here is one that
people have and that would otherwise be read as something it is not.
"""

import csv
import json
import re
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

from biocodes.lib import conll, medline, tables
from biocodes.lib.passages import PUBTATOR

# Non-blank lines that are looked at.
LINES = 100

_MARKUP = re.compile(r"<(\?xml|!doctype|!--)|<[a-z][\w:.-]*(\s[^<>]*)?>\s*$", re.I)
_HTML = re.compile(r"<!doctype html|<(html|head|body|div|p|table)\b", re.I)
_BIOC = re.compile(r'\s*[\[{].*"(documents|passages|bioctype|PubTator3)"\s*:', re.S)
# As in a title, "DNA - a review", a tag is not alone.
_TAGGED = re.compile(r"[A-Z][A-Z0-9]{1,3} {0,2}- |%[A-Z0-9] ")
# A whole line of CSV with a quoted cell in it.
_QUOTED_CSV = re.compile(
    r'(?=.*(?:^|,)")(?:"(?:[^"]|"")*"|[^",]*)(?:,(?:"(?:[^"]|"")*"|[^",]*))+'
)
_HEADINGS = {"text", "abstract", "title", "sentence", "sentences", "passage", "id"}
_SENTENCE_END = tuple(".!?:;)]\"'”’")
# Lines that a program wrapped are of at most this width.
_WIDEST_WRAPPED = 132


class Look(NamedTuple):
    """What a file looks like.

    Attributes:
      format: name of the format that reads it; None if none does.
      words: what it is, for messages.
    """

    format: Optional[str]
    words: str


PLAIN = Look("plain", "plain text")


def look_at(head: str) -> Look:
    """Say what the beginning of a file looks like.

    Args:
      head: whole lines; one is enough to tell most shapes.
    """
    lines = [line for line in head.split("\n") if line.strip()][:LINES]
    if not lines:
        return PLAIN
    for of_shape in _SHAPES:
        look = of_shape(lines, head)
        if look is not None:
            return look
    return PLAIN


# Shapes: (non-blank lines, all of the head) → Look or None


def _markup(lines: Sequence[str], head: str) -> Optional[Look]:
    first = lines[0].strip()
    if not _MARKUP.match(first):
        return None
    if _HTML.match(first) or re.search(r"<html\b|<!doctype html", head, re.I):
        return Look(None, "HTML")
    return Look("xml", "XML")


def _json(lines: Sequence[str], head: str) -> Optional[Look]:
    first = lines[0].strip()
    if first[0] not in "{[":
        return None
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and "text" in value and "passages" not in value:
        return Look("jsonl", "JSON")
    if _BIOC.match(head):
        return Look("bioc", "BioC-JSON")
    if value is not None or first in ("{", "[", "[{") or first.startswith('{"'):
        return Look("jsonl", "JSON")
    return None


def _medline(lines: Sequence[str], head: str) -> Optional[Look]:
    match = medline.FIELD.fullmatch(lines[0])
    if match and match.group(1) == "PMID" and match.group(2).strip().isdigit():
        return Look("medline", "PubMed's MEDLINE format")
    tagged = [bool(_TAGGED.match(line)) for line in lines]
    if tagged[0] and sum(tagged) >= 3 and 3 * sum(tagged) >= len(tagged):
        return Look(None, "fields with tags, as of RIS or EndNote")
    return None


def _pubtator(lines: Sequence[str], head: str) -> Optional[Look]:
    return Look("pubtator", "PubTator") if PUBTATOR.fullmatch(lines[0]) else None


def _csv(lines: Sequence[str], head: str) -> Optional[Look]:
    first = lines[0].strip("\r")
    if tables.has_known_names(first.split("\t")):
        return Look("tsv", "a table with a header line")
    try:
        separator = tables.separator_of(first)
        cells = next(csv.reader([first], delimiter=separator, strict=True))
    except (csv.Error, StopIteration):
        cells = []
    if tables.has_known_names(cells) and all(cell == cell.strip() for cell in cells):
        return Look("csv", "CSV with a header line")
    if _QUOTED_CSV.fullmatch(first) and first.count(",") >= 1:
        return Look("csv", "CSV with quoted cells")
    return None


def _heading(lines: Sequence[str], head: str) -> Optional[Look]:
    if len(lines) > 1 and lines[0].strip().strip(':"').lower() in _HEADINGS:
        return Look(None, "a column with a header line")
    return None


def _columns(lines: Sequence[str], head: str) -> Optional[Look]:
    """Tell CoNLL, and lines that all have the same number of tabs."""
    rows = [line.split() for line in lines]
    if len(rows) >= 3 and all(len(row) == len(rows[0]) for row in rows):
        labels = {row[-1] for row in rows}
        if 2 <= len(rows[0]) <= 5 and _are_labels(labels):
            return Look("conll", "CoNLL, a word and its label a line")
    tabs = {line.count("\t") for line in lines}
    if len(lines) >= 2 and tabs == {1}:
        cells = [line.split("\t") for line in lines]
        texts = sum(len(first.split()) > 3 for first, _ in cells)
        if 2 * texts > len(lines) and all(len(last.split()) == 1 for _, last in cells):
            return Look(None, "a sentence and its label a line")
    if len(lines) >= 2 and len(tabs) == 1 and tabs != {0}:
        short = all(len(line.split("\t")[0].split()) == 1 for line in lines)
        return Look("pairs", "columns with tabs between them") if short else None
    return None


def _are_labels(labels) -> bool:
    tags = {conll.split_label(label)[0] for label in labels}
    return "O" in tags and tags <= {"O", "B", "I", "E", "S", "L", "U", "-X-"}


def _wrapped(lines: Sequence[str], head: str) -> Optional[Look]:
    return Look(None, "paragraphs over several lines") if is_wrapped(head) else None


def is_wrapped(head: str) -> bool:
    """Return whether paragraphs are over several lines that end within sentences."""
    all_lines = head.split("\n")[: 2 * LINES]
    widest = max(len(line.rstrip()) for line in all_lines)
    pairs = going_on = 0
    for line, following in zip(all_lines, all_lines[1:]):
        line, following = line.rstrip(), following.strip()
        if line and following:
            pairs += 1
            goes_on = following[0].islower() or line.endswith((",", "-"))
            full = 4 * len(line) >= 3 * widest
            going_on += goes_on and full and not line.endswith(_SENTENCE_END)
    is_usual = 40 <= widest <= _WIDEST_WRAPPED
    return is_usual and going_on >= 2 and 3 * going_on >= pairs


_SHAPES: Tuple[Callable[[List[str], str], Optional[Look]], ...] = (
    _markup,
    _json,
    _medline,
    _pubtator,
    _csv,
    _heading,
    _columns,
    _wrapped,
)
