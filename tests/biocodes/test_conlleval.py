"""conlleval.py, conlleval.pl and lib/conll_scores.py: the scorer of 2004, twice."""

import io
import json
import subprocess
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from biocodes import conlleval
from biocodes.lib import command, conll, conll_scores, files
from kit.paths import DATA, ROOT

GOLDEN = DATA / "conlleval"
CASES = json.loads((GOLDEN / "cases.json").read_text(encoding="utf-8"))
SCORERS = {
    "perl": ["perl", str(ROOT / "biocodes" / "conlleval.pl")],
    "python": [sys.executable, str(ROOT / "biocodes" / "conlleval.py")],
}


def run(scorer, flags, raw):
    return subprocess.run(
        [*SCORERS[scorer], *flags],
        input=raw,
        capture_output=True,
    )


def score(raw, flags=()):
    """Do with standard input what conlleval.py does: (exit status, output)."""
    options = conlleval.parse_flags(flags)
    try:
        rows = conll_scores.parse(io.BytesIO(raw), options.delimiter)
        if options.raw:
            rows = conll_scores.raw_labels(rows, options.outside)
        scores = conll_scores.evaluate(rows)
    except conll_scores.WidthError:
        return conlleval.WIDTH_STATUS, b""
    except files.InputError:
        return command.EXIT_STATUS, b""
    text = conll_scores.latex_report if options.latex else conll_scores.report
    return 0, text(scores).encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("scorer", SCORERS)
@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: " ".join([case["input"], *case["args"]])
)
def test_same_output_and_exit_status_as_the_scorer_of_2004(scorer, case):
    done = run(scorer, case["args"], (GOLDEN / case["input"]).read_bytes())
    assert done.stdout.decode() == case["stdout"]
    assert bool(done.stderr) == case["stderr_nonempty"]
    if case["returncode"] in (0, 1):
        assert done.returncode == case["returncode"]
    else:
        assert done.returncode == command.EXIT_STATUS


WRONG_INPUTS = {
    "unknown flag": (["-z"], b"a O O\n", 2),
    "argument": (["test.tsv"], b"a O O\n", 2),
    "empty argument": ([""], b"a O O\n", 2),
    "flags run together": (["-lr"], b"a O O\n", 2),
    "no delimiter": (["-l", "-d"], b"a O O\n", 2),
    "no outside label": (["-o"], b"a O O\n", 2),
    "delimiter that is no expression": (["-d", "("], b"a O O\n", 2),
    "delimiter between any characters": (["-d", "|"], b"a O O\n", 2),
    "empty delimiter": (["-d", ""], b"a O O\n", 2),
    "one column": ([], b"a\nb\n", 2),
    "tabs without -d": ([], b"a\tO\tO\n", 2),
    "blanks that are no empty line": ([], b"\t\n", 2),
    "column missing": ([], b"a O O\n\nb O\n", 1),
    "column too many": ([], b"a O O\nb O O O\n", 1),
    "truncated": ([], b"a O O\nb O", 1),
    "boundary with other columns": ([], b"a O O\n-X-\n", 1),
    "binary": ([], bytes(range(256)) + b"\na O O\n", 2),
    "huge line": ([], b"a O O\n" + b"x " * 1000000, 1),
}


@pytest.mark.parametrize("name", WRONG_INPUTS)
def test_scorers_refuse_wrong_input_alike(name):
    flags, raw, exit_status = WRONG_INPUTS[name]
    messages = set()
    for scorer in SCORERS:
        done = run(scorer, flags, raw)
        assert (done.returncode, done.stdout) == (exit_status, b"")
        script, _, message = done.stderr.partition(b": error: ")
        assert message.count(b"\n") == 1 and message.endswith(b"\n")
        messages.add(message.replace(script, b"SCRIPT"))
    assert len(messages) == 1


@pytest.mark.parametrize("scorer", SCORERS)
def test_message_names_the_line(scorer):
    done = run(scorer, [], b"a O O\n\nb O\n")
    assert b"error: standard input:3: columns: 2, but 3 in the lines before" in (
        done.stderr
    )


@pytest.mark.parametrize("scorer", SCORERS)
def test_full_disk_is_an_error(scorer):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            SCORERS[scorer], input=b"a O O\n", stdout=full, stderr=subprocess.PIPE
        )
    assert done.returncode == command.EXIT_STATUS
    assert done.stderr.count(b"\n") == 1
    assert b"error: standard output: cannot be written" in done.stderr


@pytest.mark.parametrize("scorer", SCORERS)
@pytest.mark.parametrize(
    "flags, raw",
    [
        ([], b"\xef\xbb\xbfa B-X B-X\r\n\r\n-X- O O\r\nb O O\r\n"),
        (["-d", "\t"], b"a\tB-X\tB-X\n\nb\tO\tO"),
        (["-d", r"\t"], b"a\tB-X\tB-X\n\nb\tO\tO"),
        (["-d", "[ \t]+"], b"a \tB-X B-X  \n\nb\t\tO O"),
        (["-d", r"\|"], b"a|B-X|B-X\n\nb|O|O"),
    ],
    ids=["BOM and CRLF", "tab", "tab escaped", "expression", "bar"],
)
def test_forms_of_the_same_columns(scorer, flags, raw):
    expected = score(b"a B-X B-X\n\nb O O\n")[1]
    assert run(scorer, flags, raw).stdout == expected


