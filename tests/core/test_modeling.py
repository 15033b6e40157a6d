"""modeling.py: the golden encoder's numbers and names, padding, configurations."""

import json
import math
import pathlib

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import modeling

tf.disable_v2_behavior()

DATA = pathlib.Path(__file__).parent.parent / "data"
CONFIG_FILE = str(DATA / "init" / "bert_config.json")
CHECKPOINT = str(DATA / "init" / "model.ckpt")
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def config():
    return modeling.BertConfig.from_json_file(CONFIG_FILE)


@pytest.fixture(scope="module")
def golden():
    with np.load(str(DATA / "model" / "forward.npz")) as arrays:
        return {name: arrays[name] for name in arrays.files}


class Encoder:
    """The golden encoder in a session, with placeholders for its inputs."""

    def __init__(self, config, with_mask=True, with_types=True):
        self._graph = tf.Graph()
        with self._graph.as_default():
            self._ids, self._mask, self._types = (
                tf.placeholder(tf.int32, [None, None]) for _ in range(3)
            )
            self.model = modeling.BertModel(
                config,
                is_training=False,
                input_ids=self._ids,
                input_mask=self._mask if with_mask else None,
                token_type_ids=self._types if with_types else None,
            )
            self.variables = tf.global_variables()
            self._session = tf.Session()
            tf.train.Saver().restore(self._session, CHECKPOINT)

    def __call__(self, ids, mask=None, types=None):
        """Sequence output, pooled output."""
        return self.run(self.fetches(), ids, mask, types)

    def fetches(self):
        return [self.model.get_sequence_output(), self.model.get_pooled_output()]

    def run(self, fetches, ids, mask=None, types=None):
        ids = np.asarray(ids)
        feed = {
            self._ids: ids,
            self._mask: np.ones_like(ids) if mask is None else mask,
            self._types: np.zeros_like(ids) if types is None else types,
        }
        return self._session.run(fetches, feed)


@pytest.fixture(scope="module")
def encoder(config):
    return Encoder(config)


def test_forward_pass_is_the_originals(encoder, golden):
    outputs = encoder.run(
        [
            encoder.model.get_embedding_output(),
            *encoder.model.get_all_encoder_layers(),
            *encoder.fetches(),
        ],
        golden["input_ids"],
        golden["input_mask"],
        golden["segment_ids"],
    )
    names = ["embedding_output", "layer_0", "layer_1", "sequence_output"]
    real = golden["input_mask"].astype(bool)
    for name, output in zip(names, outputs):
        np.testing.assert_allclose(
            output[real], golden[name][real], rtol=0, atol=TOLERANCE, err_msg=name
        )
    np.testing.assert_allclose(
        outputs[-1], golden["pooled_output"], rtol=0, atol=TOLERANCE
    )


def test_variables_are_the_checkpoints(encoder):
    actual = sorted([one.name, one.shape.as_list()] for one in encoder.variables)
    expected = json.loads((DATA / "model" / "variables.json").read_text())
    assert actual == sorted(expected)
    table = encoder.model.get_embedding_table()
    assert table.op.name == "bert/embeddings/word_embeddings"


def test_variables_can_be_told_without_the_encoder(config, encoder):
    built = [(one.op.name, one.shape.as_list()) for one in encoder.variables]
    assert list(modeling.variable_shapes(config).items()) == built


def test_another_scope_gives_another_encoder(config):
    with tf.Graph().as_default():
        for scope in ("left", "right"):
            modeling.BertModel(config, False, [[2, 7, 3]], scope=scope)
        names = {one.op.name.split("/")[0] for one in tf.global_variables()}
    assert names == {"left", "right"}


def test_without_mask_or_types_all_is_real_and_first_segment(config, encoder, golden):
    bare = Encoder(config, with_mask=False, with_types=False)
    for ours, same in zip(
        bare(golden["input_ids"]), encoder(golden["input_ids"], None, None)
    ):
        np.testing.assert_allclose(ours, same, rtol=0, atol=1e-6)


