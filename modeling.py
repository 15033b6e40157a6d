"""The BERT encoder (Devlin et al. 2018), as a function of its checkpoint's variables.

Dimensions, in every docstring and comment below:
  B batch, S sequence, H hidden, N attention heads, D head size (H / N),
  I intermediate, L labels, V vocabulary; T = B * S, the tokens of a batch in one row.

Hidden states travel as [T, H] matrices, so that every dense layer is one matrix
product; only attention, which must keep sequences apart, sees [B, N, S, D].

A batch may come in several parts, each with a B and an S of its own: T is then the sum
over the parts. They share every dense layer's product and are apart in attention, so
that short and long sequences can be in one batch with hardly any padding.
"""

import copy
import json
import math
import zlib
from typing import NamedTuple, Optional

import tensorflow.compat.v1 as tf

LAYER_NORM_EPSILON = 1e-12
# Added to the attention scores of padding: exp() of it is 0 in float32.
MASKED_SCORE = -10000.0
# Swaps the axes of positions and heads: [B, S, N, D] to [B, N, S, D] and back.
HEADS_FIRST = [0, 2, 1, 3]


class BertConfig:
    """Sizes and rates of a BERT encoder, under the names of bert_config.json.

    Attributes (int unless said otherwise):
      vocab_size: V, word pieces.
      hidden_size: H.
      num_hidden_layers: transformer layers.
      num_attention_heads: N, a divisor of H.
      intermediate_size: I, width of the feed-forward layer.
      hidden_act: activation of the feed-forward layer, a key of ACTIVATIONS (str).
      hidden_dropout_prob: dropout of embeddings and of each sub-layer's output (float).
      attention_probs_dropout_prob: dropout of the attention weights (float).
      max_position_embeddings: longest sequence.
      type_vocab_size: number of token types (segments).
      initializer_range: standard deviation of new weights (float).
    """

    SIZES = (
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "max_position_embeddings",
        "type_vocab_size",
    )
    RATES = ("hidden_dropout_prob", "attention_probs_dropout_prob")

    def __init__(self, **values):
        """See from_dict."""
        self.__dict__.update(self._checked(values))

    @classmethod
    def from_dict(cls, values):
        """Makes a configuration of a dict; keys it does not know are ignored.

        Raises:
          ValueError: a key is missing, or its value cannot be.
        """
        if not isinstance(values, dict):
            raise ValueError("the configuration must be a JSON object")
        return cls(**values)

    @classmethod
    def from_json_file(cls, path):
        """Reads a bert_config.json.

        Raises:
          OSError: the file cannot be read.
          ValueError: it is not JSON, or see from_dict.
        """
        with tf.io.gfile.GFile(path, "r") as stream:
            return cls.from_dict(json.loads(stream.read()))

    def to_dict(self):
        """The keys and values as bert_config.json has them."""
        return dict(self.__dict__)

    def without_dropout(self):
        """The same configuration for evaluation, where nothing is dropped."""
        config = copy.copy(self)
        config.hidden_dropout_prob = 0.0
        config.attention_probs_dropout_prob = 0.0
        return config

    @classmethod
    def _checked(cls, values):
        names = cls.SIZES + cls.RATES + ("hidden_act", "initializer_range")
        missing = [name for name in names if name not in values]
        if missing:
            raise ValueError("missing {}".format(", ".join(missing)))
        for name in cls.SIZES:
            if type(values[name]) is not int or values[name] < 1:
                raise ValueError(
                    f"{name} must be a whole number from 1, not {values[name]!r}"
                )
        for name in cls.RATES + ("initializer_range",):
            value = values[name]
            if type(value) not in (int, float) or not 0.0 <= value < 1.0:
                raise ValueError(f"{name} must be from 0 to below 1, not {value!r}")
        if values["hidden_act"] not in tuple(ACTIVATIONS):
            raise ValueError(
                "hidden_act must be one of {}, not {!r}".format(
                    ", ".join(sorted(ACTIVATIONS)), values["hidden_act"]
                )
            )
        if values["hidden_size"] % values["num_attention_heads"]:
            raise ValueError(
                "hidden_size {hidden_size} is not a multiple of "
                "num_attention_heads {num_attention_heads}".format(**values)
            )
        return {name: values[name] for name in names}


