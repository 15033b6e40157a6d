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

import collections
import copy
import json
import math
import re
import zlib
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import tensorflow.compat.v1 as tf

LAYER_NORM_EPSILON = 1e-12
# Added to the attention scores of padding: exp() of it is 0 in float32.
MASKED_SCORE = -10000.0
# Swaps the axes of positions and heads: [B, S, N, D] to [B, N, S, D] and back.
HEADS_FIRST = [0, 2, 1, 3]

Activation = Callable[[tf.Tensor], tf.Tensor]
# A tensor, or what TensorFlow makes one of: an array, a list of lists of numbers.
TensorLike = Any
# The size of an axis: a number where it is known, a scalar tensor where not.
Size = Union[int, tf.Tensor]


class BertConfig:
    """Sizes and rates of a BERT encoder, under the names of bert_config.json.

    Attributes:
      vocab_size: V, word pieces.
      hidden_size: H.
      num_hidden_layers: transformer layers.
      num_attention_heads: N, a divisor of H.
      intermediate_size: I, width of the feed-forward layer.
      hidden_act: activation of the feed-forward layer: a key of ACTIVATIONS, or a
        function of a tensor.
      hidden_dropout_prob: dropout of embeddings and of each sub-layer's output.
      attention_probs_dropout_prob: dropout of the attention weights.
      max_position_embeddings: longest sequence.
      type_vocab_size: number of token types (segments).
      initializer_range: standard deviation of new weights.
      fused_layer_norm: see with_fused_layer_norm; no key of bert_config.json.
      own_gradients: see with_own_gradients; likewise.
    """

    fused_layer_norm = False
    own_gradients = False
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
    KEYS = SIZES + RATES + ("hidden_act", "initializer_range")

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 12,
        intermediate_size: int = 3072,
        hidden_act: Union[str, Activation] = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 16,
        initializer_range: float = 0.02,
    ) -> None:
        """Make a configuration; ValueError for a value that cannot be."""
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.hidden_act = hidden_act
        self.hidden_dropout_prob = hidden_dropout_prob
        self.attention_probs_dropout_prob = attention_probs_dropout_prob
        self.max_position_embeddings = max_position_embeddings
        self.type_vocab_size = type_vocab_size
        self.initializer_range = initializer_range
        self._check()

    @classmethod
    def from_dict(cls, json_object: Dict[str, Any]) -> "BertConfig":
        """Make a configuration of a dict.

        Missing keys take the constructor's defaults, unknown ones are ignored.

        Raises:
          ValueError: vocab_size, which has no default, is missing, or a value cannot
            be.
        """
        if not isinstance(json_object, dict):
            raise ValueError("the configuration must be a JSON object")
        if "vocab_size" not in json_object:
            raise ValueError("missing vocab_size")
        return cls(**{key: json_object[key] for key in cls.KEYS if key in json_object})

    @classmethod
    def from_complete_dict(cls, json_object: Dict[str, Any]) -> "BertConfig":
        """Make a configuration as from_dict does, but of a dict that has every key.

        A checkpoint is one of a certain configuration: a default in place of a key that
        was lost would silently give another model.

        Raises:
          ValueError: a key is missing, or a value cannot be.
        """
        if isinstance(json_object, dict):
            missing = [key for key in cls.KEYS if key not in json_object]
            if missing:
                raise ValueError("missing {}".format(", ".join(missing)))
        return cls.from_dict(json_object)

    @classmethod
    def from_json_file(cls, json_file: str) -> "BertConfig":
        """Read a bert_config.json; from_dict says what keys it needs.

        Raises:
          tf.errors.OpError: the file cannot be read.
          ValueError: it is not JSON, or its values cannot be.
        """
        with tf.io.gfile.GFile(json_file, "r") as stream:
            return cls.from_dict(json.loads(stream.read()))

    def to_dict(self) -> Dict[str, Any]:
        """Return the keys and values as bert_config.json has them."""
        return {key: getattr(self, key) for key in self.KEYS}

    def to_json_string(self) -> str:
        """Return the text of a bert_config.json."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    def without_dropout(self) -> "BertConfig":
        """Return the same configuration for evaluation, where nothing is dropped."""
        config = copy.copy(self)
        config.hidden_dropout_prob = 0.0
        config.attention_probs_dropout_prob = 0.0
        return config

    def with_fused_layer_norm(self) -> "BertConfig":
        """Return the same configuration for prediction where oneDNN fuses layer_norm.

        Its graphs are slower everywhere else, and TensorFlow 1 cannot run them.
        """
        config = copy.copy(self)
        config.fused_layer_norm = True
        return config

    def with_own_gradients(self) -> "BertConfig":
        """Return the same configuration for training.

        Dense layers, gelu and layer_norm then bring their gradients, which pass over
        the data less often than those that TensorFlow derives. Without training they
        would only be in the way of its rewriting, which makes an activation part of the
        product.
        """
        config = copy.copy(self)
        config.own_gradients = True
        return config

    def _check(self) -> None:
        values = self.to_dict()
        for name in self.SIZES:
            if type(values[name]) is not int or values[name] < 1:
                raise ValueError(
                    f"{name} must be a whole number from 1, not {values[name]!r}"
                )
        for name in self.RATES + ("initializer_range",):
            value = values[name]
            if type(value) not in (int, float) or not 0.0 <= value < 1.0:
                raise ValueError(f"{name} must be from 0 to below 1, not {value!r}")
        if not callable(self.hidden_act) and self.hidden_act not in tuple(ACTIVATIONS):
            raise ValueError(
                "hidden_act must be one of {}, not {!r}".format(
                    ", ".join(sorted(ACTIVATIONS)), self.hidden_act
                )
            )
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} is not a multiple of "
                f"num_attention_heads {self.num_attention_heads}"
            )


def gelu(input_tensor: tf.Tensor) -> tf.Tensor:
    """Compute x * Phi(x), the Gaussian error linear unit (Hendrycks and Gimpel 2016).

    In its exact form, by the error function, not by its approximation with tanh.
    """
    return input_tensor * 0.5 * (1.0 + tf.math.erf(input_tensor / math.sqrt(2.0)))


@tf.custom_gradient
def _gelu_with_gradient(x):
    """Compute gelu; its derivative is Phi(x) + x * phi(x), phi being the density."""
    share = 0.5 + 0.5 * tf.math.erf(x * math.sqrt(0.5))

    def gradient(upstream):
        density = tf.exp(x * x * -0.5) * (1.0 / math.sqrt(2.0 * math.pi))
        return upstream * (share + x * density)

    return x * share, gradient


# None stands for the identity.
ACTIVATIONS = {"gelu": gelu, "relu": tf.nn.relu, "tanh": tf.tanh, "linear": None}


def get_activation(
    activation_string: Union[str, Activation, None],
) -> Optional[Activation]:
    """Look up an activation by its name, whatever its case.

    Returns:
      A function of a tensor; None, the identity, for "linear", "" and None. A function
      is returned as it is.

    Raises:
      ValueError: the name is unknown.
    """
    if not isinstance(activation_string, str):
        return activation_string
    name = activation_string.lower() or "linear"
    if name not in ACTIVATIONS:
        raise ValueError(
            "the activation must be one of {}, not {!r}".format(
                ", ".join(sorted(ACTIVATIONS)), activation_string
            )
        )
    return ACTIVATIONS[name]


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

    Attributes:
      embedding_output: float [B, S, H], what goes into the first layer.
      all_encoder_layers: list of float [B, S, H], the output of each layer.
      sequence_output: float [B, S, H], the output of the last layer.
      pooled_output: float [B, H], the first position's output through the tanh pooler.
      embedding_table: float variable [V, H], the word pieces' embeddings.
    """

    def __init__(
        self,
        embedding_output: tf.Tensor,
        encoder_layers: List[tf.Tensor],
        pooled_output: tf.Tensor,
        embedding_table: tf.Tensor,
    ) -> None:
        self.embedding_output = embedding_output
        self.all_encoder_layers = encoder_layers
        self.sequence_output = encoder_layers[-1]
        self.pooled_output = pooled_output
        self.embedding_table = embedding_table

    def get_embedding_output(self) -> tf.Tensor:
        """Return float [B, S, H]: what goes into the first layer."""
        return self.embedding_output

    def get_all_encoder_layers(self) -> List[tf.Tensor]:
        """Return float [B, S, H] of each layer from first to last."""
        return self.all_encoder_layers

    def get_sequence_output(self) -> tf.Tensor:
        """Return float [B, S, H], the output of the last layer."""
        return self.sequence_output

    def get_pooled_output(self) -> tf.Tensor:
        """Return float [B, H], the first position through the tanh pooler."""
        return self.pooled_output

    def get_embedding_table(self) -> tf.Tensor:
        """Return float variable [V, H], the word pieces' embeddings."""
        return self.embedding_table


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
        config: BertConfig,
        is_training: bool,
        input_ids: TensorLike,
        input_mask: Optional[TensorLike] = None,
        token_type_ids: Optional[TensorLike] = None,
        use_one_hot_embeddings: bool = True,
        scope: Optional[str] = None,
        recompute_layers: bool = False,
    ) -> None:
        """Build the graph over a batch of sequences of one length.

        Args:
          config: left as it is.
          is_training: whether dropout is on.
          input_ids: int [B, S], word pieces.
          input_mask: int [B, S], 1 for a piece, 0 for padding; default: no padding.
          token_type_ids: int [B, S], segments; default: all 0.
          use_one_hot_embeddings: ignored. In BERT it chooses between two ways to look
            up the same rows.
          scope: variable scope; default "bert", the checkpoints' name for it.
          recompute_layers: as in encode.

        Raises:
          ValueError: input_ids is not of rank 2.
        """
        input_ids = tf.convert_to_tensor(input_ids, dtype_hint=tf.int32)
        assert_rank(input_ids, 2, "input_ids")
        part = Part(input_ids, input_mask, token_type_ids)
        (outputs,) = _build([part], config, is_training, scope, recompute_layers)
        super().__init__(**outputs)


