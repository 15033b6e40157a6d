"""hooks.py: what happens between two steps, and what a failed save says."""

import json
import types

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from biocodes.lib import files
from finetuning import hooks
from finetuning.signals import Interruption
from kit.models import steps_in

tf.disable_v2_behavior()


# Saving


@pytest.fixture
def trains(tmp_path):
    """trains(steps, every, stop_after=None): steps that do nothing but count."""

    def run(steps, every, stop_after=None):
        interruption = Interruption()
        with tf.Graph().as_default():
            step = tf.train.get_or_create_global_step()
            count = tf.assign_add(step, 1)
            saver = tf.train.Saver()
            tf.add_to_collection(tf.GraphKeys.SAVERS, saver)
            saving = hooks.SaveCheckpoints(
                str(tmp_path), lambda step: step % every == 0, interruption
            )
            last = tf.train.StopAtStepHook(last_step=steps)
            with tf.train.MonitoredSession(hooks=[saving, last]) as session:
                while not session.should_stop():
                    if session.run(count) + 1 == stop_after:
                        interruption.asked = 15

    return run


@pytest.mark.parametrize(
    "steps, every, saved",
    [(7, 3, [3, 6, 7]), (6, 3, [3, 6]), (2, 100, [2])],
)
def test_checkpoints_are_saved_every_so_many_steps_and_at_the_end(
    trains, tmp_path, steps, every, saved
):
    """The untrained model is not; nor is the graph, which nobody reads."""
    trains(steps, every)
    assert steps_in(tmp_path) == saved
    assert not list(tmp_path.glob("*.meta")) + list(tmp_path.glob("graph.pbtxt"))


def test_step_that_is_running_at_a_signal_is_the_last(trains, tmp_path):
    trains(9, 100, stop_after=5)
    assert steps_in(tmp_path) == [5]


def test_checkpoint_that_cannot_be_saved_is_named(trains, tmp_path):
    (tmp_path / "model.ckpt-3.index").mkdir()
    with pytest.raises(files.InputError, match="/model.ckpt-3: cannot be written .+"):
        trains(3, 3)


@pytest.mark.parametrize(
    "message",
    [
        # As TensorFlow 1 and 2 say it.
        "out/model.ckpt-15.data-00000-of-00001.tempstate11; No space left on device\n"
        "\t [[node save/SaveV2 (defined at ops.py:1748) ]]\n\nOriginal stack trace for",
        "Graph execution error:\n\nDetected at node 'save/SaveV2' defined at (most "
        "recent call last):\n    File \"x.py\", line 7, in run\nNode: 'save/SaveV2'\n"
        "out/model.ckpt-15.data-00000-of-00001.tempstate17; No space left on device\n"
        "\t [[{{node save/SaveV2}}]]",
        "out/checkpoint.tmp1; No space left on device",
    ],
)
def test_reason_of_a_failed_save_is_found(message):
    error = tf.errors.ResourceExhaustedError(None, None, message)
    assert hooks.reason_of(error) == "No space left on device"


def test_reason_of_an_os_error_is_its_own():
    assert hooks.reason_of(OSError("no space")) == "no space"


# Micro-batches


def test_micro_batches_run_before_the_step():
    """All but the last, which is the step's own."""
    order = []

    def run(fetches):
        order.append(fetches[0])
        return None, 5

    counted = []
    watch = types.SimpleNamespace(pieces="pieces", add_pieces=counted.append)
    context = types.SimpleNamespace(session=types.SimpleNamespace(run=run))
    for times in (0, 3):
        hooks.RunMicroBatches("accumulate", times, watch).before_run(context)
        order.append("step")
    assert order == ["step", "accumulate", "accumulate", "accumulate", "step"]
    assert counted == [5, 5, 5]


# Watching


def watching(folder, first=7, last=12, loss_is_sum=False, scale=None):
    """Return a WatchTraining of steps of 4 examples, 2.5 of them an epoch."""
    watch = hooks.WatchTraining(hooks.Steps(first, last, 4, 2.5), str(folder))
    update = types.SimpleNamespace(
        loss="loss", learning_rate="rate", gradient_norm="norm", loss_scale=scale
    )
    watch.watch(update, "pieces", loss_is_sum)
    watch.after_create_session(None, None)
    return watch


