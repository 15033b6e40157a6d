"""examples/show_entities.py: the sentences that the quickstart ends with."""

import os
import subprocess
import sys

from kit import paths

SCRIPT = os.path.join(
    str(paths.ROOT),
    "examples",
    "show_entities.py",
)
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


def show(tmp_path, *arguments):
    result = tmp_path / "NER_result_conll.txt"
    result.write_text(RESULT, encoding="utf-8")
    return subprocess.run(
        [sys.executable, SCRIPT, f"--result_path={result}"] + list(arguments),
        env=dict(os.environ, PYTHONIOENCODING="utf-8"),
        capture_output=True,
        encoding="utf-8",
    )


def test_the_predicted_entities_are_marked_and_sentences_without_are_left_out(tmp_path):
    shown = show(tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.splitlines() == [
        "The [[ataxia - telangiectasia]] gene",
        "[[APC]] [[cancer]]",
        "[[naïve|Disease]] [[aspirin|Chemical]]",
    ]


def test_no_more_sentences_than_asked_for(tmp_path):
    assert show(tmp_path, "--sentences=2").stdout.count("\n") == 2


def test_a_missing_file_gets_one_line(tmp_path):
    shown = show(tmp_path, "--result_path=none.txt")
    assert shown.returncode == 2
    assert shown.stderr.startswith("show_entities.py: error: none.txt: cannot be read")
    assert shown.stderr.count("\n") == 1
