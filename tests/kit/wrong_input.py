"""Wrong input: how a case is written, laid out, run and checked.

A case is a row: what is wrong, how that is made of good input, what the error says.

    CASES = cases_of(
        "run_ner.py",
        ("one column", [line("ner/train_dev.tsv", 3, "alone")], "train_dev.tsv:3: one"),
        ("seed below 0", [give("--seed=-1")], "--seed: must be 0 or more, not -1"),
    )

    @pytest.mark.parametrize("case", CASES, ids=names_of(CASES))
    def test_wrong_corpus_is_one_line(case, refused):
        refused(case)

Each case gets a copy of the good input of small_input.py, or of what a run has left of
it, to spoil. The script must then write one line to standard error that says what and
where, end with status 2, and leave every file and folder as it was. The fixtures that
run cases are in commands/conftest.py.
"""

import contextlib
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import pytest

from kit.finished import Finished
from kit.golden import NER_MODEL, QA_MODEL, RE_MODEL
from kit.paths import ROOT
from kit.small_input import COMMANDS

HUGE = b"x" * 10000000
# An error line is read on a terminal; the text that it quotes may have megabytes.
LONGEST_LINE = 3000
_STARTERS = {".py": sys.executable, ".pl": "perl", ".sh": "bash"}


class Workspace:
    """A copy of good input, and the command that a script is to be run by in it.

    Attributes:
      here: the folder.
      arguments: of the script; "{here}" in them stands for the folder.
      stdin: file for its standard input.
      stdout: file that its standard output goes to, or None.
      limits: resource ("RLIMIT_FSIZE") → the most that the script may use.
      variables: of its environment, beside those of the tests.
    """

    def __init__(self, source: pathlib.Path, here: pathlib.Path, script: str) -> None:
        shutil.copytree(str(source), str(here))
        self.here = here
        self.arguments: List[str] = list(COMMANDS.get(script, []))
        self.stdin = here / "table.txt"
        self.stdout: Optional[str] = None
        self.limits: Dict[str, int] = {}
        self.variables: Dict[str, str] = {}

    def command(self) -> List[str]:
        """Return the arguments as the script gets them."""
        return [argument.format(here=self.here) for argument in self.arguments]


Change = Callable[[Workspace], None]


class Case(NamedTuple):
    """One kind of wrong input.

    Attributes:
      script: path below the suite's folder.
      name: what is wrong.
      changes: functions that make it so in a Workspace.
      message: regular expression that is searched for in the error line.
      written: files or empty folders, below the workspace's, that appear all the same.
    """

    script: str
    name: str
    changes: Sequence[Change]
    message: str
    written: Tuple[str, ...] = ()


def cases_of(script: str, *rows: Any, base: Sequence[Change] = ()) -> List[Case]:
    """Make the cases of one script.

    Args:
      script: path below the suite's folder.
      rows: name, changes, message and perhaps written of each, see Case.
      base: changes that come before those of each case.
    """
    return [
        Case(script, name, [*base, *changes], *more) for name, changes, *more in rows
    ]


def cases_called(cases: Sequence[Case], *names: str) -> List[Case]:
    """Return the cases of these names, in that order."""
    by_name = {case.name: case for case in cases}
    return [by_name[name] for name in names]


