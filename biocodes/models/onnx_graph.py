"""A BERT as an ONNX graph, built from its weights operation by operation.

Two ways to write the same arithmetic:

  standard   ONNX's operators alone, which every runtime has, in the order in which ONNX
             Runtime recognizes layer normalization, attention and GELU and fuses them
  fused      the fused operators themselves (domain com.microsoft), each of which is
             quantized as a whole; for ONNX Runtime only

Dimensions are those of modeling.py: B batch, S sequence, H hidden, N heads, D head
size, L labels. The inputs are int64 [B, S] under the names of Hugging Face's tools,
input_ids, attention_mask and token_type_ids; the outputs are those of graph.outputs_of.
"""

import json
import math
from typing import Any, Dict, List, Sequence

import numpy as np

from biocodes.lib.bert_config import Config
from biocodes.models import layout
from biocodes.models.folder import Model
from biocodes.models.layout import Arrays

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
# What ONNX Runtime 1.10 reads, the last one for Python 3.7 beside TensorFlow 1.15.
OPSET, IR_VERSION = 12, 7
MICROSOFT = "com.microsoft"
_EPSILON = 1e-12
# Added to the attention scores of padding, as in modeling.py.
_MASKED = -10000.0
_OPERATORS = {"relu": "Relu", "tanh": "Tanh"}
# Nodes of the head: they stay in float32 when the rest is quantized.
HEAD_NODES = ("pooler", "head")


class _Nodes:
    """Nodes and constants of a graph while it grows; a name is that of an output."""

    def __init__(self, weights: Arrays) -> None:
        from onnx import helper, numpy_helper

        self._helper = helper
        self._from_array = numpy_helper.from_array
        self._weights = weights
        self._known: Dict[str, str] = {}
        self.nodes: List[Any] = []
        self.initializers: List[Any] = []

    def add(
        self, operator: str, *inputs: str, name: str = "", **attributes: Any
    ) -> str:
        """Add a node of one output, and return the name of that."""
        name = name or f"{operator}_{len(self.nodes)}"
        node = self._helper.make_node(
            operator, inputs, [name], name=f"node_{name}", **attributes
        )
        self.nodes.append(node)
        return name

    def fused(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of one of ONNX Runtime's own operators."""
        return self.add(operator, *inputs, domain=MICROSOFT, **attributes)

    def split(self, value: str, names: Sequence[str], axis: int) -> None:
        """Cut a value into parts of size 1 under these names."""
        parts = [f"{name}_part" for name in names]
        self.nodes.append(self._helper.make_node("Split", [value], parts, axis=axis))
        for part, name in zip(parts, names):
            self.add("Squeeze", part, name=name, axes=[axis])

    def constant(self, value: Any, kind: Any, name: str = "") -> str:
        """Add a constant, unless there is one of that name; return its name."""
        array = np.array(value, kind, order="C")
        name = name or f"{array.dtype}_{array.tolist()}".replace(" ", "")
        if name not in self._known:
            self._known[name] = name
            self.initializers.append(self._from_array(array, name))
        return name

    def number(self, value: float) -> str:
        """Add a float32 scalar."""
        return self.constant(value, np.float32)

    def sizes(self, *values: int) -> str:
        """Add the sizes of a shape, or a list of axes."""
        return self.constant(values, np.int64)

    def weight(self, name: str, transposed: bool = False) -> str:
        """Add a variable."""
        array = self._weights[name]
        if transposed:
            return self.constant(array.T, np.float32, f"{name}/transposed")
        return self.constant(array, np.float32, name)

    def joined(self, names: Sequence[str], name: str) -> str:
        """Add several variables as one, joined along the last axis."""
        arrays = [self._weights[each] for each in names]
        return self.constant(np.concatenate(arrays, axis=-1), np.float32, name)

    def dense(self, value: str, scope: str) -> str:
        """Apply x · kernel + bias of a scope."""
        product = self.add("MatMul", value, self.weight(f"{scope}/kernel"))
        return self.add("Add", product, self.weight(f"{scope}/bias"))

    def normalized(self, value: str, scope: str) -> str:
        """Normalize over the last axis, in the operations that are known as that."""
        mean = self.add("ReduceMean", value, axes=[-1])
        centred = self.add("Sub", value, mean)
        squared = self.add("Pow", centred, self.number(2.0))
        variance = self.add("ReduceMean", squared, axes=[-1])
        positive = self.add("Add", variance, self.number(_EPSILON))
        deviation = self.add("Sqrt", positive)
        scaled = self.add("Div", centred, deviation)
        scaled = self.add("Mul", scaled, self.weight(f"{scope}/LayerNorm/gamma"))
        return self.add("Add", scaled, self.weight(f"{scope}/LayerNorm/beta"))


def build(model: Model, weights: Arrays, fused: bool = False) -> Any:
    """Build a model's graph.

    Args:
      model: what it is.
      weights: of encoder and head.
      fused: which of the two ways, see above.

    Returns:
      onnx.ModelProto, checked; it says in its metadata what kind of model it is.
    """
    import onnx
    from onnx import TensorProto, helper

    nodes = _Nodes(weights)
    layers = (_FusedLayers if fused else _StandardLayers)(nodes, model.config)
    hidden = _embedded(nodes)
    for number in range(model.config["num_hidden_layers"]):
        hidden = layers.layer(hidden, f"bert/encoder/layer_{number}")
    outputs = _add_head(nodes, model, hidden)
    values = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])
        for name in INPUTS
    ]
    values += [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in outputs.items()
    ]
    ends = values[: len(INPUTS)], values[len(INPUTS) :]
    graph = helper.make_graph(nodes.nodes, "BERT", *ends, nodes.initializers)
    proto = _model_of(graph, model, fused)
    if not fused:  # the checker knows no other operators
        onnx.checker.check_model(proto)
    return proto


