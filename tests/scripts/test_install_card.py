"""install.sh on a machine with an NVIDIA card: which TensorFlow the card gets."""

import pytest
from packaging.requirements import Requirement

from kit import stand_ins
from kit.paths import ROOT

machine = pytest.fixture(stand_ins.machine)

RECENT = ("NVIDIA A100-SXM4-40GB", "8.0")
TURING = ("Tesla T4", "7.5")


@pytest.fixture
def both(machine):
    """A machine with Python 3.7 and 3.12."""
    machine.on_path("python3.7", "3.7.9")
    machine.on_path("python3.12", "3.12.3")
    return machine


def test_a_recent_card_gets_the_newest_python_and_cuda_by_pip(both):
    both.pyenv("3.13.0")
    both.card(*RECENT)
    said = both.said()
    assert "Python 3.13.0" in said
    assert both.installed() == ["requirements-gpu.txt"]
    assert "A100-SXM4-40GB, driver 550.54.14: CUDA 12 and cuDNN 9 for it come" in said
    assert "about 3500 MB to download (5 minutes at 10 MB/s)" in said
    assert both.said() == ""


def test_a_card_that_tensorflow1_can_use_gets_python37(both):
    both.card(*TURING)
    both.cuda10()
    said = both.said()
    assert "Python 3.7.9" in said
    assert "TensorFlow 1.15 uses it by the CUDA 10.0 of this machine" in said
    assert both.installed() == ["requirements.txt"]
    assert both.said() == ""


def test_cuda_10_is_found_where_the_loader_is_sent(both):
    both.card(*TURING)
    libraries = both.folder / "cuda-10.0"
    libraries.mkdir()
    (libraries / "libcudart.so.10.0").write_text("")
    assert both.which(LD_LIBRARY_PATH=f"/no/such:{libraries}").endswith("python3.7")


def test_without_cuda_10_a_turing_card_gets_cuda_by_pip(both):
    both.card(*TURING)
    assert both.which().endswith("python3.12")


def test_the_latest_of_several_cards_decides(both):
    both.cuda10()
    both.script(
        both.bin / "nvidia-smi",
        "#!/bin/sh\necho '7.0, 550.54.14, V100'\necho '8.0, 550.54.14, A100'\n"
        "echo '7.5, 550.54.14, T4'\n",
    )
    assert "A100, driver" in both.said()
    assert both.installed() == ["requirements-gpu.txt"]


@pytest.mark.parametrize(
    "setting, file", [("0", "requirements.txt"), ("1", "-gpu.txt")]
)
def test_GPU_decides_against_what_nvidia_smi_says(machine, setting, file):
    machine.on_path("python3.12", "3.12.3")
    if setting == "0":
        machine.card(*RECENT)
    machine.said(GPU=setting)
    assert machine.installed()[0].endswith(file)


def test_GPU_of_nonsense_is_refused(machine):
    assert "GPU=yes is neither 1" in machine.refusal(GPU="yes")


def test_GPU_0_makes_python37_do(both):
    both.card(*RECENT)
    assert both.which(GPU="0").endswith("python3.7")


def test_another_GPU_makes_the_environment_anew_and_none_keeps_it(machine):
    machine.on_path("python3.12", "3.12.3")
    machine.card(*RECENT)
    machine.said()
    assert "making" in machine.said(GPU="0")
    said = machine.said()
    assert "making" not in said
    assert "this environment does not use NVIDIA A100-SXM4-40GB; GPU=1" in said
    assert machine.said(GPU="0") == ""
    assert "making" in machine.said(GPU="1")
    (machine.bin / "nvidia-smi").unlink()
    assert machine.said() == ""


def test_an_environment_with_tensorflow1_says_how_a_recent_card_is_used(both):
    both.said()
    both.card(*RECENT)
    assert "PYTHON=3.13 ./install.sh makes one that does" in both.said()
    assert both.said(PYTHON="3.7") == ""


def test_python37_for_a_recent_card_says_that_it_does_not_use_it(both):
    both.card(*RECENT)
    said = both.said(PYTHON="3.7")
    assert "not used by TensorFlow 1.15, which needs CUDA 10.0" in said


