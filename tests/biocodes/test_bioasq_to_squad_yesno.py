"""bioasq_to_squad.py --type=yesno: BioASQ's yes/no questions, and PubMedQA's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes import bioasq_to_squad
from biocodes.bioasq_to_squad import Recipe
from biocodes.lib import files, pubmedqa, yes_no
from biocodes.lib.files import InputError
from kit.paths import DATA

SMALL = str(DATA / "bioasq" / "small.json")
ID = "0123456789abcdef01234567"
YES = {
    "id": ID,
    "type": "yesno",
    "body": "Does p53 bind MDM2?",
    "exact_answer": "yes",
    "snippets": [{"text": "It does."}, {"text": "  "}, {"text": "It may."}],
}
PUBMEDQA = {
    "101": {
        "QUESTION": "Do mice sleep?",
        "CONTEXTS": ["We watched mice.", "They slept."],
        "LABELS": ["METHODS", "RESULTS"],
        "final_decision": "yes",
    },
    "102": {"QUESTION": "Do fish?", "CONTEXTS": ["We did."], "final_decision": "maybe"},
    "103": {"QUESTION": "Do birds?", "CONTEXTS": ["We saw."], "final_decision": "no"},
}


@pytest.fixture
def converted(run_command, write, tmp_path):
    """converted(value of the file, *flags) → questions by id, Finished."""

    def convert(value, *flags):
        path, output = write(value, "in.json"), str(tmp_path / "squad.json")
        result = run_command(
            "biocodes/bioasq_to_squad.py",
            f"--input_path={path}",
            f"--output_path={output}",
            "--type=yesno",
            *flags,
        )
        assert result.status == 0, result.stderr
        yes_no.load(output)  # what run_qa.py reads
        (article,) = files.read_json(output)["data"]
        return [
            dict(asked, context=paragraph["context"])
            for paragraph in article["paragraphs"]
            for asked in paragraph["qas"]
        ], result

    return convert


# BioASQ


@pytest.mark.parametrize("mode", ["--mode=train", "--mode=predict"])
@pytest.mark.parametrize(
    "answer, word", [("yes", "yes"), ("No", "no"), (["yes"], "yes"), ([["no"]], "no")]
)
def test_each_snippet_is_a_question_with_the_answer(converted, mode, answer, word):
    asked, result = converted({"questions": [dict(YES, exact_answer=answer)]}, mode)
    common = {
        "question": YES["body"],
        "answers": word,
        "is_impossible": word == "no",
    }
    assert asked == [
        dict(common, id=f"{ID}_001", context="It does."),
        dict(common, id=f"{ID}_002", context="It may."),
    ]
    assert result.stderr == (
        f"warning: yesno questions with blank snippets, which are left out: 1 ({ID})\n"
    )


def test_without_an_answer_a_question_can_be_predicted_only(converted):
    bare = dict(YES, exact_answer=None)
    other = dict(YES, id="f" * 24)
    asked, _ = converted({"questions": [bare, other]}, "--mode=predict")
    assert [sorted(each) for each in asked] == [
        *[["context", "id", "question"]] * 2,
        *[["answers", "context", "id", "is_impossible", "question"]] * 2,
    ]
    asked, result = converted({"questions": [bare, other]}, "--mode=train")
    assert [each["id"] for each in asked] == ["f" * 24 + "_001", "f" * 24 + "_002"]
    assert f"without an exact answer, left out: 1 ({ID})\n" in result.stderr


def test_kinds_are_taken_apart_by_their_type(converted):
    asked, result = converted(files.read_json(SMALL), "--mode=train")
    assert [each["answers"] for each in asked] == ["yes"]
    assert result.stdout.endswith("; 8 are of other types\n")


@pytest.mark.parametrize("answer", ["unclear", ["yes", "no"], [["yes", "no"]]])
def test_other_answers_are_refused_by_name(answer):
    question = dict(YES, exact_answer=answer)
    with pytest.raises(InputError, match=f"^f: yes/no question {ID} has an exact answ"):
        bioasq_to_squad.convert([question], Recipe("train", "yesno"), "f")


# PubMedQA


def test_pubmedqa_gives_a_question_an_abstract(converted):
    asked, result = converted(PUBMEDQA, "--mode=train")
    assert result.stderr == ""
    assert [each["id"] for each in asked] == ["101", "102", "103"]
    assert [each["answers"] for each in asked] == ["yes", "maybe", "no"]
    assert [each["is_impossible"] for each in asked] == [False, False, True]
    assert asked[0]["context"] == "We watched mice. They slept."
    assert asked[0]["question"] == "Do mice sleep?"


def test_pubmedqa_without_decisions_can_be_predicted(converted):
    bare = {name: dict(value) for name, value in PUBMEDQA.items()}
    del bare["101"]["final_decision"]
    asked, _ = converted(bare, "--mode=predict")
    assert ["answers" in each for each in asked] == [False, True, True]


@pytest.mark.parametrize(
    "fields, problem",
    [
        ({"CONTEXTS": "text"}, 'question 101 has no list "CONTEXTS"'),
        ({"CONTEXTS": [1]}, 'question 101 has no list "CONTEXTS"'),
        ({"final_decision": "y"}, 'question 101 has a "final_decision" other than yes'),
        ({"QUESTION": ""}, 'question 101 has no "body"'),
    ],
)
def test_pubmedqa_of_another_form_is_refused_by_name(fields, problem):
    content = {"101": dict(PUBMEDQA["101"], **fields)}
    with pytest.raises(InputError, match=f"^f: {problem}"):
        questions = pubmedqa.questions_in(content, "f")
        bioasq_to_squad.convert(questions, Recipe("train", "yesno"), "f")


def test_other_json_is_not_pubmedqas():
    for content in ({}, [], {"questions": []}, {"a": 1}, {"a": {"CONTEXTS": []}}):
        assert not pubmedqa.is_form_of(content)
    assert pubmedqa.is_form_of(PUBMEDQA)


# Any questions

yes_no_questions = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.text(min_size=1),
            "type": st.just("yesno"),
            "body": st.text(min_size=1).filter(str.strip),
            "snippets": st.lists(st.fixed_dictionaries({"text": st.text(max_size=9)})),
            "exact_answer": st.sampled_from(["yes", "No", ["maybe"], None, [], ""]),
        }
    ),
    unique_by=lambda question: question["id"],
)


@settings(deadline=None)
@given(yes_no_questions, st.sampled_from(["train", "predict"]))
def test_every_question_is_made_or_left_out(questions, mode):
    made = bioasq_to_squad.convert(questions, Recipe(mode, "yesno"))
    used = {name.rpartition("_")[0] for name in bioasq_to_squad.asked_ids(made.dataset)}
    missing = {name for names in made.left_out.values() for name in names}
    assert used | missing == {question["id"] for question in questions}
    assert not used & missing
    for paragraph in made.dataset["data"][0]["paragraphs"]:
        (asked,) = paragraph["qas"]
        answer = yes_no.answer_of(asked, "f")
        assert answer in (None, "yes", "no", "maybe")
        assert mode == "predict" or answer is not None