def _model_of(graph: Any, model: Model, fused: bool) -> Any:
    """Return the ModelProto of a graph, with the facts that the scripts compare."""
    from onnx import helper

    versions = [helper.make_opsetid("", OPSET)]
    versions += [helper.make_opsetid(MICROSOFT, 1)] * fused
    proto = helper.make_model(
        graph, opset_imports=versions, producer_name="export_model.py"
    )
    proto.ir_version = IR_VERSION
    facts = {"bert_config": json.dumps(model.config), "step": model.checkpoint.step}
    if model.kind == layout.MULTILABEL:
        facts["head"] = layout.SUFFIX
    helper.set_model_props(proto, {name: str(fact) for name, fact in facts.items()})
    return proto


# Embeddings


def _embedded(nodes: _Nodes) -> str:
    """Add up the embeddings of pieces, segments and positions, and normalize."""
    scope = "bert/embeddings"
    words = nodes.add("Gather", nodes.weight(f"{scope}/word_embeddings"), INPUTS[0])
    types = nodes.add(
        "Gather", nodes.weight(f"{scope}/token_type_embeddings"), INPUTS[2]
    )
    # Counted piece by piece: a slice of the table would have a length that ONNX Runtime
    # does not know to be S, and it would fuse fewer operations.
    zeros = nodes.add("Sub", INPUTS[0], INPUTS[0])
    ones = nodes.add("Add", zeros, nodes.constant(1, np.int64))
    numbers = nodes.add("CumSum", ones, nodes.constant(1, np.int64), exclusive=1)
    positions = nodes.add(
        "Gather", nodes.weight(f"{scope}/position_embeddings"), numbers
    )
    total = nodes.add("Add", nodes.add("Add", words, types), positions)
    return nodes.normalized(total, scope)


# Layers


class _StandardLayers:
    """Transformer layers in ONNX's own operators."""

    def __init__(self, nodes: _Nodes, config: Config) -> None:
        self._nodes = nodes
        self._heads = config["num_attention_heads"]
        self._hidden = config["hidden_size"]
        self._activation = config["hidden_act"]
        self._mask = self._scores_mask()

    def layer(self, hidden: str, scope: str) -> str:
        """Apply attention, then feed-forward: [B, S, H] → [B, S, H]."""
        attended = self._attended(hidden, scope)
        hidden = self._residual(attended, hidden, f"{scope}/attention/output")
        wide = self._activated(hidden, f"{scope}/intermediate/dense")
        return self._residual(wide, hidden, f"{scope}/output")

    def _scores_mask(self) -> str:
        """Make what is added to attention scores: [B, 1, 1, S]."""
        nodes = self._nodes
        mask = nodes.add("Unsqueeze", INPUTS[1], axes=[1])
        mask = nodes.add("Unsqueeze", mask, axes=[2])
        mask = nodes.add("Cast", mask, to=1)  # TensorProto.FLOAT
        padding = nodes.add("Sub", nodes.number(1.0), mask)
        return nodes.add("Mul", padding, nodes.number(_MASKED))

    def _attended(self, hidden: str, scope: str) -> str:
        nodes, size = self._nodes, self._hidden // self._heads
        by_head = nodes.sizes(0, 0, self._heads, size)

        def part(name: str, order: Sequence[int]) -> str:
            value = nodes.dense(hidden, f"{scope}/attention/self/{name}")
            value = nodes.add("Reshape", value, by_head)
            return nodes.add("Transpose", value, perm=list(order))

        query = part("query", (0, 2, 1, 3))
        key = part("key", (0, 2, 3, 1))
        value = part("value", (0, 2, 1, 3))
        scores = nodes.add("MatMul", query, key)
        scores = nodes.add("Div", scores, nodes.number(math.sqrt(size)))
        scores = nodes.add("Add", scores, self._mask)
        weights = nodes.add("Softmax", scores, axis=3)
        context = nodes.add("MatMul", weights, value)
        context = nodes.add("Transpose", context, perm=[0, 2, 1, 3])
        return nodes.add("Reshape", context, nodes.sizes(0, 0, self._hidden))

    def _residual(self, value: str, shortcut: str, scope: str) -> str:
        nodes = self._nodes
        total = nodes.add("Add", nodes.dense(value, f"{scope}/dense"), shortcut)
        return nodes.normalized(total, scope)

    def _activated(self, value: str, scope: str) -> str:
        value = self._nodes.dense(value, scope)
        if self._activation == "gelu":
            return self._gelu(value)
        operator = _OPERATORS.get(self._activation)
        return self._nodes.add(operator, value) if operator else value

    def _gelu(self, value: str) -> str:
        nodes = self._nodes
        scaled = nodes.add("Div", value, nodes.number(math.sqrt(2.0)))
        share = nodes.add("Add", nodes.add("Erf", scaled), nodes.number(1.0))
        return nodes.add("Mul", nodes.add("Mul", value, share), nodes.number(0.5))


