"""install.sh: when it makes the environment anew, and what it installs there."""

import os

import pytest

from kit import stand_ins
from kit.stand_ins import SHIM

machine = pytest.fixture(stand_ins.machine)


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
    (machine.repo / "requirements.txt").write_text("tensorflow-cpu==1\nsix>1\n")
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


def test_the_size_of_the_download_is_said_before_it(machine):
    machine.on_path("python3.12", "3.12.3")
    said = machine.said().splitlines()
    assert (
        "installing requirements.txt: about 340 MB to download (34 seconds" in said[1]
    )
    assert "at 10 MB/s" in said[1]
    assert "MB" not in machine.said("tests/requirements.txt")


def test_another_tensorflow_is_not_installed_over_the_old_one(machine):
    machine.on_path("python3.12", "3.12.3")
    machine.said()
    (machine.repo / "requirements.txt").write_text("tensorflow-cpu==2\nsix\n")
    assert "making" in machine.said()
    assert machine.said() == ""


def test_horovod_is_compiled_for_the_tensorflow_that_is_there(machine):
    machine.on_path("python3.11", "3.11.7")
    finished = machine.run("--with=horovod")
    assert finished.stderr.splitlines()[-1] == (
        "install.sh: error: Horovod is compiled here and needs cmake, make and g++:"
        " cmake is missing"
    )
    for tool in ("cmake", "make", "g++"):
        machine.script(machine.bin / tool, "#!/bin/sh\n")
    said = machine.said("--with=horovod", "tests/requirements.txt")
    assert said.endswith("compiling Horovod for this TensorFlow: 4 to 7 minutes\n")
    assert machine.installed() == ["finetuning/requirements-horovod.txt"]
    assert "--no-build-isolation" in machine.pip_calls()[-1]
    assert machine.said("--with=horovod") == ""


@pytest.mark.parametrize("version, gpu", [("3.12.3", "0"), ("3.11.7", "1")])
def test_tensorflow_without_a_horovod_is_refused_beforehand(machine, version, gpu):
    machine.on_path("python3", version)
    machine.card("a card", "8.0")
    refusal = machine.refusal("--with=horovod", PYTHON=version[:4], GPU=gpu)
    assert "Horovod supports TensorFlow up to 2.15; " in refusal
    assert not (machine.repo / ".venv").exists()


def test_what_tensorflow_sees_is_said_once_it_is_installed(machine):
    machine.on_path("python3.12", "3.12.3")
    assert machine.said().endswith("install.sh: TensorFlow 0.0 starts\n")


def test_a_tensorflow_that_does_not_start_is_an_error_of_one_line(machine):
    machine.on_path("python3.12", "3.12.3")
    finished = machine.run(TENSORFLOW_STATUS="132")
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.splitlines()[2:] == [
        "install.sh: error: TensorFlow was installed but does not start (status 132): "
        "Illegal instruction"
    ]
    assert "making" in machine.said()


def test_an_activated_environment_is_not_made_from_itself(machine):
    wanted = machine.on_path("python3.12", "3.12.3")
    machine.said()
    (machine.repo / ".venv" / "unfinished").write_text("")
    inside = machine.repo / ".venv" / "bin"
    (inside / "python3.12").symlink_to(inside / "python")
    said = machine.said(PATH=f"{inside}:{machine.bin}")
    assert f"with {wanted}," in said


def test_an_environment_of_the_users_own_gets_what_the_card_needs(machine):
    machine.python(machine.repo / ".venv" / "bin" / "python", "3.12.3")
    machine.card("NVIDIA A100-SXM4-40GB", "8.0")
    assert "making" not in machine.said()
    assert machine.installed() == ["requirements-gpu.txt"]
