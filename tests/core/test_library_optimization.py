"""optimization.py: what only other scripts use, and what they rely on."""

import pathlib

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import modeling
import optimization

tf.disable_v2_behavior()

DATA = pathlib.Path(__file__).parent.parent / "data"


@pytest.fixture
def session():
    with tf.Graph().as_default(), tf.Session() as session:
        yield session


class Classifier:
    """BERT with a head for two classes, written out as scripts for BERT do."""

    def __init__(self, config, weights):
        self.inputs = {
            name: tf.placeholder(tf.int32, [None, None])
            for name in ("input_ids", "input_mask", "segment_ids")
        }
        self.inputs["labels"] = tf.placeholder(tf.int32, [None])
        model = modeling.BertModel(
            config=config,
            is_training=False,  # the recorded runs had no dropout
            input_ids=self.inputs["input_ids"],
            input_mask=self.inputs["input_mask"],
            token_type_ids=self.inputs["segment_ids"],
            use_one_hot_embeddings=False,
        )
        weights = tf.get_variable("output_weights", initializer=weights)
        bias = tf.get_variable("output_bias", [2], initializer=tf.zeros_initializer())
        logits = tf.matmul(model.get_pooled_output(), weights, transpose_b=True) + bias
        log_probs = tf.nn.log_softmax(logits, axis=-1)
        one_hot = tf.one_hot(self.inputs["labels"], 2)
        self.loss = -tf.reduce_mean(tf.reduce_sum(one_hot * log_probs, axis=-1))


def test_create_optimizer_trains_as_the_original(session):
    """Losses and weights of the recorded run; a schedule off by a step shows here."""
    golden = np.load(str(DATA / "model" / "train_re.npz"))
    config = modeling.BertConfig.from_json_file(str(DATA / "init" / "bert_config.json"))
    classifier = Classifier(config, golden["head_weights"])
    train_op = optimization.create_optimizer(
        classifier.loss,
        float(golden["learning_rate"]),
        int(golden["num_train_steps"]),
        int(golden["num_warmup_steps"]),
        use_tpu=False,
    )
    session.run(tf.global_variables_initializer())
    tf.train.Saver(tf.trainable_variables("bert/")).restore(
        session, str(DATA / "init" / "model.ckpt")
    )
    losses = []
    for step in range(len(golden["losses"])):
        feed = {classifier.inputs[name]: golden[name][step] for name in INPUTS}
        losses.append(session.run([classifier.loss, train_op], feed)[0])
    np.testing.assert_allclose(losses, golden["losses"], rtol=1e-3)
    assert session.run(tf.train.get_global_step()) == len(losses)
    variables = {one.name: one for one in tf.global_variables()}
    finals = [name for name in golden.files if name[len("final:") :] in variables]
    assert len(finals) > 2
    for name in finals:
        value = session.run(variables[name[len("final:") :]])
        np.testing.assert_allclose(value, golden[name], rtol=0, atol=1e-3)


INPUTS = ("input_ids", "input_mask", "segment_ids", "labels")


def test_create_optimizer_is_an_operation_by_position(session):
    weight = tf.get_variable("w", initializer=np.full(3, 4.0, np.float32))
    train_op = optimization.create_optimizer(
        tf.reduce_sum(weight**2), 0.1, 10, 0, False
    )
    session.run(tf.global_variables_initializer())
    for step in range(3):
        assert session.run(tf.train.get_global_step()) == step
        assert session.run(train_op) is None
    assert (session.run(weight) < 4.0).all()


@pytest.mark.parametrize(
    "name, decays",
    [
        ("dense/kernel", 1),
        ("dense/bias", 0),
        ("LayerNorm/beta", 0),
        ("layer_norm/g", 0),
    ],
)
def test_create_optimizer_decays_weights_but_neither_norms_nor_biases(
    session, name, decays
):
    variable = tf.get_variable(name, initializer=np.full(2, 8.0, np.float32))
    # A loss that depends on the variable, with a gradient of nothing.
    train_op = optimization.create_optimizer(
        tf.reduce_sum(0.0 * variable), 0.1, 10, None, False
    )
    session.run(tf.global_variables_initializer())
    session.run(train_op)
    expected = 8.0 * (1 - decays * 0.09 * 0.01)  # the rate of the first of 10 steps
    np.testing.assert_allclose(session.run(variable), expected, rtol=1e-6)


def test_tpus_are_refused(session):
    loss = tf.reduce_sum(tf.get_variable("w", [2]))
    with pytest.raises(ValueError, match="use_tpu must be False"):
        optimization.create_optimizer(loss, 0.1, 10, 0, use_tpu=True)


def test_optimizer_decays_nothing_unless_asked(session):
    variable = tf.get_variable("w", initializer=np.full(2, 8.0, np.float32))
    optimizer = optimization.AdamWeightDecayOptimizer(0.1)
    assert optimizer.weight_decay_rate == 0.0
    update = optimizer.apply_gradients([(tf.zeros([2]), variable)])
    session.run(tf.global_variables_initializer())
    session.run(update)
    np.testing.assert_array_equal(session.run(variable), [8.0, 8.0])


def test_optimizers_settings_are_attributes():
    optimizer = optimization.AdamWeightDecayOptimizer(
        0.1, 0.02, 0.8, 0.99, 1e-5, ["bias"], "mine"
    )
    assert optimizer.get_name() == "mine"
    values = vars(optimizer)
    assert {
        "learning_rate": 0.1,
        "weight_decay_rate": 0.02,
        "beta_1": 0.8,
        "beta_2": 0.99,
        "epsilon": 1e-5,
        "exclude_from_weight_decay": ["bias"],
    }.items() <= values.items()


@pytest.mark.parametrize("use_resource", [False, True], ids=["ref", "resource"])
def test_a_script_that_counts_steps_itself_counts_each_once(session, use_resource):
    """Many scripts hold an altered create_optimizer, which adds 1 after the update."""
    with tf.variable_scope("", use_resource=use_resource):
        step = tf.train.get_or_create_global_step()
        weight = tf.get_variable("w", initializer=np.full(2, 8.0, np.float32))
        unused = tf.get_variable("unused", [2])
    optimizer = optimization.AdamWeightDecayOptimizer(
        learning_rate=0.1, weight_decay_rate=0.01, exclude_from_weight_decay=["bias"]
    )
    tvars = [weight, unused]
    gradients = tf.gradients(tf.reduce_sum(weight), tvars)
    (clipped, _) = tf.clip_by_global_norm(gradients, clip_norm=1.0)
    update = optimizer.apply_gradients(zip(clipped, tvars), global_step=step)
    train_op = tf.group(update, [step.assign(step + 1)])
    session.run(tf.global_variables_initializer())
    for number in range(1, 4):
        session.run(train_op)
        assert session.run(step) == number
    session.run(update)  # which leaves the step alone
    assert session.run(step) == 3
    assert (session.run(weight) < 7.7).all()
