"""modeling.py: the names and arguments that only other scripts use."""

import math
import pathlib

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import modeling

tf.disable_v2_behavior()

DATA = pathlib.Path(__file__).parent.parent / "data"
CHECKPOINT = str(DATA / "init" / "model.ckpt")


@pytest.fixture(scope="module")
def config():
    return modeling.BertConfig.from_json_file(str(DATA / "init" / "bert_config.json"))


@pytest.fixture(scope="module")
def golden():
    with np.load(str(DATA / "model" / "forward.npz")) as arrays:
        return {name: arrays[name] for name in arrays.files}


@pytest.fixture
def session():
    with tf.Graph().as_default(), tf.Session() as session:
        yield session


def evaluated(session, *tensors):
    session.run(tf.global_variables_initializer())
    return session.run(tensors)


# The model


@pytest.mark.parametrize("one_hot", [True, False])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_model_takes_berts_arguments_in_berts_order(
    config, golden, session, one_hot, dtype
):
    inputs = [
        tf.constant(golden[name].astype(dtype))
        for name in ("input_ids", "input_mask", "segment_ids")
    ]
    model = modeling.BertModel(config, False, *inputs, one_hot, "bert")
    tf.train.Saver().restore(session, CHECKPOINT)
    pooled = session.run(model.pooled_output)
    np.testing.assert_allclose(pooled, golden["pooled_output"], rtol=0, atol=1e-4)


def test_arrays_and_lists_are_inputs_too(config, golden, session):
    ids = golden["input_ids"]
    with tf.variable_scope("", reuse=tf.AUTO_REUSE):
        models = [
            modeling.BertModel(config, False, values, scope="bert")
            for values in (ids.astype(np.int64), ids.tolist(), tf.constant(ids))
        ]
    tf.train.Saver().restore(session, CHECKPOINT)
    of_array, of_list, of_tensor = session.run([m.pooled_output for m in models])
    np.testing.assert_array_equal(of_array, of_tensor)
    np.testing.assert_array_equal(of_list, of_tensor)


@pytest.mark.parametrize("shape", [[5], [2, 3, 4]])
def test_ids_of_another_rank_are_refused(config, session, shape):
    with pytest.raises(ValueError, match="input_ids has the shape"):
        modeling.BertModel(config, False, tf.zeros(shape, tf.int32))


def test_outputs_are_attributes_and_getters(config, session):
    model = modeling.BertModel(config=config, is_training=False, input_ids=[[2, 7, 3]])
    layers = model.all_encoder_layers
    assert len(layers) == config.num_hidden_layers
    assert model.sequence_output is layers[-1] is model.get_sequence_output()
    assert model.get_all_encoder_layers() is layers
    assert model.get_pooled_output() is model.pooled_output
    assert model.get_embedding_output() is model.embedding_output
    assert model.get_embedding_table() is model.embedding_table
    size = config.hidden_size
    assert model.embedding_output.shape.as_list() == [1, 3, size]
    assert model.pooled_output.shape.as_list() == [1, size]
    assert model.embedding_table.shape.as_list() == [config.vocab_size, size]


def test_activation_may_be_a_function(config, session):
    calls = []

    def doubled(x):
        calls.append(x.shape.as_list())
        return 2.0 * x

    values = dict(config.to_dict(), hidden_act=doubled)
    modeling.BertModel(modeling.BertConfig(**values), False, [[2, 3]])
    assert calls == [[2, config.intermediate_size]] * config.num_hidden_layers


# Functions


@pytest.mark.parametrize(
    "name, expected",
    [
        ("gelu", modeling.gelu),
        ("GELU", modeling.gelu),
        ("relu", tf.nn.relu),
        ("tanh", tf.tanh),
        ("linear", None),
        ("", None),
        (None, None),
        (math.sqrt, math.sqrt),
    ],
)
def test_activations_are_found_by_name(name, expected):
    assert modeling.get_activation(name) is expected


def test_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="gelu, linear, relu, tanh, not 'swish'"):
        modeling.get_activation("swish")


@pytest.mark.parametrize("dropout_prob", [None, 0.0, 0])
def test_no_dropout_leaves_the_tensor_alone(session, dropout_prob):
    x = tf.ones([3])
    assert modeling.dropout(input_tensor=x, dropout_prob=dropout_prob) is x


def test_layer_norms_of_one_scope_have_variables_of_their_own(session):
    x = tf.constant([[1.0, 2.0, 6.0]])
    for _ in range(2):
        modeling.layer_norm(x)
    modeling.layer_norm(x, "named")
    assert [one.op.name for one in tf.global_variables()] == [
        f"{scope}/{name}"
        for scope in ("LayerNorm", "LayerNorm_1", "named")
        for name in ("beta", "gamma")
    ]


def test_layer_norm_and_dropout_is_one_after_the_other(session):
    tf.set_random_seed(1)
    x = tf.constant(np.random.RandomState(0).normal(3, 2, [40, 50]).astype(np.float32))
    with tf.variable_scope("", reuse=tf.AUTO_REUSE):
        y = modeling.layer_norm(x, "n")
        same = modeling.layer_norm_and_dropout(x, 0.0, "n")
        dropped = modeling.layer_norm_and_dropout(x, 0.5, name="n")
    y, same, dropped = evaluated(session, y, same, dropped)
    np.testing.assert_array_equal(same, y)
    kept = dropped != 0
    assert 0.4 < kept.mean() < 0.6
    np.testing.assert_allclose(dropped[kept], 2 * y[kept], rtol=1e-6)