def test_a_driver_too_old_for_cuda_12_is_said_and_costs_no_download(machine):
    machine.on_path("python3.12", "3.12.3")
    machine.card(*RECENT, driver="525.60.12")
    said = machine.said()
    assert (
        "driver 525.60.12: cannot be used: CUDA 12 needs driver 525.60.13 or later; "
        "update it, then run GPU=1 ./install.sh"
    ) in said
    assert machine.installed() == ["requirements.txt"]
    assert "cannot be used" in machine.said(GPU="1")
    assert machine.installed() == ["requirements-gpu.txt"]


@pytest.mark.parametrize("driver", ["525.60.13", "525.105.17", "535.54.03", "1000.1"])
def test_driver_versions_are_compared_as_numbers(machine, driver):
    machine.on_path("python3.12", "3.12.3")
    machine.card(*RECENT, driver=driver)
    assert "cannot be used" not in machine.said()


def test_a_card_older_than_the_builds_is_said(machine):
    machine.on_path("python3.12", "3.12.3")
    machine.card("GeForce GTX 980", "5.2")
    said = machine.said()
    assert "cannot be used: its compute capability 5.2 is below 6.0" in said
    assert machine.installed() == ["requirements.txt"]


def test_a_machine_for_which_there_is_no_cuda_build_is_said(machine):
    machine.on_path("python3.12", "3.12.3")
    machine.card("NVIDIA GH200 480GB", "9.0")
    machine.computer("Linux", "aarch64")
    assert "CUDA builds for Linux on x86_64 only" in machine.said()
    assert machine.installed() == ["requirements.txt"]


@pytest.mark.parametrize(
    "name, version",
    [
        ("Tesla V100-SXM2-16GB", "3.7"),
        ("GeForce GTX 1660 Ti", "3.7"),
        ("GeForce RTX 2080 Ti", "3.7"),
        ("Quadro RTX 6000", "3.7"),
        ("GeForce RTX 3090", "3.12"),
        ("A100-SXM4-40GB", "3.12"),
        ("RTX A6000", "3.12"),
    ],
)
def test_an_nvidia_smi_without_compute_cap_goes_by_the_name(both, name, version):
    both.cuda10()
    both.card(name, capability="", driver="525.60.13")
    finished = both.run("--which")
    assert finished.stdout.rstrip().endswith(f"python{version}")
    taken = f"the compute capability of {name} is unknown: taken for a recent card"
    assert (taken in finished.stderr) == (version == "3.12")


def test_an_nvidia_smi_without_a_driver_is_no_card(both):
    both.script(
        both.bin / "nvidia-smi",
        "#!/bin/sh\necho 'NVIDIA-SMI has failed because it could not talk'\nexit 9\n",
    )
    finished = both.run("--which")
    assert finished.stdout.rstrip().endswith("python3.7")
    assert "nvidia-smi finds no card: NVIDIA-SMI has failed" in finished.stderr


def test_an_nvidia_smi_without_devices_is_no_card(both):
    both.script(both.bin / "nvidia-smi", "#!/bin/sh\necho 'No devices were found'\n")
    assert both.which().endswith("python3.7")


@pytest.mark.parametrize(
    "version, words",
    [
        ("3.7.9", "not used by TensorFlow 1.15"),
        ("3.8.10", "used only with CUDA 11.8 and cuDNN 8 on this machine"),
    ],
)
def test_a_card_gets_a_later_python_where_none_brings_cuda(machine, version, words):
    machine.on_path("python3", version)
    machine.card(*RECENT)
    assert words in machine.said()
    machine.uv("3.13.2")
    assert "cpython-3.13-linux" in machine.which()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-gpu.txt"])
@pytest.mark.parametrize(
    "system, processor",
    [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")],
)
@pytest.mark.parametrize("minor", range(7, 14))
def test_every_python_has_exactly_one_tensorflow(name, system, processor, minor):
    environment = {
        "python_version": f"3.{minor}",
        "sys_platform": system,
        "platform_machine": processor,
    }
    text = (ROOT / name).read_text("utf-8").replace("\\\n", "")
    packages = [
        Requirement(line).name.split("-")[0]
        for line in text.splitlines()
        if line and not line.startswith("#")
        if Requirement(line).marker is None
        or Requirement(line).marker.evaluate(environment)
    ]
    assert sorted(set(packages) - {"protobuf"}) == ["numpy", "six", "tensorflow"]
    assert len(packages) == 3 + ("protobuf" in packages)
