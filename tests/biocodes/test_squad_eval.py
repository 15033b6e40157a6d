"""squad_eval.py and lib/squad_scores.py: the measures, and every question counted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes.lib import files, squad, squad_scores
from biocodes.lib.files import InputError
from kit.paths import DATA

QA = DATA / "qa"


@pytest.fixture
def run(run_command):
    """run(*arguments) → Finished."""
    return lambda *arguments: run_command("biocodes/squad_eval.py", *arguments)


def squad_file(*questions):
    paragraphs = [{"context": "some context", "qas": list(questions)}]
    return {"version": "x", "data": [{"title": "t", "paragraphs": paragraphs}]}


def question(name, *texts, **more):
    answers = [{"text": text, "answer_start": 0} for text in texts]
    return dict({"id": name, "question": "?", "answers": answers}, **more)


# Definitions


@pytest.mark.parametrize(
    "text, normalized",
    [
        ("The  IFITM-3\tgene.", "ifitm3 gene"),
        ("an answer, a test", "answer test"),
        ("theme another", "theme another"),
        ("A", ""),
        ("a.b", "ab"),  # punctuation goes first, then the articles
        ("p53–MDM2", "p53–mdm2"),  # only ASCII punctuation goes
        ("\u00a0TNF-\u03b1 ", "tnf\u03b1"),
        ("", ""),
    ],
)
def test_normalization_drops_case_punctuation_articles_and_white_space(
    text, normalized
):
    assert squad_scores.normalize_answer(text) == normalized


@pytest.mark.parametrize(
    "prediction, golds, match, f1",
    [
        ("The Gene", ["gene"], 1, 1),
        ("p53 gene", ["p53"], 0, 2 / 3),  # 1 shared; 2 and 1 words
        ("gene gene p53", ["gene p53 p53 p53"], 0, 4 / 7),  # gene and p53 once each
        ("p53", ["mdm2", "p53"], 1, 1),  # the best of several
        ("virus", ["p53"], 0, 0),
        ("", [], 1, 1),  # no answer, as there is none
        ("the", [], 1, 1),
        ("p53", [], 0, 0),
        ("", ["p53"], 0, 0),
        ("", ["p53", "the"], 0, 0),  # "the" does not make it unanswerable
        ("A", ["a"], 1, 1),
    ],
)
def test_exact_match_and_f1(prediction, golds, match, f1):
    assert squad_scores.exact_match(prediction, golds) == match
    assert squad_scores.f1(prediction, golds) == pytest.approx(f1)


def test_scores_are_means_over_all_questions_in_percent():
    golds = [("a", ["p53"]), ("b", ["p53"]), ("c", []), ("d", [])]
    predictions = {"a": "p53", "b": "p53 gene", "c": "", "z": "not asked"}
    scores = squad_scores.evaluate(golds, predictions)  # d has no prediction: wrong
    assert scores["exact_match"] == pytest.approx(50)
    assert scores["f1"] == pytest.approx(100 * (1 + 2 / 3 + 1) / 4)
    assert scores["total"] == 4


def test_a_dataset_is_scored_like_its_list_of_gold_answers():
    dataset = files.read_json(str(QA / "test.json"))
    golds = squad.gold_answers(dataset)
    assert len(golds) == 80
    right = {name: texts[0].upper() for name, texts in golds}
    perfect = {"exact_match": 100.0, "f1": 100.0, "total": 80}
    assert squad_scores.evaluate(dataset, right) == perfect
    assert squad_scores.evaluate(golds, right) == perfect


def test_nothing_to_score_is_zero_and_not_a_crash():
    nothing = {"exact_match": 0.0, "f1": 0.0, "total": 0}
    assert squad_scores.evaluate([], {"a": "x"}) == nothing


def test_questions_made_for_prediction_are_not_scored_but_impossible_ones_are():
    dataset = squad_file(
        {"id": "a", "question": "?"},
        question("b"),
        question("c", is_impossible=True),
        question("d", "x", is_impossible=False),
        question("e", "plausible", is_impossible=True),
    )
    assert squad.gold_answers(dataset) == [("c", []), ("d", ["x"]), ("e", [])]


@settings(deadline=None)
@given(st.text(), st.lists(st.text()))
def test_any_texts_give_scores_from_0_to_1(prediction, golds):
    match = squad_scores.exact_match(prediction, golds)
    f1 = squad_scores.f1(prediction, golds)
    assert match in (0, 1)
    assert match <= f1 <= 1
    assert squad_scores.f1(prediction, [*golds, prediction]) >= f1


@settings(deadline=None)
@given(st.text())
def test_normalization_leaves_what_is_normal_and_a_text_matches_itself(text):
    normal = squad_scores.normalize_answer(text)
    assert normal == " ".join(normal.split())
    assert squad_scores.exact_match(text, [text]) == 1
    assert squad_scores.f1(text, [text]) == 1


# The command


def test_the_command_prints_both_measures_and_the_total(run):
    result = run(QA / "test.json", QA / "predictions.json")
    assert (result.status, result.stderr) == (0, "")
    names = [line.split(" = ")[0] for line in result.stdout.splitlines()]
    assert names == ["exact_match", "f1", "total"]
    assert result.stdout.endswith("total = 80\n")


def test_questions_without_a_prediction_are_wrong_and_reported(run, write):
    dataset = write(squad_file(question("a", "x"), question("b", "y")), "d.json")
    result = run(dataset, write({"a": "x"}, "p.json"))
    assert result.status == 0
    assert result.stdout == "exact_match = 50.0000\nf1 = 50.0000\ntotal = 2\n"
    assert result.stderr.startswith("warning: questions without a prediction in ")
    assert result.stderr.endswith("counted as wrong: 1 (b)\n")


GOOD = squad_file(question("a", "x"))


@pytest.mark.parametrize(
    "dataset, predictions, problem",
    [
        ([], {}, 'd.json: has no list "data"'),
        ({"data": [{}]}, {}, 'd.json: has no list "paragraphs"'),
        ({"data": [{"paragraphs": [{}]}]}, {}, 'd.json: has no list "qas"'),
        ({"data": ["x"]}, {}, 'd.json: has no list "data"'),
        (squad_file({"question": "?"}), {}, 'd.json: has a question without "id"'),
        (squad_file(question("a"), question("a")), {}, "question a stands there twice"),
        (
            squad_file({"id": "a", "answers": [{}]}),
            {},
            'd.json: question a has "answers"',
        ),
        (
            squad_file({"id": "a", "answers": "x"}),
            {},
            'd.json: question a has "answers"',
        ),
        (squad_file({"id": "a"}), {}, "d.json: has no answers to compare with"),
        (GOOD, [], "p.json: is not an object of ids and texts"),
        (
            GOOD,
            {"a": [{"text": "x"}]},
            "p.json: question a has a prediction that is no",
        ),
    ],
)
def test_wrong_input_is_one_line_with_file_and_question(
    run, write, dataset, predictions, problem
):
    result = run(write(dataset, "d.json"), write(predictions, "p.json"))
    assert problem in result.error
    assert result.stdout == ""


def test_the_functions_name_the_dataset_they_were_given():
    with pytest.raises(InputError, match='^test.json: has no list "data"'):
        squad.gold_answers({}, "test.json")
