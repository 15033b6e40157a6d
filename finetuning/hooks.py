"""What happens between two training steps: saving, reporting, stopping."""

import math
import os
import time
from typing import Any, Callable, Dict, Iterator, Tuple, Union

import numpy as np
import tensorflow.compat.v1 as tf

from biocodes.lib import files
from finetuning import estimator
from finetuning.batches import batch_of, in_input_order
from finetuning.command_line import log
from finetuning.curve import Curve
from finetuning.evaluation import Evaluation
from finetuning.model import Model
from finetuning.prediction import LOWER_BATCH_SIZE
from finetuning.progress import Progress, duration
from finetuning.signals import Interruption
from finetuning.tensorflow_engine import FedGraph


class SaveCheckpoints(tf.train.SessionRunHook):
    """Saves a checkpoint every so many steps, at the end, and when asked to stop.

    Estimator's own hook would also write the graph, as text and into each checkpoint,
    and a checkpoint of the untrained model; that costs seconds and nobody reads it.
    """

    def __init__(
        self, folder: str, is_due: Callable[[int], bool], interruption: Interruption
    ) -> None:
        """Save "model.ckpt-STEP" in the folder.

        Args:
          folder: where checkpoints go.
          is_due: function of a step → whether it is saved.
          interruption: once a signal has come, the step that is running is the last.
        """
        self._prefix = os.path.join(folder, "model.ckpt")
        self._is_due = is_due
        self._interruption = interruption

    @property
    def prefix(self) -> str:
        """Prefix of the last checkpoint that was saved."""
        return f"{self._prefix}-{self._saved}"

    def begin(self) -> None:
        self._saver = tf.get_collection(tf.GraphKeys.SAVERS)[0]

    def after_create_session(self, session: tf.Session, coord: Any) -> None:
        self._step = self._saved = session.run(tf.train.get_global_step())

    def after_run(self, run_context: Any, run_values: Any) -> None:
        self._step += 1
        asked = self._interruption.asked is not None
        if asked or self._is_due(self._step):
            self._save(run_context.session)
        if asked:
            run_context.request_stop()

    def end(self, session: tf.Session) -> None:
        self._save(session)

    def _save(self, session: tf.Session) -> None:
        if self._step == self._saved:
            return
        try:
            self._saver.save(session, self._prefix, self._step, write_meta_graph=False)
        except (tf.errors.OpError, OSError) as error:
            raise files.unwritable(
                f"{self._prefix}-{self._step}", OSError(0, reason_of(error))
            ) from error
        self._saved = self._step


class RunMicroBatches(tf.train.SessionRunHook):
    """Before each training step, runs its micro-batches but the last.

    The last one is the step's own, so to everybody else there are only whole steps.
    """

    def __init__(self, accumulate: tf.Operation, times: int) -> None:
        """Run `accumulate`, an optimization.Update's, so many times."""
        self._accumulate = accumulate
        self._times = times

    def before_run(self, run_context: Any) -> None:
        for _ in range(self._times):
            run_context.session.run(self._accumulate)


class EvaluateDevSet(tf.train.SessionRunHook):
    """Scores development data in the training's own session, with its variables.

    To come after SaveCheckpoints, which saves what is evaluated.
    """

    def __init__(
        self,
        evaluation: Evaluation,
        interruption: Interruption,
        save: SaveCheckpoints,
        watch: "WatchTraining",
    ) -> None:
        """Evaluate whenever it is due.

        Args:
          evaluation: what, when, and the record of it.
          interruption: once a signal has come, an evaluation ends without a result.
          save: has saved the checkpoint.
          watch: gets the scores, and does not count the time.
        """
        self._evaluation = evaluation
        self._interruption = interruption
        self._save = save
        self._watch = watch

    def build(self, model: Model) -> None:
        """Build the predictions, in the graph that has the variables."""
        self._graph = FedGraph(model, self._evaluation.dev.data.schema)

    def after_create_session(self, session: tf.Session, coord: Any) -> None:
        self._step = session.run(tf.train.get_global_step())

    def after_run(self, run_context: Any, run_values: Any) -> None:
        self._step += 1
        if not self._evaluation.schedule.is_due(self._step):
            return
        predictions = self._predictions(run_context.session)
        try:
            entry = self._evaluation.of(int(self._step), predictions)
        except _Asked:
            run_context.request_stop()
            return
        self._evaluation.record.add(entry, self._save.prefix)
        self._watch.was_evaluated(entry["scores"])
        if self._evaluation.record.is_over:
            run_context.request_stop()

    def _predictions(
        self, session: tf.Session
    ) -> Iterator[Tuple[int, Dict[str, np.ndarray]]]:
        data, settings = self._evaluation.dev.data, self._evaluation.prediction

        def batches() -> Iterator[Dict[str, np.ndarray]]:
            for indices in settings.order(data.lengths):
                if self._interruption.asked is not None:
                    raise _Asked
                batch = batch_of(data, indices, settings.pad_to)
                yield dict(self._graph.predict(session, batch), row=batch["row"])

        with estimator.memory_watched(
            settings.batch_size, settings.max_seq_length, LOWER_BATCH_SIZE
        ):
            yield from in_input_order(batches(), len(data))


