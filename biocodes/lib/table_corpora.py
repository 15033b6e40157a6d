"""Rows of a .csv or .tsv as examples of relation extraction and question answering."""

import os
import re
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from biocodes.lib import files, tables, unpacked
from biocodes.lib.line_formats import File

ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
# Names of columns for each field, see tables.plain_name; the first are required.
RELATION_FIELDS = {
    "sentence": ("sentence", "text"),
    "label": ("label", "relation", "class"),
}
QUESTION_FIELDS = {
    "context": ("context", "passage", "text", "abstract"),
    "question": ("question", "query"),
    "answer": ("answer", "answers", "exactanswer"),
}


class Row(NamedTuple):
    """A row of a table.

    Attributes:
      id: of a column called id, else the number of its line.
      line: number of the line that it begins in.
      fields: field → cell.
    """

    id: str
    line: int
    fields: Dict[str, str]


def read(
    path: str, names: Dict[str, Sequence[str]], given: Dict[str, Optional[str]]
) -> List[Row]:
    """Read the rows of a table with a header line.

    Args:
      path: a .csv or .tsv.
      names: field → names of columns that it may have.
      given: field → name of its column as the user gives it, or None.

    Raises:
      InputError: a column is missing, or a row has another number of cells.
    """
    ending = os.path.splitext(path[:-3] if path.endswith(".gz") else path)[1]
    with unpacked.opened(path, path, None) as (_, blocks_of):
        file = File(blocks_of("lines"), path, os.path.basename(path), True)
        numbered = tables.csv_rows(file) if ending == ".csv" else tables.tsv_rows(file)
        return list(_rows(numbered, path, names, given))


def _rows(numbered, path, names, given) -> Iterator[Row]:
    line, header = next(numbered, (1, []))
    columns = {
        field: _column(header, known, given.get(field), (path, line), field)
        for field, known in names.items()
    }
    own = next(
        (
            i
            for i, cell in enumerate(header)
            if tables.plain_name(cell) in tables.ID_NAMES
        ),
        None,
    )
    empty = True
    for line, cells in numbered:
        if any(cell.strip() for cell in cells):
            tables.check_width(cells, header, (path, line))
            name = str(line) if own is None else cells[own].strip()
            fields = {
                field: cells[index]
                for field, index in columns.items()
                if index is not None
            }
            empty = False
            yield Row(name, line, fields)
    if empty:
        raise files.InputError("there is no row below the header line", path)


def _column(header, known, given, place, field):
    """Find the column of a field; answers may be without one."""
    if given:
        found = [i for i, cell in enumerate(header) if cell.strip() == given]
    else:
        found = [i for i, cell in enumerate(header) if tables.plain_name(cell) in known]
    if len(found) == 1:
        return found[0]
    if not found and not given and field == "answer":
        return None
    count = "no column" if not found else "more than one column"
    listed = ", ".join(files.quoted(cell) for cell in header)
    raise files.InputError(
        f"{count} for the {field} among {listed}",
        *place,
        f"call it {known[0]}, or name it by --columns={field}=NAME",
    )


# Relation extraction


def relation_row(row: Row, path: str) -> Tuple[str, str, str]:
    """Return (index, sentence, label) of a row, white space made one space.

    Raises:
      InputError: the sentence or the label is empty.
    """
    values = {field: " ".join(value.split()) for field, value in row.fields.items()}
    for field, value in values.items():
        if not value:
            raise files.InputError(f"the {field} is empty", path, row.line)
    return row.id, values["sentence"], values["label"]


# Question answering


def question_of(row: Row, path: str) -> Dict[str, Any]:
    """Make the paragraph, in SQuAD's form, of a row.

    The answer is looked for in the context, first as it is written and then whatever
    its capitals; where it stands several times, the first place counts.

    Raises:
      InputError: context or question is empty, or the answer is not in the context.
    """
    context, question = row.fields["context"], row.fields["question"].strip()
    for field, value in (("context", context.strip()), ("question", question)):
        if not value:
            raise files.InputError(f"the {field} is empty", path, row.line)
    item: Dict[str, Any] = {"id": row.id, "question": question}
    answer = row.fields.get("answer", "").strip()
    if "answer" in row.fields:
        start = context.find(answer) if answer else -1
        if start < 0 and answer:
            match = re.search(re.escape(answer), context, re.IGNORECASE)
            start = match.start() if match else -1
        if start < 0:
            raise files.InputError(
                f"the answer {files.quoted(answer)} does not stand in the context",
                path,
                row.line,
                "copy it from there",
            )
        text = context[start : start + len(answer)]
        item["answers"] = [{"text": text, "answer_start": start}]
    return {"context": context, "qas": [item]}


def squad(paragraphs: Sequence[Dict[str, Any]]) -> Dict[str, Any]:
    """Make the content of train.json or test.json."""
    return {"version": "1.1", "data": [{"title": "", "paragraphs": list(paragraphs)}]}