def gelu(x):
    """Gaussian error linear unit x * Phi(x) (Hendrycks and Gimpel 2016), exact form."""
    return x * 0.5 * (1.0 + tf.math.erf(x / math.sqrt(2.0)))


ACTIVATIONS = {"gelu": gelu, "relu": tf.nn.relu, "tanh": tf.tanh, "linear": tf.identity}


class Part(NamedTuple):
    """The sequences of a batch, or of a part of it.

    Attributes:
      input_ids: int [B, S], word pieces.
      input_mask: int [B, S], 1 for a piece, 0 for padding; default: no padding.
      token_type_ids: int [B, S], segments; default: all 0.
    """

    input_ids: tf.Tensor
    input_mask: Optional[tf.Tensor] = None
    token_type_ids: Optional[tf.Tensor] = None


class Outputs:
    """What the encoder makes of the sequences of a Part.

    Args:
      embedding_output, encoder_layers, pooled_output, embedding_table: see the methods.
    """

    def __init__(
        self, embedding_output, encoder_layers, pooled_output, embedding_table
    ):
        self._embedding_output = embedding_output
        self._encoder_layers = encoder_layers
        self._pooled_output = pooled_output
        self._embedding_table = embedding_table

    def get_embedding_output(self):
        """float [B, S, H]: what goes into the first layer."""
        return self._embedding_output

    def get_all_encoder_layers(self):
        """List of float [B, S, H], the output of each layer from first to last."""
        return self._encoder_layers

    def get_sequence_output(self):
        """float [B, S, H], the output of the last layer."""
        return self._encoder_layers[-1]

    def get_pooled_output(self):
        """float [B, H], the first position's output through the tanh pooler."""
        return self._pooled_output

    def get_embedding_table(self):
        """float variable [V, H], the word pieces' embeddings."""
        return self._embedding_table


class BertModel(Outputs):
    """Builds the encoder's graph; its variables are named as in BERT's checkpoints.

    For example, with ids of one sentence, padded to S = 5:

      model = BertModel(config, is_training=False,
                        input_ids=[[31, 51, 99, 0, 0]], input_mask=[[1, 1, 1, 0, 0]])
      model.get_sequence_output()   # [1, 5, H]; the last two rows mean nothing
      model.get_pooled_output()     # [1, H]
    """

    def __init__(
        self,
        config,
        is_training,
        input_ids,
        input_mask=None,
        token_type_ids=None,
        scope=None,
        recompute_layers=False,
    ):
        """See encode; the other arguments are those of a Part."""
        input_ids = tf.convert_to_tensor(input_ids, tf.int32)
        whole = Part(input_ids, input_mask, token_type_ids)
        (outputs,) = _build([whole], config, is_training, scope, recompute_layers)
        super().__init__(**outputs)


def encode(parts, config, is_training, scope=None, recompute_layers=False):
    """Builds the encoder's graph over a batch in parts.

    Args:
      parts: list of Part.
      config: BertConfig.
      is_training: whether dropout is on.
      scope: variable scope; default "bert", the checkpoints' name for it.
      recompute_layers: whether the backward pass computes each layer once more rather
        than keep what it made in the forward pass (Chen et al. 2016). Saves memory and
        costs a second forward pass.

    Returns:
      List of Outputs, one a part.
    """
    built = _build(parts, config, is_training, scope, recompute_layers)
    return [Outputs(**outputs) for outputs in built]


def _build(parts, config, is_training, scope, recompute_layers):
    """See encode; → list of dicts, the arguments of Outputs."""
    config = config if is_training else config.without_dropout()
    with tf.variable_scope(scope, default_name="bert"):
        layout = _Layout(parts, config)
        with tf.variable_scope("embeddings"):
            embedded, table = _embed(parts, layout, config)
        with tf.variable_scope("encoder"):
            layers = _encode(embedded, layout, config, recompute_layers)
        embedded, *layers = [layout.sequences(x) for x in [embedded, *layers]]
        with tf.variable_scope("pooler"):
            pooled = _pool(layers[-1], config)
    return [
        {
            "embedding_output": embedded[i],
            "encoder_layers": [layer[i] for layer in layers],
            "pooled_output": pooled[i],
            "embedding_table": table,
        }
        for i in range(len(parts))
    ]