def test_segments_count(encoder, golden):
    zeros, _ = encoder(golden["input_ids"])
    ones, _ = encoder(golden["input_ids"], types=np.ones_like(golden["input_ids"]))
    assert np.abs(zeros - ones).max() > 0.01


@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_padding_and_company_change_no_real_position(data):
    """A sequence means the same alone, beside others, and with any padding."""
    lengths = data.draw(st.lists(st.integers(1, 40), min_size=1, max_size=5))
    padding = data.draw(st.integers(0, 30))
    random = np.random.RandomState(data.draw(st.integers(0, 1000)))
    encoder = _shared_encoder()
    width = max(lengths) + padding
    ids = random.randint(0, 3000, [len(lengths), width])
    types = random.randint(0, 2, ids.shape)
    mask = (np.arange(width) < np.array(lengths)[:, np.newaxis]).astype(np.int32)
    together, pooled = encoder(ids, mask, types)
    for row, length in enumerate(lengths):
        real = np.s_[row : row + 1, :length]
        alone, pooled_alone = encoder(ids[real], None, types[real])
        np.testing.assert_allclose(together[real], alone, rtol=0, atol=1e-5)
        np.testing.assert_allclose(
            pooled[row : row + 1], pooled_alone, rtol=0, atol=1e-5
        )


_encoders = []


def _shared_encoder():
    # Hypothesis runs a test many times; fixtures are for tests that run once.
    if not _encoders:
        _encoders.append(Encoder(modeling.BertConfig.from_json_file(CONFIG_FILE)))
    return _encoders[0]


def test_parts_of_a_batch_do_not_see_each_other(config):
    """Each comes out as it does alone: from every layer, and from the pooler."""
    random = np.random.RandomState(3)
    shapes = [(3, 4), (1, 11), (2, 6)]
    inputs = [
        (
            random.randint(5, 3000, (rows, length)),
            np.arange(length) < random.randint(1, length + 1, (rows, 1)),
            random.randint(0, 2, (rows, length)),
        )
        for rows, length in shapes
    ]

    def of(outputs):
        layers = outputs.get_all_encoder_layers()
        return [outputs.get_embedding_output(), *layers, outputs.get_pooled_output()]

    with tf.Graph().as_default(), tf.Session() as session:
        parts = [
            modeling.Part(*(tf.constant(one, tf.int32) for one in part))
            for part in inputs
        ]
        with tf.variable_scope("", reuse=tf.AUTO_REUSE):
            together = modeling.encode(parts, config, False, scope="bert")
            alone = [
                modeling.BertModel(config, False, *one, scope="bert") for one in parts
            ]
        tf.train.Saver().restore(session, CHECKPOINT)
        for shape, actual, expected in zip(shapes, together, alone):
            values, expected_values = session.run([of(actual), of(expected)])
            assert values[0].shape == (*shape, config.hidden_size)
            assert values[-1].shape == (shape[0], config.hidden_size)
            for value, expected_value in zip(values, expected_values):
                np.testing.assert_allclose(value, expected_value, rtol=0, atol=1e-5)


def test_longest_sequence_is_the_tables(config, encoder):
    longest = config.max_position_embeddings
    sequence, _ = encoder(np.ones([1, longest], np.int32))
    assert sequence.shape == (1, longest, config.hidden_size)
    with pytest.raises(tf.errors.InvalidArgumentError, match="max_position_embeddings"):
        encoder(np.ones([1, longest + 1], np.int32))


def test_dropout_is_on_in_training_only(config):
    with tf.Graph().as_default(), tf.Session() as session:
        ids = [[2, 7, 99, 3]]
        with tf.variable_scope("", reuse=tf.AUTO_REUSE):
            training, predicting = (
                modeling.BertModel(config, mode, ids, scope="bert") for mode in (1, 0)
            )
        session.run(tf.global_variables_initializer())

        def twice(model):
            return [session.run(model.get_sequence_output()) for _ in range(2)]

        np.testing.assert_array_equal(*twice(predicting))
        once, again = twice(training)
        assert np.abs(once - again).max() > 0.01


