"""Annotations as the corpora that run_ner.py and run_re.py learn from."""

import argparse
import json
import os
import sys
from typing import Dict, List, Optional, Sequence, Tuple

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import (
    command,
    corpus_sets,
    corpus_words,
    files,
    relation_pairs,
    relations,
    table_corpora,
)
from biocodes.lib.annotations import Document
from biocodes.lib.corpus_report import Report
from biocodes.lib.corpus_sets import SETS
from biocodes.lib.corpus_words import LabelledSentence, Types

DESCRIPTION = """\
Turn annotations into corpora: train.tsv, devel.tsv, test.tsv and train_dev.tsv.

  python biocodes/to_corpus.py --input=FOLDER --output_dir=corpus --split=80,10,10

The files are those of run_ner.py; --task=re makes those of run_re.py, --task=qa those
of run_qa.py.
"""
DETAILS = """\
Input
  A brat folder, PubTator, BioC (XML or JSON), JSON of doccano or Label Studio, or an
  entities.jsonl; several with commas between them, or a pattern. For re and qa also a
  .csv or .tsv. --split shares the documents (or rows) of --input out, at random by
  --seed. --train_input, --devel_input and --test_input take sets that are split
  already. A document is never torn apart.
Words and sentences
  Words are those that run_ner.py finds in raw text. A word that a mention begins or
  ends inside of is cut there. Text is split after . ! ? before what looks like the
  beginning of a sentence, and at new lines, never inside a mention.
Mentions
  The first word of a mention is labelled B-TYPE, others I-TYPE. Of mentions that
  overlap the longest is kept (of the same length the first), and a mention in several
  parts with other text between them is left out; both are counted. --types names the
  types to keep, --one_type gives them all one, --untyped writes B, I and O.
Relations (--task=re)
  Every two mentions in one sentence (--pairs=document: in one document) are a row, with
  @TYPE$, in capitals, in their places. --types=A,B takes pairs of these two types; by
  default it is the two that most relations are between. A pair's label is the type of
  its relation, whichever mention that names first, and false without one; where there
  is but one type of relation, 1 and 0. A relation of two concepts (PubTator's,
  BioCreative V's) is that of all their mentions. Relations that no row has are counted.
Tables (--task=re and --task=qa)
  A .csv or .tsv with a header line has the columns sentence and label, or context,
  question and answer; --columns=sentence=Text,label=Class names others. Answers are
  looked for in their context, and the first place counts.
"""


TASKS = ("ner", "re", "qa")
# Set → name of its file for run_re.py.
RELATION_FILES = {"train": "train", "devel": "dev", "test": "test"}


# Named entities


def write_entities(
    sets: Dict[str, List[Document]], types: Types, output_dir: str
) -> Report:
    """Write the .tsv of each set, and train_dev.tsv; all or none.

    Args:
      sets: name of SETS → documents.
      types: which mentions count, and under which types.
      output_dir: is made if it is not there.
    """
    report, sentences = Report(), {}
    for name, documents in sets.items():
        counts = report.column(f"{name}.tsv")
        sentences[name] = [
            sentence
            for document in documents
            for sentence in corpus_words.labelled_sentences(document, types, counts)
        ]
        counts["documents"] += len(documents)
        counts["sentences"] += len(sentences[name])
        counts["words"] += sum(map(len, sentences[name]))
    learnt = [*sentences.get("train", []), *sentences.get("devel", [])]
    if learnt:
        sentences["train_dev"] = learnt
    files.make_folder(output_dir)
    paths = [os.path.join(output_dir, f"{name}.tsv") for name in sentences]
    with files.whole_files(paths) as streams:
        for stream, of_file in zip(streams, sentences.values()):
            stream.writelines(map(lines_of, of_file))
    return report


def lines_of(sentence: LabelledSentence) -> str:
    """Write a sentence in columns, with the blank line after it."""
    return "".join(f"{word}\t{label}\n" for word, label in sentence) + "\n"


# Relations


