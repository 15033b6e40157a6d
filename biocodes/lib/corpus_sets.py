"""Documents on their way to a corpus: read from files of any kind, and split."""

import hashlib
import os
from typing import Callable, Dict, Iterator, List, NamedTuple, Sequence

from biocodes.lib import annotation_json, annotations, files, inputs, shapes
from biocodes.lib.annotations import Document

Reader = Callable[[str], Iterator[Document]]
READERS: Dict[str, Reader] = {
    "brat": annotations.read_brat,
    "pubtator": annotations.read_pubtator,
    "bioc": annotations.read_bioc,
    "json": annotation_json.read,
}
# What a file looks like → its reader.
_BY_LOOK = {"pubtator": "pubtator", "xml": "bioc", "bioc": "bioc", "jsonl": "json"}
SETS = ("train", "devel", "test")


class Shares(NamedTuple):
    """How many of 100 documents go to each set."""

    train: float
    devel: float
    test: float

    @classmethod
    def parse(cls, text: str) -> "Shares":
        """Parse "80,10,10"; raise InputError for anything else."""
        try:
            shares = cls(*map(float, text.split(",")))
        except (TypeError, ValueError):
            shares = cls(-1, 0, 0)
        if min(shares) < 0 or abs(sum(shares) - 100) > 1e-6 or not shares.train:
            raise files.InputError(
                f"{text!r} is no split",
                "--split",
                remedy="write what the three sets get of 100, as in 80,10,10",
            )
        return shares


def read_documents(path: str) -> List[Document]:
    """Read all documents of an input.

    Args:
      path: a brat folder, a file, several with commas between them, or a pattern.

    Raises:
      InputError: nothing is there, or what is there has no annotations that are known.
    """
    parts = [path] if os.path.lexists(path) else path.split(",")
    documents: List[Document] = []
    for part in parts:
        paths = [part] if os.path.isdir(part) else inputs.files_of(part)
        for file in paths:
            documents += READERS[kind_of(file)](file)
    if not documents:
        raise files.InputError("there is no document in it", path)
    return documents


def kind_of(path: str) -> str:
    """Say by what is in a file which of READERS reads it.

    Raises:
      InputError: none does.
    """
    if os.path.isdir(path):
        return "brat"
    with files.open_binary(path) as stream:
        head = stream.read(1 << 16)
    files.check_text(head, path)
    look = shapes.look_at(head.decode("utf-8", "replace").lstrip("\ufeff"))
    if look.format not in _BY_LOOK:
        raise files.InputError(
            f"this looks like {look.words}, not like annotations that are read",
            path,
            remedy="a brat folder, PubTator, BioC, doccano's or Label Studio's JSON and"
            " entities.jsonl are",
        )
    return _BY_LOOK[look.format]


def split(
    documents: Sequence[Document], shares: Shares, seed: int
) -> Dict[str, List[Document]]:
    """Split documents into sets; those of one id stay together.

    Which set an id goes to depends on it, on the seed and on the other ids, but not on
    the order of the documents; within a set their order is kept.

    Raises:
      InputError: there are too few documents for all sets that get some.
    """
    names = sorted(
        {document.id for document in documents},
        key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest(),
    )
    wanted = [name for name in SETS if getattr(shares, name)]
    if len(names) < len(wanted):
        raise files.InputError(
            f"{len(names)} documents cannot be split into {len(wanted)} sets",
            "--split",
            remedy="give more documents, or fewer sets (100,0,0)",
        )
    ends, total = [], 0.0
    for name in SETS:
        total += getattr(shares, name)
        ends.append(round(total * len(names) / 100))
    # No set that is to have documents stays empty.
    for index, name in enumerate(SETS):
        left = sum(other in wanted for other in SETS[index + 1 :])
        before = ends[index - 1] if index else 0
        ends[index] = min(ends[index], len(names) - left)
        ends[index] = max(ends[index], before + (name in wanted))
    set_of = {}
    for number, own in enumerate(names):
        set_of[own] = SETS[sum(end <= number for end in ends[:-1])]
    return {
        name: [document for document in documents if set_of[document.id] == name]
        for name in wanted
    }
