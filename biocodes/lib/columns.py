"""Cells of text in columns, for a terminal."""

from typing import List, Sequence


def aligned(rows: Sequence[Sequence[str]]) -> List[str]:
    """Lay out a table's cells in columns, the first flush left."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return [
        "  ".join([first.ljust(widths[0]), *map(str.rjust, rest, widths[1:])])
        for first, *rest in rows
    ]
