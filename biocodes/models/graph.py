"""A model's TensorFlow graph with its weights: what the scripts compute, to compare
another form with, and to save.
"""

import contextlib
from typing import Any, Dict, Iterator, NamedTuple

import numpy as np

import tokenization
from biocodes.models import layout
from biocodes.models.checkpoint import quiet_tensorflow
from biocodes.models.folder import Model

# What a batch consists of, in the names of this suite: int32 [B, S] each.
INPUTS = ("input_ids", "input_mask", "segment_ids")

Batch = Dict[str, np.ndarray]


class Graph(NamedTuple):
    """A model that computes.

    Attributes:
      tf: TensorFlow's version 1 interface.
      session: with the weights.
      inputs: name → int32 tensor [B, S].
      outputs: name → float tensor, see outputs_of.
    """

    tf: Any
    session: Any
    inputs: Dict[str, Any]
    outputs: Dict[str, Any]

    def run(self, batch: Batch) -> Batch:
        """Compute the outputs of a batch."""
        fed = {self.inputs[name]: batch[name] for name in INPUTS}
        return self.session.run(self.outputs, fed)


@contextlib.contextmanager
def built(model: Model) -> Iterator[Graph]:
    """Build the graph of a model and give it its weights.

    Raises:
      InputError: the checkpoint is damaged, or holds NaN or infinity.
    """
    tf = quiet_tensorflow()
    import modeling

    weights = model.weights()
    with tf.Graph().as_default():
        inputs = _inputs(tf, model.pieces.index(tokenization.PAD))
        config = modeling.BertConfig.from_complete_dict(model.config)
        encoder = modeling.BertModel(config, False, *inputs.values(), scope="bert")
        outputs = outputs_of(tf, modeling, model, encoder)
        no_gpu = tf.ConfigProto(device_count={"GPU": 0})
        with tf.Session(config=no_gpu) as session:
            for variable in tf.trainable_variables():
                value = weights[variable.op.name]
                # Fed in place of the first value that the graph would make up.
                session.run(
                    variable.initializer, {variable.initializer.inputs[1]: value}
                )
            yield Graph(tf, session, inputs, outputs)


def _inputs(tf: Any, padding: int) -> Dict[str, Any]:
    """Make the tensors that are fed.

    Where they are not, what is not padding counts, and all of it is of segment 0.
    """
    ids = tf.placeholder(tf.int32, [None, None], "input_ids")
    mask = tf.cast(tf.not_equal(ids, padding), tf.int32)
    tensors = (
        ids,
        tf.placeholder_with_default(mask, [None, None], "input_mask"),
        tf.placeholder_with_default(tf.zeros_like(ids), [None, None], "segment_ids"),
    )
    return dict(zip(INPUTS, tensors))


def outputs_of(tf: Any, modeling: Any, model: Model, encoder: Any) -> Dict[str, Any]:
    """Add a model's head to its encoder.

    Returns:
      float tensors under the names that Hugging Face's tools use: logits [B, S, L] of
      entity recognition and [B, L] of relation extraction, with several labels a text
      also probabilities [B, L]; start_logits and end_logits [B, S] of question
      answering; last_hidden_state [B, S, H] and pooler_output [B, H] of any other
      model.
    """
    sequence, pooled = encoder.get_sequence_output(), encoder.get_pooled_output()
    if model.kind == layout.NER:
        return {"logits": modeling.output_layer(sequence, len(model.labels))}
    if model.kind == layout.RE:
        return {"logits": modeling.output_layer(pooled, len(model.labels))}
    if model.kind == layout.MULTILABEL:
        logits = modeling.output_layer(pooled, len(model.labels), layout.SUFFIX)
        return {"logits": logits, "probabilities": tf.nn.sigmoid(logits)}
    if model.kind == layout.QA:
        with tf.variable_scope("cls/squad"):
            logits = modeling.output_layer(sequence, 2)
        start_logits, end_logits = tf.unstack(logits, axis=-1)
        return {"start_logits": start_logits, "end_logits": end_logits}
    return {"last_hidden_state": sequence, "pooler_output": pooled}


# Comparing


def sample_batches(model: Model) -> Iterator[Batch]:
    """Yield two batches of different sizes that use all that a batch can: padding,
    both segments, and ids from the whole vocabulary.
    """
    random = np.random.RandomState(1)
    longest = model.config["max_position_embeddings"]
    for count, length in ((1, min(5, longest)), (3, min(29, longest))):
        lengths = length - np.arange(count) * (length // (2 * count))
        mask = (np.arange(length) < lengths[:, np.newaxis]).astype(np.int32)
        ids = random.randint(0, len(model.pieces), [count, length]) * mask
        second = np.arange(length) >= length // 2
        segments = np.minimum(second * mask, model.config["type_vocab_size"] - 1)
        yield dict(
            zip(INPUTS, (part.astype(np.int32) for part in (ids, mask, segments)))
        )


def largest_difference(batch: Batch, expected: Batch, actual: Batch) -> float:
    """Return by how much two outputs of a batch differ at most, padding left out.

    Numbers beyond 1 count in proportion to the largest of their output. Outputs of
    other names or shapes differ infinitely.
    """
    mask = batch["input_mask"].astype(bool)
    difference = 0.0
    for name, values in expected.items():
        if name not in actual or actual[name].shape != values.shape:
            return float("inf")
        if values.shape[:2] == mask.shape:
            values, others = values[mask], actual[name][mask]
        else:
            others = actual[name]
        scale = max(1.0, float(np.abs(values).max()))
        difference = max(difference, float(np.abs(values - others).max()) / scale)
    return difference