def encode(
    parts: Sequence[Part],
    config: BertConfig,
    is_training: bool,
    scope: Optional[str] = None,
    recompute_layers: bool = False,
) -> List[Outputs]:
    """Build the encoder's graph over a batch in parts.

    Args:
      parts: of the batch.
      config: left as it is.
      is_training: whether dropout is on.
      scope: variable scope; default "bert", the checkpoints' name for it.
      recompute_layers: whether the backward pass computes each layer once more rather
        than keep what it made in the forward pass (Chen et al. 2016). Saves memory and
        costs a second forward pass.

    Returns:
      The outputs of each part.
    """
    built = _build(parts, config, is_training, scope, recompute_layers)
    return [Outputs(**outputs) for outputs in built]


def _build(parts, config, is_training, scope, recompute_layers):
    """Build the graph as encode does; return the arguments of each part's Outputs."""
    config = config.with_own_gradients() if is_training else config.without_dropout()
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


def variable_shapes(config: BertConfig) -> Dict[str, List[int]]:
    """List the encoder's variables without building it: {name: sizes}.

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


def create_initializer(
    initializer_range: float = 0.02, seed: Optional[int] = None
) -> tf.truncated_normal_initializer:
    """Make the initializer of new weights, a truncated normal distribution.

    Args:
      initializer_range: its standard deviation.
      seed: of the variable, beside that of the graph; default: the next one.
    """
    return tf.truncated_normal_initializer(stddev=initializer_range, seed=seed)


def dropout(
    input_tensor: tf.Tensor,
    dropout_prob: Optional[float],
    seed: Optional[TensorLike] = None,
) -> tf.Tensor:
    """Zero a share of a tensor's elements and scale the others up.

    Args:
      input_tensor: float, any shape.
      dropout_prob: the share, rounded to a multiple of 2^-16 that is neither 0 nor 1;
        None as 0.0.
      seed: int [2]; the same one zeroes the same elements. Default: others each time.

    Raises:
      ValueError: dropout_prob is not from 0 to below 1.
    """
    if not dropout_prob:
        return input_tensor
    if not 0.0 < dropout_prob < 1.0:
        raise ValueError(f"dropout_prob must be from 0 to below 1, not {dropout_prob}")
    # Random numbers take most of the time, and 16 bits are enough for a rate.
    steps = 2**16
    dropped = min(max(round(dropout_prob * steps), 1), steps - 1)
    kept = _random_int16(tf.shape(input_tensor), seed) >= dropped - steps // 2

    @tf.custom_gradient
    def mask(x):
        # For the gradient nothing but one byte an element is kept.
        def masked(values):
            return values * (tf.cast(kept, values.dtype) * (steps / (steps - dropped)))

        return masked(x), masked

    return mask(input_tensor)


def _random_int16(shape, seed):
    """Draw int16 of a shape from all there are; seed as in dropout."""
    size = tf.reduce_prod(shape)
    # Each int32 is two of them.
    drawn = {
        "shape": [(size + 1) // 2],
        "minval": tf.int32.min,
        "maxval": tf.int32.max,
        "dtype": tf.int32,
    }
    if seed is None:
        pairs = tf.random.uniform(**drawn)
    else:
        pairs = tf.random.stateless_uniform(seed=seed, **drawn)
    return tf.reshape(tf.reshape(tf.bitcast(pairs, tf.int16), [-1])[:size], shape)


def output_layer(x: tf.Tensor, units: int, suffix: str = "") -> tf.Tensor:
    """Apply a task's linear layer to the encoder's output: [..., H] → [..., units].

    Its variables are `output_weights` [units, H] and `output_bias` [units], each with
    the suffix, in the scope that is open.
    """
    size = x.shape.as_list()[-1]
    weights = _weights(f"output_weights{suffix}", [units, size], 0.02)
    bias = _variable(f"output_bias{suffix}", [units], tf.zeros_initializer())
    rows = tf.matmul(tf.reshape(x, [-1, size]), weights, transpose_b=True)
    shape = tf.concat([tf.shape(x)[:-1], [units]], 0)
    y = tf.reshape(tf.nn.bias_add(rows, bias), shape)
    y.set_shape(x.shape.as_list()[:-1] + [units])
    return y


def layer_norm(
    input_tensor: tf.Tensor,
    name: Optional[str] = None,
    fused: bool = False,
    own_gradient: bool = False,
) -> tf.Tensor:
    """Normalize over the last axis (Ba et al. 2016).

    Args:
      input_tensor: float, at least one axis, the last one of a known size.
      name: variable scope; default: the next of LayerNorm, LayerNorm_1, …
      fused: whether in the form that oneDNN fuses, of two axes and without a gradient.
      own_gradient: whether with a gradient that takes less time than TensorFlow's.
    """
    size = input_tensor.shape.as_list()[-1]
    with tf.variable_scope(name, default_name="LayerNorm"):
        beta = _variable("beta", [size], tf.zeros_initializer())
        gamma = _variable("gamma", [size], tf.ones_initializer())
    if own_gradient:
        normalized = _normalized_with_gradient(input_tensor)
    elif fused:
        normalized = _fused_normalized(input_tensor)
    else:
        normalized, _ = _normalized(input_tensor)
    return normalized * gamma + beta


def _normalized(x):
    """Bring the last axis to mean 0 and variance 1; return it and what scaled it."""
    centred = x - tf.reduce_mean(x, axis=-1, keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
    scale = tf.rsqrt(variance + LAYER_NORM_EPSILON)
    return centred * scale, scale


@tf.custom_gradient
def _normalized_with_gradient(x):
    """Do the same, without the scale.

    Neither an x that is shifted nor one that is stretched changes the outcome, so the
    gradient loses what it has of both directions.
    """
    y, scale = _normalized(x)

    def gradient(upstream):
        shifting = tf.reduce_mean(upstream, axis=-1, keepdims=True)
        stretching = tf.reduce_mean(upstream * y, axis=-1, keepdims=True)
        return (upstream - shifting - y * stretching) * scale

    return y, gradient


def _fused_normalized(x):
    """Do the same for [rows, columns] by taking each row as a channel of an image.

    This operation with a product and a sum behind it is what TensorFlow 2 rewrites to
    oneDNN's layer normalization: one pass over the data in place of nine.
    """
    rows = tf.shape(x)[0]
    ones, zeros, unknown = tf.fill([rows], 1.0), tf.fill([rows], 0.0), tf.constant([])
    image = tf.raw_ops.FusedBatchNormV3(
        x=tf.reshape(x, [1, rows, x.shape.as_list()[1], 1]),
        scale=ones,
        offset=zeros,
        mean=unknown,
        variance=unknown,
        epsilon=LAYER_NORM_EPSILON,
        data_format="NCHW",
        is_training=True,  # by the mean and variance of x itself
    )
    return tf.reshape(image.y, tf.shape(x))


def get_shape_list(
    tensor: tf.Tensor,
    expected_rank: Union[int, Iterable[int], None] = None,
    name: Optional[str] = None,
) -> List[Size]:
    """Return the sizes of a tensor's axes.

    Args:
      tensor: of a known rank.
      expected_rank, name: as in assert_rank; default: any rank.

    Raises:
      ValueError: it has another rank, or none that is known.
    """
    if expected_rank is not None:
        assert_rank(tensor, expected_rank, name)
    static = tensor.shape.as_list()
    if None not in static:
        return static
    dynamic = tf.shape(tensor)
    return [dynamic[i] if size is None else size for i, size in enumerate(static)]


def assert_rank(
    tensor: tf.Tensor,
    expected_rank: Union[int, Iterable[int]],
    name: Optional[str] = None,
) -> None:
    """Raise ValueError if a tensor has another number of axes than expected.

    Args:
      tensor: any.
      expected_rank: the number, or several that are right.
      name: of the tensor, for the message; default: its own.
    """
    single = isinstance(expected_rank, int)
    ranks = [expected_rank] if single else list(expected_rank)
    if tensor.shape.ndims not in ranks:
        raise ValueError(
            "{} has the shape {}, which is of rank {}, not {}".format(
                name or tensor.name,
                tensor.shape,
                tensor.shape.ndims,
                " or ".join(map(str, ranks)),
            )
        )


def _variable(name, shape, initializer):
    return tf.get_variable(name, shape, initializer=initializer, use_resource=True)


def _weights(name, shape, stddev):
    """Make weights that follow from the graph's seed and their name alone."""
    full_name = f"{tf.get_variable_scope().name}/{name}"
    seed = zlib.crc32(full_name.encode("utf-8"))
    return _variable(name, shape, create_initializer(stddev, seed))


