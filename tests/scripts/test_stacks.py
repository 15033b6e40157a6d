"""tests/kit/stacks.py: which tests a stack in the middle of .ci/run leaves out."""

import re
import subprocess
import sys

from kit import stacks
from kit.paths import TESTS

FILES = [
    "test_at_the_top.py",
    "biocodes/test_conlleval.py",
    "biocodes/test_convert_checkpoint_flags.py",
    "core/test_modeling.py",
    "scripts/test_install.py",
]


def collected(folder, *options):
    command = [sys.executable, "-m", "pytest", "--collect-only", "-qq"]
    finished = subprocess.run(
        [*command, "-p", "no:cacheprovider", *options],
        cwd=str(folder),
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return sorted(re.findall(r"^tests/(\S+\.py)", finished.stdout, re.M))


def test_what_needs_no_tensorflow_is_left_out_on_demand(tmp_path):
    tests = tmp_path / "tests"
    for name in FILES:
        (tests / name).parent.mkdir(parents=True, exist_ok=True)
        (tests / name).write_text("def test(): pass\n")
    (tests / "conftest.py").write_text("pytest_plugins = ['kit.stacks']\n")
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\ntestpaths = tests\npythonpath = {TESTS}\n"
    )
    assert collected(tmp_path) == sorted(FILES)
    assert collected(tmp_path, "--tensorflow_only") == [
        "biocodes/test_convert_checkpoint_flags.py",
        "core/test_modeling.py",
        "test_at_the_top.py",
    ]


def test_what_is_left_out_does_not_import_tensorflow():
    files = [
        path
        for folder in stacks.FOLDERS
        for path in (TESTS / folder).glob("test_*.py")
        if not path.name.startswith(stacks.EXCEPTIONS)
    ]
    assert files
    for path in files:
        assert not re.search(r"^\s*import tensorflow", path.read_text("utf-8"), re.M)
