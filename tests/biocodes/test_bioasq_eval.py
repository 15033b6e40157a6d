"""bioasq_eval.py: the official evaluator's numbers, and its gaps closed."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes import bioasq_eval
from biocodes.lib import bioasq_scores
from biocodes.lib.files import InputError
from kit.paths import DATA

QA = DATA / "qa"
MEASURES = QA / "bioasq_measures"
CASES = [
    *(
        [MEASURES / f"{name}.{part}" for part in parts]
        for parts in [("golden.json", "system.json", "measures.txt")]
        for name in ("factoid", "yesno", "list", "factoid_and_others")
    ),
    [
        QA / "bioasq_golden.json",
        QA / "BioASQform_BioASQ-answer.json",
        QA / "bioasq_measures.txt",
    ],
]


@pytest.fixture
def run(run_command):
    """run(*arguments) → Finished."""
    return lambda *arguments: run_command("biocodes/bioasq_eval.py", *arguments)


def score(golden, answers):
    """Ten numbers for {id: (type, exact answer)} and {id: exact answer}."""
    golden = [
        {"id": name, "type": kind, "exact_answer": value}
        for name, (kind, value) in golden.items()
    ]
    answers = [{"id": name, "exact_answer": value} for name, value in answers.items()]
    pairs = bioasq_scores.pair_up(golden, answers)
    return bioasq_eval.ten_numbers(bioasq_scores.evaluate(pairs))


@pytest.fixture
def write_questions(write):
    """write_questions(questions, name) → path of a file in BioASQ's form."""
    return lambda questions, name: write({"questions": questions}, name)


# The official evaluator's numbers


@pytest.mark.parametrize("golden, answers, measures", CASES)
def test_the_line_equals_the_official_evaluators(run, golden, answers, measures):
    result = run(golden, answers)
    assert (result.status, result.stderr) == (0, "")
    official = measures.read_text(encoding="utf-8").split()
    ours = result.stdout.split()
    assert result.stdout == " ".join(ours) + "\n"
    assert list(map(float, ours)) == pytest.approx(
        list(map(float, official)), abs=1e-12
    )
    assert ours == official  # down to the spelling of Java's numbers


@pytest.mark.parametrize(
    "value, text",
    [
        (0.0, "0.0"),
        (1, "1.0"),
        (0.35, "0.35"),
        (1 / 3, "0.3333333333333333"),
        (0.001, "0.001"),
        (0.0005, "5.0E-4"),
        (0.00012345, "1.2345E-4"),
        (2.5e-5, "2.5E-5"),
    ],
)
def test_numbers_are_spelled_as_java_does(value, text):
    assert bioasq_eval.java_double(value) == text


# Definitions, each on one or two questions worked out by hand


def test_factoid_rank_is_that_of_the_first_right_one_without_regard_to_case():
    golden = {"a": ("factoid", [["TP53", "p53"]]), "b": ("factoid", ["EGFR"])}
    answers = {"a": [["x"], ["P53"], ["TP53"]], "b": [["1"], ["2"]]}
    assert score(golden, answers)[1:4] == [0.0, 0.5, 0.25]


def test_factoid_candidates_after_the_fifth_count():
    golden = {"b": ("factoid", ["EGFR"])}
    answers = {"b": [["1"], ["2"], ["3"], ["4"], ["5"], ["egfr"]]}
    assert score(golden, answers)[1:4] == [0.0, 1.0, pytest.approx(1 / 6)]


def test_factoid_names_in_a_list_each_are_all_right():
    golden = {"a": ("factoid", [["TP53"], ["p53 gene"]])}
    assert score(golden, {"a": [["p53 gene"]]})[1:4] == [1.0, 1.0, 1.0]


def test_a_list_item_is_found_once_by_any_synonym():
    # 2 of 4 answers name new items (0.5), 2 of 3 items are found (0.6667).
    golden = {"a": ("list", [["aspirin", "ASA"], ["heparin"], ["warfarin"]])}
    answers = {"a": [["asa"], ["Aspirin"], ["heparin"], ["insulin"]]}
    assert score(golden, answers)[4:7] == pytest.approx([0.5, 2 / 3, 4 / 7])


def test_a_name_of_two_items_finds_both():
    golden = {"a": ("list", [["x", "y"], ["x", "z"]])}
    assert score(golden, {"a": [["x"]]})[4:7] == [1.0, 1.0, 1.0]
    found = [pytest.approx(each) for each in (2 / 3, 1.0, 0.8)]
    assert score(golden, {"a": [["x"], ["v"], ["w"]]})[4:7] == found
    golden = {"a": ("list", [["x", "y"], ["x", "z"], ["v"], ["w"]])}
    assert score(golden, {"a": [["x"], ["1"], ["2"], ["3"]]})[4:7] == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_item_of_a_list_counts(blank):
    golden = {"a": ("list", [["x"], [blank]])}
    assert score(golden, {"a": [["x"]]})[4:7] == pytest.approx([1.0, 0.5, 2 / 3])
    assert score(golden, {"a": [["x"], [blank]]})[4:7] == [1.0, 1.0, 1.0]


