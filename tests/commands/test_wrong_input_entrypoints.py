"""Wrong input of every kind, given to the three entrypoints as commands."""

import pytest

from kit.small_input import squad_form
from kit.wrong_input import (
    HUGE,
    PREDICT_NER,
    PREDICT_RE,
    become_folder,
    cases_of,
    cut,
    forbidden,
    full_disk,
    give,
    line,
    names_of,
    put,
    put_json,
    recode,
    unreadable,
)

CASES = [
    *cases_of(
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
            "ner/train_dev.tsv: this is UTF-16; save it as UTF-8",
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
            [become_folder("model/vocab.txt")],
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
            [PREDICT_NER, put("out/label2id.json", '{"[PAD]": 0, "B\\n": 1}')],
            "out/label2id.json: 'B.n' is no label",
        ),
        (
            "labels with ids out of range",
            [PREDICT_NER, put("out/label2id.json", '{"[PAD]": 0, "B": 1e999}')],
            "out/label2id.json: not a JSON object of labels with the ids 0, 1, 2",
        ),
        (
            "truncated record of the run",
            [PREDICT_NER, put("out/run.json", '{"training": {"seed": 1,')],
            r"out/run.json:1: not JSON .*; is the file complete\?",
        ),
        (
            "record of 10 MB",
            [PREDICT_NER, put("out/run.json", b'{"training": "' + HUGE + b'"}')],
            "out/run.json: not a record of this suite; remove it to go on without it",
        ),
        (
            "a record's facts of another kind",
            [PREDICT_NER, put("out/run.json", '{"training": {"do_lower_case": [7]}}')],
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
    *cases_of(
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
            [PREDICT_RE, put("out/label2id.json", '{"0": 0, "a\\tb": 1}')],
            "out/label2id.json: 'a.tb' is no label",
        ),
        (
            "full disk",
            [full_disk()],
            r"out/run.json: cannot be written \(file too large\)",
        ),
    ),
    *cases_of(
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
            "test.json: this is compressed by gzip; unpack it first",
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
]
# The first case of each script is given to a process that starts from nothing.
FIRST = {case.script: case for case in reversed(CASES)}


@pytest.mark.parametrize("case", CASES, ids=names_of(CASES))
def test_wrong_input_is_one_line(case, refused, as_command, as_new_command):
    refused(case, as_new_command if FIRST[case.script] is case else as_command)


def test_table_is_long_and_has_every_script():
    assert len(CASES) >= 60
    assert {case.script for case in CASES} == {"run_ner.py", "run_re.py", "run_qa.py"}
