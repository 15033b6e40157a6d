"""transform_nbset2bioasqform.py: the original's files byte for byte, nothing lost."""

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes import transform_nbset2bioasqform as transform
from biocodes.lib import bioasq
from biocodes.lib.files import InputError
from kit.paths import DATA, ROOT

SCRIPT = "biocodes/transform_nbset2bioasqform.py"
GOLDEN = DATA / "qa"
NBEST = str(GOLDEN / "nbest_predictions.json")
QUESTION = "0123456789abcdef01234567"  # 24 characters


@pytest.fixture
def run(run_command):
    """run(*arguments, **options) → Finished."""
    return lambda *arguments, **options: run_command(SCRIPT, *arguments, **options)


def read(folder, name):
    return (folder / name).read_bytes()


def candidate(text, probability):
    return {"text": text, "probability": probability}


# The two files


def test_files_in_a_folder_equal_the_originals_byte_for_byte(run, tmp_path):
    result = run(f"--nbest_path={NBEST}", f"--output_path={tmp_path}")
    assert result.status == 0, result.stderr
    assert result.stderr == ""
    for name in (
        "BioASQform_BioASQ-answer.json",
        "WithProb_BioASQform_BioASQ-answer.json",
    ):
        assert read(tmp_path, name) == read(GOLDEN, name)
    assert len(os.listdir(str(tmp_path))) == 2


def test_a_path_that_ends_in_a_slash_is_a_folder_to_be_made(run, tmp_path):
    folder = tmp_path / "new" / "folder"
    result = run("--nbest_path", NBEST, "--output_path", f"{folder}/")
    assert result.status == 0, result.stderr
    name = "BioASQform_BioASQ-answer.json"
    assert read(folder, name) == read(GOLDEN, name)


def test_a_file_name_goes_to_the_first_file_and_with_a_suffix_to_the_second(
    run, tmp_path
):
    result = run("--nbest_path", NBEST, "--output_path", str(tmp_path / "answers.json"))
    assert result.status == 0, result.stderr
    first, second = "BioASQform_BioASQ-answer.json", "answers.json_WithProb"
    assert read(tmp_path, "answers.json") == read(GOLDEN, first)
    assert read(tmp_path, second) == read(GOLDEN, "WithProb_" + first)


def test_it_runs_on_the_standard_library_alone_from_any_folder(tmp_path):
    command = [sys.executable, "-S", str(ROOT / SCRIPT), "--nbest_path", NBEST]
    subprocess.run([*command, "--output_path", "."], cwd=str(tmp_path), check=True)
    assert read(tmp_path, transform.ANSWER_FILE) == read(GOLDEN, transform.ANSWER_FILE)


# Ids


@pytest.mark.parametrize(
    "snippet_id, question",
    [
        (QUESTION + "_001", QUESTION),
        (QUESTION + "_1000", QUESTION),  # the thousandth snippet
        (QUESTION, QUESTION),
        (QUESTION + "_01", QUESTION + "_01"),
        (QUESTION + "_0x1", QUESTION + "_0x1"),
        (QUESTION + "-001", QUESTION + "-001"),
        (QUESTION[:-4] + "_001", QUESTION[:-4] + "_001"),  # 24 characters as it is
        ("q1_001", "q1_001"),
        ("", ""),
    ],
)
def test_only_a_bioasq_id_loses_its_suffix(snippet_id, question):
    assert bioasq.question_id(snippet_id) == question


def test_ids_of_another_length_are_taken_as_they_are_and_reported(run, write, tmp_path):
    nbest = {name: [candidate("x", 1.0)] for name in ("q1_001", "q1_002", QUESTION)}
    path = write(nbest, "nbest.json")
    result = run("--nbest_path", path, "--output_path", str(tmp_path))
    assert result.status == 0
    written = json.loads(read(tmp_path, transform.ANSWER_FILE).decode())
    ids = [question["id"] for question in written["questions"]]
    assert ids == ["q1_001", "q1_002", QUESTION]
    assert result.stderr == (
        "warning: ids not of BioASQ's 24 characters, taken as they are: "
        "2 (q1_001, q1_002)\n"
    )


def test_an_id_with_and_without_suffix_is_refused():
    nbest = {QUESTION: [], QUESTION + "_001": []}
    with pytest.raises(InputError, match="would become one question"):
        transform.transform(nbest)


