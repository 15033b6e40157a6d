"""Training: parts of similar length, micro-batches, checkpoints, resuming."""

import itertools
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

import numpy as np
import tensorflow.compat.v1 as tf

import modeling
import optimization
from biocodes.lib.model_folder import latest
from finetuning import (
    checkpoints,
    distributed,
    estimator,
    hooks,
    mixed_precision,
    records,
    shadow,
    shares,
)
from finetuning.batches import micro_batches, parts_of, training_order
from finetuning.console import log
from finetuning.datasets import dataset_of_parts, part_of
from finetuning.model import Model, Tensors
from finetuning.prediction import Predictor
from finetuning.shares import Agreement
from finetuning.signals import Interrupted, Interruption
from finetuning.training_settings import TrainingSettings


def train(
    model: Model,
    data: records.RecordFile,
    folder: str,
    settings: TrainingSettings,
    interruption: Interruption,
) -> str:
    """Fine-tune, or resume where an earlier run in the folder ended.

    Args:
      model: what is trained.
      data: the training examples.
      folder: where checkpoints are kept.
      settings: TrainingSettings.
      interruption: training ends early when a signal comes.

    Returns:
      Prefix of the last checkpoint.

    Raises:
      InputError: too few examples for a step; a checkpoint that does not fit; a loss
        that is not finite.
      Interrupted: after the checkpoint was saved.
    """
    if not len(data):
        # An example may have made no record at all.
        settings = settings._replace(examples=0)
    total, warmup = settings.steps()
    last = checkpoints.latest_to_resume(folder, settings.keep_checkpoint_max)
    start = checkpoints.step(last) if last else 0
    distributed.check_same({"the step to resume from": start})
    _log_start(settings, start, total, warmup)
    is_over = _catch_up(model, last, settings) if last else False
    if start >= total or is_over:
        return last
    agreement = shares.Agreement(interruption)
    between = _hooks(start, settings, folder, agreement)
    if settings.processes > 1:
        steps = _order(data, settings, start)
        between.watch.count_by(int(data.lengths[rows].sum()) for rows in steps)
    model_fn = _make_model_fn(model, settings, between, resumes=last is not None)
    with interruption.held_back(), _memory_watched(settings, data):
        mixed = settings.mixed_precision
        estimator.create(model_fn, folder, settings.seed, mixed).train(
            lambda: _batches(data, settings, start),
            hooks=[*shares.of_first(), between.watch],
            max_steps=total,
        )
    agreement.agree()
    shadow.renew(folder)
    last = latest(folder)
    if agreement.asked is not None:
        where = f"checkpoint saved at step {checkpoints.step(last):,} of {total:,}"
        raise Interrupted(agreement.asked, where)
    return last


class _Hooks(NamedTuple):
    """What happens between two steps."""

    watch: hooks.WatchTraining
    agreed: List[hooks.AgreeOnSignals]
    save: hooks.SaveCheckpoints
    evaluate: Optional[hooks.EvaluateDevSet]


def _hooks(
    start: int, settings: TrainingSettings, folder: str, agreement: Agreement
) -> _Hooks:
    """Make what happens between two steps; start: the step before the first."""
    total, _ = settings.steps()
    size = settings.train_batch_size
    steps = hooks.Steps(start, total, size, settings.examples / size)
    watch = hooks.WatchTraining(steps, folder)
    save = hooks.SaveCheckpoints(folder, settings.saves, agreement)
    agreed = [hooks.AgreeOnSignals(agreement)] if settings.processes > 1 else []
    evaluate = None
    if settings.evaluation:
        evaluate = hooks.EvaluateDevSet(settings.evaluation, agreement, save, watch)
    return _Hooks(watch, agreed, save, evaluate)


def _memory_watched(settings: TrainingSettings, data: records.RecordFile) -> Any:
    """Return a context in which exhausted memory is an InputError."""
    return estimator.memory_watched(
        settings.examples_at_once,
        settings.pad_to or data.lengths.max(),
        "raise --gradient_accumulation_steps or give --recompute_layers=true, which"
        " change no result; or lower --train_batch_size or --max_seq_length",
    )


def _make_model_fn(
    model: Model, settings: TrainingSettings, between: _Hooks, resumes: bool
) -> Callable[[Dict[str, Any], str], estimator.EstimatorSpec]:
    """Make the function that builds the graph of a training step.

    Args:
      model: what is trained.
      settings: TrainingSettings.
      between: what happens between two steps.
      resumes: whether Estimator will restore a checkpoint of the folder.
    """
    count = settings.gradient_accumulation_steps

    def model_fn(features: Dict[str, Any], mode: str) -> estimator.EstimatorSpec:
        losses = losses_of_parts(model, features["parts"], mode, settings)
        loss = loss_of_step(losses, settings.train_batch_size)
        loaded = {} if resumes else _first_weights(settings.init_checkpoint)
        update = _update(loss, settings)
        pieces = tf.add_n([tf.reduce_sum(x["input_mask"]) for x in features["parts"]])
        between.watch.watch(update, pieces, loss_is_sum=not losses[0].shape.ndims)
        training_hooks = [
            hooks.RunMicroBatches(update.accumulate, count - 1, between.watch),
            *between.agreed,
            between.save,
        ]
        if between.evaluate:
            # Last, for random operations are seeded by their place in the graph.
            between.evaluate.build(model)
            training_hooks.append(between.evaluate)
        return estimator.EstimatorSpec(
            mode,
            loss=update.loss,
            train_op=update.operation,
            scaffold=_scaffold(settings, loaded),
            training_hooks=training_hooks,
        )

    return model_fn


