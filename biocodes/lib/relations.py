"""The tab-separated files of relation extraction, read with errors that say where.

train.tsv and dev.tsv have two columns, sentence and label, and no header line.
test.tsv begins with the header line index, sentence, label and may leave out its
label column. Columns are separated by one tab, and quotes are ordinary characters.
Surrounding spaces are dropped from labels and header names; a sentence stays as it is.
"""

from typing import Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from biocodes.lib import files

BINARY_LABELS = ("0", "1")
# ChemProt's label of a pair of mentions that is none of its relations.
NO_RELATION = "false"
CHEMPROT_LABELS = ("cpr:3", "cpr:4", "cpr:5", "cpr:6", "cpr:9", NO_RELATION)
TEST_HEADER = ("index", "sentence", "label")


class Row(NamedTuple):
    """One example. index is None in train.tsv, label None where there are no labels."""

    line: int
    sentence: str
    label: Optional[str]
    index: Optional[str] = None


def read_train(path: str, may_be_empty: bool = False) -> List[Row]:
    """Read train.tsv or dev.tsv: Rows without index, in file order.

    Args:
      path: the file.
      may_be_empty: whether a label may be "".

    Raises:
      InputError: the file is empty, begins with a header line, or has a line that is
        not one sentence, a tab and one label.
    """
    rows = []
    for line, cells in read_cells(path):
        if line == 1:
            refuse_header(path, cells)
        check_width(path, line, cells, TEST_HEADER[1:])
        row = make_row(path, line, *cells)
        rows.append(row if may_be_empty else with_label(path, row))
    return rows


def read_test(path: str, may_be_empty: bool = False) -> Tuple[List[Row], bool]:
    """Read test.tsv: (Rows in file order, whether it has labels).

    An index is kept as it is written and need not be unique.

    Args:
      path, may_be_empty: as of read_train.

    Raises:
      InputError: as iterate_test.
    """
    rows = list(iterate_test(path, may_be_empty))
    return rows, is_labelled(rows)


def iterate_test(path: str, may_be_empty: bool = False) -> Iterator[Row]:
    """Yield the Rows of test.tsv one by one, for a file that memory should not hold.

    Args:
      path, may_be_empty: as of read_train.

    Raises:
      InputError: the file is empty or has no rows, does not begin with its header
        line, or has a line with other columns than its header.
    """
    header, row = None, None
    for line, cells in read_cells(path):
        if header is None:
            header = parse_header(path, cells)
            continue
        check_width(path, line, cells, header)
        index, sentence = cells[:2]
        label = cells[2] if header == TEST_HEADER else None
        row = make_row(path, line, sentence, label, index)
        yield row if may_be_empty else with_label(path, row)
    if row is None:
        raise files.InputError("no rows after the header line", path)


def is_labelled(rows: Sequence[Row]) -> bool:
    """Return whether the rows of a file have labels; all have, or none."""
    return rows[0].label is not None


def label_ids(rows: Iterable[Row], labels: Sequence[str], path: str) -> List[int]:
    """Find the place of each row's label in `labels`.

    Raises:
      InputError: a label is not one of `labels`; `path` is the file to name.
    """
    ids = {label: number for number, label in enumerate(labels)}
    for row in rows:
        if row.label not in ids:
            raise files.InputError(
                f"label {files.quoted(row.label)} is not one of {', '.join(labels)}",
                path,
                row.line,
            )
    return [ids[row.label] for row in rows]


def read_cells(path: str) -> Iterator[Tuple[int, List[str]]]:
    """Yield (line number, columns) of any tab-separated file.

    Empty lines at the end of the file are skipped.

    Raises:
      InputError: the file is empty, has an empty line before its last line with
        text, holds a NUL character, or cannot be read as UTF-8.
    """
    empty_line, line_with_text = None, None
    for line, text in files.read_lines(path):
        if not text:
            empty_line = empty_line or line
            continue
        if empty_line:
            raise files.InputError(
                "an empty line between others", path, empty_line, "delete it"
            )
        if "\0" in text:
            # UTF-16 read as UTF-8 looks like this, and would train without complaint.
            raise files.InputError(
                "holds a NUL character", path, line, "save the file as UTF-8 text"
            )
        line_with_text = line
        yield line, text.split("\t")
    if line_with_text is None:
        raise files.InputError("the file is empty", path)


def refuse_header(path: str, cells: Sequence[str]) -> None:
    """Raise InputError if the first line of train.tsv holds column names."""
    names = tuple(cell.strip().lower() for cell in cells)
    if names in (TEST_HEADER, TEST_HEADER[1:]):
        raise files.InputError(
            "a header line, which train.tsv and dev.tsv do not have",
            path,
            1,
            "delete the line" + (" and the index column" if len(names) == 3 else ""),
        )


def parse_header(path: str, cells: Sequence[str]) -> Tuple[str, ...]:
    """Return the columns that the first line of test.tsv names.

    Raises:
      InputError: it is not the header line.
    """
    names = tuple(cell.strip() for cell in cells)
    if names not in (TEST_HEADER, TEST_HEADER[:2]):
        raise files.InputError(
            "not the header line that test.tsv begins with",
            path,
            1,
            "begin the file with the line index<tab>sentence<tab>label "
            "(<tab>label may be left out)",
        )
    return names


def check_width(
    path: str, line: int, cells: Sequence[str], columns: Sequence[str]
) -> None:
    """Raise InputError unless the line has as many cells as there are columns."""
    if len(cells) != len(columns):
        raise files.InputError(
            f"{files.columns_of(cells)}, expected {len(columns)}",
            path,
            line,
            f"write {'<tab>'.join(columns)}",
        )


def make_row(
    path: str,
    line: int,
    sentence: str,
    label: Optional[str],
    index: Optional[str] = None,
) -> Row:
    """Make the Row of a line's cells.

    Raises:
      InputError: the sentence is empty.
    """
    if not sentence.strip():
        raise files.InputError("the sentence is empty", path, line)
    return Row(line, sentence, None if label is None else label.strip(), index)


def with_label(path: str, row: Row) -> Row:
    """Return a row; raise InputError if its label is empty."""
    if row.label == "":
        raise files.InputError("the label is empty", path, row.line)
    return row
