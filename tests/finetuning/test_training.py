"""training.py: training that can stop anywhere, and good advice when it fails."""

import math
import re
import signal

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given
from hypothesis import strategies as st

import modeling
from biocodes.lib import files
from finetuning import checkpoints, progress
from finetuning.signals import Interrupted
from finetuning.training import TrainingSettings
from kit.golden import PRETRAINED
from kit.models import (
    steps_in,
    tiny_config,
    tiny_model,
    value_of,
    values_of,
)
from kit.small_run import parsed
from kit.small_training import (
    SETTINGS,
    counting_model,
    head_that_counts,
    seen_after,
    train,
)

# Settings


@pytest.mark.parametrize("pad", [False, True])
def test_flags_become_settings(pad):
    flags = parsed(f"--pad_to_max_length={pad}", "--max_seq_length=64")
    expected = TrainingSettings(
        train_batch_size=32,
        learning_rate=5e-5,
        num_train_epochs=10.0,
        warmup_proportion=0.1,
        save_checkpoints_steps=1000,
        keep_checkpoint_max=5,
        seed=1,
        pad_to=64 if pad else None,
        init_checkpoint="a/prefix",
    )
    assert TrainingSettings.from_flags(flags, "a/prefix") == expected


def test_flags_that_save_memory_become_settings():
    flags = parsed("--gradient_accumulation_steps=4", "--recompute_layers")
    settings = TrainingSettings.from_flags(flags, None)
    assert settings.gradient_accumulation_steps == 4
    assert settings.recompute_layers is True


# The loop


@given(
    examples=st.integers(1, 10**6),
    size=st.integers(1, 512),
    epochs=st.floats(0.01, 100),
    share=st.floats(0, 1),
)
def test_numbers_of_steps_are_the_originals(examples, size, epochs, share):
    settings = SETTINGS._replace(
        examples=examples,
        train_batch_size=size,
        num_train_epochs=epochs,
        warmup_proportion=share,
    )
    total = int(examples / size * epochs)
    if total:
        assert settings.steps() == (total, int(total * share))
    else:
        with pytest.raises(files.InputError, match="make no step of"):
            settings.steps()


@pytest.mark.parametrize("content", ["garbage", b"\xff\xfe", None])
def test_list_of_checkpoints_is_not_believed(data, tmp_path, log, content):
    """TensorFlow would resume from wherever it points: from the folder copied from."""
    if content is None:
        elsewhere = train(data, tmp_path / "elsewhere")
        content = f'model_checkpoint_path: "{elsewhere}"\n'
    out = tmp_path / "out"
    out.mkdir()
    content = content if isinstance(content, bytes) else content.encode()
    (out / "checkpoint").write_bytes(content)
    prefix = train(data, out)
    assert "  steps = 12, of them warm-up = 1" in log()
    assert value_of(prefix, "seen").tolist() == seen_after(data, 12)


def test_run_trains_all_its_steps_and_saves_the_last(data, tmp_path, log):
    prefix = train(data, tmp_path)
    assert prefix == str(tmp_path / "model.ckpt-12")
    assert checkpoints.step(prefix) == 12
    assert value_of(prefix, "seen").tolist() == seen_after(data, 12)
    assert steps_in(tmp_path) == [12]
    assert log()[:4] == [
        "***** training *****",
        "  examples = 10, batch size = 4",
        "  steps = 12, of them warm-up = 1",
        f"  weights from {PRETRAINED}; new: output_weights, output_bias",
    ]
    assert log()[4].startswith("step 12 of 12 (100 %), epoch 4.80, loss ")
    assert re.fullmatch(r"training took \d+ s", log()[5])
    assert len(log()) == 6


def last_loss(log):
    return float(re.search(r"step 12 of 12 .* loss ([0-9.e-]+)", log()[-2]).group(1))


