"""People's own text in all its forms, read a passage at a time.

    format    names             what is read
    plain     .txt              a passage a line; its id is the number of the line
    pairs     .tsv              `id<TAB>text` a line, without a header
    tsv       .tsv              columns with a header line: an id and texts
    csv       .csv              the same as spreadsheets write it
    jsonl     .jsonl .ndjson    a JSON object a line, with "id" and "text" (also .json)
    bioc      .json             BioC-JSON
    xml       .xml              PubMed's XML, or BioC's
    medline   .nbib .medline    PubMed's records with tags
    pubtator  .pubtator         `id|t|title` and `id|a|abstract`; all else is skipped
    conll     .conll            a word a line (first column), a blank line after each
                                sentence; its id is the number of its first line
    document                    the whole file; its id is the file's name

Each of them may be compressed (.gz). Any other name, and "-" (standard input), is read
as what its beginning looks like. A file that looks like something else than its name
says is not read, unless the format is given. Several files, a pattern (*.xml.gz) or a
folder of .txt, each a document, are one input, in which no id may come twice.

Files are UTF-8; a byte-order mark and CRLF are read. Only ids are kept in memory, and
of BioC-JSON and documents a file at a time.
"""

import glob
import os
from typing import (
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Tuple,
)

from biocodes.lib import (
    bioc_documents,
    files,
    line_formats,
    medline,
    passages,
    pubmed_xml,
    safe_xml,
    shapes,
    tables,
    unpacked,
)
from biocodes.lib.line_formats import File, Numbered, Options
from biocodes.lib.passages import Passage
from biocodes.lib.shapes import Look
from biocodes.lib.unpacked import COMPRESSED, STREAM

DOCUMENT = "document"
NO_OPTIONS = Options()


class Format(NamedTuple):
    """A format of text.

    Attributes:
      read: yields (line number, Passage) of a file.
      endings: of the names that say it.
      looks: formats that such a file may look like; None if its reader
        refuses all else.
    """

    read: Callable[[File, Options], Numbered]
    endings: Tuple[str, ...] = ()
    looks: Optional[FrozenSet[str]] = None


def _read_xml(file: File, options: Options) -> Numbered:
    """Read PubMed's XML or BioC's, which the outermost element tells."""
    roots = dict(bioc_documents.ROOTS)
    roots.update((root, pubmed_xml.RECORDS) for root in pubmed_xml.ROOTS)
    for number, tree in safe_xml.records(file.blocks, roots, file.name):
        if tree.tag == "document":
            document = bioc_documents.of_xml(tree, file.name, number)
            for passage in bioc_documents.passages_of([document], file.name):
                yield number, passage
        else:
            yield from pubmed_xml.passages_of(tree, file.name, number)


FORMATS: Dict[str, Format] = {
    "plain": Format(line_formats.read_plain, (".txt",), frozenset(["plain"])),
    "pairs": Format(line_formats.read_pairs),
    "tsv": Format(tables.read_tsv, (".tsv",), frozenset(["plain", "pairs", "tsv"])),
    "csv": Format(tables.read_csv, (".csv",), frozenset(["plain", "csv", "tsv"])),
    "jsonl": Format(line_formats.read_json_lines, (".jsonl", ".ndjson", ".json")),
    "bioc": Format(bioc_documents.read_json),
    "xml": Format(_read_xml, (".xml",)),
    "medline": Format(medline.read, (".nbib", ".medline")),
    "pubtator": Format(line_formats.read_pubtator, (".pubtator",)),
    "conll": Format(
        line_formats.read_conll, (".conll",), frozenset(["plain", "pairs", "conll"])
    ),
    DOCUMENT: Format(line_formats.read_document),
}
_BY_ENDING = {
    ending: name for name, format in FORMATS.items() for ending in format.endings
}


def read_passages(
    path: str,
    stdin: Optional[Iterable[bytes]] = None,
    options: Options = NO_OPTIONS,
) -> Iterator[Passage]:
    """Yield the Passages of an input as they are read, see the head of this module.

    A document is one passage, or a title and right after it the abstract of the same
    id. Texts may be empty, but for plain text, where blank lines are skipped.

    Args:
      path: see files_of.
      stdin: lines that "-" stands for instead of standard input.
      options: what is said of the input.

    Raises:
      InputError: when it comes to a line that is wrong, or there is no passage in a
        file, or a file looks like something else than its name says.
    """
    paths, options = _files_and_options(path, options)
    known_ids = passages.KnownIds()
    for path in paths:
        name = files.STANDARD_INPUT if path == STREAM else path
        known_ids.begin(name)
        empty = True
        for passage in _read_file(path, stdin, options, known_ids, len(paths) == 1):
            empty = False
            yield passage
        if empty:
            raise files.InputError("there is no passage in it", name)


