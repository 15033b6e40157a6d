"""One model in two layouts: the variables of our checkpoints, Hugging Face's tensors.

What a model predicts is its kind. A kind has a head, whose variables are here, and an
architecture, the class that Hugging Face's tools load it with.
"""

from typing import Dict, List, NamedTuple

import numpy as np

from biocodes.lib.bert_config import Config, Shapes, encoder_shapes
from biocodes.lib.labels import MULTILABEL as SUFFIX

NER, RE, MULTILABEL, QA = "ner", "re", "multilabel", "qa"
PRETRAINING, MASKED_LM, ENCODER = "pretraining", "masked_lm", "encoder"

# Variable or tensor name → float32 array.
Arrays = Dict[str, np.ndarray]


class Kind(NamedTuple):
    """A kind of model.

    Attributes:
      title: what people call it.
      architecture: Hugging Face's class.
      prefix: what comes before the encoder's tensors in that class's files.
      pipeline: name of the task in Hugging Face's tools.
    """

    title: str
    architecture: str
    prefix: str
    pipeline: str


KINDS = {
    NER: Kind(
        "entity recognition",
        "BertForTokenClassification",
        "bert.",
        "token-classification",
    ),
    RE: Kind(
        "relation extraction",
        "BertForSequenceClassification",
        "bert.",
        "text-classification",
    ),
    MULTILABEL: Kind(
        "relation extraction with several labels a text",
        "BertForSequenceClassification",
        "bert.",
        "text-classification",
    ),
    QA: Kind(
        "question answering",
        "BertForQuestionAnswering",
        "bert.",
        "question-answering",
    ),
    PRETRAINING: Kind(
        "an encoder with the heads of its pretraining",
        "BertForPreTraining",
        "bert.",
        "fill-mask",
    ),
    MASKED_LM: Kind(
        "an encoder with a head for masked words",
        "BertForMaskedLM",
        "bert.",
        "fill-mask",
    ),
    ENCODER: Kind("an encoder", "BertModel", "", "feature-extraction"),
}
FINE_TUNED = (NER, RE, MULTILABEL, QA)

# Variables whose tensors do not have their name.
_OF_HEADS = {
    "output_weights": "classifier.weight",
    "output_bias": "classifier.bias",
    f"output_weights{SUFFIX}": "classifier.weight",
    f"output_bias{SUFFIX}": "classifier.bias",
    "cls/squad/output_weights": "qa_outputs.weight",
    "cls/squad/output_bias": "qa_outputs.bias",
    "cls/predictions/output_bias": "cls.predictions.bias",
    "cls/seq_relationship/output_weights": "cls.seq_relationship.weight",
    "cls/seq_relationship/output_bias": "cls.seq_relationship.bias",
}


def head_shapes(kind: str, config: Config, labels: int = 2) -> Shapes:
    """Return the variables of a head.

    Args:
      kind: a key of KINDS.
      config: sizes of the encoder.
      labels: number of labels of a classifier.
    """
    hidden = config["hidden_size"]
    if kind in (NER, RE):
        return _linear("", labels, hidden)
    if kind == MULTILABEL:
        return _linear("", labels, hidden, SUFFIX)
    if kind == QA:
        return _linear("cls/squad/", 2, hidden)
    shapes = {}
    if kind in (PRETRAINING, MASKED_LM):
        transform = "cls/predictions/transform"
        shapes = {
            f"{transform}/dense/kernel": (hidden, hidden),
            f"{transform}/dense/bias": (hidden,),
            f"{transform}/LayerNorm/beta": (hidden,),
            f"{transform}/LayerNorm/gamma": (hidden,),
            "cls/predictions/output_bias": (config["vocab_size"],),
        }
    if kind == PRETRAINING:
        shapes.update(_linear("cls/seq_relationship/", 2, hidden))
    return shapes


def _linear(scope: str, outputs: int, inputs: int, suffix: str = "") -> Shapes:
    weights, bias = f"{scope}output_weights{suffix}", f"{scope}output_bias{suffix}"
    return {weights: (outputs, inputs), bias: (outputs,)}


def model_shapes(kind: str, config: Config, labels: int = 2) -> Shapes:
    """Return the variables of encoder and head; arguments as of head_shapes."""
    return {**encoder_shapes(config), **head_shapes(kind, config, labels)}


# Names and layouts


def names_of(variable: str, prefix: str) -> List[str]:
    """Return the names that a variable's tensor may have in Hugging Face's files.

    "bert/encoder/layer_0/output/LayerNorm/gamma" with the prefix "bert." is
    "bert.encoder.layer.0.output.LayerNorm.weight", or ends in ".gamma" in older ones.
    """
    if variable in _OF_HEADS:
        return [_OF_HEADS[variable]]
    if variable.startswith("bert/"):
        variable = prefix + variable[len("bert/") :].replace("layer_", "layer.")
    scope, _, last = variable.replace("/", ".").rpartition(".")
    if last.endswith("_embeddings"):
        return [f"{scope}.{last}.weight"]
    theirs = {"kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias"}
    return list(dict.fromkeys([f"{scope}.{theirs[last]}", f"{scope}.{last}"]))


def is_transposed(variable: str) -> bool:
    """Whether the tensor is the variable transposed: a Linear's is [out, in]."""
    return variable.endswith("/kernel")


def tensors_of(variables: Arrays, prefix: str) -> Arrays:
    """Return the variables of a model as Hugging Face's tensors."""
    return {
        names_of(name, prefix)[0]: np.ascontiguousarray(
            array.T if is_transposed(name) else array
        )
        for name, array in variables.items()
    }
