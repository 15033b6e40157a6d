"""BioCreative VI's ChemProt corpus, read from its tab-separated files.

A set of the corpus has three files: *_abstracts*.tsv (pmid, title, abstract),
*_entities*.tsv (mentions, with offsets into title, one space, abstract) and
*_relations*.tsv or *_gold_standard*.tsv (which pairs of mentions are related).
"""

import fnmatch
import os
import re
from typing import Dict, Iterator, List, NamedTuple, Sequence, Tuple

from biocodes.lib import files
from biocodes.lib.relations import (
    CHEMPROT_LABELS,
    NO_RELATION,
    check_width,
    read_cells,
)

# The groups of relations that the task evaluates.
RELATIONS = tuple(label for label in CHEMPROT_LABELS if label != NO_RELATION)
# The corpus says GENE-Y of mentions that a database knows, GENE-N of others.
MENTION_TYPES = {
    "CHEMICAL": "CHEMICAL",
    "GENE": "GENE",
    "GENE-Y": "GENE",
    "GENE-N": "GENE",
}
_OFFSET = re.compile("[0-9]{1,9}")
_GROUP = re.compile("CPR:[0-9]+")


class Mention(NamedTuple):
    """A mention of a CHEMICAL or GENE at text[start:end] of its abstract."""

    id: str
    type: str
    start: int
    end: int


class Abstract(NamedTuple):
    """One document. relations: (chemical id, gene id) → evaluated labels in order."""

    pmid: str
    text: str
    body: int  # where the text after the title begins
    mentions: Dict[str, Mention]
    relations: Dict[Tuple[str, str], List[str]]


class _Line(NamedTuple):
    """Where a line is, for messages about it."""

    path: str
    number: int

    def error(self, problem, remedy=None):
        """Make the InputError that names the line."""
        return files.InputError(problem, self.path, self.number, remedy)


def find_files(folder: str, prefix: str) -> Dict[str, str]:
    """Find one set's files in a folder or below it.

    Args:
      folder: where to look.
      prefix: beginning of their names, may be empty.

    Returns:
      {"abstracts", "entities", "relations": path}.

    Raises:
      InputError: one is missing, or there are several.
    """
    if not os.path.isdir(folder):
        raise files.InputError("no such folder", folder)
    chosen = {}
    for kind in ("abstracts", "entities", "relations", "gold_standard"):
        pattern = f"{prefix}*{kind}*.tsv"
        paths = _matching(folder, pattern)
        if len(paths) > 1:
            raise files.InputError(
                f"several files {pattern}: {', '.join(paths)}",
                folder,
                remedy="give a folder with one of them",
            )
        if paths:
            chosen[kind] = paths[0]
    gold_standard = chosen.pop("gold_standard", None)
    if gold_standard:
        chosen.setdefault("relations", gold_standard)
    for kind in ("abstracts", "entities", "relations"):
        if kind not in chosen:
            raise files.InputError(f"no file {prefix}*{kind}*.tsv in it", folder)
    return chosen


def read_corpus(paths: Dict[str, str]) -> List[Abstract]:
    """Read one set's files, as find_files names them: Abstracts in file order.

    Raises:
      InputError: a line is not of the corpus's form, or does not fit the others.
    """
    abstracts = _read_abstracts(paths["abstracts"])
    _read_entities(paths["entities"], abstracts)
    _read_relations(paths["relations"], abstracts)
    return list(abstracts.values())


def _matching(folder, pattern):
    """Return the sorted paths of files at or below a folder whose names fit."""
    paths = []
    for parent, folders, names in os.walk(folder):
        # Archives packed on a Mac carry a hidden double of each file.
        folders[:] = [name for name in folders if name != "__MACOSX"]
        names = fnmatch.filter(names, pattern)
        paths += [os.path.join(parent, name) for name in names if name[0] != "."]
    return sorted(paths)


def _read_columns(
    path: str, columns: Sequence[str]
) -> Iterator[Tuple[_Line, List[str]]]:
    """Yield (line, cells) of a file in which every line has these columns."""
    for number, cells in read_cells(path):
        check_width(path, number, cells, columns)
        yield _Line(path, number), cells


