"""ONNX Runtime driven by hand, for peers.py: no more than a session and a loop.

    peer_onnx.py REQUEST    [pieces a second, peak memory in MB]

REQUEST is a JSON file: features (an .npz of peer_suite.py), model (an .onnx file),
pieces (of a batch), threads. Examples are sorted by length and padded to their batch's
longest.
"""

import json
import re
import sys
import time

import numpy as np
import onnxruntime


def memory():
    """Return the process's peak of resident memory in MB.

    getrusage would give that of the process which started it, if that is more.
    """
    with open("/proc/self/status", encoding="utf-8") as stream:
        return int(re.search(r"VmHWM:\s*(\d+) kB", stream.read()).group(1)) / 1024


def main(argv):
    """Predict all examples twice, and time the second time."""
    with open(argv[0], encoding="utf-8") as stream:
        request = json.load(stream)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = request["threads"]
    session = onnxruntime.InferenceSession(
        request["model"], options, providers=["CPUExecutionProvider"]
    )
    names = [taken.name for taken in session.get_inputs()]
    with np.load(request["features"]) as arrays:
        features = {name: arrays[name] for name in arrays.files}
    lengths = features["lengths"]
    order = np.argsort(lengths, kind="stable")[::-1]
    batches, start = [], 0
    while start < len(order):
        rows = order[start : start + max(request["pieces"] // lengths[order[start]], 1)]
        longest = int(lengths[rows].max())
        mask = np.arange(longest)[None, :] < lengths[rows][:, None]
        fed = {name: np.zeros(mask.shape, np.int64) for name in names}
        fed["attention_mask"] = mask.astype(np.int64)
        for name in set(names) & set(features):
            fed[name] = features[name][rows][:, :longest].astype(np.int64)
        batches.append(fed)
        start += len(rows)
    for _ in range(2):
        started = time.perf_counter()
        for fed in batches:
            session.run(None, fed)
        seconds = time.perf_counter() - started
    print(json.dumps([float(lengths.sum()) / seconds, memory()]))


if __name__ == "__main__":
    main(sys.argv[1:])
