"""What happens between two training steps: saving, reporting, stopping."""

import math
import os
import time
from typing import Any, Callable, Dict, Iterator, NamedTuple, Optional, Tuple, Union

import numpy as np
import tensorflow.compat.v1 as tf

from biocodes.lib import files
from finetuning import distributed, estimator, shares
from finetuning.batches import batch_of, in_input_order
from finetuning.console import log
from finetuning.curve import Curve
from finetuning.evaluation import Evaluation
from finetuning.mixed_precision import SkippedSteps
from finetuning.model import Model
from finetuning.prediction import LOWER_BATCH_SIZE
from finetuning.progress import Progress, duration
from finetuning.shares import Agreement
from finetuning.tensorflow_engine import FedGraph

# A curve of a whole training has this many points or, as steps are whole, up to twice.
POINTS = 250


class SaveCheckpoints(tf.train.SessionRunHook):
    """Saves a checkpoint every so many steps, at the end, and when asked to stop.

    Estimator's own hook would also write the graph, as text and into each checkpoint,
    and a checkpoint of the untrained model; that costs seconds and nobody reads it.
    """

    def __init__(
        self, folder: str, is_due: Callable[[int], bool], agreement: Agreement
    ) -> None:
        """Save "model.ckpt-STEP" in the folder.

        Args:
          folder: where checkpoints go.
          is_due: function of a step → whether it is saved.
          agreement: once a signal has come, the step that is running is the last.
        """
        self._prefix = os.path.join(folder, "model.ckpt")
        self._is_due = is_due
        self._agreement = agreement

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
        asked = self._agreement.asked is not None
        if asked or self._is_due(self._step):
            self._save(run_context.session)
        if asked:
            run_context.request_stop()

    def end(self, session: tf.Session) -> None:
        self._save(session)

    def _save(self, session: tf.Session) -> None:
        if self._step == self._saved:
            return
        self._saved = self._step
        if not distributed.is_first():
            return
        try:
            self._saver.save(session, self._prefix, self._step, write_meta_graph=False)
        except (tf.errors.OpError, OSError) as error:
            raise files.unwritable(
                f"{self._prefix}-{self._step}", OSError(0, reason_of(error))
            ) from error


class AgreeOnSignals(tf.train.SessionRunHook):
    """Lets all processes know, with every step, of a signal that one of them has got.

    To come before the hooks that look for it.
    """

    def __init__(self, agreement: Agreement) -> None:
        """Note signals in an agreement."""
        self._agreement = agreement

    def begin(self) -> None:
        self._own = tf.placeholder(tf.int32, [1])
        self._all = shares.of_all(self._own)

    def before_run(self, run_context: Any) -> tf.train.SessionRunArgs:
        return tf.train.SessionRunArgs(self._all, {self._own: [self._agreement.own]})

    def after_run(self, run_context: Any, run_values: Any) -> None:
        self._agreement.note(run_values.results)


class RunMicroBatches(tf.train.SessionRunHook):
    """Before each training step, runs its micro-batches but the last.

    The last one is the step's own, so to everybody else there are only whole steps.
    """

    def __init__(
        self, accumulate: tf.Operation, times: int, watch: "WatchTraining"
    ) -> None:
        """Run `accumulate`, an optimization.Update's, so many times.

        Args:
          accumulate: adds the gradients of a micro-batch.
          times: how often, a step.
          watch: counts the pieces.
        """
        self._fetches = [accumulate, watch.pieces]
        self._times = times
        self._watch = watch

    def before_run(self, run_context: Any) -> None:
        for _ in range(self._times):
            _, pieces = run_context.session.run(self._fetches)
            self._watch.add_pieces(pieces)


class EvaluateDevSet(tf.train.SessionRunHook):
    """Scores development data in the training's own session, with its variables.

    To come after SaveCheckpoints, which saves what is evaluated.
    """

    def __init__(
        self,
        evaluation: Evaluation,
        agreement: Agreement,
        save: SaveCheckpoints,
        watch: "WatchTraining",
    ) -> None:
        """Evaluate whenever it is due.

        Args:
          evaluation: what, when, and the record of it.
          agreement: once a signal has come, an evaluation ends without a result.
          save: has saved the checkpoint.
          watch: gets the scores, and does not count the time.
        """
        self._evaluation = evaluation
        self._agreement = agreement
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
        rows = list(settings.order(data.lengths))

        def batches() -> Iterator[Dict[str, np.ndarray]]:
            for indices in shares.share_of_batches(rows):
                batch = batch_of(data, indices, settings.pad_to)
                yield dict(self._graph.predict(session, batch), row=batch["row"])

        def of_all() -> Iterator[Dict[str, np.ndarray]]:
            for batch in shares.together(batches(), len(rows), self._agreement):
                if self._agreement.asked is not None:
                    raise _Asked
                yield batch

        with estimator.memory_watched(
            settings.batch_size, settings.max_seq_length, LOWER_BATCH_SIZE
        ):
            yield from in_input_order(of_all(), len(data))


class _Asked(Exception):
    """A signal has come while development data was predicted."""


