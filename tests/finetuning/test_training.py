"""finetuning.py: training that can stop anywhere, prediction in order, good advice."""

import itertools
import logging
import math
import os
import pathlib
import re
import shutil
import signal

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given
from hypothesis import strategies as st

import modeling
import run_ner
from biocodes.lib import files
from finetuning import checkpoints, model, prediction, progress, records, training
from finetuning.batches import micro_batches, training_order
from finetuning.model import check_trained
from finetuning.signals import Interrupted, Interruption
from kit.paths import DATA

tf.disable_v2_behavior()

INIT = str(DATA / "init" / "model.ckpt")
FINE_TUNED = str(DATA / "ner" / "model.ckpt-1190")
SCHEMA = records.Schema(["input_ids"], ["number"])
LENGTHS = (3, 9, 4, 4, 12, 5, 7, 3, 8, 6)
COUNT = len(LENGTHS)


@pytest.fixture(scope="module")
def config():
    return modeling.BertConfig.from_json_file(str(DATA / "init" / "bert_config.json"))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Ten sentences of random pieces, numbered."""
    random = np.random.RandomState(0)
    path = str(tmp_path_factory.mktemp("data") / "x.tf_record")
    examples = [
        {"number": number, "input_ids": random.randint(0, 3000, length)}
        for number, length in enumerate(LENGTHS)
    ]
    return records.write_records(path, SCHEMA, examples, {})


@pytest.fixture
def interruption():
    """A real one; the signals' former handlers come back after the test."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
    before = {number: signal.getsignal(number) for number in numbers}
    made = Interruption()
    made.install()
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def log(caplog):
    """The log lines so far."""
    caplog.set_level(logging.INFO, "biobert")
    return lambda: [
        record.getMessage() for record in caplog.records if record.name == "biobert"
    ]


def head_that_counts(stop_at=None):
    """Tells odd numbers from even ones, and keeps count of the examples that it saw.

    A signal comes while step number stop_at (from 1) is at work.
    """
    to_come = {stop_at}

    def maybe_stop(step):
        if step + 1 in to_come:
            to_come.clear()
            os.kill(os.getpid(), signal.SIGTERM)
        return step

    def head(encoder, features, mode):
        logits = modeling.output_layer(encoder.get_pooled_output(), 2)
        predictions = {"logits": logits, "hidden": encoder.get_sequence_output()}
        if mode != tf.estimator.ModeKeys.TRAIN:
            return None, predictions
        seen = tf.get_variable(
            "seen", [COUNT], tf.float64, tf.zeros_initializer(), trainable=False
        )
        number = features["number"]
        once = tf.ones(tf.shape(number), tf.float64)
        step = tf.train.get_or_create_global_step()
        with tf.control_dependencies(
            [
                tf.scatter_add(seen, number, once),
                tf.py_func(maybe_stop, [tf.identity(step)], step.dtype),
            ]
        ):
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=number % 2, logits=logits
            )
            return losses, predictions

    return head


HOW = training.Training(
    train_batch_size=4,
    learning_rate=1e-3,
    num_train_epochs=5.0,  # 12 steps
    warmup_proportion=0.1,
    save_checkpoints_steps=100,
    keep_checkpoint_max=5,
    seed=1,
    pad_to=None,
)


def train(config, data, folder, interruption, stop_at=None, first=INIT, **changes):
    how = HOW._replace(**changes)
    head = head_that_counts(stop_at)
    return training.train(
        head, config, data, str(folder), first, how, interruption or Interruption()
    )


def value(prefix, name):
    return tf.train.load_checkpoint(prefix).get_tensor(name)


def steps_in(folder):
    prefixes = checkpoints.prefixes_in(str(folder))
    return sorted(checkpoints.step_of_name(prefix) for prefix in prefixes)


def seen_after(data, steps, seed=1):
    counts = np.zeros(COUNT)
    order = training_order(data.lengths, 4, seed)
    for rows in itertools.islice(order, steps):
        np.add.at(counts, rows, 1)
    return counts.tolist()


# Training.


