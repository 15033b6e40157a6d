#!/usr/bin/env python
"""A corpus in CoNLL columns with some of its types of entities alone."""

import argparse
import os
import sys
from typing import Collection, Dict, List, Optional, Sequence

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from biocodes.lib import command, conll, files

DESCRIPTION = """\
Keep the entities of some types in CoNLL files; the words of all others become O.

  python biocodes/conll_types.py --input_dir=BC5CDR --output_dir=BC5CDR-chem \\
    --keep=Chemical

makes of each .tsv file in --input_dir one of the same name in --output_dir;
--drop=Disease does the same by naming what goes.
"""
DETAILS = """\
Words, sentences and the labels that stay are those of the input:

  Naloxone    B-Chemical          Naloxone    B-Chemical
  and         O             ->    and         O
  nausea      B-Disease           nausea      O

So a corpus of several types becomes one that annotates fewer: to train on one type, or
to see what is learnt about a type that nobody annotated.
"""
ENDING = ".tsv"


def read_folder(folder: str) -> Dict[str, List[conll.Sentence]]:
    """Read the sentences of each .tsv file in a folder, by the files' names.

    Raises:
      InputError: there is none, or one of them cannot be read.
    """
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(ENDING))
    except OSError as error:
        raise files.unreadable(folder, error) from error
    if not names:
        raise files.InputError(
            f"there is no {ENDING} file in it",
            folder,
            remedy="give the folder of one corpus",
        )
    return {name: conll.load_sentences(os.path.join(folder, name)) for name in names}


def check_known(
    flag: str, named: Sequence[str], known: Collection[str], folder: str
) -> None:
    """Raise InputError for a type that nothing has: most likely it is misspelled."""
    for entity in named:
        if entity not in known:
            raise files.InputError(
                f"there is no entity of the type {entity!r} in {folder}",
                flag,
                remedy=f"there are {', '.join(sorted(known)) or 'none at all'}",
            )


def write(
    path: str, sentences: Sequence[conll.Sentence], types: Collection[str]
) -> None:
    """Write sentences as `word<TAB>label` lines, labels of other types as O."""
    with files.whole_file(path) as stream:
        for sentence in sentences:
            for columns in zip(sentence.words, conll.only(sentence.labels, types)):
                stream.write("\t".join(columns) + "\n")
            stream.write("\n")


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(description=DESCRIPTION, epilog=DETAILS)
    parser.add_argument("--input_dir", required=True, help="folder of a corpus")
    parser.add_argument("--output_dir", required=True, help="another folder")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--keep", metavar="TYPE,...", help="the types that stay")
    which.add_argument("--drop", metavar="TYPE,...", help="the types that go")
    return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Write the corpus of fewer types."""
    flags = parse_flags(argv)
    if os.path.realpath(flags.input_dir) == os.path.realpath(flags.output_dir):
        raise files.InputError(
            "is the folder that is read", "--output_dir", remedy="name another one"
        )
    corpus = read_folder(flags.input_dir)
    known = set().union(*map(conll.types_in, corpus.values()))
    flag, value = (
        ("--drop", flags.drop) if flags.keep is None else ("--keep", flags.keep)
    )
    named = value.split(",")
    check_known(flag, named, known, flags.input_dir)
    kept = known.difference(named) if flag == "--drop" else set(named)
    files.make_folder(flags.output_dir)
    for name, sentences in corpus.items():
        write(os.path.join(flags.output_dir, name), sentences, kept)


if __name__ == "__main__":
    command.run(main)
