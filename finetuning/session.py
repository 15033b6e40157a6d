"""Estimator over sessions, for a TensorFlow that has none of its own.

TensorFlow 2.16 removed tf.estimator and kept what it stood on: MonitoredSession,
SessionRunHook, Scaffold, Saver. This module has the part of tf.estimator that the suite
uses, under the same names and with the same results. It works under TensorFlow 1.15 and
2.15 as well, where tests/finetuning/test_estimator.py compares the two, loss by loss.

A random operation without a seed of its own draws by the graph's seed and by the number
of operations created before it. So the operations up to the end of model_fn have to be
those that tf.estimator creates, in the same order.
"""

from typing import Any, Callable, Dict, Iterator, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import tensorflow.compat.v1 as tf

# Nested, for a batch in parts: a dict may hold tuples of dicts.
Features = Dict[str, Any]


class ModeKeys:
    """What a graph is built for."""

    TRAIN = "train"
    EVAL = "eval"
    PREDICT = "infer"


class RunConfig(NamedTuple):
    """Where and with which options an Estimator works.

    With the last four, tf.estimator saves and reports by itself. Here hooks do, and
    only the values that turn it off are accepted.

    Attributes:
      model_dir: folder with the checkpoints to resume from.
      tf_random_seed: the graph's seed; None: other random numbers in every run.
      session_config: options of the sessions.
    """

    model_dir: str
    tf_random_seed: Optional[int] = None
    session_config: Optional[tf.ConfigProto] = None
    save_checkpoints_steps: Optional[int] = None
    save_checkpoints_secs: Optional[int] = None
    save_summary_steps: int = 0
    log_step_count_steps: Optional[int] = None


class EstimatorSpec(NamedTuple):
    """What a model_fn has built.

    Attributes:
      mode: of ModeKeys.
      predictions: by name; to predict.
      loss: float scalar; to train.
      train_op: makes one step, which the global step counts; to train.
      scaffold: how variables get their first values or are restored; default: as their
        initializers say, or all of them from the checkpoint.
      training_hooks: called after those that are given to Estimator.train.
    """

    mode: str
    predictions: Optional[Dict[str, tf.Tensor]] = None
    loss: Optional[tf.Tensor] = None
    train_op: Optional[tf.Operation] = None
    scaffold: Optional[tf.train.Scaffold] = None
    training_hooks: Sequence[tf.train.SessionRunHook] = ()


ModelFn = Callable[..., EstimatorSpec]
InputFn = Callable[[], tf.data.Dataset]


class Estimator:
    """Trains and predicts with the model that a function builds.

    Args:
      model_fn: function (features, mode) → EstimatorSpec.
      config: RunConfig.

    Raises:
      ValueError: config asks to save or to report.
    """

    def __init__(self, model_fn: ModelFn, config: RunConfig):
        off = RunConfig(config.model_dir, config.tf_random_seed, config.session_config)
        if config != off:
            raise ValueError(f"saving and reporting are for hooks: {config}")
        self._model_fn = model_fn
        self._config = config

    def train(
        self,
        input_fn: InputFn,
        hooks: Sequence[tf.train.SessionRunHook] = (),
        *,
        max_steps: int,
    ) -> "Estimator":
        """Train until a global step, the end of the input, or a hook's request.

        Starts from the checkpoint that the `checkpoint` file in model_dir names; from
        the Scaffold's init_op and init_fn when there is no such file. An AbortedError
        or UnavailableError while training makes it start like that again, with the
        input from its beginning.

        Args:
          input_fn: makes the batches of features.
          hooks: called in this order, ahead of NanTensorHook and of the model's own.
          max_steps: global step to stop at; when it is reached already, nothing is
            done.

        Returns:
          self.

        Raises:
          NanLossDuringTrainingError: the loss is NaN, and no hook has objected before.
        """
        if self._saved_step() >= max_steps:
            return self
        with tf.Graph().as_default():
            self._begin_graph()
            stop = tf.train.StopAtStepHook(last_step=max_steps)
            # Creates the operations that read the global step, which tf.estimator has
            # ahead of the input; the session's own call then creates no more.
            stop.begin()
            spec, start = self._build(input_fn, ModeKeys.TRAIN)
            not_a_number = tf.train.NanTensorHook(spec.loss)
            with tf.train.MonitoredTrainingSession(
                checkpoint_dir=self._config.model_dir,
                scaffold=spec.scaffold,
                hooks=[start, *hooks, stop, not_a_number, *spec.training_hooks],
                save_checkpoint_secs=None,
                save_summaries_steps=None,
                log_step_count_steps=None,
                config=self._config.session_config,
            ) as session:
                while not session.should_stop():
                    session.run([spec.train_op, spec.loss])
        return self

    def predict(
        self, input_fn: InputFn, *, checkpoint_path: str, yield_single_examples: bool
    ) -> Iterator[Dict[str, np.ndarray]]:
        """Predict until the end of the input; closing the iterator ends it, too.

        The graph is the default one until then, as with tf.estimator: iterators must
        end in the reverse order of their starts.

        Args:
          input_fn: makes the batches of features.
          checkpoint_path: prefix of the checkpoint that the Scaffold's saver restores.
          yield_single_examples: False; batches are not taken apart.

        Yields:
          The model's predictions for each batch, by name.

        Raises:
          ValueError: yield_single_examples is True.
        """
        if yield_single_examples:
            raise ValueError("predictions come in batches only")
        with tf.Graph().as_default():
            self._begin_graph()
            spec, start = self._build(input_fn, ModeKeys.PREDICT)
            creator = tf.train.ChiefSessionCreator(
                scaffold=spec.scaffold,
                config=self._config.session_config,
                checkpoint_filename_with_path=checkpoint_path,
            )
            with tf.train.MonitoredSession(creator, [start]) as session:
                while not session.should_stop():
                    yield session.run(spec.predictions)

    def _saved_step(self) -> int:
        """Global step of the checkpoint to resume from; 0 without one."""
        checkpoint = tf.train.latest_checkpoint(self._config.model_dir)
        if checkpoint is None:
            return 0
        return int(tf.train.load_variable(checkpoint, "global_step"))

    def _begin_graph(self) -> None:
        tf.set_random_seed(self._config.tf_random_seed)
        tf.train.create_global_step()

    def _build(
        self, input_fn: InputFn, mode: str
    ) -> Tuple[EstimatorSpec, tf.train.SessionRunHook]:
        """Build input and model → what model_fn returns, hook that starts the input."""
        # A GPU has no kernels for tf.data.
        with tf.device("/cpu:0"):
            batches = input_fn()
        iterator = tf.data.make_initializable_iterator(batches)
        features = iterator.get_next()
        spec = self._model_fn(features=features, mode=mode)
        return spec, _StartInput(iterator.initializer)


class _StartInput(tf.train.SessionRunHook):
    """Starts the input in each session, in a recovered one from the beginning."""

    def __init__(self, initializer: tf.Operation):
        self._initializer = initializer

    def after_create_session(self, session, coord):
        session.run(self._initializer)