@given(
    examples=st.integers(1, 10**6),
    size=st.integers(1, 512),
    epochs=st.floats(0.01, 100),
    share=st.floats(0, 1),
)
def test_numbers_of_steps_are_the_originals(examples, size, epochs, share):
    how = HOW._replace(
        train_batch_size=size, num_train_epochs=epochs, warmup_proportion=share
    )
    total = int(examples / size * epochs)
    if total:
        assert how.steps(examples) == (total, int(total * share))
    else:
        with pytest.raises(files.InputError, match="make no step of"):
            how.steps(examples)


@pytest.mark.parametrize("content", ["garbage", b"\xff\xfe", None])
def test_list_of_checkpoints_is_not_believed(config, data, tmp_path, log, content):
    """TensorFlow would go on from wherever it points: from the folder copied from."""
    if content is None:
        elsewhere = train(config, data, tmp_path / "elsewhere", None)
        content = f'model_checkpoint_path: "{elsewhere}"\n'
    out = tmp_path / "out"
    out.mkdir()
    content = content if isinstance(content, bytes) else content.encode()
    (out / "checkpoint").write_bytes(content)
    prefix = train(config, data, out, None)
    assert "  steps = 12, of them warm-up = 1" in log()
    assert value(prefix, "seen").tolist() == seen_after(data, 12)


def test_run_trains_all_its_steps_and_saves_the_last(config, data, tmp_path, log):
    prefix = train(config, data, tmp_path, None)
    assert prefix == str(tmp_path / "model.ckpt-12")
    assert checkpoints.step(prefix) == 12
    assert value(prefix, "seen").tolist() == seen_after(data, 12)
    assert steps_in(tmp_path) == [12]
    assert log()[:4] == [
        "***** training *****",
        "  examples = 10, batch size = 4",
        "  steps = 12, of them warm-up = 1",
        f"  weights from {INIT}; new: output_weights, output_bias",
    ]
    assert log()[4].startswith("step 12 of 12 (100 %), loss ")
    assert len(log()) == 5


def last_loss(log):
    return float(re.search(r"step 12 of 12 .* loss ([0-9.e-]+)", log()[-1]).group(1))


@pytest.mark.parametrize("pad_to, parts", [(None, 4), (12, 2)])
def test_step_in_micro_batches_is_the_step(config, data, tmp_path, log, pad_to, parts):
    """The same examples, the same loss, the same weights."""
    quiet = config.without_dropout()
    whole = train(quiet, data, tmp_path / "whole", None, pad_to=pad_to)
    loss = last_loss(log)
    how = {"gradient_accumulation_steps": parts, "pad_to": pad_to}
    prefix = train(quiet, data, tmp_path / "parts", None, **how)
    assert last_loss(log) == pytest.approx(loss, rel=2e-3)
    assert checkpoints.shapes(prefix) == checkpoints.shapes(whole)
    for name in checkpoints.shapes(whole):
        np.testing.assert_allclose(value(prefix, name), value(whole, name), 0, 1e-5)


def test_interrupted_step_in_micro_batches_is_made_whole(
    config, data, tmp_path, interruption
):
    how = {"gradient_accumulation_steps": 4}
    with pytest.raises(Interrupted):
        train(config, data, tmp_path, interruption, 7, **how)
    assert steps_in(tmp_path) == [7]
    prefix = train(config, data, tmp_path, None, **how)
    assert value(prefix, "seen").tolist() == seen_after(data, 12)


@pytest.mark.parametrize(
    "batch_size, micro_batches, parts",
    [(32, 1, 4), (12, 1, 4), (6, 1, 2), (5, 1, 1), (32, 2, 2), (32, 4, 1), (12, 3, 1)],
)
def test_micro_batches_together_have_a_part_for_every_class_of_lengths(
    batch_size, micro_batches, parts
):
    how = HOW._replace(
        train_batch_size=batch_size, gradient_accumulation_steps=micro_batches
    )
    assert how.parts() == parts
    assert how._replace(pad_to=128).parts() == 1


