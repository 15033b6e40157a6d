"""Development data that is scored while a model is trained.

    evaluations.json    what each evaluation of the training in the folder gave
    best.ckpt-STEP      the weights that scored best, with --keep_best

An evaluation belongs to the checkpoint of its step, which is saved before it. So a run
that is killed in between has nothing to lose: the next one evaluates that checkpoint.
"""

import math
import os
import time
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import numpy as np

from biocodes.lib import files, model_folder
from biocodes.lib.run_files import EVALUATIONS as RECORD
from biocodes.lib.run_files import read_evaluations
from finetuning import command_line, distributed
from finetuning.console import log
from finetuning.prediction import PredictionSettings
from finetuning.records import RecordFile

EPOCH = "epoch"

Predictions = Iterable[Tuple[int, Dict[str, np.ndarray]]]
Scores = Dict[str, float]


def define_flags(flags: command_line.Flags, name: str) -> None:
    """Add the flags of a script that can score a file of that name while it trains."""
    topic = flags.topic("development data")
    topic.string(
        "eval_every",
        None,
        f"Score {name} during training: epoch, or a number of steps. Default: never.",
    )
    topic.boolean(
        "keep_best",
        False,
        "Keep the weights that score best, and predict with them.",
    )
    topic.string(
        "best_metric", None, "The score that says which are best; default: the task's."
    )
    topic.integer(
        "patience",
        0,
        "End training after so many evaluations without a better score; 0: never.",
    )


class EvaluationSettings(NamedTuple):
    """When to evaluate, and what follows from it.

    Attributes:
      steps: from one evaluation to the next; None: an epoch's.
      keep_best: whether the best weights are kept, and predict.
      metric: name of the score that is compared; None: the first of the task's.
      patience: evaluations without a better score after which training ends; 0: none.
    """

    steps: Optional[int] = None
    keep_best: bool = False
    metric: Optional[str] = None
    patience: int = 0

    @classmethod
    def from_flags(cls, flags: Any) -> Optional["EvaluationSettings"]:
        """Take the values of the flags; None when nothing is scored during training.

        Raises:
          InputError: they do not go together.
        """
        if "eval_every" not in flags or not flags.do_train:
            return None
        every = flags.eval_every
        if every is None:
            for name in ("keep_best", "best_metric", "patience"):
                if flags[name].value:
                    raise files.InputError(
                        "needs development data that is scored during training",
                        f"--{name}",
                        remedy=f"give --eval_every={EPOCH} as well",
                    )
            return None
        if every != EPOCH and not (every.isdecimal() and 0 < int(every) < 2**31):
            raise files.InputError(
                f"is {EPOCH} or a number of steps, not {every}", "--eval_every"
            )
        steps = None if every == EPOCH else int(every)
        return cls(steps, flags.keep_best, flags.best_metric, flags.patience)


def check_settings(
    settings: Optional[EvaluationSettings], metrics: Sequence[str]
) -> None:
    """Check what of the settings a task must know, before anything is written.

    Args:
      settings: None: nothing is scored during training.
      metrics: names of the task's scores.

    Raises:
      InputError: it has no score of the name asked for.
    """
    if settings:
        check_metric(settings.metric, metrics)


class DevSet(NamedTuple):
    """Development data of a task, and how it is scored.

    Attributes:
      name: of the file, for messages.
      data: records of its examples.
      score: function of their predictions, in order → scores from 0 to 1 by name.
      metrics: names that a comparison may use; the first is the task's official one.
    """

    name: str
    data: RecordFile
    score: Callable[[Predictions], Scores]
    metrics: Sequence[str]


