"""Turns BioCreative VI's ChemProt corpus into train.tsv, dev.tsv and test.tsv.

  python biocodes/chemprot_to_tsv.py --input_dir=ChemProt_Corpus --output_dir=chemprot

The files are those that run_re.py --task_name=chemprot reads. Read are, for each of
the three sets, *_abstracts*.tsv, *_entities*.tsv and *_relations*.tsv, or where there
is none of the last, *_gold_standard*.tsv. --input_dir finds them in the unpacked
corpus by their names, which begin with chemprot_training_, chemprot_development_ and
chemprot_test_. --train_dir, --dev_dir and --test_dir take files of other beginnings,
one set in a folder, and make only the sets that are given.

Rows
  Every pair of a chemical and a gene mention in one sentence is a row: the sentence
  with the two mentions replaced by @CHEMICAL$ and @GENE$, and the group of the pair's
  relation, cpr:3, cpr:4, cpr:5, cpr:6 or cpr:9, as its label. Pairs without a
  relation, with one of another group, or with one marked N (not evaluated) are false.
  The index of a row in test.tsv is PMID.CHEMICAL.GENE with the corpus's own term ids.
Repeated mentions
  Mentions count one by one, as in the corpus: a name that occurs twice in a sentence
  gives two rows with each partner, and only the mention that the relation names gets
  its label. Mentions outside the pair, of the same name too, stay as they are written.
Overlapping mentions
  Where the two mentions of a pair overlap, as a chemical inside an enzyme's name does,
  the text that either covers becomes "@CHEMICAL$ @GENE$", the one that begins first
  in front (the chemical, if both begin together). Mentions that overlap one of the
  pair lose what is replaced.
Relations that have no row of their own are counted
  A relation of mentions in different sentences is left out, as no row can hold both.
  Of several evaluated relations of one pair the first in the file counts.
Sentences
  The title is a sentence. The abstract is split after . ! ? before what looks like
  the beginning of a sentence, never inside a mention and not after abbreviations
  (e.g., i.e., vs., Fig., et al.), initials or within numbers.
"""

import argparse
import bisect
import collections
import fnmatch
import os
import re
import sys
from typing import Dict, List, NamedTuple

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import command, files
from biocodes.lib.relations import (
    CHEMPROT_LABELS,
    TEST_HEADER,
    check_width,
    read_cells,
    shown,
)

# Written file → beginning of the corpus's file names.
PREFIXES = {
    "train": "chemprot_training_",
    "dev": "chemprot_development_",
    "test": "chemprot_test_",
}
RELATIONS = CHEMPROT_LABELS[:-1]
NO_RELATION = CHEMPROT_LABELS[-1]
# The corpus says GENE-Y of mentions that a database knows, GENE-N of others.
MENTION_TYPES = {
    "CHEMICAL": "CHEMICAL",
    "GENE": "GENE",
    "GENE-Y": "GENE",
    "GENE-N": "GENE",
}


class Mention(NamedTuple):
    """A mention of a CHEMICAL or GENE at text[start:end] of its abstract."""

    id: str
    type: str
    start: int
    end: int


class Candidate(NamedTuple):
    """One row of the written files."""

    index: str
    sentence: str
    label: str


class Abstract(NamedTuple):
    """One document. relations: (chemical id, gene id) → evaluated labels in order."""

    pmid: str
    text: str
    body: int  # where the text after the title begins
    mentions: Dict[str, Mention]
    relations: Dict[tuple, List[str]]


# --- sentences ---


def words(text):
    """The set of the words in a text."""
    return frozenset(text.split())


# Abbreviations without their last full stop, never the last word of a sentence.
NEVER_LAST = words("""
    e.g i.e eg ie cf vs viz approx ca fig figs eq eqs ref refs dr prof st resp
""")
# Abbreviations that a sentence may end with, but hardly ever does.
SELDOM_LAST = words("al etc sp spp subsp ssp var inc co corp ltd")
# A letter after one of these ("vitamin D. Patients") is no initial.
BEFORE_LETTER = words("""
    amphotericin apolipoprotein cathepsin chain class complex compound cyclin
    cyclosporin degrees domain factor fraction group hepatitis immunoglobulin isoform
    kinase phase protein receptor region site subtype subunit type vitamin
""")
# Words that begin sentences and hardly ever a name.
OPENERS = words("""
    A Additionally After Although All Also Among An Another As At Because Both But By
    Consequently Conversely During Each Finally For From Further Furthermore Hence Here
    However If In Interestingly It Its Moreover Most Neither Nevertheless No None Of On
    Only Our Overall Results Similarly Since Some Such Taken That The Their Then There
    Therefore These They This Those Thus To Together Under Unlike Upon Using We When
    Whereas Whether While With Within
""")
# An end sign and the quotes or brackets closed behind it, before white space.
SENTENCE_END = re.compile(r"([.!?])[\"')\]\u2019\u201d]*\s+(?=\S)")
# A word without the brackets, quotes and signs before it.
WORD = re.compile(r"[^\w\s]*(\S*)")
DOTTED_LETTERS = re.compile(r"[A-Za-z](\.[A-Za-z])*")


