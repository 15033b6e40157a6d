"""What every task needs around the encoder: a model of encoder and head, and the loops
that train it and predict with it.

A task brings its head as a function

  head(encoder, features, mode) → loss, predictions

  encoder: modeling.Outputs for the batch, or for a part of one.
  features: dict of int32 tensors, see records.batch_of.
  mode: tf.estimator.ModeKeys.
  loss: float scalar, the sum over what the batch holds; or float [B], of each example,
    and then the mean over the examples of a step is meant; None when features hold no
    labels.
  predictions: dict of tensors [B, ...] by name; those with "loss" per example are how
    a task evaluates itself.

Nothing here knows a corpus, a label or a file format.
"""

import contextlib
import itertools
import math
import os
from typing import NamedTuple, Optional

import numpy as np
import tensorflow.compat.v1 as tf

import hooks
import model_files
import modeling
import optimization
import records
from biocodes import files
from command_line import log
from interruption import Interrupted


class Training(NamedTuple):
    """How to train; the names are those of the flags.

    Attributes:
      train_batch_size: examples in a step.
      learning_rate: peak.
      num_train_epochs: passes over the data; need not be whole.
      warmup_proportion: share of the steps in which the learning rate rises.
      save_checkpoints_steps: steps from one checkpoint to the next.
      keep_checkpoint_max: number of latest checkpoints kept.
      seed: of new weights, dropout and order.
      pad_to: length that every batch is padded to, or None for its own longest.
      gradient_accumulation_steps: micro-batches that a step's examples are cut into.
      recompute_layers: see modeling.BertModel.
    """

    train_batch_size: int
    learning_rate: float
    num_train_epochs: float
    warmup_proportion: float
    save_checkpoints_steps: int
    keep_checkpoint_max: int
    seed: int
    pad_to: Optional[int]
    gradient_accumulation_steps: int = 1
    recompute_layers: bool = False

    @classmethod
    def from_flags(cls, flags):
        """Takes the values of the flags of these names."""
        return cls(
            pad_to=flags.max_seq_length if flags.pad_to_max_length else None,
            **{name: flags[name].value for name in cls._fields if name != "pad_to"},
        )

    def parts(self):
        """How many parts of different length a micro-batch has, see records."""
        if self.pad_to:
            return 1
        count = self.gradient_accumulation_steps
        return math.gcd(
            self.train_batch_size // count, max(1, records.LENGTH_CLASSES // count)
        )

    def steps(self, examples):
        """Training steps, and how many of them are warm-up, for so many examples.

        Raises:
          InputError: they make no step.
        """
        total = int(examples / self.train_batch_size * self.num_train_epochs)
        if not total:
            raise files.InputError(
                f"{examples} examples make no step of {self.train_batch_size} in"
                f" {self.num_train_epochs:g} epochs",
                remedy="lower --train_batch_size or raise --num_train_epochs",
            )
        return total, int(total * self.warmup_proportion)

    def memory_watched(self, data):
        """See hooks.memory_watched; data: RecordFile."""
        return hooks.memory_watched(
            self.train_batch_size // self.gradient_accumulation_steps,
            self.pad_to or data.lengths.max(),
            "raise --gradient_accumulation_steps or give --recompute_layers=true, which"
            " change no result; or lower --train_batch_size or --max_seq_length",
        )


class Prediction(NamedTuple):
    """How to predict.

    Attributes:
      batch_size: examples in a step, of the greatest length.
      max_seq_length: that length; a step holds up to the product of the two in pieces.
      pad_to: length that every batch is padded to, or None for its own longest.
    """

    batch_size: int
    max_seq_length: int
    pad_to: Optional[int]

    @classmethod
    def from_flags(cls, flags, batch_size):
        """batch_size: the value of predict_batch_size or of eval_batch_size."""
        pad_to = flags.max_seq_length if flags.pad_to_max_length else None
        return cls(batch_size, flags.max_seq_length, pad_to)

    def order(self, lengths):
        """Iterator of the batches' examples, see records."""
        if self.pad_to:
            return records.file_order(lengths, self.batch_size)
        budget = self.batch_size * self.max_seq_length
        return records.prediction_order(lengths, self.batch_size, budget)

    def memory_watched(self):
        """See hooks.memory_watched."""
        return hooks.memory_watched(
            self.batch_size,
            self.max_seq_length,
            "lower the batch size (--predict_batch_size, --eval_batch_size) or"
            " --max_seq_length",
        )


