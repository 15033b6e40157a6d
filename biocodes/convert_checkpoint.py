"""A BERT in Hugging Face form as a TensorFlow 1 checkpoint to start from."""

import argparse
import contextlib
import os
import re
import shutil
import sys
from types import ModuleType
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import command, files, hugging_face, tensorflow_import
from biocodes.lib.hugging_face import Config

DESCRIPTION = """\
Turn a BERT in Hugging Face form into a TensorFlow 1 checkpoint.

  python biocodes/convert_checkpoint.py --input_dir=biobert-base-cased-v1.2 \\
    --output_dir=biobert_v1.2

reads config.json, vocab.txt and model.safetensors (or pytorch_model.bin) and writes
bert_config.json, vocab.txt and the checkpoint model.ckpt that a run can start from.
"""
DETAILS = """\
Only the encoder is carried over: embeddings, layers and pooler. The tensors that stay
behind, such as the heads of a fine-tuned model, are listed. A folder that would give
another model than its files describe is refused.
"""

# Some exports keep these constants (0, 1, 2, … and 0, 0, 0, …) among the weights.
CONSTANTS = ("embeddings.position_ids", "embeddings.token_type_ids")

# Variable name → float32 array.
Variables = Dict[str, np.ndarray]


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(description=DESCRIPTION, epilog=DETAILS)
    parser.add_argument(
        "--input_dir",
        required=True,
        metavar="DIR",
        help="config.json, vocab.txt, model.safetensors or pytorch_model.bin",
    )
    parser.add_argument(
        "--output_dir",
        required=True,
        metavar="DIR",
        help="where bert_config.json, vocab.txt and model.ckpt are written",
    )
    return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Write the checkpoint, and print what it holds and what was left behind."""
    flags = parse_flags(argv)
    tensorflow_import.check_path(flags.output_dir, "--output_dir")
    config, vocabulary = hugging_face.read_description(flags.input_dir)
    advice = hugging_face.case_advice(flags.input_dir, vocabulary)
    variables, left_behind = read_encoder(flags.input_dir, config)
    write_model(flags.output_dir, config, vocabulary, variables)
    weights = sum(array.size for array in variables.values())
    print(f"{flags.output_dir}: bert_config.json, vocab.txt and model.ckpt written")
    print(f"{len(variables)} variables of the encoder, {weights:,} weights")
    print("not carried over: " + (", ".join(left_behind) or "nothing"))
    print(advice)


# From their names and layout to ours


def read_encoder(folder: str, config: Config) -> Tuple[Variables, List[str]]:
    """Read (variables of the encoder, names left behind) of the folder's weights.

    Variables are named and laid out as in the checkpoints of BERT (Devlin et al.
    2019); the order is that of encoder_shapes.

    Raises:
      InputError: the weights are not exactly those of the encoder that config
        describes: a tensor is missing, of another shape or type, not finite, or left
        over among the encoder's own.
    """
    path, weights = hugging_face.read_weights(folder)
    prefix = find_prefix(weights, path)
    check_layers(weights, prefix, config, path)
    variables, missing = {}, []
    for variable, shape in encoder_shapes(config).items():
        name = next((n for n in names_of(variable, prefix) if n in weights), None)
        if name is None:
            missing.append(names_of(variable, prefix)[0])
            continue
        array = weights.pop(name)
        if array is None:
            raise files.InputError(f"tensor {name} is not of floating point", path)
        # A Linear's weight is stored [out, in].
        is_transposed = variable.endswith("/kernel")
        variables[variable] = array.T if is_transposed else array
        check_array(array, shape[::-1] if is_transposed else shape, name, path)
    if missing:
        raise files.InputError(f"without the encoder's {listed(missing)}", path)
    left_behind = sorted(weights)
    unknown = [name for name in left_behind if is_of_encoder(name, prefix)]
    if unknown:
        raise files.InputError(
            f"has {listed(unknown)}, which no BERT encoder has", path
        )
    return variables, left_behind


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


def encoder_shapes(config: Config) -> Dict[str, Tuple[int, ...]]:
    """Return {variable name: shape} of the encoder, in the order of its building."""
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


def names_of(variable: str, prefix: str) -> List[str]:
    """Return the names that a variable's tensor may have in Hugging Face's files.

    "bert/encoder/layer_0/output/LayerNorm/gamma" with the prefix "bert." is
    "bert.encoder.layer.0.output.LayerNorm.weight", or ends in ".gamma" in older ones.
    """
    name = prefix + variable[len("bert/") :].replace("layer_", "layer.")
    scope, _, last = name.replace("/", ".").rpartition(".")
    if last.endswith("_embeddings"):
        return [f"{scope}.{last}.weight"]
    theirs = {"kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias"}
    return list(dict.fromkeys([f"{scope}.{theirs[last]}", f"{scope}.{last}"]))


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


# Writing


def write_model(
    folder: str, config: Config, vocabulary: Sequence[str], variables: Variables
) -> None:
    """Write bert_config.json, vocab.txt and model.ckpt.* into the folder.

    All of it is written in a folder inside and then moved to its place. The old
    configuration goes first and the new one comes last: where there is one, the rest
    is whole and belongs to it.

    Raises:
      InputError: the folder cannot be written, or the disk is full.
    """
    beside = os.path.join(folder, "model.ckpt.incomplete")
    files.make_folder(folder)
    shutil.rmtree(beside, ignore_errors=True)  # a killed run's
    files.make_folder(beside)
    try:
        with files.whole_file(os.path.join(beside, "vocab.txt")) as stream:
            stream.writelines(piece + "\n" for piece in vocabulary)
        files.write_json(os.path.join(beside, "bert_config.json"), config)
        save_checkpoint(os.path.join(beside, "model.ckpt"), variables)
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, "bert_config.json"))
        written = os.listdir(beside)
        written.sort(key=lambda name: name == "bert_config.json")
        for name in written:
            os.replace(os.path.join(beside, name), os.path.join(folder, name))
    except OSError as error:
        raise files.unwritable(folder, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def save_checkpoint(prefix: str, variables: Variables) -> None:
    """Save the TensorFlow 1 checkpoint prefix.index and prefix.data-….

    Raises:
      InputError: it cannot be written.
    """
    tf = quiet_tensorflow()
    no_gpu = tf.ConfigProto(device_count={"GPU": 0})
    with tf.Graph().as_default(), tf.Session(config=no_gpu) as session:
        for name, array in variables.items():
            # Fed, because as a constant it would count against a graph's 2 GB.
            value = tf.placeholder(tf.float32, array.shape)
            variable = tf.get_variable(name, initializer=value)
            session.run(variable.initializer, {value: array})
        try:
            tf.train.Saver().save(
                session, prefix, write_meta_graph=False, write_state=False
            )
        except tf.errors.OpError as error:
            raise files.InputError(
                f"cannot be written ({error.message.splitlines()[0]})", prefix
            ) from error


def quiet_tensorflow() -> ModuleType:
    """Import TensorFlow's version 1 interface, without the noise of that.

    Here and not at the top: wrong input is reported without waiting seconds for it.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tensorflow_import.importing():
        import tensorflow.compat.v1 as tf
    tf.logging.set_verbosity(tf.logging.ERROR)
    return tf


if __name__ == "__main__":
    command.run(main)
