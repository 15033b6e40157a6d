"""examples/show_entities.py: the sentences that the quickstart ends with."""

import os

import pytest

RESULT = """\
The O O
ataxia B-MISC B-MISC
- I-MISC I-MISC
telangiectasia I-MISC I-MISC
gene O O

Nothing B-MISC O

APC B-MISC B-MISC
cancer B-MISC B-MISC

naïve O I-Disease
aspirin O B-Chemical
"""


@pytest.fixture
def show(run_command, tmp_path):
    """show(*arguments, encoding) → Finished."""
    result = tmp_path / "NER_result_conll.txt"
    result.write_text(RESULT, encoding="utf-8")

    def run(*arguments, encoding="utf-8"):
        return run_command(
            "examples/show_entities.py",
            f"--result_path={result}",
            *arguments,
            env=dict(os.environ, PYTHONIOENCODING=encoding),
        )

    return run


def test_the_predicted_entities_are_marked_and_sentences_without_are_left_out(show):
    shown = show()
    assert (shown.status, shown.stderr) == (0, "")
    assert shown.stdout.splitlines() == [
        "The [[ataxia - telangiectasia]] gene",
        "[[APC]] [[cancer]]",
        "[[naïve|Disease]] [[aspirin|Chemical]]",
    ]


def test_no_more_sentences_than_asked_for(show):
    assert show("--sentences=2").stdout.count("\n") == 2
    assert show("--sentences=0").stdout == ""


def test_what_the_terminal_cannot_show_is_escaped(show):
    assert "[[na\\xefve|Disease]]" in show(encoding="ascii").stdout


def test_a_missing_file_gets_one_line(show):
    shown = show("--result_path=none.txt")
    assert shown.error.startswith("show_entities.py: error: none.txt: cannot be read")


def test_a_number_below_0_gets_one_line(show):
    assert "--sentences must be 0 or more, not -1" in show("--sentences=-1").error