def check_start(head, config, folder, init_checkpoint, afresh):
    """Holds the checkpoint that a training would start from against the model.

    This and check_trained are for before a run changes anything in its folder.

    Args:
      head, config, folder, init_checkpoint: see train.
      afresh: whether the folder's own checkpoints will be removed before.

    Raises:
      InputError: the checkpoint is damaged or does not fit.
    """
    last = None if afresh else model_files.latest(folder)
    if last:
        model_files.names_to_load(last, _variables(head, config), needs_head=True)
        model_files.check_can_go_on(last)
    elif init_checkpoint:
        wanted = _variables(head, config)
        names = model_files.names_to_load(init_checkpoint, wanted, needs_head=False)
        model_files.check_readable(init_checkpoint, names)


def check_trained(head, config, checkpoint):
    """Holds the checkpoint to predict with against the model; raises InputError."""
    wanted = _variables(head, config)
    names = model_files.names_to_load(checkpoint, wanted, needs_head=True)
    model_files.check_readable(checkpoint, names)


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


def train(
    head, config, data, folder, init_checkpoint, how, interruption, examples=None
):
    """Fine-tunes, or goes on where an earlier run in the folder ended.

    Args:
      head: see above.
      config: BertConfig.
      data: RecordFile of the training examples.
      folder: where checkpoints are kept.
      init_checkpoint: prefix to take the first weights from, or None.
      how: Training.
      interruption: Interruption; training ends early when a signal comes.
      examples: how many examples an epoch has; default: as many as data, but an example
        may have made several records, and then epochs count the examples.

    Returns:
      Prefix of the last checkpoint.

    Raises:
      InputError: too few examples for one step; a checkpoint that does not fit; a loss
        that is not finite.
      Interrupted: after the checkpoint was saved.
    """
    examples = len(data) if examples is None else examples
    # An example may have made no record at all.
    total, warmup = how.steps(examples if len(data) else 0)
    last = model_files.latest_to_continue(folder, how.keep_checkpoint_max)
    start = model_files.step(last) if last else 0
    _log_start(examples, how.train_batch_size, start, total, warmup)
    if start >= total:
        return last
    watch = hooks.WatchTraining(start, total, how.train_batch_size, folder)

    def model_fn(features, mode):
        loss = training_loss(head, config, features["parts"], mode, how)
        loaded = {} if last else _first_weights(init_checkpoint)
        count = how.gradient_accumulation_steps
        update = optimization.create_train_op(
            loss, how.learning_rate, total, warmup, in_micro_batches=count > 1
        )
        watch.watch(update.loss, update.learning_rate, update.gradient_norm)
        return tf.estimator.EstimatorSpec(
            mode,
            loss=update.loss,
            train_op=update.operation,
            scaffold=_training_scaffold(
                how.keep_checkpoint_max, init_checkpoint, loaded
            ),
            training_hooks=[
                hooks.RunMicroBatches(update.accumulate, count - 1),
                hooks.SaveCheckpoints(folder, how.save_checkpoints_steps, interruption),
            ],
        )

    with interruption.held_back(), how.memory_watched(data):
        _estimator(model_fn, folder, how.seed).train(
            lambda: _training_batches(data, how, start), hooks=[watch], max_steps=total
        )
    last = model_files.latest(folder)
    if interruption.asked is not None:
        where = f"checkpoint saved at step {model_files.step(last):,} of {total:,}"
        raise Interrupted(interruption.asked, where)
    return last


