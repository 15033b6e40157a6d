"""Data sets for relation extraction, and runs of run_re.py in this process."""

import pathlib
from typing import Any, Iterable, List, Sequence

import run_re
from biocodes.lib.relations import read_train
from finetuning.signals import Interruption
from kit.golden import INIT, RE

PRETRAINED = {
    "vocab_file": INIT / "vocab.txt",
    "bert_config_file": INIT / "bert_config.json",
    "init_checkpoint": INIT / "model.ckpt",
    "do_lower_case": False,
}
# Six training steps on the rows that write_data writes.
SHORT = {"train_batch_size": 8, "num_train_epochs": 1.0, "learning_rate": 1e-3}
ALL = {"do_train": True, "do_eval": True, "do_predict": True}
TRAIN = read_train(str(RE / "train.tsv"))


def arguments(**flags: Any) -> List[str]:
    """Return the flags of a run with the tiny BERT; None leaves a flag out."""
    flags = {**PRETRAINED, **flags}
    return [f"--{name}={value}" for name, value in flags.items() if value is not None]


def run(**flags: Any) -> None:
    """Run the script."""
    run_re.main(["run_re.py", *arguments(**flags)], Interruption())


def write_lines(path: pathlib.Path, lines: Iterable[str]) -> None:
    """Write a text file, and its folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_data(
    folder: pathlib.Path, labels: Sequence[str] = ("0", "1"), test_labels: bool = True
) -> pathlib.Path:
    """Write train.tsv, dev.tsv and test.tsv of 48, 10 and 12 rows, labels in turn."""
    rows = [(row.sentence, labels[i % len(labels)]) for i, row in enumerate(TRAIN)]
    write_lines(folder / "train.tsv", map("\t".join, rows[:48]))
    write_lines(folder / "dev.tsv", map("\t".join, rows[48:58]))
    columns = 3 if test_labels else 2
    test = [(f"id-{i}", *row) for i, row in enumerate(rows[58:70])]
    table = [("index", "sentence", "label"), *test]
    write_lines(folder / "test.tsv", ("\t".join(row[:columns]) for row in table))
    return folder


def read_table(path: pathlib.Path) -> List[List[str]]:
    """Read a tab-separated file."""
    return [line.split("\t") for line in read_text(path).rstrip("\n").split("\n")]


def read_text(*parts: Any) -> str:
    """Read the file at a path of several parts."""
    return pathlib.Path(*map(str, parts)).read_text(encoding="utf-8")
