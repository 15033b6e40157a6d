"""export_model.py --to=onnx: the graph computes what TensorFlow does."""

import json
import os

import numpy as np
import pytest

from biocodes import export_model
from biocodes.lib import packages
from biocodes.lib.files import InputError
from biocodes.models import folder as models
from biocodes.models import graph, onnx_graph, to_onnx
from kit.model_folders import TASKS, export, folder_of, pretrained

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

# Operators that ONNX Runtime makes of a layer, and those that they are made of.
FUSED = {"Attention", "BiasGelu"}
PARTS = {"Softmax", "Erf", "ReduceMean", "Sqrt"}


def build(model, fused):
    return onnx_graph.build(model, model.weights(), fused)


def operators_of(proto):
    return {node.op_type for node in proto.graph.node}


def differences(model, *paths):
    """By how much the outputs of files and sample batches differ from TensorFlow's."""
    runs = [to_onnx.opened(str(path)) for path in paths]
    with graph.built(model) as built:  # which takes most of a test's time
        for batch in graph.sample_batches(model):
            expected = built.run(batch)
            for run in runs:
                yield graph.largest_difference(batch, expected, run(batch))


def both_ways(source, folder):
    """The model of a folder, and the paths of its two graphs."""
    model = models.read_model(str(source))
    paths = [folder / "standard.onnx", folder / "fused.onnx"]
    for path in paths:
        proto = build(model, fused=path.stem == "fused")
        path.write_bytes(proto.SerializeToString())
    return [model, *paths]


@pytest.mark.parametrize("task", [*TASKS, "pretrained"])
def test_outputs_are_tensorflows(tmp_path, task):
    source = pretrained(tmp_path) if task == "pretrained" else folder_of(tmp_path, task)
    found = list(differences(*both_ways(source, tmp_path)))
    assert len(found) == 4 and max(found) < 1e-5


@pytest.mark.parametrize("activation", ["relu", "tanh", "linear"])
def test_other_activations_are_tensorflows(tmp_path, activation):
    source = folder_of(tmp_path, "ner")
    config = json.loads((source / "bert_config.json").read_text())
    config["hidden_act"] = activation
    (source / "bert_config.json").write_text(json.dumps(config))
    assert max(differences(*both_ways(source, tmp_path))) < 1e-5


def test_comparison_sees_what_differs(tmp_path):
    """What the command checks each graph by."""
    model = models.read_model(str(folder_of(tmp_path, "re")))
    (batch, _) = graph.sample_batches(model)
    with graph.built(model) as built:
        outputs = built.run(batch)
    assert graph.largest_difference(batch, outputs, outputs) == 0
    assert graph.largest_difference(batch, outputs, {}) == float("inf")
    other = {"logits": outputs["logits"][:, np.newaxis]}
    assert graph.largest_difference(batch, outputs, other) == float("inf")
    changed = {"logits": outputs["logits"] + np.float32(0.5)}
    assert graph.largest_difference(batch, outputs, changed) > 0.3


def test_another_graph_is_a_mistake_and_leaves_nothing(tmp_path, monkeypatch):
    source = folder_of(tmp_path, "ner")
    monkeypatch.setattr(onnx_graph, "_MASKED", 0.0)  # padding counts
    with pytest.raises(RuntimeError, match="differ from TensorFlow's by"):
        export(source, tmp_path / "out", "onnx")
    assert os.listdir(str(tmp_path)) == ["ner"]


def test_standard_graph_has_no_operators_but_onnx_s(tmp_path):
    proto = build(models.read_model(str(folder_of(tmp_path, "ner"))), fused=False)
    assert {node.domain for node in proto.graph.node} == {""}
    assert [opset.version for opset in proto.opset_import] == [12]
    shapes = [
        [axis.dim_param for axis in value.type.tensor_type.shape.dim]
        for value in proto.graph.input
    ]
    assert shapes == [["batch", "length"]] * 3


def test_onnx_runtime_fuses_the_standard_graph(tmp_path):
    model = models.read_model(str(folder_of(tmp_path, "ner")))
    path, optimized = tmp_path / "model.onnx", tmp_path / "optimized.onnx"
    path.write_bytes(build(model, fused=False).SerializeToString())
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(optimized)
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    found = operators_of(onnx.load(str(optimized)))
    assert found > FUSED and not found & PARTS
    assert found & {"SkipLayerNormalization", "LayerNormalization"}


def test_quantized_model_is_smaller_and_close(tmp_path, capsys):
    source = folder_of(tmp_path, "ner")
    whole = export(source, tmp_path / "whole", "onnx")
    small = export(source, tmp_path / "small", "onnx", "--int8=true")
    sizes = [os.path.getsize(str(place / "model.onnx")) for place in (whole, small)]
    assert sizes[1] < sizes[0]
    proto = onnx.load(str(small / "model.onnx"))
    assert "QAttention" in operators_of(proto)
    # A scale for each output of a layer, not one for all.
    scales = [t for t in proto.graph.initializer if t.name.endswith("_scale")]
    assert scales and all(len(scale.dims) == 1 for scale in scales)
    names = [tensor.name for tensor in proto.graph.initializer]
    assert "output_weights/transposed" in names  # the head stays as it is
    model = models.read_model(str(source))
    for difference in differences(model, small / "model.onnx"):
        assert 0 < difference < 0.2
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("in 8 bits by at most ") for line in lines)


def test_exported_folder_is_a_whole_model(tmp_path):
    source = folder_of(tmp_path, "re")
    out = export(source, tmp_path / "out", "onnx")
    assert sorted(os.listdir(str(out))) == [
        *("bert_config.json", "label2id.json", "model.onnx"),
        *("tokenizer_config.json", "vocab.txt"),
    ]
    for name in ("bert_config.json", "vocab.txt"):
        assert (out / name).read_bytes() == (source / name).read_bytes()
    labels = [json.loads((f / "label2id.json").read_text()) for f in (out, source)]
    assert labels[0] == labels[1]


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_missing_package_is_one_line(tmp_path, monkeypatch, package):
    real = packages.importlib.import_module

    def import_module(name):
        if name == package:
            raise ImportError("no luck")
        return real(name)

    monkeypatch.setattr(packages.importlib, "import_module", import_module)
    message = rf"--to=onnx: needs the package {package}, .*\(no luck\); pip install"
    with pytest.raises(InputError, match=message):
        export_model.main(
            [f"--model_dir={tmp_path}", f"--output_dir={tmp_path / 'o'}", "--to=onnx"]
        )
