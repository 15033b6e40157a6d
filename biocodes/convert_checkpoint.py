"""Turns a BERT in Hugging Face form into a TensorFlow 1 checkpoint.

    python biocodes/convert_checkpoint.py --input_dir=DIR --output_dir=DIR

reads config.json, vocab.txt and model.safetensors (or pytorch_model.bin) and writes
bert_config.json, vocab.txt and the checkpoint model.ckpt that a run can start from.
Only the encoder is carried over: embeddings, layers and pooler. The tensors that stay
behind, such as the heads of a fine-tuned model, are listed. A folder that would give
another model than its files describe is refused.
"""

import contextlib
import os
import re
import shutil
import sys
import warnings

import numpy as np

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import command, files

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

# Hugging Face's name → ours. Its "gelu_new", "gelu_fast" and the like are the tanh
# approximation, which the encoder does not compute; "gelu_python" is the exact one.
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "relu": "relu",
    "tanh": "tanh",
    "linear": "linear",
}

# What the encoder computes whatever the configuration says: a model trained with
# something else would be silently wrong here.
FIXED_SETTINGS = {
    "model_type": "bert",
    "position_embedding_type": "absolute",
    "layer_norm_eps": 1e-12,
    "is_decoder": False,
    "add_cross_attention": False,
}

# Some exports keep these constants (0, 1, 2, … and 0, 0, 0, …) among the weights.
CONSTANTS = ("embeddings.position_ids", "embeddings.token_type_ids")

# PyTorch before 2.6 can be made to run code by a weights file even when it is told
# to load weights only (CVE-2025-32434).
SAFE_TORCH = (2, 6)


def main(argv=None):
    flags = parse_flags(argv)
    config, vocabulary = read_description(flags.input_dir)
    advice = case_advice(flags.input_dir, vocabulary)
    variables, left_behind = read_encoder(flags.input_dir, config)
    write_model(flags.output_dir, config, vocabulary, variables)
    weights = sum(array.size for array in variables.values())
    print(f"{flags.output_dir}: bert_config.json, vocab.txt and model.ckpt written")
    print(f"{len(variables)} variables of the encoder, {weights:,} weights")
    print("not carried over: " + (", ".join(left_behind) or "nothing"))
    print(advice)


def parse_flags(argv):
    parser = command.ArgumentParser(
        description="Turns a BERT in Hugging Face form into a TensorFlow 1 checkpoint.",
    )
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


# Configuration and vocabulary


def read_description(folder):
    """(bert_config as a dict, vocab.txt as a list of lines) of a Hugging Face folder.

    Raises:
      InputError: one of the two files is missing or malformed, describes another
        architecture than the encoder's, or they disagree on the vocabulary's size.
    """
    if not os.path.isdir(folder):
        raise files.InputError("no such folder", folder)
    config = read_config(os.path.join(folder, "config.json"))
    vocab_path = os.path.join(folder, "vocab.txt")
    vocabulary = [text for _, text in files.read_lines(vocab_path)]
    while vocabulary and not vocabulary[-1]:  # blank lines at the end are no pieces
        vocabulary.pop()
    if len(vocabulary) != config["vocab_size"]:
        raise files.InputError(
            f"{len(vocabulary):,} pieces, but vocab_size in config.json is "
            f"{config['vocab_size']:,}",
            vocab_path,
            remedy="take both files from the same model",
        )
    return config, vocabulary


def read_config(path):
    """The keys of config.json that bert_config.json has, checked.

    Raises:
      InputError: a key is missing or its value is one that the encoder cannot have.
    """
    config = files.read_json(path)
    if not isinstance(config, dict):
        raise files.InputError("not a JSON object", path)
    for key, needed in FIXED_SETTINGS.items():
        if config.get(key, needed) != needed:
            raise files.InputError(
                f"{key} is {config[key]!r}, but the encoder knows only {needed!r}", path
            )
    missing = [key for key in CONFIG_KEYS if key not in config]
    if missing:
        raise files.InputError(f"without the key {', '.join(missing)}", path)
    check_values(config, path)
    chosen = {key: config[key] for key in sorted(CONFIG_KEYS)}
    chosen["hidden_act"] = ACTIVATIONS[config["hidden_act"]]
    return chosen


def check_values(config, path):
    """Raises InputError for a value of the wrong type or out of its range."""
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
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise files.InputError(
            f"hidden_act is {activation!r}, but the encoder knows only "
            f"{', '.join(ACTIVATIONS)}",
            path,
        )