class _Asked(Exception):
    """A signal has come while development data was predicted."""


class WatchTraining(tf.train.SessionRunHook):
    """Reports progress, and stops when the loss is not finite.

    To be given to Estimator.train(hooks=…), which lets it look at the loss before
    Estimator's own hook does. That one would stop without saying when or what to do.
    """

    def __init__(
        self,
        first_step: int,
        last_step: int,
        batch_size: int,
        folder: str,
        epoch: float,
    ) -> None:
        """Watch from one step to another.

        Args:
          first_step, last_step: global step before the first update of this run, and
            after the last.
          batch_size: examples in a step.
          folder: for training.jsonl and TensorBoard's event files.
          epoch: steps of an epoch; need not be whole.
        """
        self._step = first_step
        self._last_step = last_step
        self._batch_size = batch_size
        self._folder = folder
        self._epoch = epoch

    def watch(self, loss: tf.Tensor, rate: tf.Tensor, norm: tf.Tensor) -> None:
        """Set what to fetch: loss, learning rate, and the gradients' global norm."""
        self._fetches = {"loss": loss, "rate": rate, "norm": norm}

    def after_create_session(self, session: tf.Session, coord: Any) -> None:
        self._progress = None
        self._losses = []
        self._curve = Curve(self._folder, int(self._step), self._epoch)
        self._writer = tf.summary.FileWriter(self._folder)

    def end(self, session: tf.Session) -> None:
        self._writer.close()

    def before_run(self, run_context: Any) -> tf.train.SessionRunArgs:
        if self._progress is None:
            self._progress = Progress("step", self._last_step, units=self._batch_size)
            self._progress.count(self._step)
            self._progress.start()
            self._started = self._progress.started
        return tf.train.SessionRunArgs(self._fetches)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        values = run_values.results
        self._step += 1
        self._check(values)
        self._losses.append(float(values["loss"]))
        self._progress.count()
        if self._progress.is_due() or self._step == self._last_step:
            self._report(values)

    def _check(self, values: Dict[str, float]) -> None:
        if math.isfinite(values["loss"]) and math.isfinite(values["norm"]):
            return
        what = "loss" if not math.isfinite(values["loss"]) else "gradient"
        raise files.InputError(
            f"the {what} is {values['loss' if what == 'loss' else 'norm']} at step"
            f" {self._step:,}; training stopped, the checkpoints saved so far are good",
            remedy="try a lower --learning_rate or a higher --warmup_proportion, and"
            " check --init_checkpoint",
        )

    def was_evaluated(self, scores: Dict[str, float]) -> None:
        """Write scores of development data; the time they took is no training's."""
        self._write_summary({f"dev/{name}": x for name, x in scores.items()})
        self._progress.start()

    def _report(self, values: Dict[str, float]) -> None:
        loss = sum(self._losses) / len(self._losses)
        self._progress.report(f"loss {loss:.4g}, learning rate {values['rate']:.3g}, ")
        if self._step == self._last_step:
            log.info("training took %s", duration(time.time() - self._started))
        summary = {
            "loss": loss,
            "learning_rate": values["rate"],
            "gradient_norm": values["norm"],
            "examples_per_second": self._progress.speed,
        }
        self._write_summary(summary)
        seconds = time.time() - self._started
        self._curve.add(self._step, **summary, seconds=seconds)
        self._losses = []
        # The speed of the next line is that of the steps since this one.
        self._progress.start()

    def _write_summary(self, values: Dict[str, float]) -> None:
        summary = tf.Summary()
        for name, value in values.items():
            summary.value.add(tag=name, simple_value=float(value))
        self._writer.add_summary(summary, self._step)
        self._writer.flush()


def reason_of(error: Union[tf.errors.OpError, OSError]) -> str:
    """Say what has gone wrong, without paths, nodes and stacks.

    TensorFlow names the graph's node below it, "[[node save/SaveV2]]", and the file
    before it, "model.ckpt-15.data-00000-of-00001.tempstate1174; File too large".
    """
    lines = str(getattr(error, "message", error)).split("\n")
    nodes = [i for i, line in enumerate(lines) if line.lstrip().startswith("[[")]
    return lines[max(nodes[0] - 1, 0) if nodes else 0].split("; ")[-1]
