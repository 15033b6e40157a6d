"""re_eval.py and lib/relation_scores.py: the original's numbers, other label sets."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biocodes import re_eval
from biocodes.lib import files, relation_scores
from kit.paths import DATA, ROOT

GOLDEN = DATA / "re"
CHEMPROT = GOLDEN / "chemprot_eval"
DDI13 = ["advise", "effect", "mechanism", "int", "false"]


@pytest.fixture
def run(run_command):
    """run(*flags, **options) → Finished."""
    return lambda *flags, **options: run_command(
        "biocodes/re_eval.py", *flags, **options
    )


def one_hot_lines(ids, classes):
    """Make the text of a test_results.tsv from predicted ids."""
    rows = (["1.0" if i == c else "0.0" for c in range(classes)] for i in ids)
    return "".join("\t".join(row) + "\n" for row in rows)


def answer_lines(labels):
    """Make the text of a test.tsv from labels."""
    rows = (f"{i}\tSentence {i}.\t{label}\n" for i, label in enumerate(labels))
    return "index\tsentence\tlabel\n" + "".join(rows)


@pytest.fixture
def pair(tmp_path):
    """pair(predictions, answers) → the flags that name the two files."""

    def to_files(predictions, answers):
        flags = []
        named = (("output", "test_results", predictions), ("answer", "test", answers))
        for flag, name, content in named:
            path = tmp_path / f"{name}.tsv"
            path.write_text(content, encoding="utf-8")
            flags.append(f"--{flag}_path={path}")
        return flags

    return to_files


# The original's numbers


@pytest.mark.parametrize(
    "folder, more", [(GOLDEN, []), (CHEMPROT, ["--task", "chemprot"])]
)
def test_prints_the_bytes_of_the_original(run, folder, more, tmp_path):
    flags = [
        f"--output_path={folder / 'test_results.tsv'}",
        f"--answer_path={folder / 'test.tsv'}",
    ]
    expected = (folder / "re_eval.txt").read_bytes().decode()
    assert run(*flags, *more, cwd=str(tmp_path)) == (0, expected, "")


def test_chemprot_is_right_when_the_answers_lack_a_class(pair, capsys):
    # No cpr:3 in the answers: numbering the classes that occur would shift all others.
    answers = ["cpr:4", "cpr:5", "cpr:9", "false", "false"]
    predicted = [1, 2, 0, 4, 5]
    flags = pair(one_hot_lines(predicted, 6), answer_lines(answers))
    re_eval.main([*flags, "--task=chemprot"])
    # 2 of 4 predicted relations are right, 2 of 3 relations are found.
    assert capsys.readouterr().out == (
        "f1 score    : 57.14%\nrecall      : 66.67%\nprecision   : 50.00%\n"
    )


def test_the_first_class_wins_a_tie(pair, capsys):
    flags = pair("0.5\t0.5\n0.2\t0.8\n", answer_lines("01"))
    re_eval.main(flags)
    assert "f1 score    : 100.00%\n" in capsys.readouterr().out


def test_scores_without_a_denominator_are_zero():
    assert relation_scores.binary_scores([0, 0], [0, 0]) == {
        "f1 score": 0.0,
        "recall": 0.0,
        "precision": 0.0,
        "specificity": 1.0,
    }
    assert relation_scores.binary_scores([1], [1])["specificity"] == 0.0
    assert set(relation_scores.micro_scores([5], [5], range(5)).values()) == {0.0}


# Other label sets

GOLD = ["advise", "advise", "effect", "effect", "effect", "int", "false", "false"]
PREDICTED = [0, 1, 1, 1, 4, 4, 4, 0]


def test_multiclass_report(pair, capsys):
    flags = pair(one_hot_lines(PREDICTED, 5), answer_lines(GOLD))
    re_eval.main([*flags, "--task=multiclass", "--labels", ",".join(DDI13)])
    # micro: 4 of 8; macro F1: (1/2 + 2/3 + 0 + 0 + 2/5) / 5
    assert capsys.readouterr().out.splitlines() == [
        "label          precision   recall  f1 score  support",
        "advise            50.00%   50.00%    50.00%        2",
        "effect            66.67%   66.67%    66.67%        3",
        "mechanism          0.00%    0.00%     0.00%        0",
        "int                0.00%    0.00%     0.00%        1",
        "false             33.33%   50.00%    40.00%        2",
        "micro average     50.00%   50.00%    50.00%        8",
        "macro average     30.00%   33.33%    31.33%        8",
    ]


def test_the_negative_class_stays_out_of_the_averages(pair, capsys):
    flags = pair(one_hot_lines(PREDICTED, 5), answer_lines(GOLD))
    labels = "--labels=" + ",".join(DDI13)
    re_eval.main([*flags, "--task=multiclass", labels, "--negative=false"])
    # 3 of 5 predicted relations are right, 3 of 6 are found.
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "micro average without false     60.00%   50.00%    54.55%        6",
        "macro average without false     29.17%   29.17%    29.17%        6",
    ]


def test_labels_beside_the_predictions_are_used(pair, tmp_path, capsys):
    flags = pair(one_hot_lines([0, 1], 2), answer_lines(["yes", "no"]))
    (tmp_path / "label2id.json").write_text('{"no": 1, "yes": 0}', encoding="utf-8")
    re_eval.main([*flags, "--task=multiclass"])
    out, err = capsys.readouterr()
    assert out.splitlines()[1].split() == ["yes", "100.00%", "100.00%", "100.00%", "1"]
    assert err == ""


def test_labels_of_the_answers_are_used_sorted_and_named(pair, capsys):
    flags = pair(one_hot_lines([1, 0], 2), answer_lines(["yes", "no"]))
    re_eval.main([*flags, "--task=multiclass"])
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()[1:3]] == ["no", "yes"]
    assert "micro average    100.00%" in out
    assert err == "labels: no,yes (--labels gives another order)\n"


def test_any_number_of_labels(pair, capsys):
    answers = answer_lines(["a|b", "", "none", "b"])
    flags = pair("0.9\t0.4\n0.1\t0.5\n0.2\t0.1\n0.3\t0.8\n", answers)
    re_eval.main([*flags, "--task=multilabel", "--negative=none"])
    out, err = capsys.readouterr()
    # b: 1 of 2 right, 1 of 2 found; row 1 lacks b, row 2 has it wrongly.
    assert out.splitlines() == [
        "label          precision   recall  f1 score  support",
        "a                100.00%  100.00%   100.00%        1",
        "b                 50.00%   50.00%    50.00%        2",
        "micro average     66.67%   66.67%    66.67%        3",
        "macro average     75.00%   75.00%    75.00%        3",
        "all labels right: 50.00%",
    ]
    assert err == "labels: a,b (--labels gives another order)\n"
    re_eval.main([*flags, "--task=multilabel", "--negative=none", "--threshold=0.4"])
    assert "b                 66.67%  100.00%" in capsys.readouterr().out


def test_a_threshold_is_of_the_positive_class(pair, capsys):
    flags = pair("0.7\t0.3\n0.8\t0.2\n", answer_lines("10"))
    re_eval.main([*flags, "--threshold=0.3"])
    assert "f1 score    : 100.00%\n" in capsys.readouterr().out
    more = ["--task=multiclass", "--labels=0,1", "--negative=1", "--threshold=0.75"]
    re_eval.main([*flags, *more])
    assert "micro average without 1    100.00%  100.00%" in capsys.readouterr().out


def test_report_lines_and_summary_agree():
    summary = relation_scores.summary_scores(
        "multiclass", GOLD, PREDICTED, DDI13, "false"
    )
    assert summary == pytest.approx({"micro f1": 6 / 11, "macro f1": 7 / 24})
    lines = relation_scores.report_lines("binary", ["1", "0"], [1, 1], ["0", "1"])
    assert lines == [
        "f1 score    : 66.67%",
        "recall      : 100.00%",
        "precision   : 50.00%",
        "specificity : 0.00%",
    ]


def test_each_label_list_has_its_task():
    assert relation_scores.task_for(["0", "1"]) == "binary"
    assert (
        relation_scores.task_for(list(relation_scores.TASK_LABELS["chemprot"]))
        == "chemprot"
    )
    assert (
        relation_scores.task_for(DDI13)
        == relation_scores.task_for(["1", "0"])
        == "multiclass"
    )


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1),
    st.integers(0, 5),
)
def test_scores_equal_their_definitions(pairs, negative):
    gold, predicted = zip(*pairs)
    scores = relation_scores.multiclass_scores(gold, predicted, 6, negative)

    def by_definition(classes):
        right = sum(g == p and g in classes for g, p in pairs)
        said = sum(p in classes for p in predicted)
        there = sum(g in classes for g in gold)
        precision, recall = right / max(said, 1), right / max(there, 1)
        f1 = 2 * precision * recall / (precision + recall) if right else 0.0
        return pytest.approx((precision, recall, f1, there))

    counted = [c for c in range(6) if c != negative]
    assert [tuple(s) for s in scores.classes] == [by_definition([c]) for c in range(6)]
    assert tuple(scores.micro) == by_definition(counted)
    means = np.mean([scores.classes[c] for c in counted], axis=0)
    assert scores.macro[:3] == pytest.approx(tuple(means[:3]))
    micro = relation_scores.micro_scores(gold, predicted, counted)
    assert list(micro.values()) == [scores.micro[2], scores.micro[1], scores.micro[0]]


# Wrong input

TWO = "0.9\t0.1\n0.2\t0.8\n"
ANSWERS = answer_lines("01")


@pytest.mark.parametrize(
    "predictions, answers, where, message",
    [
        ("", ANSWERS, "test_results.tsv: ", "the file is empty"),
        (TWO, "", "test.tsv: ", "the file is empty"),
        (TWO, "index\tsentence\tlabel\n", "test.tsv: ", "no rows after the header"),
        (TWO, "0\ta\t0\n1\tb\t1\n", "test.tsv:1: ", "not the header line"),
        (TWO, "index\tsentence\n0\ta\n1\tb\n", "test.tsv:1: ", "no label column"),
        (TWO, answer_lines("02"), "test.tsv:3: ", "label '2' is not one of 0, 1"),
        (TWO, answer_lines("010"), "test_results.tsv: ", "2 lines of predictions"),
        (TWO * 2, ANSWERS, "test_results.tsv: ", "test.tsv has 2 rows"),
        ("0.9\t0.1\n0.2\tabc\n", ANSWERS, "test_results.tsv:2: ", "'abc' in column 2"),
        ("0.9\t0.1\n0.2\tnan\n", ANSWERS, "test_results.tsv:2: ", "not a probability"),
        ("0.9\t0.1\ninf\t0.1\n", ANSWERS, "test_results.tsv:2: ", "not a probability"),
        ("0.9\t0.1\n-3.5\t2.5\n", ANSWERS, "test_results.tsv:2: ", "'-3.5' in column"),
        ("0.9\t0.1\n0\t1.5\n", ANSWERS, "test_results.tsv:2: ", "'1.5' in column 2"),
        ("0\t1\n1_0\t0\n", ANSWERS, "test_results.tsv:2: ", "'1_0' in column 1"),
        ("no\tyes\n" + TWO, ANSWERS, "test_results.tsv:1: ", "without a header line"),
        ("0.9 0.1\n0.2 0.8\n", ANSWERS, "test_results.tsv:1: ", "'0.9 0.1' in column"),
        ("0.9\t0.1\n0.8\n", ANSWERS, "test_results.tsv:2: ", "1 column, but 2"),
        ("0.9\t0.1\n\n0.2\t0.8\n", ANSWERS, "test_results.tsv:2: ", "an empty line"),
        ("1\t0\t0\n" * 2, ANSWERS, "test_results.tsv:1: ", "3 columns of probab"),
        ("1\n1\n", ANSWERS, "test_results.tsv:1: ", "1 column of probabilities"),
    ],
)
def test_wrong_files_are_refused_with_their_line(
    pair, tmp_path, predictions, answers, where, message
):
    with pytest.raises(files.InputError) as error:
        re_eval.main(pair(predictions, answers))
    assert str(error.value).startswith(f"{tmp_path}/{where}")
    assert message in str(error.value)


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--task=ternary"], "--task"),
        (["--labels=0,1"], "--labels is for --task=multiclass"),
        (["--task=chemprot", "--negative=false"], "--negative is for"),
        (["--task=chemprot"], "2 columns of probabilities, but 6 classes"),
        (["--task=multiclass", "--labels=0,1,2"], "but 3 classes by --labels (0, 1, 2"),
        (["--task=multiclass", "--labels=0,0"], "expected different names"),
        (["--task=multiclass", "--labels=0,"], "expected different names"),
        (["--task=multiclass", "--labels=0,2"], "label '1' is not one of 0, 2"),
        (["--task=multiclass", "--negative=x"], "--negative: 'x' is not one of 0, 1"),
        (["--threshold=2"], "--threshold: is a number from 0 to 1, not 2"),
        (["--task=chemprot", "--threshold=1"], "--threshold is for two classes"),
        (["--task=multilabel", "--labels=0,2"], "label '1' is not one of 0, 2"),
        (["--task=multilabel", "--labels=0,1", "--negative=1"], "is one of 0, 1"),
        (["--answer_path=/nowhere/test.tsv"], "/nowhere/test.tsv: cannot be read"),
        (["--nonsense=1"], "unrecognized arguments"),
        (["--output_path"], "expected one argument"),
    ],
)
def test_wrong_flags_are_refused_in_one_line(run, pair, flags, message):
    done = run(*pair(TWO, ANSWERS), *flags)
    assert done.error.startswith("re_eval.py: error: ")
    assert message in done.error
    assert done.stdout == ""


@pytest.mark.parametrize(
    "value", [[], {}, {"0": 0, "1": 2}, {"0": 0, "1": 0}, {"0": False, "1": True}]
)
def test_a_label_file_of_another_form_is_refused(pair, tmp_path, value):
    path = tmp_path / "label2id.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(files.InputError) as error:
        re_eval.main([*pair(TWO, ANSWERS), "--task=multiclass"])
    assert str(error.value).startswith(f"{path}: not a JSON object of labels")


def test_multiclass_asks_for_labels_that_it_cannot_guess(pair):
    with pytest.raises(files.InputError) as error:
        re_eval.main([*pair("1\t0\t0\n" * 2, ANSWERS), "--task=multiclass"])
    assert "2 different labels, but 3 columns of probabilities" in str(error.value)
    assert "--labels=a,b,c" in str(error.value)


def test_a_wrong_file_is_refused_in_one_line(run, pair):
    done = run(*pair("0.9\tabc\n", ANSWERS))
    assert done.error.startswith("re_eval.py: error: ")
    assert "test_results.tsv:1: " in done.error
    assert done.stdout == ""


def test_needs_numpy_alone(pair):
    # Whoever scores a file need not have TensorFlow, pandas or scikit-learn.
    code = (
        "import sys; from biocodes import re_eval; re_eval.main(sys.argv[1:]);"
        "print(sorted({'tensorflow', 'pandas', 'sklearn', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *pair(TWO, ANSWERS)],
        stdout=subprocess.PIPE,
        cwd=str(ROOT),
        check=True,
    )
    assert done.stdout.endswith(b"\n[]\n")
