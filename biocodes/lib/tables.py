"""Texts in tables with a header line: .csv as spreadsheets write it, and .tsv.

Cells of a .csv may be quoted and then hold separators, quotes (doubled) and line ends;
the separator is the comma, semicolon or tab that the header line is split by. In a
.tsv quotes are ordinary characters.
"""

import csv
import re
from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

from biocodes.lib import files
from biocodes.lib.line_formats import File, Numbered, Options, read_pairs
from biocodes.lib.passages import Passage, check_id

# Names of columns, lower-case and without all but letters and digits.
ID_NAMES = ("id", "pmid", "pubmedid", "docid", "documentid", "articleid", "paperid")
TITLE_NAMES = ("title", "articletitle")
ABSTRACT_NAMES = ("abstract", "abstracttext")
TEXT_NAMES = ("text", "sentence", "passage")
# As --id_column: rows are numbered by their lines.
NUMBERED = "none"
SEPARATORS = (",", ";", "\t")
# A spreadsheet that wants to say what separates cells does it in the first line.
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n?")
# The csv module's own limit is 131,072 characters a cell.
_LONGEST_CELL = 1 << 30
# (number of the line that a row begins in, its cells).
Rows = Iterator[Tuple[int, List[str]]]
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


class Columns(NamedTuple):
    """Where things are in a row: indices of columns.

    Attributes:
      id: None for the number of the line.
      texts: (section or None, index) of each text.
    """

    id: Optional[int]
    texts: List[Tuple[Optional[str], int]]


def plain_name(name: str) -> str:
    """Make a name of a column comparable: "Article Title" → "articletitle"."""
    return re.sub("[^a-z0-9]", "", name.lower())


def has_known_names(cells: Sequence[str]) -> bool:
    """Return whether the cells are a header line: at least two, one known by name."""
    names = [plain_name(cell) for cell in cells]
    known = {*TEXT_NAMES, *TITLE_NAMES, *ABSTRACT_NAMES}
    is_short = all(len(cell) <= 40 for cell in cells)
    return len(cells) > 1 and is_short and not known.isdisjoint(names)


def read_csv(file: File, options: Options) -> Numbered:
    """Read the rows of a .csv, whose first line names the columns.

    Raises:
      InputError: there is no such header, quotes do not close, or a row has another
        number of cells than the header.
    """
    yield from _passages(csv_rows(file), file, options)


def csv_rows(file: File) -> Rows:
    """Yield (line number, cells) of the rows of a .csv, the header first.

    Raises:
      InputError: it is no CSV.
    """
    lines = _texts(file)
    first = next(lines, "")
    given = _SEPARATOR_LINE.fullmatch(first)
    if given:
        first = next(lines, "")
    separator = given.group(1) if given else separator_of(first)
    csv.field_size_limit(_LONGEST_CELL)
    rows = csv.reader(_chained(first, lines), delimiter=separator, strict=True)
    before = begin = 2 if given else 1
    try:
        for cells in rows:
            yield begin, cells
            begin = before + rows.line_num
    except csv.Error as error:
        remedy = "cells with quotes or line ends in them have to be quoted"
        problem = f"not CSV ({error})"
        raise files.InputError(problem, file.name, begin, remedy) from error


def tsv_rows(file: File) -> Rows:
    """Yield (line number, cells) of the lines of a .tsv."""
    for number, line in file.lines():
        yield number, line.split("\t")


def read_tsv(file: File, options: Options) -> Numbered:
    """Read a .tsv: with a header line its columns, else an id, a tab and a text a line.

    Raises:
      InputError: as read_csv, or a text is quoted as a spreadsheet quotes it.
    """
    first: List[bytes] = []
    blocks = iter(file.blocks)
    for block in blocks:
        first.append(block)
        break
    file = file._replace(blocks=_chained(*first, blocks) if first else ())
    head = files.decode_line(first[0], file.name, 1) if first else ""
    if not (options.text_column or has_known_names(head.split("\t"))):
        yield from _checked_pairs(read_pairs(file, options), file, head)
        return
    for number, passage in _passages(tsv_rows(file), file, options):
        if _QUOTED.fullmatch(passage.text) and '""' in passage.text[1:-1]:
            raise files.InputError(
                "the text is quoted as spreadsheets do it",
                file.name,
                number,
                "--input_format=csv reads it without the quotes, which a .tsv keeps",
            )
        yield number, passage