@pytest.mark.parametrize("kind", ["attention_probs", "hidden"])
@pytest.mark.parametrize("shapes", [[(2, 9)], [(1, 4), (2, 9)]])
def test_recomputed_layer_drops_what_it_had_dropped(config, kind, shapes):
    """Else its gradient would be that of another loss: the numeric one tells."""
    values = dict(config.without_dropout().to_dict(), **{f"{kind}_dropout_prob": 0.5})
    random = np.random.RandomState(0)
    parts = [random.randint(0, 3000, shape) for shape in shapes]
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        config = modeling.BertConfig(**values)
        outputs = modeling.encode(
            [modeling.Part(tf.constant(ids, tf.int32)) for ids in parts],
            config,
            is_training=True,
            recompute_layers=True,
        )
        weights = [one for one in tf.trainable_variables() if "kernel" in one.name][:-1]
        assert len(weights) == 2 * 6
        loss = tf.add_n(
            [tf.reduce_sum(tf.sin(one.get_sequence_output())) for one in outputs]
        )
        gradients = tf.gradients(loss, weights)

        def first_run(fetches, moves):
            # A new session repeats the random numbers of the one before.
            with tf.Session() as session:
                tf.train.Saver().restore(session, CHECKPOINT)
                for weight, move in zip(weights, moves):
                    weight.load(session.run(weight) + move, session)
                return session.run(fetches)

        actual = first_run(gradients, [])
        size = math.sqrt(sum(np.sum(one**2) for one in actual))
        back, on = (
            first_run(loss, [step / size * one for one in actual])
            for step in (-0.01, 0.01)
        )
    assert size == pytest.approx((on - back) / 0.02, rel=0.01)


def test_new_weights_are_truncated_normal(config):
    with tf.Graph().as_default(), tf.Session() as session:
        model = modeling.BertModel(config, False, [[2, 3]])
        session.run(tf.global_variables_initializer())
        table = session.run(model.get_embedding_table())
    # A normal distribution cut at two deviations keeps 0.88 of its deviation.
    assert np.abs(table).max() <= 2 * config.initializer_range
    assert table.std() == pytest.approx(0.88 * config.initializer_range, rel=0.02)
    assert table.mean() == pytest.approx(0.0, abs=0.001)


def test_new_weights_follow_from_seed_and_name(config):
    """Not from what else is in the graph, such as how many parts a batch has."""

    def made(seed, variables_before):
        with tf.Graph().as_default():
            tf.set_random_seed(seed)
            for number in range(variables_before):
                tf.get_variable(f"other{number}", [2])
            with tf.variable_scope("this"):
                modeling.output_layer(tf.zeros([1, 8]), 3)
            with tf.variable_scope("other"):
                modeling.output_layer(tf.zeros([1, 8]), 3)
            wanted = {one.op.name: one for one in tf.global_variables()}
            names = [f"{scope}/output_weights" for scope in ("this", "other")]
            return evaluated([wanted[name] for name in names])[0]

    (this, other), (again, _), (seeded, _) = made(1, 0), made(1, 5), made(2, 0)
    np.testing.assert_array_equal(this, again)
    assert np.abs(this - other).min() > 0
    assert np.abs(this - seeded).min() > 0


