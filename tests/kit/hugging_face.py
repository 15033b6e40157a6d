"""A small BERT in Hugging Face form, and the checkpoint that it is converted to."""

import json
import os

import numpy as np
import safetensors.numpy
import tensorflow.compat.v1 as tf

from biocodes import convert_checkpoint

CONFIG = {
    "architectures": ["BertModel"],
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 8,
    "initializer_range": 0.02,
    "intermediate_size": 12,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 10,
    "model_type": "bert",
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "position_embedding_type": "absolute",
    "type_vocab_size": 2,
    "vocab_size": 9,
}
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "Ataxia", "##α", "é", "gene", "."]
OUTPUTS = [
    "bert_config.json",
    "model.ckpt.data-00000-of-00001",
    "model.ckpt.index",
    "vocab.txt",
]


def make_tensors(prefix="", norms=("weight", "bias")):
    """Make random tensors under the names and in the layout that PyTorch's BERT has."""
    random = np.random.RandomState(7)
    hidden, inner = CONFIG["hidden_size"], CONFIG["intermediate_size"]
    tensors = {}

    def add(name, *shape):
        values = random.normal(0.0, 0.5, shape)
        tensors[prefix + name] = values.astype(np.float16).astype(np.float32)

    def linear(name, inputs, outputs):
        add(name + ".weight", outputs, inputs)
        add(name + ".bias", outputs)

    def norm(name):
        for part in norms:
            add(f"{name}.LayerNorm.{part}", hidden)

    add("embeddings.word_embeddings.weight", CONFIG["vocab_size"], hidden)
    add("embeddings.position_embeddings.weight", 10, hidden)
    add("embeddings.token_type_embeddings.weight", 2, hidden)
    norm("embeddings")
    for number in range(CONFIG["num_hidden_layers"]):
        layer = f"encoder.layer.{number}."
        for part in ("query", "key", "value"):
            linear(layer + "attention.self." + part, hidden, hidden)
        linear(layer + "attention.output.dense", hidden, hidden)
        norm(layer + "attention.output")
        linear(layer + "intermediate.dense", hidden, inner)
        linear(layer + "output.dense", inner, hidden)
        norm(layer + "output")
    linear("pooler.dense", hidden, hidden)
    return tensors


def write_folder(folder, tensors=None, config=CONFIG, vocabulary=VOCABULARY):
    """Write the three files of a model; return the folder."""
    os.makedirs(str(folder), exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    text = "".join(f"{piece}\n" for piece in vocabulary)
    (folder / "vocab.txt").write_bytes(text.encode("utf-8"))
    tensors = make_tensors() if tensors is None else tensors
    safetensors.numpy.save_file(tensors, str(folder / "model.safetensors"))
    return folder


def convert(source, output, *more):
    """Run the command; return the output folder."""
    paths = [f"--input_dir={source}", f"--output_dir={output}"]
    convert_checkpoint.main([*paths, *more])
    return output


def read_checkpoint(folder):
    """Return {variable: array} of the checkpoint in a folder."""
    reader = tf.train.load_checkpoint(os.path.join(str(folder), "model.ckpt"))
    return {
        name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()
    }


def without(values, *keys):
    """Return a dict without some of its keys."""
    return {key: value for key, value in values.items() if key not in keys}
