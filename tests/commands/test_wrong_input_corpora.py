"""Wrong input of run_ner.py with several corpora."""

import pytest
import tensorflow.compat.v1 as tf

from kit.several_corpora import two_corpora
from kit.small_input import MODEL, SHORT, TRAIN
from kit.wrong_input import cases_of, give, instead, names_of, put

tf.disable_v2_behavior()

BASE = [
    lambda workspace: two_corpora(workspace.here),
    # The output folder is not there yet.
    instead(
        *MODEL,
        *TRAIN,
        *SHORT,
        "--data_dir=Disease={here}/dis,{here}/chem",
        "--output_dir={here}/new",
    ),
]
DATA_DIRS = cases_of(
    "run_ner.py",
    *(
        (data_dir, [give(f"--data_dir={data_dir}")], message)
        for data_dir, message in [
            (
                "{here}/dis,{here}/chem",
                r"/dis/train_dev.tsv:\d+: the label B has no type, which several"
                r" corpora need; name the type of this corpus: --data_dir=TYPE=.*/dis,…"
                "$",
            ),
            (
                "Disease={here}/dis,Drug={here}/chem",
                r"/chem/train_dev.tsv:\d+: the label B-Chemical has a type, so Drug"
                " cannot be given to it; leave the type out",
            ),
            (
                "{here}/chem,{here}/chem/",
                "--data_dir: two of the corpora are called chem, which",
            ),
            (
                "Disease={here}/dis,,{here}/chem",
                "--data_dir: a folder is missing; write FOLDER or TYPE=",
            ),
            ("Disease=,{here}/chem", "--data_dir: a folder is missing"),
            (
                "={here}/dis,{here}/chem",
                "--data_dir: '' cannot be the type of an entity; write a word",
            ),
            ("a b={here}/dis,{here}/chem", "--data_dir: 'a b' cannot be the type"),
            ("0={here}/dis,{here}/chem", "--data_dir: '0' cannot be the type"),
            ("\udce9={here}/dis,{here}/chem", r"--data_dir: '\\udce9' cannot be the"),
            (
                "Disease={here}/dis,/nowhere",
                "/nowhere/train_dev.tsv: cannot be read",
            ),
        ]
    ),
    base=BASE,
)
FILES = cases_of(
    "run_ner.py",
    (
        "type that no training file has with these capitals",
        [put("chem/devel.tsv", "word\tB-chemical\n"), give("--do_eval=true")],
        "/chem/devel.tsv:1: the model does not know the label B-chemical",
        ("new",),
    ),
    (
        "a file where results need a folder",
        [put("new/chem", "mine")],
        r"/new/chem: cannot be written \(file exists\)",
        ("new/dis",),
    ),
    base=BASE,
)


@pytest.mark.parametrize("case", DATA_DIRS, ids=names_of(DATA_DIRS))
def test_wrong_corpora_are_refused(case, refused):
    refused(case)


@pytest.mark.parametrize("case", FILES, ids=names_of(FILES))
def test_wrong_files_of_corpora_are_refused(case, refused):
    refused(case)