class Evaluations:
    """The evaluations of one training, as its folder records them.

    Attributes:
      metric: name of the score that is compared.
      entries: {"step", "epoch", "seconds", "scores"} of each, in order.
    """

    def __init__(self, folder: str, settings: EvaluationSettings, dev: DevSet) -> None:
        """Read what is recorded; nothing else in the folder is looked at.

        Raises:
          InputError: the record cannot be used, or the metric is none of the task's.
        """
        self.metric = check_metric(settings.metric, dev.metrics)
        self._folder = folder
        self._settings = settings
        self.entries = read_evaluations(folder)

    def has(self, step: int) -> bool:
        """Whether the checkpoint of a step was evaluated."""
        return any(entry["step"] == step for entry in self.entries)

    @property
    def best(self) -> Optional[Dict[str, Any]]:
        """The entry of the highest score; the first of equals; None before any."""
        return max(self.entries, key=self._value, default=None)

    @property
    def is_over(self) -> bool:
        """Whether patience is at its end."""
        if not self._settings.patience or not self.entries:
            return False
        since = len(self.entries) - 1 - self.entries.index(self.best)
        return since >= self._settings.patience

    def check_against(self, last: str) -> None:
        """Check that nothing is recorded of steps after the last checkpoint.

        Raises:
          InputError: checkpoints are missing.
        """
        step = model_folder.step_of_name(last)
        if self.entries and self.entries[-1]["step"] > step:
            raise files.InputError(
                f"has an evaluation of step {self.entries[-1]['step']:,}, but the last"
                f" checkpoint is of step {step:,}",
                os.path.join(self._folder, RECORD),
                remedy="put the missing checkpoints back, or start again with"
                " --overwrite_output_dir=true",
            )

    def add(self, entry: Dict[str, Any], checkpoint: str) -> None:
        """Record an evaluation; keep the weights if they are the best so far.

        Args:
          entry: see entries.
          checkpoint: prefix of the checkpoint that was evaluated.

        Raises:
          InputError: the disk is full, or the like.
        """
        before = self.best
        self.entries.append(entry)
        is_best = self.best is entry
        keep = is_best and self._settings.keep_best and distributed.is_first()
        if keep:
            from finetuning import checkpoints

            checkpoints.keep_as_best(checkpoint)
        files.write_json(os.path.join(self._folder, RECORD), self.entries)
        if keep:
            model_folder.remove_best(self._folder, but=entry["step"])
        self._report(entry, before)

    def _value(self, entry: Dict[str, Any]) -> float:
        return entry["scores"].get(self.metric, -math.inf)

    def _report(self, entry: Dict[str, Any], before: Optional[Dict[str, Any]]) -> None:
        scores = ", ".join(f"{name} {x:.2%}" for name, x in entry["scores"].items())
        note = "the best so far" if self.best is entry else ""
        if before and self.best is before:
            note = f"best: {self._value(before):.2%} at step {before['step']:,}"
        log.info(
            "evaluation at step %s (epoch %.3g): %s; %s; %.1f s",
            *(f"{entry['step']:,}", entry["epoch"], scores, note, entry["seconds"]),
        )
        if self.is_over:
            log.info(
                "training ends here: no better %s in %d evaluations",
                *(self.metric, self._settings.patience),
            )


def check_metric(metric: Optional[str], known: Sequence[str]) -> str:
    """Return the metric to compare by.

    Raises:
      InputError: the task has no score of this name.
    """
    if metric is None:
        return known[0]
    if metric not in known:
        raise files.InputError(
            f"{metric} is none of {', '.join(known)}", "--best_metric"
        )
    return metric


class Schedule(NamedTuple):
    """The steps after which development data is scored.

    Attributes:
      steps: from one to the next; None: an epoch's.
      epoch: steps of an epoch; need not be whole.
      total: steps of the training, the last of which is always one.
    """

    steps: Optional[int]
    epoch: float
    total: int

    def is_due(self, step: int) -> bool:
        """Whether a step is one of them."""
        if step <= 0 or step >= self.total:
            return 0 < step == self.total
        if self.steps:
            return step % self.steps == 0
        # Epoch k ends with step int(k · epoch); the quotient may be rounded upwards.
        last = math.ceil(step / self.epoch)
        return any(int(k * self.epoch) == step for k in (last - 1, last))


class Evaluation(NamedTuple):
    """All that an evaluation during training needs.

    Attributes:
      dev: what is predicted and scored.
      schedule: when.
      record: where the scores go.
      prediction: how batches are formed.
    """

    dev: DevSet
    schedule: Schedule
    record: Evaluations
    prediction: PredictionSettings

    def of(self, step: int, predictions: Predictions) -> Dict[str, Any]:
        """Score predictions → entry of Evaluations.

        Args:
          step: of the training.
          predictions: made while they are read, so that the time is counted.
        """
        started = time.time()
        scores = self.dev.score(predictions)
        return {
            "step": step,
            "epoch": step / self.schedule.epoch,
            "seconds": time.time() - started,
            "scores": {name: float(value) for name, value in scores.items()},
        }
