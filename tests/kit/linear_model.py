"""A linear model for Estimator, its numbered batches, hooks that watch a training."""

import os

import numpy as np
import tensorflow.compat.v1 as tf

from finetuning import estimator

BATCHES = 8
_WATCHED = "watched"


def linear(model_hooks=(), factor=1.0, scaffold=lambda: None):
    """model_fn of a linear layer over dropout; `factor` is on its loss."""

    def model_fn(features, mode):
        x = features["x"]
        if mode == estimator.ModeKeys.TRAIN:
            x = tf.nn.dropout(x, rate=0.5)
        weights = tf.get_variable(
            "weights", [4, 1], initializer=tf.random_normal_initializer()
        )
        y = tf.squeeze(tf.matmul(x, weights), -1)
        loss = factor * tf.reduce_mean(tf.square(y - 1.0))
        step = tf.train.get_global_step()
        train_op = tf.train.GradientDescentOptimizer(0.01).minimize(loss, step)
        watch(loss=loss, row=features["row"])
        return estimator.EstimatorSpec(
            mode,
            predictions={"y": y, "row": features["row"]},
            loss=loss,
            train_op=train_op,
            scaffold=scaffold(),
            training_hooks=list(model_hooks),
        )

    return model_fn


def watch(**tensors):
    """Choose the tensors of the default graph that Watch keeps; once for a graph."""
    tf.add_to_collection(_WATCHED, tensors)


def watched_in(graph):
    """What watch() was given there."""
    (tensors,) = graph.get_collection(_WATCHED)
    return tensors


def batches(error=None):
    """Dataset of numbered batches of two rows; an error comes instead of the fourth."""
    values = np.random.RandomState(0).rand(BATCHES, 2, 4).astype(np.float32)

    def generate():
        for row in range(BATCHES):
            if row == 3 and error is not None:
                raise error
            yield {"x": values[row], "row": [row, row]}

    types = {"x": tf.float32, "row": tf.int32}
    return tf.data.Dataset.from_generator(
        generate, types, {"x": [None, 4], "row": [None]}
    )


class Watch(tf.train.SessionRunHook):
    """Keeps what watch() was given, of each step."""

    def __init__(self):
        self.values = []

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(watched_in(run_context.session.graph))

    def after_run(self, run_context, run_values):
        self.values.append(run_values.results)

    @property
    def losses(self):
        return [values["loss"] for values in self.values]

    @property
    def rows(self):
        return [values["row"][0] for values in self.values]


class Save(tf.train.SessionRunHook):
    """Saves a checkpoint after each step."""

    def __init__(self, folder):
        self._prefix = os.path.join(str(folder), "model.ckpt")

    def begin(self):
        self._step = tf.train.get_global_step()
        self._saver = tf.train.Saver()

    def after_run(self, run_context, run_values):
        running = run_context.session
        step = running.run(self._step)
        self._saver.save(running, self._prefix, step, write_meta_graph=False)


class Act(tf.train.SessionRunHook):
    """Calls function(run_context) once, after step number `at` of a session's life."""

    def __init__(self, at, function):
        self._steps_left = at
        self._function = function

    def after_run(self, run_context, run_values):
        self._steps_left -= 1
        if self._steps_left == 0:
            self._function(run_context)


class Log(tf.train.SessionRunHook):
    """Notes its calls in a list that hooks share."""

    def __init__(self, name, calls):
        self._note = lambda moment: calls.append(f"{moment} {name}")

    def begin(self):
        self._note("begin")

    def after_create_session(self, session, coord):
        self._note("created")

    def before_run(self, run_context):
        self._note("before")

    def after_run(self, run_context, run_values):
        self._note("after")

    def end(self, session):
        self._note("end")


def raising(error):
    """Function that a hook can call."""

    def function(_):
        raise error

    return function