class _Layout:
    """How the sequences of the parts lie in the rows [T, H] that layers go over.

    All of it is computed once, for it is needed in every layer.

    Attributes:
      masks: list of float [B, 1, 1, S] or None, one a part, of _scores_mask.
      dimensions: list of [B, S], one a part, of get_shape_list.
    """

    def __init__(self, parts, config):
        size, heads = config.hidden_size, config.num_attention_heads
        self.masks = [_scores_mask(part.input_mask) for part in parts]
        self.dimensions = [get_shape_list(part.input_ids) for part in parts]
        self._sizes = _shape([batch * length for batch, length in self.dimensions])
        self._sequences = [
            _shape([batch, length, size]) for batch, length in self.dimensions
        ]
        self._heads = [
            _shape([batch, length, heads, size // heads])
            for batch, length in self.dimensions
        ]

    def sequences(self, x):
        """Reshape float [T, H] → list of float [B, S, H], one a part."""
        return self._reshaped(x, self._sequences)

    def heads(self, x):
        """Reshape float [T, H] → list of float [B, S, N, D], one a part."""
        return self._reshaped(x, self._heads)

    def _reshaped(self, x, shapes):
        rows = [x] if len(shapes) == 1 else tf.split(x, self._sizes, num=len(shapes))
        return [tf.reshape(part, shape) for part, shape in zip(rows, shapes)]


def _shape(sizes):
    """Make a shape of sizes: an int tensor, or a list if all of them are numbers."""
    return sizes if all(isinstance(size, int) for size in sizes) else tf.stack(sizes)


def _together(xs):
    """Join the tensors of several parts along the first axis."""
    return xs[0] if len(xs) == 1 else tf.concat(xs, 0)


def _dense(x, units, config, scope, activation=None):
    """Apply x · kernel + bias, then the activation: [rows, columns] → [rows, units]."""
    with tf.variable_scope(scope):
        size = x.shape.as_list()[-1]
        kernel = _weights("kernel", [size, units], config.initializer_range)
        bias = _variable("bias", [units], tf.zeros_initializer())
        affine = _affine_with_gradient if config.own_gradients else _affine
        y = affine(x, kernel.read_value(), bias.read_value())
        return y if activation is None else activation(y)


def _affine(x, kernel, bias):
    return tf.nn.bias_add(tf.matmul(x, kernel), bias)


@tf.custom_gradient
def _affine_with_gradient(x, kernel, bias):
    """Do the same, and add up the rows of the bias's gradient by a product, too."""

    def gradient(upstream):
        ones = tf.ones([1, tf.shape(upstream)[0]], upstream.dtype)
        return (
            tf.matmul(upstream, kernel, transpose_b=True),
            tf.matmul(x, upstream, transpose_a=True),
            tf.reshape(tf.matmul(ones, upstream), [-1]),
        )

    return _affine(x, kernel, bias), gradient


def _embed(parts, layout, config):
    """Add up word, position and token type embeddings, and normalize the sum.

    Returns:
      float [T, H], and the word embedding table, a float variable [V, H].
    """
    size, deviation = config.hidden_size, config.initializer_range
    words = _weights("word_embeddings", [config.vocab_size, size], deviation)
    types = _weights("token_type_embeddings", [config.type_vocab_size, size], deviation)
    positions = _weights(
        "position_embeddings", [config.max_position_embeddings, size], deviation
    )

    # After a gather from the variable itself each reading of it makes a copy, AdamW's,
    # too: TensorFlow then takes it for one that is updated row by row.
    rows = words.read_value()

    def embed(part, batch, length):
        hidden = tf.gather(rows, part.input_ids)
        if part.token_type_ids is None:
            hidden += types[0]
        else:
            # There are two types: a product with one-hot rows beats a look-up's
            # gradient.
            flat = tf.reshape(part.token_type_ids, [-1])
            one_hot = tf.one_hot(flat, config.type_vocab_size)
            hidden += tf.reshape(tf.matmul(one_hot, types), [batch, length, size])
        with tf.control_dependencies([_assert_fits(length, config)]):
            hidden += positions[:length]
        return tf.reshape(hidden, [-1, size])

    embedded = [embed(part, *sizes) for part, sizes in zip(parts, layout.dimensions)]
    hidden = _layer_norm(_together(embedded), config)
    return dropout(hidden, config.hidden_dropout_prob), words


def _assert_fits(length, config):
    """Refuse a sequence longer than the table of positions."""
    return tf.debugging.assert_less_equal(
        length,
        config.max_position_embeddings,
        message="sequence longer than max_position_embeddings",
    )


def _pool(sequences, config):
    """Put the first position of each sequence through a tanh layer.

    Args:
      sequences: list of float [B, S, H], one a part.

    Returns:
      List of float [B, H].
    """
    firsts = [sequence[:, 0, :] for sequence in sequences]
    pooled = tf.tanh(_dense(_together(firsts), config.hidden_size, config, "dense"))
    if len(firsts) == 1:
        return [pooled]
    return tf.split(pooled, [tf.shape(rows)[0] for rows in firsts])


def _scores_mask(input_mask):
    """Make of int [B, S] what is added to attention scores: float [B, 1, 1, S].

    None stays None.
    """
    if input_mask is None:
        return None
    padding = 1.0 - tf.cast(input_mask, tf.float32)
    return padding[:, tf.newaxis, tf.newaxis, :] * MASKED_SCORE


def _encode(hidden, layout, config, recompute_layers):
    """Apply the transformer layers: [T, H] → list of [T, H], one a layer."""
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
    """The seeds of a layer's dropouts.

    Attributes:
      attention: list of the seeds of the attention weights, one a part.
      residuals: list of two, after attention and after the feed-forward layer.
    """

    attention: list
    residuals: list

    @classmethod
    def none(cls, parts):
        """Return the seeds of dropouts that are others each time."""
        return cls([None] * parts, [None] * 2)

    @classmethod
    def drawn(cls, parts):
        """Return seeds that are drawn once a step."""
        seeds = tf.random.uniform([parts + 2, 2], maxval=tf.int32.max, dtype=tf.int32)
        seeds = tf.unstack(seeds)
        return cls(seeds[:parts], seeds[parts:])


def _recomputed(layer, hidden, scope, seeds):
    """Apply a layer whose gradient computes it again rather than keep its parts.

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
            of_x, *of_variables = tf.gradients(y_again, [x_again, *variables], upstream)
            return of_x, of_variables

        return layer(x, seeds), gradient

    return compute(hidden)


def _layer(hidden, layout, config, seeds):
    """Apply a transformer layer, attention, then feed-forward: [T, H] → [T, H].

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
        activation = get_activation(config.hidden_act)
        if config.own_gradients and activation is gelu:
            activation = _gelu_with_gradient
        wide = _dense(hidden, config.intermediate_size, config, "dense", activation)
    with tf.variable_scope("output"):
        return _residual(wide, hidden, config, after_wide)


def _residual(x, shortcut, config, seed):
    """End a sub-layer: dense to H, dropout, shortcut added, normalized. → [T, H]."""
    y = _dense(x, config.hidden_size, config, "dense")
    y = dropout(y, config.hidden_dropout_prob, seed) + shortcut
    return _layer_norm(y, config)


def _layer_norm(x, config):
    return layer_norm(x, "LayerNorm", config.fused_layer_norm, config.own_gradients)


def _attend(hidden, layout, config, seeds):
    """Apply multi-headed self-attention (Vaswani et al. 2017): [T, H] → [T, H]."""
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
        [tf.transpose(part, HEADS_FIRST) for part in layout.heads(x)]
        for x in (query, project("key"), project("value"))
    ]
    return _together([attend(*part) for part in zip(*by_head, layout.masks, seeds)])


# For other scripts: the rest of the public names of BERT's modeling.py, which the suite
# itself has no use for (docs/core.md)


def layer_norm_and_dropout(
    input_tensor: tf.Tensor, dropout_prob: Optional[float], name: Optional[str] = None
) -> tf.Tensor:
    """Apply layer_norm, then dropout."""
    return dropout(layer_norm(input_tensor, name), dropout_prob)


def reshape_to_matrix(input_tensor: tf.Tensor) -> tf.Tensor:
    """Join all axes but the last: [..., width] → [rows, width].

    Raises:
      ValueError: there are fewer than two axes.
    """
    rank = input_tensor.shape.ndims
    if rank is None or rank < 2:
        raise ValueError(
            f"{input_tensor.name} must have two axes at least, not the shape"
            f" {input_tensor.shape}"
        )
    if rank == 2:
        return input_tensor
    return tf.reshape(input_tensor, [-1, input_tensor.shape.as_list()[-1]])


def reshape_from_matrix(
    output_tensor: tf.Tensor, orig_shape_list: Sequence[Size]
) -> tf.Tensor:
    """Undo reshape_to_matrix: [rows, width] → [..., width].

    Args:
      output_tensor: its width may be another than the original tensor's.
      orig_shape_list: sizes of the original tensor, of get_shape_list.
    """
    if len(orig_shape_list) == 2:
        return output_tensor
    width = get_shape_list(output_tensor)[-1]
    return tf.reshape(output_tensor, [*orig_shape_list[:-1], width])


def create_attention_mask_from_input_mask(
    from_tensor: tf.Tensor, to_mask: tf.Tensor
) -> tf.Tensor:
    """Make a mask that says which positions each position may attend to.

    Args:
      from_tensor: [B, from] or [B, from, ...].
      to_mask: int [B, to], 1 for a piece, 0 for padding.

    Returns:
      float [B, from, to], to_mask in every row.
    """
    length = get_shape_list(from_tensor, expected_rank=[2, 3])[1]
    row = tf.cast(to_mask, tf.float32)[:, tf.newaxis, :]
    return tf.tile(row, [1, length, 1])


def get_assignment_map_from_checkpoint(
    tvars: Iterable[tf.Variable], init_checkpoint: str
) -> Tuple["collections.OrderedDict[str, str]", Dict[str, int]]:
    """Find the variables that a checkpoint can initialize.

    Args:
      tvars: variables of the graph.
      init_checkpoint: prefix of a checkpoint, or a folder with one.

    Returns:
      (assignment_map, initialized): the map of each common variable's name to itself,
      as tf.train.init_from_checkpoint takes it; and a dict whose keys are these names,
      with and without ":0".
    """
    names = {re.sub(r":\d+$", "", variable.name) for variable in tvars}
    assignment_map, initialized = collections.OrderedDict(), {}
    for name, _ in tf.train.list_variables(init_checkpoint):
        if name in names:
            assignment_map[name] = name
            initialized.update({name: 1, name + ":0": 1})
    return assignment_map, initialized