@pytest.mark.parametrize("pad_to, parts", [(None, 4), (12, 2)])
def test_step_in_micro_batches_is_the_step(data, tmp_path, log, pad_to, parts):
    """The same examples, the same loss, the same weights."""
    quiet = tiny_model(head_that_counts(), config=tiny_config().without_dropout())
    whole = train(data, tmp_path / "whole", quiet, pad_to=pad_to)
    loss = last_loss(log)
    changes = {"gradient_accumulation_steps": parts, "pad_to": pad_to}
    prefix = train(data, tmp_path / "parts", quiet, **changes)
    assert last_loss(log) == pytest.approx(loss, rel=2e-3)
    actual, expected = values_of(prefix), values_of(whole)
    assert sorted(actual) == sorted(expected)
    for name in expected:
        np.testing.assert_allclose(actual[name], expected[name], 0, 1e-5)


def test_interrupted_step_in_micro_batches_is_made_whole(data, tmp_path, interruption):
    changes = {"gradient_accumulation_steps": 4}
    with pytest.raises(Interrupted):
        train(data, tmp_path, counting_model(7), interruption, **changes)
    assert steps_in(tmp_path) == [7]
    prefix = train(data, tmp_path, **changes)
    assert value_of(prefix, "seen").tolist() == seen_after(data, 12)


@pytest.mark.parametrize(
    "batch_size, micro_batches, parts",
    [(32, 1, 4), (12, 1, 4), (6, 1, 2), (5, 1, 1), (32, 2, 2), (32, 4, 1), (12, 3, 1)],
)
def test_micro_batches_together_have_a_part_for_every_class_of_lengths(
    batch_size, micro_batches, parts
):
    settings = SETTINGS._replace(
        train_batch_size=batch_size, gradient_accumulation_steps=micro_batches
    )
    assert settings.parts == parts
    assert settings._replace(pad_to=128).parts == 1


def test_first_weights_are_the_checkpoints(data, tmp_path):
    """At a learning rate of nearly nothing they are still what they were."""
    pretrained = values_of(PRETRAINED)
    trained = values_of(train(data, tmp_path, learning_rate=1e-12))
    for name in pretrained:
        np.testing.assert_allclose(trained[name], pretrained[name], atol=1e-7)
    other = train(data, tmp_path / "x", init_checkpoint=None, learning_rate=1e-12)
    name = "bert/embeddings/word_embeddings"
    assert np.abs(value_of(other, name) - pretrained[name]).max() > 0.01


def test_training_from_nothing_is_warned_of(data, tmp_path, log):
    train(data, tmp_path, init_checkpoint=None, num_train_epochs=0.4)
    assert "no --init_checkpoint: training starts from random weights" in log()


@pytest.mark.parametrize("stop_at, is_listed", [(1, True), (7, False)])
def test_signal_ends_after_the_step_and_the_next_run_resumes(
    data, tmp_path, interruption, log, stop_at, is_listed
):
    """With the examples too: each is seen as often as in a run that was not stopped.

    A run that is killed just after it saved has not listed its checkpoint yet.
    """
    with pytest.raises(Interrupted) as caught:
        train(data, tmp_path, counting_model(stop_at), interruption)
    assert caught.value.signal == signal.SIGTERM
    assert caught.value.where == f"checkpoint saved at step {stop_at} of 12"
    assert steps_in(tmp_path) == [stop_at]
    if not is_listed:
        (tmp_path / "checkpoint").unlink()
    prefix = train(data, tmp_path)
    assert f"  resuming at step {stop_at} of 12" in log()
    assert steps_in(tmp_path) == [stop_at, 12]
    assert value_of(prefix, "seen").tolist() == seen_after(data, 12)


def test_finished_run_has_nothing_left_to_train(data, tmp_path, log, listing):
    prefix = train(data, tmp_path)
    before = listing(tmp_path)
    assert train(data, tmp_path) == prefix
    assert log()[-1] == "  step 12 of 12: nothing left to train"
    assert listing(tmp_path) == before


def test_checkpoints_do_not_pile_up(data, tmp_path, interruption):
    """Over both parts of an interrupted run, the latest two are kept."""
    often = {"save_checkpoints_steps": 3, "keep_checkpoint_max": 2}
    with pytest.raises(Interrupted):
        train(data, tmp_path, counting_model(8), interruption, **often)
    assert steps_in(tmp_path) == [6, 8]
    train(data, tmp_path, num_train_epochs=5.5, **often)
    assert steps_in(tmp_path) == [12, 13]