def variable_shapes(config):
    """The encoder's variables, told without building it: dict of name → list of sizes.

    They are in the order in which BertModel makes them, and in its default scope.
    """
    size, wide = config.hidden_size, config.intermediate_size
    shapes = {}

    def add(scope, **sizes):
        shapes.update({f"bert/{scope}/{name}": sizes[name] for name in sizes})

    def add_dense(scope, rows, columns):
        add(scope, kernel=[rows, columns], bias=[columns])

    def add_residual(scope, rows):
        add_dense(f"{scope}/dense", rows, size)
        add(f"{scope}/LayerNorm", beta=[size], gamma=[size])

    add("embeddings", word_embeddings=[config.vocab_size, size])
    add("embeddings", token_type_embeddings=[config.type_vocab_size, size])
    add("embeddings", position_embeddings=[config.max_position_embeddings, size])
    add("embeddings/LayerNorm", beta=[size], gamma=[size])
    for index in range(config.num_hidden_layers):
        layer = f"encoder/layer_{index}"
        for scope in ("query", "key", "value"):
            add_dense(f"{layer}/attention/self/{scope}", size, size)
        add_residual(f"{layer}/attention/output", size)
        add_dense(f"{layer}/intermediate/dense", size, wide)
        add_residual(f"{layer}/output", wide)
    add_dense("pooler/dense", size, size)
    return shapes


def create_initializer(initializer_range, seed=None):
    """Truncated normal distribution of that standard deviation, for new weights.

    seed: int of the variable, beside that of the graph; default: the next one.
    """
    return tf.truncated_normal_initializer(stddev=initializer_range, seed=seed)


def dropout(x, rate, seed=None):
    """x with a share `rate` of its elements zeroed and the others scaled up.

    Args:
      x: float, any shape.
      rate: float.
      seed: int tensor [2]; the same one zeroes the same elements. Default: others each
        time.
    """
    if rate == 0.0:
        return x
    if seed is None:
        return tf.nn.dropout(x, rate=rate)
    kept = tf.random.stateless_uniform(tf.shape(x), seed) >= rate
    return x * (tf.cast(kept, x.dtype) / (1.0 - rate))


def output_layer(x, units):
    """A task's linear layer on the encoder's output: float [..., H] → [..., units].

    Its variables are `output_weights` [units, H] and `output_bias` [units], in the
    scope that is open.
    """
    size = x.shape.as_list()[-1]
    weights = _weights("output_weights", [units, size], 0.02)
    bias = _variable("output_bias", [units], tf.zeros_initializer())
    rows = tf.matmul(tf.reshape(x, [-1, size]), weights, transpose_b=True)
    shape = tf.concat([tf.shape(x)[:-1], [units]], 0)
    y = tf.reshape(tf.nn.bias_add(rows, bias), shape)
    y.set_shape(x.shape.as_list()[:-1] + [units])
    return y


def layer_norm(x, scope="LayerNorm"):
    """Layer normalization (Ba et al. 2016) over the last axis; any shape with one."""
    size = x.shape[-1].value if hasattr(x.shape[-1], "value") else x.shape[-1]
    with tf.variable_scope(scope):
        beta = _variable("beta", [size], tf.zeros_initializer())
        gamma = _variable("gamma", [size], tf.ones_initializer())
    mean = tf.reduce_mean(x, axis=-1, keepdims=True)
    centred = x - mean
    variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
    return centred * tf.rsqrt(variance + LAYER_NORM_EPSILON) * gamma + beta


def _variable(name, shape, initializer):
    return tf.get_variable(name, shape, initializer=initializer, use_resource=True)


def _weights(name, shape, stddev):
    """New weights, made of the graph's seed and their name, whatever else it holds."""
    full_name = f"{tf.get_variable_scope().name}/{name}"
    seed = zlib.crc32(full_name.encode("utf-8"))
    return _variable(name, shape, create_initializer(stddev, seed))


