"""Sentences of NER_result_conll.txt with the entities found in them marked."""

import argparse
import itertools
import os
import sys
from typing import Optional, Sequence

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import command, conll

DESCRIPTION = """\
Print sentences of NER_result_conll.txt with the entities found in them marked.

  python examples/show_entities.py --result_path=NER_result_conll.txt --sentences=5

A mention of untyped data is shown as [[ataxia]], a typed one as [[ataxia|Disease]].
"""


def mark(words: Sequence[str], labels: Sequence[str]) -> str:
    """Join the words of a sentence, its entities in double brackets.

    Args:
      words: the words of the sentence.
      labels: a label for each, "B-MISC".
    """
    words = list(words)
    for start, end, entity in conll.entities(labels):
        words[start] = "[[" + words[start]
        words[end - 1] += "]]" if entity == conll.UNTYPED else f"|{entity}]]"
    return " ".join(words)


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(description=DESCRIPTION)
    parser.add_argument("--result_path", required=True, help="NER_result_conll.txt")
    parser.add_argument("--sentences", type=int, default=5, help="how many (default 5)")
    flags = parser.parse_args(argv)
    if flags.sentences < 0:
        parser.error(f"--sentences must be 0 or more, not {flags.sentences}")
    return flags


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Print the sentences."""
    flags = parse_flags(argv)
    marked = (
        mark(sentence.words, sentence.labels)
        for sentence in conll.read_sentences(flags.result_path)
        if conll.entities(sentence.labels)
    )
    # All of them are read before one is printed: a wrong line is then the only output.
    for line in list(itertools.islice(marked, flags.sentences)):
        print(line)


if __name__ == "__main__":
    command.run(main)
