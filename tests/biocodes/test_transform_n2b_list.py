"""transform_n2b_list.py: each rule of the 7th challenge's system, and wrong input."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes import transform_n2b_list as transform
from biocodes.lib import bioasq_scores
from biocodes.lib.files import InputError
from biocodes.transform_n2b_list import Rules

SCRIPT = "biocodes/transform_n2b_list.py"
ID = "0123456789abcdef01234567"
NAME = "BioASQform_BioASQ-answer.json"


@pytest.fixture
def run(run_command):
    """run(*arguments) → Finished."""
    return lambda *arguments: run_command(SCRIPT, *arguments)


def entry(text, probability, question="Which genes ?", score=1.0):
    return {
        "text": text,
        "probability": probability,
        "start_logit": score,
        "end_logit": 0.0,
        "question_text": question,
    }


def answers(*snippets, question="Which genes ?", rules=None):
    """Answers to a question; each snippet has {text: probability}, or pairs."""
    lists = {}
    for number, snippet in enumerate(snippets, 1):
        pairs = snippet.items() if isinstance(snippet, dict) else snippet
        lists[f"{ID}_{number:03d}"] = [entry(*pair, question) for pair in pairs]
    (made,) = transform.transform(lists, rules or Rules())["questions"]
    assert all(len(names) == 1 for names in made["exact_answer"])
    return [name for (name,) in made["exact_answer"]]


# The form


def test_entries_have_the_form_of_the_7th_challenge_sorted_by_id(run, write, tmp_path):
    other = "ff" * 12
    lists = {f"{other}_001": [entry("b", 0.5)], f"{ID}_001": [entry("a", 0.5)]}
    lists[f"{ID}_001"].append(entry("c", 0.45))
    path = write(lists, "nbest.json")
    result = run("--nbest_path", path, "--output_path", tmp_path)
    assert (result.status, result.stderr) == (0, "")
    common = {"type": "list", "ideal_answer": ["Dummy"]}
    assert json.loads((tmp_path / NAME).read_text()) == {
        "questions": [
            dict(common, id=ID, exact_answer=[["a"], ["c"]]),
            dict(common, id=other, exact_answer=[["b"]]),
        ]
    }


# Rule 1: within a snippet


@pytest.mark.parametrize(
    "text", ["(BRCA1", "BRCA1)", "a) b (c", "[3H", "BRCA1.", "BRCA1,", "a (b)", "x-"]
)
def test_open_brackets_and_punctuation_at_the_end_drop_a_candidate(text):
    assert answers({text: 0.9, "TP53": 0.05}) == ["TP53"]


@pytest.mark.parametrize("text", ["BRCA1 (human) gene", "[3H]thymidine", "β-catenin"])
def test_other_texts_stay_as_they_are(text):
    assert answers({text: 0.9}) == [text]


def test_equal_texts_of_a_snippet_are_one_whatever_their_case():
    # 0.5 + 0.4 for two: 0.45 each is above the threshold, 0.4 alone would not be.
    assert answers([("brca1", 0.4), ("BRCA1", 0.5)]) == ["BRCA1"]
    # 0.44 + 0.3 for two is 0.37: not above it, so that only TP53 is.
    assert answers([("BRCA1", 0.44), ("brca1", 0.3), ("TP53", 0.43)]) == ["TP53"]


# Rule 2: over the snippets


def test_probabilities_add_up_over_snippets():
    snippet = {"BRCA1": 0.25, "TP53": 0.2}
    assert answers(snippet, {"brca1": 0.25, "TP53": 0.2}) == ["BRCA1"]


def test_frequencies_do_not_add_up_over_snippets():
    # 0.3 + 0.3 for one, that of the first snippet.
    assert answers({"BRCA1": 0.3, "x": 0.29}, {"BRCA1": 0.3, "y": 0.1}) == ["BRCA1"]
    # 0.2 + 0.2 + 0.3 for two is 0.35; x has 0.36 and no better one beside it.
    first = [("BRCA1", 0.2), ("brca1", 0.2), ("x", 0.36)]
    assert answers(first, {"BRCA1": 0.3, "y": 0.1}) == ["BRCA1"]
    assert answers(first, {"BRCA1": 0.3, "x": 0.36}) == ["x"]


# Rule 3: a number among the first words


@pytest.mark.parametrize(
    "question, count",
    [
        ("List two genes of BRCA .", 2),
        ("Name the 3 genes", 3),
        ("Which of the EIGHT genes", 8),
        ("List 1, please", 1),
        ("Which phase 3 trials", None),
        ("In Phase 2 name 2 trials", 2),
        ("Which genes of the last two", None),  # its sixth word
        ("List nine genes", None),
        ("List 12 genes", None),
        ("Which genes", None),
        ("", None),
    ],
)
def test_a_number_among_the_first_five_words_is_how_many(question, count):
    assert transform.number_in(question, Rules().check_num_len) == count


def test_a_number_limits_the_answers_to_the_most_probable():
    snippet = {"a": 0.5, "b": 0.7, "c": 0.6}
    assert answers(snippet) == ["b", "c", "a"]
    assert answers(snippet, question="List two genes .") == ["b", "c"]


def test_a_number_asks_for_no_answers_below_the_threshold():
    snippet = {"a": 0.5, "b": 0.42, "c": 0.1}
    assert answers(snippet, question="List three genes .") == ["a"]
    assert answers({"a": 0.3, "b": 0.1}, question="List two genes .") == ["a"]


def test_with_a_number_the_frequency_does_not_count():
    snippet = [("a", 0.3), ("A", 0.3), ("b", 0.5)]
    assert answers(snippet, question="List two genes .") == ["a", "b"]
    assert answers(snippet) == ["b"]


# Rule 4: no number


def test_all_above_the_threshold_are_answers_by_probability():
    assert answers({"a": 0.42, "b": 0.43, "c": 0.5}) == ["c", "b"]
    rules = Rules(threshold=0.3)
    assert answers({"a": 0.42, "b": 0.43, "c": 0.5}, rules=rules) == ["c", "b", "a"]


def test_the_best_one_answers_when_none_is_above_the_threshold():
    assert answers({"a": 0.1, "b": 0.2}) == ["b"]
    assert answers({"(": 0.9}) == []


def test_separators_of_lines_and_paragraphs_go():
    assert answers({"\u2028BRCA1\u2029": 0.9}) == ["BRCA1"]
    assert answers({"BRCA1\u2028gene": 0.9}) == ["BRCA1 gene"]


# Rule 5: answers of two answers


@pytest.mark.parametrize("joined", ["a and B", "A, b", "a/b"])
def test_what_joins_two_answers_goes(joined):
    assert answers({joined: 0.9, "a": 0.8, "b": 0.7}) == ["a", "b"]
    assert answers({joined: 0.9, "a": 0.8, "c": 0.7}) == [joined, "a", "c"]


def test_two_answers_are_left_alone():
    assert answers({"a and a": 0.9, "a": 0.8}) == ["a and a", "a"]
    assert answers({"sand": 0.9, "s": 0.8, "x": 0.7}) == ["sand", "s", "x"]


# What BioASQ takes


def test_answers_are_short_and_no_more_than_100():
    assert answers({"x" * 101: 0.9, "y" * 100: 0.5}) == ["y" * 100]
    many = {f"name{number}": 0.5 for number in range(150)}
    assert len(answers(many)) == 100


def test_no_span_at_all_is_no_answer():
    """run_qa.py then says "empty", with logits of 0 and a probability of 1."""
    lists = {f"{ID}_001": [entry("empty", 1.0, score=0.0)]}
    (made,) = transform.transform(lists, Rules())["questions"]
    assert made["exact_answer"] == []
    assert answers({"empty": 0.9}) == ["empty"]


# Flags


def test_with_softmax_all_snippets_share_one(run, write, tmp_path):
    lists = {
        f"{ID}_001": [entry("a", 1.0, score=2.0)],
        f"{ID}_002": [entry("b", 1.0, score=-1.0), entry("c", 0.0, score=-9.0)],
    }
    path = write(lists, "nbest.json")
    flags = ["--nbest_path", path, "--output_path", tmp_path, "--use_softmax"]
    for more, expected in ((["--min_prob=0.02"], "ab"), (["--min_prob=0.1"], "a")):
        assert run(*flags, *more, "--stop_prob=0.1").status == 0
        (made,) = json.loads((tmp_path / NAME).read_text())["questions"]
        assert made["exact_answer"] == [[name] for name in expected]


def test_flags_name_the_file_and_the_words_looked_at(run, write, tmp_path):
    path = write({f"{ID}_001": [entry(t, 0.5, "List two") for t in "abc"]}, "n.json")
    flags = ["--nbest_path", path, "--output_path", tmp_path, "--output_file=x.json"]
    for more, count in ((["--check_num_len=0"], 3), ([], 2)):
        assert run(*flags, *more).status == 0
        (made,) = json.loads((tmp_path / "x.json").read_text())["questions"]
        assert len(made["exact_answer"]) == count


# Wrong input


@pytest.mark.parametrize(
    "value, problem",
    [
        ([{"text": "x", "probability": 1.0}], 'whose "start_logit" or "end_logit" is'),
        (
            [dict(entry("x", 1.0), question_text=None)],
            'without "question_text"; predict with run_qa.py --question_type=list',
        ),
        (["yes", [0.5]], 'has a candidate without "text"'),
        ("p53", "has no list of candidates"),
        ([dict(entry("x", 1.0), start_logit=float("nan"))], "is no number"),
        ([entry("x", 2.0)], "is no number from 0 to 1"),
    ],
)
def test_files_of_other_questions_are_one_line(value, problem):
    with pytest.raises(InputError) as error:
        transform.transform({f"{ID}_001": value}, Rules(), "n.json")
    assert str(error.value).startswith(f"n.json: question {ID}_001 ")
    assert problem in str(error.value)


def test_ids_without_suffix_and_unanswered_questions_are_one_line_each(
    run, write, tmp_path
):
    path = write({"q1": [entry("(", 1.0)], "q2": []}, "nbest.json")
    result = run("--nbest_path", path, "--output_path", tmp_path)
    assert result.status == 0
    assert result.stderr == (
        "warning: ids not of BioASQ's 24 characters, taken as they are: 2 (q1, q2)\n"
        "warning: questions left without an answer: 2 (q1, q2)\n"
    )


@pytest.mark.parametrize("flag", ["--threshold=1.5", "--threshold=nan", "--min_prob=x"])
def test_wrong_numbers_are_one_line(run, write, tmp_path, flag):
    path = write({}, "nbest.json")
    result = run("--nbest_path", path, "--output_path", tmp_path, flag)
    assert "invalid probability value" in result.error


# Any n-best lists

texts = st.one_of(
    st.text(max_size=8),
    st.lists(st.sampled_from(["a", "B", "b", " and ", ", ", "/", "(", ")", "."])).map(
        "".join
    ),
)
logits = st.floats(-1e29, 1e29)
entries = st.builds(
    lambda text, probability, start, end: dict(
        entry(text, probability), start_logit=start, end_logit=end
    ),
    texts,
    st.floats(0, 1),
    logits,
    logits,
)
ids = st.one_of(st.text(), st.sampled_from([f"{ID}_00{i}" for i in range(4)]))


@settings(deadline=None)
@given(
    st.dictionaries(ids, st.lists(entries, max_size=6), min_size=1),
    st.sampled_from(["Which ?", "List two", "phase", ""]),
    st.booleans(),
)
def test_any_lists_can_be_submitted_and_scored(lists, question, use_softmax):
    lists = {
        name: [dict(each, question_text=question) for each in snippet]
        for name, snippet in lists.items()
    }
    questions = transform.transform(lists, Rules(use_softmax=use_softmax))["questions"]
    json.dumps(questions, allow_nan=False)
    for each in questions:
        names = [name for (name,) in each["exact_answer"]]
        assert all(0 < len(name) <= 100 for name in names) and len(names) <= 100
        assert len({name.lower() for name in names}) == len(names)
        assert question != "List two" or len(names) <= 2
    golden = [
        {"id": each["id"], "type": "list", "exact_answer": "a"} for each in questions
    ]
    pairs = bioasq_scores.pair_up(golden, questions)
    assert 0 <= bioasq_scores.evaluate(pairs).list.f1 <= 1