# Which files


def files_of(path: str) -> List[str]:
    """List the files that an input names.

    Args:
      path: a file, "-" for standard input, a pattern, a folder of .txt, or several of
        these with commas between them. What exists as it is written is one of them,
        commas and all.

    Raises:
      InputError: a pattern or a folder has no file, or a file is named twice.
    """
    whole = path == STREAM or os.path.lexists(path)
    listed = [
        file for part in ([path] if whole else path.split(",")) for file in _files(part)
    ]
    if len(set(listed)) < len(listed):
        twice = next(file for file in listed if listed.count(file) > 1)
        raise files.InputError("is named twice", twice)
    return listed


def can_be_read_again(path: str) -> bool:
    """Return whether an input has no stream, which can be read only once."""
    return all(unpacked.is_regular(file) for file in files_of(path))


def _files(path: str) -> List[str]:
    if os.path.isdir(path):
        try:
            names = sorted(os.listdir(path))
        except OSError as error:
            raise files.unreadable(path, error) from error
        texts = [name for name in names if name.lower().endswith((".txt", ".txt.gz"))]
        if not texts:
            pattern = os.path.join(path, "*.xml.gz")
            raise files.InputError(
                "there is no .txt in this folder",
                path,
                remedy=f"name files of other kinds by a pattern, such as {pattern}",
            )
        return [os.path.join(path, name) for name in texts]
    if path != STREAM and not os.path.lexists(path) and glob.has_magic(path):
        found = sorted(file for file in glob.glob(path) if os.path.isfile(file))
        if not found:
            raise files.InputError("no file is called so", path)
        return found
    return [path]


def _files_and_options(path: str, options: Options) -> Tuple[List[str], Options]:
    """List the files; those of a folder are documents if nothing else is said."""
    if os.path.isdir(path) and options.input_format is None:
        options = options._replace(input_format=DOCUMENT)
    return files_of(path), options


# One file


def _read_file(path, stdin, options, known_ids, is_alone):
    name = files.STANDARD_INPUT if path == STREAM else path
    base = "stdin" if path == STREAM else os.path.basename(path)
    if base.lower().endswith(COMPRESSED):
        base = base[: -len(COMPRESSED)]
    stem, ending = os.path.splitext(base)
    with unpacked.opened(path, name, stdin) as (head, blocks_of):
        files.check_text(head, name)
        text = _whole_lines(head)
        kind = options.input_format or _format_of(ending.lower(), text, name, options)
        blocks = blocks_of("xml" if kind == "xml" else "lines")
        numbered = FORMATS[kind].read(File(blocks, name, stem, is_alone), options)
        # Numbers of lines are different.
        are_known = kind == "plain" and is_alone
        for number, passage in numbered:
            if not are_known:
                known_ids.check(passage, number)
            yield passage


def _whole_lines(head: bytes) -> str:
    """Decode the beginning of a file for a look at it, without a line that is cut."""
    if head.startswith(files.BYTE_ORDER_MARK):
        head = head[len(files.BYTE_ORDER_MARK) :]
    if len(head) >= unpacked.HEAD and b"\n" in head:
        head = head[: head.rindex(b"\n")]
    return head.decode("utf-8", "replace").replace("\r\n", "\n")


def _format_of(ending: str, head: str, name: str, options: Options) -> str:
    """Return the format of a file, by its name and what it looks like.

    Raises:
      InputError: the two do not go together, or nothing is known of either.
    """
    look = shapes.look_at(head)
    kind = _BY_ENDING.get(ending)
    if kind is None:
        if look.format is None:
            raise _unlike(name, look, "which is not read as it is")
        return look.format
    if ending == ".json" and look.format == "bioc":
        return "bioc"
    looks = FORMATS[kind].looks
    if kind in ("csv", "tsv") and (options.text_column or options.id_column):
        looks = None
    if kind == "conll" and _is_prose(head):
        raise _unlike(name, shapes.PLAIN, f"not what {ending} says")
    if looks is not None and look.format not in looks:
        raise _unlike(name, look, f"not what {ending} says")
    return kind


def _is_prose(head: str) -> bool:
    """Return whether lines have numbers of words as texts have them."""
    widths = sorted(len(line.split()) for line in head.split("\n") if line.strip())
    return bool(widths) and widths[len(widths) // 2] > 6 and widths[0] != widths[-1]


def _unlike(name: str, look: Look, problem: str) -> files.InputError:
    known = look.format not in (None, "plain")
    decided = f"--input_format={look.format} reads it as that, " if known else ""
    return files.InputError(
        f"this looks like {look.words}, {problem}",
        name,
        remedy=f"{decided}--input_format=plain takes each line as a passage,"
        " --input_format=document the whole file",
    )