def _log_start(examples, batch_size, start, total, warmup):
    log.info("***** training *****")
    log.info("  examples = %s, batch size = %d", f"{examples:,}", batch_size)
    if start >= total:
        log.info("  step %s of %s: nothing left to train", f"{start:,}", f"{total:,}")
    elif start:
        log.info("  going on at step %s of %s", f"{start:,}", f"{total:,}")
    else:
        log.info("  steps = %s, of them warm-up = %s", f"{total:,}", f"{warmup:,}")


def training_loss(head, config, parts, mode, how):
    """What a batch, or a micro-batch, adds to the loss of a training step.

    Args:
      head, config: see train.
      parts: list of features, see records.parts_of.
      mode: see above; dropout is on in training only.
      how: Training.

    Returns:
      float scalar tensor.
    """
    outputs = modeling.encode(
        [_part(features) for features in parts],
        config,
        is_training=mode == tf.estimator.ModeKeys.TRAIN,
        recompute_layers=how.recompute_layers,
    )
    with tf.variable_scope(tf.get_variable_scope(), reuse=tf.AUTO_REUSE):
        losses = [
            head(encoder, features, mode)[0]
            for encoder, features in zip(outputs, parts)
        ]
    return tf.add_n([_part_of_step(loss, how.train_batch_size) for loss in losses])


def _part_of_step(loss, examples):
    """What a part of a batch adds to the loss of a training step.

    Args:
      loss: a head's, see above.
      examples: how many the step has.

    Returns:
      float scalar tensor.
    """
    return tf.reduce_sum(loss) / examples if loss.shape.ndims else loss


def _training_batches(data, how, start):
    """tf.data.Dataset of the batches from step `start` on."""
    order = records.training_order(
        data.lengths, how.train_batch_size, how.seed, by_length=how.pad_to is None
    )
    # Going on means going on with the examples, too.
    rest = itertools.islice(order, start, None)
    count, parts = how.gradient_accumulation_steps, how.parts()
    cut = micro_batches(rest, data.lengths, count, parts)

    def batches():
        return (records.parts_of(data, one, how.pad_to) for one in cut)

    return records.dataset_of_parts(data.schema, batches, parts)


def micro_batches(batches, lengths, count, parts):
    """Cuts each batch into parts in which examples are of similar length.

    Args:
      batches: iterable of int arrays, indices of examples.
      lengths: int [examples].
      count: micro-batches that a batch makes.
      parts: of each; batches are `count` times `parts` times as large as one.

    Yields:
      List of int arrays: the parts of a micro-batch.
    """
    for rows in batches:
        sorted_rows = rows[np.argsort(lengths[rows], kind="stable")]
        for one in np.split(sorted_rows, count):
            yield np.split(one, parts)


def predict(head, config, data, checkpoint, how):
    """Predicts every example of a record file.

    Args:
      head, config: see train.
      data: RecordFile.
      checkpoint: prefix of a fine-tuned checkpoint.
      how: Prediction.

    Yields:
      (index, dict of name → array) in the order of the file; arrays are as the head
      made them, without the batch axis, so sequences still have their padding.

    Raises:
      InputError: the checkpoint does not fit, or has no head.
    """

    def batches():
        rows = how.order(data.lengths)
        return (records.batch_of(data, one, how.pad_to) for one in rows)

    predicted = _predicted(head, config, data.schema, batches, checkpoint)
    with contextlib.closing(predicted), how.memory_watched():
        reported = hooks.report_predictions(predicted, len(data))
        yield from records.in_input_order(reported, len(data))


