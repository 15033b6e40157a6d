"""Wrong input of run_ner.py: the corpus, flags, the output folder."""

import pytest
import tensorflow.compat.v1 as tf

from kit.wrong_input import (
    become_folder,
    cases_called,
    cases_of,
    give,
    line,
    names_of,
    put,
    recode,
)

tf.disable_v2_behavior()

CASES = cases_of(
    "run_ner.py",
    # The corpus.
    (
        "no training file",
        [put("ner/train_dev.tsv", None)],
        r"/ner/train_dev.tsv: cannot be read \(no such file or directory\)",
    ),
    (
        "training file is a folder",
        [become_folder("ner/train_dev.tsv")],
        r"/ner/train_dev.tsv: cannot be read \(is a directory\)",
    ),
    (
        "empty training file",
        [put("ner/train_dev.tsv", "")],
        "/ner/train_dev.tsv: there is no sentence in it; write a word and its label",
    ),
    (
        "blank training file",
        [put("ner/train_dev.tsv", "\n \r\n\t\n")],
        "/ner/train_dev.tsv: there is no sentence in it",
    ),
    (
        "one column",
        [line("ner/train_dev.tsv", 3, b"alone")],
        "/ner/train_dev.tsv:3: one column where a word and its label are needed; ",
    ),
    (
        "bytes that are no text",
        [line("ner/train_dev.tsv", 2, b"na\xefve\tO")],
        "/ner/train_dev.tsv:2: byte 3 of the line is not UTF-8 text; save the file as",
    ),
    (
        "UTF-16",
        [recode("ner/train_dev.tsv", "utf-16")],
        "/ner/train_dev.tsv: this is UTF-16; save it as UTF-8",
    ),
    (
        "binary training file",
        [put("ner/train_dev.tsv", bytes(range(256)) * 9)],
        "/ner/train_dev.tsv:[0-9]+: ",
    ),
    (
        "reserved label",
        [line("ner/train_dev.tsv", 4, b"word\t[CLS]")],
        r"/ner/train_dev.tsv:4: the label \[CLS\] is reserved; give the label another",
    ),
    (
        "reserved label X",
        [line("ner/train_dev.tsv", 5, b"word X")],
        "/ner/train_dev.tsv:5: the label X is reserved",
    ),
    (
        "no devel.tsv",
        [put("ner/devel.tsv", None)],
        "/ner/devel.tsv: cannot be read",
    ),
    (
        "one column in devel.tsv",
        [line("ner/devel.tsv", 1, b"alone")],
        "/ner/devel.tsv:1: one column",
    ),
    (
        "unknown label in devel.tsv",
        [line("ner/devel.tsv", 6, b"word\tB-Gene")],
        "/ner/devel.tsv:6: the model does not know the label B-Gene; it knows B, I, O",
    ),
    (
        "no test.tsv",
        [put("ner/test.tsv", None)],
        "/ner/test.tsv: cannot be read",
    ),
    (
        "empty test.tsv",
        [put("ner/test.tsv", "\ufeff")],
        "/ner/test.tsv: there is no sentence in it",
    ),
    (
        "unknown label in test.tsv",
        [line("ner/test.tsv", 2, b"word\tE")],
        "/ner/test.tsv:2: the model does not know the label E; ",
    ),
    (
        "some words of test.tsv without a label",
        [line("ner/test.tsv", 3, b"alone")],
        "/ner/test.tsv:3: a word without a label after words with one; label all",
    ),
    (
        "some words of test.tsv with a label",
        [put("ner/test.tsv", "a\nb\nc\tO\n")],
        "/ner/test.tsv:3: a word with a label after words without; label all",
    ),
    (
        "no data_dir",
        [give("--data_dir={here}/nowhere")],
        "/nowhere/train_dev.tsv: cannot be read",
    ),
    (
        "data_dir is a file",
        [give("--data_dir={here}/ner/test.tsv")],
        r"/ner/test.tsv/train_dev.tsv: cannot be read \(not a directory\)",
    ),
    (
        "too few sentences for a step",
        [give("--train_batch_size=1000")],
        "8 examples make no step of 1000 in 1 epochs; lower --train_batch_size",
    ),
    # Flags.
    ("unknown flag", [give("--epochs=3")], "epochs.*--help lists the flags"),
    ("stray argument", [give("train")], "'train' is not a flag; flags look like"),
    ("flag of the wrong type", [give("--seed=x")], "seed.*--help lists the flags"),
    (
        "number out of range",
        [give("--warmup_proportion=2")],
        "--warmup_proportion: must be at most 1.0, not 2.0",
    ),
    ("learning rate 0", [give("--learning_rate=0")], "--learning_rate: must be above"),
    ("no data_dir given", [give("--data_dir=")], "--data_dir: is required"),
    ("other task", [give("--task_name=re")], "--task_name: re is not a task"),
    ("TPU", [give("--use_tpu=true")], "--use_tpu: TPUs are not supported; leave the"),
    # The output folder.
    (
        "output_dir is a file",
        [give("--output_dir={here}/ner/test.tsv")],
        "/ner/test.tsv: cannot be written",
    ),
    (
        "output_dir below a file",
        [give("--output_dir={here}/ner/test.tsv/out")],
        "/ner/test.tsv/out: cannot be written",
    ),
    (
        "output_dir where no folder can be made",
        [give("--output_dir=/proc/nowhere/out")],
        "/proc/nowhere/out: cannot be written",
    ),
)
AS_COMMANDS = cases_called(CASES, "one column", "unknown flag", "output_dir is a file")


@pytest.mark.parametrize("case", CASES, ids=names_of(CASES))
def test_wrong_corpus_or_flag_is_one_line(case, refused):
    refused(case)


@pytest.mark.parametrize("case", AS_COMMANDS, ids=names_of(AS_COMMANDS))
def test_wrong_corpus_or_flag_is_one_line_of_the_command(case, refused, as_new_command):
    refused(case, as_new_command)
