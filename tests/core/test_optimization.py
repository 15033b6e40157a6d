"""optimization.py: the golden training runs, the schedule, AdamW's formula."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import optimization
from finetuning.estimator import ModeKeys
from finetuning.training import TrainingSettings, loss_of_step, losses_of_parts
from kit.golden import PRETRAINED
from kit.models import tiny_model
from kit.paths import DATA
from tasks.ner import head as ner_head
from tasks.qa import head as qa_head
from tasks.re import head as re_head

tf.disable_v2_behavior()

WORDS_SUM = "final:word_embeddings_sum"
INPUTS = ("input_ids", "input_mask", "segment_ids", "labels")
ENDS = ("start", "end")


# The golden runs: 30 steps of the whole model, recorded with the original

MODE = ModeKeys.EVAL  # as in training, but without dropout
SETTINGS = TrainingSettings(
    train_batch_size=0,
    learning_rate=0.0,
    num_train_epochs=0.0,
    warmup_proportion=0.0,
    save_checkpoints_steps=0,
    keep_checkpoint_max=0,
    seed=0,
)
HEADS = {
    "ner": ner_head.make_head(7, count_padding=True),
    "re": re_head.make_head(2),
    "qa": qa_head.make_head(count_padding=True),
}


def features_of(task, inputs):
    labels = inputs["labels"]
    named = {
        "ner": {"label_ids": labels},
        "re": {"label_id": labels},
        "qa": {f"{end}_position": labels[..., i] for i, end in enumerate(ENDS)},
    }
    return dict(inputs, **named[task])


class Training:
    """A golden run: the model, its head, and the operation of its training step.

    Args:
      golden: the recorded numbers.
      micro_batches: that a step is cut into.
      parts: of a micro-batch, which go through the encoder beside each other.
      recompute_layers: see modeling.encode.
      scale: the loss's, or None.
    """

    def __init__(
        self, task, golden, micro_batches, parts, recompute_layers, scale=None
    ):
        self._golden, self._micro_batches = golden, micro_batches
        self._inputs = [
            {
                name: tf.placeholder(tf.int32, [None] * (golden[name].ndim - 1))
                for name in INPUTS
            }
            for _ in range(parts)
        ]
        losses = losses_of_parts(
            tiny_model(HEADS[task]),
            [features_of(task, part) for part in self._inputs],
            MODE,
            SETTINGS._replace(recompute_layers=recompute_layers),
        )
        loss = loss_of_step(losses, golden["input_ids"].shape[1])
        self._update = optimization.create_train_op(
            loss,
            optimization.Schedule(
                float(golden["learning_rate"]),
                int(golden["num_train_steps"]),
                int(golden["num_warmup_steps"]),
            ),
            in_micro_batches=micro_batches > 1,
            scale=scale,
        )
        self._variables = {
            variable.name: variable for variable in tf.global_variables()
        }

    def start(self, session):
        session.run(
            [tf.global_variables_initializer(), tf.local_variables_initializer()]
        )
        encoder = tf.trainable_variables("bert/")
        tf.train.Saver(encoder).restore(session, PRETRAINED)
        (head,) = (
            variable
            for name, variable in self._variables.items()
            if name.endswith("output_weights:0")
        )
        head.load(self._golden["head_weights"], session)

    def step(self, session, number):
        """Runs a step; its loss."""
        micro_batches = [
            {
                placeholder: self._golden[name][number][rows]
                for part, rows in zip(self._inputs, np.split(chosen, len(self._inputs)))
                for name, placeholder in part.items()
            }
            for chosen in np.split(self._rows(), self._micro_batches)
        ]
        for feed in micro_batches[:-1]:
            session.run(self._update.accumulate, feed)
        fetches = [self._update.loss, self._update.operation]
        loss, _ = session.run(fetches, micro_batches[-1])
        return loss

    def _rows(self):
        return np.arange(self._golden["input_ids"].shape[1])

    def check(self, session, name, expected):
        if name == WORDS_SUM:  # all rows decay, those that no batch looks up, too
            table = self._variables["bert/embeddings/word_embeddings:0"]
            assert np.abs(session.run(table)).sum() == pytest.approx(expected, rel=1e-5)
            return
        actual = session.run(self._variables[name[len("final:") :]])
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-3, err_msg=name)


@pytest.mark.parametrize(
    "micro_batches, parts, recompute_layers",
    [
        (1, 1, False),
        (2, 1, False),
        (1, 4, False),
        (2, 2, False),
        (4, 1, True),
        (1, 2, True),
    ],
)
@pytest.mark.parametrize("task", sorted(HEADS))
def test_training_is_the_originals(task, micro_batches, parts, recompute_layers):
    """In micro-batches and in parts, too, and when layers are computed twice."""
    golden = np.load(str(DATA / "model" / f"train_{task}.npz"))
    with tf.Graph().as_default(), tf.Session() as session:
        training = Training(task, golden, micro_batches, parts, recompute_layers)
        training.start(session)
        losses = [
            training.step(session, number) for number in range(len(golden["losses"]))
        ]
        np.testing.assert_allclose(losses, golden["losses"], rtol=1e-3)
        finals = [name for name in golden.files if name.startswith("final:")]
        assert finals
        for name in finals:
            training.check(session, name, golden[name])


@pytest.mark.parametrize("micro_batches", [1, 2])
def test_scaled_loss_changes_no_digit(micro_batches):
    """As the factor is a power of two."""
    golden = np.load(str(DATA / "model" / "train_ner.npz"))
    losses = []
    for is_scaled in (False, True):
        with tf.Graph().as_default(), tf.Session() as session:
            scale = optimization.LossScale() if is_scaled else None
            training = Training("ner", golden, micro_batches, 1, False, scale)
            training.start(session)
            losses.append([training.step(session, number) for number in range(5)])
    np.testing.assert_array_equal(*losses)


# The schedule


@pytest.mark.parametrize("total, warmup", [(100, 10), (100, 0), (7, 7), (1, 0), (9, 1)])
def test_learning_rate_goes_up_then_down_to_nothing(total, warmup):
    peak = 5e-5
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.placeholder(tf.int32, [])
        rate = optimization.learning_rate_schedule(peak, total, warmup, step)
        actual = [session.run(rate, {step: n}) for n in range(total + 3)]
    expected = [
        peak * n / warmup if n < warmup else peak * max(1 - n / total, 0)
        for n in range(total + 3)
    ]
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-12)


def test_rates_of_a_run_start_above_nothing_and_the_step_is_counted():
    with tf.Graph().as_default(), tf.Session() as session:
        weight = tf.get_variable("weight", [3], initializer=tf.ones_initializer())
        update = optimization.create_train_op(
            tf.reduce_sum(weight**2), optimization.Schedule(1e-3, 10, 4)
        )
        session.run(tf.global_variables_initializer())
        rates = []
        for _ in range(10):
            rate, _ = session.run([update.learning_rate, update.operation])
            rates.append(rate)
        step = session.run(tf.train.get_global_step())
    assert step == 10
    expected = [2.5e-4, 5e-4, 7.5e-4, 6e-4, 5e-4, 4e-4, 3e-4, 2e-4, 1e-4, 0]
    np.testing.assert_allclose(rates, expected, rtol=1e-5, atol=1e-10)


# AdamW

SHAPE = (6, 3)
# Rows of a sparse gradient: some twice, some never, in no order.
ROWS = np.array([4, 1, 4, 0, 1, 4], np.int32)


def adamw(weights, gradients, rates, decay, clip=None):
    """The formula of the module's docstring, one step after another."""
    m, v, w = np.zeros_like(weights), np.zeros_like(weights), weights.copy()
    for g, r in zip(gradients, rates):
        if clip:
            g = g * min(1.0, clip / np.linalg.norm(g))
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g * g
        w = w - r * (m / (np.sqrt(v) + 1e-6) + decay * w)
    return w, m, v