def test_new_weights_deviate_by_0_02_unless_told_otherwise(session):
    narrow, wide = evaluated(
        session,
        tf.get_variable("a", [200, 200], initializer=modeling.create_initializer()),
        tf.get_variable("b", [200, 200], initializer=modeling.create_initializer(0.5)),
    )
    # A normal distribution cut at two deviations keeps 0.88 of its deviation.
    assert narrow.std() == pytest.approx(0.88 * 0.02, rel=0.02)
    assert wide.std() == pytest.approx(0.88 * 0.5, rel=0.02)


def test_known_sizes_are_numbers_and_others_tensors(session):
    assert modeling.get_shape_list(tf.zeros([2, 3])) == [2, 3]
    x = tf.placeholder(tf.float32, [None, 7, None])
    sizes = modeling.get_shape_list(x, expected_rank=[2, 3], name="x")
    assert sizes[1] == 7
    assert session.run([sizes[0], sizes[2]], {x: np.zeros([4, 7, 5])}) == [4, 5]
    with pytest.raises(ValueError):
        modeling.get_shape_list(tf.placeholder(tf.float32))


def test_rank_is_checked(session):
    x = tf.zeros([2, 3], name="weights")
    modeling.assert_rank(x, 2)
    modeling.assert_rank(x, [2, 3])
    modeling.assert_rank(x, {2: True}, "x")
    with pytest.raises(ValueError, match=r"weights:0 .*\(2, 3\).* rank 2, not 3"):
        modeling.assert_rank(x, 3)
    with pytest.raises(ValueError, match="^ids .* not 3 or 4"):
        modeling.get_shape_list(x, [3, 4], name="ids")
    with pytest.raises(ValueError, match="rank None, not 2"):
        modeling.assert_rank(tf.placeholder(tf.float32), 2)


@pytest.mark.parametrize("static", [True, False])
@pytest.mark.parametrize("shape", [[6, 4], [2, 3, 4], [2, 1, 3, 4]])
def test_matrix_and_back(session, shape, static):
    values = np.arange(24, dtype=np.float32).reshape(shape)
    known = shape if static else [None] * (len(shape) - 1) + [4]
    x = tf.placeholder_with_default(values, known)
    matrix = modeling.reshape_to_matrix(x)
    assert matrix.shape.as_list()[1] == 4
    wider = tf.concat([matrix, matrix], 1)
    back = modeling.reshape_from_matrix(wider, modeling.get_shape_list(x))
    matrix, back = session.run([matrix, back])
    np.testing.assert_array_equal(matrix, values.reshape([6, 4]))
    np.testing.assert_array_equal(back, np.concatenate([values, values], -1))


def test_vector_is_no_matrix(session):
    with pytest.raises(ValueError, match="two axes"):
        modeling.reshape_to_matrix(tf.zeros([3]))


@pytest.mark.parametrize("from_shape", [[2, 4], [2, 4, 5]])
@pytest.mark.parametrize("static", [True, False])
def test_attention_mask_repeats_the_inputs_mask(session, from_shape, static):
    to_mask = np.array([[1, 1, 0], [1, 0, 0]])
    known = from_shape if static else [None] * len(from_shape)
    from_tensor = tf.placeholder_with_default(np.zeros(from_shape), known)
    mask = modeling.create_attention_mask_from_input_mask(
        from_tensor, tf.placeholder_with_default(to_mask, [None, None])
    )
    assert mask.dtype == tf.float32
    expected = np.ones([2, 4, 1]) * to_mask[:, np.newaxis, :]
    np.testing.assert_array_equal(session.run(mask), expected)


# Checkpoints


@pytest.mark.parametrize("checkpoint", [CHECKPOINT, str(DATA / "init")])
def test_assignment_map_has_what_graph_and_checkpoint_share(
    config, golden, session, tmp_path, checkpoint
):
    if checkpoint != CHECKPOINT:  # a folder with a checkpoint
        with tf.Graph().as_default(), tf.Session() as other:
            modeling.BertModel(config, False, [[2, 3]])
            saver = tf.train.Saver()
            saver.restore(other, CHECKPOINT)
            saver.save(other, str(tmp_path / "model.ckpt"), 7)
        checkpoint = str(tmp_path)
    model = modeling.BertModel(
        config, False, golden["input_ids"], golden["input_mask"], golden["segment_ids"]
    )
    encoder = [one.op.name for one in tf.trainable_variables()]
    tf.get_variable("output_weights", [2, config.hidden_size])
    assignment_map, names = modeling.get_assignment_map_from_checkpoint(
        tf.trainable_variables(), checkpoint
    )
    assert list(assignment_map.items()) == [(name, name) for name in sorted(encoder)]
    expected = {key: 1 for name in encoder for key in (name, name + ":0")}
    assert names == expected
    tf.train.init_from_checkpoint(checkpoint, assignment_map)
    (pooled,) = evaluated(session, model.get_pooled_output())
    np.testing.assert_allclose(pooled, golden["pooled_output"], rtol=0, atol=1e-4)


def test_nothing_in_common_is_an_empty_map(session):
    variable = tf.get_variable("other", [2])
    maps = modeling.get_assignment_map_from_checkpoint([variable], CHECKPOINT)
    assert [dict(names) for names in maps] == [{}, {}]
