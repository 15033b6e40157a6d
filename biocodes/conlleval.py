#!/usr/bin/env python
"""Entity scores as the CoNLL-2000 shared task counted; the same as conlleval.pl."""

import os
import sys
from typing import NamedTuple, Optional, Sequence

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from biocodes.lib import command, conll, conll_scores, files
from biocodes.lib.version import VERSION

USAGE = "usage: conlleval.py [-l] [-r] [-d DELIM] [-o OTAG] < FILE"
DESCRIPTION = """\
Score entities as the CoNLL-2000 shared task did; the same as conlleval.pl.

  python biocodes/conlleval.py < NER_result_conll.txt

Each line of FILE is a word, any further columns, its gold label and its predicted
label; an empty line or one whose first column is -X- ends a sentence. An entity is
correct if its words and its type are exactly those of a gold entity.

  -l          print a LaTeX table instead of the text report
  -r          raw labels: a type alone, each word is an entity of one word
  -d DELIM    what separates columns, a regular expression (default: one space)
  -o OTAG     the label that raw data uses for "no entity" (default: O)
  -h, --help  show this help message and exit
  --version   show the version and exit

Standard output is byte for byte that of the scorer of version 2004-01-26 and of
conlleval.pl beside this file. Text is taken as bytes, so its encoding does not
matter; a byte-order mark and CRs at line ends are dropped. Exit status 1: a line
with fewer or more columns than the lines before it; 2: any other wrong input.
"""
# Of a line with fewer or more columns, as the scorer of 2004 has it.
WIDTH_STATUS = 1


class Options(NamedTuple):
    """The command line's flags."""

    latex: bool = False
    raw: bool = False
    delimiter: bytes = b" "
    outside: str = conll.OUTSIDE


def parse_flags(arguments: Sequence[str]) -> Options:
    """Parse the command line, flag by flag as the scorer of 2004 reads them.

    --help and --version end the process.

    Raises:
      InputError: an argument that is none of the flags, or a flag without its value.
    """
    options = Options()
    rest = list(arguments)
    while rest:
        flag = rest.pop(0)
        if flag in ("-d", "-o") and not rest:
            raise files.InputError("a value must follow", flag, remedy=USAGE)
        if flag in ("-h", "--help"):
            sys.stdout.write(f"{USAGE}\n\n{DESCRIPTION}")
            sys.exit()
        elif flag == "--version":
            sys.stdout.write(f"conlleval.py {VERSION}\n")
            sys.exit()
        elif flag == "-l":
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


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Print the report of standard input; return the exit status."""
    options = parse_flags(sys.argv[1:] if argv is None else argv)
    try:
        with files.open_binary("-") as stream:
            rows = conll_scores.parse(stream, options.delimiter)
            if options.raw:
                rows = conll_scores.raw_labels(rows, options.outside)
            scores = conll_scores.evaluate(rows)
    except conll_scores.WidthError as error:
        command.report(str(error))
        return WIDTH_STATUS
    report = conll_scores.latex_report if options.latex else conll_scores.report
    sys.stdout.buffer.write(conll_scores.encode_text(report(scores)))
    return 0


if __name__ == "__main__":
    command.run(main)
