"""estimator.py: TensorFlow's Estimator and session.py's behave alike."""

import functools
import logging
import runpy

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import modeling
import optimization
from biocodes.lib import files
from finetuning import estimator, session
from kit.linear_model import (
    BATCHES,
    Act,
    Log,
    Save,
    Watch,
    batches,
    linear,
    raising,
    watch,
    watched_in,
)
from kit.paths import DATA, ROOT
from tasks.ner import head as ner_head

tf.disable_v2_behavior()

LIBRARIES = {"own": session}
if hasattr(tf, "estimator"):
    LIBRARIES["tensorflow"] = tf.estimator
INIT = str(DATA / "init" / "model.ckpt")


def use(name, monkeypatch):
    """Make an implementation the one that the suite gets."""
    for member in ("Estimator", "EstimatorSpec", "ModeKeys", "RunConfig"):
        monkeypatch.setattr(estimator, member, getattr(LIBRARIES[name], member))


@pytest.fixture(params=sorted(LIBRARIES))
def library(request, monkeypatch):
    """Run the test with each implementation that there is."""
    use(request.param, monkeypatch)
    return request.param


@pytest.fixture
def with_each(monkeypatch):
    """with_each(function of its name) → results with ours, with TensorFlow's."""
    if len(LIBRARIES) < 2:
        pytest.skip("this TensorFlow has no Estimator to compare with")

    def results(function):
        made = []
        for name in sorted(LIBRARIES):
            use(name, monkeypatch)
            made.append(function(name))
        return made

    return results


# Both, on a linear model.


def train(folder, steps, hooks=(), seed=1, input_fn=batches, **settings):
    """Train the linear model → Watch."""
    watched = Watch()
    made = estimator.create(linear(**settings), str(folder), seed)
    made.train(input_fn, hooks=[watched, *hooks], max_steps=steps)
    return watched


def predict(folder, checkpoint, model_fn=None, input_fn=batches):
    made = estimator.create(model_fn or linear(), str(folder), None)
    return made.predict(
        input_fn, checkpoint_path=checkpoint, yield_single_examples=False
    )


# The same numbers.


def test_losses_are_tensorflows_step_by_step(with_each, tmp_path):
    """Dropout and first weights, which depend on all operations created before."""

    def losses(name):
        parts = [
            train(tmp_path / name, steps, [Save(tmp_path / name)], seed).losses
            for steps, seed in [(3, 7), (6, 7), (8, 8)]
        ]
        assert [len(part) for part in parts] == [3, 3, 2]
        return np.concatenate(parts)

    np.testing.assert_array_equal(*with_each(losses))


def test_predictions_are_tensorflows(with_each, tmp_path):
    train(tmp_path, 3, [Save(tmp_path)])
    prefix = str(tmp_path / "model.ckpt-2")
    of_each = with_each(lambda _: list(predict(tmp_path, prefix)))
    assert len(of_each[0]) == BATCHES
    for batches_of_both in zip(*of_each):
        for name in ("y", "row"):
            np.testing.assert_array_equal(*(batch[name] for batch in batches_of_both))


def bert(folder):
    """model_fn of the tiny BERT with run_ner's head, updated as the suite does."""
    config = modeling.BertConfig.from_json_file(str(DATA / "init" / "bert_config.json"))
    head = ner_head.make_head(7, count_padding=False)

    def model_fn(features, mode):
        is_training = mode == estimator.ModeKeys.TRAIN
        part = modeling.Part(features["input_ids"], features["input_mask"], None)
        (encoder,) = modeling.encode([part], config, is_training=is_training)
        loss, predictions = head(encoder, features, mode)
        if not is_training:
            return estimator.EstimatorSpec(mode, predictions=predictions)
        loader = tf.train.Saver(tf.trainable_variables("bert/"))
        update = optimization.create_train_op(loss, optimization.Schedule(1e-3, 6, 2))
        watch(loss=update.loss, norm=update.gradient_norm)
        scaffold = tf.train.Scaffold(init_fn=lambda _, new: loader.restore(new, INIT))
        return estimator.EstimatorSpec(
            mode,
            loss=update.loss,
            train_op=update.operation,
            scaffold=scaffold,
            training_hooks=[Save(folder)],
        )

    return model_fn


