#!/usr/bin/env python
"""Scores entities as the CoNLL-2000 shared task did; the same as conlleval.pl.

    python biocodes/conlleval.py [-l] [-r] [-d DELIM] [-o OTAG] < FILE

Each line of FILE is a word, any further columns, its gold label and its predicted
label; an empty line or one whose first column is -X- ends a sentence. An entity is
correct if its words and its type are exactly those of a gold entity.

    -l        print a LaTeX table instead of the text report
    -r        raw labels: a type alone, each word is an entity of one word
    -d DELIM  what separates columns, a regular expression (default: one space)
    -o OTAG   the label that raw data uses for "no entity" (default: O)

Standard output is byte for byte that of the scorer of version 2004-01-26 and of
conlleval.pl beside this file. Text is taken as bytes, so its encoding does not
matter; a byte-order mark and CRs at line ends are dropped. Exit status 1: a line
with fewer or more columns than the lines before it; 2: any other wrong input.
"""

import os
import sys
from typing import NamedTuple

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from biocodes.lib import command, conll_scores, files

USAGE = "usage: conlleval.py [-l] [-r] [-d DELIM] [-o OTAG] < FILE"


class Options(NamedTuple):
    """The command line's flags."""

    latex: bool = False
    raw: bool = False
    delimiter: bytes = b" "
    outside: str = "O"


def parse_flags(arguments):
    """Command line → Options, flag by flag as the scorer reads them.

    Raises:
      InputError: an argument that is none of the flags, or a flag without its value.
    """
    options = Options()
    rest = list(arguments)
    while rest:
        flag = rest.pop(0)
        if flag in ("-d", "-o") and not rest:
            raise files.InputError("a value must follow", flag, remedy=USAGE)
        if flag == "-l":
            options = options._replace(latex=True)
        elif flag == "-r":
            options = options._replace(raw=True)
        elif flag == "-d":
            options = options._replace(delimiter=os.fsencode(rest.pop(0)))
        elif flag == "-o":
            options = options._replace(
                outside=conll_scores.decode_text(os.fsencode(rest.pop(0)))
            )
        else:
            raise files.InputError("unknown argument", flag, remedy=USAGE)
    return options


def main(argv=None):
    options = parse_flags(sys.argv[1:] if argv is None else argv)
    try:
        with files.open_binary("-") as stream:
            rows = conll_scores.parse(stream, options.delimiter)
            if options.raw:
                rows = conll_scores.raw_labels(rows, options.outside)
            scores = conll_scores.evaluate(rows)
    except conll_scores.FormatError as error:
        script = os.path.basename(sys.argv[0])
        sys.stderr.write(f"{script}: error: {error}\n")
        return error.exit_status
    text = (
        conll_scores.latex_report(scores)
        if options.latex
        else conll_scores.report(scores)
    )
    sys.stdout.buffer.write(conll_scores.encode_text(text))
    return 0


if __name__ == "__main__":
    command.run(main)
