"""Entities as tables for spreadsheets: entities.csv and summary.csv.

The files begin with a byte-order mark, without which spreadsheets take UTF-8 for
something else.
"""

import bisect
import contextlib
import csv
import os
from typing import Callable, Dict, Iterator, List, Sequence, Tuple

from biocodes.lib import files
from biocodes.lib.entities import SCORE_DECIMALS, Annotated
from biocodes.lib.sentences import sentence_starts

ENTITIES, SUMMARY = "entities.csv", "summary.csv"
COLUMNS = ("id", "section", "start", "end", "type", "text", "score", "sentence")
SUMMARY_COLUMNS = ("text", "type", "count", "documents", "mean_score")
_MARK = "\ufeff"
# As RFC 4180 has it; Python 3.7 quotes no lone \r but where it is part of this.
_LINE_END = "\r\n"

Writer = Callable[[Sequence[Annotated]], None]


@contextlib.contextmanager
def writer(folder: str) -> Iterator[Writer]:
    """Give the function that adds a document to entities.csv: an entity a row."""
    with files.whole_file(os.path.join(folder, ENTITIES)) as stream:
        stream.write(_MARK)
        rows = csv.writer(stream, lineterminator=_LINE_END)
        rows.writerow(COLUMNS)

        def write(document: Sequence[Annotated]) -> None:
            for passage, entities in document:
                sentences = sentences_of(passage.text, [e.start for e in entities])
                for entity, sentence in zip(entities, sentences):
                    start, end, kind, text, score = entity
                    place = passage.id, passage.section or "", start, end
                    row = [*place, kind, _held(text), _shown(score), _held(sentence)]
                    rows.writerow(row)

        yield write


def sentences_of(text: str, positions: Sequence[int]) -> List[str]:
    """Return the sentence that each position of a text is in."""
    if not positions:
        return []
    starts = sentence_starts(text, 0, ())
    found = []
    for position in positions:
        index = bisect.bisect_right(starts, position)
        end = starts[index] if index < len(starts) else len(text)
        found.append(text[starts[index - 1] : end].strip())
    return found


@contextlib.contextmanager
def summary_writer(folder: str) -> Iterator[Writer]:
    """Give the function that adds a document to summary.csv: a mention's text a row.

    Texts that differ in capitals or white space are one, as the first is written. Rows
    are sorted by count; all different texts are in memory.
    """
    # (folded text, type) → text, count, documents, sum of scores, scores.
    counts: Dict[Tuple[str, str], List] = {}
    with files.whole_file(os.path.join(folder, SUMMARY)) as stream:

        def write(document: Sequence[Annotated]) -> None:
            met = set()
            for entity in (entity for item in document for entity in item.entities):
                text = _held(" ".join(entity.text.split()))
                key = text.casefold(), entity.type
                row = counts.setdefault(key, [text, 0, 0, 0.0, 0])
                row[1] += 1
                row[2] += key not in met
                if entity.score is not None:
                    row[3] += entity.score
                    row[4] += 1
                met.add(key)

        yield write
        stream.write(_MARK)
        rows = csv.writer(stream, lineterminator=_LINE_END)
        rows.writerow(SUMMARY_COLUMNS)
        for key, row in sorted(counts.items(), key=lambda item: (-item[1][1], item[0])):
            text, count, documents, total, scores = row
            mean = _shown(total / scores) if scores else ""
            rows.writerow([text, key[1], count, documents, mean])


def _held(text):
    """Replace U+0000, which readers of CSV refuse."""
    return text.replace("\0", "\ufffd")


def _shown(score):
    return "" if score is None else round(float(score), SCORE_DECIMALS)
