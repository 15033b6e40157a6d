"""bioasq_to_squad.py: occurrences in their place, all questions accounted for."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes import bioasq_to_squad
from biocodes import transform_nbset2bioasqform as transform
from biocodes.bioasq_to_squad import Recipe
from biocodes.lib import bioasq, bioasq_scores, files
from kit.paths import DATA

SMALL = str(DATA / "bioasq" / "small.json")
PREFIX = "5a" * 10  # of the ids in it


@pytest.fixture
def run(run_command):
    """run(*flags) → Finished."""
    return lambda *flags: run_command("biocodes/bioasq_to_squad.py", *flags)


@pytest.fixture
def converted(run, tmp_path):
    """converted(*flags) → the made-up file as a SQuAD value, Finished."""

    def convert(*flags):
        path = str(tmp_path / "squad.json")
        result = run(f"--input_path={SMALL}", f"--output_path={path}", *flags)
        assert result.status == 0, result.stderr
        return files.read_json(path), result

    return convert


def check_form(dataset, answers_each):
    """Checks that a value has SQuAD's form; returns [(context, question)]."""
    assert isinstance(dataset["version"], str)
    asked = []
    for article in dataset["data"]:
        assert isinstance(article["title"], str)
        for paragraph in article["paragraphs"]:
            assert (
                isinstance(paragraph["context"], str) and paragraph["context"].strip()
            )
            assert paragraph["qas"]
            asked.extend((paragraph["context"], each) for each in paragraph["qas"])
    for context, question in asked:
        assert isinstance(question["id"], str) and isinstance(question["question"], str)
        answers = question.get("answers", [])
        assert len(answers) == answers_each
        for answer in answers:
            start, text = answer["answer_start"], answer["text"]
            assert text and context[start : start + len(text)] == text
    ids = [question["id"] for _, question in asked]
    assert len(set(ids)) == len(ids)
    return asked


# The made-up file


def test_training_has_a_question_for_every_occurrence(converted):
    dataset, _ = converted("--mode=train")
    asked = check_form(dataset, answers_each=1)
    assert [
        (question["id"], question["answers"][0]["text"]) for _, question in asked
    ] == [
        (PREFIX + "0001_001", "Insulin"),
        (PREFIX + "0001_002", "insulin"),
        (PREFIX + "0001_003", "INSULIN\n  protein"),  # the longer name, over a line end
        (PREFIX + "0002_001", "CFTR"),
        (PREFIX + "0002_002", "ABCC7"),
        (PREFIX + "0003_001", "(+)-catechin"),
    ]
    assert asked[0][1]["question"] == "Which hormone lowers blood glucose?"


def test_training_reports_what_it_left_out(converted):
    _, result = converted("--mode=train")
    assert result.stderr.splitlines() == [
        "warning: factoid questions whose exact answers are in none of their snippets, "
        f"left out: 1 ({PREFIX}0004)",
        f"warning: factoid questions without snippets, left out: 1 ({PREFIX}0005)",
        "warning: factoid questions without an exact answer, left out: "
        f"1 ({PREFIX}0006)",
    ]
    assert result.stdout.startswith(
        "wrote 6 questions made from 3 of 6 factoid questions to "
    )
    assert result.stdout.endswith("; 3 are of other types\n")


def test_prediction_has_a_question_for_every_snippet(converted):
    dataset, result = converted("--mode=predict")
    asked = check_form(dataset, answers_each=0)
    assert [question["id"][len(PREFIX) :] for _, question in asked] == [
        "0001_001",
        "0001_002",
        "0001_003",
        "0002_001",
        "0003_001",
        "0004_001",
        "0006_001",  # its second snippet is blank
    ]
    assert asked[2][0] == "Proinsulin is its precursor."
    assert result.stderr == (
        f"warning: factoid questions without snippets, left out: 1 ({PREFIX}0005)\n"
        "warning: factoid questions with blank snippets, which are left out: "
        f"1 ({PREFIX}0006)\n"
    )


def test_list_questions_take_the_names_of_all_items(converted):
    dataset, result = converted("--mode=train", "--type=list")
    asked = check_form(dataset, answers_each=1)
    texts = [question["answers"][0]["text"] for _, question in asked]
    assert texts == ["Warfarin", "heparin", "apixaban", "Unfractionated heparin"]
    assert result.stderr == ""


def test_the_ids_lead_back_to_bioasqs_questions_and_their_measures(converted):
    dataset, _ = converted("--mode=predict")
    first_words = {
        question["id"]: [{"text": context.split()[0], "probability": 1.0}]
        for context, question in check_form(dataset, answers_each=0)
    }
    answers, _ = transform.transform(first_words)
    golden = bioasq.read_questions(SMALL)
    golden = [each for each in golden if each.get("exact_answer")]
    pairs = bioasq_scores.pair_up(golden, answers["questions"])
    # "Insulin" is right, first of three; of the others no first word is.
    assert bioasq_scores.evaluate(pairs).factoid.strict == 1 / 5


# Occurrences


