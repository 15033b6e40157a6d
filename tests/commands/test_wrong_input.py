"""Wrong input of every kind, given to every script as a real command.

Each gets one line on standard error that says what and where, exit status 2, and leaves
every file as it was. What is only odd, such as a byte-order mark, is simply read.
"""

import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
from typing import NamedTuple

import pytest
from conftest import Finished

from kit.paths import ROOT
from kit.small_input import COMMANDS, ID, bioasq_form, lay_out, squad_form

DATA = ROOT / "tests" / "data"
CONVERT = "biocodes/convert_checkpoint.py"
# They import TensorFlow, so they are forked from a process that has done so.
FORKED = ("run_ner.py", "run_re.py", "run_qa.py", CONVERT)
HUGE = b"x" * 10000000


# What is done to it


class Workspace:
    """A copy of the good input, and how a script is to be run in it.

    Attributes:
      here: the folder.
      arguments: of the script.
      stdin: file for its standard input.
      stdout: file that its standard output goes to, or None.
      limits: see forked.Launcher.
      variables: of its environment, beside those of the tests.
    """

    def __init__(self, good, here, script):
        shutil.copytree(str(good), str(here))
        self.here = here
        self.arguments = list(COMMANDS.get(script, []))
        self.stdin = here / "table.txt"
        self.stdout = None
        self.limits = {}
        self.variables = {}

    def command(self):
        return [argument.format(here=self.here) for argument in self.arguments]


def put(path, content):
    """Gives a file other content, text or bytes; None removes it."""

    def change(workspace):
        file = workspace.here / path
        if content is None:
            file.unlink()
        else:
            raw = content if isinstance(content, bytes) else content.encode("utf-8")
            file.write_bytes(raw)

    return change


def put_json(path, value):
    return put(path, json.dumps(value))


def cut(path, size):
    """Keeps that many bytes of a file."""

    def change(workspace):
        file = workspace.here / path
        file.write_bytes(file.read_bytes()[:size])

    return change


def line(path, number, content):
    """Gives a file another line of that number, from 1."""

    def change(workspace):
        file = workspace.here / path
        lines = file.read_bytes().split(b"\n")
        raw = content if isinstance(content, bytes) else content.encode("utf-8")
        lines[number - 1] = raw
        file.write_bytes(b"\n".join(lines))

    return change


def recode(path, encoding):
    def change(workspace):
        file = workspace.here / path
        file.write_bytes(file.read_text(encoding="utf-8").encode(encoding))

    return change


def folder(path):
    """Puts a folder in the place of a file."""

    def change(workspace):
        (workspace.here / path).unlink()
        (workspace.here / path).mkdir()

    return change


def unreadable(path):
    """Puts a file there that even root can open but not read."""

    def change(workspace):
        if not os.path.exists("/proc/self/mem"):
            pytest.skip("needs /proc")
        (workspace.here / path).unlink()
        (workspace.here / path).symlink_to("/proc/self/mem")

    return change


def forbidden(path):
    """Takes the permission to read a file."""

    def change(workspace):
        if os.geteuid() == 0:
            pytest.skip("root may read everything")
        (workspace.here / path).chmod(0)

    return change


def give(*flags):
    """Adds flags; of one that is given twice the last counts."""
    return lambda workspace: workspace.arguments.extend(flags)


def instead(*flags):
    """Replaces all flags."""
    return lambda workspace: workspace.arguments.__setitem__(slice(None), flags)


def stdin(path):
    return lambda workspace: setattr(workspace, "stdin", pathlib.Path(path))


def stdout(path):
    def change(workspace):
        if not os.path.exists(path):
            pytest.skip(f"needs {path}")
        workspace.stdout = path

    return change


def set_variables(**variables):
    return lambda workspace: workspace.variables.update(variables)


def full_disk(size=50):
    """No file may become larger than that many bytes."""
    return lambda workspace: workspace.limits.update(RLIMIT_FSIZE=size)


def predicting(checkpoint):
    """Predicts alone, with a fine-tuned model of the tests that lies in `out`."""

    def change(workspace):
        for path in DATA.glob(f"{checkpoint}.*"):
            shutil.copy(str(path), str(workspace.here / "out"))
        workspace.arguments += ["--do_train=false", "--init_checkpoint="]

    return change