# Pooling and ranking


def test_snippets_are_pooled_and_equal_texts_summed_under_the_likeliest_spelling():
    nbest = {
        QUESTION + "_001": [candidate("BRCA1", 0.4), candidate("TP53", 0.5)],
        QUESTION + "_002": [candidate("brca1", 0.6), candidate("EGFR", 0.5)],
    }
    answers, with_probability = transform.transform(nbest)
    expected = [["brca1", 1.0], ["TP53", 0.5], ["EGFR", 0.5]]
    assert with_probability["questions"][0]["exact_answer"] == expected
    assert answers["questions"] == [
        {
            "type": "factoid",
            "id": QUESTION,
            "ideal_answer": "Dummy",
            "exact_answer": [["brca1"], ["TP53"], ["EGFR"]],
        }
    ]


@pytest.mark.parametrize(
    "text, submitted",
    [
        ("BRCA1,", "BRCA1"),
        ("BRCA1.", "BRCA1"),
        ("BRCA1 ", "BRCA1"),
        ("BRCA1..", "BRCA1."),  # one of them goes
        ("BRCA1;", "BRCA1;"),
        ("(BRCA1)", "BRCA1"),
        ("[BRCA1],", "BRCA1"),
        ("(a) and (b)", "(a) and (b)"),  # nothing encloses the whole
        ("BRCA1 (human)", "BRCA1 (human)"),
        ("(BRCA1", None),
        ("BRCA1)", None),
        (")BRCA1(", None),
        ("x" * 101, None),
        ("x" * 100 + ".", "x" * 100),
        ("()", None),
        (".", None),
    ],
)
def test_rules_of_the_7th_challenge_make_texts_tidy(text, submitted):
    nbest = {QUESTION + "_001": [candidate(text, 0.5)]}
    answers, _ = transform.transform(nbest, rules="n2b")
    expected = [] if submitted is None else [[submitted]]
    assert answers["questions"][0]["exact_answer"] == expected


def test_tidy_texts_that_are_equal_are_summed(run, write, tmp_path):
    texts = {"brca1,": 0.3, "(BRCA1)": 0.3, "TP53": 0.4, "EGFR(": 0.9}
    nbest = {
        f"{QUESTION}_00{number}": [candidate(text, probability)]
        for number, (text, probability) in enumerate(texts.items())
    }
    path = write(nbest, "nbest.json")
    flags = ["--nbest_path", path, "--output_path", tmp_path]
    for more, best in ((["--rules=n2b"], "brca1"), ([], "EGFR(")):
        assert run(*flags, *more).status == 0
        (question,) = json.loads(read(tmp_path, transform.ANSWER_FILE))["questions"]
        assert question["exact_answer"][0] == [best]


def test_empty_and_overlong_texts_are_dropped():
    texts = ["", " ", "x" * 101, "y" * 100]
    candidates = [(text, 0.25) for text in texts]
    assert transform.rank_answers(candidates) == [("y" * 100, 0.25)]


def test_five_answers_are_given_and_twenty_with_probability():
    nbest = {QUESTION: [candidate(f"word{i}", 0.01 * i) for i in range(30)]}
    answers, with_probability = transform.transform(nbest)
    best = [[f"word{i}"] for i in range(29, 24, -1)]
    assert answers["questions"][0]["exact_answer"] == best
    twenty = with_probability["questions"][0]["exact_answer"]
    assert [text for text, _ in twenty] == [f"word{i}" for i in range(29, 9, -1)]


def test_a_question_without_any_usable_candidate_is_kept_and_reported(
    run, write, tmp_path
):
    path = write({QUESTION + "_001": [candidate("", 1.0)]}, "nbest.json")
    result = run("--nbest_path", path, "--output_path", str(tmp_path))
    assert result.status == 0
    assert result.stderr == (
        f"warning: questions left without an answer: 1 ({QUESTION})\n"
    )


ids = st.one_of(
    st.text(),
    st.builds(
        "{}{}".format,
        st.text(min_size=24, max_size=24),
        st.sampled_from(["_001", "_002", "_1000"]),
    ),
)
candidates = st.builds(
    candidate,
    st.one_of(st.text(), st.sampled_from(["BRCA1", "brca1", "Brca1", "empty"])),
    st.floats(0, 1),
)


