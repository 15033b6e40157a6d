"""lib/report.py, make_report.py: what a page says of a run, and any text in it."""

import re

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from biocodes import make_report
from biocodes.lib import files, page_plots, report, report_html, report_re
from biocodes.lib.report import Gold
from kit import reported
from kit.pages import Strict, in_browser

SCORES = {"test.tsv": {"f1": 0.5, "by_label": {"A": {"f1": 0.25}, "B": {"f1": 0.75}}}}
SENTENCES = [
    [("Ataxia", "B-A", "B-A"), ("is", "O", "O"), ("zinc", "O", "B-B")],
    [("colon", "B-A", "O"), ("cancer", "I-A", "B-A"), ("in", "O", "O")],
    [("Zinc", "O", "B-B"), ("helps", "O", "O")],
    [("Wilson", "B-A", "B-B"), ("here", "O", "O"), ("p53", "B-B", "O")],
    [("none", "O", "O")],
]
COUNTS = (
    '<tr><th scope="row">A</th><td class="n">1</td><td class="n">0</td>'
    '<td class="n">0</td><td class="n">1</td><td class="n">1</td>'
)
# As columns have it: without white space.
any_word = st.text(
    st.sampled_from("ab&<>\"'-/=!;#x0\u202e\ufeff")
    | st.characters(blacklist_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]),
    min_size=1,
)


def page_of(folder, gold=report.NO_GOLD):
    with open(report.write(str(folder), gold), encoding="utf-8", newline="") as stream:
        return stream.read()


@pytest.fixture
def entities(tmp_path):
    """The output folder of a run for entities."""
    folder = reported.write_records(tmp_path / "ner", SCORES)
    reported.write_curves(folder)
    return reported.write_entities(folder, SENTENCES)


# The run


def test_page_says_what_was_run(entities):
    page = page_of(entities)
    parsed = Strict(page)
    assert "default-src 'none'" in page
    assert not re.search(r"https?:|\bsrc=|<link|@import|url\(", page)
    for text in ("step 20, the best", "20 steps in 10 s", "CPU", "python 3.7.9"):
        assert text in parsed.texts["section"]
    assert "--seed=1" in parsed.texts["code"]
    assert "run_x.py --learning_rate=3e-5" in parsed.texts["pre"]


def test_curves_are_drawn_with_the_best_score_marked(entities):
    page = page_of(entities)
    assert page.count('<svg role="img"') == 3
    assert "best f1 50.00 % at step 10" in page
    # The numbers stand in a table, too.
    assert '<tr><th scope="row">20</th>' in page


def test_scores_are_of_each_file_and_label(entities):
    page = page_of(entities)
    assert "<dt>f1</dt><dd>50.00</dd>" in page
    assert '<th scope="row">B</th><td class="n">75.00</td>' in page


def test_folder_without_records_says_so(tmp_path):
    folder = reported.write_entities(tmp_path / "old", SENTENCES)
    page = page_of(folder)
    assert "scores.json is not in the folder" in page
    assert "what was run is not known" in page
    assert COUNTS in page


def test_folder_of_nothing_is_refused(tmp_path):
    with pytest.raises(files.InputError, match="no run&#x27;s|no run's record"):
        report.write(str(tmp_path))
    with pytest.raises(files.InputError, match="none: no such folder"):
        report.write(str(tmp_path / "none"))
    assert list(tmp_path.iterdir()) == []


# Entities


def test_errors_of_entities_are_counted_and_shown(entities):
    page = page_of(entities)
    assert COUNTS in page
    assert "4 of 5 sentences have an error." in page
    kinds = re.findall(r'<li class="k\d" data-k="(\d)" data-t="([\d ]+)"', page)
    assert kinds == [("2", "1"), ("3", "0"), ("2", "1"), ("4", "0 1"), ("1", "1")]
    # Case does not tell errors apart; the link leads to the first sentence.
    row = '<span>2</span><a href="#f0" data-f="0">zinc</a> <i class="k2">invented</i>'
    assert row in page
    assert page.count('id="f0"') == 1
    assert (
        'colon</span> <span class="g g3 p p3">cancer</span>' in page
        and '<span class="g g3">colon' in page
    )


def test_types_that_are_not_scored_do_not_count(tmp_path):
    scores = {"test.tsv": {"f1": 0.5, "by_label": {"A": {"f1": 0.5}}}}
    folder = reported.write_records(tmp_path / "ner", scores)
    reported.write_entities(folder, SENTENCES[:1])
    assert "There are none: every entity is as in the gold file." in page_of(folder)


def test_predictions_without_gold_labels_have_no_errors(tmp_path):
    folder = reported.write_entities(tmp_path / "ner", [[("Ataxia", "B-A")]])
    assert "The file has no gold labels" in page_of(folder)


