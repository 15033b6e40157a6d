"""ONNX Runtime driven by hand, for peers.py: no more than a session and a loop.

    peer_onnx.py REQUEST    [pieces a second, peak memory in MB]

REQUEST is a JSON file: features (an .npz of peer_suite.py), model (an .onnx file),
pieces (of a batch), threads. Examples are sorted by length and padded to their batch's
longest.
"""

import json
import sys
import time
from typing import List

import numpy as np
import onnxruntime
import peer_common


def main(argv: List[str]) -> None:
    """Predict all examples twice, and time the second time."""
    with open(argv[0], encoding="utf-8") as stream:
        request = json.load(stream)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = request["threads"]
    session = onnxruntime.InferenceSession(
        request["model"], options, providers=["CPUExecutionProvider"]
    )
    names = [taken.name for taken in session.get_inputs()]
    features, lengths = peer_common.load(request["features"])
    batches = []
    for rows in peer_common.batches_of(lengths, request["pieces"]):
        mask = peer_common.mask_of(lengths[rows])
        fed = {name: np.zeros_like(mask) for name in names}
        fed["attention_mask"] = mask
        for name in set(names) & set(features):
            fed[name] = features[name][rows][:, : mask.shape[1]].astype(np.int64)
        batches.append(fed)
    for _ in range(2):
        started = time.perf_counter()
        for fed in batches:
            session.run(None, fed)
        seconds = time.perf_counter() - started
    print(json.dumps([float(lengths.sum()) / seconds, peer_common.memory()]))


if __name__ == "__main__":
    main(sys.argv[1:])