def sentences():
    random = np.random.RandomState(1)
    ids = random.randint(1, 3000, [6, 3, 9], np.int32)
    features = {
        "input_ids": ids,
        "input_mask": np.ones_like(ids),
        "label_ids": ids % 7,
    }
    return tf.data.Dataset.from_tensor_slices(features)


def test_bert_trains_and_predicts_as_with_tensorflows(with_each, tmp_path):
    def run(name):
        folder = tmp_path / name
        watched = Watch()
        model_fn = bert(folder)
        made = estimator.create(model_fn, str(folder), 1)
        made.train(sentences, hooks=[watched], max_steps=5)
        prefix = str(folder / "model.ckpt-5")
        return watched, list(predict(folder, prefix, model_fn, sentences))

    ours, theirs = with_each(run)
    for name in ("loss", "norm"):
        of_both = [[step[name] for step in run[0].values] for run in (ours, theirs)]
        np.testing.assert_allclose(*of_both, rtol=1e-5)
    assert len(ours[0].values) == 5
    assert len(ours[1]) == len(theirs[1]) == 6
    for batch, expected in zip(ours[1], theirs[1]):
        np.testing.assert_array_equal(batch["label_ids"], expected["label_ids"])
        np.testing.assert_allclose(batch["loss"], expected["loss"], rtol=1e-4)


def test_seed_fixes_the_numbers(library, tmp_path):
    losses = [train(tmp_path / "none", 4, seed=seed).losses for seed in (1, 1, 2)]
    np.testing.assert_array_equal(losses[0], losses[1])
    assert losses[0] != losses[2]


# Training.


def value(prefix, name="weights"):
    return tf.train.load_checkpoint(prefix).get_tensor(name)


def test_training_starts_as_the_scaffold_says(library, tmp_path):
    def scaffold():
        (weights,) = tf.trainable_variables()
        twos = weights.assign(tf.fill([4, 1], 2.0))
        others = tf.variables_initializer([tf.train.get_global_step()])
        return tf.train.Scaffold(
            init_op=tf.group(others, weights.initializer),
            init_fn=lambda _, new: new.run(twos.op),
        )

    train(tmp_path, 1, [Save(tmp_path)], factor=0.0, scaffold=scaffold)
    assert value(str(tmp_path / "model.ckpt-1")).tolist() == [[2.0]] * 4


def test_training_resumes_from_the_listed_checkpoint(library, tmp_path):
    """And does nothing once its last step is saved."""

    def scaffold():
        return tf.train.Scaffold(init_fn=raising(AssertionError("initialized")))

    first = train(tmp_path, 3, [Save(tmp_path)])
    assert first.rows == [0, 1, 2]
    second = train(tmp_path, 5, [Save(tmp_path)], scaffold=scaffold)
    assert len(second.values) == 2
    steps = [
        value(str(tmp_path / f"model.ckpt-{step}"), "global_step") for step in (4, 5)
    ]
    assert steps == [4, 5]
    third = train(tmp_path, 5, [Act(1, raising(AssertionError("a step")))])
    assert third.values == []


def test_hook_stops_training(library, tmp_path):
    """After the step that runs, and all hooks are ended."""
    calls = []
    stop = Act(2, lambda run_context: run_context.request_stop())
    watched = train(tmp_path, 8, [stop, Log("hook", calls)])
    assert len(watched.values) == 2
    assert calls[-2:] == ["after hook", "end hook"]


def test_end_of_the_input_ends_training(library, tmp_path):
    calls = []
    watched = train(tmp_path, 100, [Log("hook", calls)])
    assert watched.rows == list(range(BATCHES))
    assert calls[-1] == "end hook"


def test_hooks_are_called_in_their_order(library, tmp_path):
    calls = []
    hooks = [Log("one", calls), Log("two", calls)]
    train(tmp_path, 2, hooks, model_hooks=[Log("model", calls)])
    step = ["before", "after"]
    expected = ["begin", "created", *step, *step, "end"]
    names = ["one", "two", "model"]
    assert calls == [f"{moment} {name}" for moment in expected for name in names]