@given(st.lists(st.integers(1, 500), min_size=12, max_size=12))
def test_micro_batches_are_the_batch_cut_by_length(lengths):
    lengths = np.array(lengths)
    batch = np.random.RandomState(0).permutation(12)
    cut = list(micro_batches([batch, batch[::-1]], lengths, 3, 2))
    assert [[len(part) for part in one] for one in cut] == [[2, 2]] * 6
    for three in (cut[:3], cut[3:]):
        found = np.concatenate([part for one in three for part in one])
        assert sorted(found) == sorted(batch)
        assert lengths[found].tolist() == sorted(lengths)


def test_first_weights_are_the_checkpoints(config, data, tmp_path):
    """At a learning rate of nearly nothing they are still what they were."""
    prefix = train(config, data, tmp_path, None, learning_rate=1e-12)
    for name in checkpoints.shapes(INIT):
        np.testing.assert_allclose(value(prefix, name), value(INIT, name), atol=1e-7)
    other = train(config, data, tmp_path / "x", None, first=None, learning_rate=1e-12)
    name = "bert/embeddings/word_embeddings"
    assert np.abs(value(other, name) - value(INIT, name)).max() > 0.01


def test_training_from_nothing_is_warned_of(config, data, tmp_path, log):
    train(config, data, tmp_path, None, first=None, num_train_epochs=0.4)
    assert "no --init_checkpoint: training starts from random weights" in log()


@pytest.mark.parametrize("stop_at, is_listed", [(1, True), (7, False)])
def test_signal_ends_after_the_step_and_the_next_run_goes_on(
    config, data, tmp_path, interruption, log, stop_at, is_listed
):
    """With the examples too: each is seen as often as in a run that was not stopped.

    A run that is killed just after it saved has not listed its checkpoint yet.
    """
    with pytest.raises(Interrupted) as caught:
        train(config, data, tmp_path, interruption, stop_at)
    assert caught.value.signal == signal.SIGTERM
    assert caught.value.where == f"checkpoint saved at step {stop_at} of 12"
    assert steps_in(tmp_path) == [stop_at]
    if not is_listed:
        (tmp_path / "checkpoint").unlink()
    prefix = train(config, data, tmp_path, None)
    assert f"  going on at step {stop_at} of 12" in log()
    assert steps_in(tmp_path) == [stop_at, 12]
    assert value(prefix, "seen").tolist() == seen_after(data, 12)


def test_finished_run_has_nothing_left_to_train(config, data, tmp_path, log, listing):
    prefix = train(config, data, tmp_path, None)
    before = listing(tmp_path)
    assert train(config, data, tmp_path, None) == prefix
    assert log()[-1] == "  step 12 of 12: nothing left to train"
    assert listing(tmp_path) == before


def test_checkpoints_do_not_pile_up(config, data, tmp_path, interruption):
    """Over both parts of an interrupted run, the latest two are kept."""
    often = {"save_checkpoints_steps": 3, "keep_checkpoint_max": 2}
    with pytest.raises(Interrupted):
        train(config, data, tmp_path, interruption, 8, **often)
    assert steps_in(tmp_path) == [6, 8]
    train(config, data, tmp_path, None, num_train_epochs=5.5, **often)
    assert steps_in(tmp_path) == [12, 13]


def test_epochs_may_count_other_things_than_records(config, data, tmp_path, log):
    training.train(
        head_that_counts(),
        config,
        data,
        str(tmp_path),
        INIT,
        HOW._replace(num_train_epochs=2.0),
        Interruption(),
        examples=6,
    )
    assert steps_in(tmp_path) == [3]
    assert "  examples = 6, batch size = 4" in log()


def test_too_few_examples_for_a_step_are_refused(config, data, tmp_path):
    with pytest.raises(files.InputError) as caught:
        train(config, data, tmp_path, None, train_batch_size=64)
    assert str(caught.value) == (
        "10 examples make no step of 64 in 5 epochs; "
        "lower --train_batch_size or raise --num_train_epochs"
    )


def test_loss_that_is_not_finite_stops_at_once(config, data, tmp_path):
    with pytest.raises(files.InputError, match="loss is nan at step 2; ") as caught:
        train(
            config,
            data,
            tmp_path,
            None,
            learning_rate=1e30,
            save_checkpoints_steps=1,
            warmup_proportion=0.5,
        )
    assert "try a lower --learning_rate" in str(caught.value)
    assert steps_in(tmp_path) == [1]


