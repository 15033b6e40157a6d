"""A model: configuration, tokenizer, labels and head, checked before TensorFlow runs.

TensorFlow is imported where a function needs it: an exported model does without.

A task brings its head as a function

  head(encoder, features, mode) → loss, predictions

  encoder: modeling.Outputs of a batch, or of a part of one.
  features: dict of int32 tensors, as batches.batch_of makes them.
  mode: estimator.ModeKeys.
  loss: float scalar, the sum over the batch; or float [B], one for each example, which
    stands for the mean over the examples of a step; None without labels.
  predictions: dict of tensors [B, ...] by name; with labels also "loss" [B].

The head of an exported model is an onnx_engine.ArrayHead.
"""

import os
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import numpy as np

import tokenization
from biocodes.lib import files
from biocodes.lib.bert_config import DEFAULTS, read_bert_config
from biocodes.lib.labels import LABEL_FILE, read_labels
from finetuning import model_dir
from finetuning.console import log
from finetuning.engine import ONNX, TENSORFLOW, engine_of

if TYPE_CHECKING:
    import tensorflow.compat.v1 as tf

    import modeling

Tensors = Dict[str, "tf.Tensor"]
Head = Callable[
    ["modeling.Outputs", Tensors, str], Tuple[Optional["tf.Tensor"], Tensors]
]

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
      config: sizes of the encoder; None of an exported model, which has all of them
        in its graph.
      tokenizer: of the vocabulary that belongs to it.
      facts: JSON values that identify configuration, vocabulary and casing; a later run
        compares them.
      labels: names in the order of their ids; empty for a task without labels.
      head: see above; None until the task has added it.
    """

    config: Optional["modeling.BertConfig"]
    tokenizer: tokenization.FullTokenizer
    facts: Dict[str, Any]
    labels: Tuple[str, ...] = ()
    head: Any = None

    @classmethod
    def from_flags(cls, flags: Any) -> "Model":
        """Load configuration and vocabulary that the flags name.

        Raises:
          InputError: one of them cannot be used, or they do not fit together.
        """
        parts = model_dir.ModelFiles(
            flags.vocab_file,
            flags.bert_config_file,
            flags.init_checkpoint,
            flags.do_lower_case,
        )
        return cls._of(parts, flags.max_seq_length, flags.engine)

    @classmethod
    def load(
        cls, folder: str, max_seq_length: int, engine: str = TENSORFLOW
    ) -> Tuple["Model", str]:
        """Load configuration and vocabulary of a model's folder, see model_dir.py.

        Returns:
          The model, and its checkpoint.

        Raises:
          InputError: the folder holds no model, or its files do not fit together.
        """
        parts = model_dir.find_files(folder, engine)
        return cls._of(parts, max_seq_length, engine), parts.checkpoint

    @classmethod
    def _of(
        cls, parts: model_dir.ModelFiles, max_seq_length: int, engine: str
    ) -> "Model":
        if engine == ONNX:
            config, values = None, read_bert_config(parts.bert_config_file)
            _check_length(max_seq_length, values["max_position_embeddings"])
        else:
            config = load_config(parts.bert_config_file, max_seq_length)
            values = config.to_dict()
        tokenizer = load_tokenizer(parts, values["vocab_size"])
        facts = {
            "bert_config": values,
            "vocabulary": files.digest(parts.vocab_file),
            "do_lower_case": parts.do_lower_case,
        }
        return cls(config, tokenizer, facts)

    def with_head(self, head: Any, labels: Sequence[str] = ()) -> "Model":
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
        import tensorflow.compat.v1 as tf

        import modeling
        from finetuning.estimator import ModeKeys

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
        from finetuning import checkpoints

        names = checkpoints.names_to_load(prefix, self.variables(), needs_head)
        checkpoints.check_readable(prefix, names)

    def check_resumable(self, prefix: str) -> None:
        """Check that training of this model can resume from a checkpoint.

        Raises:
          InputError: the checkpoint is damaged, does not fit or holds no more than
            weights.
        """
        from finetuning import checkpoints

        checkpoints.names_to_load(prefix, self.variables(), needs_head=True)
        checkpoints.check_resumable(prefix)


def _without_encoder(config: "modeling.BertConfig") -> "modeling.Outputs":
    """Stand in for the encoder, whose graph takes seconds to build.

    For a head of which only the variables are wanted.
    """
    import tensorflow.compat.v1 as tf

    import modeling

    sequence = tf.placeholder(tf.float32, [None, None, config.hidden_size])
    return modeling.Outputs(
        embedding_output=sequence,
        encoder_layers=[sequence] * config.num_hidden_layers,
        pooled_output=tf.placeholder(tf.float32, [None, config.hidden_size]),
        embedding_table=tf.placeholder(
            tf.float32, [config.vocab_size, config.hidden_size]
        ),
    )


def load_config(path: str, max_seq_length: int) -> "modeling.BertConfig":
    """Read bert_config.json and check that inputs of that length fit.

    Raises:
      InputError: it cannot be read or used; max_seq_length is too long for it.
    """
    import modeling

    values = _with_defaults(files.read_json(path), path)
    try:
        config = modeling.BertConfig.from_complete_dict(values)
    except ValueError as error:
        raise files.InputError(str(error), path) from error
    _check_size(config, path)
    _check_length(max_seq_length, config.max_position_embeddings)
    return config


def _check_length(max_seq_length: int, greatest: int) -> None:
    """Check that inputs of that length fit a model."""
    if max_seq_length > greatest:
        raise files.InputError(
            f"{max_seq_length} is more than the model's max_position_embeddings"
            f" {greatest}",
            "--max_seq_length",
        )


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


def _check_size(config: "modeling.BertConfig", path: str) -> None:
    """Refuse sizes that no BERT has, and weights that fit into no memory here.

    Raises:
      InputError: before anything is built, which could take for ever.
    """
    import modeling

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
    parts: model_dir.ModelFiles, vocab_size: int
) -> tokenization.FullTokenizer:
    """Make the tokenizer and check that it belongs to the model.

    Args:
      parts: vocabulary and casing; the checkpoint's path may tell a cased from an
        uncased model.
      vocab_size: that of the configuration.

    Raises:
      InputError: the vocabulary cannot be used or does not belong to the model.
    """
    try:
        casing, vocab_file = parts.do_lower_case, parts.vocab_file
        tokenization.validate_case_matches_checkpoint(casing, parts.checkpoint)
        tokenizer = tokenization.FullTokenizer(vocab_file, casing)
        tokenization.check_required_pieces(tokenizer.vocab, vocab_file)
    except ValueError as error:
        raise files.InputError(str(error)) from error
    except OSError as error:
        raise files.unreadable(vocab_file, error) from error
    if tokenizer.vocab_size != vocab_size:
        raise files.InputError(
            f"{tokenizer.vocab_size:,} pieces, but the configuration says vocab_size"
            f" {vocab_size:,}",
            vocab_file,
            remedy="take vocabulary and configuration of the same model",
        )
    return tokenizer


def save_labels(folder: str, labels: Sequence[str]) -> None:
    """Write label2id.json, {label: id}, beside a model's checkpoints."""
    ids = {name: index for index, name in enumerate(labels)}
    files.write_json(os.path.join(folder, LABEL_FILE), ids)