def do_steps(watch, losses, pieces=10):
    for loss in losses:
        watch.before_run(None)
        results = {"loss": loss, "rate": 0.1, "norm": 2.0, "pieces": pieces}
        watch.after_run(None, types.SimpleNamespace(results=results))
    watch.end(None)


def test_line_has_epoch_and_the_loss_of_a_piece(tmp_path, log):
    """Of a loss that is a sum; it does not depend on the sentences' lengths."""
    watch = watching(tmp_path, loss_is_sum=True)
    watch.add_pieces(30)  # of a micro-batch of the first step
    do_steps(watch, [4.0, 2.0, 3.0, 2.0, 5.0])
    line = log()[0]
    assert line.startswith("step 12 of 12 (100 %), epoch 4.80, loss 3.2 (0.2 a piece),")
    last = (tmp_path / "training.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["loss_of_a_piece"] == 0.5


def test_loss_that_is_a_mean_has_none_of_a_piece(tmp_path, log):
    do_steps(watching(tmp_path), [4.0] * 5)
    assert "epoch 4.80, loss 4, learning rate 0.1" in log()[0]


def test_curve_has_points_all_along(tmp_path, log):
    """However few lines of the log there are."""
    do_steps(watching(tmp_path, first=0, last=777), np.arange(777.0))
    lines = (tmp_path / "training.jsonl").read_text().splitlines()
    points = [json.loads(line) for line in lines]
    assert [point["step"] for point in points] == list(range(3, 778, 3))
    assert points[1]["loss"] == 4.0  # of the steps 4, 5 and 6
    assert "loss_of_a_piece" not in points[1]
    assert len(log()) == 2  # the last step's, and how long training took


@pytest.mark.parametrize(
    "loss, norm, message",
    [
        (np.nan, 1.0, "the loss is nan at step 8; training stopped, the checkpoints"),
        (np.inf, np.nan, "the loss is inf at step 8; "),
        (0.5, np.inf, "the gradient is inf at step 8; .* try a lower --learning_rate"),
    ],
)
def test_numbers_that_are_not_finite_stop_the_training(tmp_path, loss, norm, message):
    watch = watching(tmp_path)
    assert watch.before_run(None).fetches == {
        "loss": "loss",
        "rate": "rate",
        "norm": "norm",
        "pieces": "pieces",
    }
    results = {"loss": loss, "rate": 0.1, "norm": norm, "pieces": 3}
    with pytest.raises(files.InputError, match=message):
        watch.after_run(None, types.SimpleNamespace(results=results))
    watch.end(None)


def do_scaled_steps(watch, norms):
    for norm in norms:
        watch.before_run(None)
        loss = 2.0 if np.isfinite(norm) else np.nan
        results = {"loss": loss, "rate": 0.1, "norm": norm, "pieces": 9, "scale": 8.0}
        watch.after_run(None, types.SimpleNamespace(results=results))
    watch.end(None)


def test_step_not_finite_under_loss_scaling_is_skipped_and_counted(tmp_path, log):
    """It is in no mean and no point of the curve; 7 to 12 are five steps."""
    do_scaled_steps(watching(tmp_path, scale="scale"), [1.0, np.inf, 1.0, np.nan, 1.0])
    lines = log()
    skipped = "is skipped: not finite in float16 at 8 times the loss"
    assert lines[:2] == [f"step 9 {skipped}", f"step 11 {skipped}"]
    assert "loss 2," in lines[2]
    assert lines[-1] == "steps skipped: 2"
    points = (tmp_path / "training.jsonl").read_text().splitlines()
    assert [json.loads(point)["step"] for point in points] == [8, 10, 12]
    assert "NaN" not in "".join(points)


def test_steps_that_are_skipped_on_and_on_stop_the_training(tmp_path):
    watch = watching(tmp_path, first=0, last=100, scale="scale")
    with pytest.raises(files.InputError, match="the loss is nan at step 20; "):
        do_scaled_steps(watch, [np.inf] * 30)
    watch.end(None)