def test_seed_fixes_the_result(config, data, tmp_path):
    def weights(name, seed):
        changes = {"seed": seed, "pad_to": 16, "num_train_epochs": 2.0}
        prefix = train(config, data, tmp_path / name, None, **changes)
        return {name: value(prefix, name) for name in checkpoints.shapes(prefix)}

    first, again, other = weights("a", 1), weights("b", 1), weights("c", 2)
    for name in first:
        np.testing.assert_allclose(first[name], again[name], rtol=0, atol=1e-6)
    assert np.abs(first["output_weights"] - other["output_weights"]).max() > 1e-3


def test_progress_says_what_matters(config, data, tmp_path, log, monkeypatch):
    monkeypatch.setattr(progress, "PROGRESS_SECONDS", 0.0)
    train(config, data, tmp_path, None, train_batch_size=5)
    lines = [line for line in log() if line.startswith("step ")]
    assert len(lines) == 10
    pattern = (
        r"step \d+ of 10 \(\d+ %\), loss [\d.]+, learning rate [\d.e-]+, "
        r"\d+ examples/s, (\d+ s left|took \d+ s)"
    )
    for line in lines:
        assert re.fullmatch(pattern, line), line
    assert lines[4].startswith("step 5 of 10 (50 %), loss ")
    assert "learning rate 0.0005," in lines[4]
    (events,) = tmp_path.glob("events.out.tfevents.*")
    written = [
        (event.step, one.tag, one.simple_value)
        for event in tf.train.summary_iterator(str(events))
        for one in event.summary.value
    ]
    assert {step for step, _, _ in written} == set(range(1, 11))
    assert {tag for _, tag, _ in written} == {"loss", "learning_rate"}
    assert all(math.isfinite(number) for _, _, number in written)


# Prediction.


@pytest.fixture(scope="module")
def trained(config, data, tmp_path_factory):
    return train(config, data, tmp_path_factory.mktemp("trained"), None)


def predictions(config, data, prefix, size=3, limit=12, pad_to=None):
    how = prediction.Prediction(size, limit, pad_to)
    return list(prediction.predict(head_that_counts(), config, data, prefix, how))


def test_predictions_are_those_of_the_input_in_its_order(config, data, trained):
    """Whatever goes together into a batch, and however it is padded."""
    alone = predictions(config, data, trained, size=1, limit=1)
    assert [index for index, _ in alone] == list(range(COUNT))
    for size, limit, pad_to in [(3, 12, None), (100, 12, None), (3, 12, 12)]:
        found = predictions(config, data, trained, size, limit, pad_to)
        assert [index for index, _ in found] == list(range(COUNT))
        for (_, one), (_, expected), length in zip(found, alone, LENGTHS):
            np.testing.assert_allclose(one["logits"], expected["logits"], atol=1e-5)
            hidden = one["hidden"][:length]
            np.testing.assert_allclose(hidden, expected["hidden"], atol=1e-5)
    assert len(found[0][1]["hidden"]) == 12  # padded as we were told


def test_prediction_can_be_left_early(config, data, trained):
    how = prediction.Prediction(3, 12, None)
    results = prediction.predict(head_that_counts(), config, data, trained, how)
    index, one = next(results)
    assert index == 0 and one["logits"].shape == (2,)
    results.close()
    assert len(predictions(config, data, trained)) == COUNT


def test_prediction_budget_is_in_pieces(data):
    how = prediction.Prediction(2, 12, None)
    sizes = [len(rows) for rows in how.order(data.lengths)]
    assert sum(sizes) == COUNT and max(sizes) > 2
    padded = prediction.Prediction(4, 12, 12)
    assert [len(rows) for rows in padded.order(data.lengths)] == [4, 4, 2]


def test_prediction_needs_a_head(config, data):
    with pytest.raises(files.InputError, match="no trained head"):
        predictions(config, data, INIT)


def test_prediction_changes_nothing_beside_the_checkpoint(
    config, data, trained, listing
):
    before = listing(os.path.dirname(trained))
    predictions(config, data, trained)
    assert listing(os.path.dirname(trained)) == before