def sentence_starts(text, body, mentions):
    """Where the sentences of an abstract begin.

    Args:
      text: title, one space, abstract.
      body: where the abstract begins in text.
      mentions: Mentions; no sentence begins inside one.

    Returns:
      Rising positions, the first of them 0; each sentence reaches to the next.
    """
    starts = {0}
    first = re.compile(r"\S").search(text, body)
    if first and text[:body].strip():
        starts.add(first.start())
    for match in SENTENCE_END.finditer(text):
        if ends_sentence(text, match.start(), match.end(), match.group(1)):
            starts.add(match.end())
    for mention in mentions:
        starts.difference_update(range(mention.start + 1, mention.end))
    return sorted(starts)


def ends_sentence(text, stop, after, sign):
    """Whether the sign at text[stop] ends a sentence if the next begins at `after`.

    For example not in "by E. coli", "Fig. 2" and "i.p. injection", but in
    "vitamin D. The" and "was i.p. The".
    """
    following = WORD.match(text, after).group(1)
    if sign != "." or stop == 0:
        return begins_sentence(following)
    before, last = ["", "", *text[max(0, stop - 100) : stop].split()][-2:]
    last = WORD.match(last).group(1)
    # "P < . 05", "No. 5"
    if following[:1].isdigit() and (text[stop - 1].isspace() or last in ("No", "no")):
        return False
    # Nitric oxide is NO and carbon monoxide CO: capitals abbreviate something else.
    abbreviation = "" if last.isupper() else last.lower()
    if abbreviation in NEVER_LAST:
        return False
    # "24 h. Cells", "vitamin D. Patients"
    whole = len(last) == 1 and (
        before[-1:].isdigit() or before.lower().split("-")[-1] in BEFORE_LETTER
    )
    shortened = abbreviation in SELDOM_LAST or DOTTED_LETTERS.fullmatch(last)
    if shortened and not whole:
        return re.match(r"\w*", following).group() in OPENERS
    return begins_sentence(following)


def begins_sentence(word):
    """Whether a word can begin a sentence: not one in lower case, except names.

    Names are told by a capital, a digit or a Greek letter: mRNA, p53, β-catenin.
    """
    if not word or not word[0].islower():
        return bool(word)
    is_greek = "\u0370" <= word[0] <= "\u03ff"
    return is_greek or any(letter.isupper() or letter.isdigit() for letter in word)


# --- rows ---


def make_rows(abstract, counts):
    """Abstract → list of Candidate, its pairs of mentions in the order of the text.

    Args:
      abstract: Abstract.
      counts: collections.Counter, to which the numbers of summary_lines are added.
    """
    ordered = sorted(abstract.mentions.values(), key=lambda m: (m.start, m.end))
    starts = sentence_starts(abstract.text, abstract.body, ordered)
    sentences = [{"CHEMICAL": [], "GENE": []} for _ in starts]
    for mention in ordered:
        place = bisect.bisect_right(starts, mention.start) - 1
        sentences[place][mention.type].append(mention)
    rows = []
    relations = dict(abstract.relations)
    for start, end, mentions in zip(starts, [*starts[1:], None], sentences):
        for chemical in mentions["CHEMICAL"]:
            for gene in mentions["GENE"]:
                labels = relations.pop((chemical.id, gene.id), [NO_RELATION])
                counts[labels[0]] += 1
                counts["further"] += len(labels) - 1
                counts["overlapping"] += overlap(chemical, gene)
                sentence = mask(abstract.text, start, end, chemical, gene)
                index = f"{abstract.pmid}.{chemical.id}.{gene.id}"
                rows.append(Candidate(index, sentence, labels[0]))
    counts["abstracts"] += 1
    counts["sentences"] += len(starts)
    counts["rows"] += len(rows)
    counts["relations"] += sum(map(len, abstract.relations.values()))
    # What no sentence has taken out.
    counts["apart"] += sum(map(len, relations.values()))
    return rows


def overlap(one, other):
    """Whether two mentions share a character."""
    return one.start < other.end and other.start < one.end


