"""What happens between two training steps: saving, reporting, stopping."""

import math
import os
import time

import tensorflow.compat.v1 as tf

from biocodes.lib import files
from finetuning.command_line import log
from finetuning.progress import PROGRESS_SECONDS, duration


class SaveCheckpoints(tf.train.SessionRunHook):
    """Saves a checkpoint every so many steps, at the end, and when asked to stop.

    Estimator's own hook would also write the graph, as text and into each checkpoint,
    and a checkpoint of the untrained model; that costs seconds and nobody reads it.

    Args:
      folder: where "model.ckpt-STEP" goes.
      every: steps from one checkpoint to the next.
      interruption: interruption.Interruption; when a signal has come, the step that is
        running is the last one.
    """

    def __init__(self, folder, every, interruption):
        self._prefix = os.path.join(folder, "model.ckpt")
        self._every = every
        self._interruption = interruption

    def begin(self):
        self._saver = tf.get_collection(tf.GraphKeys.SAVERS)[0]

    def after_create_session(self, session, coord):
        self._step = self._saved = session.run(tf.train.get_global_step())

    def after_run(self, run_context, run_values):
        self._step += 1
        asked = self._interruption.asked is not None
        if asked or self._step % self._every == 0:
            self._save(run_context.session)
        if asked:
            run_context.request_stop()

    def end(self, session):
        self._save(session)

    def _save(self, session):
        if self._step == self._saved:
            return
        try:
            self._saver.save(session, self._prefix, self._step, write_meta_graph=False)
        except (tf.errors.OpError, OSError) as error:
            raise files.unwritable(
                f"{self._prefix}-{self._step}", OSError(0, _reason(error))
            ) from error
        self._saved = self._step


class RunMicroBatches(tf.train.SessionRunHook):
    """Before each training step, runs its micro-batches but the last.

    The last one is the step's own, so to everybody else there are only whole steps.

    Args:
      accumulate: operation to run, see optimization.Update.
      times: how many times.
    """

    def __init__(self, accumulate, times):
        self._accumulate = accumulate
        self._times = times

    def before_run(self, run_context):
        for _ in range(self._times):
            run_context.session.run(self._accumulate)


class WatchTraining(tf.train.SessionRunHook):
    """Logs progress about every ten seconds, and stops when the loss is not finite.

    To be given to Estimator.train(hooks=…), which lets it look at the loss before
    Estimator's own hook does. That one would stop without saying when or what to do.

    Args:
      first_step, last_step: global step before this run's first update, after its last.
      batch_size: examples in a step.
      summaries: folder for TensorBoard's event files.
    """

    def __init__(self, first_step, last_step, batch_size, summaries):
        self._step = first_step
        self._last_step = last_step
        self._batch_size = batch_size
        self._summaries = summaries

    def watch(self, loss, rate, norm):
        """Tells what to fetch: the loss, the learning rate, the gradients' norm."""
        self._fetches = {"loss": loss, "rate": rate, "norm": norm}

    def after_create_session(self, session, coord):
        self._started = self._reported = None
        self._losses = []
        self._writer = tf.summary.FileWriter(self._summaries)

    def end(self, session):
        self._writer.close()

    def before_run(self, run_context):
        if self._started is None:
            self._started = self._reported = time.time()
            self._first_step = self._reported_step = self._step
        return tf.train.SessionRunArgs(self._fetches)

    def after_run(self, run_context, run_values):
        values = run_values.results
        self._step += 1
        self._check(values)
        self._losses.append(float(values["loss"]))
        now = time.time()
        if now - self._reported >= PROGRESS_SECONDS or self._step == self._last_step:
            self._report(values, now)

    def _check(self, values):
        if math.isfinite(values["loss"]) and math.isfinite(values["norm"]):
            return
        what = "loss" if not math.isfinite(values["loss"]) else "gradient"
        raise files.InputError(
            f"the {what} is {values['loss' if what == 'loss' else 'norm']} at step"
            f" {self._step:,}; training stopped, the checkpoints saved so far are good",
            remedy="try a lower --learning_rate or a higher --warmup_proportion, and"
            " check --init_checkpoint",
        )

    def _report(self, values, now):
        loss = sum(self._losses) / len(self._losses)
        speed = (self._step - self._reported_step) / max(now - self._reported, 1e-9)
        left = (self._last_step - self._step) / speed
        log.info(
            "step %s of %s (%d %%), loss %.4g, learning rate %.3g, %.0f examples/s, %s",
            f"{self._step:,}",
            f"{self._last_step:,}",
            100 * self._step // self._last_step,
            loss,
            values["rate"],
            speed * self._batch_size,
            f"{duration(left)} left"
            if left
            else f"took {duration(now - self._started)}",
        )
        self._write_summary(loss, values["rate"])
        self._reported, self._reported_step, self._losses = now, self._step, []

    def _write_summary(self, loss, rate):
        summary = tf.Summary()
        summary.value.add(tag="loss", simple_value=loss)
        summary.value.add(tag="learning_rate", simple_value=float(rate))
        self._writer.add_summary(summary, self._step)
        self._writer.flush()


def _reason(error):
    """What an error says that has gone wrong, without paths, nodes and stacks.

    TensorFlow names the graph's node below it, "[[node save/SaveV2]]", and the file
    before it, "model.ckpt-15.data-00000-of-00001.tempstate1174; File too large".
    """
    lines = str(getattr(error, "message", error)).split("\n")
    nodes = [i for i, line in enumerate(lines) if line.lstrip().startswith("[[")]
    return lines[max(nodes[0] - 1, 0) if nodes else 0].split("; ")[-1]
