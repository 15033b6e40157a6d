"""Prints sentences of NER_result_conll.txt with the entities found in them marked.

    python examples/show_entities.py --result_path=NER_result_conll.txt --sentences=5

A mention of untyped data is shown as [[ataxia]], a typed one as [[ataxia|Disease]].
"""

import itertools
import os
import sys

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import command, conll


def mark(words, labels):
    """The words of a sentence as one line of text, its entities in double brackets.

    Args:
      words: the words of the sentence.
      labels: a label for each, "B-MISC".
    """
    words = list(words)
    for start, end, entity in conll.entities(labels):
        words[start] = "[[" + words[start]
        words[end - 1] += "]]" if entity == conll.UNTYPED else f"|{entity}]]"
    return " ".join(words)


def main(argv=None):
    """The command: see the head of this file."""
    parser = command.ArgumentParser(
        description="Prints sentences with the entities found in them marked."
    )
    parser.add_argument("--result_path", required=True, help="NER_result_conll.txt")
    parser.add_argument("--sentences", type=int, default=5, help="how many (default 5)")
    flags = parser.parse_args(argv)
    marked = (
        mark(sentence.words, sentence.labels)
        for sentence in conll.read_sentences(flags.result_path)
        if conll.entities(sentence.labels)
    )
    for line in itertools.islice(marked, flags.sentences):
        print(line)


if __name__ == "__main__":
    command.run(main)
