"""Wrong input of the two scorers, conlleval.py and conlleval.pl."""

import os

import pytest

from kit.wrong_input import (
    HUGE,
    Workspace,
    cases_of,
    give,
    line,
    names_of,
    put,
    stdout,
)

ROWS = [
    ("empty argument", [give("")], "unknown argument"),
    ("nonsense flag", [give("--no")], "--no: unknown argument; usage: "),
    ("no delimiter", [give("-d")], "-d: a value must follow; usage: "),
    ("nonsense delimiter", [give("-d", "(")], "-d: '.' is not a regular expr"),
    (
        "one column",
        [put("table.txt", "a\nb\n")],
        "standard input:1: one column where a gold and a predicted label are",
    ),
    (
        "10 MB in a line",
        [line("table.txt", 1, HUGE)],
        "standard input:1: one column",
    ),
    (
        "NUL",
        [put("table.txt", "a\0B\0B\n")],
        "standard input:1: one column",
    ),
    ("full disk", [stdout("/dev/full")], "standard output: cannot be written"),
]
# Nothing is wrong with one scorer that is right with the other.
SCRIPTS = ("biocodes/conlleval.py", "biocodes/conlleval.pl")
CASES = [case for script in SCRIPTS for case in cases_of(script, *ROWS)]


@pytest.mark.parametrize("case", CASES, ids=names_of(CASES))
def test_wrong_input_is_one_line(case, refused, as_new_command):
    refused(case, as_new_command)


@pytest.mark.parametrize("name", sorted(name for name, _, _ in ROWS))
def test_both_scorers_say_the_same(name, good_input, as_new_command, tmp_path):
    errors = set()
    for case in CASES:
        if case.name == name:
            workspace = Workspace(good_input, tmp_path / case.script, case.script)
            for change in case.changes:
                change(workspace)
            script = os.path.basename(case.script)
            error = as_new_command(case.script, workspace).error
            errors.add(error.replace(script, "SCRIPT"))
    assert len(errors) == 1
