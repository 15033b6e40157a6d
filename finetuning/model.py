"""A model: configuration, tokenizer, labels and head, checked before TensorFlow runs.

A task brings its head as a function

  head(encoder, features, mode) → loss, predictions

  encoder: modeling.Outputs of a batch, or of a part of one.
  features: dict of int32 tensors, as batches.batch_of makes them.
  mode: estimator.ModeKeys.
  loss: float scalar, the sum over the batch; or float [B], one for each example, which
    stands for the mean over the examples of a step; None without labels.
  predictions: dict of tensors [B, ...] by name; with labels also "loss" [B].
"""

import os
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import tensorflow.compat.v1 as tf

import modeling
import tokenization
from biocodes.lib import files
from biocodes.lib.labels import LABEL_FILE, read_labels
from finetuning import checkpoints, model_dir
from finetuning.command_line import log
from finetuning.estimator import ModeKeys

Tensors = Dict[str, tf.Tensor]
Head = Callable[[modeling.Outputs, Tensors, str], Tuple[Optional[tf.Tensor], Tensors]]


# What published models have where their configuration does not say.
DEFAULTS = {
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "type_vocab_size": 2,
    "initializer_range": 0.02,
}
# Sizes beyond which a configuration is taken for garbage.
LARGEST = {
    "vocab_size": 10**7,
    "hidden_size": 1 << 16,
    "num_hidden_layers": 1000,
    "num_attention_heads": 1 << 12,
    "intermediate_size": 1 << 18,
    "max_position_embeddings": 10**6,
    "type_vocab_size": 1000,
}


class Model(NamedTuple):
    """All that predictions rest on except the weights.

    Attributes:
      config: sizes of the encoder.
      tokenizer: of the vocabulary that belongs to it.
      facts: JSON values that identify configuration, vocabulary and casing; a later run
        compares them.
      labels: names in the order of their ids; empty for a task without labels.
      head: see above; None until the task has added it.
    """

    config: modeling.BertConfig
    tokenizer: tokenization.FullTokenizer
    facts: Dict[str, Any]
    labels: Tuple[str, ...] = ()
    head: Optional[Head] = None

    @classmethod
    def from_flags(cls, flags: Any) -> "Model":
        """Load configuration and vocabulary that the flags name.

        Raises:
          InputError: one of them cannot be used, or they do not fit together.
        """
        config = load_config(flags.bert_config_file, flags.max_seq_length)
        tokenizer = load_tokenizer(
            flags.vocab_file, flags.do_lower_case, config, flags.init_checkpoint
        )
        return cls(config, tokenizer, _facts(config, flags.vocab_file, tokenizer))

    @classmethod
    def load(cls, folder: str, max_seq_length: int) -> "Model":
        """Load configuration and vocabulary of a model's folder, see model_dir.py.

        Raises:
          InputError: the folder holds no model, or its files do not fit together.
        """
        parts = model_dir.find_files(folder)
        config = load_config(parts.bert_config_file, max_seq_length)
        tokenizer = load_tokenizer(
            parts.vocab_file, parts.do_lower_case, config, parts.checkpoint
        )
        return cls(config, tokenizer, _facts(config, parts.vocab_file, tokenizer))

    def with_head(self, head: Head, labels: Sequence[str] = ()) -> "Model":
        """Return the same model with a task's head and labels."""
        return self._replace(head=head, labels=tuple(labels))

    @property
    def label_ids(self) -> Dict[str, int]:
        """Map each label to its id."""
        return {name: index for index, name in enumerate(self.labels)}

    def data_facts(self, corpus: Any, **of_the_task: Any) -> Dict[str, Any]:
        """Return what record files of a corpus are made from, as JSON values.

        Args:
          corpus: digest of its file, or digests of its files.
          of_the_task: further facts by name, such as lengths.
        """
        names = ("vocabulary", "do_lower_case")
        of_tokenizer = {name: self.facts[name] for name in names}
        return dict(of_tokenizer, corpus=corpus, **of_the_task)

    def variables(self) -> Dict[str, List[int]]:
        """Map the name of each variable of encoder and head to its sizes."""
        names = ("input_ids", "input_mask", "segment_ids")
        with tf.Graph().as_default():
            features = {name: tf.placeholder(tf.int32, [None, None]) for name in names}
            self.head(_without_encoder(self.config), features, ModeKeys.PREDICT)
            of_head = {
                variable.op.name: variable.shape.as_list()
                for variable in tf.trainable_variables()
            }
        return dict(modeling.variable_shapes(self.config), **of_head)

    def check_checkpoint(self, prefix: str, needs_head: bool = True) -> None:
        """Check that a checkpoint holds this model's weights, and that all can be read.

        Args:
          prefix: the checkpoint.
          needs_head: whether the weights of the head must be among them.

        Raises:
          InputError: the checkpoint is damaged or does not fit.
        """
        names = checkpoints.names_to_load(prefix, self.variables(), needs_head)
        checkpoints.check_readable(prefix, names)

    def check_resumable(self, prefix: str) -> None:
        """Check that training of this model can resume from a checkpoint.

        Raises:
          InputError: the checkpoint is damaged, does not fit or holds no more than
            weights.
        """
        checkpoints.names_to_load(prefix, self.variables(), needs_head=True)
        checkpoints.check_resumable(prefix)


def _facts(
    config: modeling.BertConfig, vocab_file: str, tokenizer: tokenization.FullTokenizer
) -> Dict[str, Any]:
    return {
        "bert_config": config.to_dict(),
        "vocabulary": files.digest(vocab_file),
        "do_lower_case": tokenizer.basic_tokenizer.do_lower_case,
    }