def test_corpora_have_a_page_each(tmp_path):
    folder = reported.write_records(tmp_path / "two", {"B 1/test.tsv": {"f1": 0.5}})
    for name in ("A", "B 1"):
        reported.write_entities(folder / name, SENTENCES)
    assert '<a href="B%201/report.html">B 1' in page_of(folder)
    inside = (folder / "B 1" / "report.html").read_text(encoding="utf-8")
    assert "4 of 5 sentences" in inside and "<dd>50.00</dd>" in inside


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(any_word, any_word)
def test_any_word_and_type_stand_in_the_page_as_they_are(tmp_path, word, kind):
    sentence = [(word, f"B-T{kind}", "O"), ("x", "O", "B-y")]
    # A byte-order mark at the start of a file is none of its text.
    sentences = [[("First", "O", "O")], sentence]
    parsed = Strict(page_of(reported.write_entities(tmp_path / "ner", sentences)))
    assert f"{word} x" in parsed.texts["p"]
    assert kind in parsed.texts["th"]
    assert parsed.tags["script"] == parsed.tags["style"] == 1


def test_sample_keeps_the_same_items_whatever_their_number():
    first, second = (report_html.Sample(most=20) for _ in range(2))
    for number in range(5000):
        first.add(number, number, size=1)
        second.add(number, number, size=1)
    kept = first.items()
    assert kept == second.items() == sorted(kept) and len(kept) == 20
    assert min(kept) < 1000 and max(kept) > 4000
    assert "20 of 5,000 things" in first.said("things")
    # Those of a lower rank come first, and characters are limited as well.
    ranked = report_html.Sample(most=20, characters=45)
    for number in range(100):
        ranked.add(number, number, size=10, rank=int(number % 50 != 0))
    assert ranked.items()[:2] == [0, 50] and len(ranked.items()) == 4


def test_large_file_makes_no_large_page(tmp_path, monkeypatch):
    monkeypatch.setattr(report_html.Sample.__init__, "__defaults__", (30, 10**6))
    folder = reported.write_entities(tmp_path / "ner", SENTENCES * 200)
    page = page_of(folder)
    assert "The page has 30 of 800 sentences with errors" in page
    assert page.count('<span class="where">') == 30
    assert '<span>400</span><a href="#f0"' in page


# Relations


RELATIONS = [
    ("@GENE$ & @DISEASE$", "1", (0.1, 0.9)),
    ("<b>", "0", (0.2, 0.8)),
    ("c", "1", (0.7, 0.3)),
    ("d", "0", (0.6, 0.4)),
]


def test_relations_have_confusions_curves_and_the_surest_errors(tmp_path):
    folder = reported.write_records(tmp_path / "re", {})
    data = reported.write_relations(folder, RELATIONS)
    page = page_of(folder, Gold(data_dir=str(data)))
    assert "ROC, area 0.5000" in page
    parsed = Strict(page)
    assert "threshold.json, which would say it, is not" in parsed.texts["p"]
    errors = re.findall(r'<li data-k="\d"><span class="where">(\d)</span>', page)
    assert errors == ["1", "2"]
    (folder / "threshold.json").write_text('{"threshold": 0.5}')
    page = page_of(folder, Gold(data_dir=str(data)))
    assert "0.5000, gives test.tsv an F1 of 50.00 %" in page


def test_relations_without_their_file_say_what_is_missing(tmp_path):
    folder = tmp_path / "re"
    reported.write_relations(folder, RELATIONS)
    assert "give --data_dir" in page_of(folder)


def test_predictions_of_other_rows_are_left_out_or_refused(tmp_path):
    folder = tmp_path / "re"
    data = reported.write_relations(folder, RELATIONS)
    text = (data / "test.tsv").read_text()
    (data / "test.tsv").write_text(text + "9\te\t0\n")
    gold = Gold(data_dir=str(data))
    assert "test.tsv:6: the predictions are of another file" in page_of(folder, gold)
    with pytest.raises(files.InputError, match="of another file"):
        report.write(str(folder), gold, is_strict=True)


def test_labels_that_are_several_have_no_table(tmp_path):
    folder = tmp_path / "re"
    data = reported.write_relations(folder, [("a", "x|y", (0.5, 0.5))], ("x", "y"))
    page = page_of(folder, Gold(data_dir=str(data)))
    assert "Rows with several labels" in page


def test_areas_are_those_of_ranks():
    import numpy as np

    gold, scores = np.array([1, 0, 1, 1, 0]), np.array([0.9, 0.8, 0.7, 0.4, 0.4])
    pairs = [(p, n) for p in scores[gold == 1] for n in scores[gold == 0]]
    expected = sum((p > n) + 0.5 * (p == n) for p, n in pairs) / len(pairs)
    assert report_re.roc(gold == 1, scores).area == pytest.approx(expected)
    found = report_re.precision_recall(gold == 1, scores)
    assert found.area == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    assert found.guessing == 0.6


