"""Passages of raw text, and what is found in them."""

import json
import pathlib
from typing import Iterable, List, Tuple

from biocodes.lib.entities import Entity, read_jsonl
from biocodes.lib.passages import Passage

TEXTS = [
    "Ataxia telangiectasia and colorectal cancer were seen.",
    "  Sjögren’s\tsyndrome\u0301, \U0001f600 hereditary\0 breast  cancer. ",
    "\u200b\ufeff",
    "The APC gene, and familial adenomatous polyposis " * 30,
]


def write_texts(path: pathlib.Path, texts: Iterable[str], end: str = "\n") -> str:
    """Write a passage a line; return the flag that names the file."""
    path.write_bytes("".join(text + end for text in texts).encode("utf-8"))
    return f"--predict_file={path}"


def write_jsonl(path: pathlib.Path, texts: Iterable[str]) -> str:
    """Write passages with the ids é0, é1, …; return the flag that names the file."""
    rows = ({"id": f"é{i}", "text": text} for i, text in enumerate(texts))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"--predict_file={path}"


def without_scores(path: pathlib.Path) -> List[Tuple[Passage, List[Entity]]]:
    """Read an entities.jsonl, with None for each score.

    A score's last decimal depends on the batch that its passage was in.
    """
    return [
        (passage, [entity._replace(score=None) for entity in entities])
        for passage, entities in read_jsonl(str(path))
    ]
