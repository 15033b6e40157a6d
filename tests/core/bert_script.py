"""A script as people have them who worked with BERT: features, then fine-tuning.

It knows nothing of this suite but the three modules of BERT's that it imports. With
--estimator it trains with TensorFlow's Estimator, else in a session of its own.
"""

import collections
import json

import tensorflow.compat.v1 as tf

import modeling
import optimization
import tokenization

flags = tf.flags
FLAGS = flags.FLAGS
flags.DEFINE_string("bert_config_file", None, "")
flags.DEFINE_string("vocab_file", None, "")
flags.DEFINE_string("init_checkpoint", None, "")
flags.DEFINE_string("output_dir", None, "")
flags.DEFINE_bool("do_lower_case", True, "")
flags.DEFINE_bool("estimator", False, "")

MAX_SEQ_LENGTH = 16
TEXTS = [
    ("Ataxia is a rare disease.", 1),
    ("BRCA1/2: a gene (on 17q).", 0),
    ("naïve T-cells", 0),
    (b"the patient's liver", 1),
]

InputFeatures = collections.namedtuple(
    "InputFeatures", ["input_ids", "input_mask", "segment_ids", "label_id"]
)


def convert_example(text, label, tokenizer):
    text = tokenization.convert_to_unicode(text)
    tokens = ["[CLS]"] + tokenizer.tokenize(text)[: MAX_SEQ_LENGTH - 2] + ["[SEP]"]
    tf.logging.info("tokens: " + " ".join(map(tokenization.printable_text, tokens)))
    input_ids = tokenizer.convert_tokens_to_ids(tokens)
    padding = [0] * (MAX_SEQ_LENGTH - len(tokens))
    return InputFeatures(
        input_ids=input_ids + padding,
        input_mask=[1] * len(tokens) + padding,
        segment_ids=[0] * MAX_SEQ_LENGTH,
        label_id=label,
    )


def input_fn(features):
    values = {
        name: [getattr(f, name) for f in features] for name in features[0]._fields
    }
    data = tf.data.Dataset.from_tensor_slices(values).repeat()
    return data.batch(len(features), drop_remainder=True)


def create_model(config, is_training, features):
    model = modeling.BertModel(
        config=config,
        is_training=is_training,
        input_ids=features["input_ids"],
        input_mask=features["input_mask"],
        token_type_ids=features["segment_ids"],
        use_one_hot_embeddings=False,
    )
    output_layer = model.get_pooled_output()
    hidden_size = output_layer.shape[-1]
    output_weights = tf.get_variable(
        "output_weights", [2, hidden_size], initializer=modeling.create_initializer()
    )
    output_bias = tf.get_variable(
        "output_bias", [2], initializer=tf.zeros_initializer()
    )
    with tf.variable_scope("loss"):
        if is_training:
            output_layer = modeling.dropout(output_layer, 0.1)
        logits = tf.matmul(output_layer, output_weights, transpose_b=True)
        logits = tf.nn.bias_add(logits, output_bias)
        log_probs = tf.nn.log_softmax(logits, axis=-1)
        labels = tf.one_hot(features["label_id"], depth=2, dtype=tf.float32)
        loss = tf.reduce_mean(-tf.reduce_sum(labels * log_probs, axis=-1))
    return model, loss


def init_from_checkpoint():
    """Names of the variables that get the checkpoint's values."""
    assignment_map, names = modeling.get_assignment_map_from_checkpoint(
        tf.trainable_variables(), FLAGS.init_checkpoint
    )
    tf.train.init_from_checkpoint(FLAGS.init_checkpoint, assignment_map)
    for var in tf.trainable_variables():
        tf.logging.info("%s, %s%s", var.name, var.shape, "*" * (var.name in names))
    return names


def extract_features(config, features):
    with tf.Graph().as_default(), tf.Session() as session:
        batch = tf.data.make_one_shot_iterator(input_fn(features)).get_next()
        model, _ = create_model(config, False, batch)
        init_from_checkpoint()
        session.run(tf.global_variables_initializer())
        layers = model.get_all_encoder_layers()
        last = layers[-1]
        shape = modeling.get_shape_list(last, expected_rank=3)
        matrix = modeling.reshape_to_matrix(last)
        with tf.control_dependencies([tf.assert_equal(last, model.sequence_output)]):
            rows = tf.identity(modeling.reshape_from_matrix(matrix, shape))
        return session.run([rows, model.pooled_output])


def create_train_op(loss):
    return optimization.create_optimizer(
        loss, init_lr=1e-3, num_train_steps=10, num_warmup_steps=0, use_tpu=False
    )


def train_in_session(config, features):
    with tf.Graph().as_default(), tf.Session() as session:
        batch = tf.data.make_one_shot_iterator(input_fn(features)).get_next()
        _, loss = create_model(config, True, batch)
        names = init_from_checkpoint()
        train_op = create_train_op(loss)
        saver = tf.train.Saver()
        session.run(tf.global_variables_initializer())
        losses = [float(session.run([loss, train_op])[0]) for _ in range(3)]
        saver.save(
            session, FLAGS.output_dir + "/model.ckpt", tf.train.get_global_step()
        )
    return losses, sorted(names)


def train_with_estimator(config, features):
    initialized = {}

    def model_fn(features, labels, mode, params):
        _, loss = create_model(config, mode == tf.estimator.ModeKeys.TRAIN, features)
        initialized.update(init_from_checkpoint())
        return tf.estimator.EstimatorSpec(
            mode, loss=loss, train_op=create_train_op(loss)
        )

    estimator = tf.estimator.Estimator(model_fn, FLAGS.output_dir, params={})
    losses = []

    class KeepLoss(tf.train.SessionRunHook):
        def before_run(self, run_context):
            graph = run_context.session.graph
            return tf.train.SessionRunArgs(graph.get_tensor_by_name("loss/Mean:0"))

        def after_run(self, run_context, run_values):
            losses.append(float(run_values.results))

    estimator.train(lambda: input_fn(features), hooks=[KeepLoss()], max_steps=3)
    return losses, sorted(initialized)


def main(_):
    tf.logging.set_verbosity(tf.logging.INFO)
    tokenization.validate_case_matches_checkpoint(
        FLAGS.do_lower_case, FLAGS.init_checkpoint
    )
    config = modeling.BertConfig.from_json_file(FLAGS.bert_config_file)
    if config.max_position_embeddings < MAX_SEQ_LENGTH:
        raise ValueError("too long")
    tokenizer = tokenization.FullTokenizer(
        vocab_file=FLAGS.vocab_file, do_lower_case=FLAGS.do_lower_case
    )
    features = [convert_example(text, label, tokenizer) for text, label in TEXTS]
    rows, pooled = extract_features(config, features)
    train = train_with_estimator if FLAGS.estimator else train_in_session
    losses, names = train(config, features)
    result = {
        "input_ids": [f.input_ids for f in features],
        "tokens": [tokenizer.convert_ids_to_tokens(f.input_ids) for f in features],
        "rows": rows.tolist(),
        "pooled": pooled.tolist(),
        "losses": losses,
        "initialized": names,
    }
    with tf.gfile.GFile(FLAGS.output_dir + "/result.json", "w") as writer:
        writer.write(json.dumps(result))


if __name__ == "__main__":
    flags.mark_flag_as_required("vocab_file")
    flags.mark_flag_as_required("bert_config_file")
    flags.mark_flag_as_required("output_dir")
    tf.app.run()