def separator_of(line: str) -> str:
    """Return what separates the cells of a header line: most often a comma."""
    return max(SEPARATORS, key=line.count)


def _texts(file):
    """Yield the lines of a file with their line ends, which cells may hold."""
    for number, raw in enumerate(file.blocks, 1):
        end = "\r\n" if raw.endswith(b"\r\n") else "\n" if raw.endswith(b"\n") else ""
        yield files.decode_line(raw, file.name, number) + end


def _chained(first, rest):
    yield first
    yield from rest


def _checked_pairs(pairs, file, head):
    """Pass pairs on, unless the first line looks like a header of other names."""
    first = None
    for number, passage in pairs:
        if first is None:
            first = passage
        elif number == 2 and passage.id.isdigit() and re.fullmatch(r"\D+", first.id):
            raise files.InputError(
                f"{files.quoted(head)} may be a header line, of columns that are not"
                " known",
                file.name,
                1,
                "name them by --id_column and --text_column, or give"
                " --input_format=pairs if it is an id and a text",
            )
        yield number, passage


def _passages(rows, file, options):
    """Yield the passages of (number, cells), the first of which is the header."""
    first = next(rows, None)
    if first is None:
        return
    number, header = first
    columns = find_columns(header, options, (file.name, number))
    for number, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        check_width(cells, header, (file.name, number))
        if columns.id is None:
            name = file.numbered_id(number)
        else:
            name = cells[columns.id].strip()
            check_id(name, file.name, number)
        for section, index in columns.texts:
            yield number, Passage(name, section, cells[index])


def check_width(
    cells: Sequence[str], header: Sequence[str], place: Tuple[str, int]
) -> None:
    """Raise InputError unless a row has as many cells as the header."""
    if len(cells) != len(header):
        raise files.InputError(
            f"{files.columns_of(cells)} where the header has {len(header)}",
            *place,
            "is a cell with a separator in it not quoted?",
        )


def find_columns(
    header: Sequence[str], options: Options, place: Tuple[str, int]
) -> Columns:
    """Find the columns that are to be read.

    Args:
      header: names of the columns.
      options: the names that were given.
      place: file and line of the header, for messages.

    Raises:
      InputError: a column is missing, or there are two of its name.
    """
    if options.text_column:
        names = [name.strip() for name in options.text_column.split(",")]
        indices = [_index(header, name, "--text_column", place) for name in names]
        sections = (None,) if len(indices) == 1 else ("title", "abstract")
        if len(indices) > 2:
            raise files.InputError("names more than two columns", "--text_column")
        texts = list(zip(sections, indices))
    else:
        texts = _known_texts(header, place)
    if options.id_column == NUMBERED:
        return Columns(None, texts)
    if options.id_column:
        return Columns(_index(header, options.id_column, "--id_column", place), texts)
    index = _known(header, ID_NAMES, place)
    if index is None:
        raise files.InputError(
            f"no column is called id or pmid: {_listed(header)}",
            *place,
            f"name one by --id_column, or number the rows by --id_column={NUMBERED}",
        )
    return Columns(index, texts)


def _known_texts(header, place):
    """Find the text, or the title and the abstract."""
    text = _known(header, TEXT_NAMES, place)
    if text is not None:
        return [(None, text)]
    title = _known(header, TITLE_NAMES, place)
    abstract = _known(header, ABSTRACT_NAMES, place)
    if title is not None and abstract is not None:
        return [("title", title), ("abstract", abstract)]
    if title is None and abstract is None:
        raise files.InputError(
            f"no column is called text, abstract or title: {_listed(header)}",
            *place,
            "name one by --text_column",
        )
    return [(None, abstract if title is None else title)]


def _known(header, names, place):
    found = [i for i, cell in enumerate(header) if plain_name(cell) in names]
    if len(found) > 1:
        both = " and ".join(header[index] for index in found[:2])
        flag = "--id_column" if names is ID_NAMES else "--text_column"
        problem = f"the columns {both} could both be meant"
        raise files.InputError(problem, *place, f"name one by {flag}")
    return found[0] if found else None


def _index(header, name, flag, place):
    found = [index for index, cell in enumerate(header) if cell.strip() == name]
    if len(found) != 1:
        count = "no column" if not found else f"{len(found)} columns"
        raise files.InputError(
            f"{flag}: {count} called {files.quoted(name)} among {_listed(header)}",
            *place,
        )
    return found[0]


def _listed(header):
    return ", ".join(files.quoted(cell) for cell in header[:20])