def test_yes_and_no_have_f1_scores_of_their_own():
    golden = {
        name: ("yesno", value) for name, value in zip("abc", ("yes", "yes", "No"))
    }
    numbers = score(golden, {"a": "Yes", "b": "no", "c": "no"})
    assert numbers[0] == pytest.approx(2 / 3)
    assert numbers[7:] == pytest.approx([2 / 3, 2 / 3, 2 / 3])


def test_a_yesno_answer_that_is_neither_is_wrong():
    golden = {"a": ("yesno", "yes"), "b": ("yesno", "yes")}
    assert score(golden, {"a": "maybe", "b": [["yes"], ["no"]]})[0] == 0.0


@pytest.mark.parametrize("neither", ["maybe", "unclear", [["yes"], ["no"]], None])
def test_a_yesno_answer_that_is_neither_counts_as_the_wrong_one(neither):
    golden = dict.fromkeys("ab", ("yesno", "yes"))
    golden.update(dict.fromkeys("cd", ("yesno", "no")))
    right = {"a": "yes", "b": "yes", "c": "no", "d": "no"}
    for name, wrong in (("b", "no"), ("d", "yes")):
        expected = score(golden, dict(right, **{name: wrong}))
        assert score(golden, dict(right, **{name: neither})) == expected
        # A miss of one and a false alarm of the other.
        assert sorted(expected[8:]) == pytest.approx([2 / 3, 4 / 5])


@pytest.mark.parametrize("blank", [None, "", [], [[]], [[" "]]])
@pytest.mark.parametrize(
    "kind, right", [("yesno", "no"), ("factoid", "x"), ("list", "x")]
)
def test_a_question_without_an_answer_is_wrong(kind, right, blank):
    golden = {"a": (kind, right), "b": (kind, right)}
    unanswered = score(golden, {"a": right, "b": blank})
    assert unanswered == score(golden, {"a": right})
    assert max(unanswered) < 1 and 0.5 in unanswered


def test_summary_questions_and_types_that_do_not_occur_score_nothing():
    assert score({"a": ("summary", None)}, {}) == [0.0] * 10


# The command


def test_unanswered_and_unknown_questions_are_reported_not_a_crash(
    run, write_questions
):
    factoid = {"type": "factoid", "exact_answer": [["x"]]}
    golden = write_questions([dict(factoid, id=name) for name in "abcdefg"], "g.json")
    answers = write_questions([dict(factoid, id=name) for name in "az"], "a.json")
    result = run(golden, answers)
    assert result.status == 0
    assert list(map(float, result.stdout.split()))[1:4] == [1 / 7] * 3
    assert result.stderr == (
        f"warning: questions without an answer in {answers}, counted as wrong: "
        "6 (b, c, d, e, f, ...)\n"
        f"warning: answers to questions that are not in {golden}, not counted: 1 (z)\n"
    )


def test_verbose_adds_a_table_for_each_type_with_the_ten_numbers(run):
    golden, answers, _ = CASES[3]
    plain, verbose = run(golden, answers), run(golden, answers, "--verbose")
    line, *rest = verbose.stdout.splitlines()
    assert line + "\n" == plain.stdout
    words = [" ".join(row.split()) for row in rest if row]
    assert words[0] == "yes/no: 11 questions, 0 unanswered 95 % interval"
    assert words[5] == "factoid: 17 questions, 0 unanswered 95 % interval"
    assert re.fullmatch(r"9 F1 of yes 0.9000 0\.\d+ to 1.0000", words[3])
    assert words[8].startswith("4 mean reciprocal rank 0.3314 ")
    rows = [row.split() for row in words if row[0].isdigit()]
    values = {int(row[0]): float(row[-4]) for row in rows}
    for number, value in enumerate(line.split(), 1):
        assert values.get(number, 0.0) == pytest.approx(float(value), abs=5e-5)


def test_a_type_without_questions_has_no_table(run):
    golden, answers, _ = CASES[0]
    lines = run(golden, answers, "--verbose").stdout.splitlines()
    assert "list: 0 questions, 0 unanswered" in lines
    assert not any("mean F1" in line for line in lines)


def test_intervals_follow_from_their_seed_and_its_draws(run):
    golden, answers, _ = CASES[1]

    def tables(*flags):
        return run(golden, answers, "--verbose", *flags).stdout

    assert tables() == tables("--seed=1", "--resamples=1000")
    assert tables() != tables("--seed=2")
    assert "--resamples must be 1 or more" in run(*CASES[1][:2], "--resamples=0").error