@pytest.mark.parametrize(
    "text, names, found",
    [
        ("p53, P53-null and p53a", ["P53"], [(0, "p53"), (5, "P53")]),
        ("proinsulin insulins", ["insulin"], []),
        ("IL-6 and IL-6R", ["IL-6"], [(0, "IL-6")]),
        ("TNF alpha", ["TNF", "TNF alpha"], [(0, "TNF alpha")]),
        ("alpha TNF alpha", ["TNF alpha", "alpha TNF"], [(0, "alpha TNF")]),
        ("a.c abc", ["a.c"], [(0, "a.c")]),  # names are no patterns
        ("Straße İstanbul x", ["X"], [(16, "x")]),  # case mapping shifts nothing
        ("no names", [], []),
    ],
)
def test_occurrences_are_whole_words_whatever_their_case(text, names, found):
    answers = bioasq_to_squad.occurrences(text, names)
    assert [(each["answer_start"], each["text"]) for each in answers] == found


def test_after_999_the_suffix_grows_and_still_comes_off():
    name = PREFIX + "0001"
    question = {
        "id": name,
        "type": "factoid",
        "body": "?",
        "snippets": [{"text": f"snippet {number}"} for number in range(1001)],
    }
    recipe = Recipe("predict", "factoid")
    ids = bioasq_to_squad.asked_ids(bioasq_to_squad.convert([question], recipe).dataset)
    assert ids[998:] == [name + "_999", name + "_1000", name + "_1001"]
    assert {bioasq.question_id(each) for each in ids} == {name}


texts = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from(["p53", "P53", " ", "-", "gene", "\n", "İ", "ß"])).map(
        "".join
    ),
)
bioasq_questions = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.text(min_size=1),
            "type": st.sampled_from(bioasq.TYPES),
            "body": st.text(min_size=1).filter(str.strip),
            "snippets": st.one_of(
                st.none(), st.lists(st.fixed_dictionaries({"text": texts}))
            ),
            "exact_answer": st.one_of(
                st.none(), texts, st.lists(texts), st.lists(st.lists(texts))
            ),
        }
    ),
    unique_by=lambda question: question["id"],
)


@settings(deadline=None)
@given(
    bioasq_questions,
    st.sampled_from(["train", "predict"]),
    st.sampled_from(["factoid", "list"]),
)
def test_every_well_formed_file_gives_answers_that_fit(questions, mode, kind):
    made = bioasq_to_squad.convert(questions, Recipe(mode, kind))
    dataset, left_out = made.dataset, made.left_out
    asked = check_form(dataset, answers_each=1 if mode == "train" else 0)
    used = {re.sub("_[0-9]{3,}$", "", question["id"]) for _, question in asked}
    missing = {name for names in left_out.values() for name in names}
    assert used | missing == {each["id"] for each in questions if each["type"] == kind}
    if mode == "predict":
        snippets = [
            snippet["text"]
            for question in questions
            if question["type"] == kind
            for snippet in question["snippets"] or []
            if snippet["text"].strip()
        ]
        assert [context for context, _ in asked] == snippets


# Repeated ids


def test_a_repeated_id_is_left_out_with_a_line(run, write, tmp_path):
    question = dict(FACTOID, id=PREFIX + "0001", exact_answer="x")
    second = dict(question, body="Another ?", snippets=[{"text": "x and x"}])
    path = write(
        {"questions": [question, second, dict(second, type="list")]}, "in.json"
    )
    output = tmp_path / "out.json"
    result = run("--input_path", path, "--output_path", output, "--mode=train")
    assert result.status == 0
    assert result.stderr == (
        "warning: ids that stand there before, whose questions are left out: "
        f"2 ({PREFIX}0001, {PREFIX}0001)\n"
    )
    ((context, asked),) = check_form(files.read_json(str(output)), answers_each=1)
    assert (context, asked["question"]) == ("an x", "?")


# Wrong input

FACTOID = {"id": "q1", "type": "factoid", "body": "?", "snippets": [{"text": "an x"}]}


@pytest.mark.parametrize(
    "question, problem",
    [
        ({"id": ""}, 'in.json: question 1 of the file has no "id"'),
        ({"type": "open"}, 'in.json: question q1 has no "type"'),
        ({"body": None}, 'in.json: question q1 has no "body"'),
        ({"snippets": ["x"]}, 'in.json: question q1 has "snippets" that are no list'),
        ({"snippets": [{"text": 1}]}, 'in.json: question q1 has "snippets" that are'),
        ({"snippets": {}}, 'in.json: question q1 has "snippets" that are no list'),
        ({"exact_answer": 7}, 'in.json: question q1 has an "exact_answer" that is'),
        (
            {"exact_answer": "y"},
            "in.json: gives no factoid question for --mode=train (",
        ),
        ({"type": "list"}, "(there are none of this type)"),
    ],
)
def test_wrong_input_is_one_line_with_file_and_question(
    run, write, tmp_path, question, problem
):
    path = write({"questions": [dict(FACTOID, **question)]}, "in.json")
    output = tmp_path / "out.json"
    output.write_text("older")
    result = run("--input_path", path, "--output_path", output, "--mode=train")
    assert problem in result.error
    assert result.stdout == ""
    assert output.read_text() == "older"


def test_ids_that_the_way_back_does_not_know_are_reported(run, write, tmp_path):
    path = write({"questions": [dict(FACTOID, exact_answer="x")]}, "in.json")
    output = tmp_path / "out.json"
    result = run("--input_path", path, "--output_path", output, "--mode=train")
    assert result.status == 0
    assert result.stderr.startswith("warning: ids not of BioASQ's 24 characters")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("flag", ["--mode=test", "--mode=train --type=summary", ""])
def test_wrong_flags_are_one_line(run, tmp_path, flag):
    output = tmp_path / "out.json"
    result = run(f"--input_path={SMALL}", f"--output_path={output}", *flag.split())
    assert "error: " in result.error
    assert not output.exists()
