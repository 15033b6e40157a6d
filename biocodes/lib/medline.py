"""MEDLINE's format of PubMed records (.nbib): a tag of four letters, "- ", a value.

PMID- 25681447
TI  - A title that goes on
      in lines that are indented.
AB  - The abstract.
"""

import re
from typing import Dict, Iterator, List, Tuple

from biocodes.lib import files
from biocodes.lib.line_formats import File, Numbered, Options
from biocodes.lib.passages import Passage, check_id

# PubMed pads tags to four characters.
FIELD = re.compile(r"([A-Z][A-Z0-9]{1,3}) *- ?(.*)")
# The title of an article, of a book.
TITLES = ("TI", "BTI")


def read(file: File, options: Options) -> Numbered:
    """Read the titles and abstracts of records.

    The lines of a field are joined by a space. A record without an abstract is a title
    alone; one without either has an empty title, so that no record is missing.

    Raises:
      InputError: the file does not begin with PMID, a line belongs to no field, or a
        record has no PMID.
    """
    for number, record in _records(file):
        name = record["PMID"].strip()
        check_id(name, file.name, number)
        title = next((record[tag] for tag in TITLES if tag in record), "")
        yield number, Passage(name, "title", title)
        if "AB" in record:
            yield number, Passage(name, "abstract", record["AB"])


def _records(file: File) -> Iterator[Tuple[int, Dict[str, str]]]:
    """Yield (number of its first line, tag → its first value) of each record."""
    fields: List[Tuple[str, List[str]]] = []
    first_line = 0
    for number, line in file.lines():
        match = FIELD.fullmatch(line)
        if match and match.group(1) == "PMID":
            if fields:
                yield first_line, _joined(fields)
            fields, first_line = [], number
        if not line.strip():
            continue
        if not fields and not (match and match.group(1) == "PMID"):
            raise files.InputError(
                "no record of MEDLINE begins so",
                file.name,
                number,
                "each begins with PMID- and its number; name a file of another kind"
                " otherwise, or give --input_format",
            )
        if match:
            fields.append((match.group(1), [match.group(2)]))
        elif line[:1].isspace():
            fields[-1][1].append(line)
        else:
            raise files.InputError(
                "neither a field nor an indented line of one", file.name, number
            )
    if fields:
        yield first_line, _joined(fields)


def _joined(fields):
    record = {}
    for tag, lines in fields:
        record.setdefault(tag, " ".join(" ".join(lines).split()))
    return record