def case_advice(folder, vocabulary):
    """One line: which --do_lower_case the model was made for, and how that is known."""
    path = os.path.join(folder, "tokenizer_config.json")
    settings = files.read_json(path) if os.path.exists(path) else None
    lower = settings.get("do_lower_case") if isinstance(settings, dict) else None
    source = "tokenizer_config.json says so"
    if not isinstance(lower, bool):
        # "[UNK]" and its like are upper case in every vocabulary.
        pieces = [piece for piece in vocabulary if not piece.startswith("[")]
        lower = all(piece == piece.lower() for piece in pieces)
        source = f"the vocabulary has {'no' if lower else ''} upper-case pieces"
    value = "true" if lower else "false"
    return f"use it with --do_lower_case={value} ({' '.join(source.split())})"


# Weights as Hugging Face's tools save them


def read_weights(folder):
    """(path, {tensor name: float32 array, or None if not of floating point}).

    Raises:
      InputError: no file of weights, or one that cannot be read safely.
    """
    readers = {
        "model.safetensors": read_safetensors,
        "pytorch_model.bin": read_pytorch,
    }
    for name, reader in readers.items():
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return path, reader(path)
    for name in readers:
        if os.path.exists(os.path.join(folder, name + ".index.json")):
            raise files.InputError(
                "weights in several files are not read",
                folder,
                remedy=f"save the model as one {name}",
            )
    raise files.InputError(f"holds no {' or '.join(readers)}", folder)


def read_safetensors(path):
    """Tensors of a safetensors file, see read_weights."""
    try:
        import safetensors
    except ImportError as error:
        raise files.InputError(
            "needs the package safetensors to be read",
            path,
            remedy="pip install -r biocodes/requirements.txt",
        ) from error
    with files.open_binary(path) as stream:
        content = stream.read()
    try:
        tensors = safetensors.deserialize(content)
    except safetensors.SafetensorError as error:
        raise files.InputError(
            f"not a whole safetensors file ({error})", path, remedy="download it again"
        ) from error
    return {name: widen(tensor) for name, tensor in tensors}


def widen(tensor):
    """One tensor as safetensors hands it out → float32 array, or None."""
    kind, shape, data = tensor["dtype"], tensor["shape"], tensor["data"]
    if kind == "BF16":  # the upper half of a float32
        bits = np.frombuffer(data, "<u2").astype("<u4") << 16
        return bits.view("<f4").reshape(shape)
    if kind not in ("F16", "F32", "F64"):
        return None
    array = np.frombuffer(data, f"<f{int(kind[1:]) // 8}").reshape(shape)
    with np.errstate(over="ignore"):  # fitting_array refuses what became infinite
        return array.astype(np.float32, copy=False)


def read_pytorch(path):
    """Tensors of a PyTorch file, see read_weights; nothing in it is executed."""
    remedy = (
        "pip install 'torch>=2.6' (needs Python 3.9 or later), or save the model as "
        "model.safetensors"
    )
    try:
        import torch
    except ImportError as error:
        raise files.InputError(
            "needs PyTorch to be read", path, None, remedy
        ) from error
    version = tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2])
    if version < SAFE_TORCH:
        raise files.InputError(
            f"PyTorch {torch.__version__} may run code that a weights file hides",
            path,
            remedy=remedy,
        )
    with files.open_binary(path) as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tensors = torch.load(stream, map_location="cpu", weights_only=True)
        except Exception as error:  # a dozen kinds, all with the same meaning here
            raise files.InputError(
                f"not a whole file of plain tensors ({type(error).__name__})", path
            ) from error
    if not isinstance(tensors, dict):
        raise files.InputError("not a dictionary of tensors", path)
    return {
        str(name): tensor.detach().to(torch.float32).numpy()
        if torch.is_tensor(tensor) and tensor.is_floating_point()
        else None
        for name, tensor in tensors.items()
    }


# From their names and layout to ours


