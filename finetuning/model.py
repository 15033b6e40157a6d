import os

import tensorflow.compat.v1 as tf

import modeling
import tokenization
from biocodes.lib import files
from biocodes.lib.labels import LABEL_FILE, read_labels
from finetuning import checkpoints


def load_model_files(flags):
    """Loads what the flags name of a pretrained model, see model_files.

    Returns:
      BertConfig, FullTokenizer, and the prefix of init_checkpoint or None.
    """
    config = load_config(flags.bert_config_file, flags.max_seq_length)
    tokenizer = load_tokenizer(
        flags.vocab_file, flags.do_lower_case, config, flags.init_checkpoint
    )
    first = None
    if flags.init_checkpoint:
        first = checkpoints.resolve(flags.init_checkpoint)
    return config, tokenizer, first


def check_start(head, config, folder, init_checkpoint, afresh):
    """Holds the checkpoint that a training would start from against the model.

    This and check_trained are for before a run changes anything in its folder.

    Args:
      head, config, folder, init_checkpoint: see train.
      afresh: whether the folder's own checkpoints will be removed before.

    Raises:
      InputError: the checkpoint is damaged or does not fit.
    """
    last = None if afresh else checkpoints.latest(folder)
    if last:
        checkpoints.names_to_load(last, _variables(head, config), needs_head=True)
        checkpoints.check_can_go_on(last)
    elif init_checkpoint:
        wanted = _variables(head, config)
        names = checkpoints.names_to_load(init_checkpoint, wanted, needs_head=False)
        checkpoints.check_readable(init_checkpoint, names)


def check_trained(head, config, checkpoint):
    """Holds the checkpoint to predict with against the model; raises InputError."""
    wanted = _variables(head, config)
    names = checkpoints.names_to_load(checkpoint, wanted, needs_head=True)
    checkpoints.check_readable(checkpoint, names)


def _variables(head, config):
    """The variables of the model: dict of name → list of sizes."""
    names = ("input_ids", "input_mask", "segment_ids")
    with tf.Graph().as_default():
        features = {name: tf.placeholder(tf.int32, [None, None]) for name in names}
        head(_stand_in(config), features, tf.estimator.ModeKeys.PREDICT)
        of_head = {one.op.name: one.shape.as_list() for one in tf.trainable_variables()}
    return dict(modeling.variable_shapes(config), **of_head)


def _stand_in(config):
    """modeling.Outputs without the encoder, which takes long to build.

    For a head whose variables are all that one wants to know of it.
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


LABELS_FILE = LABEL_FILE


def load_config(path, max_seq_length):
    """Reads bert_config.json and checks that the inputs fit.

    Raises:
      InputError: it cannot be read or used; max_seq_length is too long for it.
    """
    values = files.read_json(path)
    try:
        config = modeling.BertConfig.from_dict(values)
    except ValueError as error:
        raise files.InputError(str(error), path) from error
    if max_seq_length > config.max_position_embeddings:
        raise files.InputError(
            f"{max_seq_length} is more than the model's max_position_embeddings"
            f" {config.max_position_embeddings}",
            "--max_seq_length",
        )
    return config


def load_tokenizer(vocab_file, do_lower_case, config, init_checkpoint):
    """Makes the tokenizer and checks that it belongs to the model.

    Args:
      vocab_file: vocabulary.
      do_lower_case: see tokenization.FullTokenizer.
      config: BertConfig, whose vocab_size must be the vocabulary's.
      init_checkpoint: path whose name may tell a cased from an uncased model, or None.

    Raises:
      InputError: the vocabulary cannot be used or does not belong to the model.
    """
    try:
        tokenization.validate_case_matches_checkpoint(do_lower_case, init_checkpoint)
        tokenizer = tokenization.FullTokenizer(vocab_file, do_lower_case)
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


def save_labels(folder, names):
    """Keeps a model's labels beside its checkpoints: label2id.json, label → id."""
    ids = {name: index for index, name in enumerate(names)}
    files.write_json(os.path.join(folder, LABELS_FILE), ids)


def load_labels(prefix, default=None):
    """The labels that a checkpoint was trained with.

    They lie beside it in label2id.json. A checkpoint of the original has none that we
    would read (never load a pickle).

    Args:
      prefix: checkpoint.
      default: the labels of a checkpoint without label2id.json, if its head has as
        many.

    Returns:
      tuple of names in the order of their ids.

    Raises:
      InputError: there are none, or not as many as the head has; or there is no head.
    """
    head = checkpoints.shapes(prefix).get("output_bias")
    if head is None:
        raise checkpoints._headless(prefix, ["output_bias"])
    path = os.path.join(os.path.dirname(prefix), LABELS_FILE)
    if os.path.exists(path):
        names = tuple(read_labels(path))
    elif default is not None and head == [len(default)]:
        names = tuple(default)
    else:
        raise files.InputError(
            f"its labels are unknown; the head has {head[0]}",
            prefix,
            remedy=f"put the {LABELS_FILE} of its training beside it",
        )
    if head != [len(names)]:
        raise files.InputError(
            f"{len(names)} labels, but the checkpoint's head has {head[0]}", path
        )
    return names


def model_facts(config, vocab_file, do_lower_case):
    """What a model's predictions rest on, as JSON values; see OF_THE_MODEL."""
    return {
        "bert_config": config.to_dict(),
        "vocabulary": files.digest(vocab_file),
        "do_lower_case": do_lower_case,
    }