def write_relations(
    sets: Dict[str, List[Document]], types: Optional[List[str]], unit: str, folder: str
) -> Report:
    """Write train.tsv, dev.tsv and test.tsv of candidate pairs; all or none.

    Args:
      sets: name of SETS → documents.
      types: of the two mentions; None for those that most relations are between.
      unit: one of relation_pairs.UNITS.
      folder: is made if it is not there.

    Raises:
      InputError: there is no relation, or a set has no pair.
    """
    documents = [document for own in sets.values() for document in own]
    found = relation_pairs.types_of_relations(documents)
    if not found:
        raise files.InputError("no document has a relation of two mentions", "--input")
    pair = (types[0], types[-1]) if types else found[0]
    pairs = relation_pairs.plan(documents, pair, unit)
    report, rows = Report(), {}
    for name, own in sets.items():
        counts = report.column(f"{RELATION_FILES[name]}.tsv")
        rows[name] = [
            row for item in own for row in relation_pairs.rows_of(item, pairs, counts)
        ]
        counts["documents"] += len(own)
        counts["rows"] += len(rows[name])
    write_rows(rows, folder)
    return report


def write_rows(sets: Dict[str, List[Tuple[str, str, str]]], folder: str) -> None:
    """Write (index, sentence, label) of each set; all files or none.

    Raises:
      InputError: a set has no row, or a file cannot be written.
    """
    for name, rows in sets.items():
        if not rows:
            raise files.InputError(f"there is no row for {RELATION_FILES[name]}.tsv")
    files.make_folder(folder)
    paths = [os.path.join(folder, f"{RELATION_FILES[name]}.tsv") for name in sets]
    with files.whole_files(paths) as streams:
        for stream, (name, rows) in zip(streams, sets.items()):
            if name == "test":
                stream.write("\t".join(relations.TEST_HEADER) + "\n")
            for index, sentence, label in rows:
                before = f"{index}\t" if name == "test" else ""
                stream.write(f"{before}{sentence}\t{label}\n")


# Tables


def write_tables(
    sets: Dict[str, List[table_corpora.Row]], paths: Dict[str, str], flags
) -> Report:
    """Write the rows of tables for run_re.py or run_qa.py; all files or none.

    Args:
      sets: name of SETS → rows.
      paths: name of SETS → the table, for messages.
      flags: task and output_dir.
    """
    report = Report()
    is_qa = flags.task == "qa"
    make = table_corpora.question_of if is_qa else table_corpora.relation_row
    made = {name: [make(row, paths[name]) for row in own] for name, own in sets.items()}
    for name, rows in made.items():
        file = f"{name}.json" if is_qa else f"{RELATION_FILES[name]}.tsv"
        counts = report.column(file)
        counts["rows"] += len(rows)
        if not is_qa:
            counts.update(("type", label) for _, _, label in rows)
    if not is_qa:
        write_rows(made, flags.output_dir)
        return report
    files.make_folder(flags.output_dir)
    outputs = [os.path.join(flags.output_dir, f"{name}.json") for name in made]
    with files.whole_files(outputs) as streams:
        for stream, rows in zip(streams, made.values()):
            stream.write(json.dumps(table_corpora.squad(rows), indent=1) + "\n")
    return report


def read_tables(flags: argparse.Namespace):
    """Read the rows of each set: (name of SETS → rows, name of SETS → path)."""
    fields = table_corpora.QUESTION_FIELDS
    if flags.task == "re":
        fields = table_corpora.RELATION_FIELDS
    given = {}
    for pair in filter(None, (flags.columns or "").split(",")):
        field, _, name = pair.partition("=")
        if field not in fields or not name:
            remedy = f"write FIELD=NAME, of {', '.join(fields)}"
            raise files.InputError(
                f"{pair!r} names no column", "--columns", None, remedy
            )
        given[field] = name
    if flags.input:
        rows = table_corpora.read(flags.input, fields, given)
        shares = corpus_sets.Shares.parse(flags.split)
        sets = corpus_sets.split(rows, shares, flags.seed)
        return sets, dict.fromkeys(sets, flags.input)
    paths = {name: getattr(flags, f"{name}_input") for name in SETS}
    paths = {name: path for name, path in paths.items() if path}
    sets = {n: table_corpora.read(path, fields, given) for n, path in paths.items()}
    return sets, paths


