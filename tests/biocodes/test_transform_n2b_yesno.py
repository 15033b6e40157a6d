"""transform_n2b_yesno.py: each rule of the 7th challenge's system, and wrong input."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes import transform_n2b_yesno as transform
from biocodes.lib import bioasq_scores
from biocodes.lib.files import InputError

SCRIPT = "biocodes/transform_n2b_yesno.py"
ID = "0123456789abcdef01234567"
NAME = "BioASQform_BioASQ-answer.json"


@pytest.fixture
def run(run_command):
    """run(*arguments) → Finished."""
    return lambda *arguments: run_command(SCRIPT, *arguments)


def answers(predictions):
    """{question: exact answer} for {id: logits}."""
    words = {name: ["yes", logits] for name, logits in predictions.items()}
    questions = transform.transform(words)["questions"]
    return {each["id"]: each["exact_answer"] for each in questions}


# Rules


def test_an_entry_has_the_form_of_the_7th_challenge(run, write, tmp_path):
    path = write({f"{ID}_001": ["no", [0.25]]}, "predictions.json")
    result = run("--nbest_path", path, "--output_path", tmp_path)
    assert (result.status, result.stderr) == (0, "")
    assert json.loads((tmp_path / NAME).read_text()) == {
        "questions": [
            {
                "type": "yesno",
                "id": ID,
                "ideal_answer": ["Dummy"],
                "exact_answer": "yes",
            }
        ]
    }


def test_snippets_are_pooled_by_the_first_24_characters():
    other = ID[::-1]
    logits = {f"{ID}_001": [1.0], f"{other}_001": [-1.0], f"{ID}_1000": [1.0]}
    assert answers(logits) == {ID: "yes", other: "no"}


def test_the_mean_of_the_logits_decides_not_their_majority():
    logits = {f"{ID}_001": [3.0], f"{ID}_002": [-1.0], f"{ID}_003": [-1.5]}
    assert answers(logits) == {ID: "yes"}


def test_above_0_is_yes_and_0_is_no():
    assert answers({"a": [0.0], "b": [0.001]}) == {"a": "no", "b": "yes"}


def test_logits_are_rounded_to_three_decimals_before_they_are_averaged():
    logits = {f"{ID}_001": [0.0004], f"{ID}_002": [0.0004], "other": [0.0004]}
    assert answers(logits) == {ID: "no", "other": "no"}
    assert answers({"q_001": [0.0006]}) == {"q_001": "yes"}


def test_of_three_logits_that_of_maybe_is_left_aside():
    logits = {f"{ID}_001": [1.0, 0.5, 9.0], "other": [0.5, 1.0, 9.0]}
    assert answers(logits) == {ID: "yes", "other": "no"}


# The command


def test_a_path_names_a_folder_or_a_file(run, write, tmp_path):
    path = write({f"{ID}_001": ["no", [0.25]]}, "predictions.json")
    for given_path, written in (("new/", f"new/{NAME}"), ("x.json", "x.json")):
        result = run("--nbest_path", path, f"--output_path={tmp_path}/{given_path}")
        assert result.status == 0, result.stderr
        assert (tmp_path / written).exists()


def test_ids_without_suffix_are_one_line(run, write, tmp_path):
    path = write({"q1": ["no", [-1.0]], "q2": ["no", [-1.0]]}, "predictions.json")
    result = run("--nbest_path", path, "--output_path", tmp_path)
    assert result.status == 0
    assert result.stderr == (
        "warning: ids not of BioASQ's 24 characters, taken as they are: 2 (q1, q2)\n"
    )


def test_an_id_with_and_without_suffix_is_refused():
    with pytest.raises(InputError, match="would become one question"):
        answers({ID: [1.0], f"{ID}_001": [1.0]})


def test_candidates_of_list_questions_are_refused(run, write, tmp_path):
    entries = [{"text": "x", "probability": 1.0, "question_text": "Which ?"}]
    path = write({f"{ID}_001": entries}, "nbest_predictions.json")
    result = run("--nbest_path", path, "--output_path", tmp_path)
    assert 'has no ["yes" or "no", [logit]]; give predictions.json' in result.error


# Any predictions

logits_of_any = st.one_of(
    *(st.lists(st.floats(-1e29, 1e29), min_size=n, max_size=n) for n in (1, 3))
)
ids = st.one_of(st.text(), st.sampled_from([f"{ID}_00{i}" for i in range(4)]))


@settings(deadline=None)
@given(st.dictionaries(ids, logits_of_any, min_size=1), st.booleans())
def test_any_predictions_can_be_scored(predictions, is_yes):
    words = {
        name: ["yes" if len(logits) == 1 else "maybe", logits]
        for name, logits in predictions.items()
    }
    questions = transform.transform(words)["questions"]
    golden = [
        {"id": each["id"], "type": "yesno", "exact_answer": "yes" if is_yes else "no"}
        for each in questions
    ]
    pairs = bioasq_scores.pair_up(golden, questions)
    measures = bioasq_scores.evaluate(pairs)
    right = [each["exact_answer"] == golden[0]["exact_answer"] for each in questions]
    assert measures.yesno.accuracy == pytest.approx(sum(right) / len(right))