NER_MODEL = predicting("ner/model.ckpt-1190")
RE_MODEL = predicting("re/model.ckpt-150")
QA_MODEL = predicting("qa/model.ckpt-365")
DETOKENIZE = "biocodes/ner_detokenize.py"
CHEMPROT = "chemprot/chemprot_training/chemprot_training"


# The table: script, what is wrong, how that is made, what the line says.


class Case(NamedTuple):
    script: str
    name: str
    changes: list
    message: str


def of(script, *rows):
    return [Case(script, *row) for row in rows]


WRONG = [
    *of(
        "run_ner.py",
        (
            "one column",
            [line("ner/train_dev.tsv", 3, "alone")],
            "ner/train_dev.tsv:3: one column where a word and its label are needed",
        ),
        (
            "10 MB in a line",
            [line("ner/train_dev.tsv", 3, HUGE)],
            "ner/train_dev.tsv:3: one column",
        ),
        (
            "label of 10 MB",
            [line("ner/devel.tsv", 3, b"word\tB-" + HUGE)],
            "ner/devel.tsv:3: the model does not know the label B-xxx",
        ),
        (
            "label out of the set",
            [line("ner/test.tsv", 3, "word\tB-Gene")],
            "ner/test.tsv:3: the model does not know the label B-Gene; it knows B, I, ",
        ),
        (
            "latin-1",
            [line("ner/test.tsv", 2, b"na\xefve\tO")],
            "ner/test.tsv:2: byte 3 of the line is not UTF-8 text; save the file as",
        ),
        (
            "UTF-16",
            [recode("ner/train_dev.tsv", "utf-16")],
            "ner/train_dev.tsv:1: byte 1 of the line is not UTF-8 text",
        ),
        (
            "UTF-16 without a mark",
            [recode("ner/train_dev.tsv", "utf-16-le")],
            "ner/train_dev.tsv:1: the label holds a NUL character; save the file as",
        ),
        (
            "binary file",
            [put("ner/test.tsv", bytes(range(256)) * 9)],
            r"ner/test.tsv:\d+: ",
        ),
        ("empty file", [put("ner/devel.tsv", "")], "ner/devel.tsv: there is no senten"),
        ("missing file", [put("ner/test.tsv", None)], "ner/test.tsv: cannot be read"),
        (
            "unreadable corpus",
            [unreadable("ner/train_dev.tsv")],
            r"ner/train_dev.tsv: cannot be read \(input/output error\)",
        ),
        (
            "unreadable vocabulary",
            [unreadable("model/vocab.txt")],
            r"model/vocab.txt: cannot be read \(input/output error\)",
        ),
        (
            "forbidden vocabulary",
            [forbidden("model/vocab.txt")],
            r"model/vocab.txt: cannot be read \(permission denied\)",
        ),
        (
            "vocabulary that is a folder",
            [folder("model/vocab.txt")],
            r"model/vocab.txt: cannot be read \(is a directory\)",
        ),
        (
            "truncated checkpoint",
            [cut("model/model.ckpt.data-00000-of-00001", 90000)],
            "model/model.ckpt: not a readable TensorFlow checkpoint; copy or download",
        ),
        (
            "configuration of 10 MB in a line",
            [put("model/bert_config.json", b"[" * 10000000)],
            "model/bert_config.json: JSON nested too deeply",
        ),
        (
            "configuration out of range",
            [put("model/bert_config.json", '{"hidden_size": 1e400}')],
            "model/bert_config.json: ",
        ),
        (
            "label with a line break",
            [NER_MODEL, put("out/label2id.json", '{"[PAD]": 0, "B\\n": 1}')],
            "out/label2id.json: 'B.n' is no label",
        ),
        (
            "labels with ids out of range",
            [NER_MODEL, put("out/label2id.json", '{"[PAD]": 0, "B": 1e999}')],
            "out/label2id.json: not a JSON object of labels with the ids 0, 1, 2",
        ),
        (
            "truncated record of the run",
            [NER_MODEL, put("out/run.json", '{"training": {"seed": 1,')],
            r"out/run.json:1: not JSON .*; is the file complete\?",
        ),
        (
            "record of 10 MB",
            [NER_MODEL, put("out/run.json", b'{"training": "' + HUGE + b'"}')],
            "out/run.json: not a record of this suite; remove it to go on without it",
        ),
        (
            "a record's facts of another kind",
            [NER_MODEL, put("out/run.json", '{"training": {"do_lower_case": [7]}}')],
            r"trained otherwise: --do_lower_case was \[7\], is False",
        ),
        ("nonsense flag", [give("--nonsense=1")], "nonsense.*--help lists the flags"),
        ("stray argument", [give("train")], "'train' is not a flag"),
        (
            "learning rate that is no number",
            [give("--learning_rate=nan")],
            "--learning_rate: must be above 0, not nan",
        ),
        (
            "learning rate out of range",
            [give("--learning_rate=1e400")],
            "--learning_rate: must be above 0, not inf",
        ),
        (
            "epochs out of range",
            [give("--num_train_epochs=-1")],
            "--num_train_epochs: must be above 0, not -1",
        ),
        (
            "batch of nothing",
            [give("--train_batch_size=0")],
            "--train_batch_size: must be 1 or more, not 0",
        ),
        (
            "too many checkpoints",
            [give("--keep_checkpoint_max=9999999999")],
            "--keep_checkpoint_max: must be at most 2147483647",
        ),
        (
            "numbers are looked at before files",
            [give("--seed=-1"), put("ner/test.tsv", None)],
            "--seed: must be 0 or more, not -1",
        ),
        (
            "folder that cannot be written",
            [give("--output_dir=/proc/nowhere")],
            "/proc/nowhere: cannot be written",
        ),
        (
            "full disk",
            [full_disk()],
            r"out/run.json: cannot be written \(file too large\); nothing there was ch",
        ),
    ),
    *of(
        "run_re.py",
        (
            "one column",
            [line("re/train.tsv", 2, "No label.")],
            "re/train.tsv:2: 1 column, expected 2; write sentence<tab>label",
        ),
        (
            "10 MB in a line",
            [line("re/train.tsv", 2, HUGE)],
            "re/train.tsv:2: 1 column, expected 2",
        ),
        (
            "label out of the set",
            [line("re/dev.tsv", 4, "One.\tyes")],
            "re/dev.tsv:4: label 'yes' is not one of 0, 1",
        ),
        (
            "label of 10 MB",
            [line("re/dev.tsv", 4, b"One.\t" + HUGE)],
            "re/dev.tsv:4: label 'xxx",
        ),
        (
            "header line where there is none",
            [line("re/train.tsv", 1, "sentence\tlabel")],
            "re/train.tsv:1: a header line, which train.tsv and dev.tsv do not have",
        ),
        (
            "no header line",
            [line("re/test.tsv", 1, "0\tOne.\t1")],
            "re/test.tsv:1: not the header line that test.tsv begins with",
        ),
        (
            "NUL",
            [line("re/dev.tsv", 2, "O\0ne.\t1")],
            "re/dev.tsv:2: holds a NUL character; save the file as UTF-8",
        ),
        (
            "latin-1",
            [line("re/test.tsv", 5, b"3\tna\xefve\t1")],
            "re/test.tsv:5: byte 5 of the line is not UTF-8 text",
        ),
        ("empty file", [put("re/train.tsv", "")], "re/train.tsv: the file is empty"),
        ("missing file", [put("re/dev.tsv", None)], "re/dev.tsv: cannot be read"),
        ("binary file", [put("re/test.tsv", b"\x89PNG\r\n\x1a\n\0")], "test.tsv:1: "),
        (
            "unreadable corpus",
            [unreadable("re/test.tsv")],
            r"re/test.tsv: cannot be read \(input/output error\)",
        ),
        (
            "duplicated labels",
            [give("--task_name=custom", "--labels=0,1,0")],
            "--labels: expected different names, as in a,b,c",
        ),
        (
            "nonsense task",
            [give("--task_name=mrpc")],
            "--task_name: no such task: mrpc",
        ),
        (
            "probability out of range",
            [give("--warmup_proportion=1.5")],
            "--warmup_proportion: must be at most 1.0, not 1.5",
        ),
        (
            "labels of the model that are no column",
            [RE_MODEL, put("out/label2id.json", '{"0": 0, "a\\tb": 1}')],
            "out/label2id.json: 'a.tb' is no label",
        ),
        (
            "full disk",
            [full_disk()],
            r"out/run.json: cannot be written \(file too large\)",
        ),
    ),
    *of(
        "run_qa.py",
        (
            "truncated JSON",
            [cut("qa/train.json", 200)],
            r"qa/train.json:\d+: not JSON .*; is the file complete\?",
        ),
        ("empty file", [put("qa/test.json", "")], "qa/test.json:1: not JSON"),
        (
            "binary file",
            [put("qa/test.json", b"\x1f\x8b\x08\0")],
            "test.json:1: byte 2",
        ),
        (
            "another form",
            [put_json("qa/test.json", {"questions": []})],
            'qa/test.json: has no list "data" where SQuAD has one',
        ),
        (
            "duplicated ids",
            [put_json("qa/test.json", {"data": squad_form(2)["data"] * 2})],
            "qa/test.json: question q0 stands there twice",
        ),
        (
            "nested 10 MB deep",
            [put("qa/test.json", b"[" * 10000000)],
            "qa/test.json: JSON nested too deeply",
        ),
        (
            "no question",
            [put_json("qa/train.json", {"data": [{"paragraphs": [{"qas": []}]}]})],
            "qa/train.json: has no questions",
        ),
        (
            "unreadable questions",
            [unreadable("qa/train.json")],
            r"qa/train.json: cannot be read \(input/output error\)",
        ),
        ("missing file", [put("qa/test.json", None)], "qa/test.json: cannot be read"),
        (
            "threshold that is no number",
            [give("--null_score_diff_threshold=nan")],
            "--null_score_diff_threshold: must be .* not nan",
        ),
        (
            "stride of nothing",
            [give("--doc_stride=0")],
            "--doc_stride: must be 1 or mo",
        ),
        (
            "length out of range",
            [give("--max_seq_length=1e9")],
            "max_seq_length=1e9.*--help lists the flags",
        ),
        (
            "full disk",
            [full_disk()],
            r"out/run.json: cannot be written \(file too large\)",
        ),
    ),
    *of(
        DETOKENIZE,
        (
            "missing file",
            [put("pieces/token_test.txt", None)],
            "token_test.txt: cannot",
        ),
        (
            "empty file",
            [put("pieces/label_test.txt", "")],
            "label_test.txt: it is empty",
        ),
        (
            "files of different lengths",
            [cut("pieces/label_test.txt", 1000)],
            r"label_test.txt: lines: \d+, but \d+ in .*; give the files of one predict",
        ),
        (
            "answers of another prediction",
            [cut("pieces/test.tsv", 2000)],
            "the pieces do not belong to the answer file",
        ),
        (
            "10 MB in a line",
            [line("pieces/token_test.txt", 7, HUGE)],
            "pieces/token_test.txt:7: '?x+",
        ),
        (
            "two columns",
            [line("pieces/label_test.txt", 7, "B O")],
            "pieces/label_test.txt:7: not one label a line",
        ),
        (
            "binary file",
            [put("pieces/token_test.txt", b"\xff\xfe\0")],
            "pieces/token_test.txt:1: byte 1 of the line is not UTF-8",
        ),
        (
            "unreadable answers",
            [unreadable("pieces/test.tsv")],
            "test.tsv: cannot be re",
        ),
        (
            "folder below a file",
            [give("--output_dir={here}/table.txt/out")],
            r"table.txt/out: cannot be written \(not a directory\)",
        ),
        (
            "full disk",
            [full_disk()],
            r"out/NER_result_conll.txt: cannot be written \(file too large\)",
        ),
        ("no flags", [instead()], "required: --token_test_path, .*--help lists the fl"),
        ("nonsense flag", [give("--nonsense")], "unrecognized arguments: --nonsense"),
    ),
    *of(
        "biocodes/re_eval.py",
        ("missing file", [put("scores/test.tsv", None)], "test.tsv: cannot be read"),
        (
            "empty file",
            [put("scores/test_results.tsv", "")],
            "results.tsv: the file is",
        ),
        (
            "no probabilities",
            [line("scores/test_results.tsv", 3, "0.5\tnan")],
            "test_results.tsv:3: 'nan' in column 2 is not a probability",
        ),
        (
            "number out of range",
            [line("scores/test_results.tsv", 3, "1e400\t0")],
            "test_results.tsv:3: '1e400' in column 1 is not a probability",
        ),
        (
            "truncated file",
            [cut("scores/test_results.tsv", 31)],
            "test_results.tsv:4: 1 column, but 2 in the first line",
        ),
        (
            "10 MB in a line",
            [line("scores/test_results.tsv", 2, HUGE)],
            "test_results.tsv:2: 1 column, but 2 in the first line",
        ),
        (
            "label out of the set",
            [line("scores/test.tsv", 4, "2\tOne.\t7")],
            "scores/test.tsv:4: label '7' is not one of 0, 1",
        ),
        (
            "files of different lengths",
            [put("scores/test.tsv", "index\tsentence\tlabel\n0\tOne.\t1\n")],
            "test_results.tsv: 8 lines of predictions, but .*test.tsv has 1 rows",
        ),
        (
            "NUL",
            [line("scores/test_results.tsv", 2, "0.5\t0.5\0")],
            "test_results.tsv:2: holds a NUL character",
        ),
        (
            "nonsense task",
            [give("--task=ternary")],
            "argument --task: invalid choice: 'ternary'",
        ),
        (
            "label file of another kind",
            [give("--task=multiclass"), put("scores/label2id.json", "[0, 1]")],
            "scores/label2id.json: not a JSON object of labels",
        ),
        ("full disk", [stdout("/dev/full")], "standard output: cannot be written"),
    ),
    *of(
        "biocodes/chemprot_to_tsv.py",
        (
            "missing file",
            [put(f"{CHEMPROT}_entities.tsv", None)],
            "no file chemprot_training_*entities*.tsv in it".replace("*", r"\*"),
        ),
        (
            "empty file",
            [put(f"{CHEMPROT}_abstracts.tsv", "")],
            "_abstracts.tsv: the fi",
        ),
        (
            "duplicated ids",
            [put(f"{CHEMPROT}_abstracts.tsv", "1\tTitle\tText\n1\tTitle\tText\n")],
            "chemprot_training_abstracts.tsv:2: a second abstract 1",
        ),
        (
            "mention that is not there",
            [line(f"{CHEMPROT}_entities.tsv", 1, "90000001\tT1\tCHEMICAL\t0\t4\tnone")],
            "chemprot_training_entities.tsv:1: the text has .*, not 'none'; offsets",
        ),
        (
            "number out of range",
            [line(f"{CHEMPROT}_entities.tsv", 1, "90000001\tT1\tGENE\t-1\t1e9\tx")],
            "chemprot_training_entities.tsv:1: offsets '-1' and '1e9' are not whole",
        ),
        (
            "10 MB in a line",
            [line(f"{CHEMPROT}_relations.tsv", 1, HUGE)],
            r"chemprot_training_relations.tsv:1: 1 column, expected \d",
        ),
        (
            "latin-1",
            [line(f"{CHEMPROT}_abstracts.tsv", 2, b"2\tna\xefve\tx")],
            "chemprot_training_abstracts.tsv:2: byte 5 of the line is not UTF-8",
        ),
        ("missing folder", [give("--input_dir={here}/no")], "/no: no such folder"),
        (
            "output in a file",
            [give("--output_dir={here}/table.txt")],
            "table.txt: cann",
        ),
        (
            "full disk",
            [full_disk()],
            r"out/.*tsv: cannot be written \(file too large\)",
        ),
    ),
    *of(
        "biocodes/transform_nbset2bioasqform.py",
        ("missing file", [put("nbest.json", None)], "nbest.json: cannot be read"),
        ("empty file", [put("nbest.json", "")], "nbest.json:1: not JSON"),
        ("truncated JSON", [cut("nbest.json", 90)], r"nbest.json:\d: not JSON"),
        ("no questions", [put("nbest.json", "{}")], "nbest.json: holds no questions"),
        (
            "number out of range",
            [put_json("nbest.json", {"q": [{"text": "x", "probability": 2.0}]})],
            'nbest.json: question q has a candidate whose "probability" is no number',
        ),
        (
            "no number",
            [put("nbest.json", '{"q": [{"text": "x", "probability": NaN}]}')],
            'nbest.json: question q has a candidate whose "probability" is no number',
        ),
        (
            "id of 10 MB",
            [put("nbest.json", b'{"' + HUGE + b'": 1}')],
            "nbest.json: question xxx.* has no list of candidates",
        ),
        (
            "ids of one question",
            [put_json("nbest.json", {ID: [], f"{ID}_001": []})],
            f"nbest.json: ids {ID} and {ID}_001 would become one question",
        ),
        (
            "full disk",
            [full_disk()],
            r"BioASQ-answer.json: cannot be written \(file too large\)",
        ),
    ),
    *of(
        "biocodes/bioasq_eval.py",
        ("missing file", [put("golden.json", None)], "golden.json: cannot be read"),
        (
            "binary file",
            [put("answers.json", b"\x80\x02}q\0.")],
            "answers.json:1: byte 1",
        ),
        (
            "another form",
            [put_json("answers.json", squad_form(1))],
            'answers.json: has no list "questions"',
        ),
        (
            "duplicated ids",
            [put_json("golden.json", {"questions": bioasq_form()["questions"] * 2})],
            f"golden.json: question {ID} stands there twice",
        ),
        (
            "unknown type",
            [put_json("golden.json", {"questions": [{"id": "1", "type": "odd"}]})],
            'golden.json: question 1 has no "type" that is known',
        ),
        (
            "one file",
            [instead("{here}/golden.json")],
            "arguments are required: ANSWERS",
        ),
        ("full disk", [stdout("/dev/full")], "standard output: cannot be written"),
    ),
    *of(
        "biocodes/bioasq_to_squad.py",
        ("truncated JSON", [cut("bioasq.json", 60)], r"bioasq.json:\d: not JSON"),
        (
            "no such type",
            [give("--type=list")],
            r"gives no list question for --mode=train \(there are none of this type\)",
        ),
        (
            "snippets of another kind",
            [put_json("bioasq.json", bioasq_form(body="What?", snippets=["text"]))],
            f'question {ID} has "snippets" that are no list of objects',
        ),
        ("nonsense mode", [give("--mode=guess")], "argument --mode: invalid choice"),
        (
            "output that is a folder",
            [give("--output_path={here}/out")],
            "/out: cannot be written",
        ),
        (
            "output that is a device",
            [give("--output_path=/dev/null")],
            "/dev/null: cannot be written .not a regular file.",
        ),
        (
            "output in a folder that is missing",
            [give("--output_path={here}/no/x.json")],
            r"no/x.json: cannot be written \(no such file or directory\)",
        ),
        (
            "full disk",
            [full_disk()],
            r"out/train.json: cannot be written \(file too large\)",
        ),
    ),
    *of(
        "biocodes/squad_eval.py",
        (
            "missing file",
            [put("predictions.json", None)],
            "predictions.json: cannot be",
        ),
        (
            "another form",
            [put_json("predictions.json", ["MDM2"])],
            "predictions.json: is not an object of ids and texts",
        ),
        (
            "prediction that is no text",
            [put_json("predictions.json", {"q1": 7})],
            "predictions.json: question q1 has a prediction that is no text",
        ),
        (
            "no answers",
            [put_json("qa/test.json", {"data": []})],
            "qa/test.json: has no answers to compare with",
        ),
    ),
    *of(
        CONVERT,
        ("missing folder", [give("--input_dir={here}/no")], "/no: no such folder"),
        ("empty configuration", [put("hf/config.json", "")], "config.json:1: not JSON"),
        (
            "number out of range",
            [put_json("hf/config.json", {"hidden_size": -1})],
            "hf/config.json: without the key vocab_size, ",
        ),
        (
            "vocabulary of another size",
            [put("hf/vocab.txt", "[PAD]\n")],
            "hf/vocab.txt: 1 pieces, but vocab_size in config.json is 5",
        ),
        (
            "truncated weights",
            [cut("hf/model.safetensors", 5000)],
            "hf/model.safetensors: not a whole safetensors file",
        ),
        (
            "binary weights",
            [put("hf/model.safetensors", b"\x80\x02ctorch\n" * 99)],
            "hf/model.safetensors: not a whole safetensors file",
        ),
        (
            "missing weights",
            [put("hf/model.safetensors", None)],
            "hf: holds no model.s",
        ),
        (
            "output in a file",
            [give("--output_dir={here}/table.txt")],
            "table.txt: cann",
        ),
        ("full disk", [full_disk()], r"out/.*: cannot be written \(file too large\)"),
    ),
    *of(
        "biocodes/unpack.py",
        (
            "missing archive",
            [put("archive.tar.gz", None)],
            "archive.tar.gz: cannot be r",
        ),
        (
            "truncated archive",
            [cut("archive.tar.gz", 500)],
            "archive.tar.gz: is cut off",
        ),
        (
            "no archive",
            [put("archive.tar.gz", "<html>")],
            "archive.tar.gz: is no .tar.gz",
        ),
        ("another checksum", [give("--sha256=00")], "archive.tar.gz: has the sha256 "),
        (
            "a folder that is there",
            [give("--output_dir={here}/out")],
            "out: is already",
        ),
        (
            "full disk",
            [full_disk()],
            r"unpacked: cannot be written \(file too large\)",
        ),
    ),
    *of(
        "examples/show_entities.py",
        ("missing file", [put("table.txt", None)], "table.txt: cannot be read"),
        ("one column", [line("table.txt", 2, "is")], "table.txt:2: one column where a"),
        ("nonsense number", [give("--sentences=many")], "invalid int value: 'many'"),
    ),
    *of(
        "download.sh",
        (
            "nonsense name",
            [give("nonsense")],
            "no data sets are called 'nonsense'; see",
        ),
        ("no name", [give("weights")], "weights of which NAME"),
        (
            "too much",
            [give("weights", "biobert_v1.0_pmc", "more")],
            "too much on the command line",
        ),
        (
            "folder that cannot be written",
            [set_variables(BIOBERT_DATA="/proc/nowhere/datasets")],
            "/proc/nowhere cannot be written",
        ),
    ),
    *of(
        "install.sh",
        (
            "missing requirements",
            [give("{here}/no.txt")],
            "/no.txt: no such requirement file",
        ),
        ("nonsense flag", [give("--nonsense")], "no such flag: --nonsense; see "),
        (
            "folder that cannot be written",
            [set_variables(VENV="/proc/nowhere/venv", PYTHON=sys.executable)],
            "/proc/nowhere/venv cannot be written",
        ),
        (
            "an interpreter that is none",
            [set_variables(VENV="/proc/nowhere/venv", PYTHON="/dev/null")],
            "PYTHON=/dev/null does not start; name a Python 3.7 to 3.13",
        ),
    ),
    # Both scorers; nothing is wrong with one that is right with the other.
    *(
        Case(f"biocodes/conlleval.{ending}", *row)
        for ending in ("py", "pl")
        for row in [
            ("empty argument", [give("")], "unknown argument"),
            ("nonsense flag", [give("--no")], "--no: unknown argument; usage: "),
            ("no delimiter", [give("-d")], "-d: a value must follow; usage: "),
            ("nonsense delimiter", [give("-d", "(")], "-d: '.' is not a regular expr"),
            (
                "one column",
                [put("table.txt", "a\nb\n")],
                "standard input:1: one column where a gold and a predicted label are",
            ),
            (
                "10 MB in a line",
                [line("table.txt", 1, HUGE)],
                "standard input:1: one column",
            ),
            (
                "NUL",
                [put("table.txt", "a\0B\0B\n")],
                "standard input:1: one column",
            ),
            ("full disk", [stdout("/dev/full")], "standard output: cannot be written"),
        ]
    ),
]
IDS = [f"{os.path.basename(case.script)}: {case.name}" for case in WRONG]


