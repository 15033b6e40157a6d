"""compare_runs.py: scores side by side, seeds, flags that differ, significance."""

import pytest

from biocodes import compare_runs
from biocodes.lib import files, relation_scores, run_outcomes
from biocodes.lib.report import Gold
from kit import reported

PAIRS = [("B-A", "B-A"), ("O", "B-A"), ("B-A", "O"), ("B-A", "B-A")]


@pytest.fixture
def compared(tmp_path, capsys, monkeypatch):
    """compared(*arguments) → the lines printed, run in the folder of the runs."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        compare_runs.main(arguments)
        return capsys.readouterr().out.splitlines()

    return run


def write_run(folder, f1, **arguments):
    scores = {"test.tsv": {"f1": f1, "recall": 1.0}, "dev.tsv": {"f1": 1 - f1}}
    reported.write_records(folder, scores, arguments=arguments)


def entities(folder, pairs):
    sentences = [[("word", *pair), ("end", "O", "O")] for pair in pairs]
    return reported.write_entities(folder, sentences)


# The table


def test_table_has_a_row_a_run_and_the_flags_that_differ(tmp_path, compared):
    write_run(tmp_path / "a", 0.5, seed=1, learning_rate=5e-5, output_dir="a")
    write_run(tmp_path / "b", 0.75, seed=1, learning_rate=3e-5, output_dir="b")
    assert compared("a", "b") == [
        "   test.tsv f1  test.tsv recall  dev.tsv f1  run",
        "1        50.00           100.00       50.00  a",
        "2        75.00           100.00       25.00  b",
        "",
        "flags that differ      1      2",
        "--learning_rate    5e-05  3e-05",
    ]


def test_rows_are_sorted_by_the_score_of_the_test_file(tmp_path, compared):
    for name, f1 in (("a", 0.5), ("b", 0.75), ("c", 0.25)):
        write_run(tmp_path / name, f1)
    folders = ["a", "b", "c"]
    lines = compared(*folders, "--sort=f1", "--measure=test.tsv f1")
    assert [line.split()[-1] for line in lines[1:]] == ["b", "a", "c"]
    lines = compared(*folders, "--sort=dev.tsv f1", "--measure=recall")
    assert lines[0].split() == ["test.tsv", "recall", "run"]
    assert [line.split()[-1] for line in lines[1:]] == ["c", "a", "b"]


def test_seeds_are_a_row_with_mean_and_deviation(tmp_path, compared):
    write_run(tmp_path / "one", 0.5, seed=1)
    for seed, f1 in ((2, 0.5), (10, 0.75)):
        write_run(tmp_path / "many" / f"seed-{seed}", f1, seed=seed)
    lines = compared("one", "many/", "--measure=test.tsv f1")
    assert lines[:3] == [
        "     test.tsv f1  run",
        "1          50.00  one",
        "2  62.50 ± 17.68  many (2 seeds)",
    ]
    assert lines[-1].split() == ["--seed", "1", "2,10"]


@pytest.mark.parametrize(
    "flag, message",
    [
        ("--sort=x", "--sort: x is none of test.tsv f1, test.tsv recall, dev.tsv f1"),
        ("--measure=f1,x", "--measure: x is none of"),
    ],
)
def test_scores_that_no_run_has_are_refused(tmp_path, compared, flag, message):
    write_run(tmp_path / "a", 0.5)
    with pytest.raises(files.InputError, match=message):
        compared("a", flag)


# Significance


def test_entities_are_tested_by_the_f1_of_the_scorer(tmp_path, compared):
    for name, pairs in (("a", PAIRS), ("b", [(gold, gold) for gold, _ in PAIRS])):
        write_run(tmp_path / name, 0.5)
        entities(tmp_path / name, pairs)
    lines = compared("a", "b", "--significance", "--resamples=500")
    assert "2 less 1, 4 sentences, 500 draws" in lines
    values = lines[-1].split()
    assert values[:4] == ["f1", "66.67", "100.00", "+33.33"]
    again = compared("a", "b", "--significance", "--resamples=500")
    assert again == lines


@pytest.mark.parametrize(
    "labels, negative", [(("0", "1"), None), (("x", "y", "z"), None), (("x", "y"), "x")]
)
def test_relations_are_tested_by_the_f1_of_re_eval(tmp_path, labels, negative):
    rows = [
        ("a", labels[1], [0.25, 0.75, 0.0][: len(labels)]),
        ("b", labels[0], [0.25, 0.75, 0.0][: len(labels)]),
        ("c", labels[-1], [0.75, 0.25, 0.0][: len(labels)]),
    ]
    arguments = {"negative": negative}
    folder = reported.write_records(tmp_path / "re", {}, arguments=arguments)
    data = reported.write_relations(folder, rows, labels)
    outcomes = run_outcomes.of_run(str(folder), Gold(data_dir=str(data)))
    measure, numbers = next(iter(outcomes.measures.values()))
    task = "multiclass" if negative else relation_scores.task_for(labels)
    gold = [row[1] for row in rows]
    expected = relation_scores.summary_scores(task, gold, [1, 1, 0], labels, negative)
    assert measure(numbers.sum(axis=0)) == pytest.approx(next(iter(expected.values())))


def test_answers_are_tested_by_both_measures(tmp_path, compared):
    asked = [("A?", "the p53 gene", ["p53"]), ("B?", "MDM2", ["MDM2"])]
    for name, texts in (("a", ["p53 gene", "MDM2"]), ("b", ["p53", "MDM2"])):
        write_run(tmp_path / name, 0.5)
        answered = [(*question, text) for question, text in zip(asked, texts)]
        reported.write_answers(tmp_path / name, answered)
    flags = ["--significance", "--predict_file=questions.json"]
    lines = compared("a", "b", *flags)
    assert lines[-2].split()[:3] == ["f1", "83.33", "100.00"]
    assert lines[-1].split()[:3] == ["exact_match", "50.00", "100.00"]


def test_decisions_are_tested_by_macro_f1(tmp_path):
    asked = [("A?", "a", "yes", 1.0), ("B?", "b", "no", 1.0), ("C?", "c", "no", -1.0)]
    path = reported.write_decisions(tmp_path / "qa", asked)
    outcomes = run_outcomes.of_run(str(tmp_path / "qa"), Gold(predict_file=str(path)))
    values = {
        name: measure(numbers.sum(axis=0))
        for name, (measure, numbers) in outcomes.measures.items()
    }
    assert values == {
        "macro_f1": pytest.approx(2 / 3),
        "accuracy": pytest.approx(2 / 3),
    }


def test_runs_of_other_test_sets_are_refused(tmp_path, compared):
    for name, pairs in (("a", PAIRS), ("b", PAIRS[1:]), ("c", [])):
        write_run(tmp_path / name, 0.5)
        if pairs:
            entities(tmp_path / name, pairs)
    with pytest.raises(files.InputError, match="b: is not of the same test set as"):
        compared("a", "b", "--significance")
    with pytest.raises(files.InputError, match="c: has none of NER_result_conll.txt"):
        compared("a", "c", "--significance")
