"""Wrong input of run_qa.py: files of questions, and flags."""

import pytest
import tensorflow.compat.v1 as tf

from kit.golden import QA_MODEL
from kit.qa_runs import question, squad_file, yes_no
from kit.small_input import ID
from kit.wrong_input import cases_of, give, names_of, put, put_json

tf.disable_v2_behavior()

SCRIPT = "run_qa.py"
PREDICT = give("--do_train=false", f"--init_checkpoint={QA_MODEL}")
TRAIN = give("--do_predict=false")


BARE = {"id": "q", "question": "Does it bind ?"}


def asked(value):
    """A change: predict_file has this value."""
    return put_json("qa/test.json", value)


def taught(value):
    """A change: train_file has this value."""
    return put_json("qa/train.json", value)


FILES = [
    *cases_of(
        SCRIPT,
        ("no JSON", [put("qa/test.json", "{")], "/qa/test.json:1: not JSON"),
        ("no data", [asked({})], 'no list "data"'),
        ("a list", [asked([])], 'no list "data"'),
        (
            "questions of BioASQ",
            [asked({"questions": [{"body": "What?"}]})],
            "these are questions in BioASQ's form, of which python biocodes/bioasq_to_",
        ),
        ("no paragraphs", [asked({"data": [{}]})], 'no list "paragraphs"'),
        (
            "no qas",
            [asked({"data": [{"paragraphs": [{"context": "x"}]}]})],
            'no list "qas"',
        ),
        ("no questions", [asked({"data": []})], "no questions"),
        ("no id", [asked(squad_file({"question": "?"}))], 'without "id"'),
        (
            "an id twice",
            [asked(squad_file(question("twin"), question("twin")))],
            "twin .*twice",
        ),
        (
            "no text to ask",
            [asked(squad_file(question(question=None)))],
            'q has no text "question"',
        ),
        (
            "no context",
            [asked(squad_file(question(), context=None))],
            'q has no text "context"',
        ),
        (
            "answers that are text",
            [asked(squad_file(question(answers="p53")))],
            'q has "answers"',
        ),
        base=[PREDICT],
    ),
    *cases_of(
        SCRIPT,
        (
            "no answer to learn",
            [taught(squad_file(question("none")))],
            "none has no answers",
        ),
        (
            "two answers to learn",
            [taught(squad_file(question("two", ("p53", 4), ("p53", 4))))],
            "two has 2 answers",
        ),
        (
            "SQuAD 2.0 without its flag",
            [taught(squad_file(question("no", is_impossible=True)))],
            "no has no answers; .*version_2_with_negative",
        ),
        (
            "an answer that is text",
            [taught(squad_file(question("odd", is_impossible=True, answers=["p53"])))],
            'odd has no text "text"',
        ),
        (
            "an answer without its start",
            [taught(squad_file(question("half", answers=[{"text": "p53"}])))],
            'half has .*no whole number "answer_start"',
        ),
        (
            "answers that are elsewhere",
            [taught(squad_file(question("q", ("p53", 0))))],
            "not one of its 1 answers",
        ),
        (
            "too few questions for a step",
            [
                taught(squad_file(question("q", ("p53", 4)))),
                give("--train_batch_size=32"),
            ],
            "make no step of 32",
        ),
        base=[TRAIN],
    ),
]
YES_NO = [
    *cases_of(
        SCRIPT,
        (
            "answers of factoid questions to learn",
            [give("--do_predict=false")],
            'q0 has "answers" other than .*; .*--question_type=factoid or list',
        ),
        (
            "answers of factoid questions to score",
            [taught(squad_file(yes_no("a", "yes"), yes_no("b", "no")))],
            'qa/test.json: question q0 has "answers" other than',
        ),
        (
            "an answer that is_impossible contradicts",
            [taught(squad_file(question("q", answers="yes", is_impossible=True)))],
            'train.json: question q has the answer "yes", .*true contradicts',
        ),
        (
            "snippets that contradict each other",
            [taught(squad_file(yes_no(f"{ID}_001", "yes"), yes_no(f"{ID}_002", "no")))],
            f'{ID}_001 has the answer "yes" and {ID}_002 "no", but both are one',
        ),
        (
            "no answer to learn",
            [taught(squad_file(yes_no("a", "yes"), {"id": "b", "question": "?"}))],
            "train.json: question b has no answers; for training",
        ),
        (
            "maybe without its flag",
            [taught(squad_file(yes_no("a", "yes"), yes_no("b", "maybe")))],
            'b has the answer "maybe", .* train with --labels=yes,no,maybe',
        ),
        (
            "one answer alone",
            [taught(squad_file(yes_no("a", "yes"), yes_no("b", "yes")))],
            "not one question has the answer no; .*--balance=none",
        ),
        ("no questions", [taught({"data": []})], "train.json: has no questions"),
        base=[give("--question_type=yesno")],
    ),
    *cases_of(
        SCRIPT,
        (
            "maybe to score with a model that does not know it",
            [
                taught(squad_file(yes_no("a", "yes"), yes_no("b", "no"))),
                asked(squad_file(yes_no("c", "maybe"))),
                give("--question_type=yesno"),
            ],
            'test.json: question c has the answer "maybe", which is not one of yes, no',
        ),
        (
            "yes/no questions as factoid ones",
            [taught(squad_file(yes_no("a", "no")))],
            'a has the answer "no", that of a yes/no question; give --question_type=ye',
        ),
        (
            "yes/no questions as list ones",
            [
                taught(squad_file(yes_no("a", "no"))),
                give("--question_type=list"),
            ],
            'a has the answer "no", that of a yes/no question; give --question_type=ye',
        ),
        (
            "questions of mixed kinds",
            [taught(squad_file(question("a", ("p53", 4)), yes_no("b", "no")))],
            'b has the answer "no", that of a yes/no question; give --question_type=ye',
        ),
        ("nonsense type", [give("--question_type=open")], "factoid.yesno.list"),
        (
            "labels in another order",
            [give("--question_type=yesno", "--labels=no,yes")],
            "--labels",
        ),
        (
            "labels of factoid questions",
            [give("--labels=yes,no")],
            "--labels: is for --question_type=yesno only",
        ),
        (
            "balance of list questions",
            [give("--question_type=list", "--balance=none")],
            "--balance: is for --question_type=yesno only",
        ),
        (
            "an epoch of nothing",
            [give("--question_type=yesno", "--examples_per_class=0")],
            "--examples_per_class: must be 1 or more",
        ),
        (
            "no answer to a yes/no question",
            [give("--question_type=yesno", "--version_2_with_negative=true")],
            "--version_2_with_negative: is for factoid and list questions only",
        ),
        (
            "a model of factoid questions",
            [PREDICT, give("--question_type=yesno"), asked(squad_file(BARE))],
            "was trained for other questions: .*; give --question_type=factoid or list",
        ),
    ),
]
FLAGS = [
    *cases_of(
        SCRIPT,
        (
            "nothing to do",
            [give("--do_train=false", "--do_predict=false")],
            "nothing to do",
        ),
        ("no train_file", [give("--train_file=")], "--train_file: is required"),
        ("no predict_file", [give("--predict_file=")], "--predict_file: is required"),
        (
            "prediction without a head",
            [give("--do_train=false")],
            "no trained head .*cls/squad/output_weights",
        ),
        (
            "prediction without a checkpoint",
            [give("--do_train=false", "--init_checkpoint=")],
            "there is no checkpoint",
        ),
    ),
    *cases_of(
        SCRIPT,
        (
            "no such file",
            [give("--predict_file={here}/qa/test.jsonx")],
            "test.jsonx: cannot be read",
        ),
        (
            "no room for a context",
            [give("--max_seq_length=67", "--max_query_length=64")],
            "--max_seq_length: 67 leaves no room .* must be at least max_query_length",
        ),
        (
            "windows too long for the model",
            [give("--max_seq_length=385")],
            "max_position_embeddings 384",
        ),
        ("stride of nothing", [give("--doc_stride=0")], "--doc_stride"),
        ("no answer wanted", [give("--n_best_size=0")], "--n_best_size"),
        base=[PREDICT],
    ),
]
AS_COMMAND = cases_of(
    SCRIPT,
    (
        "no JSON",
        [put("qa/test.json", "{"), give("--output_dir={here}/new")],
        "/qa/test.json:1: not JSON",
    ),
    base=[PREDICT],
)


@pytest.mark.parametrize("case", FILES, ids=names_of(FILES))
def test_wrong_file_is_one_line(case, refused):
    refused(case)


@pytest.mark.parametrize("case", YES_NO, ids=names_of(YES_NO))
def test_wrong_yes_no_question_is_one_line(case, refused):
    refused(case)


@pytest.mark.parametrize("case", FLAGS, ids=names_of(FLAGS))
def test_wrong_flag_is_one_line(case, refused):
    refused(case)


@pytest.mark.parametrize("case", AS_COMMAND, ids=names_of(AS_COMMAND))
def test_wrong_file_is_one_line_of_the_command(case, refused, as_new_command):
    refused(case, as_new_command)
