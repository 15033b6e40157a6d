"""Corpora that annotate different types, for models of several corpora."""

import pathlib
import re
from typing import List, Tuple

from kit.ner_runs import DEVEL, sentences_of, write_corpus

SENTENCES = sentences_of(DEVEL)


def text_of(sentences: List[str], ending: str = "") -> str:
    """Join sentences to a file; ending: what B and I become longer by, "-Disease"."""
    text = "\n\n".join(sentences) + "\n"
    return re.sub(r"\t([BI])$", rf"\t\1{ending}", text, flags=re.MULTILINE)


def make_corpus(folder: pathlib.Path, text: str) -> pathlib.Path:
    """Write a corpus whose three files are the same; return its folder."""
    write_corpus(folder, text, text, text)
    return folder


def two_corpora(folder: pathlib.Path) -> Tuple[pathlib.Path, pathlib.Path]:
    """Make an untyped corpus, of diseases, and a typed one of chemicals."""
    return (
        make_corpus(folder / "dis", text_of(SENTENCES[:16])),
        make_corpus(folder / "chem", text_of(SENTENCES[16:32], "-Chemical")),
    )
