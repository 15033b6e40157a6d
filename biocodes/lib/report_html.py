"""The parts that a run's report is made of: sections, tables, filters, items."""

import zlib
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

from biocodes.lib.page_text import escaped, shown

# What a page has of the errors of a run at most, whatever the size of the data.
MOST_ITEMS = 2000
MOST_CHARACTERS = 2_000_000
MOST_FREQUENT = 40


# Text


def text_of(value: str) -> str:
    """Return a text as HTML."""
    return escaped(shown(value))


def percent(share: Optional[float], digits: int = 2) -> str:
    """Write a share as "83.52", None as "–"."""
    return "–" if share is None else f"{100 * share:.{digits}f}"


def note(text: str) -> str:
    """Make a paragraph of small print."""
    return f'<p class="note">{text_of(text)}</p>\n'


def section(title: str, *parts: str) -> str:
    """Make a section of parts that are HTML."""
    return f"<section>\n<h2>{text_of(title)}</h2>\n{''.join(parts)}</section>\n"


# Tables


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    caption: str = "",
    kind: str = "",
) -> str:
    """Make a table whose first column has names and the others numbers.

    Args:
      head: names of the columns; [] for none.
      rows: cells, as text.
      caption: above it.
      kind: a class.
    """
    parts = [f'<div class="scroll"><table class="{kind}">']
    if caption:
        parts.append(f"<caption>{text_of(caption)}</caption>")
    if head:
        cells = [f'<th scope="col">{text_of(head[0])}</th>']
        cells += [
            f'<th class="n" scope="col">{text_of(cell)}</th>' for cell in head[1:]
        ]
        parts.append(f"<thead><tr>{''.join(cells)}</tr></thead>")
    parts.append("<tbody>")
    for name, *cells in rows:
        numbers = "".join(f'<td class="n">{text_of(cell)}</td>' for cell in cells)
        parts.append(f'<tr><th scope="row">{text_of(name)}</th>{numbers}</tr>')
    parts.append("</tbody></table></div>\n")
    return "".join(parts)


def facts(rows: Sequence[Tuple[str, str]]) -> str:
    """Make a table of (name, HTML)."""
    lines = "".join(
        f'<tr><th scope="row">{text_of(name)}</th><td>{value}</td></tr>\n'
        for name, value in rows
    )
    return f'<table class="facts"><tbody>\n{lines}</tbody></table>\n'


class Matrix(NamedTuple):
    """A table of confusions.

    Attributes:
      rows, columns: names.
      counts: [row][column]; None: there can be none.
      caption: above it.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    counts: Sequence[Sequence[Optional[int]]]
    caption: str


def matrix(values: Matrix) -> str:
    """Make a table of confusions, its cells the darker the larger they are in a row."""
    head = "".join(f'<th scope="col">{text_of(name)}</th>' for name in values.columns)
    parts = [
        f'<div class="scroll"><table class="matrix"><caption>{text_of(values.caption)}'
        f"</caption><thead><tr><td></td>{head}</tr></thead><tbody>"
    ]
    for name, counts in zip(values.rows, values.counts):
        total = sum(count or 0 for count in counts) or 1
        cells = "".join(
            "<td></td>"
            if count is None
            else f'<td class="{"hit" if column == name else ""}"'
            f' style="--share:{count / total:.3f}">{count:,}</td>'
            for column, count in zip(values.columns, counts)
        )
        parts.append(f'<tr><th scope="row">{text_of(name)}</th>{cells}</tr>')
    return "".join([*parts, "</tbody></table></div>\n"])


# Items and their filters


class Box(NamedTuple):
    """A box of a filter: what its items have, its HTML, and how many there are."""

    value: int
    label: str
    count: int


class Filter(NamedTuple):
    """The filter of a list of items.

    Attributes:
      name: id of the list.
      kinds, labels: boxes; no labels: there is nothing to choose.
      items, parts: words for one and for several, as in "sentence|sentences"; no
        parts: an item is the only part of its own.
    """

    name: str
    kinds: Sequence[Box]
    labels: Sequence[Box]
    items: str
    parts: str = ""


def filter_form(given: Filter, label_title: str = "Labels") -> str:
    """Make the form of a filter, for where scripts run."""
    groups = [("Kinds", "k", given.kinds), (label_title, "t", given.labels)]
    fieldsets = []
    for title, name, boxes in groups:
        if not boxes:
            continue
        labels = "".join(
            f'<label><input type="checkbox" name="{name}" value="{box.value}" checked> '
            f'{box.label} <span class="count">{box.count:,}</span></label>\n'
            for box in boxes
        )
        button = ""
        if len(boxes) > 2:
            button = '<button type="button" class="all tools">all or none</button>'
        fieldsets.append(
            f"<fieldset><legend>{title}</legend>\n{labels}{button}</fieldset>\n"
        )
    words = f' data-items="{given.items}"'
    words += f' data-parts="{given.parts}"' if given.parts else ""
    return (
        f'<form class="filter" autocomplete="off" data-for="{given.name}"{words}>\n'
        f'{"".join(fieldsets)}<div class="tools"><label>search <input type="search"'
        ' name="search"></label> <output></output> <span class="only" hidden>only'
        ' <b></b> <button type="button">show all</button></span></div>\n</form>\n'
    )


def item_list(name: str, items: Sequence[str]) -> str:
    """Make the list of items, each an <li>."""
    return f'<ul class="items" id="{name}">\n{"".join(items)}</ul>\n'


class Sample:
    """Keeps some of many items, always the same ones, spread over all of them.

    Each item has a number and a rank; those of a lower rank are kept first and, of the
    same rank, those whose number has the lowest checksum. Items over the limits go, so
    no more is in memory than a page has.

    Attributes:
      total: how many items were given.
    """

    def __init__(
        self, most: int = MOST_ITEMS, characters: int = MOST_CHARACTERS
    ) -> None:
        self.total = 0
        self._most, self._characters = most, characters
        self._kept: List[Tuple[int, int, int, Any, int]] = []
        self._size = 0
        self._worst: Optional[Tuple[int, int]] = None

    def add(self, number: int, item: Any, size: int, rank: int = 0) -> None:
        """Give an item; size: characters that it takes in the page."""
        self.total += 1
        key = (rank, zlib.crc32(b"%d" % number))
        if self._worst is not None and key >= self._worst:
            return
        self._kept.append((*key, number, item, size))
        self._size += size
        too_many = 2 * self._most, 2 * self._characters
        if len(self._kept) > too_many[0] or self._size > too_many[1]:
            self._cut()

    def items(self) -> List[Any]:
        """Return the items that are kept, by rank and then by number."""
        self._cut()
        kept = sorted(self._kept, key=lambda entry: (entry[0], entry[2]))
        return [entry[3] for entry in kept]

    def said(self, what: str) -> str:
        """Say which of them the page has; "" if it has all."""
        count = len(self.items())
        if count == self.total:
            return ""
        return (
            f"The page has {count:,} of {self.total:,} {what}: a sample that is spread"
            " over the whole file and always the same."
        )

    def _cut(self) -> None:
        self._kept.sort(key=lambda entry: entry[:3])
        size = 0
        for count, entry in enumerate(self._kept):
            size += entry[4]
            if count == self._most or (size > self._characters and count):
                self._worst = entry[:2]
                size -= entry[4]
                del self._kept[count:]
                break
        self._size = size
