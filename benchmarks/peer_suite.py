"""This suite's side of peers.py, under any Python that has a TensorFlow.

    peer_suite.py version                 TensorFlow's
    peer_suite.py gain                    why mixed precision gains nothing, or null
    peer_suite.py training SETTING false|true
    peer_suite.py prediction SETTING FOLDER false|true
    peer_suite.py features SETTING FOLDER PATH

SETTING and what follows are JSON; each command prints one JSON value, of the first two
measurements [speed, peak memory in MB].
"""

import argparse
import contextlib
import json
import os
import sys
from typing import Any, Callable, List, NamedTuple, Optional
from unittest import mock

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common, corpora, models, scripts  # noqa: E402  isort: skip
from benchmarks.peer_common import memory  # noqa: E402  isort: skip
import numpy as np  # noqa: E402

from biocodes.lib import files  # noqa: E402
from biocodes.lib.model_folder import ONNX_MODEL  # noqa: E402
from finetuning import mixed_precision, prediction, training  # noqa: E402
from finetuning.batches import batch_of  # noqa: E402
from finetuning.engine import engine_of  # noqa: E402
from finetuning.prediction import Predictor  # noqa: E402
from finetuning.records import RecordFile  # noqa: E402

# What the name of the training data's features has behind that of the test data's.
TRAINING = ".train"
# Names that transformers has for features.
THEIR_NAMES = {
    "input_ids": "input_ids",
    "segment_ids": "token_type_ids",
    "label_ids": "labels",
    "label_id": "labels",
    "start_position": "start_positions",
    "end_position": "end_positions",
}


class Setting(NamedTuple):
    """What all measurements share.

    Attributes:
      task: one of common.TASKS.
      data: folder of the corpus, or None.
      model: folder of the pretrained model.
      do_lower_case: "true" or "false".
      warm_up, steps: of training.
    """

    task: str
    data: Optional[str]
    model: str
    do_lower_case: str
    warm_up: int
    steps: int

    def pretrained(self) -> models.Pretrained:
        """Return the files of the model."""
        return models.model_of(
            argparse.Namespace(model_dir=self.model, do_lower_case=self.do_lower_case),
            "",
        )


def train_steps(setting: Setting, in_mixed_precision: bool) -> List[float]:
    """Train some steps; return examples a second and the peak memory in MB."""
    model = setting.pretrained()
    with common.work_folder() as folder:
        corpus = corpora.corpus_of(setting.task, setting.data, folder)
        with scripts.watched_steps() as watched:
            scripts.run_script(
                setting.task,
                scripts.train_flags(corpus, model),
                ["--do_predict=false", f"--output_dir={os.path.join(folder, 'out')}"],
                ["--mixed_precision=true"] * in_mixed_precision,
                [scripts.epochs_of(corpus, setting.warm_up + setting.steps)],
            )
    return [watched.examples_per_second(setting.warm_up), memory()]


def predict_twice(setting: Setting, folder: str, mixed: bool) -> List[float]:
    """Predict the test data twice; return pieces a second of the second time, and MB.

    Args:
      setting: Setting.
      folder: of the fine-tuned model, or of what it was exported to.
      mixed: whether in mixed precision.
    """

    def predict(predictor: Predictor, data: RecordFile) -> List[float]:
        """Predict all batches, twice."""
        settings = predictor.settings._replace(mixed_precision=mixed)
        predictor = predictor._replace(settings=settings)
        session = engine_of(predictor.checkpoint).open_session(predictor, data.schema)
        order = list(settings.order(data.lengths))
        for _ in range(2):
            seconds = common.seconds_of(
                lambda: [session.run(batch_of(data, rows)) for rows in order]
            )
        return [float(data.lengths.sum()) / seconds, memory()]

    return at_prediction(setting, folder, predict)


def write_all_features(setting: Setting, folder: str, path: str) -> None:
    """Write features of the training and test data for the peers.

    Args:
      setting: Setting.
      folder: of the fine-tuned model.
      path: of the .npz of the test data; that of the training data has TRAINING before.
    """

    def train(model: Any, data: RecordFile, *others: Any) -> None:
        write_features(path + TRAINING, data)
        raise _Done([])

    with common.work_folder() as work, contextlib.suppress(_Done):
        corpus = corpora.corpus_of(setting.task, setting.data, work)
        with mock.patch.object(training, "train", train):
            scripts.run_script(
                setting.task,
                scripts.train_flags(corpus, setting.pretrained()),
                ["--do_predict=false", f"--output_dir={os.path.join(work, 'out')}"],
            )
    at_prediction(setting, folder, lambda _, data: write_features(path, data))


class _Done(Exception):
    """What was wanted of a run is there; the rest of it is not wanted."""


def at_prediction(
    setting: Setting, folder: str, act: Callable[[Predictor, RecordFile], Any]
) -> Any:
    """Run the script until it predicts; return what a function makes of that."""

    def predict(predictor: Predictor, data: RecordFile) -> None:
        raise _Done(act(predictor, data))

    is_exported = os.path.exists(os.path.join(folder, ONNX_MODEL))
    with common.work_folder() as work:
        corpus = corpora.corpus_of(setting.task, setting.data, work)
        with mock.patch.object(prediction.Predictor, "predict", predict):
            try:
                scripts.run_script(
                    setting.task,
                    scripts.SETTINGS[setting.task],
                    corpus.flags,
                    [f"--model_dir={folder}", "--do_train=false", "--do_predict=true"],
                    ["--engine=onnx"] * is_exported,
                    [f"--output_dir={os.path.join(work, 'out')}"],
                )
            except _Done as done:
                return done.args[0]
    raise files.InputError("the script predicted nothing", folder)


def write_features(path: str, data: RecordFile) -> None:
    """Write examples to an .npz: [N, longest] or [N], named as transformers does."""
    whole = batch_of(data, np.arange(len(data)))
    arrays = {
        theirs: whole[ours] for ours, theirs in THEIR_NAMES.items() if ours in whole
    }
    with open(path, "wb") as stream:
        np.savez(stream, lengths=data.lengths, **arrays)


COMMANDS = {
    "training": train_steps,
    "prediction": predict_twice,
    "features": write_all_features,
}


def main(argv: Optional[List[str]] = None) -> None:
    """Run a measurement in this process; print what it returns as JSON."""
    kind, *arguments = sys.argv[1:] if argv is None else argv
    if kind == "version":
        answer = common.tf.version.VERSION
    elif kind == "gain":
        answer = reason_against_mixed_precision()
    else:
        setting, *others = (json.loads(argument) for argument in arguments)
        answer = COMMANDS[kind](Setting(*setting), *others)
    print(json.dumps(answer))


def reason_against_mixed_precision() -> Optional[str]:
    """Say why this Python's TensorFlow gains nothing by it here; None if it gains."""
    try:
        mixed_precision.check()
    except files.InputError as error:
        return str(error)
    return None


if __name__ == "__main__":
    common.run(main)
