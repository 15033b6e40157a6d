"""What TensorFlow computes on, and why a card that is there is not used.

TensorFlow says on standard error why it takes no card, in lines that are switched off
(TF_CPP_MIN_LOG_LEVEL) because there are so many others. When a card is there and
TensorFlow lists none, it is asked once more, in a process of its own, with them on.
"""

import os
import re
import shutil
import subprocess
import sys
from typing import Optional

import tensorflow.compat.v1 as tf

from biocodes.lib import files
from finetuning.console import log
from finetuning.cores import cpu_name

# Seconds that nvidia-smi, or TensorFlow once more, may take.
PATIENCE = 60
_ASK = "import tensorflow as tf; tf.config.experimental.list_physical_devices('GPU')"
_MISSING_LIBRARY = re.compile(r"[Cc]ould not load dynamic library '([^']+)'")
# What TensorFlow writes → what it means.
_REASONS = (
    (
        re.compile(r"driver version is insufficient|CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"),
        "the NVIDIA driver is too old for its CUDA",
    ),
    (
        re.compile(r"Cannot dlopen some GPU libraries"),
        "its CUDA or cuDNN libraries are not found",
    ),
    (
        re.compile(r"Could not find cuda drivers|CUDA_ERROR_NO_DEVICE"),
        "its CUDA libraries find no driver or no card",
    ),
    (
        re.compile(r"Ignoring visible gpu device .*compute capability ([\d.]+)"),
        "it was built for other compute capabilities",
    ),
)


def report_device(require_gpu: bool) -> None:
    """Log what TensorFlow computes on.

    Raises:
      InputError: require_gpu, and there is no GPU.
    """
    if has_gpu():
        log.info("device: %s", name())
        return
    card = find_card()
    reason = why_unused() if card else None
    if require_gpu:
        raise files.InputError(
            f"TensorFlow {tf.version.VERSION} finds no GPU"
            + (f" though there is {card}: {reason}" if card else ""),
            "--require_gpu",
            remedy="docs/gpu.md says what a card needs; or leave the flag out",
        )
    log.info("device: %s (no GPU found)", name())
    if card:
        log.warning(
            "%s is not used by TensorFlow %s: %s; see docs/gpu.md",
            card,
            tf.version.VERSION,
            reason,
        )


def name() -> str:
    """Name what TensorFlow computes on: "GPU:0" and the like, or "CPU, 2 cores"."""
    gpus = tf.config.experimental.list_physical_devices("GPU")
    if gpus:
        return ", ".join(gpu.name.split("physical_device:")[-1] for gpu in gpus)
    return cpu_name()


def has_gpu() -> bool:
    """Whether TensorFlow computes on a GPU."""
    return bool(tf.config.experimental.list_physical_devices("GPU"))


def find_card() -> Optional[str]:
    """Return the name of the NVIDIA card that nvidia-smi lists first; None if none."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return None
    try:
        done = subprocess.run(
            [command, "--query-gpu=name", "--format=csv,noheader"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    names = done.stdout.decode("utf-8", "replace").strip().splitlines()
    return names[0].strip() if done.returncode == 0 and names else None


def why_unused() -> str:
    """Say why TensorFlow takes no card although there is one."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip() in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES={hidden} hides it"
    if not tf.test.is_built_with_cuda():
        return "it is built without CUDA; GPU=1 ./install.sh installs one that has it"
    try:
        done = subprocess.run(
            [sys.executable, "-c", _ASK],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=dict(os.environ, TF_CPP_MIN_LOG_LEVEL="0"),
            timeout=PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"it could not be asked why ({error})"
    return reason_in(done.stderr.decode("utf-8", "replace"))


def reason_in(lines: str) -> str:
    """Find the reason in what TensorFlow writes while it looks for cards."""
    missing = list(dict.fromkeys(_MISSING_LIBRARY.findall(lines)))
    # TensorRT is looked for as well, and is not needed.
    missing = [name for name in missing if "nvinfer" not in name]
    if missing:
        return f"it does not find {', '.join(missing)}"
    for pattern, reason in _REASONS:
        if pattern.search(lines):
            return reason
    return "it does not say why; TF_CPP_MIN_LOG_LEVEL=0 shows all that it writes"