def _without_encoder(config: modeling.BertConfig) -> modeling.Outputs:
    """Stand in for the encoder, whose graph takes seconds to build.

    For a head of which only the variables are wanted.
    """
    sequence = tf.placeholder(tf.float32, [None, None, config.hidden_size])
    return modeling.Outputs(
        embedding_output=sequence,
        encoder_layers=[sequence] * config.num_hidden_layers,
        pooled_output=tf.placeholder(tf.float32, [None, config.hidden_size]),
        embedding_table=tf.placeholder(
            tf.float32, [config.vocab_size, config.hidden_size]
        ),
    )


def load_config(path: str, max_seq_length: int) -> modeling.BertConfig:
    """Read bert_config.json and check that inputs of that length fit.

    Raises:
      InputError: it cannot be read or used; max_seq_length is too long for it.
    """
    values = _with_defaults(files.read_json(path), path)
    try:
        config = modeling.BertConfig.from_complete_dict(values)
    except ValueError as error:
        raise files.InputError(str(error), path) from error
    _check_size(config, path)
    if max_seq_length > config.max_position_embeddings:
        raise files.InputError(
            f"{max_seq_length} is more than the model's max_position_embeddings"
            f" {config.max_position_embeddings}",
            "--max_seq_length",
        )
    return config


def _with_defaults(values: Any, path: str) -> Any:
    """Add keys that every published BERT has the same values of, and say so."""
    if not isinstance(values, dict):
        return values
    added = {name: DEFAULTS[name] for name in DEFAULTS if name not in values}
    if not added:
        return values
    listed = ", ".join(f"{name} {value}" for name, value in added.items())
    log.info("%s lacks keys whose usual values are taken: %s", path, listed)
    return dict(values, **added)


def _check_size(config: modeling.BertConfig, path: str) -> None:
    """Refuse sizes that no BERT has, and weights that fit into no memory here.

    Raises:
      InputError: before anything is built, which could take for ever.
    """
    for name, greatest in LARGEST.items():
        value = getattr(config, name)
        if value > greatest:
            raise files.InputError(
                f"{name} {value:,} is more than any BERT has (at most {greatest:,})",
                path,
                remedy="is this the bert_config.json of the checkpoint?",
            )
    weights = sum(
        int(np.prod(sizes, dtype=np.int64))
        for sizes in modeling.variable_shapes(config).values()
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if 4 * weights > memory:
        raise files.InputError(
            f"its {weights:,} weights need {4 * weights / 1e9:,.0f} GB; this machine"
            f" has {memory / 1e9:,.0f} GB",
            path,
            remedy="is this the bert_config.json of the checkpoint?",
        )


def load_tokenizer(
    vocab_file: str,
    do_lower_case: bool,
    config: modeling.BertConfig,
    init_checkpoint: Optional[str],
) -> tokenization.FullTokenizer:
    """Make the tokenizer and check that it belongs to the model.

    Args:
      vocab_file: vocabulary.
      do_lower_case: whether the model was pretrained on lower-cased text.
      config: its vocab_size must be the vocabulary's.
      init_checkpoint: path whose name may tell a cased from an uncased model.

    Raises:
      InputError: the vocabulary cannot be used or does not belong to the model.
    """
    try:
        tokenization.validate_case_matches_checkpoint(do_lower_case, init_checkpoint)
        tokenizer = tokenization.FullTokenizer(vocab_file, do_lower_case)
        tokenization.check_required_pieces(tokenizer.vocab, vocab_file)
    except ValueError as error:
        raise files.InputError(str(error)) from error
    except OSError as error:
        raise files.unreadable(vocab_file, error) from error
    if tokenizer.vocab_size != config.vocab_size:
        raise files.InputError(
            f"{tokenizer.vocab_size:,} pieces, but the configuration says vocab_size"
            f" {config.vocab_size:,}",
            vocab_file,
            remedy="take vocabulary and configuration of the same model",
        )
    return tokenizer


def save_labels(folder: str, labels: Sequence[str]) -> None:
    """Write label2id.json, {label: id}, beside a model's checkpoints."""
    ids = {name: index for index, name in enumerate(labels)}
    files.write_json(os.path.join(folder, LABEL_FILE), ids)


def load_labels(
    prefix: str, default: Optional[Sequence[str]] = None
) -> Tuple[str, ...]:
    """Read the labels that a checkpoint was trained with from label2id.json.

    A checkpoint of the original has them only as a pickle, which is never loaded.

    Args:
      prefix: checkpoint.
      default: labels of a checkpoint without label2id.json, if its head has as many.

    Returns:
      Names in the order of their ids.

    Raises:
      InputError: there are none, or not as many as the head has; or there is no head.
    """
    head = checkpoints.shapes(prefix).get("output_bias")
    if head is None:
        raise checkpoints.headless(prefix, ["output_bias"])
    path = os.path.join(os.path.dirname(prefix), LABEL_FILE)
    if os.path.exists(path):
        names = tuple(read_labels(path))
    elif default is not None and head == [len(default)]:
        names = tuple(default)
    else:
        raise files.InputError(
            f"its labels are unknown; the head has {head[0]}",
            prefix,
            remedy=f"put the {LABEL_FILE} of its training beside it",
        )
    if head != [len(names)]:
        raise files.InputError(
            f"{len(names)} labels, but the checkpoint's head has {head[0]}", path
        )
    return names