def test_epochs_may_count_other_things_than_records(data, tmp_path, log):
    train(data, tmp_path, num_train_epochs=2.0, examples=6)
    assert steps_in(tmp_path) == [3]
    assert "  examples = 6, batch size = 4" in log()


def test_too_few_examples_for_a_step_are_refused(data, tmp_path):
    with pytest.raises(files.InputError) as caught:
        train(data, tmp_path, train_batch_size=64)
    assert str(caught.value) == (
        "10 examples make no step of 64 in 5 epochs; "
        "lower --train_batch_size or raise --num_train_epochs"
    )


def test_loss_that_is_not_finite_stops_at_once(data, tmp_path):
    with pytest.raises(files.InputError, match="loss is nan at step 2; ") as caught:
        train(
            data,
            tmp_path,
            learning_rate=1e30,
            save_checkpoints_steps=1,
            warmup_proportion=0.5,
        )
    assert "try a lower --learning_rate" in str(caught.value)
    assert steps_in(tmp_path) == [1]


def test_seed_fixes_the_result(data, tmp_path):
    def weights(name, seed):
        changes = {"seed": seed, "pad_to": 16, "num_train_epochs": 2.0}
        return values_of(train(data, tmp_path / name, **changes))

    weights_1, again, other = weights("a", 1), weights("b", 1), weights("c", 2)
    for name in weights_1:
        np.testing.assert_allclose(weights_1[name], again[name], rtol=0, atol=1e-6)
    assert np.abs(weights_1["output_weights"] - other["output_weights"]).max() > 1e-3


def test_progress_says_what_matters(data, tmp_path, log, monkeypatch):
    monkeypatch.setattr(progress, "PAUSES", ())
    monkeypatch.setattr(progress, "LONGEST_PAUSE", 0.0)
    train(data, tmp_path, train_batch_size=5)
    lines = [line for line in log() if line.startswith("step ")]
    assert len(lines) == 10
    pattern = (
        r"step \d+ of 10 \(\d+ %\), epoch [\d.]+, loss [\d.]+, "
        r"learning rate [\d.e-]+, [\d.]+ examples/s"
    )
    for line in lines[:-1]:  # a speed that is not steady gives no time
        assert re.fullmatch(pattern + r"(, \d+ s left)?", line), line
    assert " s left" in lines[8]
    assert re.fullmatch(pattern, lines[-1])
    assert re.fullmatch(r"training took \d+ s", log()[-1])
    assert lines[4].startswith("step 5 of 10 (50 %), epoch 2.50, loss ")
    assert "learning rate 0.0005," in lines[4]
    (events,) = tmp_path.glob("events.out.tfevents.*")
    written = [
        (event.step, value.tag, value.simple_value)
        for event in tf.train.summary_iterator(str(events))
        for value in event.summary.value
    ]
    assert {step for step, _, _ in written} == set(range(1, 11))
    assert {tag for _, tag, _ in written} == {
        *("loss", "learning_rate", "gradient_norm", "examples_per_second")
    }
    assert all(math.isfinite(number) for _, _, number in written)


# Out of memory


def test_training_step_too_large_for_the_memory_is_told(data, tmp_path):
    """The allocator really refuses: no machine has that many bytes."""

    def head(encoder, features, mode):
        count = tf.cast(tf.shape(features["number"])[0], tf.int64)
        logits = modeling.output_layer(encoder.get_pooled_output(), 2)
        return tf.reduce_sum(tf.zeros(tf.stack([count, 1 << 42])) + logits[0, 0]), {}

    with pytest.raises(files.InputError) as caught:
        train(data, tmp_path, tiny_model(head), gradient_accumulation_steps=2)
    message = str(caught.value)
    assert message.startswith(
        "out of memory with a batch of 2 examples of up to 12 pieces; raise --gradient_"
    )
    assert set(re.findall(r"--(\w+)", message)) < set(parsed())
    assert steps_in(tmp_path) == []
