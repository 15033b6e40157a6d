"""install.sh: which interpreter it takes, and when it makes the environment anew.

The interpreters are small shell scripts on a PATH of their own, so nothing is fetched.
"""

import os
import shutil
import stat
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOOLS = (
    "bash",
    "basename",
    "cat",
    "cmp",
    "cp",
    "dirname",
    "find",
    "ls",
    "mkdir",
    "rm",
    "sed",
    "sh",
    "touch",
)

# Answers like the real thing: -c prints the version, -m venv makes a folder with an
# interpreter in it, -m pip notes in a log what it is asked for.
PYTHON = """#!/bin/sh
case "$1 $2" in
  -c*ensurepip*) exit {unusable} ;;
  -c*) echo {version} ;;
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && touch "$3/pyvenv.cfg" ;;
  "-m pip") shift 2; echo "$@" >>"$PIP_LOG"; exit ${{PIP_STATUS:-0}} ;;
esac
"""
SHIM = """#!/bin/sh
echo "pyenv: python3.7: command not found" >&2
exit 127
"""
CONDA = """#!/bin/sh
case "$1" in
  info) echo {base} ;;
  create)
    while [ $# -gt 0 ]; do
      [ "$1" = --prefix ] && prefix=$2
      shift
    done
    mkdir -p "$prefix/bin" && cp {python} "$prefix/bin/python" ;;
esac
"""


