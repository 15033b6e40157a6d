"""What a corpus has in each of its files, and what was left out, as a table."""

import collections
from typing import Counter, Dict, List


class Report:
    """Counts of each file, printed as a table."""

    def __init__(self) -> None:
        self._columns: Dict[str, Counter] = {}

    def column(self, name: str) -> Counter:
        """Return the counts of a file, to be added to."""
        return self._columns.setdefault(name, collections.Counter())

    def lines(self, title: str) -> List[str]:
        """Make the lines of the table: what is there, then what was left out.

        Args:
          title: of what counts as ("type", NAME).
        """
        total = sum(self._columns.values(), collections.Counter())
        first = [
            key for key in ("documents", "sentences", "words", "rows") if total[key]
        ]
        kinds = sorted(key for key in total if isinstance(key, tuple))
        reasons = [key for key in total if key not in first and isinstance(key, str)]
        rows = [(name, name) for name in first]
        rows += [(key, f"{title} {key[1]}") for key in kinds]
        rows += [
            (key, f"left out: {title} {key}") for key in sorted(reasons) if total[key]
        ]
        width = max(len(text) for _, text in rows)
        lines = [" " * width + "".join(f"{name:>14s}" for name in self._columns)]
        for key, text in rows:
            numbers = "".join(f"{count[key]:14,d}" for count in self._columns.values())
            lines.append(f"{text:{width}s}{numbers}")
        return lines