def read_encoder(folder, config):
    """({variable: float32 array}, names left behind) from the folder's weights.

    Variables are named and laid out as in the checkpoints of BERT (Devlin et al.
    2019); the order is that of encoder_shapes.

    Raises:
      InputError: the weights are not exactly those of the encoder that config
        describes: a tensor is missing, of another shape or type, not finite, or left
        over among the encoder's own.
    """
    path, weights = read_weights(folder)
    prefix = find_prefix(weights, path)
    check_layers(weights, prefix, config, path)
    variables, missing = {}, []
    for variable, shape in encoder_shapes(config).items():
        name = next((n for n in names_of(variable, prefix) if n in weights), None)
        if name is None:
            missing.append(names_of(variable, prefix)[0])
            continue
        variables[variable] = fitting_array(
            weights.pop(name), shape, name, variable.endswith("/kernel"), path
        )
    if missing:
        raise files.InputError(f"without the encoder's {listed(missing)}", path)
    left_behind = sorted(weights)
    unknown = [name for name in left_behind if is_of_encoder(name, prefix)]
    if unknown:
        raise files.InputError(
            f"has {listed(unknown)}, which no BERT encoder has", path
        )
    return variables, left_behind


def listed(names):
    """The names for a message, the first three at most."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def find_prefix(weights, path):
    """What stands before "embeddings.": "bert." in a model with a head, or ""."""
    first = "embeddings.word_embeddings.weight"
    found = [name[: -len(first)] for name in weights if name.endswith(first)]
    if not found:
        raise files.InputError(f"without the tensor {first}: not a BERT", path)
    if len(found) > 1 or found[0] not in ("", "bert."):
        names = ", ".join(f"{prefix}{first}" for prefix in sorted(found))
        raise files.InputError(
            f"has {names}, where a single BERT has {first} or bert.{first}", path
        )
    return found[0]


def check_layers(weights, prefix, config, path):
    """Raises InputError unless the weights have as many layers as config says."""
    pattern = re.compile(re.escape(prefix) + r"encoder\.layer\.(\d+)\.")
    matches = filter(None, map(pattern.match, weights))
    layers = len({match.group(1) for match in matches})
    if layers != config["num_hidden_layers"]:
        raise files.InputError(
            f"holds {layers} layers, but num_hidden_layers in config.json is "
            f"{config['num_hidden_layers']}",
            path,
        )


def encoder_shapes(config):
    """{variable name: shape} of the encoder, in the order in which it is built."""
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


def names_of(variable, prefix):
    """The names that a variable's tensor may have in Hugging Face's files.

    "bert/encoder/layer_0/output/LayerNorm/gamma" with the prefix "bert." is
    "bert.encoder.layer.0.output.LayerNorm.weight", or ends in ".gamma" in older ones.
    """
    name = prefix + variable[len("bert/") :].replace("layer_", "layer.")
    scope, _, last = name.replace("/", ".").rpartition(".")
    if last.endswith("_embeddings"):
        return [f"{scope}.{last}.weight"]
    theirs = {"kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias"}
    return list(dict.fromkeys([f"{scope}.{theirs[last]}", f"{scope}.{last}"]))


def fitting_array(array, shape, name, transposed, path):
    """The tensor as the variable's array; a Linear's weight is stored [out, in].

    Raises:
      InputError: it is of another type or shape, or holds NaN or infinity.
    """
    if array is None:
        raise files.InputError(f"tensor {name} is not of floating point", path)
    array = array.T if transposed else array
    if array.shape != shape:
        theirs, ours = (
            list(s[::-1] if transposed else s) for s in (array.shape, shape)
        )
        raise files.InputError(
            f"tensor {name} has the shape {theirs}, but config.json makes it {ours}",
            path,
        )
    if not np.isfinite(array).all():
        raise files.InputError(f"tensor {name} holds numbers that are not finite", path)
    return array


def is_of_encoder(name, prefix):
    """Whether a tensor left over would have changed what the encoder computes."""
    inner = name[len(prefix) :] if name.startswith(prefix) else ""
    return inner.startswith(("embeddings.", "encoder.")) and inner not in CONSTANTS


# Writing


def write_model(folder, config, vocabulary, variables):
    """Writes bert_config.json, vocab.txt and model.ckpt.* into the folder.

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


def save_checkpoint(prefix, variables):
    """Saves {name: array} as the TensorFlow 1 checkpoint prefix.index, prefix.data-….

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


def quiet_tensorflow():
    """TensorFlow's version 1 interface, without the noise of importing it.

    Imported here and not at the top: no refusal has to wait seconds for it.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow.compat.v1 as tf
    tf.logging.set_verbosity(tf.logging.ERROR)
    return tf


if __name__ == "__main__":
    command.run(main)