class Steps(NamedTuple):
    """The steps of a training.

    Attributes:
      first, last: global step before the first update of this run, and after the last.
      batch_size: examples in a step.
      epoch: steps of an epoch; need not be whole.
    """

    first: int
    last: int
    batch_size: int
    epoch: float

    @property
    def recorded(self) -> int:
        """Steps from one point of the curve to the next: a whole run has 250 to 500."""
        return max(self.last // POINTS, 1)


class _Losses:
    """Losses of steps, since they were last looked at."""

    def __init__(self) -> None:
        self._sum = 0.0
        self._steps = self._pieces = 0

    def add(self, loss: float, pieces: int) -> None:
        """Count a step."""
        self._sum += loss
        self._steps += 1
        self._pieces += pieces

    def mean(self) -> float:
        """Return the loss of a step."""
        return self._sum / self._steps if self._steps else float("nan")

    def of_piece(self) -> float:
        """Return the loss of a piece, where losses are sums over pieces."""
        return self._sum / max(self._pieces, 1)


class WatchTraining(tf.train.SessionRunHook):
    """Reports progress, and stops when the loss is not finite.

    To be given to Estimator.train(hooks=…), which lets it look at the loss before
    Estimator's own hook does. That one would stop without saying when or what to do.
    """

    def __init__(self, steps: Steps, folder: str) -> None:
        """Watch some steps; training.jsonl and TensorBoard's files go to the folder."""
        self._steps = steps
        self._step = steps.first
        self._folder = folder
        self._pieces_of_steps: Optional[Iterator[int]] = None

    def watch(self, update: Any, pieces: tf.Tensor, loss_is_sum: bool) -> None:
        """Set what to fetch.

        Args:
          update: optimization.Update: loss, learning rate, norm of the gradients.
          pieces: int scalar, word pieces of the batch, or of the micro-batch.
          loss_is_sum: whether the loss is a sum over the pieces, so that it depends on
            the lengths of the sentences. The log then has the loss of a piece, too.
        """
        self.pieces = pieces
        self._loss_is_sum = loss_is_sum
        self._fetches = {
            "loss": update.loss,
            "rate": update.learning_rate,
            "norm": update.gradient_norm,
            "pieces": pieces,
        }
        if update.loss_scale is not None:
            self._fetches["scale"] = update.loss_scale

    def count_by(self, pieces_of_steps: Iterator[int]) -> None:
        """Count as many pieces a step; where other processes have a share of them."""
        self._pieces_of_steps = pieces_of_steps

    def add_pieces(self, count: int) -> None:
        """Count the pieces of a micro-batch that is not the last of its step."""
        self._pieces += int(count)

    def after_create_session(self, session: tf.Session, coord: Any) -> None:
        self._progress = None
        self._pieces = 0
        self._skipped = SkippedSteps()
        self._logged, self._recorded = _Losses(), _Losses()
        self._curve = Curve(self._folder, int(self._step), self._steps.epoch)
        self._writer = tf.summary.FileWriter(self._folder)

    def end(self, session: tf.Session) -> None:
        self._writer.close()

    def before_run(self, run_context: Any) -> tf.train.SessionRunArgs:
        if self._progress is None:
            last, size = self._steps.last, self._steps.batch_size
            self._progress = Progress("step", last, units=size)
            self._progress.count(self._step)
            self._progress.start()
            self._started = self._since = self._progress.started
            self._step_since = self._step
        return tf.train.SessionRunArgs(self._fetches)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        values = run_values.results
        self._step += 1
        self.add_pieces(values["pieces"])
        if self._pieces_of_steps:
            self._pieces = next(self._pieces_of_steps)
        is_skipped = self._is_skipped(values)
        if not is_skipped:
            for losses in (self._logged, self._recorded):
                losses.add(float(values["loss"]), self._pieces)
        self._pieces = 0
        is_last = self._step == self._steps.last
        is_due = self._step % self._steps.recorded == 0 or is_last
        if is_due and not is_skipped:
            self._record(values)
        self._progress.count()
        detail = self._detail(values)
        if not self._progress.is_due() and not is_last:
            self._progress.show(detail)
            return
        self._progress.report(detail)
        self._logged = _Losses()
        if is_last:
            log.info("training took %s", duration(time.time() - self._started))
            self._skipped.report()

    def _is_skipped(self, values: Dict[str, float]) -> bool:
        """Whether the step has changed nothing, for want of finite gradients."""
        finite = math.isfinite(values["loss"]) and math.isfinite(values["norm"])
        scale = values.get("scale")
        if self._skipped.allows(self._step, finite, scale):
            return not finite
        what = "loss" if not math.isfinite(values["loss"]) else "gradient"
        raise files.InputError(
            f"the {what} is {values['loss' if what == 'loss' else 'norm']} at step"
            f" {self._step:,}; training stopped, the checkpoints saved so far are good",
            remedy="try a lower --learning_rate or a higher --warmup_proportion, and"
            " check --init_checkpoint",
        )

    def _detail(self, values: Dict[str, float]) -> str:
        """Say what a line of the log has beside step and speed."""
        loss = f"loss {self._logged.mean():.4g}"
        if self._loss_is_sum:
            loss += f" ({self._logged.of_piece():.3g} a piece)"
        epoch = f"epoch {self._step / self._steps.epoch:.2f}"
        return f"{epoch}, {loss}, learning rate {values['rate']:.3g}, "

    def was_evaluated(self, scores: Dict[str, float]) -> None:
        """Write scores of development data; the time they took is no training's."""
        self._write_summary({f"dev/{name}": x for name, x in scores.items()})
        self._progress.start()
        self._since = time.time()

    def _record(self, values: Dict[str, float]) -> None:
        """Add a point to training.jsonl and to TensorBoard's curves."""
        now = time.time()
        examples = (self._step - self._step_since) * self._steps.batch_size
        point = {
            "loss": self._recorded.mean(),
            "learning_rate": values["rate"],
            "gradient_norm": values["norm"],
            "examples_per_second": examples / max(now - self._since, 1e-9),
        }
        if self._loss_is_sum:
            point["loss_of_a_piece"] = self._recorded.of_piece()
        self._write_summary(point)
        self._curve.add(self._step, **point, seconds=now - self._started)
        self._recorded = _Losses()
        self._since, self._step_since = now, self._step

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