def _update(loss: tf.Tensor, settings: TrainingSettings) -> optimization.Update:
    """Build the update of a step."""
    schedule = optimization.Schedule(settings.learning_rate, *settings.steps())
    scaled = settings.mixed_precision and mixed_precision.needs_loss_scale()
    return optimization.create_train_op(
        loss,
        schedule,
        in_micro_batches=settings.gradient_accumulation_steps > 1,
        scale=optimization.LossScale() if scaled else None,
        summed=shares.summed(),
    )


def _catch_up(model: Model, last: str, settings: TrainingSettings) -> bool:
    """Make the evaluation that a run was ended before.

    Args:
      model: what is trained.
      last: prefix of the checkpoint that training resumes from.
      settings: TrainingSettings.

    Returns:
      Whether training is over, for want of better scores.
    """
    evaluation, step = settings.evaluation, checkpoints.step(last)
    if not evaluation:
        return False
    evaluation.record.check_against(last)
    if evaluation.schedule.is_due(step) and not evaluation.record.has(step):
        predictor = Predictor(model, last, evaluation.prediction)
        entry = evaluation.of(step, predictor.predict(evaluation.dev.data))
        evaluation.record.add(entry, last)
    return evaluation.record.is_over


def _log_start(settings: TrainingSettings, start: int, total: int, warmup: int) -> None:
    log.info("***** training *****")
    log.info(
        "  examples = %s, batch size = %d",
        f"{settings.examples:,}",
        settings.train_batch_size,
    )
    if start >= total:
        log.info("  step %s of %s: nothing left to train", f"{start:,}", f"{total:,}")
    elif start:
        log.info("  resuming at step %s of %s", f"{start:,}", f"{total:,}")
    else:
        log.info("  steps = %s, of them warm-up = %s", f"{total:,}", f"{warmup:,}")


def losses_of_parts(
    model: Model, parts: List[Tensors], mode: str, settings: TrainingSettings
) -> List[tf.Tensor]:
    """Build the loss of each part of a batch, or of a micro-batch, see model.py.

    Args:
      model: encoder and head.
      parts: features of each part, as batches.parts_of makes them.
      mode: ModeKeys; dropout is on in training only.
      settings: TrainingSettings.
    """
    outputs = modeling.encode(
        [part_of(features) for features in parts],
        model.config,
        is_training=mode == estimator.ModeKeys.TRAIN,
        recompute_layers=settings.recompute_layers,
    )
    with tf.variable_scope(tf.get_variable_scope(), reuse=tf.AUTO_REUSE):
        return [
            model.head(encoder, features, mode)[0]
            for encoder, features in zip(outputs, parts)
        ]


def loss_of_step(losses: List[tf.Tensor], examples: int) -> tf.Tensor:
    """Build what parts add to the loss of a step of so many examples: a scalar.

    A loss that is one value an example [B] stands for the mean over the step.
    """
    return tf.add_n(
        [
            tf.reduce_sum(loss) / examples if loss.shape.ndims else loss
            for loss in losses
        ]
    )


def _batches(
    data: records.RecordFile, settings: TrainingSettings, start: int
) -> tf.data.Dataset:
    """Make the dataset of the batches from step `start` on."""
    rest = map(shares.share, _order(data, settings, start))
    count, parts = settings.gradient_accumulation_steps, settings.parts
    cut = micro_batches(rest, data.lengths, count, parts)

    def batches() -> Any:
        return (parts_of(data, rows, settings.pad_to) for rows in cut)

    return dataset_of_parts(data.schema, batches, parts)


def _order(
    data: records.RecordFile, settings: TrainingSettings, start: int
) -> Iterator[np.ndarray]:
    """Yield the examples of each step from step `start` on."""
    order = training_order(
        data.lengths,
        settings.train_batch_size,
        settings.seed,
        by_length=settings.pad_to is None,
        draw=settings.draw,
    )
    # A resumed training goes on with the examples that would have come next.
    return itertools.islice(order, start, None)


def _first_weights(prefix: Optional[str]) -> Dict[str, tf.Variable]:
    """Map the names of the variables that start with a checkpoint's values to them."""
    if prefix is None:
        log.warning("no --init_checkpoint: training starts from random weights")
        return {}
    variables = tf.trainable_variables()
    loaded = checkpoints.variables_to_load(prefix, variables, needs_head=False)
    names = [variable.op.name for variable in variables]
    new = ", ".join(name for name in names if name not in loaded)
    log.info("  weights from %s%s", prefix, f"; new: {new}" if new else "")
    return loaded


def _scaffold(
    settings: TrainingSettings, loaded: Dict[str, tf.Variable]
) -> tf.train.Scaffold:
    """Make the Scaffold of a training; the folder's checkpoint, if any, comes later.

    Args:
      settings: TrainingSettings.
      loaded: variables that init_checkpoint has; all others start as their initializers
        say.
    """
    saver = tf.train.Saver(max_to_keep=settings.keep_checkpoint_max)
    tf.add_to_collection(tf.GraphKeys.SAVERS, saver)
    new = [
        variable for variable in tf.global_variables() if variable.op.name not in loaded
    ]
    # One look at the checkpoint for all variables; as initializers there would be one
    # for each. Nor does anybody have to ask each variable whether it has its value.
    loader = tf.train.Saver(loaded) if loaded else None
    missing = tf.constant([], tf.string)

    def load(_: tf.train.Scaffold, session: tf.Session) -> None:
        if loader:
            loader.restore(session, settings.init_checkpoint)

    return tf.train.Scaffold(
        saver=saver,
        init_op=tf.variables_initializer(new),
        init_fn=load,
        ready_op=missing,
        ready_for_local_init_op=missing,
    )
