"""Wrong input of run_re.py: data, flags, and models that do not fit the task.

The output folder has a whole run in it, of which nothing may be lost.
"""

import pytest
import tensorflow.compat.v1 as tf

from kit.golden import INIT, NER, RE
from kit.wrong_input import cases_of, give, line, names_of, put

tf.disable_v2_behavior()

SCRIPT = "run_re.py"
DATA = cases_of(
    SCRIPT,
    (
        "a .csv where a .tsv should be",
        [put("re/train.csv", "sentence,label\na,1\n"), put("re/train.tsv", None)],
        r"train.tsv: cannot be read .*; there is .*re/train.csv; python biocodes/"
        r"to_corpus.py --task=re --input=.*re/train.csv makes the files for run_re.py",
    ),
    (
        "a .tsv that is still compressed",
        [put("re/train.tsv.gz", "x"), put("re/train.tsv", None)],
        r"train.tsv: cannot be read .*; there is .*re/train.tsv.gz, which has to be",
    ),
    (
        "a spreadsheet called .tsv",
        [put("re/train.tsv", b"PK\x03\x04\x14\n")],
        "train.tsv: this is a ZIP archive, as .docx and .xlsx are; save a document as",
    ),
    (
        "one column",
        [line("re/train.tsv", 3, "No label.")],
        "train.tsv:3: 1 column, expected 2",
    ),
    (
        "three columns",
        [line("re/train.tsv", 3, "7\tTwo.\t1")],
        "train.tsv:3: 3 columns, expected 2",
    ),
    (
        "header line where there is none",
        [line("re/train.tsv", 1, "sentence\tlabel")],
        "train.tsv:1: a header line",
    ),
    (
        "label out of the set",
        [line("re/train.tsv", 5, "One.\t2")],
        "train.tsv:5: label '2' is not one of",
    ),
    (
        "empty label",
        [line("re/train.tsv", 5, "One.\t")],
        "train.tsv:5: the label is empty",
    ),
    (
        "latin-1",
        [line("re/train.tsv", 5, b"\xe9\t1")],
        "train.tsv:5: byte 1 of the line is not",
    ),
    (
        "NUL in dev.tsv",
        [line("re/dev.tsv", 2, "O\0ne.\t1")],
        "dev.tsv:2: holds a NUL character",
    ),
    (
        "label out of the set in dev.tsv",
        [line("re/dev.tsv", 4, "One.\tyes")],
        "dev.tsv:4: label 'yes' is not one of",
    ),
    (
        "no header line in test.tsv",
        [line("re/test.tsv", 1, "0\tOne.\t1")],
        "test.tsv:1: not the header line",
    ),
    (
        "label out of the set in test.tsv",
        [line("re/test.tsv", 3, "0\tOne.\t-1")],
        "test.tsv:3: label '-1' is not one",
    ),
    (
        "two columns in test.tsv",
        [line("re/test.tsv", 3, "0\tOne.")],
        "test.tsv:3: 2 columns, expected 3",
    ),
    ("empty train.tsv", [put("re/train.tsv", "")], "train.tsv: the file is empty"),
    ("empty test.tsv", [put("re/test.tsv", "")], "test.tsv: the file is empty"),
    (
        "no train.tsv",
        [put("re/train.tsv", None)],
        r"train.tsv: cannot be read \(no such file",
    ),
    (
        "no dev.tsv",
        [put("re/dev.tsv", None)],
        r"dev.tsv: cannot be read \(no such file",
    ),
    base=[give("--overwrite_output_dir=true")],
)
FLAGS = cases_of(
    SCRIPT,
    (
        "unknown task",
        [give("--task_name=mrpc")],
        "--task_name: no such task: mrpc; the tasks are gad, ",
    ),
    ("no task", [give("--task_name=")], "--task_name: is required"),
    ("no data_dir", [give("--data_dir=")], "--data_dir: is required"),
    (
        "no such data_dir",
        [give("--data_dir=/no/such")],
        r"/no/such: cannot be read \(no such file",
    ),
    (
        "nothing to do",
        [give("--do_train=false", "--do_eval=false", "--do_predict=false")],
        "there is nothing to do; give --do_train=true",
    ),
    (
        "labels of a task that has its own",
        [give("--labels=0,1")],
        "--labels: is for --task_name=custom only",
    ),
    (
        "negative label of a task that has its own",
        [give("--negative=0")],
        "--negative: is for --task_name=custom only",
    ),
    (
        "empty label",
        [give("--task_name=custom", "--labels=0,,1")],
        "--labels: expected different names",
    ),
    (
        "one label",
        [give("--task_name=custom", "--labels=1")],
        "--labels: one label alone, 1, leaves",
    ),
    (
        "labels without one of the data",
        [give("--task_name=custom", "--labels=0,2")],
        "train.tsv:2: label '1' is not one of",
    ),
    (
        "negative label that is none",
        [give("--task_name=custom", "--negative=no")],
        "--negative: no is not one of 0, 1",
    ),
    (
        "sequences too long for the model",
        [give("--max_seq_length=385")],
        "--max_seq_length: 385 is more than",
    ),
    (
        "another learning rate",
        [give("--learning_rate=1e-4")],
        "come from another training: --learning_rate was 5e-05, is 0.0001;",
    ),
    (
        "another order of labels",
        [give("--task_name=custom", "--labels=1,0")],
        "come from another training: its labels",
    ),
    (
        "head of another task",
        [give("--overwrite_output_dir=true", f"--init_checkpoint={NER}")],
        r"output_weights has shape \[7, 32\] there but \[2, 32\]",
    ),
    base=[give(f"--init_checkpoint={INIT / 'model.ckpt'}")],
)
# The output folder is new: made, and left empty.
NEW = ("new",)
MODELS = cases_of(
    SCRIPT,
    (
        "labels of another task",
        [give("--task_name=chemprot", "--init_checkpoint={here}/out")],
        "has the labels 0, 1, ",
        NEW,
    ),
    (
        "labels in another order",
        [give("--task_name=custom", "--labels=1,0", "--init_checkpoint={here}/out")],
        "1, not",
        NEW,
    ),
    (
        "model of entity recognition",
        [give(f"--init_checkpoint={NER}")],
        "labels are unknown; the head",
        NEW,
    ),
    ("no head", [], "has no trained head for this task", NEW),
    (
        "no checkpoint",
        [give("--init_checkpoint=")],
        "there is no checkpoint in it",
        NEW,
    ),
    (
        "model of unknown labels",
        [give("--task_name=custom", f"--init_checkpoint={RE}")],
        "labels are unknown",
        NEW,
    ),
    base=[
        give("--do_train=false", "--do_eval=false", "--output_dir={here}/new"),
        put("re/test.tsv", "index\tsentence\n0\tOne.\n1\tTwo.\n"),
    ],
)
AS_COMMAND = cases_of(
    SCRIPT,
    (
        "label out of the set",
        [line("re/train.tsv", 2, "One.\tyes"), give("--output_dir={here}/new")],
        "^run_re.py: error: .*/re/train.tsv:2: label 'yes' is not one of 0, 1$",
        NEW,
    ),
)


@pytest.mark.parametrize("case", DATA, ids=names_of(DATA))
def test_wrong_data_is_one_line(case, refused, input_after):
    refused(case, source=input_after(SCRIPT))


@pytest.mark.parametrize("case", FLAGS, ids=names_of(FLAGS))
def test_wrong_flag_is_one_line(case, refused, input_after):
    refused(case, source=input_after(SCRIPT))


@pytest.mark.parametrize("case", MODELS, ids=names_of(MODELS))
def test_a_model_that_does_not_fit_the_task_is_one_line(case, refused, input_after):
    refused(case, source=input_after(SCRIPT))


@pytest.mark.parametrize("case", AS_COMMAND, ids=names_of(AS_COMMAND))
def test_wrong_data_is_one_line_of_the_command(case, refused, as_new_command):
    refused(case, as_new_command)
