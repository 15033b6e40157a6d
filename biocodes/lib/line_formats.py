"""Readers of text that has a passage, or a part of one, on each line.

A reader is a function of lines and options that yields (line number, Passage); the
table of them is in inputs.py.
"""

from typing import Iterable, Iterator, List, NamedTuple, Optional, Tuple

from biocodes.lib import files
from biocodes.lib.passages import (
    PUBTATOR,
    Passage,
    check_id,
    json_object,
    passage_of,
)

# (line number from 1, passage).
Numbered = Iterator[Tuple[int, Passage]]


class Options(NamedTuple):
    """What the user says of the input; None leaves it to the input.

    Attributes:
      input_format: a name of inputs.FORMATS.
      id_column, text_column: names of columns; text_column may be two with a comma
        between them, of titles and abstracts.
    """

    input_format: Optional[str] = None
    id_column: Optional[str] = None
    text_column: Optional[str] = None


class File(NamedTuple):
    """A file that is being read.

    Attributes:
      blocks: its bytes, line by line for all formats but XML.
      name: for messages.
      stem: its name without folder and endings.
      is_alone: whether it is the only file of the input.
    """

    blocks: Iterable[bytes]
    name: str
    stem: str
    is_alone: bool

    def lines(self) -> Iterator[Tuple[int, str]]:
        """Yield (line number from 1, text without its line end), see read_lines."""
        for number, raw in enumerate(self.blocks, 1):
            yield number, files.decode_line(raw, self.name, number)

    def numbered_id(self, number: int) -> str:
        """Make the id of a passage that has none: of the number of its line."""
        return str(number) if self.is_alone else f"{self.stem}:{number}"


def read_plain(file: File, options: Options) -> Numbered:
    """Read a passage a line; blank lines are skipped."""
    for number, text in file.lines():
        if text.strip():
            yield number, Passage(file.numbered_id(number), None, text)


def read_document(file: File, options: Options) -> Numbered:
    """Read the whole file as one passage, whose id is the name of the file."""
    check_id(file.stem, file.name)
    # Every character counts in offsets, so that they are those of the file.
    raw = b"".join(file.blocks)
    if raw.startswith(files.BYTE_ORDER_MARK):
        raw = raw[len(files.BYTE_ORDER_MARK) :]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = "not UTF-8 text"
        raise files.InputError(
            problem, file.name, line, "save the file as UTF-8"
        ) from error
    if text.strip():
        yield 1, Passage(file.stem, None, text)


def read_pairs(file: File, options: Options) -> Numbered:
    """Read an id, a tab and a text a line."""
    blank = None
    for number, line in file.lines():
        if not line.strip():
            blank = number
            continue
        columns = line.split("\t")
        remedy = "write an id, a tab and a text a line; or is it CoNLL, named .conll?"
        if blank is not None:
            raise files.InputError(
                "a blank line between texts", file.name, blank, remedy
            )
        if len(columns) != 2:
            problem = f"{files.columns_of(columns)} instead of 2"
            remedy += " More columns need a header line, see --text_column"
            raise files.InputError(problem, file.name, number, remedy)
        check_id(columns[0], file.name, number)
        yield number, Passage(columns[0], None, columns[1])


def read_json_lines(file: File, options: Options) -> Numbered:
    """Read a JSON object with "id" and "text" a line."""
    for number, line in file.lines():
        if line.strip():
            record = json_object(line, file.name, number)
            yield number, passage_of(record, file.name, number)


def read_pubtator(file: File, options: Options) -> Numbered:
    """Read titles and abstracts, id|t|title and id|a|abstract."""
    for number, line in file.lines():
        match = PUBTATOR.fullmatch(line)
        if match:
            name, letter, text = match.groups()
            section = "title" if letter == "t" else "abstract"
            check_id(name, file.name, number)
            yield number, Passage(name, section, text)
        elif line.strip() and "\t" not in line:
            raise files.InputError(
                "neither a text nor an annotation",
                file.name,
                number,
                "write id|t|title and id|a|abstract, each on one line",
            )


def read_conll(file: File, options: Options) -> Numbered:
    """Read sentences in columns, a word a line."""
    words: List[str] = []
    first_line = 0
    for number, line in file.lines():
        columns = line.split()
        if columns and columns[0] != "-DOCSTART-":
            first_line = first_line or number
            words.append(columns[0])
        elif words:
            yield first_line, _sentence(file, first_line, words)
            words, first_line = [], 0
    if words:
        yield first_line, _sentence(file, first_line, words)


def _sentence(file, first_line, words):
    name = file.numbered_id(first_line)
    return Passage(name, None, " ".join(words), tuple(words))
