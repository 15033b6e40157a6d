"""Turns an entities.jsonl into the formats of other tools.

    python biocodes/entity_formats.py --input_path=entities.jsonl --output_dir=FOLDER \
        --output_formats=brat,html

    format      file                 what is lost in it
    conll       entities.conll       ids, scores, the spaces between words
    pubtator    entities.pubtator    scores; tabs and line ends of texts become spaces,
                                     "|" of ids "_"
    brat        brat/ID.txt, ID.ann  the border between title and abstract; what cannot
                                     stand in names of files becomes "_" in ids
    bioc        entities.bioc.json   the words that were given
    html        entities.html        the same; U+0000 of texts becomes U+FFFD
"""

import os
import sys

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from biocodes.lib import command, entity_formats


def main(argv=None):
    """Turns an entities.jsonl into other formats."""
    parser = command.ArgumentParser(
        description="Turns an entities.jsonl into the formats of other tools."
    )
    parser.add_argument(
        "--input_path", required=True, help="an entities.jsonl, or several concatenated"
    )
    parser.add_argument(
        "--output_dir", required=True, help="where the files go; is made if needed"
    )
    parser.add_argument(
        "--output_formats",
        required=True,
        help=f"names with commas between them, of {', '.join(entity_formats.FORMATS)}",
    )
    parser.add_argument("--title", default="Entities", help="heading of the html page")
    arguments = parser.parse_args(argv)
    formats = entity_formats.check_formats(arguments.output_formats)
    if not formats:
        parser.error("--output_formats names no format")
    entity_formats.convert(
        arguments.input_path, arguments.output_dir, formats, arguments.title
    )


if __name__ == "__main__":
    command.run(main)
