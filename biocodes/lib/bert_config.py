"""bert_config.json: the keys that it has, and the values that an encoder can have.

TensorFlow takes seconds to import, so these checks come before it; a test compares them
with those of `modeling`.
"""

from typing import Any, Dict, Tuple

from biocodes.lib import files

COUNT_KEYS = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
)
NUMBER_KEYS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "initializer_range",
)
CONFIG_KEYS = COUNT_KEYS + NUMBER_KEYS + ("hidden_act",)
# What the encoder can compute, as bert_config.json names it.
ACTIVATIONS = ("gelu", "relu", "tanh", "linear")
# What published models have where their configuration does not say.
DEFAULTS = {
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "type_vocab_size": 2,
    "initializer_range": 0.02,
}

# bert_config.json: names and numbers, and the name of an activation.
Config = Dict[str, Any]
# Name of a variable → its sizes.
Shapes = Dict[str, Tuple[int, ...]]


def read_bert_config(path: str) -> Config:
    """Read the CONFIG_KEYS of bert_config.json; DEFAULTS stand for what it lacks.

    Raises:
      InputError: it cannot be read, or its values cannot be.
    """
    values = files.read_json(path)
    if not isinstance(values, dict):
        raise files.InputError("the configuration must be a JSON object", path)
    values = {**DEFAULTS, **values}
    check_keys(values, path)
    check_values(values, path)
    return {key: values[key] for key in sorted(CONFIG_KEYS)}


def check_keys(config: Config, path: str) -> None:
    """Raise InputError if one of CONFIG_KEYS is missing."""
    missing = [key for key in CONFIG_KEYS if key not in config]
    if missing:
        raise files.InputError(f"without the key {', '.join(missing)}", path)


def check_values(
    config: Config, path: str, activations: Tuple[str, ...] = ACTIVATIONS
) -> None:
    """Raise InputError for a value of the wrong type or out of its range.

    Args:
      config: has all CONFIG_KEYS.
      path: of its file.
      activations: names that hidden_act may have.
    """
    for key in COUNT_KEYS:
        if type(config[key]) is not int or config[key] < 1:
            raise files.InputError(
                f"{key} must be a whole number from 1, not {config[key]!r}", path
            )
    for key in NUMBER_KEYS:
        if type(config[key]) not in (int, float) or not 0 <= config[key] < 1:
            raise files.InputError(
                f"{key} must be a number from 0 to below 1, not {config[key]!r}", path
            )
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    if hidden % heads:
        raise files.InputError(
            f"hidden_size {hidden} is not a multiple of num_attention_heads {heads}",
            path,
        )
    activation = config["hidden_act"]
    if not isinstance(activation, str) or activation not in activations:
        raise files.InputError(
            f"hidden_act is {activation!r}, but the encoder knows only "
            f"{', '.join(activations)}",
            path,
        )


def encoder_shapes(config: Config) -> Shapes:
    """Return the encoder's variables, in the order of its building."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    norm = {"LayerNorm/beta": (hidden,), "LayerNorm/gamma": (hidden,)}

    def dense(inputs, outputs):
        return {"dense/kernel": (inputs, outputs), "dense/bias": (outputs,)}

    shapes = {
        "bert/embeddings/word_embeddings": (config["vocab_size"], hidden),
        "bert/embeddings/token_type_embeddings": (config["type_vocab_size"], hidden),
        "bert/embeddings/position_embeddings": (
            config["max_position_embeddings"],
            hidden,
        ),
    }
    blocks = [("bert/embeddings", norm)]
    for number in range(config["num_hidden_layers"]):
        layer = f"bert/encoder/layer_{number}"
        for part in ("query", "key", "value"):
            projection = {"kernel": (hidden, hidden), "bias": (hidden,)}
            blocks.append((f"{layer}/attention/self/{part}", projection))
        blocks.append((f"{layer}/attention/output", {**dense(hidden, hidden), **norm}))
        blocks.append((f"{layer}/intermediate", dense(hidden, inner)))
        blocks.append((f"{layer}/output", {**dense(inner, hidden), **norm}))
    blocks.append(("bert/pooler", dense(hidden, hidden)))
    for scope, variables in blocks:
        shapes.update({f"{scope}/{name}": size for name, size in variables.items()})
    return shapes