def mask(text, start, end, chemical, gene):
    """text[start:end] with @CHEMICAL$ and @GENE$ in place of the two mentions."""
    first, second = sorted((chemical, gene), key=lambda m: (m.start, m.type))
    names = f"@{first.type}$", f"@{second.type}$"
    if overlap(first, second):
        covered_to = max(first.end, second.end)
        parts = [text[start : first.start], " ".join(names), text[covered_to:end]]
    else:
        between = text[first.end : second.start]
        parts = [text[start : first.start], names[0], between, names[1]]
        parts.append(text[second.end : end])
    return "".join(parts).strip()


# --- the corpus's files ---


def read_corpus(paths):
    """Paths of one set's files, see find_files → list of Abstract in file order.

    Raises:
      InputError: a line is not of the corpus's form, or does not fit the others.
    """
    abstracts = read_abstracts(paths["abstracts"])
    read_entities(paths["entities"], abstracts)
    read_relations(paths["relations"], abstracts)
    return list(abstracts.values())


def read_columns(path, columns):
    """Yields (line number, cells) of a file in which every line has these columns."""
    for line, cells in read_cells(path):
        check_width(path, line, cells, columns)
        yield line, cells


def read_abstracts(path):
    """Reads *_abstracts.tsv → {pmid: Abstract}, without mentions and relations yet."""
    abstracts = {}
    for line, (pmid, title, body) in read_columns(path, ("pmid", "title", "abstract")):
        pmid = pmid.strip()
        if pmid in abstracts:
            raise files.InputError(f"a second abstract {pmid}", path, line)
        text = f"{title} {body}"
        abstracts[pmid] = Abstract(pmid, text, len(title) + 1, {}, {})
    return abstracts


def read_entities(path, abstracts):
    """Reads *_entities.tsv into the mentions of the abstracts."""
    columns = ("pmid", "term", "type", "start", "end", "text")
    for line, cells in read_columns(path, columns):
        pmid, term, kind, start, end = (cell.strip() for cell in cells[:5])
        abstract = find(abstracts, pmid, "abstract", path, line)
        if term in abstract.mentions:
            raise files.InputError(
                f"a second {shown(term)} of abstract {pmid}", path, line
            )
        if kind not in MENTION_TYPES:
            raise files.InputError(
                f"type {shown(kind)} is not one of {', '.join(MENTION_TYPES)}",
                path,
                line,
            )
        span = check_span(abstract.text, start, end, cells[5], path, line)
        abstract.mentions[term] = Mention(term, MENTION_TYPES[kind], *span)


def check_span(text, start, end, mention, path, line):
    """Offsets as written → (start, end), or InputError if the mention is not there."""
    if not (re.fullmatch("[0-9]{1,9}", start) and re.fullmatch("[0-9]{1,9}", end)):
        raise files.InputError(
            f"offsets {shown(start)} and {shown(end)} are not whole numbers",
            path,
            line,
        )
    start, end = int(start), int(end)
    # Any white space may stand for a space, as tabs and line ends cannot be kept.
    found, wanted = (re.sub(r"\s", " ", part) for part in (text[start:end], mention))
    if not found.strip() or found != wanted:
        raise files.InputError(
            f"the text has {shown(found)} at {start} to {end}, not {shown(wanted)}",
            path,
            line,
            "offsets count characters in title, one space, abstract",
        )
    return start, end


def read_relations(path, abstracts):
    """Reads *_relations.tsv or *_gold_standard.tsv into the abstracts' relations.

    The two differ by the columns flag (Y or N, for evaluated or not) and relation
    name, which the second lacks, as all of its relations are evaluated.
    """
    columns = ("pmid", "group", "flag", "relation", "Arg1:term", "Arg2:term")
    if "gold_standard" in os.path.basename(path):
        columns = columns[:2] + columns[4:]
    for line, cells in read_columns(path, columns):
        pmid, group, *flag_and_name, arg1, arg2 = (cell.strip() for cell in cells)
        flag = flag_and_name[0] if flag_and_name else "Y"
        if not re.fullmatch("CPR:[0-9]+", group) or flag not in ("Y", "N"):
            raise files.InputError(
                f"group {shown(group)} with flag {shown(flag)}",
                path,
                line,
                "expected CPR:<number> with Y or N",
            )
        abstract = find(abstracts, pmid, "abstract", path, line)
        pair = find_pair(abstract, (arg1, arg2), path, line)
        if flag == "Y" and group.lower() in RELATIONS:
            abstract.relations.setdefault(pair, []).append(group.lower())


