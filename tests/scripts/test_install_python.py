"""install.sh: which interpreter it takes, and how it gets one where there is none."""

import pytest

from kit import stand_ins
from kit.stand_ins import SHIM

machine = pytest.fixture(stand_ins.machine)


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
    machine.conda(base)
    machine.on_path("python3.11", "3.11.2")
    assert machine.which() == str(wanted)


def test_a_python_that_uv_installed_counts(machine):
    uvs = machine.home / ".local" / "share" / "uv" / "python"
    wanted = machine.python(uvs / "cpython-3.12.8-linux" / "bin" / "python3", "3.12.8")
    machine.on_path("python3.11", "3.11.2")
    assert machine.which() == str(wanted)


def test_without_python37_the_latest_version_that_will_do(machine):
    machine.on_path("python3.8", "3.8.10")
    machine.pyenv("3.9.18")
    assert "versions/3.9.18/" in machine.which()
    machine.pyenv("3.11.7")
    machine.on_path("python3.10", "3.10.1")
    assert "versions/3.11.7/" in machine.which()
    machine.pyenv("3.12.1")
    assert "versions/3.12.1/" in machine.which()
    machine.pyenv("3.13.0")
    machine.pyenv("3.14.0")
    assert "versions/3.13.0/" in machine.which()


@pytest.mark.parametrize("version", ["3.10.4", "3.12.3", "3.13.5"])
def test_plain_python3_counts_by_its_version(machine, version):
    machine.on_path("python3.8", "3.8.10")
    wanted = machine.on_path("python3", version)
    assert machine.which() == str(wanted)


def test_a_python_that_cannot_make_environments_is_passed_over(machine):
    machine.on_path("python3.11", "3.11.2", venv=False)
    wanted = machine.on_path("python3.9", "3.9.2")
    assert machine.which() == str(wanted)


def test_a_python_that_has_no_tensorflow_on_this_machine_is_passed_over(machine):
    machine.on_path("python3.7", "3.7.9", published=False)
    wanted = machine.on_path("python3.12", "3.12.2")
    assert machine.which() == str(wanted)
    line = machine.refusal(PYTHON="python3.7")
    assert "no TensorFlow was published on this machine" in line


def test_virtualenv_stands_in_for_a_missing_venv_module(machine):
    wanted = machine.on_path("python3.11", "3.11.2", venv=False, virtualenv=True)
    assert machine.which() == str(wanted)
    machine.said()
    assert (machine.repo / ".venv" / "bin" / "python").exists()


def test_uv_stands_in_for_a_missing_venv_module(machine):
    wanted = machine.on_path("python3", "3.11.2", venv=False)
    machine.uv("3.11.2")
    assert machine.which() == str(wanted)
    machine.said()
    assert (machine.repo / ".venv" / "bin" / "python").exists()


def test_debians_python_without_venv_gets_the_line_for_apt(machine):
    machine.on_path("python3", "3.11.2", venv=False)
    assert "python3 (Python 3.11.2) cannot make environments" in machine.refusal()
    assert "'apt install python3.11-venv'" in machine.refusal()
    assert "'apt install python3.11-venv'" in machine.refusal(PYTHON="3.11")
    assert "no usable Python 3.9 was found" in machine.refusal(PYTHON="3.9")


def test_nothing_suitable_says_what_to_install(machine):
    machine.on_path("python3", "3.14.1", venv=False)
    machine.on_path("python3.14", "3.14.1")
    line = machine.refusal()
    assert "no usable Python 3.7 to 3.13 was found (python3 is 3.14.1)" in line
    assert "pyenv install 3.13" in line
    assert not (machine.repo / ".venv").exists()


def test_a_machine_without_any_python_says_what_to_install(machine):
    assert "no usable Python 3.7 to 3.13 was found; install" in machine.refusal()


def test_uv_gets_a_python_where_there_is_none(machine):
    machine.uv("3.13.2")
    got = (
        machine.repo / ".venv-uv" / "python" / "cpython-3.13-linux" / "bin" / "python3"
    )
    finished = machine.run("--which")
    assert finished.stdout == f"{got}\n"
    assert finished.stderr == (
        f"install.sh: getting Python 3.13 by uv, into {machine.repo}/.venv-uv/python\n"
    )
    assert machine.run("--which").stderr == ""


def test_uv_gets_the_version_that_PYTHON_names(machine):
    machine.on_path("python3.11", "3.11.2")
    machine.uv("3.7.9")
    assert "cpython-3.7-linux" in machine.which(PYTHON="3.7")


def test_a_python_too_new_for_tensorflow_gets_uv_by_pip(machine):
    machine.on_path("python3", "3.14.1")
    uv = machine.uv("3.13.2", path=machine.folder / "packages" / "uv")
    finished = machine.run("--which", UV=str(uv))
    assert "cpython-3.13-linux" in finished.stdout
    assert "getting uv by pip" in finished.stderr
    (call,) = machine.pip_calls()
    assert call.endswith(" uv")


def test_conda_gets_a_python_where_there_is_none(machine):
    machine.conda(machine.folder / "base", "3.13.1")
    machine.uv()
    finished = machine.run("--which")
    assert finished.stdout == f"{machine.repo}/.venv-conda/bin/python\n"
    assert "getting Python 3.13 by conda" in finished.stderr


def test_conda_makes_the_version_that_PYTHON_names(machine):
    machine.conda(machine.folder / "base", "3.7.12")
    machine.on_path("python3.11", "3.11.2")
    assert machine.which(PYTHON="3.7") == f"{machine.repo}/.venv-conda/bin/python"


def test_a_conda_that_cannot_make_one_says_what_to_install(machine):
    machine.conda(machine.folder / "base")
    finished = machine.run("--which")
    asking, error = finished.stderr.splitlines()[::2]
    assert "getting Python 3.13 by conda" in asking
    assert "no usable Python 3.7 to 3.13 was found" in error


def test_a_usable_python_is_taken_without_asking_conda_for_another(machine):
    machine.conda(machine.folder / "base")
    wanted = machine.on_path("python3.11", "3.11.2")
    finished = machine.run("--which")
    assert (finished.stdout, finished.stderr) == (f"{wanted}\n", "")


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
    [("3.14.0", "is Python 3.14.0"), ("3.6.15", "is Python 3.6.15"), ("2.7.18", "2.7")],
)
def test_PYTHON_of_another_version_is_refused(machine, version, words):
    other = machine.python(machine.folder / "other", version)
    machine.on_path("python3.7", "3.7.9")
    line = machine.refusal(PYTHON=str(other))
    assert words in line
    assert "3.7 to 3.13" in line


def test_PYTHON_that_does_not_start_is_refused(machine):
    machine.on_path("python3.7", "3.7.9")
    assert "does not start" in machine.refusal(PYTHON="/no/such/python")
    shim = machine.script(machine.folder / "shim", SHIM)
    assert "does not start" in machine.refusal(PYTHON=str(shim))


def test_PYTHON_that_cannot_make_environments_is_refused(machine):
    other = machine.python(machine.folder / "other", "3.9.2", venv=False)
    assert "install its venv module" in machine.refusal(PYTHON=str(other))