def check_labels(prefix: str, labels: Sequence[str]) -> None:
    """Check that the labels beside a checkpoint, if any are there, are a model's.

    Raises:
      InputError: they are not.
    """
    path = os.path.join(os.path.dirname(prefix), LABEL_FILE)
    if labels and os.path.exists(path) and tuple(read_labels(path)) != tuple(labels):
        raise files.InputError(
            f"its labels are {', '.join(read_labels(path))}, not {', '.join(labels)}",
            path,
        )


def load_labels(
    prefix: str, default: Optional[Sequence[str]] = None, suffix: str = ""
) -> Tuple[str, ...]:
    """Read the labels that a checkpoint was trained with from label2id.json.

    A checkpoint of the original has them only as a pickle, which is never loaded.

    Args:
      prefix: checkpoint.
      default: labels of a checkpoint without label2id.json, if its head has as many.
      suffix: what the names of the variables of its head end in.

    Returns:
      Names in the order of their ids.

    Raises:
      InputError: there are none, or not as many as the head has; or there is no head.
    """
    count = engine_of(prefix).label_count(prefix, suffix)
    if count is None:
        raise model_dir.headless(prefix, [f"output_bias{suffix}"])
    path = os.path.join(os.path.dirname(prefix), LABEL_FILE)
    if os.path.exists(path):
        names = tuple(read_labels(path))
    elif default is not None and count == len(default):
        names = tuple(default)
    else:
        raise files.InputError(
            f"its labels are unknown; the head has {count}",
            prefix,
            remedy=f"put the {LABEL_FILE} of its training beside it",
        )
    if count != len(names):
        raise files.InputError(
            f"{len(names)} labels, but the checkpoint's head has {count}", path
        )
    return names
