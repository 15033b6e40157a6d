"""An entities.jsonl in the formats of other tools."""

import argparse
import os
import sys
from typing import Optional, Sequence

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from biocodes.lib import command, formats

DESCRIPTION = """\
Turn an entities.jsonl into the formats of other tools.

  python biocodes/entity_formats.py --input_path=entities.jsonl --output_dir=FOLDER \\
    --output_formats=brat,html
"""
DETAILS = """\
format      file                 what is lost in it
conll       entities.conll       ids, scores, the spaces between words
pubtator    entities.pubtator    scores; tabs and line ends of texts become spaces,
                                 "|" of ids "_"
brat        brat/ID.txt, ID.ann  the border between title and abstract; what cannot
                                 stand in names of files becomes "_" in ids
bioc        entities.bioc.json   the words that were given
html        entities.html        the same; U+0000 of texts becomes U+FFFD
csv         entities.csv         all but the entities and their sentences, a row each
summary     summary.csv          all but the counts of texts of mentions, a text a row
"""


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(description=DESCRIPTION, epilog=DETAILS)
    parser.add_argument(
        "--input_path", required=True, help="an entities.jsonl, or several concatenated"
    )
    parser.add_argument(
        "--output_dir", required=True, help="where the files go; is made if needed"
    )
    parser.add_argument(
        "--output_formats",
        required=True,
        help=f"names with commas between them, of {', '.join(formats.FORMATS)}",
    )
    parser.add_argument("--title", default="Entities", help="heading of the html page")
    flags = parser.parse_args(argv)
    flags.output_formats = formats.check_formats(flags.output_formats)
    if not flags.output_formats:
        parser.error("--output_formats names no format")
    return flags


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Write the files of the formats that are asked for."""
    flags = parse_flags(argv)
    formats.convert(
        flags.input_path, flags.output_dir, flags.output_formats, flags.title
    )


if __name__ == "__main__":
    command.run(main)
