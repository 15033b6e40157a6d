"""The protocol of a run in an output folder: check, start, records, train, predict.

    run = Run(folder, settings)       the checkpoint to predict with is found
    run.check(model, …)               compares; changes nothing on disk
    run.start(results)                the folder is ready for this run's files
    data = run.records("train", …)    written, or those of an earlier run
    run.train(data, interruption)
    run.predict(data)

check is apart from start so that a run over several folders can check all of them
before it changes one.
"""

import json
import os
import sys
import time
from typing import (
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import numpy as np

from biocodes.lib import model_folder, run_files
from biocodes.lib.files import InputError
from finetuning import (
    command_line,
    distributed,
    ensemble,
    model_dir,
    output_dir,
    scores,
    shadow,
)
from finetuning.batches import Draw
from finetuning.console import log
from finetuning.engine import ONNX, engine_of, named
from finetuning.ensemble import Ensemble, Merge
from finetuning.evaluation import (
    DevSet,
    Evaluation,
    Evaluations,
    EvaluationSettings,
    Schedule,
)
from finetuning.model import Model, check_labels, save_labels
from finetuning.prediction import PredictionSettings, Predictor
from finetuning.records import RecordFile, Schema, open_or_write
from finetuning.signals import Interruption
from finetuning.training_settings import TrainingSettings


class RunSettings(NamedTuple):
    """What the flags say about a run, whatever its task.

    Attributes:
      do_train: whether the run trains the model that it predicts with.
      init_checkpoint: prefix of the checkpoint to start from, or to predict with when
        the folder holds none; path of an exported model; or None.
      training, prediction: settings of the two loops.
      evaluation: settings of evaluation during training; None: there is none.
      ensemble: folders of the models that predict together; () for one model.
      arguments: name → value of all flags, for run.json.
      changed: names of those that were given another value than their default.
    """

    do_train: bool
    init_checkpoint: Optional[str]
    training: TrainingSettings
    prediction: PredictionSettings
    evaluation: Optional[EvaluationSettings]
    ensemble: Tuple[str, ...]
    arguments: Dict[str, Any]
    changed: List[str]

    @classmethod
    def from_flags(cls, flags: Any) -> "RunSettings":
        """Take the values of a script's flags.

        Raises:
          InputError: --init_checkpoint names no checkpoint.
        """
        init_checkpoint = None
        if flags.init_checkpoint and flags.engine == ONNX:
            init_checkpoint = model_folder.exported_model(
                flags.init_checkpoint, "--init_checkpoint"
            )
        elif flags.init_checkpoint:
            init_checkpoint = model_folder.resolve(flags.init_checkpoint)
        return cls(
            flags.do_train,
            init_checkpoint,
            TrainingSettings.from_flags(flags, init_checkpoint),
            PredictionSettings.from_flags(flags),
            EvaluationSettings.from_flags(flags),
            ensemble.folders_of(flags),
            flags.flag_values_dict(),
            command_line.changed(flags),
        )

    def of(self, folder: str) -> "RunSettings":
        """Return those of a fold, whose folder is the output folder or below it.

        The models of its ensemble lie in the same place below theirs.
        """
        fold = os.path.relpath(folder, self.arguments["output_dir"])
        models = [os.path.normpath(os.path.join(each, fold)) for each in self.ensemble]
        return self._replace(ensemble=tuple(models))

    @property
    def overwrite(self) -> bool:
        """Whether what an earlier run left in the folder is removed first."""
        return self.arguments["overwrite_output_dir"]


class Run:
    """A run of a script in one output folder, which the caller has locked.

    Attributes:
      folder: the output folder.
      settings: RunSettings.
      model: Model, once it was checked.
      checkpoint: prefix of the checkpoint to predict with; None until it is trained.
      ensemble: the models that predict together, checkpoint being the first one's; None
        for one model.
      facts: JSON values that the training rests on; None without training.
      board: the scores of the run, for write_scores.
    """

    def __init__(
        self, folder: str, settings: RunSettings, merge: Optional[Merge] = None
    ) -> None:
        """Find the checkpoint to predict with, unless the run trains.

        Args:
          folder: the output folder.
          settings: RunSettings.
          merge: how the task merges the predictions of an ensemble; None where there
            is none.

        Raises:
          InputError: there is no checkpoint.
        """
        self.folder = folder
        self.settings = settings
        self.model: Optional[Model] = None
        self.checkpoint: Optional[str] = None
        self.facts: Optional[Dict[str, Any]] = None
        self.board = scores.Board()
        self.ensemble: Optional[Ensemble] = None
        if settings.ensemble:
            checkpoints = ensemble.checkpoints_in(settings.ensemble)
            self.ensemble = Ensemble(checkpoints, merge)
            self.checkpoint = checkpoints[0]
        elif not settings.do_train:
            engine = named(settings.arguments["engine"])
            self.checkpoint = engine.trained(folder, settings.init_checkpoint)

    def check(
        self,
        model: Model,
        examples: int = 0,
        training_facts: Optional[Dict[str, Any]] = None,
    ) -> None:
        """Check all that can be checked before anything in the folder changes.

        Args:
          model: what is trained, or predicted with.
          examples: number of training examples.
          training_facts: JSON values that tell this training from others of the task:
            digest of the corpus, labels and the like.

        Raises:
          InputError: the checkpoint does not fit the model, the folder holds another
            training, or there are too few examples for a step.
        """
        self.model = model
        if not self.settings.do_train:
            for checkpoint in self.predictor().checkpoints:
                engine_of(checkpoint).check(model, checkpoint)
                check_labels(checkpoint, model.labels)
            return
        self._training = self.settings.training._replace(examples=examples)
        self._training.steps()  # raises the error for too few examples
        model_dir.warn_of_casing(model.tokenizer.vocab, model.facts["do_lower_case"])
        self.facts = self._training_facts(training_facts or {})
        overwrite = self.settings.overwrite
        if not overwrite:
            self._check_best()
        output_dir.check_same_training(self.folder, self.facts, overwrite)
        if not overwrite:
            model_dir.check_files(self.folder, self._model_files())
        last = None if overwrite else model_folder.latest(self.folder)
        if last:
            model.check_resumable(last)
        elif self.settings.init_checkpoint:
            model.check_checkpoint(self.settings.init_checkpoint, needs_head=False)

    def _check_best(self) -> None:
        """Check that best weights in the folder are those of this training.

        Raises:
          InputError: they are another's, or would be left behind.
        """
        best = model_folder.best(self.folder)
        settings = self.settings.evaluation
        goes_on = settings and settings.keep_best
        if best and not (goes_on and model_folder.latest(self.folder)):
            raise InputError(
                "has the best weights of a training with --keep_best, without its last"
                " checkpoint"
                if goes_on
                else "has the best weights of a training with --keep_best",
                self.folder,
                remedy="choose another --output_dir, or start again with"
                " --overwrite_output_dir=true"
                + ("" if goes_on else ", or give --keep_best=true again"),
            )

    def _training_facts(self, of_the_task: Dict[str, Any]) -> Dict[str, Any]:
        """Join the facts of model, task and flags, in the form JSON gives them back."""
        arguments = self.settings.arguments
        facts = dict(self.model.facts, **of_the_task)
        facts.update((name, arguments[name]) for name in output_dir.SHAPING_FLAGS)
        if facts["init_checkpoint"]:
            facts["init_checkpoint"] = os.path.abspath(facts["init_checkpoint"])
        return json.loads(json.dumps(facts))

    def _model_files(self) -> Dict[str, str]:
        """Map the names that the model's files have in the folder to their paths."""
        arguments = self.settings.arguments
        return {
            model_dir.VOCABULARY: arguments["vocab_file"],
            model_dir.CONFIG: arguments["bert_config_file"],
        }

    def start(self, results: Sequence[str]) -> None:
        """Make the folder ready: record the run, remove outdated results.

        Args:
          results: names of the task's results files in the folder.

        Raises:
          InputError: the folder cannot be written.
        """
        arguments = self.settings.arguments
        if self.settings.do_train:
            output_dir.start_training(self.folder, arguments, self.facts, results)
            casing = self.model.facts["do_lower_case"]
            model_dir.write_files(self.folder, self._model_files(), casing)
            if self.model.labels:
                save_labels(self.folder, self.model.labels)
        else:
            output_dir.start_prediction(self.folder, arguments, self.digest, results)

    def records(
        self,
        name: str,
        schema: Schema,
        rows: Iterable[np.ndarray],
        made_from: Dict[str, Any],
    ) -> RecordFile:
        """Open NAME.tf_record, after writing it unless it was made from just that.

        Args:
          name: in the folder, or below a folder in it ("corpus/predict").
          schema: of the rows.
          rows: int32 rows packed by the schema; not read when the file is there.
          made_from: JSON values that decide what the rows are.
        """
        path = os.path.join(self.folder, f"{name}.tf_record")
        return shadow.made_once(
            os.path.dirname(path),
            lambda: open_or_write(path, schema, rows, made_from),
        )

    def train(
        self,
        data: RecordFile,
        interruption: Interruption,
        dev: Optional[DevSet] = None,
        draw: Optional[Draw] = None,
    ) -> None:
        """Train, or resume the training in the folder, and keep the checkpoint to use.

        Args:
          data: the training examples.
          interruption: training ends early when a signal comes.
          dev: what is scored meanwhile, where the flags ask for it.
          draw: draws the records of each epoch; default: all of them.

        Raises:
          InputError: a loss that is not finite, memory or a disk that is used up.
          Interrupted: after the checkpoint was saved.
        """
        from finetuning import training

        settings = self._training._replace(draw=draw, processes=distributed.size())
        if dev and self.settings.evaluation:
            settings = settings._replace(evaluation=self._evaluation(dev))
        before = model_folder.latest(self.folder)
        first = max(model_folder.step_of_name(before), 0) if before else 0
        started = time.time()
        last = training.train(self.model, data, self.folder, settings, interruption)
        self.checkpoint = last
        steps = self.step - first
        if steps:
            examples = steps * settings.train_batch_size
            self.board.trained(steps, examples, time.time() - started)
        shadow.renew(self.folder)
        self.checkpoint = model_folder.best(self.folder) or last

    def _evaluation(self, dev: DevSet) -> Evaluation:
        settings = self.settings.evaluation
        total, _ = self._training.steps()
        epoch = self._training.examples / self._training.train_batch_size
        return Evaluation(
            dev,
            Schedule(settings.steps, epoch, total),
            Evaluations(self.folder, settings, dev),
            self.settings.prediction,
        )

    @property
    def trained_on(self) -> Any:
        """What is recorded of the corpus the checkpoint was trained on, or None."""
        if not self.checkpoint:
            return None
        return output_dir.trained_on(os.path.dirname(self.checkpoint))

    @property
    def digest(self) -> str:
        """What identifies the checkpoint, or all of an ensemble."""
        return self.predictor().digest

    @property
    def step(self) -> int:
        """Training step of the checkpoint."""
        return engine_of(self.checkpoint).step(self.checkpoint)

    def predictor(self) -> Predictor:
        """Return the trained model, ready to predict."""
        return Predictor(
            self.model, self.checkpoint, self.settings.prediction, self.ensemble
        )

    def predict(
        self, data: RecordFile, batch_size: Optional[int] = None
    ) -> Iterator[Tuple[int, Dict[str, np.ndarray]]]:
        """Predict every example of a record file.

        Args:
          data: the examples.
          batch_size: default: --predict_batch_size.

        Yields:
          (index, predictions of the head by name) in the order of the file.
        """
        predictor = self.predictor()
        if batch_size is not None:
            settings = predictor.settings._replace(batch_size=batch_size)
            predictor = predictor._replace(settings=settings)
        return predictor.predict(data)

    def write_scores(self) -> None:
        """Write scores.json: what the board gathered, and what it belongs to.

        With --report, report.html shows it, and the results in the folder.

        Raises:
          InputError: a file cannot be written.
        """
        training_folder = os.path.dirname(self.checkpoint)
        best = model_folder.best(training_folder)
        evaluations = run_files.read_evaluations(training_folder)
        is_written = self.board.write(
            self.folder,
            evaluations=[] if self.ensemble else evaluations,
            checkpoint={
                "step": self.step,
                "is_best": self.checkpoint == best and not self.ensemble,
                "digest": self.digest,
            },
            device=distributed.of_processes(engine_of(self.checkpoint).device_name()),
            command=sys.argv,
            arguments=self.settings.arguments,
            changed=self.settings.changed,
            versions=output_dir.versions(),
        )
        if is_written and self.settings.arguments["report"]:
            from biocodes.lib import report  # which is read when it is needed

            started = time.time()
            report.write(self.folder)
            path = os.path.join(self.folder, run_files.PAGE)
            log.info("the report: %s (%.1f s)", path, time.time() - started)
