"""device.py: the cores that may be used, and why a card that is there is not."""

import logging
import os
import stat

import pytest

from biocodes.lib.files import InputError
from finetuning import cores, device

# As TensorFlow 1.15, 2.15 and 2.21 write it; shortened.
TF_1 = (
    "W tensorflow/stream_executor/platform/default/dso_loader.cc:55] Could not load "
    "dynamic library 'libcudart.so.10.0'; dlerror: libcudart.so.10.0: cannot open\n"
    "W tensorflow/stream_executor/platform/default/dso_loader.cc:55] Could not load "
    "dynamic library 'libcudnn.so.7'; dlerror: libcudnn.so.7: cannot open shared\n"
    "W tensorflow/core/common_runtime/gpu/gpu_device.cc:1641] Cannot dlopen some GPU "
    "libraries. Please make sure the missing libraries mentioned above are installed\n"
)
TF_2 = (
    "I external/local_tsl/tsl/cuda/cudart_stub.cc:31] Could not find cuda drivers on "
    "your machine, GPU will not be used.\n"
    "W tensorflow/compiler/tf2tensorrt/utils/py_utils.cc:38] TF-TRT Warning: Could not "
    "find TensorRT\n"
)


@pytest.mark.parametrize(
    "lines, reason",
    [
        (TF_1, "it does not find libcudart.so.10.0, libcudnn.so.7"),
        (TF_2, "its CUDA libraries find no driver or no card"),
        (
            "W gpu_device.cc:2256] Cannot dlopen some GPU libraries.\n",
            "its CUDA or cuDNN libraries are not found",
        ),
        (
            "failed call to cuInit: CUDA driver version is insufficient for CUDA "
            "runtime version",
            "the NVIDIA driver is too old for its CUDA",
        ),
        (
            "Could not load dynamic library 'libnvinfer.so.7'; dlerror\n" + TF_2,
            "its CUDA libraries find no driver or no card",
        ),
        ("", "it does not say why; TF_CPP_MIN_LOG_LEVEL=0 shows all that it writes"),
    ],
)
def test_reason_is_found_in_what_tensorflow_writes(lines, reason):
    assert device.reason_in(lines) == reason


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """nvidia_smi(script): lets a stand-in of that name answer."""

    def stand_in(script):
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    return stand_in


@pytest.fixture
def no_gpus(monkeypatch):
    monkeypatch.setattr(
        device.tf.config.experimental, "list_physical_devices", lambda kind: []
    )


def test_card_is_the_first_that_nvidia_smi_lists(nvidia_smi):
    nvidia_smi("echo NVIDIA A100; echo NVIDIA T4")
    assert device.find_card() == "NVIDIA A100"


@pytest.mark.parametrize("script", ["exit 9", "echo 'no devices'; exit 6", "true"])
def test_nvidia_smi_without_an_answer_is_no_card(nvidia_smi, script):
    nvidia_smi(script)
    assert device.find_card() is None


def test_card_that_is_not_used_is_named_with_the_reason(
    nvidia_smi, no_gpus, caplog, monkeypatch
):
    nvidia_smi("echo NVIDIA A100")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.setattr(device.log, "propagate", True)
    caplog.set_level(logging.INFO, device.log.name)
    device.report_device(require_gpu=False)
    assert caplog.messages[-1].startswith("NVIDIA A100 is not used by TensorFlow ")
    assert "CUDA_VISIBLE_DEVICES=-1 hides it" in caplog.messages[-1]
    with pytest.raises(InputError, match="finds no GPU though there is NVIDIA A100: C"):
        device.report_device(require_gpu=True)


def test_tensorflow_itself_is_asked_why(nvidia_smi, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(device.tf.test, "is_built_with_cuda", lambda: True)
    monkeypatch.setattr(
        device, "_ASK", f"import sys; sys.stderr.write({TF_1!r}); sys.exit(1)"
    )
    assert device.why_unused() == "it does not find libcudart.so.10.0, libcudnn.so.7"


def test_tensorflow_without_cuda_says_so(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(device.tf.test, "is_built_with_cuda", lambda: False)
    assert "built without CUDA" in device.why_unused()


@pytest.mark.parametrize(
    "contents, quota",
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        (
            {
                "cpu/cpu.cfs_quota_us": "400000\n",
                "cpu/cpu.cfs_period_us": "100000\n",
            },
            4.0,
        ),
        (
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
            None,
        ),
        ({"cpu.max": "odd\n"}, None),
        ({}, None),
    ],
)
def test_quota_of_a_container_is_read(tmp_path, contents, quota):
    (tmp_path / "cpu").mkdir()
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
    assert cores._cgroup_quota(str(tmp_path)) == quota


def test_cores_are_those_that_may_be_used(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(8), raising=False)
    monkeypatch.setattr(cores, "_cgroup_quota", lambda: None)
    assert cores.usable_cores() == 8
    monkeypatch.setattr(cores, "_cgroup_quota", lambda: 2.5)
    assert cores.usable_cores() == 3
    monkeypatch.setattr(cores, "_cgroup_quota", lambda: 0.1)
    assert cores.usable_cores() == 1


def test_device_is_named_and_a_missing_gpu_can_be_an_error(caplog, monkeypatch):
    caplog.set_level(logging.INFO, "biobert")
    monkeypatch.setattr(device, "find_card", lambda: None)
    device.report_device(require_gpu=False)
    assert len(caplog.records) == 1
    assert caplog.records[0].getMessage().startswith("device: ")
    if device.tf.config.experimental.list_physical_devices("GPU"):
        device.report_device(require_gpu=True)
    else:
        with pytest.raises(InputError, match="^--require_gpu: .* finds no GPU"):
            device.report_device(require_gpu=True)
