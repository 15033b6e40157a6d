"""The formats that entities are written in and read from: one table of each."""

import contextlib
import os
from typing import List, Sequence

from biocodes.lib import (
    bioc,
    brat,
    entity_columns,
    entity_page,
    entity_tables,
    files,
    pubtator,
)
from biocodes.lib.entities import count_types, documents, read_jsonl

# Format → context manager: folder → function that adds a document to it. The page is
# written apart, as it needs the counts of all types before the first passage.
WRITERS = {
    "conll": entity_columns.writer,
    "pubtator": pubtator.writer,
    "brat": brat.writer,
    "bioc": bioc.writer,
    "csv": entity_tables.writer,
    "summary": entity_tables.summary_writer,
}
FORMATS = (*WRITERS, "html")
# Format → function: path → iterator of Annotated. Tables do not hold the texts.
READERS = {
    "jsonl": read_jsonl,
    "conll": entity_columns.read,
    "pubtator": pubtator.read,
    "brat": brat.read,
    "bioc": bioc.read,
    "html": entity_page.read,
}


def check_formats(text: str) -> List[str]:
    """Parse names of formats with commas between them; "" is none.

    Raises:
      InputError: one is not in FORMATS.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in FORMATS:
            raise files.InputError(
                f"{name!r} is no format",
                "--output_formats",
                remedy=f"choose of {', '.join(FORMATS)}",
            )
    return sorted(set(names), key=FORMATS.index)


def convert(
    jsonl_path: str,
    folder: str,
    formats: Sequence[str],
    title: str = "Entities",
    made: str = "",
) -> None:
    """Make the files of other formats from an entities.jsonl, in constant memory.

    They appear in the folder when all of them are whole.

    Args:
      jsonl_path: an entities.jsonl; it is read twice for html.
      folder: is made if it is not there.
      formats: names of FORMATS.
      title: heading of the html page.
      made: how the entities were made, for its foot.

    Raises:
      InputError: as read_jsonl; or the folder cannot be written.
    """
    files.make_folder(folder)
    counts = {}
    with contextlib.ExitStack() as stack:
        writers = [
            stack.enter_context(WRITERS[name](folder))
            for name in formats
            if name in WRITERS
        ]
        for document in documents(read_jsonl(jsonl_path)):
            for write in writers:
                write(document)
            count_types(document, counts)
        if "html" in formats:
            page = files.whole_file(os.path.join(folder, "entities.html"))
            entity_page.write_page(
                stack.enter_context(page), read_jsonl(jsonl_path), title, counts, made
            )
