"""A BERT as Hugging Face's tools save it: configuration, vocabulary, weights, checked.

config.json, vocab.txt and model.safetensors (or pytorch_model.bin) in a folder. Neither
TensorFlow nor, for the weights of safetensors, PyTorch is imported.
"""

import os
import re
import warnings
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from biocodes.lib import files
from biocodes.lib.bert_config import (
    CONFIG_KEYS,
    Config,
    check_keys,
    check_values,
)

# Hugging Face's name → ours. Its "gelu_new", "gelu_fast" and the like are the tanh
# approximation, which the encoder does not compute; "gelu_python" is the exact one.
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "relu": "relu",
    "tanh": "tanh",
    "linear": "linear",
}

# What the encoder computes whatever the configuration says: a model trained with
# something else would be silently wrong here.
FIXED_SETTINGS = {
    "model_type": "bert",
    "position_embedding_type": "absolute",
    "layer_norm_eps": 1e-12,
    "is_decoder": False,
    "add_cross_attention": False,
}

# PyTorch before 2.6 can be made to run code by a weights file even when it is told
# to load weights only (CVE-2025-32434).
SAFE_TORCH = (2, 6)

# Tensor name → float32 array, or None if it is not of floating point.
Tensors = Dict[str, Optional[np.ndarray]]


# Configuration and vocabulary


def read_description(folder: str) -> Tuple[Config, List[str]]:
    """Read (bert_config, lines of vocab.txt) of a Hugging Face folder.

    Raises:
      InputError: one of the two files is missing or malformed, describes another
        architecture than the encoder's, or they disagree on the vocabulary's size.
    """
    if not os.path.isdir(folder):
        raise files.InputError("no such folder", folder)
    config = read_config(os.path.join(folder, "config.json"))
    vocab_path = os.path.join(folder, "vocab.txt")
    vocabulary = [text for _, text in files.read_lines(vocab_path)]
    while vocabulary and not vocabulary[-1]:  # blank lines at the end are no pieces
        vocabulary.pop()
    if len(vocabulary) != config["vocab_size"]:
        raise files.InputError(
            f"{len(vocabulary):,} pieces, but vocab_size in config.json is "
            f"{config['vocab_size']:,}",
            vocab_path,
            remedy="take both files from the same model",
        )
    return config, vocabulary


def read_config(path: str) -> Config:
    """Read the keys of config.json that bert_config.json has, checked.

    Raises:
      InputError: a key is missing or its value is one that the encoder cannot have.
    """
    config = files.read_json(path)
    if not isinstance(config, dict):
        raise files.InputError("not a JSON object", path)
    for key, needed in FIXED_SETTINGS.items():
        if config.get(key, needed) != needed:
            raise files.InputError(
                f"{key} is {config[key]!r}, but the encoder knows only {needed!r}", path
            )
    check_keys(config, path)
    check_values(config, path, tuple(ACTIVATIONS))
    chosen = {key: config[key] for key in sorted(CONFIG_KEYS)}
    chosen["hidden_act"] = ACTIVATIONS[config["hidden_act"]]
    return chosen


def case_advice(folder: str, vocabulary: Sequence[str]) -> str:
    """Say which --do_lower_case the model was made for, and how that is known."""
    path = os.path.join(folder, "tokenizer_config.json")
    settings = files.read_json(path) if os.path.exists(path) else None
    lower = settings.get("do_lower_case") if isinstance(settings, dict) else None
    source = "tokenizer_config.json says so"
    if not isinstance(lower, bool):
        # "[UNK]" and its like are upper case in every vocabulary.
        pieces = [piece for piece in vocabulary if not piece.startswith("[")]
        lower = all(piece == piece.lower() for piece in pieces)
        source = f"the vocabulary has {'no' if lower else ''} upper-case pieces"
    value = "true" if lower else "false"
    return f"use it with --do_lower_case={value} ({' '.join(source.split())})"


# Weights as Hugging Face's tools save them


def read_weights(folder: str) -> Tuple[str, Tensors]:
    """Read (path of the weights, its tensors by their names).

    Raises:
      InputError: no file of weights, or one that cannot be read safely.
    """
    readers = {
        "model.safetensors": read_safetensors,
        "pytorch_model.bin": read_pytorch,
    }
    for name, reader in readers.items():
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return path, reader(path)
    for name in readers:
        if os.path.exists(os.path.join(folder, name + ".index.json")):
            raise files.InputError(
                "weights in several files are not read",
                folder,
                remedy=f"save the model as one {name}",
            )
    raise files.InputError(f"holds no {' or '.join(readers)}", folder)


def read_safetensors(path: str) -> Tensors:
    """Read the tensors of a safetensors file."""
    try:
        import safetensors
    except ImportError as error:
        raise files.InputError(
            "needs the package safetensors to be read",
            path,
            remedy="pip install -r biocodes/requirements.txt",
        ) from error
    with files.open_binary(path) as stream:
        content = stream.read()
    try:
        tensors = safetensors.deserialize(content)
    except safetensors.SafetensorError as error:
        raise files.InputError(
            f"not a whole safetensors file ({error})", path, remedy="download it again"
        ) from error
    return {name: widen(tensor) for name, tensor in tensors}


def widen(tensor: Dict[str, Any]) -> Optional[np.ndarray]:
    """Make a tensor, as safetensors gives it, a float32 array, or None."""
    kind, shape, data = tensor["dtype"], tensor["shape"], tensor["data"]
    if kind == "BF16":  # the upper half of a float32
        bits = np.frombuffer(data, "<u2").astype("<u4") << 16
        return bits.view("<f4").reshape(shape)
    if kind not in ("F16", "F32", "F64"):
        return None
    array = np.frombuffer(data, f"<f{int(kind[1:]) // 8}").reshape(shape)
    with np.errstate(over="ignore"):  # what becomes infinite is reported later
        return array.astype(np.float32, copy=False)


def read_pytorch(path: str) -> Tensors:
    """Read the tensors of a PyTorch file; nothing in it is executed."""
    remedy = (
        "pip install 'torch>=2.6' (needs Python 3.9 or later), or save the model as "
        "model.safetensors"
    )
    try:
        import torch
    except ImportError as error:
        raise files.InputError(
            "needs PyTorch to be read", path, None, remedy
        ) from error
    version = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
    if version < SAFE_TORCH:
        raise files.InputError(
            f"PyTorch {torch.__version__} may run code that a weights file hides",
            path,
            remedy=remedy,
        )
    with files.open_binary(path) as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tensors = torch.load(stream, map_location="cpu", weights_only=True)
        except Exception as error:  # a dozen kinds, all with the same meaning here
            raise files.InputError(
                f"not a whole file of plain tensors ({type(error).__name__})", path
            ) from error
    if not isinstance(tensors, dict):
        raise files.InputError("not a dictionary of tensors", path)

    def array(tensor):
        if torch.is_tensor(tensor) and tensor.is_floating_point():
            return tensor.detach().to(torch.float32).numpy()
        return None

    return {str(name): array(tensor) for name, tensor in tensors.items()}