def _read_abstracts(path):
    """Read *_abstracts.tsv: {pmid: Abstract}, without mentions and relations yet."""
    abstracts = {}
    columns = ("pmid", "title", "abstract")
    for line, (pmid, title, body) in _read_columns(path, columns):
        pmid = pmid.strip()
        if pmid in abstracts:
            raise line.error(f"a second abstract {pmid}")
        text = f"{title} {body}"
        abstracts[pmid] = Abstract(pmid, text, len(title) + 1, {}, {})
    return abstracts


def _read_entities(path, abstracts):
    """Read *_entities.tsv into the mentions of the abstracts."""
    columns = ("pmid", "term", "type", "start", "end", "text")
    for line, cells in _read_columns(path, columns):
        pmid, term, kind, start, end = (cell.strip() for cell in cells[:5])
        abstract = _find(abstracts, pmid, "abstract", line)
        if term in abstract.mentions:
            raise line.error(f"a second {files.quoted(term)} of abstract {pmid}")
        if kind not in MENTION_TYPES:
            raise line.error(
                f"type {files.quoted(kind)} is not one of {', '.join(MENTION_TYPES)}"
            )
        span = _check_span(abstract.text, (start, end), cells[5], line)
        abstract.mentions[term] = Mention(term, MENTION_TYPES[kind], *span)


def _check_span(text, offsets, mention, line):
    """Return offsets, which are as written, as (start, end), if the mention is there.

    Raises:
      InputError: they are no numbers, or other text stands between them.
    """
    shown = [files.quoted(offset) for offset in offsets]
    if not all(map(_OFFSET.fullmatch, offsets)):
        raise line.error(f"offsets {shown[0]} and {shown[1]} are not whole numbers")
    start, end = map(int, offsets)
    # Any white space may stand for a space, as tabs and line ends cannot be kept.
    there, wanted = (re.sub(r"\s", " ", part) for part in (text[start:end], mention))
    if not there.strip() or there != wanted:
        raise line.error(
            f"the text has {files.quoted(there)} at {start} to {end}, not "
            f"{files.quoted(wanted)}",
            "offsets count characters in title, one space, abstract",
        )
    return start, end


def _read_relations(path, abstracts):
    """Read *_relations.tsv or *_gold_standard.tsv into the abstracts' relations.

    The two differ by the columns flag (Y or N, for evaluated or not) and relation
    name, which the second lacks, as all of its relations are evaluated.
    """
    columns = ("pmid", "group", "flag", "relation", "Arg1:term", "Arg2:term")
    if "gold_standard" in os.path.basename(path):
        columns = columns[:2] + columns[4:]
    for line, cells in _read_columns(path, columns):
        pmid, group, *flag_and_name, arg1, arg2 = (cell.strip() for cell in cells)
        flag = flag_and_name[0] if flag_and_name else "Y"
        if not _GROUP.fullmatch(group) or flag not in ("Y", "N"):
            raise line.error(
                f"group {files.quoted(group)} with flag {files.quoted(flag)}",
                "expected CPR:<number> with Y or N",
            )
        abstract = _find(abstracts, pmid, "abstract", line)
        pair = _find_pair(abstract, (arg1, arg2), line)
        if flag == "Y" and group.lower() in RELATIONS:
            abstract.relations.setdefault(pair, []).append(group.lower())


def _find_pair(abstract, arguments, line):
    """Return (chemical id, gene id) of ("Arg1:T1", "Arg2:T2")."""
    pair = {}
    for name, argument in zip(("Arg1:", "Arg2:"), arguments):
        if not argument.startswith(name):
            raise line.error(
                f"{files.quoted(argument)} where {name}<term> should be",
            )
        term = argument[len(name) :]
        kind = f"term of abstract {abstract.pmid}"
        mention = _find(abstract.mentions, term, kind, line)
        pair[mention.type] = mention.id
    if len(pair) < 2:
        raise line.error(f"{' and '.join(arguments)} are not a chemical and a gene")
    return pair["CHEMICAL"], pair["GENE"]


def _find(things, key, name, line):
    """Return things[key], or raise InputError if there is none."""
    if key not in things:
        raise line.error(f"no {name} is called {files.quoted(key)}")
    return things[key]