class _FusedLayers(_StandardLayers):
    """Transformer layers in ONNX Runtime's fused operators."""

    def _scores_mask(self) -> str:
        """Make the mask as Attention takes it: int32 [B, S]."""
        return self._nodes.add("Cast", INPUTS[1], to=6)  # TensorProto.INT32

    def _attended(self, hidden: str, scope: str) -> str:
        nodes, scope = self._nodes, f"{scope}/attention/self"
        parts = [f"{scope}/{name}" for name in ("query", "key", "value")]
        kernels = [f"{part}/kernel" for part in parts]
        biases = [f"{part}/bias" for part in parts]
        return nodes.fused(
            "Attention",
            hidden,
            nodes.joined(kernels, f"{scope}/kernels"),
            nodes.joined(biases, f"{scope}/biases"),
            self._mask,
            num_heads=self._heads,
        )

    def _residual(self, value: str, shortcut: str, scope: str) -> str:
        nodes = self._nodes
        return nodes.fused(
            "SkipLayerNormalization",
            nodes.add("MatMul", value, nodes.weight(f"{scope}/dense/kernel")),
            shortcut,
            nodes.weight(f"{scope}/LayerNorm/gamma"),
            nodes.weight(f"{scope}/LayerNorm/beta"),
            nodes.weight(f"{scope}/dense/bias"),
            epsilon=_EPSILON,
        )

    def _activated(self, value: str, scope: str) -> str:
        if self._activation != "gelu":
            return super()._activated(value, scope)
        nodes = self._nodes
        product = nodes.add("MatMul", value, nodes.weight(f"{scope}/kernel"))
        return nodes.fused("BiasGelu", product, nodes.weight(f"{scope}/bias"))


# Heads


def _add_head(nodes: _Nodes, model: Model, hidden: str) -> Dict[str, List[Any]]:
    """Add what the task predicts; return the shapes of the outputs by name."""
    batch, length, count = "batch", "length", len(model.labels)
    if model.kind == layout.NER:
        _linear(nodes, hidden, "", "logits")
        return {"logits": [batch, length, count]}
    if model.kind == layout.QA:
        logits = _linear(nodes, hidden, "cls/squad/", "logits")
        names = ("start_logits", "end_logits")
        nodes.split(logits, names, axis=2)
        return {name: [batch, length] for name in names}
    first = nodes.add("Gather", hidden, nodes.constant(0, np.int64), axis=1)
    product = nodes.add(
        "MatMul",
        first,
        nodes.weight("bert/pooler/dense/kernel"),
        name=HEAD_NODES[0],
    )
    product = nodes.add("Add", product, nodes.weight("bert/pooler/dense/bias"))
    if model.kind == layout.RE:
        _linear(nodes, nodes.add("Tanh", product), "", "logits")
        return {"logits": [batch, count]}
    if model.kind == layout.MULTILABEL:
        pooled = nodes.add("Tanh", product)
        _linear(nodes, pooled, "", "logits", layout.SUFFIX)
        nodes.add("Sigmoid", "logits", name="probabilities")
        return {"logits": [batch, count], "probabilities": [batch, count]}
    nodes.add("Tanh", product, name="pooler_output")
    nodes.add("Identity", hidden, name="last_hidden_state")
    size = model.config["hidden_size"]
    return {
        "last_hidden_state": [batch, length, size],
        "pooler_output": [batch, size],
    }


def _linear(nodes: _Nodes, value: str, scope: str, name: str, suffix: str = "") -> str:
    """Apply the linear layer of a head; suffix: of its variables."""
    weights = nodes.weight(f"{scope}output_weights{suffix}", transposed=True)
    product = nodes.add("MatMul", value, weights, name=HEAD_NODES[1])
    return nodes.add(
        "Add", product, nodes.weight(f"{scope}output_bias{suffix}"), name=name
    )