@settings(deadline=None)
@given(st.dictionaries(ids, st.lists(candidates), min_size=1))
def test_every_well_formed_file_gives_whole_answers(nbest):
    answers, with_probability = transform.transform(nbest)
    json.dumps([answers, with_probability], allow_nan=False)
    pools = transform.pool_candidates(nbest)
    asked = [question["id"] for question in answers["questions"]]
    assert asked == list(pools)
    assert sum(map(len, pools.values())) == sum(map(len, nbest.values()))
    for best, scored in zip(answers["questions"], with_probability["questions"]):
        ranking = scored["exact_answer"]
        assert best["exact_answer"] == [[text] for text, _ in ranking[:5]]
        given_texts = {text for text, _ in pools[best["id"]]}
        assert {text for text, _ in ranking} <= given_texts
        assert len({text.lower() for text, _ in ranking}) == len(ranking) <= 20
        sums = [total for _, total in ranking]
        assert sums == sorted(sums, reverse=True)


# Wrong input


@pytest.mark.parametrize(
    "content, problem",
    [
        ("", "nbest.json:1: not JSON"),
        ('{"a": [', "nbest.json:1: not JSON"),
        ("{}", "nbest.json: holds no questions"),
        ("[]", "nbest.json: holds no questions"),
        ('{"q1": {"text": "x"}}', "question q1 has no list of candidates"),
        ('{"q1": ["x"]}', 'question q1 has a candidate without "text"'),
        ('{"q1": [{"probability": 1}]}', 'question q1 has a candidate without "text"'),
        ('{"q1": [{"text": 5, "probability": 1}]}', 'without "text"'),
        ('{"q1": [{"text": "x"}]}', 'question q1 has a candidate whose "probability"'),
        ('{"q1": [{"text": "x", "probability": NaN}]}', "no number from 0 to 1"),
        ('{"q1": [{"text": "x", "probability": Infinity}]}', "no number from 0 to 1"),
        ('{"q1": [{"text": "x", "probability": 1e400}]}', "no number from 0 to 1"),
        ('{"q1": [{"text": "x", "probability": -0.5}]}', "no number from 0 to 1"),
        ('{"q1": [{"text": "x", "probability": true}]}', "no number from 0 to 1"),
        ('{"q1": [{"text": "x", "probability": "1"}]}', "no number from 0 to 1"),
        ('{"q1": [{"text": "x", "probability": %s}]}' % ("9" * 5000), "number"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_older_files_alone(
    run, write, tmp_path, content, problem
):
    path = write(content, "nbest.json")
    older = tmp_path / transform.ANSWER_FILE
    older.write_text("older", encoding="utf-8")
    result = run("--nbest_path", path, "--output_path", tmp_path)
    assert problem in result.error
    assert sorted(os.listdir(str(tmp_path))) == sorted(["nbest.json", older.name])
    assert older.read_text(encoding="utf-8") == "older"


@pytest.mark.parametrize(
    "arguments, problem",
    [
        (["--nbest_path", NBEST], "--output_path"),
        (["--nbest_path", NBEST, "--output_path="], "--output_path: is empty"),
        (["--nbest_path", NBEST, "--output_path", "no/such/file"], "cannot be written"),
        (["--nbest_path", "none.json", "--output_path", "."], "none.json: cannot be"),
        (["--nbest_path", NBEST, "--output_path", ".", "--best=3"], "--best=3"),
    ],
)
def test_wrong_flags_are_one_line(run, tmp_path, arguments, problem):
    result = run(*arguments, cwd=str(tmp_path))
    assert "error: " in result.error
    assert problem in result.error
    assert os.listdir(str(tmp_path)) == []


def test_byte_order_mark_and_crlf_are_simply_read(run, write, tmp_path):
    text = read(GOLDEN, "nbest_predictions.json").replace(b"\n", b"\r\n")
    path = write(b"\xef\xbb\xbf" + text, "nbest.json")
    assert run("--nbest_path", path, "--output_path", tmp_path).status == 0
    assert read(tmp_path, transform.ANSWER_FILE) == read(GOLDEN, transform.ANSWER_FILE)