def test_intervals_hold_95_of_100_means():
    """40 of 100 questions right: 1.96 standard errors on either side of 0.4."""
    golden = {f"q{i}": ("yesno", "yes") for i in range(100)}
    answers = {f"q{i}": "yes" if i < 40 else "no" for i in range(100)}
    golden = [
        {"id": name, "type": kind, "exact_answer": value}
        for name, (kind, value) in golden.items()
    ]
    answers = [{"id": name, "exact_answer": value} for name, value in answers.items()]
    low, high = bioasq_scores.intervals(bioasq_scores.pair_up(golden, answers), 2000, 1)
    assert low.yesno.accuracy == pytest.approx(0.4 - 1.96 * 0.049, abs=0.015)
    assert high.yesno.accuracy == pytest.approx(0.4 + 1.96 * 0.049, abs=0.015)
    assert low.factoid == high.factoid == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "golden, answers, problem",
    [
        ("none.json", "a.json", "none.json: cannot be read"),
        ("a.json", "g.json", 'a.json: question q1 has no "type"'),
        ("untyped.json", "a.json", 'untyped.json: question q1 has no "type"'),
        ("unsolved.json", "a.json", "unsolved.json: list question q1 has no exact"),
        ("maybe.json", "a.json", "maybe.json: yes/no question q1 has an exact answer"),
        ("g.json", "number.json", 'number.json: question q1 has an "exact_answer"'),
        ("g.json", "broken.json", "broken.json:2: not JSON"),
        ("g.json", "twice.json", "twice.json: question q1 stands there twice"),
    ],
)
def test_wrong_input_is_one_line_with_file_and_question(
    run, write, tmp_path, golden, answers, problem
):
    contents = {
        "g": [{"id": "q1", "type": "factoid", "exact_answer": "x"}],
        "a": [{"id": "q1", "exact_answer": "x"}],
        "untyped": [{"id": "q1", "type": "lists"}],
        "unsolved": [{"id": "q1", "type": "list"}],
        "maybe": [{"id": "q1", "type": "yesno", "exact_answer": "maybe"}],
        "number": [{"id": "q1", "exact_answer": [[7]]}],
        "twice": [{"id": "q1"}, {"id": "q1"}],
    }
    for name, questions in contents.items():
        write({"questions": questions}, f"{name}.json")
    write('{"questions":\n[}', "broken.json")
    result = run(tmp_path / golden, tmp_path / answers)
    assert problem in result.error
    assert result.stdout == ""


def test_missing_arguments_are_one_line(run):
    assert run().error.startswith("bioasq_eval.py: error: ")


def test_gold_is_what_has_to_come_first():
    with pytest.raises(InputError, match="give the golden file first"):
        score({"a": ("factoid", [[" "]])}, {"a": "x"})


# Any well-formed files

names = st.one_of(st.text(), st.sampled_from(["TP53", "tp53", "p53", "yes", "no"]))
synonyms = st.lists(st.lists(names, max_size=3), max_size=7)
system_answers = st.one_of(st.none(), names, st.lists(names), synonyms)
solid = names.filter(str.strip)
gold_answers = st.one_of(
    st.tuples(st.just("yesno"), st.sampled_from(["yes", "no", "Yes"])),
    st.tuples(st.just("factoid"), st.lists(st.lists(solid, min_size=1), min_size=1)),
    st.tuples(st.just("list"), st.lists(st.lists(solid, min_size=1), min_size=1)),
    st.tuples(st.just("summary"), st.none()),
)
question_ids = st.sampled_from("abcdef")


@settings(deadline=None)
@given(
    st.dictionaries(question_ids, gold_answers),
    st.dictionaries(question_ids, system_answers),
)
def test_any_answers_give_ten_numbers_between_0_and_1(golden, answers):
    numbers = score(golden, answers)
    assert len(numbers) == 10
    for number in numbers:
        assert 0 <= number <= 1
        spelled = bioasq_eval.java_double(number)
        assert float(spelled) == number
    assert numbers[1] <= numbers[3] <= numbers[2]  # strict ≤ MRR ≤ lenient


@settings(deadline=None)
@given(st.dictionaries(question_ids, gold_answers))
def test_the_gold_answers_themselves_score_1_in_their_type(golden):
    kinds = {kind for kind, _ in golden.values()}
    numbers = score(golden, {name: value for name, (_, value) in golden.items()})
    assert numbers[0] == ("yesno" in kinds)
    assert numbers[1:4] == pytest.approx([float("factoid" in kinds)] * 3)
    assert numbers[4:7] == pytest.approx([float("list" in kinds)] * 3)