@pytest.mark.parametrize("scorer", SCORERS)
def test_bytes_of_a_word_do_not_matter(scorer):
    # U+0085, U+00A0 and Latin-1 bytes, white space to some, are no delimiters here;
    # a type takes as many places as it has bytes.
    raw = b"\xc3\x85\xc2\xa0 B-\xc3\x85 B-\xc3\x85\n\x85\xa0\0 O I-\xa0\n"
    done = run(scorer, [], raw)
    assert done.returncode == 0
    assert b"\n               \xc3\x85: precision: 100.00%" in done.stdout
    assert b"\n                \xa0: precision:   0.00%" in done.stdout


TAGS = st.sampled_from(["B", "I", "O", "E", "S", ".", "[", "]", "", "X", "b"])
TYPES = st.sampled_from(["", "-", "-A", "-B", "-A-B", "-0", "-MISC", "-\u00e9", "-\0"])
LABELS = st.one_of(
    st.sampled_from(["O", "O", "B-A", "I-A", "B-B", "I-B"]),
    st.builds(lambda tag, type_: tag + type_, TAGS, TYPES),
)
# Pairs that agree often, for the rules about entities that are the same in both.
ROWS = st.one_of(
    LABELS.map(lambda label: ("w", label, label)),
    st.tuples(st.sampled_from(["w", "", "-X-", "\u00c5"]), LABELS, LABELS),
    st.just(()),
)
FLAGS = st.lists(st.sampled_from([["-l"], ["-r"], ["-o", "B-A"], ["-o", ""]]))


@settings(max_examples=150, deadline=None)
@given(st.lists(ROWS, max_size=60), FLAGS, st.sampled_from(["\n", "\r\n"]))
@example([("w", "B-A", "B-A"), ("w", ".-A", ".-A"), ("w", "O", "O")], [], "\n")
def test_perl_and_python_agree_on_random_tags(rows, flags, line_end):
    raw = "".join(" ".join(row) + line_end for row in rows).encode()
    flags = [argument for flag in flags for argument in flag]
    done = run("perl", flags, raw)
    assert (done.returncode, done.stdout) == score(raw, flags)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.text("ab -XBIO\r\t\u00a0\u0085\ufeff\0", max_size=8).map(str.encode)
        | st.binary(max_size=8),
        max_size=4,
    ),
    st.sampled_from([" ", "\t", "[ -]", "( )|X", "a"]),
)
@example([b"a", b""], " ")
@example([b"", b"a O O", b"-X-"], " ")
def test_perl_and_python_agree_on_any_lines(lines, delimiter):
    raw, flags = b"\n".join(lines), ["-d", delimiter]
    done = run("perl", flags, raw)
    assert (done.returncode, done.stdout) == score(raw, flags)


BIO_LABELS = st.lists(
    st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B", "I", "B"]), max_size=12
)


@given(st.lists(st.tuples(BIO_LABELS, BIO_LABELS)))
def test_counts_are_those_of_the_entities(sentences):
    rows, expected = [], {"gold": [], "found": []}
    for number, (gold, found) in enumerate(sentences):
        pairs = list(zip(gold, found))
        rows += [*pairs, None]
        for name, column in (("gold", 0), ("found", 1)):
            labels = [pair[column] for pair in pairs]
            expected[name] += [(number, e) for e in conll.entities(labels)]
    scores = conll_scores.evaluate(rows)
    overall = scores.overall
    assert overall.gold == len(expected["gold"])
    assert overall.found == len(expected["found"])
    assert overall.correct == len(set(expected["gold"]) & set(expected["found"]))


def test_measures_are_plain_numbers():
    rows = [("B-A", "B-A"), ("B-B", "O"), None, ("O", "B-A"), ("O", "O")]
    scores = conll_scores.evaluate(rows)
    assert (scores.tokens, scores.correct_tokens, scores.accuracy) == (4, 2, 50.0)
    assert scores.by_type == {
        "A": conll_scores.Counts(gold=1, found=2, correct=1),
        "B": conll_scores.Counts(gold=1, found=0, correct=0),
    }
    assert scores.overall == conll_scores.Counts(2, 2, 1)
    a, b = scores.by_type.values()
    assert (a.precision, a.recall) == (50.0, 100.0)
    assert a.f1 == pytest.approx(200 / 3)
    assert (b.precision, b.recall, b.f1) == (0.0, 0.0, 0.0)


def test_score_file_reads_what_the_command_reads():
    scores = conll_scores.score_file(str(GOLDEN / "bio_typed.in"))
    assert conll_scores.report(scores) == CASES[2]["stdout"]


def test_score_file_names_file_and_line():
    path = str(GOLDEN / "ragged.in")
    with pytest.raises(files.InputError, match=r"ragged\.in:2: columns: 2, but 3"):
        conll_scores.score_file(path)
