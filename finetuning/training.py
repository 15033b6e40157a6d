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

import itertools
import math
from typing import NamedTuple, Optional

import tensorflow.compat.v1 as tf

import modeling
import optimization
from biocodes.lib import files
from finetuning import checkpoints, estimator, hooks
from finetuning.batches import (
    LENGTH_CLASSES,
    dataset_of_parts,
    micro_batches,
    part_of,
    parts_of,
    training_order,
)
from finetuning.command_line import log
from finetuning.signals import Interrupted


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
        return math.gcd(self.train_batch_size // count, max(1, LENGTH_CLASSES // count))

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
        return estimator.memory_watched(
            self.train_batch_size // self.gradient_accumulation_steps,
            self.pad_to or data.lengths.max(),
            "raise --gradient_accumulation_steps or give --recompute_layers=true, which"
            " change no result; or lower --train_batch_size or --max_seq_length",
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
    last = checkpoints.latest_to_continue(folder, how.keep_checkpoint_max)
    start = checkpoints.step(last) if last else 0
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
        estimator.create(model_fn, folder, how.seed).train(
            lambda: _training_batches(data, how, start), hooks=[watch], max_steps=total
        )
    last = checkpoints.latest(folder)
    if interruption.asked is not None:
        where = f"checkpoint saved at step {checkpoints.step(last):,} of {total:,}"
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
        [part_of(features) for features in parts],
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
    order = training_order(
        data.lengths, how.train_batch_size, how.seed, by_length=how.pad_to is None
    )
    # Going on means going on with the examples, too.
    rest = itertools.islice(order, start, None)
    count, parts = how.gradient_accumulation_steps, how.parts()
    cut = micro_batches(rest, data.lengths, count, parts)

    def batches():
        return (parts_of(data, one, how.pad_to) for one in cut)

    return dataset_of_parts(data.schema, batches, parts)


def _first_weights(prefix):
    """The variables that start with a checkpoint's values: dict of name → variable."""
    if prefix is None:
        log.warning("no --init_checkpoint: training starts from random weights")
        return {}
    variables = tf.trainable_variables()
    loaded = checkpoints.variables_to_load(prefix, variables, needs_head=False)
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
