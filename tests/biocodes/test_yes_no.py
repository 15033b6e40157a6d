"""lib/yes_no.py: what is read as a yes/no question and its answer, what is refused."""

import pytest

from biocodes.lib import yes_no
from biocodes.lib.files import InputError
from kit.qa_runs import question, squad_file

ID = "0123456789abcdef01234567"


def test_questions_are_read_with_and_without_answers(write):
    asked = [
        {"id": "a", "question": "A ?", "answers": "Yes", "is_impossible": False},
        {"id": "b", "question": "B ?", "answers": "no", "is_impossible": True},
        {"id": "c", "question": "C ?", "answers": "maybe"},
        {"id": "d", "question": "D ?"},
        {"id": "e", "question": "E ?", "answers": [], "is_impossible": False},
    ]
    examples = yes_no.load(write(squad_file(*asked, context="It is.")))
    assert [each.answer for each in examples] == ["yes", "no", "maybe", None, None]
    assert examples[0] == ("a", "A ?", "It is.", "yes")


@pytest.mark.parametrize(
    "fields, problem",
    [
        ({"answers": ["yes"]}, '"answers" other than "yes", "no" and "maybe"'),
        ({"answers": "p53"}, '"answers" other than "yes", "no" and "maybe"'),
        ({"answers": True}, '"answers" other than "yes", "no" and "maybe"'),
        ({"answers": "yes", "is_impossible": True}, '"is_impossible" true contradicts'),
        ({"answers": "no", "is_impossible": False}, '"is_impossible" false contradict'),
        ({"answers": "maybe", "is_impossible": True}, '"is_impossible" true contradic'),
        ({"answers": "yes", "is_impossible": "no"}, '"is_impossible" "no" contradicts'),
    ],
)
def test_what_is_no_answer_is_refused_by_name(write, fields, problem):
    path = write(squad_file(question("q", **fields)))
    with pytest.raises(InputError, match=f"^{path}: question q has .*{problem}"):
        yes_no.load(path)


def test_answers_of_other_questions_say_which_flag_they_need(write):
    path = write(squad_file(question("q", ("p53", 4))))
    with pytest.raises(InputError, match="--question_type=factoid or list"):
        yes_no.load(path)


def test_snippets_of_a_question_agree(write):
    asked = [
        question(f"{ID}_00{i}", answers=a) for i, a in enumerate(["yes", "", "no"])
    ]
    path = write(squad_file(*asked))
    with pytest.raises(InputError, match=f"{ID}_002 .no., but both are one BioASQ"):
        yes_no.load(path)
    asked[2]["id"] = "another"
    assert len(yes_no.load(write(squad_file(*asked)))) == 3


def test_training_needs_an_answer_each(write):
    path = write(squad_file(question("q", answers="yes"), {"id": "r", "question": "?"}))
    with pytest.raises(InputError, match="question r has no answers"):
        yes_no.load(path, needs_answers=True)


@pytest.mark.parametrize(
    "value",
    [
        "yes",
        ["yes"],
        ["yes", 0.5],
        ["yes", []],
        ["yes", [0.5, 0.5]],
        ["maybe", [0.5]],
        ["p53", [0.5]],
        ["yes", [True]],
        ["yes", [float("nan")]],
        ["yes", ["0.5"]],
        [["yes"], [0.5]],
        [{"text": "yes", "probability": 1.0}],
    ],
)
def test_predictions_of_another_form_are_refused(value):
    with pytest.raises(InputError, match='^f: question q has no \\["yes" or "no"'):
        yes_no.check_predictions({"q": value}, "f")


def test_predictions_are_logits_by_id():
    predictions = {"a": ["no", [-1]], "b": ["maybe", [0.5, 0.25, 2.0]]}
    logits = yes_no.check_predictions(predictions, "f")
    assert logits == {"a": [-1], "b": [0.5, 0.25, 2.0]}
    assert [yes_no.yes_logit(each) for each in logits.values()] == [-1, 0.25]
    for nothing in ({}, [], None):
        with pytest.raises(InputError, match="holds no questions"):
            yes_no.check_predictions(nothing, "f")