def is_table(flags: argparse.Namespace) -> bool:
    """Return whether the input is a table and not annotations."""
    paths = [flags.input, *(getattr(flags, f"{name}_input") for name in SETS)]
    given = [path for path in paths if path]
    return flags.task != "ner" and given[0].lower().endswith(table_corpora.ENDINGS)


# The command


def read_sets(flags: argparse.Namespace) -> Dict[str, List[Document]]:
    """Read the documents of each set that the flags name.

    Raises:
      InputError: the flags do not go together, or a file cannot be read.
    """
    given = {name: getattr(flags, f"{name}_input") for name in SETS}
    if flags.input:
        documents = corpus_sets.read_documents(flags.input)
        shares = corpus_sets.Shares.parse(flags.split)
        return corpus_sets.split(documents, shares, flags.seed)
    return {
        name: corpus_sets.read_documents(path) for name, path in given.items() if path
    }


def check_types(sets: Dict[str, List[Document]], kept: Optional[List[str]]) -> None:
    """Raise InputError where no mention has a type of --types, or there is none."""
    found = {
        corpus_words.plain_type(mention.type)
        for documents in sets.values()
        for document in documents
        for mention in document.mentions
    }
    for name in kept or []:
        if name not in found:
            remedy = f"there are {', '.join(sorted(found)) or 'no mentions at all'}"
            raise files.InputError(
                f"no mention is of type {name}", "--types", None, remedy
            )
    if not found:
        raise files.InputError("no document has a mention", "--input")


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(
        description=DESCRIPTION, epilog=DETAILS, allow_abbrev=False
    )
    parser.add_argument("--input", help="annotations, which --split shares out")
    parser.add_argument("--train_input", help="what train.tsv is made of")
    parser.add_argument("--devel_input", help="what devel.tsv (dev.tsv) is made of")
    parser.add_argument("--test_input", help="what test.tsv is made of")
    parser.add_argument("--output_dir", required=True, help="folder to write into")
    parser.add_argument(
        "--split", default="80,10,10", help="of 100 documents, for train, devel, test"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the split")
    parser.add_argument("--types", help="types to keep, with commas between them")
    parser.add_argument("--one_type", help="the type that all mentions get")
    parser.add_argument(
        "--task", choices=TASKS, default="ner", help="ner (default), re, qa"
    )
    parser.add_argument(
        "--pairs",
        choices=relation_pairs.UNITS,
        default=relation_pairs.SENTENCE,
        help="what the two mentions of a relation are both in",
    )
    parser.add_argument("--columns", help="FIELD=NAME of tables, with commas between")
    parser.add_argument("--untyped", action="store_true", help="write B, I and O alone")
    flags = parser.parse_args(argv)
    given = [getattr(flags, f"{name}_input") for name in SETS]
    if bool(flags.input) == any(given):
        parser.error(
            "give either --input or some of --train_input, --devel_input, --test_input"
        )
    if flags.one_type is not None and (
        flags.untyped or flags.one_type.split() != [flags.one_type]
    ):
        parser.error("--one_type is one word, and not beside --untyped")
    if flags.task == "qa" and not is_table(flags):
        parser.error("--task=qa takes a .csv or .tsv")
    return flags


def types_of(flags: argparse.Namespace) -> Tuple[Types, Optional[List[str]]]:
    """Return what the flags say about types, and the names in --types."""
    kept = None
    if flags.types:
        kept = [name.strip() for name in flags.types.split(",") if name.strip()]
    return Types(kept, flags.one_type, flags.untyped), kept


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Write the files, and print what is in them and what was left out."""
    flags = parse_flags(argv)
    title = "mentions"
    if is_table(flags):
        title = "label"
        report = write_tables(*read_tables(flags), flags)
    else:
        types, kept = types_of(flags)
        sets = read_sets(flags)
        check_types(sets, kept)
        if flags.task == "re":
            if kept and len(kept) > 2:
                raise files.InputError("names more than two types", "--types")
            title = "relations"
            report = write_relations(sets, kept, flags.pairs, flags.output_dir)
        else:
            report = write_entities(sets, types, flags.output_dir)
    sys.stdout.write("".join(f"{line}\n" for line in report.lines(title)))


if __name__ == "__main__":
    command.run(main)