def evaluated(tensor, variables=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run([tensor, variables or {}])


@pytest.mark.parametrize("seed", [None, [3, 4]])
@pytest.mark.parametrize("shape", [[100000], [3, 11, 3003]])
def test_dropout_keeps_the_mean(shape, seed):
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        x = tf.ones(shape)
        assert modeling.dropout(x, 0.0) is x
        y, _ = evaluated(modeling.dropout(x, 0.25, seed))
    assert list(y.shape) == shape
    assert set(np.unique(y)) == {np.float32(0.0), np.float32(1 / 0.75)}
    assert y.mean() == pytest.approx(1.0, abs=0.01)
    # Neighbours are dropped independently of each other.
    together = (y.ravel()[:-1:2] == 0) & (y.ravel()[1::2] == 0)
    assert together.mean() == pytest.approx(0.25**2, abs=0.005)


def test_dropout_of_attention_keeps_the_mean(config):
    """Of what attention makes of one sentence, many times at once."""
    times, length = 400, 6
    sentence = np.random.RandomState(0).randn(1, length, config.hidden_size)
    many = np.tile(sentence, [times, 1, 1]).reshape([-1, config.hidden_size])
    values = dict(config.to_dict(), attention_probs_dropout_prob=0.5)
    actual = {}
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        for name, configuration in (
            ("dropped", modeling.BertConfig(**values)),
            ("whole", config.without_dropout()),
        ):
            with tf.variable_scope("", reuse=tf.AUTO_REUSE):
                hidden = tf.constant(many, tf.float32)
                part = modeling.Part(tf.zeros([times, length], tf.int32))
                layout = modeling._Layout([part], configuration)
                actual[name] = modeling._attend(hidden, layout, configuration, [None])
        session.run(tf.global_variables_initializer())
        shape = [times, -1]
        actual = {name: y.reshape(shape) for name, y in session.run(actual).items()}
    spread = actual["dropped"].std(0) / math.sqrt(times)
    assert (spread > 0).all()
    off = (actual["dropped"].mean(0) - actual["whole"][0]) / spread
    assert np.abs(off.mean()) < 0.2 and np.abs(off).max() < 6


def test_gelu_is_the_exact_one():
    points = np.linspace(-6, 6, 49).astype(np.float32)
    with tf.Graph().as_default():
        actual, _ = evaluated(modeling.gelu(tf.constant(points)))
    expected = [x * 0.5 * (1 + math.erf(x / math.sqrt(2))) for x in points.tolist()]
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", sorted(modeling.ACTIVATIONS))
def test_every_activation_makes_an_encoder(config, name):
    values = dict(config.to_dict(), hidden_act=name)
    with tf.Graph().as_default():
        model = modeling.BertModel(modeling.BertConfig(**values), True, [[2, 3]])
        output, _ = evaluated(model.get_pooled_output())
    assert np.isfinite(output).all()


@pytest.mark.parametrize("shape", [[5, 8], [2, 3, 8]])
def test_layer_norm_is_its_formula(shape):
    x = np.random.RandomState(0).normal(3, 2, shape).astype(np.float32)
    with tf.Graph().as_default():
        y = modeling.layer_norm(tf.constant(x))
        assert {one.op.name for one in tf.global_variables()} == {
            "LayerNorm/beta",
            "LayerNorm/gamma",
        }
        actual, _ = evaluated(y)
    mean = x.mean(-1, keepdims=True)
    expected = (x - mean) / np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", [[5, 8], [2, 3, 8]])
def test_output_layer_is_linear_in_every_position(shape):
    x = np.random.RandomState(0).normal(0, 1, shape).astype(np.float32)
    with tf.Graph().as_default():
        y = modeling.output_layer(tf.placeholder_with_default(x, shape), 3)
        assert y.shape.as_list() == [*shape[:-1], 3]
        variables = {one.op.name: one for one in tf.global_variables()}
        actual, values = evaluated(y, variables)
    assert values["output_weights"].shape == (3, 8)
    expected = x @ values["output_weights"].T + values["output_bias"]
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["gelu", "layer_norm"])
def test_own_gradients_are_those_that_tensorflow_derives(name):
    """And the values are the same; here of rows that are apart in mean and spread."""
    x = np.random.RandomState(0).normal(0, 1, [6, 8]) * [[4], [1], [1], [0.1], [9], [2]]
    x = (x + [[0], [1], [-2], [0], [0.5], [3]]).astype(np.float32)
    upstream = np.random.RandomState(1).normal(0, 1, x.shape).astype(np.float32)
    forms = {
        "gelu": [modeling.gelu, modeling._gelu_with_gradient],
        "layer_norm": [
            lambda x: modeling.layer_norm(x, own_gradient=False),
            lambda x: modeling.layer_norm(x, own_gradient=True),
        ],
    }
    with tf.Graph().as_default():
        inputs = tf.constant(x)
        outputs = [form(inputs) for form in forms[name]]
        gradients = [tf.gradients(y, inputs, upstream)[0] for y in outputs]
        (derived, own), _ = evaluated(list(zip(outputs, gradients)))
    assert np.abs(derived[1]).max() > 0.1
    np.testing.assert_allclose(own, derived, rtol=1e-5, atol=1e-5)