def predict_stream(head, config, schema, rows, checkpoint, how):
    """Predicts examples that come one after another and are not kept.

    Args:
      head, config, checkpoint, how: see predict.
      schema: records.Schema.
      rows: iterable of int32 rows packed by it, read in a thread of its own, some
        thousand ahead of what is yielded.

    Yields:
      see predict.
    """

    def batches():
        return records.stream_batches(schema, rows, how.order, how.pad_to)

    predicted = _predicted(head, config, schema, batches, checkpoint)
    with contextlib.closing(predicted), how.memory_watched():
        yield from records.in_input_order(predicted)


def _predicted(head, config, schema, batches, checkpoint):
    """Yields a dict of arrays for each batch: what the head predicts, and `row`."""

    def model_fn(features, mode):
        (encoder,) = modeling.encode([_part(features)], config, is_training=False)
        _, predictions = head(encoder, features, mode)
        loaded = model_files.variables_to_load(
            checkpoint, tf.trainable_variables(), needs_head=True
        )
        predictions["row"] = features["row"]
        return tf.estimator.EstimatorSpec(
            mode, predictions=predictions, scaffold=_scaffold_of(loaded)
        )

    folder = os.path.dirname(checkpoint) or "."
    return _estimator(model_fn, folder, None).predict(
        lambda: records.dataset(schema, batches),
        checkpoint_path=checkpoint,
        yield_single_examples=False,
    )


def _estimator(model_fn, folder, seed):
    # Threads are left to TensorFlow: one operation at a time, on all cores, takes a
    # tenth longer, for small operations then leave cores idle.
    session = tf.ConfigProto(allow_soft_placement=True)
    session.gpu_options.allow_growth = True
    return tf.estimator.Estimator(
        model_fn,
        config=tf.estimator.RunConfig(
            model_dir=folder,
            tf_random_seed=seed,
            # Saving and reporting are ours, see hooks.py.
            save_checkpoints_steps=None,
            save_checkpoints_secs=None,
            save_summary_steps=0,
            log_step_count_steps=None,
            session_config=session,
        ),
    )


def _part(features):
    """The modeling.Part that a batch's features hold."""
    return modeling.Part(
        features["input_ids"], features["input_mask"], features.get("segment_ids")
    )


def _first_weights(prefix):
    """The variables that start with a checkpoint's values: dict of name → variable."""
    if prefix is None:
        log.warning("no --init_checkpoint: training starts from random weights")
        return {}
    variables = tf.trainable_variables()
    loaded = model_files.variables_to_load(prefix, variables, needs_head=False)
    new = [one.op.name for one in variables if one.op.name not in loaded]
    log.info("  weights from %s%s", prefix, f"; new: {', '.join(new)}" if new else "")
    return loaded


def _training_scaffold(keep, prefix, loaded):
    """Scaffold of a training, for which Estimator restores the folder's checkpoint.

    Args:
      keep: number of latest checkpoints kept.
      prefix: where the first weights come from when the folder has no checkpoint.
      loaded: see _first_weights; all other variables start as their initializers say.
    """
    saver = tf.train.Saver(max_to_keep=keep)
    tf.add_to_collection(tf.GraphKeys.SAVERS, saver)
    new = [one for one in tf.global_variables() if one.op.name not in loaded]
    # One look at the checkpoint for all variables; as initializers there would be one
    # for each. Nor does anybody have to ask each variable whether it has its value.
    loader = tf.train.Saver(loaded) if loaded else None
    missing = tf.constant([], tf.string)

    def load(_, session):
        if loader:
            loader.restore(session, prefix)

    return tf.train.Scaffold(
        saver=saver,
        init_op=tf.variables_initializer(new),
        init_fn=load,
        ready_op=missing,
        ready_for_local_init_op=missing,
    )


def _scaffold_of(variables):
    """Scaffold that restores just these variables and asks for no others."""
    missing = tf.report_uninitialized_variables(list(variables.values()))
    return tf.train.Scaffold(
        saver=tf.train.Saver(variables),
        ready_op=missing,
        ready_for_local_init_op=missing,
    )
