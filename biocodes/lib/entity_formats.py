"""The formats that entities are written in and read from: one table of each."""

import contextlib
import os

from biocodes.lib import bioc, brat, entity_page, files, pubtator
from biocodes.lib.entities import conll_writer, documents, read_conll, read_jsonl

FORMATS = ("conll", "pubtator", "brat", "bioc", "html")


def check_formats(text):
    """Names with commas between them → the list of them, "" → [].

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


def convert(jsonl_path, folder, formats, title="Entities"):
    """Makes the files of other formats from an entities.jsonl, in constant memory.

    They appear in the folder when all of them are whole.

    Args:
      jsonl_path: an entities.jsonl; it is read twice for html.
      folder: is made if it is not there.
      formats: list of names of FORMATS.
      title: heading of the html page.

    Raises:
      InputError: see read_jsonl; or the folder cannot be written.
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
            entity_page.count_types(document, counts)
        if "html" in formats:
            page = files.whole_file(os.path.join(folder, "entities.html"))
            entity_page.write_page(
                stack.enter_context(page), read_jsonl(jsonl_path), title, counts
            )


WRITERS = {
    "conll": conll_writer,
    "pubtator": pubtator.writer,
    "brat": brat.writer,
    "bioc": bioc.writer,
}
READERS = {
    "jsonl": read_jsonl,
    "conll": read_conll,
    "pubtator": pubtator.read_pubtator,
    "brat": brat.read_brat,
    "bioc": bioc.read_bioc,
    "html": entity_page.read_html,
}