def test_encoder_has_the_gradients_that_tensorflow_derives(config, monkeypatch):
    """Of every variable, in training; dropout is off, so that both are comparable."""
    quiet = config.without_dropout()
    gradients = {}
    for which in ("own", "derived"):
        if which == "derived":
            monkeypatch.setattr(quiet, "with_own_gradients", lambda: quiet)
        with tf.Graph().as_default(), tf.Session() as session:
            model = modeling.BertModel(quiet, True, [[2, 3, 4], [5, 6, 0]])
            pooled, variables = model.get_pooled_output(), tf.trainable_variables()
            upstream = np.random.RandomState(0).normal(0, 1, [2, config.hidden_size])
            derivatives = tf.gradients(
                pooled, variables, tf.constant(upstream, "float")
            )
            tf.train.Saver().restore(session, CHECKPOINT)
            names = [variable.op.name for variable in variables]
            dense = [tf.convert_to_tensor(one) for one in derivatives]
            gradients[which] = dict(zip(names, session.run(dense)))
    assert len(gradients["own"]) > 30
    top = max(np.abs(derived).max() for derived in gradients["derived"].values())
    for name, derived in gradients["derived"].items():
        # The keys' biases change nothing: their gradients are rounding errors.
        tolerance = 1e-4 * np.abs(derived).max() + 1e-6 * top
        own = gradients["own"][name]
        np.testing.assert_allclose(own, derived, 0, tolerance, err_msg=name)


def test_own_gradients_are_in_training_only(config):
    """Predictions and exported models have operations that any program can read."""
    for is_training in (True, False):
        with tf.Graph().as_default() as graph:
            modeling.BertModel(config, is_training, [[2, 3]])
        own = {node.op for node in graph.as_graph_def().node} & {"IdentityN"}
        assert bool(own) == is_training


@pytest.mark.parametrize("seed", [None, [3, 4]])
def test_dropout_has_the_gradient_of_what_it_kept(seed):
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        x = tf.fill([50, 31], 2.0)
        y = modeling.dropout(x, 0.1, seed)
        (gradient,) = tf.gradients(y, x, tf.fill([50, 31], 3.0))
        (y, gradient), _ = evaluated([y, gradient])
    assert 0 < (y == 0).sum() < y.size / 4
    np.testing.assert_allclose(gradient, y * 1.5, rtol=1e-6)


@pytest.mark.parametrize("rate", [1e-9, 0.1, 0.5, 0.999999])
def test_rate_of_dropout_is_rounded_and_made_up_for(rate):
    """What is kept is scaled by the rate that it was kept at: 2^16 steps of it."""
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        y, _ = evaluated(modeling.dropout(tf.ones([2**20]), rate))
    dropped = min(max(round(rate * 2**16), 1), 2**16 - 1) / 2**16
    np.testing.assert_allclose(y.max(), 1 / (1 - dropped), rtol=1e-6)
    assert (y == 0).mean() == pytest.approx(dropped, abs=0.002)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, float("nan")])
def test_dropout_of_no_share_is_refused(rate):
    with pytest.raises(ValueError, match="dropout_prob must be from 0 to below 1"):
        modeling.dropout([1.0, 2.0], rate)