def find_pair(abstract, arguments, path, line):
    """("Arg1:T1", "Arg2:T2") → (chemical id, gene id)."""
    pair = {}
    for name, argument in zip(("Arg1:", "Arg2:"), arguments):
        if not argument.startswith(name):
            raise files.InputError(
                f"{shown(argument)} where {name}<term> should be", path, line
            )
        term = argument[len(name) :]
        place = f"term of abstract {abstract.pmid}"
        mention = find(abstract.mentions, term, place, path, line)
        pair[mention.type] = mention.id
    if len(pair) < 2:
        raise files.InputError(
            f"{' and '.join(arguments)} are not a chemical and a gene", path, line
        )
    return pair["CHEMICAL"], pair["GENE"]


def find(things, key, name, path, line):
    """things[key], or InputError if there is none."""
    if key not in things:
        raise files.InputError(f"no {name} is called {shown(key)}", path, line)
    return things[key]


def find_files(folder, prefix):
    """Finds one set's files in a folder or below it.

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
    found = {}
    for kind in ("abstracts", "entities", "relations", "gold_standard"):
        pattern = f"{prefix}*{kind}*.tsv"
        paths = matching(folder, pattern)
        if len(paths) > 1:
            raise files.InputError(
                f"several files {pattern}: {', '.join(paths)}",
                folder,
                remedy="give a folder with one of them",
            )
        if paths:
            found[kind] = paths[0]
    gold_standard = found.pop("gold_standard", None)
    if gold_standard:
        found.setdefault("relations", gold_standard)
    for kind in ("abstracts", "entities", "relations"):
        if kind not in found:
            raise files.InputError(f"no file {prefix}*{kind}*.tsv in it", folder)
    return found


def matching(folder, pattern):
    """Sorted paths of the files in a folder or below it whose names fit a pattern."""
    paths = []
    for place, folders, names in os.walk(folder):
        # Archives packed on a Mac carry a hidden double of each file.
        folders[:] = [name for name in folders if name != "__MACOSX"]
        names = fnmatch.filter(names, pattern)
        paths += [os.path.join(place, name) for name in names if name[0] != "."]
    return sorted(paths)


# --- command ---


def write_sets(sets, output_dir):
    """Writes {"train", "dev", "test": list of Candidate} as NAME.tsv, all or none."""
    files.make_folder(output_dir)
    paths = [os.path.join(output_dir, f"{name}.tsv") for name in sets]
    with files.whole_files(paths) as streams:
        for stream, (name, rows) in zip(streams, sets.items()):
            if name == "test":
                stream.write("\t".join(TEST_HEADER) + "\n")
            for row in rows:
                index = f"{row.index}\t" if name == "test" else ""
                stream.write(f"{index}{row.sentence}\t{row.label}\n")


def summary_lines(counts):
    """{set name: Counter of make_rows} → lines of a table, one column a set."""
    names = {
        "abstracts": "abstracts",
        "sentences": "sentences",
        "rows": "rows",
        **{label: f"  {label}" for label in CHEMPROT_LABELS},
        "overlapping": "rows whose two mentions overlap",
        "relations": "evaluated relations",
        "apart": "  left out: mentions in different sentences",
        "further": "  left out: the pair has an earlier one",
    }
    width = max(map(len, names.values()))
    lines = [" " * width + "".join(f"{f'{name}.tsv':>11s}" for name in counts)]
    for key, name in names.items():
        numbers = "".join(f"{count[key]:11,d}" for count in counts.values())
        lines.append(f"{name:{width}s}{numbers}")
    return lines


def parse_flags(argv):
    """Command line → flags; argv None is the process's own."""
    summary, _, rest = __doc__.partition("\n\n")
    parser = command.ArgumentParser(
        description=summary,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--input_dir", help="folder of the unpacked corpus")
    for name in PREFIXES:
        parser.add_argument(f"--{name}_dir", help=f"folder of what {name}.tsv is from")
    parser.add_argument("--output_dir", required=True, help="folder to write into")
    flags = parser.parse_args(argv)
    single = [getattr(flags, f"{name}_dir") for name in PREFIXES]
    if bool(flags.input_dir) == any(single):
        parser.error(
            "give either --input_dir or some of --train_dir, --dev_dir, --test_dir"
        )
    return flags


def main(argv=None):
    flags = parse_flags(argv)
    sets, counts = {}, {}
    for name, prefix in PREFIXES.items():
        folder = getattr(flags, f"{name}_dir")
        if flags.input_dir:
            paths = find_files(flags.input_dir, prefix)
        elif folder:
            paths = find_files(folder, "")
        else:
            continue
        count = counts[name] = collections.Counter()
        sets[name] = [
            row for abstract in read_corpus(paths) for row in make_rows(abstract, count)
        ]
    write_sets(sets, flags.output_dir)
    sys.stdout.write("".join(f"{line}\n" for line in summary_lines(counts)))


if __name__ == "__main__":
    command.run(main)