# Questions


def test_questions_are_shown_the_wrong_ones_first(tmp_path):
    folder = reported.write_records(tmp_path / "qa", {})
    path = reported.write_answers(
        folder,
        [
            ("Right?", "The p53 gene.", ["p53"], "p53"),
            ("Partly?", "The p53 gene.", ["p53"], "p53 gene"),
            ("Wrong?", "The <p53> gene.", ["<p53>"], "gene"),
            ("Nobody knows?", "The gene.", [], ""),
        ],
    )
    page = page_of(folder, Gold(predict_file=str(path)))
    asked = re.findall(r"<strong>(.*?)</strong>", page)
    assert asked == ["Wrong?", "Partly?", "Right?", "Nobody knows?"]
    assert 'The <span class="g g3">&lt;p53&gt;</span> <span class="p p3">' in page
    assert "<q>no answer</q>" in page and "75.0 %" in page
    Strict(page)


def test_yes_no_questions_have_confusions(tmp_path):
    folder = reported.write_records(tmp_path / "qa", {})
    asked = [("A?", "a", "yes", 1.5), ("B?", "b", "no", 0.5), ("C?", "c", "no", -1.0)]
    path = reported.write_decisions(folder, asked)
    page = page_of(folder, Gold(predict_file=str(path)))
    assert re.findall(r"<strong>(.*?)</strong>", page) == ["B?", "A?", "C?"]
    assert 'style="--share:0.500">1</td><td class="hit"' in page


# The command


def test_command_prints_the_pages_of_seeds(tmp_path, capsys):
    whole = tmp_path / "out"
    for seed, f1 in ((1, 0.5), (2, 0.75)):
        scores = {"test.tsv": {"f1": f1}}
        reported.write_records(whole / f"seed-{seed}", scores, arguments={"seed": seed})
    make_report.main([str(whole)])
    names = ["report.html", "seed-1/report.html", "seed-2/report.html"]
    printed = capsys.readouterr().out.splitlines()
    assert printed == [str(whole / name) for name in names]
    page = (whole / "report.html").read_text(encoding="utf-8")
    cells = "".join(f'<td class="n">{x}</td>' for x in ("50.00", "75.00", "62.50"))
    assert cells in page and 'href="seed-2/report.html"' in page


# Plots


@pytest.mark.parametrize(
    "low, high, expected",
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (3, 3, [3]),
        (0, 470, [0, 100, 200, 300, 400]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert page_plots.ticks(low, high) == pytest.approx(expected)


@settings(deadline=None)
@example([(0.0, 5e-324)])
@example([(0.0, 0.0), (0.0, 5e-324)])
@given(
    st.lists(
        st.tuples(st.integers(0, 10**6), st.floats(-1e9, 1e9)).map(
            lambda point: (float(point[0]), point[1])
        ),
        max_size=30,
    )
)
def test_any_curve_stays_inside_its_figure(points):
    line = page_plots.Line("a", sorted(points))
    svg = page_plots.figure(page_plots.Plot("t", "x", "y", [line]))
    assert "nan" not in svg and "inf" not in svg
    for pair in re.findall(
        r"[-\d.]+,[-\d.]+", "".join(re.findall('points="(.*?)"', svg))
    ):
        x, y = map(float, pair.split(","))
        assert 0 <= x <= page_plots.WIDTH and 0 <= y <= page_plots.HEIGHT


# In a browser


@in_browser
def test_filters_show_the_errors_of_kind_type_and_text(entities, browse):
    page = re.sub("<meta http-equiv[^>]*>", "", page_of(entities))

    def shown(actions):
        changed = page.replace(
            "    refresh();\n  }\n})();", f"{actions}\nrefresh();}}}})();"
        )
        assert changed != page
        dumped = browse(changed, "", "--dump-dom")
        said = re.search("<output>(.*?)</output>", dumped).group(1)
        return said, dumped.count('<li hidden="">')

    assert shown("refresh();") == ("4 sentences, 5 errors", 0)
    # The first box is that of what was missed.
    assert shown("boxes[0].click();") == ("4 sentences, 4 errors", 0)
    of_type_b = "boxes[boxes.length - 2].checked = false;"
    assert shown(of_type_b) == ("3 sentences, 4 errors", 1)
    assert shown("search.value = 'HELPS';") == ("1 sentence, 1 error", 3)
    link = "frequent.querySelector('a').click();"
    assert shown(link) == ("2 sentences, 2 errors", 2)
    # A script that is not the page's own does not run.
    foreign = page_of(entities).replace(
        "</main>", "</main><script>document.title = 'foreign'</script>"
    )
    assert "<title>ner</title>" in browse(foreign, "", "--dump-dom")