def test_loss_that_is_not_a_number_stops_training(library, tmp_path):
    """Before the model's hooks see it: what they save is good."""
    with pytest.raises(tf.train.NanLossDuringTrainingError):
        train(tmp_path, 2, factor=float("nan"), model_hooks=[Save(tmp_path)])
    assert not list(tmp_path.glob("model.ckpt*"))
    with pytest.raises(files.InputError, match="too high"):
        too_high = Act(1, raising(files.InputError("too high")))
        train(tmp_path, 2, [too_high], factor=float("nan"))


def test_hook_may_run_the_session_before_a_step(library, tmp_path):
    """As micro-batches are: such a run is no step, and takes a batch of the input."""

    class TakeTwo(tf.train.SessionRunHook):
        def before_run(self, run_context):
            running = run_context.session
            row = watched_in(running.graph)["row"]
            taken.extend(running.run(row)[0] for _ in range(2))

    taken, calls = [], []
    watched = train(tmp_path, 2, [Log("hook", calls), TakeTwo()])
    assert watched.rows == [2, 5]
    assert taken == [0, 1, 3, 4]
    assert calls.count("after hook") == 2


@pytest.mark.parametrize(
    "error",
    [
        files.InputError("cannot be written", "model.ckpt-2"),
        OSError("no space"),
        tf.errors.DataLossError(None, None, "bad"),
        KeyboardInterrupt(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_of_hooks_come_out_as_they_are(library, tmp_path, error):
    calls = []
    with pytest.raises(type(error)) as caught:
        train(tmp_path, 4, [Act(2, raising(error)), Log("hook", calls)])
    assert caught.value is error
    assert "end hook" not in calls


@pytest.mark.parametrize("error", [tf.errors.AbortedError, tf.errors.UnavailableError])
def test_lost_session_is_made_again(library, tmp_path, error):
    """From the checkpoint saved last, with the input from its beginning."""
    calls = []
    lost = Act(3, raising(error(None, None, "lost")))
    watched = train(tmp_path, 4, [lost, Save(tmp_path), Log("hook", calls)])
    assert watched.rows == [0, 1, 2, 0, 1]
    assert calls.count("created hook") == 2 and calls.count("begin hook") == 1


# Prediction.


def test_predictions_come_batch_by_batch_from_the_given_checkpoint(library, tmp_path):
    train(tmp_path, 3, [Save(tmp_path)])
    for step in (1, 3):
        prefix = str(tmp_path / f"model.ckpt-{step}")
        predicted = list(predict(tmp_path, prefix))
        assert [batch["row"].tolist() for batch in predicted] == [
            [row, row] for row in range(BATCHES)
        ]
        x = np.random.RandomState(0).rand(BATCHES, 2, 4)
        expected = (x @ value(prefix))[..., 0]
        np.testing.assert_allclose([batch["y"] for batch in predicted], expected, 1e-4)


def test_prediction_can_be_left_early(library, tmp_path):
    train(tmp_path, 1, [Save(tmp_path)])
    outside = tf.get_default_graph()
    predicted = predict(tmp_path, str(tmp_path / "model.ckpt-1"))
    assert next(predicted)["row"].tolist() == [0, 0]
    predicted.close()
    assert tf.get_default_graph() is outside
    assert list(predicted) == []
    assert len(list(predict(tmp_path, str(tmp_path / "model.ckpt-1")))) == BATCHES


def test_nothing_is_predicted_without_the_checkpoint(library, tmp_path):
    with pytest.raises(ValueError, match="not a valid checkpoint"):
        list(predict(tmp_path, str(tmp_path / "model.ckpt-1")))


# Memory.


def too_large(features, mode):
    """model_fn whose predictions no machine has the memory for."""
    rows = tf.cast(tf.shape(features["x"])[0], tf.int64)
    tf.get_variable("weights", [4, 1])
    return estimator.EstimatorSpec(
        mode, predictions={"y": tf.zeros(tf.stack([rows, 1 << 45]))}
    )


@pytest.mark.parametrize(
    "model_fn, error", [(too_large, None), (linear(), MemoryError())]
)
def test_lack_of_memory_is_reported(library, tmp_path, model_fn, error):
    """A tensor's, and that of Python's code behind the input."""
    train(tmp_path, 1, [Save(tmp_path)])
    input_fn = functools.partial(batches, error=error)
    prefix = str(tmp_path / "model.ckpt-1")
    with pytest.raises(files.InputError) as caught:
        with estimator.memory_watched(4, 128, "lower it"):
            list(predict(tmp_path, prefix, model_fn, input_fn))
    assert str(caught.value) == (
        "out of memory with a batch of 4 examples of up to 128 pieces; lower it"
    )


def test_lack_of_memory_for_an_array_is_reported():
    with pytest.raises(files.InputError, match="out of memory"):
        with estimator.memory_watched(4, 128, "lower it"):
            np.zeros(1 << 50)


def test_other_errors_are_not_of_memory():
    with pytest.raises(tf.errors.DataLossError):
        with estimator.memory_watched(4, 128, "lower it"):
            raise tf.errors.DataLossError(None, None, "bad")


# The seam.


@pytest.mark.parametrize(
    "value",
    [
        *("", "garbage", "[]", '{"task": 3}'),
        '{"cluster": {"chief": ["a:1"], "ps": ["b:1"]},'
        ' "task": {"type": "ps", "index": 0}}',
    ],
)
def test_description_of_a_cluster_is_ignored(
    library, tmp_path, monkeypatch, caplog, value
):
    """tf.estimator would fail on it, or wait for the others."""
    monkeypatch.setattr(logging.getLogger("biobert"), "propagate", True)
    expected = train(tmp_path, 2).losses
    monkeypatch.setenv("TF_CONFIG", value)
    np.testing.assert_array_equal(train(tmp_path, 2).losses, expected)
    assert (
        caplog.messages.count("TF_CONFIG is ignored: a run uses this machine alone")
        == 1
    )


@pytest.mark.parametrize("asked", ["", "0", "1"])
def test_environment_chooses(monkeypatch, asked):
    monkeypatch.setenv("BIOBERT_OWN_ESTIMATOR", asked)
    chosen = runpy.run_path(str(ROOT / "finetuning" / "estimator.py"))
    name = "own" if asked == "1" or len(LIBRARIES) < 2 else "tensorflow"
    for member in ("Estimator", "EstimatorSpec", "ModeKeys", "RunConfig"):
        assert chosen[member] is getattr(LIBRARIES[name], member)


def test_modes_are_tensorflows():
    """Heads compare them, whichever Estimator calls."""
    modes = [session.ModeKeys.TRAIN, session.ModeKeys.EVAL, session.ModeKeys.PREDICT]
    assert modes == ["train", "eval", "infer"]
    keys = getattr(LIBRARIES.get("tensorflow"), "ModeKeys", session.ModeKeys)
    assert modes == [keys.TRAIN, keys.EVAL, keys.PREDICT]


def test_what_session_py_does_not_do_is_refused(tmp_path):
    for name in ("save_checkpoints_steps", "save_summary_steps"):
        with pytest.raises(ValueError, match="for hooks"):
            session.Estimator(linear(), session.RunConfig(str(tmp_path), **{name: 5}))
    made = session.Estimator(linear(), session.RunConfig(str(tmp_path)))
    with pytest.raises(ValueError, match="batches only"):
        next(made.predict(batches, checkpoint_path="x", yield_single_examples=True))


def test_session_options_reach_the_session(library, tmp_path):
    """Operations meant for a card run without one, and a card's memory as needed."""

    def on_a_card(features, mode):
        with tf.device("/gpu:7"):
            return linear()(features, mode)

    made = estimator.create(on_a_card, str(tmp_path), 1)
    made.train(batches, hooks=[Save(tmp_path)], max_steps=1)
    prefix = str(tmp_path / "model.ckpt-1")
    assert len(list(predict(tmp_path, prefix, on_a_card))) == BATCHES
    assert estimator.session_options().gpu_options.allow_growth
