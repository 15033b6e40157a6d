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
        "several labels of a task that has its own",
        [give("--multilabel=true")],
        "--multilabel: is for --task_name=custom only",
    ),
    (
        "weights that are none",
        [give("--class_weights=1,x")],
        "--class_weights: is balanced or numbers above 0, as in 1,2.5; 'x' is none",
    ),
    (
        "more weights than labels",
        [give("--class_weights=1,2,3")],
        "--class_weights: has 3 numbers for the 2 labels 0, 1",
    ),
    (
        "weights without a training",
        [give("--class_weights=balanced", "--do_train=false")],
        "--class_weights: are those of the training loss, but there is no training",
    ),
    (
        "other weights",
        [give("--class_weights=balanced")],
        "come from another training: its class_weights",
    ),
    (
        "threshold above 1",
        [give("--threshold=1.5")],
        "--threshold: is a number from 0 to 1, not 1.5; or best, on dev.tsv",
    ),
    (
        "threshold of three labels",
        [give("--threshold=0.5", "--task_name=custom", "--labels=0,1,2")],
        r"--threshold: is for two labels, or for --multilabel=true, not for 3 labels",
    ),
    (
        "best threshold without dev.tsv",
        [give("--threshold=best", "--do_eval=false")],
        "--threshold: best is chosen on dev.tsv; give --do_eval=true",
    ),
    (
        "best threshold on a dev.tsv of one class",
        [give("--threshold=best"), put("re/dev.tsv", "One.\t1\nTwo.\t1\n")],
        "dev.tsv: all its examples are of one class, so no threshold is best",
    ),
    (
        "best threshold that nobody chose",
        [
            give("--threshold=best", "--do_train=false", "--do_eval=false"),
            put("out/threshold.json", None),
        ],
        "--threshold: best is chosen on dev.tsv, and was not yet for this checkpoint",
    ),
    (
        "area to choose by on a dev.tsv of one class",
        [
            give("--eval_every=epoch", "--best_metric=roc_auc"),
            give("--overwrite_output_dir=true"),
            put("re/dev.tsv", "One.\t1\nTwo.\t1\n"),
        ],
        "--best_metric: roc_auc is none of f1, recall, precision",
    ),
    (
        "pooling without windows",
        [give("--window_pooling=max")],
        "--window_pooling: is for --long_sentences=window only",
    ),
    (
        "windows where there were none",
        [give("--long_sentences=window")],
        "come from another training: its long_sentences differs",
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
SEVERAL = cases_of(
    SCRIPT,
    (
        "empty name between labels",
        [line("re/train.tsv", 3, "Two.\ta||b")],
        "train.tsv:3: an empty label in 'a||b'",
    ),
    (
        "label twice",
        [line("re/test.tsv", 3, "1\tTwo.\ta|a")],
        "test.tsv:3: a label occurs twice in 'a|a'",
    ),
    (
        "label for none beside others",
        [line("re/dev.tsv", 2, "Two.\ta|no"), give("--negative=no")],
        "dev.tsv:2: 'no' is for none of the labels, but stands beside others",
    ),
    (
        "label out of the set",
        [line("re/dev.tsv", 4, "One.\t0|yes")],
        "dev.tsv:4: label 'yes' is not one of 0, 1",
    ),
    (
        "bar in a label",
        [give("--labels=0|1,2")],
        r"--labels: 0\|1 has a \| in it, which stands between labels",
    ),
    (
        "negative label among the labels",
        [give("--labels=0,1", "--negative=1")],
        "--negative: 1 is for texts that have none of --labels, which it is in",
    ),
    (
        "no label at all",
        [put("re/train.tsv", "One.\t\nTwo.\t\n")],
        "train.tsv: no text has a label",
    ),
    (
        "best threshold where no text has a label",
        [give("--threshold=best"), put("re/dev.tsv", "One.\t\nTwo.\t\n")],
        "dev.tsv: all its examples are of one class, so no threshold is best",
    ),
    base=[
        give("--task_name=custom", "--multilabel=true", "--overwrite_output_dir=true")
    ],
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
    (
        "model of one label a text",
        [
            give("--task_name=custom", "--multilabel=true"),
            give("--init_checkpoint={here}/out"),
        ],
        "out: its model was trained for texts of one label each; leave --multilabel",
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


@pytest.mark.parametrize("case", SEVERAL, ids=names_of(SEVERAL))
def test_wrong_sets_of_labels_are_one_line(case, refused, input_after):
    refused(case, source=input_after(SCRIPT))


@pytest.mark.parametrize("case", MODELS, ids=names_of(MODELS))
def test_a_model_that_does_not_fit_the_task_is_one_line(case, refused, input_after):
    refused(case, source=input_after(SCRIPT))


@pytest.mark.parametrize("case", AS_COMMAND, ids=names_of(AS_COMMAND))
def test_wrong_data_is_one_line_of_the_command(case, refused, as_new_command):
    refused(case, as_new_command)
