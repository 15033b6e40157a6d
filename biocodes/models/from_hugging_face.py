"""From Hugging Face's tensors to our variables, and from its labels to ours."""

import os
import re
from typing import Sequence, Tuple

import numpy as np

from biocodes.lib import files, hugging_face
from biocodes.lib.bert_config import Config, Shapes, encoder_shapes
from biocodes.lib.labels import (
    LABEL_FILE,
    are_labels,
    of_entity_recognition,
    read_labels,
)
from biocodes.models import layout
from biocodes.models.layout import Arrays, is_transposed, names_of

# Some exports keep these constants (0, 1, 2, … and 0, 0, 0, …) among the weights.
CONSTANTS = ("embeddings.position_ids", "embeddings.token_type_ids")
# What config.json says of a classifier of texts.
PROBLEM_TYPES = {
    layout.RE: "single_label_classification",
    layout.MULTILABEL: "multi_label_classification",
}
# What decodes to words is the embeddings once more; a bias may be there twice.
TIED = {
    "cls.predictions.decoder.weight": "bert/embeddings/word_embeddings",
    "cls.predictions.decoder.bias": "cls/predictions/output_bias",
}


# What a configuration says


def kind_of(folder: str) -> str:
    """Return the kind of model by the architecture in config.json; else an encoder."""
    config = files.read_json(os.path.join(folder, "config.json"))
    names = config.get("architectures")
    several = PROBLEM_TYPES[layout.MULTILABEL]
    if names == [layout.KINDS[layout.MULTILABEL].architecture]:
        is_several = config.get("problem_type") == several
        return layout.MULTILABEL if is_several else layout.RE
    for kind, about in layout.KINDS.items():
        if names == [about.architecture]:
            return kind
    return layout.ENCODER


def read_labels_of(folder: str) -> Tuple[str, ...]:
    """Read the labels of a folder: label2id.json, or id2label of config.json.

    Returns:
      Names in the order of their ids; () if there are none, or they are no labels.

    Raises:
      InputError: label2id.json is not what export_model.py writes.
    """
    path = os.path.join(folder, LABEL_FILE)
    if os.path.exists(path):
        return tuple(read_labels(path))
    names = files.read_json(os.path.join(folder, "config.json")).get("id2label")
    if not isinstance(names, dict):
        return ()
    ids = [str(number) for number in range(len(names))]
    labels = [names.get(number) for number in ids]
    return tuple(labels) if are_labels(labels) else ()


# Weights


def take_encoder(weights: hugging_face.Tensors, config: Config, path: str) -> Arrays:
    """Take the variables of the encoder out of a folder's weights.

    Args:
      weights: of the folder; what is left in them belongs to no encoder.
      config: of the folder.
      path: of the weights' file.

    Returns:
      Variables named and laid out as in the checkpoints of BERT (Devlin et al. 2019),
      in the order of encoder_shapes.

    Raises:
      InputError: the weights are not exactly those of the encoder that config
        describes: a tensor is missing, of another shape or type, not finite, or left
        over among the encoder's own.
    """
    prefix = find_prefix(weights, path)
    check_layers(weights, prefix, config, path)
    shapes = encoder_shapes(config)
    missing = [
        names_of(variable, prefix)[0]
        for variable in shapes
        if not any(name in weights for name in names_of(variable, prefix))
    ]
    variables = take_variables(weights, shapes, prefix, path)
    if missing:
        raise files.InputError(f"without the encoder's {listed(missing)}", path)
    unknown = [name for name in sorted(weights) if is_of_encoder(name, prefix)]
    if unknown:
        raise files.InputError(
            f"has {listed(unknown)}, which no BERT encoder has", path
        )
    return variables


def take_variables(
    weights: hugging_face.Tensors, shapes: Shapes, prefix: str, path: str
) -> Arrays:
    """Take variables of these shapes out of weights, those that are there."""
    variables = {}
    for variable, shape in shapes.items():
        name = next((n for n in names_of(variable, prefix) if n in weights), None)
        if name is None:
            continue
        array = weights.pop(name)
        if array is None:
            raise files.InputError(f"tensor {name} is not of floating point", path)
        turned = is_transposed(variable)
        variables[variable] = array.T if turned else array
        check_array(array, shape[::-1] if turned else shape, name, path)
    return variables


def take_head(
    weights: hugging_face.Tensors, encoder: Arrays, config: Config, path: str
) -> Tuple[Arrays, Tuple[str, ...]]:
    """Take the head out of what the encoder has left, if the suite has such a head.

    Args:
      weights: what is left.
      encoder: its variables.
      config: of the folder.
      path: of the weights' file.

    Returns:
      (variables, labels); empty ones where there is no such head.

    Raises:
      InputError: it is there, but of another shape or type, or not finite.
    """
    folder = os.path.dirname(path)
    kind = kind_of(folder)
    labels: Tuple[str, ...] = ()
    if kind in (layout.NER, layout.RE, layout.MULTILABEL):
        labels = read_labels_of(folder)
        # Of entity recognition only our scripts' own heads know what pieces are.
        if not labels or (kind == layout.NER) != of_entity_recognition(labels):
            return {}, ()
    shapes = layout.head_shapes(kind, config, len(labels))
    if not all(names_of(name, "")[0] in weights for name in shapes):
        return {}, ()
    head = take_variables(weights, shapes, "", path)
    known = {**encoder, **head}
    for name, variable in TIED.items():
        if name in weights and np.array_equal(weights[name], known.get(variable)):
            del weights[name]
    return head, labels


def listed(names: Sequence[str]) -> str:
    """List names for a message, the first three at most."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def find_prefix(weights: hugging_face.Tensors, path: str) -> str:
    """Find what stands before "embeddings.": "bert." in a model with a head, or ""."""
    known = "embeddings.word_embeddings.weight"
    prefixes = [name[: -len(known)] for name in weights if name.endswith(known)]
    if not prefixes:
        raise files.InputError(f"without the tensor {known}: not a BERT", path)
    if len(prefixes) > 1 or prefixes[0] not in ("", "bert."):
        names = ", ".join(f"{prefix}{known}" for prefix in sorted(prefixes))
        raise files.InputError(
            f"has {names}, where a single BERT has {known} or bert.{known}", path
        )
    return prefixes[0]


def check_layers(
    weights: hugging_face.Tensors, prefix: str, config: Config, path: str
) -> None:
    """Raise InputError unless the weights have as many layers as config says."""
    pattern = re.compile(re.escape(prefix) + r"encoder\.layer\.(\d+)\.")
    matches = filter(None, map(pattern.match, weights))
    layers = len({match.group(1) for match in matches})
    if layers != config["num_hidden_layers"]:
        raise files.InputError(
            f"holds {layers} layers, but num_hidden_layers in config.json is "
            f"{config['num_hidden_layers']}",
            path,
        )


def check_array(
    array: np.ndarray, shape: Tuple[int, ...], name: str, path: str
) -> None:
    """Raise InputError if a tensor is of another shape, or holds NaN or infinity."""
    if array.shape != shape:
        raise files.InputError(
            f"tensor {name} has the shape {list(array.shape)}, but config.json makes "
            f"it {list(shape)}",
            path,
        )
    if not np.isfinite(array).all():
        raise files.InputError(f"tensor {name} holds numbers that are not finite", path)


def is_of_encoder(name: str, prefix: str) -> bool:
    """Return whether a tensor left over would change what the encoder computes."""
    inner = name[len(prefix) :] if name.startswith(prefix) else ""
    return inner.startswith(("embeddings.", "encoder.")) and inner not in CONSTANTS
