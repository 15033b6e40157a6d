"""Wrong flags and places, given to download.sh and install.sh."""

import sys

import pytest

from kit.wrong_input import (
    cases_of,
    give,
    names_of,
    set_variables,
)

CASES = [
    *cases_of(
        "download.sh",
        (
            "nonsense name",
            [give("nonsense")],
            "no data sets are called 'nonsense'; see",
        ),
        ("no name", [give("weights")], "weights of which NAME"),
        (
            "too much",
            [give("weights", "biobert_v1.0_pmc", "more")],
            "too much on the command line",
        ),
        (
            "folder that cannot be written",
            [set_variables(BIOBERT_DATA="/proc/nowhere/datasets")],
            "/proc/nowhere cannot be written",
        ),
    ),
    *cases_of(
        "install.sh",
        (
            "missing requirements",
            [give("{here}/no.txt")],
            "/no.txt: no such requirement file",
        ),
        ("nonsense flag", [give("--nonsense")], "no such flag: --nonsense; see "),
        (
            "folder that cannot be written",
            [set_variables(VENV="/proc/nowhere/venv", PYTHON=sys.executable)],
            "/proc/nowhere/venv cannot be written",
        ),
        (
            "an interpreter that is none",
            [set_variables(VENV="/proc/nowhere/venv", PYTHON="/dev/null")],
            "PYTHON=/dev/null does not start; name a Python 3.7 to 3.13",
        ),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=names_of(CASES))
def test_wrong_command_is_one_line(case, refused, as_new_command):
    refused(case, as_new_command)
