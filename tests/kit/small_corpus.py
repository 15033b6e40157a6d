"""The beginning of NCBI-disease's files, for benchmarks that only have to run."""

import pathlib

from kit.paths import ROOT

SENTENCES = 60


def write_small_corpus(folder: pathlib.Path) -> None:
    """Write the first sentences of each file to a folder."""
    for name in ("train.tsv", "train_dev.tsv", "devel.tsv", "test.tsv"):
        text = (ROOT / "examples" / "NCBI-disease" / name).read_text("utf-8")
        beginning = "\n\n".join(text.split("\n\n")[:SENTENCES])
        (folder / name).write_text(beginning + "\n", "utf-8")