class _Layout:
    """How the sequences of the parts lie in the rows [T, H] that layers go over.

    All of it is computed once, for it is needed in every layer.

    Attributes:
      masks: list of float [B, 1, 1, S] or None, one a part, see _scores_mask.
      dimensions: list of [B, S], one a part: numbers where they are known, scalar
        tensors where not.
    """

    def __init__(self, parts, config):
        size, heads = config.hidden_size, config.num_attention_heads
        self.masks = [_scores_mask(one.input_mask) for one in parts]
        self.dimensions = [_dimensions(one.input_ids) for one in parts]
        self._sizes = _shape([batch * length for batch, length in self.dimensions])
        self._sequences = [
            _shape([batch, length, size]) for batch, length in self.dimensions
        ]
        self._heads = [
            _shape([batch, length, heads, size // heads])
            for batch, length in self.dimensions
        ]

    def sequences(self, x):
        """float [T, H] → list of float [B, S, H], one a part."""
        return self._reshaped(x, self._sequences)

    def heads(self, x):
        """float [T, H] → list of float [B, S, heads, H / heads], one a part."""
        return self._reshaped(x, self._heads)

    def _reshaped(self, x, shapes):
        rows = [x] if len(shapes) == 1 else tf.split(x, self._sizes, num=len(shapes))
        return [tf.reshape(one, shape) for one, shape in zip(rows, shapes)]


def _dimensions(x):
    """Sizes of a tensor: numbers where they are known, scalar tensors where not."""
    static, dynamic = x.shape.as_list(), tf.shape(x)
    return [dynamic[i] if size is None else size for i, size in enumerate(static)]


def _shape(sizes):
    """Numbers and scalar tensors → an int tensor, or a list if all are numbers."""
    return sizes if all(isinstance(one, int) for one in sizes) else tf.stack(sizes)


def _together(xs):
    """Tensors of several parts → one, along the first axis."""
    return xs[0] if len(xs) == 1 else tf.concat(xs, 0)


def _dense(x, units, config, scope, activation=None):
    """[rows, columns] → [rows, units]: x · kernel + bias, then the activation."""
    with tf.variable_scope(scope):
        size = x.shape.as_list()[-1]
        kernel = _weights("kernel", [size, units], config.initializer_range)
        bias = _variable("bias", [units], tf.zeros_initializer())
        y = tf.nn.bias_add(tf.matmul(x, kernel), bias)
        return y if activation is None else activation(y)


def _embed(parts, layout, config):
    """Sum of word, position and token type embeddings, normalized.

    Returns:
      float [T, H], and the word embedding table, a float variable [V, H].
    """
    size, deviation = config.hidden_size, config.initializer_range
    words = _weights("word_embeddings", [config.vocab_size, size], deviation)
    types = _weights("token_type_embeddings", [config.type_vocab_size, size], deviation)
    positions = _weights(
        "position_embeddings", [config.max_position_embeddings, size], deviation
    )

    def embed(one, batch, length):
        hidden = tf.gather(words, one.input_ids)
        if one.token_type_ids is None:
            hidden += types[0]
        else:
            # There are two types: a product with one-hot rows beats a look-up's
            # gradient.
            flat = tf.reshape(one.token_type_ids, [-1])
            one_hot = tf.one_hot(flat, config.type_vocab_size)
            hidden += tf.reshape(tf.matmul(one_hot, types), [batch, length, size])
        with tf.control_dependencies([_assert_fits(length, config)]):
            hidden += positions[:length]
        return tf.reshape(hidden, [-1, size])

    hidden = layer_norm(
        _together([embed(one, *sizes) for one, sizes in zip(parts, layout.dimensions)])
    )
    return dropout(hidden, config.hidden_dropout_prob), words


def _assert_fits(length, config):
    """Refuses a sequence longer than the table of positions."""
    return tf.debugging.assert_less_equal(
        length,
        config.max_position_embeddings,
        message="sequence longer than max_position_embeddings",
    )


def _pool(sequences, config):
    """First position of each sequence, through a tanh layer.

    Args:
      sequences: list of float [B, S, H], one a part.

    Returns:
      List of float [B, H].
    """
    firsts = [one[:, 0, :] for one in sequences]
    pooled = tf.tanh(_dense(_together(firsts), config.hidden_size, config, "dense"))
    if len(firsts) == 1:
        return [pooled]
    return tf.split(pooled, [tf.shape(one)[0] for one in firsts])


def _scores_mask(input_mask):
    """int [B, S] → float [B, 1, 1, S] to add to attention scores; None stays None."""
    if input_mask is None:
        return None
    padding = 1.0 - tf.cast(input_mask, tf.float32)
    return padding[:, tf.newaxis, tf.newaxis, :] * MASKED_SCORE


def _encode(hidden, layout, config, recompute_layers):
    """The transformer layers. float [T, H] → list of float [T, H], one a layer."""
    parts = len(layout.masks)

    def layer(x, seeds):
        return _layer(x, layout, config, seeds)

    outputs = []
    for index in range(config.num_hidden_layers):
        with tf.variable_scope(f"layer_{index}") as scope:
            if recompute_layers:
                hidden = _recomputed(layer, hidden, scope, _Seeds.drawn(parts))
            else:
                hidden = layer(hidden, _Seeds.none(parts))
        outputs.append(hidden)
    return outputs


class _Seeds(NamedTuple):
    """Seeds of a layer's dropouts, see dropout.

    Attributes:
      attention: list of the seeds of the attention weights, one a part.
      residuals: list of two, after attention and after the feed-forward layer.
    """

    attention: list
    residuals: list

    @classmethod
    def none(cls, parts):
        """Other dropouts each time."""
        return cls([None] * parts, [None] * 2)

    @classmethod
    def drawn(cls, parts):
        """Seeds that are drawn once a step."""
        seeds = tf.random.uniform([parts + 2, 2], maxval=tf.int32.max, dtype=tf.int32)
        seeds = tf.unstack(seeds)
        return cls(seeds[:parts], seeds[parts:])


def _recomputed(layer, hidden, scope, seeds):
    """layer(hidden, seeds); the gradient computes it again rather than keep its parts.

    Args:
      layer: function of float [T, H] and seeds, → [T, H].
      hidden: float [T, H].
      scope: variable scope of the layer.
      seeds: _Seeds, drawn outside so that both passes drop the same elements.
    """

    @tf.custom_gradient
    def compute(x):
        def gradient(upstream, variables):
            # Not before the gradient has come down to this layer. It also makes the
            # operations differ from the first ones, so that TensorFlow does not take
            # those instead.
            with tf.control_dependencies([upstream]):
                x_again = tf.identity(x)
            with tf.variable_scope(scope, reuse=True):
                y_again = layer(x_again, seeds)
            first, *others = tf.gradients(y_again, [x_again, *variables], upstream)
            return first, others

        return layer(x, seeds), gradient

    return compute(hidden)


def _layer(hidden, layout, config, seeds):
    """One transformer layer: attention, then feed-forward. float [T, H] → [T, H].

    Args:
      layout: _Layout of the rows.
      seeds: _Seeds.
    """
    after_attention, after_wide = seeds.residuals
    with tf.variable_scope("attention"):
        with tf.variable_scope("self"):
            context = _attend(hidden, layout, config, seeds.attention)
        with tf.variable_scope("output"):
            hidden = _residual(context, hidden, config, after_attention)
    with tf.variable_scope("intermediate"):
        wide = _dense(
            hidden,
            config.intermediate_size,
            config,
            "dense",
            ACTIVATIONS[config.hidden_act],
        )
    with tf.variable_scope("output"):
        return _residual(wide, hidden, config, after_wide)


def _residual(x, shortcut, config, seed):
    """End of a sub-layer: dense to H, dropout, shortcut added, normalized. → [T, H]."""
    y = _dense(x, config.hidden_size, config, "dense")
    return layer_norm(dropout(y, config.hidden_dropout_prob, seed) + shortcut)


def _attend(hidden, layout, config, seeds):
    """Multi-headed self-attention (Vaswani et al. 2017). float [T, H] → [T, H]."""
    head_size = config.hidden_size // config.num_attention_heads

    def project(scope):
        return _dense(hidden, config.hidden_size, config, scope)

    def attend(query, key, value, mask, seed):
        scores = tf.matmul(query, key, transpose_b=True)
        if mask is not None:
            scores += mask
        rate = config.attention_probs_dropout_prob
        weights = dropout(tf.nn.softmax(scores), rate, seed)
        context = tf.transpose(tf.matmul(weights, value), HEADS_FIRST)
        return tf.reshape(context, [-1, config.hidden_size])

    # Scaling the queries costs D / S of what scaling the scores would.
    query = project("query") / math.sqrt(head_size)
    by_head = [
        [tf.transpose(one, HEADS_FIRST) for one in layout.heads(x)]
        for x in (query, project("key"), project("value"))
    ]
    return _together([attend(*one) for one in zip(*by_head, layout.masks, seeds)])
