"""What the sides of peers.py share; nothing but NumPy is needed to import it.

The peers' scripts find it beside them, for their Python has nothing of the suite.
"""

import re
from typing import Dict, List, Tuple, Union

import numpy as np


def memory(process: Union[int, str] = "self") -> float:
    """Return a process's peak of resident memory in MB; 0 when it has ended (Linux).

    getrusage would give that of the process which started it, if that is more.
    """
    try:
        with open(f"/proc/{process}/status", encoding="utf-8") as stream:
            found = re.search(r"VmHWM:\s*(\d+) kB", stream.read())
    except OSError:
        return 0.0
    return int(found.group(1)) / 1024 if found else 0.0


def load(path: str) -> Tuple[Dict[str, np.ndarray], np.ndarray]:
    """Read an .npz of features → (name → [N, longest] or [N], int lengths [N])."""
    with np.load(path) as arrays:
        features = {name: arrays[name] for name in arrays.files}
    return features, features.pop("lengths")


def batches_of(lengths: np.ndarray, pieces: int) -> List[np.ndarray]:
    """List the rows of batches of so many pieces, padding included, longest first."""
    order = np.argsort(lengths, kind="stable")[::-1]
    batches, start = [], 0
    while start < len(order):
        count = max(pieces // int(lengths[order[start]]), 1)
        batches.append(order[start : start + count])
        start += count
    return batches


def mask_of(lengths: np.ndarray) -> np.ndarray:
    """Return 1 where an example has a piece, else 0: int64 [B, longest]."""
    places = np.arange(int(lengths.max()))[None, :]
    return (places < lengths[:, None]).astype(np.int64)