@pytest.mark.parametrize("use_resource", [False, True], ids=["ref", "resource"])
@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize(
    "name, decay",
    [
        ("bert/dense/kernel", 0.01),
        ("bert/dense/bias", 0.0),
        ("bert/LayerNorm/gamma", 0.0),
        ("bert/layer_norm/beta", 0.0),
    ],
)
def test_update_is_the_formulas(name, decay, is_sparse, use_resource):
    random = np.random.RandomState(7)
    weights = random.normal(size=SHAPE)
    values = random.normal(size=[5, len(ROWS) if is_sparse else SHAPE[0], SHAPE[1]])
    rates = [0.0, 0.1, 0.02, 0.3, 0.05]
    with tf.Graph().as_default(), tf.Session() as session:
        variable = tf.get_variable(
            name,
            dtype=tf.float64,
            initializer=weights,
            use_resource=use_resource,
        )
        rate = tf.placeholder(tf.float32, [])
        value = tf.placeholder(tf.float64, values.shape[1:])
        gradient = tf.IndexedSlices(value, ROWS, SHAPE) if is_sparse else value
        optimizer = optimization.AdamWeightDecayOptimizer(
            rate, 0.01, exclude_from_weight_decay=optimization.NOT_DECAYED
        )
        update = optimizer.apply_gradients([(gradient, variable)])
        session.run(tf.global_variables_initializer())
        for of_step in zip(values, rates):
            session.run(update, dict(zip((value, rate), of_step)))
        actual = session.run(
            [variable, *(optimizer.get_slot(variable, s) for s in ("adam_m", "adam_v"))]
        )
    gradients = values
    if is_sparse:
        gradients = np.zeros([5, *SHAPE])
        for step in range(5):
            np.add.at(gradients[step], ROWS, values[step])
    for ours, expected in zip(actual, adamw(weights, gradients, rates, decay)):
        np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("use_resource", [False, True], ids=["ref", "resource"])
