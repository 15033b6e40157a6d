"""BioCreative VI's ChemProt corpus as the train, dev and test files of run_re.py."""

import argparse
import bisect
import collections
import os
import sys
from typing import Counter, Dict, List, NamedTuple, Optional, Sequence

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import command, files
from biocodes.lib.chemprot import Abstract, Mention, find_files, read_corpus
from biocodes.lib.relations import CHEMPROT_LABELS, NO_RELATION, TEST_HEADER
from biocodes.lib.sentences import sentence_starts

DESCRIPTION = """\
Turn BioCreative VI's ChemProt corpus into train.tsv, dev.tsv and test.tsv.

  python biocodes/chemprot_to_tsv.py --input_dir=ChemProt_Corpus --output_dir=chemprot

The files are those that run_re.py --task_name=chemprot reads.
"""
DETAILS = """\
Files
  For each of the three sets, *_abstracts*.tsv, *_entities*.tsv and *_relations*.tsv,
  or *_gold_standard*.tsv where there is none of the last, are read. --input_dir finds
  them in the unpacked corpus by their names, which begin with chemprot_training_,
  chemprot_development_ and chemprot_test_. --train_dir, --dev_dir and --test_dir take
  files of other beginnings, one set in a folder, and make only the sets that are given.
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
  Of several evaluated relations of one pair the first in the file counts. With
  --every_group each of its different groups gets a row; these rows share sentence and
  index, and a classifier can be right about one of them.
Sentences
  The title is a sentence. The abstract is split after . ! ? before what looks like
  the beginning of a sentence, never inside a mention and not after abbreviations
  (e.g., i.e., vs., Fig., et al.), initials or within numbers.
"""

# Written file → beginning of the corpus's file names.
PREFIXES = {
    "train": "chemprot_training_",
    "dev": "chemprot_development_",
    "test": "chemprot_test_",
}


class Candidate(NamedTuple):
    """One row of the written files."""

    index: str
    sentence: str
    label: str


# Rows


def make_rows(
    abstract: Abstract, counts: Counter[str], every_group: bool = False
) -> List[Candidate]:
    """Make a row of each pair of mentions in a sentence, in the order of the text.

    Args:
      abstract: the document.
      counts: the numbers of summary_lines are added to it.
      every_group: whether a pair has a row for each of its groups, not the first alone.
    """
    ordered = sorted(abstract.mentions.values(), key=lambda m: (m.start, m.end))
    starts = sentence_starts(abstract.text, abstract.body, ordered)
    sentences = [{"CHEMICAL": [], "GENE": []} for _ in starts]
    for mention in ordered:
        number = bisect.bisect_right(starts, mention.start) - 1
        sentences[number][mention.type].append(mention)
    rows = []
    relations = dict(abstract.relations)
    for start, end, mentions in zip(starts, [*starts[1:], None], sentences):
        for chemical in mentions["CHEMICAL"]:
            for gene in mentions["GENE"]:
                labels = relations.pop((chemical.id, gene.id), [NO_RELATION])
                groups = list(dict.fromkeys(labels))[: None if every_group else 1]
                counts.update(groups)
                counts["further"] += len(labels) - len(groups)
                counts["overlapping"] += overlap(chemical, gene) * len(groups)
                sentence = mask(abstract.text, start, end, chemical, gene)
                index = f"{abstract.pmid}.{chemical.id}.{gene.id}"
                rows += [Candidate(index, sentence, label) for label in groups]
    counts["abstracts"] += 1
    counts["sentences"] += len(starts)
    counts["rows"] += len(rows)
    counts["relations"] += sum(map(len, abstract.relations.values()))
    # What no sentence has taken out.
    counts["apart"] += sum(map(len, relations.values()))
    return rows


def overlap(mention: Mention, other: Mention) -> bool:
    """Return whether two mentions share a character."""
    return mention.start < other.end and other.start < mention.end


def mask(
    text: str, start: int, end: Optional[int], chemical: Mention, gene: Mention
) -> str:
    """Put @CHEMICAL$ and @GENE$ in place of the two mentions in text[start:end]."""
    left, right = sorted((chemical, gene), key=lambda m: (m.start, m.type))
    names = f"@{left.type}$", f"@{right.type}$"
    if overlap(left, right):
        covered_to = max(left.end, right.end)
        parts = [text[start : left.start], " ".join(names), text[covered_to:end]]
    else:
        between = text[left.end : right.start]
        parts = [text[start : left.start], names[0], between, names[1]]
        parts.append(text[right.end : end])
    return "".join(parts).strip()


# The command


def write_sets(sets: Dict[str, List[Candidate]], output_dir: str) -> None:
    """Write {"train", "dev", "test": rows} as NAME.tsv, all or none."""
    files.make_folder(output_dir)
    paths = [os.path.join(output_dir, f"{name}.tsv") for name in sets]
    with files.whole_files(paths) as streams:
        for stream, (name, rows) in zip(streams, sets.items()):
            if name == "test":
                stream.write("\t".join(TEST_HEADER) + "\n")
            for row in rows:
                index = f"{row.index}\t" if name == "test" else ""
                stream.write(f"{index}{row.sentence}\t{row.label}\n")


def summary_lines(counts: Dict[str, Counter[str]]) -> List[str]:
    """Make the lines of a table of make_rows's counts, one column a set."""
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


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(
        description=DESCRIPTION, epilog=DETAILS, allow_abbrev=False
    )
    parser.add_argument("--input_dir", help="folder of the unpacked corpus")
    for name in PREFIXES:
        parser.add_argument(f"--{name}_dir", help=f"folder of what {name}.tsv is from")
    parser.add_argument("--output_dir", required=True, help="folder to write into")
    parser.add_argument(
        "--every_group",
        action="store_true",
        help="a row for each group of a pair that has several; default: the first",
    )
    flags = parser.parse_args(argv)
    single = [getattr(flags, f"{name}_dir") for name in PREFIXES]
    if bool(flags.input_dir) == any(single):
        parser.error(
            "give either --input_dir or some of --train_dir, --dev_dir, --test_dir"
        )
    return flags


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Write the sets, and print the counts of each."""
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
            row
            for abstract in read_corpus(paths)
            for row in make_rows(abstract, count, flags.every_group)
        ]
    write_sets(sets, flags.output_dir)
    sys.stdout.write("".join(f"{line}\n" for line in summary_lines(counts)))


if __name__ == "__main__":
    command.run(main)