class Machine:
    """A copy of install.sh on a machine that has only what a test puts there."""

    def __init__(self, folder):
        self.folder = folder
        self.repo = folder / "repo"
        self.bin = folder / "bin"
        self.pip_log = folder / "pip.log"
        (self.repo / "tests").mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(os.path.join(ROOT, "install.sh"), str(self.repo))
        (self.repo / "requirements.txt").write_text("six\n")
        (self.repo / "tests" / "requirements.txt").write_text("pytest\n")
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))

    def script(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def python(self, path, version, usable=True):
        text = PYTHON.format(version=version, unusable=0 if usable else 1)
        return self.script(path, text)

    def on_path(self, name, version, **options):
        return self.python(self.bin / name, version, **options)

    def pyenv(self, version, root=".pyenv"):
        path = self.folder / "home" / root / "versions" / version / "bin" / "python"
        return self.python(path, version)

    def run(self, *arguments, **variables):
        environment = {
            "PATH": str(self.bin),
            "HOME": str(self.folder / "home"),
            "PIP_LOG": str(self.pip_log),
        }
        environment.update(variables)
        return subprocess.run(
            [str(self.repo / "install.sh")] + list(arguments),
            cwd=str(self.repo),
            env=environment,
            capture_output=True,
            text=True,
        )

    def which(self, **variables):
        finished = self.run("--which", **variables)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout.rstrip("\n")

    def refusal(self, *arguments, **variables):
        """The one line of a run that must stop with status 2."""
        finished = self.run(*arguments, **variables)
        assert finished.returncode == 2
        assert finished.stdout == ""
        assert finished.stderr.startswith("install.sh: error: ")
        assert finished.stderr.count("\n") == 1
        return finished.stderr

    def pip_calls(self):
        return self.pip_log.read_text().splitlines() if self.pip_log.exists() else []


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_a_python37_that_starts_comes_before_every_other(machine):
    machine.on_path("python3.11", "3.11.2")
    machine.pyenv("3.7.16")
    wanted = machine.on_path("python3.7", "3.7.9")
    assert machine.which() == str(wanted)


def test_a_shim_that_refuses_does_not_count(machine):
    machine.script(machine.bin / "python3.7", SHIM)
    machine.on_path("python3.11", "3.11.2")
    wanted = machine.pyenv("3.7.16")
    assert machine.which() == str(wanted)


def test_a_refusing_shim_does_not_hide_the_same_name_later_on_path(machine):
    shims = machine.folder / "shims"
    machine.script(shims / "python3.7", SHIM)
    wanted = machine.on_path("python3.7", "3.7.9")
    assert machine.which(PATH=f"{shims}:{machine.bin}") == str(wanted)


def test_pyenv_is_looked_for_where_pyenv_root_says(machine):
    wanted = machine.pyenv("3.7.16", root="elsewhere")
    root = machine.folder / "home" / "elsewhere"
    assert machine.which(PYENV_ROOT=str(root)) == str(wanted)


def test_an_environment_of_conda_comes_before_later_versions(machine):
    base = machine.folder / "conda base"
    wanted = machine.python(base / "envs" / "old" / "bin" / "python", "3.7.12")
    machine.python(base / "bin" / "python", "3.12.4")
    machine.script(machine.bin / "conda", CONDA.format(base=f"'{base}'", python="-"))
    machine.on_path("python3.11", "3.11.2")
    assert machine.which() == str(wanted)


def test_conda_without_python37_makes_one(machine):
    model = machine.python(machine.folder / "model", "3.7.12")
    base = machine.folder / "base"
    machine.script(machine.bin / "conda", CONDA.format(base=base, python=model))
    machine.on_path("python3.11", "3.11.2")
    assert machine.which() == str(machine.repo / ".venv-conda" / "bin" / "python")


def test_a_conda_that_cannot_make_one_is_passed_over_aloud(machine):
    base = machine.folder / "base"
    machine.script(machine.bin / "conda", CONDA.format(base=base, python="/no/such"))
    wanted = machine.on_path("python3.11", "3.11.2")
    finished = machine.run("--which")
    assert finished.stdout == f"{wanted}\n"
    assert "asking conda for Python 3.7" in finished.stderr


def test_without_python37_the_latest_version_that_will_do(machine):
    machine.on_path("python3.8", "3.8.10")
    machine.pyenv("3.9.18")
    assert "versions/3.9.18/" in machine.which()
    machine.pyenv("3.11.7")
    machine.on_path("python3.10", "3.10.1")
    assert "versions/3.11.7/" in machine.which()


def test_plain_python3_counts_by_its_version(machine):
    machine.on_path("python3.8", "3.8.10")
    wanted = machine.on_path("python3", "3.10.4")
    assert machine.which() == str(wanted)


def test_a_python_that_cannot_make_environments_is_passed_over(machine):
    machine.on_path("python3.11", "3.11.2", usable=False)
    wanted = machine.on_path("python3.9", "3.9.2")
    assert machine.which() == str(wanted)


def test_nothing_suitable_says_what_to_install(machine):
    machine.on_path("python3", "3.12.1")
    machine.on_path("python3.12", "3.12.1")
    line = machine.refusal()
    assert "no usable Python 3.7 to 3.11" in line
    assert "pyenv install 3.7" in line
    assert not (machine.repo / ".venv").exists()


def test_PYTHON_names_the_interpreter(machine):
    machine.on_path("python3.7", "3.7.9")
    wanted = machine.python(machine.folder / "my python", "3.9.1")
    assert machine.which(PYTHON=str(wanted)) == str(wanted)
    machine.on_path("python3.8", "3.8.1")
    assert machine.which(PYTHON="python3.8") == str(machine.bin / "python3.8")


def test_PYTHON_as_a_version_limits_the_search(machine):
    machine.on_path("python3.7", "3.7.9")
    wanted = machine.pyenv("3.11.7")
    assert machine.which(PYTHON="3.11") == str(wanted)
    assert "no usable Python 3.9 was found" in machine.refusal(PYTHON="3.9")


@pytest.mark.parametrize(
    "version, words",
    [("3.12.1", "is Python 3.12.1"), ("3.6.15", "is Python 3.6.15"), ("2.7.18", "2.7")],
)
def test_PYTHON_of_another_version_is_refused(machine, version, words):
    other = machine.python(machine.folder / "other", version)
    machine.on_path("python3.7", "3.7.9")
    line = machine.refusal(PYTHON=str(other))
    assert words in line
    assert "3.7 to 3.11" in line


def test_PYTHON_that_does_not_start_is_refused(machine):
    machine.on_path("python3.7", "3.7.9")
    assert "does not start" in machine.refusal(PYTHON="/no/such/python")
    shim = machine.script(machine.folder / "shim", SHIM)
    assert "does not start" in machine.refusal(PYTHON=str(shim))


def test_PYTHON_that_cannot_make_environments_is_refused(machine):
    other = machine.python(machine.folder / "other", "3.9.2", usable=False)
    assert "install its venv module" in machine.refusal(PYTHON=str(other))


def test_the_environment_is_made_once_and_found_again(machine):
    machine.on_path("python3.7", "3.7.9")
    first = machine.run()
    assert first.stdout == f"{machine.repo}/.venv/bin/python\n", first.stderr
    assert any(
        f"--requirement {machine.repo}/requirements.txt" in call
        for call in machine.pip_calls()
    )
    made = machine.pip_calls()
    second = machine.run()
    assert (second.stdout, second.stderr) == (first.stdout, "")
    assert machine.pip_calls() == made


def test_each_requirement_file_is_installed_when_it_is_new_or_changed(machine):
    machine.on_path("python3.7", "3.7.9")
    machine.run()
    before = len(machine.pip_calls())
    machine.run("tests/requirements.txt")
    assert "tests/requirements.txt" in machine.pip_calls()[before]
    machine.run()
    machine.run("tests/requirements.txt")
    assert len(machine.pip_calls()) == before + 1
    (machine.repo / "requirements.txt").write_text("six>1\n")
    machine.run()
    assert len(machine.pip_calls()) == before + 2


def test_a_failed_installation_is_made_anew(machine):
    machine.on_path("python3.7", "3.7.9")
    failed = machine.run(PIP_STATUS="1")
    assert failed.returncode == 2
    assert failed.stdout == ""
    left = machine.repo / ".venv" / "left-over"
    left.write_text("half a package")
    assert machine.run().returncode == 0
    assert not left.exists()
    assert not (machine.repo / ".venv" / "unfinished").exists()


def test_an_interrupted_making_is_noticed(machine):
    machine.on_path("python3.7", "3.7.9")
    assert machine.run().returncode == 0
    (machine.repo / ".venv" / "unfinished").write_text("")
    assert "making" in machine.run().stderr
    assert machine.run().stderr == ""


def test_an_interpreter_that_has_gone_is_replaced(machine):
    machine.on_path("python3.7", "3.7.9")
    machine.run()
    machine.script(machine.repo / ".venv" / "bin" / "python", SHIM)
    assert "making" in machine.run().stderr


def test_another_PYTHON_makes_the_environment_anew_and_none_keeps_it(machine):
    machine.on_path("python3.7", "3.7.9")
    machine.on_path("python3.11", "3.11.2")
    machine.run()
    finished = machine.run(PYTHON="3.11")
    assert "Python 3.11.2" in finished.stderr
    assert machine.run().stderr == ""
    assert machine.run(PYTHON="python3.11").stderr == ""


def test_VENV_keeps_environments_apart(machine):
    machine.on_path("python3.7", "3.7.9")
    other = machine.folder / "my environment"
    assert machine.run(VENV=str(other)).stdout == f"{other}/bin/python\n"
    inside = machine.run(VENV=".venv-other").stdout
    assert inside == f"{machine.repo}/.venv-other/bin/python\n"
    assert not (machine.repo / ".venv").exists()


def test_a_folder_made_by_somebody_else_is_never_emptied(machine):
    machine.on_path("python3.7", "3.7.9")
    home = machine.folder / "thesis"
    home.mkdir()
    (home / "chapter1.txt").write_text("precious")
    assert "not an environment made by" in machine.refusal(VENV=str(home))
    assert os.listdir(str(home)) == ["chapter1.txt"]


def test_a_missing_requirement_file_is_named(machine):
    machine.on_path("python3.7", "3.7.9")
    assert "no/such.txt" in machine.refusal("no/such.txt")
