"""bioasq_submission.py: one file of all types, every answer checked."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes import (
    bioasq_submission,
    transform_n2b_list,
    transform_n2b_yesno,
    transform_nbset2bioasqform,
)
from biocodes.lib import bioasq, bioasq_scores, files
from biocodes.lib.files import InputError

IDS = {kind: f"{number:024x}" for number, kind in enumerate(bioasq.TYPES)}
QUESTIONS = [{"id": name, "type": kind, "body": "?"} for kind, name in IDS.items()]
FACTOID = {
    "id": IDS["factoid"],
    "type": "factoid",
    "ideal_answer": "Dummy",
    "exact_answer": [["p53"], ["MDM2"]],
}
YES = {
    "id": IDS["yesno"],
    "type": "yesno",
    "ideal_answer": ["Dummy"],
    "exact_answer": "yes",
}
LIST = {
    "id": IDS["list"],
    "type": "list",
    "ideal_answer": ["Dummy"],
    "exact_answer": [["p53"], ["MDM2"]],
}


@pytest.fixture
def run(run_command, write, tmp_path):
    """run(questions, *files of answers) → Finished; the submission is out.json."""

    def execute(questions, *answers):
        path = write({"questions": questions}, "in.json")
        paths = [
            write({"questions": entries}, f"answers{number}.json")
            for number, entries in enumerate(answers)
        ]
        output = tmp_path / "out.json"
        flags = [f"--input_path={path}", f"--output_path={output}"]
        return run_command("biocodes/bioasq_submission.py", *flags, *paths)

    return execute


# What is submitted


def test_answers_of_all_types_stand_in_the_order_of_the_questions(run, tmp_path):
    result = run(QUESTIONS[:3], [LIST], [FACTOID, YES])
    assert (result.status, result.stderr) == (0, "")
    assert json.loads((tmp_path / "out.json").read_text()) == {
        "questions": [
            dict(YES, ideal_answer="Dummy"),
            FACTOID,
            dict(LIST, ideal_answer="Dummy"),
        ]
    }
    assert result.stdout == f"wrote 3 of 3 questions to {tmp_path / 'out.json'}\n"


def test_questions_without_an_answer_are_named_by_type(run, tmp_path):
    unknown = dict(FACTOID, id="another")
    result = run(QUESTIONS, [dict(LIST, exact_answer=[]), FACTOID, unknown])
    assert result.status == 0
    path = tmp_path / "in.json"
    assert result.stderr.splitlines() == [
        f"warning: yesno questions without an answer, left out: 1 ({IDS['yesno']})",
        f"warning: list questions without an answer, left out: 1 ({IDS['list']})",
        f"warning: summary questions without an answer, left out: 1 ({IDS['summary']})",
        f"warning: answers to questions that are not in {path}, left out: 1 (another)",
    ]
    (entry,) = files.read_json(str(tmp_path / "out.json"))["questions"]
    assert entry == FACTOID


# What is refused


def refused(question, entry):
    with pytest.raises(InputError) as error:
        answers = {entry["id"]: bioasq_submission.Answer(entry, "a.json")}
        bioasq_submission.merge([question], answers, "in.json")
    assert str(error.value).startswith(f"a.json: question {entry['id']} ")
    return str(error.value)


@pytest.mark.parametrize(
    "entry, fields, problem",
    [
        (YES, {"exact_answer": "maybe"}, 'other than "yes" and "no"'),
        (YES, {"exact_answer": "Yes"}, 'other than "yes" and "no"'),
        (YES, {"exact_answer": [["yes"]]}, 'other than "yes" and "no"'),
        (YES, {"exact_answer": True}, 'other than "yes" and "no"'),
        (YES, {"ideal_answer": None}, 'has no "ideal_answer", a text'),
        (YES, {"ideal_answer": ["a", "b"]}, 'has no "ideal_answer", a text'),
        (YES, {"ideal_answer": " "}, 'has no "ideal_answer", a text'),
        (FACTOID, {"exact_answer": [["x"]] * 6}, "has 6 answers; BioASQ takes 5"),
        (FACTOID, {"exact_answer": "p53"}, "no list of lists with one name each"),
        (FACTOID, {"exact_answer": ["p53"]}, "no list of lists with one name each"),
        (FACTOID, {"exact_answer": [["a", "b"]]}, "no list of lists with one name"),
        (FACTOID, {"exact_answer": [["a", 0.5]]}, "no list of lists with one name"),
        (FACTOID, {"exact_answer": [["x" * 101]]}, "of 101 characters; BioASQ takes"),
        (FACTOID, {"exact_answer": [[" "]]}, "has a blank answer"),
        (LIST, {"exact_answer": [["x"]] * 101}, "has 101 answers; BioASQ takes 100"),
        (LIST, {"exact_answer": [["x" * 101]]}, "of 101 characters; BioASQ takes 100"),
    ],
)
def test_what_bioasq_does_not_take_is_refused(entry, fields, problem):
    question = {"id": entry["id"], "type": entry["type"]}
    assert problem in refused(question, dict(entry, **fields))


def test_limits_themselves_are_taken(run):
    items = [[f"{number:0100d}"] for number in range(100)]
    entries = [dict(LIST, exact_answer=items), dict(FACTOID, exact_answer=items[:5])]
    assert run(QUESTIONS[1:3], entries).status == 0


def test_an_answer_to_another_type_of_question_is_refused():
    question = {"id": LIST["id"], "type": "factoid"}
    assert "is answered as list, but it is a factoid question in" in refused(
        question, LIST
    )
    question["type"] = "summary"
    assert "is a summary question in in.json" in refused(question, LIST)


def test_two_answers_to_a_question_are_refused(run, tmp_path):
    error = run(QUESTIONS[:3], [YES], [YES]).error
    assert (
        f"question {IDS['yesno']} is answered in {tmp_path}/answers0.json, too" in error
    )
    assert not (tmp_path / "out.json").exists()


def test_answers_to_other_questions_alone_are_refused(run, tmp_path):
    error = run(QUESTIONS[:1], [FACTOID]).error
    assert "has not one question that is answered in" in error
    assert not (tmp_path / "out.json").exists()


# From any predictions to a submission that is scored

names = st.lists(
    st.one_of(st.text(max_size=6), st.sampled_from(["p53", "P53", "a and b"])),
    max_size=7,
)


def nbest_of(texts):
    return [
        {
            "text": text,
            "probability": 1 / len(texts),
            "start_logit": 1.0,
            "end_logit": 1.0,
            "question_text": "List two genes",
        }
        for text in texts
    ]


@settings(deadline=None)
@given(names, names, st.floats(-9, 9), st.sampled_from(["nbset", "n2b"]))
def test_what_the_converters_make_is_taken_and_scored(factoid, listed, logit, rules):
    made = [
        transform_nbset2bioasqform.transform(
            {f"{IDS['factoid']}_001": nbest_of(factoid)}, rules=rules
        )[0],
        transform_n2b_list.transform(
            {f"{IDS['list']}_001": nbest_of(listed)}, transform_n2b_list.Rules()
        ),
        transform_n2b_yesno.transform({f"{IDS['yesno']}_001": ["yes", [logit]]}),
    ]
    answers = {
        entry["id"]: bioasq_submission.Answer(entry, "a.json")
        for each in made
        for entry in each["questions"]
    }
    entries = bioasq_submission.merge(QUESTIONS, answers, "in.json")
    golden = [dict(each, exact_answer="yes") for each in QUESTIONS[:3]]
    measures = bioasq_scores.evaluate(bioasq_scores.pair_up(golden, entries))
    assert measures.yesno.accuracy == (logit > 0.0005)
    assert 0 <= measures.list.f1 <= 1 and 0 <= measures.factoid.mrr <= 1
