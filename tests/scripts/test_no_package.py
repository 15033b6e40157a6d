"""pyproject.toml: pip refuses to install the suite, and says what to do instead."""

import shutil
import subprocess
import sys

import pytest

from kit.paths import ROOT


@pytest.mark.parametrize("editable", [False, True])
def test_pip_install_of_the_folder_says_what_to_do_instead(tmp_path, editable):
    # All that pip reads before it asks the backend; a copy keeps the folder clean.
    shutil.copy(str(ROOT / "pyproject.toml"), str(tmp_path))
    shutil.copytree(str(ROOT / ".ci"), str(tmp_path / ".ci"))
    options = ["--target", str(tmp_path / "installed"), "--no-build-isolation"]
    if editable:
        options = ["--editable"]
    finished = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps"]
        + [*options, str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert finished.returncode != 0
    said = finished.stdout + finished.stderr
    assert "Traceback" not in said
    assert "this suite is not a package but is run from its folder" in said
    assert not (tmp_path / "installed").exists()