@pytest.mark.parametrize("parts", [1, 3])
def test_gradient_of_a_look_up_moves_each_row_once(parts, use_resource):
    """Rows that a step looks up twice get the sum of both gradients, not one.

    Whether both are in one micro-batch or not.
    """
    weights = np.random.RandomState(3).normal(size=SHAPE).astype(np.float32)
    factors = np.arange(1.0, 1 + len(ROWS) * 3).reshape(-1, 3).astype(np.float32)
    with tf.Graph().as_default(), tf.Session() as session:
        table = tf.get_variable("table", initializer=weights, use_resource=use_resource)
        tf.get_variable("unused", [2])
        part = tf.placeholder(tf.int32, [None])
        looked_up = tf.gather(table, tf.gather(ROWS, part))
        loss = tf.reduce_sum(looked_up * tf.gather(factors, part))
        update = optimization.create_train_op(
            loss, optimization.Schedule(0.1, 1000), parts > 1
        )
        session.run(
            [tf.global_variables_initializer(), tf.local_variables_initializer()]
        )
        norms = []
        for _ in range(3):
            *others, last = np.split(np.arange(len(ROWS)), parts)
            for some in others:
                session.run(update.accumulate, {part: some})
            norm, _ = session.run(
                [update.gradient_norm, update.operation], {part: last}
            )
            norms.append(norm)
        actual = session.run(table)
    gradient = np.zeros(SHAPE)
    np.add.at(gradient, ROWS, factors)
    rates = [0.1 * (1 - n / 1000) for n in (1, 2, 3)]
    # The norm that is clipped is that of the gradient as it came, row by row.
    clip = np.linalg.norm(gradient) / np.linalg.norm(factors)
    expected, _, _ = adamw(weights, [gradient] * 3, rates, 0.01, clip)
    np.testing.assert_allclose(norms, np.linalg.norm(factors), rtol=1e-5)
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scale", [0.01, 50.0])
def test_gradients_are_clipped_together(scale):
    """Two variables: the norm is over both, and short gradients stay as they are."""
    with tf.Graph().as_default(), tf.Session() as session:
        a = tf.get_variable("a", initializer=np.zeros(2))
        b = tf.get_variable("b", initializer=np.zeros(1))
        loss = tf.reduce_sum(a * [3.0 * scale, 0.0]) + tf.reduce_sum(b * 4.0 * scale)
        update = optimization.create_train_op(loss, optimization.Schedule(1e-3, 10))
        session.run(tf.global_variables_initializer())
        norm, _ = session.run([update.gradient_norm, update.operation])
        slots = {variable.op.name: variable for variable in tf.global_variables()}
        m = session.run([slots["a/adam_m"], slots["b/adam_m"]])
    assert norm == pytest.approx(5 * scale)
    factor = 0.1 * scale * min(1.0, 1.0 / (5 * scale))
    np.testing.assert_allclose(m[0], [3 * factor, 0.0], rtol=1e-5)
    np.testing.assert_allclose(m[1], [4 * factor], rtol=1e-5)


