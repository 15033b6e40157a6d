"""Corpora for entity recognition, flags of run_ner.py, and what a run has written."""

import pathlib
import re
import subprocess
from typing import Any, Dict, List, Optional

from kit.golden import NER, NER_MODEL
from kit.paths import ROOT
from tasks.ner.labels import ORIGINAL_LABELS

DEVEL, TEST = (
    (NER / name).read_text(encoding="utf-8") for name in ("devel.tsv", "test.tsv")
)
LABEL_IDS = {name: index for index, name in enumerate(ORIGINAL_LABELS)}
# Six training steps on SMALL.
SHORT = ["--train_batch_size=4", "--max_seq_length=48", "--num_train_epochs=2"]


def sentences_of(text: str) -> List[str]:
    """Split a file into its sentences."""
    return text.strip().split("\n\n")


SMALL = "\n\n".join(sentences_of(DEVEL)[:12]) + "\n"


def typed(text: str) -> str:
    """Make every second sentence's entities chemicals, the others' diseases."""
    types = ("Chemical", "Disease")
    return "\n\n".join(
        re.sub(r"\t([BI])$", rf"\t\1-{types[i % 2]}", sentence, flags=re.MULTILINE)
        for i, sentence in enumerate(sentences_of(text))
    )


def write_corpus(
    folder: pathlib.Path,
    train: Optional[str] = None,
    devel: Optional[str] = None,
    test: Optional[str] = None,
) -> str:
    """Write the files of a data_dir that have a text; return its flag."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in [("train_dev", train), ("devel", devel), ("test", test)]:
        if text is not None:
            (folder / f"{name}.tsv").write_bytes(text.encode("utf-8"))
    return f"--data_dir={folder}"


def prediction_flags(tiny_bert: List[str], out: pathlib.Path, *more: str) -> List[str]:
    """Return the flags of a prediction with the original's model.

    Args:
      tiny_bert: the fixture.
      out: the output folder.
      more: further flags.
    """
    return [
        *tiny_bert,
        f"--init_checkpoint={NER_MODEL}",
        f"--output_dir={out}",
        "--do_train=false",
        "--max_seq_length=64",
        *more,
    ]


def results_in(path: pathlib.Path) -> Dict[str, float]:
    """Read `key = value` lines."""
    pairs = (line.split(" = ") for line in path.read_text().splitlines())
    return {key: float(value) for key, value in pairs}


def word_labels_in(folder: pathlib.Path) -> List[List[str]]:
    """Read (gold, predicted) labels of NER_result_conll.txt; [] for a blank line."""
    lines = (folder / "NER_result_conll.txt").read_text(encoding="utf-8").splitlines()
    return [line.split(" ")[1:] for line in lines]


def scores_in(folder: pathlib.Path) -> str:
    """Read the report of the entity-level scores."""
    return (folder / "entity_level_results.txt").read_text()


def detokenize_and_score(
    out: pathlib.Path, answers: pathlib.Path, run_command: Any, folder: pathlib.Path
) -> None:
    """Check that ner_detokenize.py and conlleval.pl make of a run's pieces its results.

    Args:
      out: output folder of the run.
      answers: its test.tsv.
      run_command: the fixture.
      folder: an empty folder.
    """
    done = run_command(
        "biocodes/ner_detokenize.py",
        f"--token_test_path={out / 'token_test.txt'}",
        f"--label_test_path={out / 'label_test.txt'}",
        f"--answer_path={answers}",
        f"--output_dir={folder}",
    )
    assert done == (0, "", "")
    result = (folder / "NER_result_conll.txt").read_bytes()
    assert result == (out / "NER_result_conll.txt").read_bytes()
    scores = subprocess.run(
        ["perl", str(ROOT / "biocodes" / "conlleval.pl")],
        input=result,
        stdout=subprocess.PIPE,
        check=True,
    )
    assert scores.stdout == (out / "entity_level_results.txt").read_bytes()
