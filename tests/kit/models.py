"""The tiny BERT as a model, and its checkpoints: copied, saved, read."""

import pathlib
import shutil
from typing import Any, Dict, Optional, Sequence, Union

import numpy as np
import tensorflow.compat.v1 as tf

import modeling
import tokenization
from biocodes.lib import files, model_folder
from finetuning import checkpoints
from finetuning.model import Head, Model
from kit.golden import CONFIG_FILE, VOCAB_FILE

tf.disable_v2_behavior()

PARTS = (".index", ".data-00000-of-00001")


def tiny_config(**changes: Any) -> modeling.BertConfig:
    """Return the configuration of the tiny BERT, with some values changed."""
    return modeling.BertConfig(**dict(files.read_json(CONFIG_FILE), **changes))


def tiny_facts() -> Dict[str, Any]:
    """Return what Model.from_flags says of the tiny BERT, which is cased."""
    return {
        "bert_config": tiny_config().to_dict(),
        "vocabulary": files.digest(VOCAB_FILE),
        "do_lower_case": False,
    }


def tiny_model(
    head: Optional[Head] = None,
    labels: Sequence[str] = (),
    config: Optional[modeling.BertConfig] = None,
) -> Model:
    """Return the tiny BERT as a Model.

    Args:
      head: see finetuning/model.py.
      labels: its labels.
      config: another configuration than the tiny BERT's.
    """
    tokenizer = tokenization.FullTokenizer(VOCAB_FILE, False)
    model = Model(config or tiny_config(), tokenizer, tiny_facts())
    return model if head is None else model.with_head(head, labels)


def head_over_pieces(num_labels: int) -> Head:
    """Make a head that predicts a label for each piece, as FINE_TUNED has one."""

    def head(encoder: modeling.Outputs, features: Any, mode: str) -> Any:
        logits = modeling.output_layer(encoder.get_sequence_output(), num_labels)
        return None, {"label_ids": tf.argmax(logits, -1, output_type=tf.int32)}

    return head


# Checkpoints


def copy_checkpoint(
    source: str,
    folder: Union[str, pathlib.Path],
    name: Optional[str] = None,
    parts: Sequence[str] = PARTS,
    cut: Optional[int] = None,
) -> str:
    """Copy a checkpoint into a folder.

    Args:
      source: its prefix.
      folder: where it goes.
      name: of the copy; default: its own.
      parts: endings of the files that are copied.
      cut: size that its weights are cut to; default: not cut.

    Returns:
      Prefix of the copy.
    """
    prefix = pathlib.Path(folder, name or pathlib.Path(source).name)
    for part in parts:
        path = f"{prefix}{part}"
        shutil.copy(source + part, path)
        if cut is not None and ".data" in part:
            with open(path, "r+b") as stream:
                stream.truncate(cut)
    return str(prefix)


def save_checkpoint(prefix: pathlib.Path, values: Dict[str, Any]) -> str:
    """Save a checkpoint of variables given as arrays by name; return its prefix."""
    with tf.Graph().as_default(), tf.Session() as session:
        for name, value in values.items():
            tf.get_variable(name, initializer=np.asarray(value), use_resource=True)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(prefix), write_meta_graph=False)
    return str(prefix)


def values_of(prefix: str) -> Dict[str, np.ndarray]:
    """Read all variables of a checkpoint."""
    reader = tf.train.load_checkpoint(prefix)
    return {name: reader.get_tensor(name) for name in checkpoints.shapes(prefix)}


def value_of(prefix: str, name: str) -> np.ndarray:
    """Read a variable of a checkpoint."""
    return tf.train.load_checkpoint(prefix).get_tensor(name)


def steps_in(folder: pathlib.Path) -> Sequence[int]:
    """List the steps of the checkpoints in a folder, sorted."""
    prefixes = model_folder.prefixes_in(str(folder))
    return sorted(model_folder.step_of_name(prefix) for prefix in prefixes)