@pytest.mark.parametrize("pad", [False, True])
def test_flags_become_settings(pad):
    flags = run_ner.define_flags()
    flags(["run_ner.py", f"--pad_to_max_length={pad}", "--max_seq_length=64"])
    pad_to = 64 if pad else None
    expected = training.Training(32, 5e-5, 10.0, 0.1, 1000, 5, 1, pad_to)
    assert training.Training.from_flags(flags) == expected
    expected = prediction.Prediction(7, 64, pad_to)
    assert prediction.Prediction.from_flags(flags, 7) == expected


# Out of memory.


def test_training_step_too_large_for_the_memory_is_told(config, data, tmp_path):
    """The allocator really refuses: no machine has that many bytes."""

    def head(encoder, features, mode):
        count = tf.cast(tf.shape(features["number"])[0], tf.int64)
        logits = modeling.output_layer(encoder.get_pooled_output(), 2)
        return tf.reduce_sum(tf.zeros(tf.stack([count, 1 << 42])) + logits[0, 0]), {}

    how = HOW._replace(gradient_accumulation_steps=2)
    with pytest.raises(files.InputError) as caught:
        training.train(head, config, data, str(tmp_path), INIT, how, Interruption())
    message = str(caught.value)
    assert message.startswith(
        "out of memory with a batch of 2 examples of up to 12 pieces; raise --gradient_"
    )
    assert set(re.findall(r"--(\w+)", message)) < set(run_ner.define_flags())
    assert steps_in(tmp_path) == []


def test_batch_too_large_for_the_memory_is_told(config, data, trained):
    with pytest.raises(files.InputError) as caught:
        predictions(config, data, trained, size=3, limit=12, pad_to=1 << 42)
    message = str(caught.value)
    assert message.startswith(
        "out of memory with a batch of 3 examples of up to 12 pieces; lower the batch"
    )
    assert set(re.findall(r"--(\w+)", message)) < set(run_ner.define_flags())


# What is checked before a run changes anything.


def copy_of(prefix, folder, cut=None):
    for path in pathlib.Path(prefix).parent.glob(pathlib.Path(prefix).name + ".*"):
        shutil.copy(str(path), str(folder))
        if cut is not None and ".data" in path.name:
            (folder / path.name).write_bytes(path.read_bytes()[:cut])
    return str(folder / os.path.basename(prefix))


def ner_head(labels=7):
    return run_ner.make_head(labels, count_padding=False)


def check_start(config, folder, first, labels=7, afresh=False):
    model.check_start(ner_head(labels), config, str(folder), first, afresh)


def test_good_starts_are_accepted(config, tmp_path):
    check_start(config, tmp_path, None)
    check_start(config, tmp_path / "not there yet", INIT)
    copy_of(FINE_TUNED, tmp_path)
    check_start(config, tmp_path, "not looked at")
    check_trained(ner_head(), config, FINE_TUNED)


def test_bad_starts_are_refused(config, tmp_path):
    values = dict(config.to_dict(), intermediate_size=48)
    other = modeling.BertConfig(**values)
    with pytest.raises(files.InputError, match=r"\[32, 64\] there but \[32, 48\]"):
        check_start(other, tmp_path, INIT)
    with pytest.raises(files.InputError, match="trained with other labels"):
        check_start(config, tmp_path, FINE_TUNED, labels=9)
    with pytest.raises(files.InputError, match="not a readable"):
        check_start(config, tmp_path / "out", copy_of(INIT, tmp_path, cut=300000))
    with pytest.raises(files.InputError, match="no trained head"):
        check_trained(ner_head(), config, INIT)


def test_what_lies_in_the_folder_is_checked_unless_it_will_go(config, tmp_path):
    prefix = copy_of(FINE_TUNED, tmp_path)
    with pytest.raises(files.InputError, match="trained with other labels"):
        check_start(config, tmp_path, INIT, labels=9)
    check_start(config, tmp_path, INIT, labels=9, afresh=True)
    copy_of(FINE_TUNED, tmp_path, cut=1400000)  # only the optimizer's part is cut
    with pytest.raises(files.InputError, match="not a readable") as caught:
        check_start(config, tmp_path, INIT)
    assert str(caught.value).startswith(prefix)