def names_of(cases: Sequence[Case]) -> List[str]:
    """Name each case for pytest; a name that occurs twice is an error."""
    names = [f"{os.path.basename(case.script)}: {case.name}" for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, twice
    return names


# Changes


def put(path: str, content: Any) -> Change:
    """Give a file other content, text or bytes; None removes it."""

    def change(workspace: Workspace) -> None:
        file = workspace.here / path
        if content is None:
            file.unlink()
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(_raw(content))

    return change


def _raw(content: Any) -> bytes:
    return content if isinstance(content, bytes) else content.encode("utf-8")


def put_json(path: str, value: Any) -> Change:
    """Make a JSON file of a value."""
    return put(path, json.dumps(value))


def cut(path: str, size: int) -> Change:
    """Keep only the first bytes of a file."""

    def change(workspace: Workspace) -> None:
        file = workspace.here / path
        file.write_bytes(file.read_bytes()[:size])

    return change


def line(path: str, number: int, content: Any) -> Change:
    """Replace a line of a file by text or bytes; number: from 1."""

    def change(workspace: Workspace) -> None:
        file = workspace.here / path
        lines = file.read_bytes().split(b"\n")
        lines[number - 1] = _raw(content)
        file.write_bytes(b"\n".join(lines))

    return change


def recode(path: str, encoding: str) -> Change:
    """Write a file in another encoding than UTF-8."""

    def change(workspace: Workspace) -> None:
        file = workspace.here / path
        file.write_bytes(file.read_text(encoding="utf-8").encode(encoding))

    return change


def become_folder(path: str) -> Change:
    """Put an empty folder where a file is."""

    def change(workspace: Workspace) -> None:
        (workspace.here / path).unlink()
        (workspace.here / path).mkdir()

    return change


def unreadable(path: str) -> Change:
    """Put a file there that even root can open but not read."""

    def change(workspace: Workspace) -> None:
        if not os.path.exists("/proc/self/mem"):
            pytest.skip("needs /proc")
        (workspace.here / path).unlink()
        (workspace.here / path).symlink_to("/proc/self/mem")

    return change


def forbidden(path: str) -> Change:
    """Take the permission to read a file."""

    def change(workspace: Workspace) -> None:
        if os.geteuid() == 0:
            pytest.skip("root may read everything")
        (workspace.here / path).chmod(0)

    return change


def config(**changes: Any) -> Change:
    """Change values of the model's bert_config.json; ... removes a key."""

    def change(workspace: Workspace) -> None:
        file = workspace.here / "model" / "bert_config.json"
        values = {**json.loads(file.read_text()), **changes}
        values = {key: value for key, value in values.items() if value is not ...}
        file.write_text(json.dumps(values))

    return change


def give(*flags: str) -> Change:
    """Add flags; of a flag that is given twice the last counts."""
    return lambda workspace: workspace.arguments.extend(flags)


def instead(*flags: str) -> Change:
    """Replace all flags."""
    return lambda workspace: workspace.arguments.__setitem__(slice(None), flags)


def stdout(path: str) -> Change:
    """Let standard output go to a file, such as a device that is full."""

    def change(workspace: Workspace) -> None:
        if not os.path.exists(path):
            pytest.skip(f"needs {path}")
        workspace.stdout = path

    return change


def set_variables(**variables: str) -> Change:
    """Set variables of the environment."""
    return lambda workspace: workspace.variables.update(variables)


def full_disk(size: int = 50) -> Change:
    """Let no file become larger than so many bytes."""
    return lambda workspace: workspace.limits.update(RLIMIT_FSIZE=size)


def predict_with(model: pathlib.Path) -> Change:
    """Predict alone, with a fine-tuned model that lies in the output folder.

    Args:
      model: prefix of its checkpoint.
    """

    def change(workspace: Workspace) -> None:
        for path in model.parent.glob(f"{model.name}.*"):
            shutil.copy(str(path), str(workspace.here / "out"))
        workspace.arguments += ["--do_train=false", "--init_checkpoint="]

    return change


PREDICT_NER = predict_with(NER_MODEL)
PREDICT_RE = predict_with(RE_MODEL)
PREDICT_QA = predict_with(QA_MODEL)


# Running and checking

Execute = Callable[[str, Workspace], Finished]


def run_as_process(script: str, workspace: Workspace) -> Finished:
    """Run a script as a process that starts from nothing."""
    limits, output = workspace.limits, workspace.stdout

    def limit() -> None:
        for name, most in limits.items():
            resource.setrlimit(getattr(resource, name), (most, most))

    source = workspace.stdin if workspace.stdin.exists() else os.devnull
    starter = _STARTERS[os.path.splitext(script)[1]]
    with contextlib.ExitStack() as stack:
        done = subprocess.run(
            [starter, str(ROOT / script), *workspace.command()],
            stdin=stack.enter_context(open(str(source), "rb")),
            stdout=stack.enter_context(open(output, "wb"))
            if output
            else subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **workspace.variables},
            preexec_fn=limit if limits else None,
            timeout=120,
        )
    texts = ((text or b"").decode() for text in (done.stdout, done.stderr))
    return Finished(done.returncode, *texts)


def check_refusal(case: Case, workspace: Workspace, execute: Execute) -> None:
    """Spoil the input and check that the script refuses it, see above."""
    for change in case.changes:
        change(workspace)
    before = snapshot(workspace.here)
    done = execute(case.script, workspace)
    name = os.path.basename(case.script)
    assert done.error.startswith(f"{name}: error: ")
    assert re.search(case.message, done.error), done.error
    assert done.stdout == "" and len(done.error) < LONGEST_LINE
    after = snapshot(workspace.here)
    for path in case.written:
        assert path in after
        del after[path]
    assert after == before


def snapshot(folder: pathlib.Path) -> Dict[str, Any]:
    """Map each path below a folder to what is there: a file's content and time.

    Links and locks are left out; a folder has None.
    """
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        if path.is_file()
        else None
        for path in folder.rglob("*")
        if not path.is_symlink() and not path.name.startswith(".lock")
    }
