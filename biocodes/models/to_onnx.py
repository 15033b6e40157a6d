"""A model as an ONNX file, compared with what TensorFlow computes; and in 8 bits."""

import logging
import os
import tempfile
from typing import Any, Callable, List

import numpy as np

from biocodes.lib import files
from biocodes.lib.labels import LABEL_FILE
from biocodes.lib.model_folder import ONNX_MODEL
from biocodes.models import onnx_graph, to_slim
from biocodes.models.folder import Model
from biocodes.models.graph import (
    INPUTS,
    Batch,
    built,
    largest_difference,
    sample_batches,
)

PACKAGES = ("onnx", "onnxruntime")
# By how much outputs may differ from TensorFlow's: absolutely, and of their size.
TOLERANCE = 1e-4


def write(model: Model, folder: str) -> List[str]:
    """Write model.onnx, of ONNX's own operators, and what describes it.

    Raises:
      InputError: the checkpoint is damaged, the disk full.
      RuntimeError: the graph computes something else than TensorFlow.
    """
    path = os.path.join(folder, ONNX_MODEL)
    _save(onnx_graph.build(model, model.weights()), path)
    _describe(model, folder)
    return [f"outputs differ from TensorFlow's by at most {_check(model, path):.1e}"]


def write_int8(model: Model, folder: str) -> List[str]:
    """Write model.onnx whose matrix products are of 8-bit numbers.

    Weights are quantized for each output of a layer (per channel), what they are
    multiplied with for each batch, as it comes (dynamically). Embeddings and heads stay
    in float32.

    Raises:
      See write; what is compared is the graph before it is quantized.
    """
    path = os.path.join(folder, ONNX_MODEL)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        whole = os.path.join(scratch, ONNX_MODEL)
        _save(onnx_graph.build(model, model.weights(), fused=True), whole)
        difference = _check(model, whole)
        quantize(whole, path)
        changed = compare(model, path)
    _describe(model, folder)
    return [
        f"in float32, outputs differ from TensorFlow's by at most {difference:.1e}",
        f"in 8 bits by at most {changed:.1e}, on random input: score it on a test set",
    ]


def _save(proto: Any, path: str) -> None:
    with files.whole_file(path, binary=True) as stream:
        stream.write(proto.SerializeToString())


def _describe(model: Model, folder: str) -> None:
    """Write the files that make a model's folder of the output."""
    to_slim.copy_description(model, folder)
    if model.labels:
        ids = {name: index for index, name in enumerate(model.labels)}
        files.write_json(os.path.join(folder, LABEL_FILE), ids)


def quantize(source: str, target: str) -> None:
    """Quantize the matrix products of an ONNX file, those of the head left out."""
    import onnx
    from onnxruntime import quantization

    # It advises to prepare the graph, which came here prepared.
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        quantization.quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul", "Attention"],
            per_channel=True,
            # Of 8 bits of a weight 7 are used: processors without VNNI add products of
            # two in 16 bits, which would overflow. Scores are the same.
            reduce_range=True,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=[f"node_{name}" for name in onnx_graph.HEAD_NODES],
            # What comes out of fused operators, which the quantizer does not know.
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
    finally:
        root.setLevel(level)


# Comparing


def opened(path: str) -> Callable[[Batch], Batch]:
    """Open an ONNX file; return the function that computes a batch with it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    taken = {value.name for value in session.get_inputs()}

    def run(batch: Batch) -> Batch:
        fed = {
            theirs: batch[ours].astype(np.int64)
            for theirs, ours in zip(onnx_graph.INPUTS, INPUTS)
            if theirs in taken
        }
        return dict(zip(names, session.run(names, fed)))

    return run


def compare(model: Model, path: str) -> float:
    """Return by how much an ONNX file's outputs differ from TensorFlow's at most.

    Large numbers count in proportion to their size.
    """
    run = opened(path)
    with built(model) as graph:
        return max(
            largest_difference(batch, graph.run(batch), run(batch))
            for batch in sample_batches(model)
        )


def _check(model: Model, path: str) -> float:
    difference = compare(model, path)
    if not difference <= TOLERANCE:
        raise RuntimeError(
            f"ONNX Runtime's outputs differ from TensorFlow's by {difference:.1e}"
        )
    return difference
