"""kit/wrong_input.py: what is no refusal, or leaves a trace, does not pass for one."""

import collections
import re
import subprocess
import sys

import pytest

from kit.finished import Finished
from kit.paths import ROOT, TESTS
from kit.wrong_input import Case, Workspace, cases_of, check_refusal, names_of, put

LINE = "re_eval.py: error: scores/test.tsv: it is empty\n"
EMPTY = Case(
    "biocodes/re_eval.py", "empty", [put("scores/test.tsv", "")], "test.tsv: it is emp"
)
REFUSED = Finished(2, "", f"INFO:tensorflow:device: CPU\n{LINE}")


def leave_alone(here):
    pass


def write(here):
    (here / "new.txt").write_text("")


def rewrite(here):
    path = here / "out" / "test_scores.txt"
    path.write_bytes(path.read_bytes())


@pytest.fixture
def check(good_input, tmp_path):
    """check(done, trace, case): a script that leaves this trace ends so."""

    def check(done, trace=leave_alone, case=EMPTY):
        def execute(script, workspace):
            assert (workspace.here / "scores" / "test.tsv").read_bytes() == b""
            trace(workspace.here)
            return done

        workspace = Workspace(good_input, tmp_path / "here", case.script)
        check_refusal(case, workspace, execute)

    return check


def test_one_line_and_no_trace_is_a_refusal(check):
    check(REFUSED)


def test_files_that_a_case_names_may_appear(check):
    check(REFUSED, write, EMPTY._replace(written=("new.txt",)))


def test_files_that_a_case_names_have_to_appear(check):
    with pytest.raises(AssertionError):
        check(REFUSED, case=EMPTY._replace(written=("new.txt",)))


@pytest.mark.parametrize(
    "done, trace",
    [
        (REFUSED._replace(status=0), leave_alone),
        (REFUSED._replace(status=1), leave_alone),
        (REFUSED._replace(stdout="0.5\n"), leave_alone),
        (REFUSED._replace(stderr=""), leave_alone),
        (REFUSED._replace(stderr=LINE * 2), leave_alone),
        (REFUSED._replace(stderr=f"Traceback:\n{LINE}"), leave_alone),
        (REFUSED._replace(stderr=LINE.replace("re_eval", "run_re")), leave_alone),
        (REFUSED._replace(stderr=LINE.replace("empty", "short")), leave_alone),
        (REFUSED._replace(stderr=LINE.strip() + "x" * 3000 + "\n"), leave_alone),
        (REFUSED, write),
        (REFUSED, rewrite),
        (REFUSED, lambda here: (here / "out" / "test_scores.txt").unlink()),
        (REFUSED, lambda here: (here / "new").mkdir()),
    ],
)
def test_anything_else_is_none(done, trace, check):
    with pytest.raises(AssertionError):
        check(done, trace)


def test_names_of_cases_are_unique():
    cases = cases_of("x.py", ("a", [], ""), ("b", [], ""))
    assert names_of(cases) == ["x.py: a", "x.py: b"]
    with pytest.raises(AssertionError, match="x.py: a"):
        names_of([*cases, *cases_of("x.py", ("a", [], ""))])


def test_readme_counts_the_cases():
    options = ["-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, *options, "tests/commands"],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    cases = re.findall(r"^tests/commands/([^:]+)::", done.stdout, re.MULTILINE)
    counts = collections.Counter(cases)
    readme = (TESTS / "README.md").read_text(encoding="utf-8")
    table = {
        name: int(count)
        for name, count in re.findall(r"\| (test_\w+\.py) \| (\d+) \|", readme)
    }
    hostile = re.compile(r"test_(wrong_|odd_|interrupted_|mutated_)\w+\.py")
    assert table == {name: counts[name] for name in counts if hostile.fullmatch(name)}