def test_slots_are_named_as_in_the_originals_checkpoints():
    with tf.Graph().as_default():
        variable = tf.get_variable("bert/pooler/dense/kernel", [2, 2])
        unused = tf.get_variable("bert/unused", [2])
        update = optimization.create_train_op(
            tf.reduce_sum(variable), optimization.Schedule(1e-3, 10)
        )
        names = {slot.op.name for slot in tf.global_variables()}
    assert names == {
        "global_step",
        variable.op.name,
        variable.op.name + "/adam_m",
        variable.op.name + "/adam_v",
        unused.op.name,
    }
    assert update.learning_rate.shape.as_list() == []


def test_optimizer_is_one_of_tensorflows():
    """Distribution strategies rely on slots that the base class knows."""
    with tf.Graph().as_default():
        variable = tf.get_variable("w", [2])
        optimizer = optimization.AdamWeightDecayOptimizer(0.1)
        loss = tf.reduce_sum(variable)
        assert isinstance(optimizer, tf.train.Optimizer)
        assert optimizer.minimize(loss) is not None
        assert sorted(optimizer.get_slot_names()) == ["adam_m", "adam_v"]
        slots = {slot.op.name for slot in optimizer.variables()}
    assert slots == {"w/adam_m", "w/adam_v"}


@pytest.mark.parametrize("decay, excluded", [(0.0, None), (0.5, None), (0.5, ["w"])])
def test_decay_can_be_chosen(decay, excluded):
    with tf.Graph().as_default(), tf.Session() as session:
        variable = tf.get_variable("w", initializer=np.full(2, 8.0))
        optimizer = optimization.AdamWeightDecayOptimizer(
            0.1, weight_decay_rate=decay, exclude_from_weight_decay=excluded
        )
        update = optimizer.apply_gradients([(tf.zeros([2], tf.float64), variable)])
        session.run(tf.global_variables_initializer())
        session.run(update)
        actual = session.run(variable)
    expected = 8.0 if excluded else 8.0 * (1 - 0.1 * decay)
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


# The factor of the loss


def test_step_that_is_not_finite_changes_only_the_factor(monkeypatch):
    """The weights and both slots stay; the global step goes on with the examples."""
    monkeypatch.setattr(optimization.LossScale, "STEPS_TO_DOUBLE", 2)
    with tf.Graph().as_default(), tf.Session() as session:
        slope = tf.placeholder(tf.float32, [])
        weights = tf.get_variable("weights", initializer=[1.0, 2.0])
        update = optimization.create_train_op(
            tf.reduce_sum(weights) * slope,
            optimization.Schedule(0.1, 100),
            scale=optimization.LossScale(),
        )
        session.run(
            [tf.global_variables_initializer(), tf.local_variables_initializer()]
        )
        kept = tf.global_variables()
        steps, scales, changed = tf.train.get_global_step(), [], []
        for value in (1.0, np.inf, np.nan, 3.0, 1.0, 1.0):
            before = session.run(kept)
            fetches = [update.loss_scale, update.operation]
            scales.append(session.run(fetches, {slope: value})[0])
            pairs = zip(kept, before, session.run(kept))
            changed.append(
                sorted(v.op.name for v, old, new in pairs if np.any(old != new))
            )
        assert session.run(steps) == 6
    everything = ["global_step", "weights", "weights/adam_m", "weights/adam_v"]
    only_step = ["global_step"]
    assert changed == [everything, only_step, only_step] + [everything] * 3
    first = 2.0**15
    # Halved twice; doubled when two steps in a row were finite.
    assert scales == [first, first, first / 2, first / 4, first / 4, first / 2]


def test_factor_stays_within_its_bounds(monkeypatch):
    monkeypatch.setattr(optimization.LossScale, "STEPS_TO_DOUBLE", 1)
    monkeypatch.setattr(optimization.LossScale, "FIRST", 2.0)
    monkeypatch.setattr(optimization.LossScale, "GREATEST", 4.0)
    with tf.Graph().as_default(), tf.Session() as session:
        norm = tf.placeholder(tf.float32, [])
        scale = optimization.LossScale()
        operation = scale.apply_if_finite(tf.no_op, norm)
        session.run(tf.local_variables_initializer())
        factors = []
        for value in [np.inf] * 3 + [1.0] * 4:
            factors.append(session.run([scale.before, operation], {norm: value})[0])
    assert factors == [2.0, 1.0, 1.0, 1.0, 2.0, 4.0, 4.0]