# Running


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A folder of good input, to be copied."""
    made = tmp_path_factory.mktemp("wrong") / "good"
    made.mkdir()
    lay_out(made)
    return made


@pytest.fixture
def execute(launch):
    """execute(script, workspace, new=False) → Finished.

    new: in a process that starts from nothing, also where forking one is faster.
    """

    def run(script, workspace, new=False):
        limits, output = workspace.limits, workspace.stdout
        if script in FORKED and not new:
            return launch(script, *workspace.command(), limits=limits, stdout=output)

        def limit():
            for name, most in limits.items():
                resource.setrlimit(getattr(resource, name), (most, most))

        starter = {".py": sys.executable, ".pl": "perl", ".sh": "bash"}
        with contextlib.ExitStack() as stack:
            source = workspace.stdin if workspace.stdin.exists() else os.devnull
            done = subprocess.run(
                [
                    starter[os.path.splitext(script)[1]],
                    str(ROOT / script),
                    *workspace.command(),
                ],
                stdin=stack.enter_context(open(str(source), "rb")),
                stdout=stack.enter_context(open(output, "wb"))
                if output
                else subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **workspace.variables},
                preexec_fn=limit if limits else None,
                timeout=120,
            )
        texts = ((text or b"").decode() for text in (done.stdout, done.stderr))
        return Finished(done.returncode, *texts)

    return run


def snapshot(here):
    """{path: content} of all files below a folder but links and locks."""
    return {
        str(path.relative_to(here)): path.read_bytes()
        for path in here.rglob("*")
        if path.is_file() and not path.is_symlink() and path.name != ".lock"
    }


FIRST = {case.script: case for case in reversed(WRONG)}


@pytest.mark.parametrize("case", WRONG, ids=IDS)
def test_wrong_input_is_one_line(case, good, execute, tmp_path):
    workspace = Workspace(good, tmp_path / "here", case.script)
    for change in case.changes:
        change(workspace)
    before = snapshot(workspace.here)
    done = execute(case.script, workspace, new=FIRST[case.script] is case)
    name = os.path.basename(case.script)
    assert done.error.startswith(f"{name}: error: ")
    assert re.search(case.message, done.error), done.error
    assert done.stdout == "" and len(done.error) < 3000
    assert snapshot(workspace.here) == before


def test_table_is_long_and_names_are_unique():
    assert len(WRONG) >= 80
    assert len(set(IDS)) == len(WRONG)
    assert {case.script for case in WRONG} >= set(COMMANDS)


@pytest.mark.parametrize("script", COMMANDS)
def test_input_is_good_as_long_as_nobody_spoils_it(script, good, execute, tmp_path):
    """Otherwise the refusals would prove nothing."""
    workspace = Workspace(good, tmp_path / "here", script)
    before = snapshot(workspace.here)
    done = execute(script, workspace)
    assert done.status == 0, done.stderr
    assert done.stdout or snapshot(workspace.here) != before


@pytest.mark.parametrize("name", sorted({c.name for c in WRONG if "conlleval" in c[0]}))
def test_both_scorers_say_the_same(name, good, execute, tmp_path):
    said = set()
    for case in WRONG:
        if case.name == name and "conlleval" in case.script:
            workspace = Workspace(good, tmp_path / case.script, case.script)
            for change in case.changes:
                change(workspace)
            script = os.path.basename(case.script)
            error = execute(case.script, workspace).error
            said.add(error.replace(script, "SCRIPT"))
    assert len(said) == 1


# Odd, but not wrong

MODEL_FILES = ["model/vocab.txt", "model/bert_config.json"]
# The text that each script reads, and what makes its run short.
READS = {
    "run_ner.py": ([*MODEL_FILES, "ner/*.tsv"], [NER_MODEL]),
    "run_re.py": ([*MODEL_FILES, "re/*.tsv"], [RE_MODEL]),
    "run_qa.py": ([*MODEL_FILES, "qa/*.json"], [QA_MODEL]),
    "biocodes/ner_detokenize.py": (["pieces/*"], []),
    "biocodes/conlleval.py": (["table.txt"], []),
    "biocodes/conlleval.pl": (["table.txt"], []),
    "biocodes/re_eval.py": (["scores/*"], []),
    "biocodes/chemprot_to_tsv.py": (["chemprot/*/*"], []),
    "biocodes/transform_nbset2bioasqform.py": (["nbest.json"], []),
    "biocodes/bioasq_eval.py": (["golden.json", "answers.json"], []),
    "biocodes/bioasq_to_squad.py": (["bioasq.json"], []),
    "biocodes/squad_eval.py": (["qa/test.json", "predictions.json"], []),
    "biocodes/convert_checkpoint.py": (["hf/config.json", "hf/vocab.txt"], []),
    "examples/show_entities.py": (["table.txt"], []),
}


def outcome(script, workspace, execute):
    """What a run prints and writes, but for what names folders or digests."""
    done = execute(script, workspace)
    assert done.status == 0, done.stderr
    written = snapshot(workspace.here / "out")
    written = {
        name: content
        for name, content in written.items()
        if name != "run.json" and not name.endswith(".tf_record")
    }
    return done.stdout.replace(str(workspace.here), ""), written


@pytest.mark.parametrize("script", READS)
def test_byte_order_mark_and_crlf_are_simply_read(script, good, execute, tmp_path):
    patterns, changes = READS[script]
    outcomes = []
    for name in ("clean", "odd"):
        workspace = Workspace(good, tmp_path / name, script)
        paths = [path for glob in patterns for path in workspace.here.glob(glob)]
        assert len(paths) >= len(patterns)
        for change in changes:
            change(workspace)
        for path in paths if name == "odd" else []:
            crlf = path.read_bytes().replace(b"\n", b"\r\n")
            path.write_bytes(b"\xef\xbb\xbf" + crlf)
        outcomes.append(outcome(script, workspace, execute))
    assert outcomes[0] == outcomes[1]
