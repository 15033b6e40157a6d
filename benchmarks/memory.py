#!/usr/bin/env python
"""How much memory does a training step need, and how much does each phase?

    python benchmarks/memory.py --shapes=base-ner,large-ner
    python benchmarks/memory.py --phases

The first prints, for BERT-base and BERT-large with the README's batches, the bytes of
the tensors that are alive at the worst moment of a training step: weights, Adam's slots
and sums of micro-batches, which are always there, and what the step itself makes, by
TensorFlow's records of each allocation. That is what a GPU has to hold. Beside it is
the greatest resident memory of the process that did the same steps on this machine.
Every sequence has its full length, so padding would make no difference.

The second prints the greatest resident memory of each phase of run_ner.py (Linux:
VmHWM), as it is and with --pad_to_max_length=true.
"""

import json
import os
import subprocess
import sys
from unittest import mock

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common  # noqa: E402  isort: skip
import numpy as np  # noqa: E402
import tensorflow.compat.v1 as tf  # noqa: E402

import modeling  # noqa: E402
import optimization  # noqa: E402
import run_ner  # noqa: E402
import run_qa  # noqa: E402
from biocodes.lib import files  # noqa: E402
from finetuning import (
    prediction,  # noqa: E402
    training,  # noqa: E402
)

STEP_HEAD = ("model", "batch", "flags", "always, GB", "at most, GB", "resident, GB")
PHASE_HEAD = ("phase", "default, GB", f"{common.PADDED}, GB", "ratio")

MODELS = {
    "tiny": {
        "num_hidden_layers": 4,
        "hidden_size": 64,
        "num_attention_heads": 2,
        "intermediate_size": 256,
        "vocab_size": 100,
    },
    "base": {
        "num_hidden_layers": 12,
        "hidden_size": 768,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "vocab_size": 28996,
    },
    "large": {
        "num_hidden_layers": 24,
        "hidden_size": 1024,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
        "vocab_size": 28996,
    },
}
# examples, length
BATCHES = {"ner": (32, 128), "qa": (12, 384)}
SHAPES = [f"{model}-{batch}" for model in MODELS for batch in BATCHES]
# What the flags are called here → micro-batches, whether layers are recomputed.
WAYS = {
    "none": (1, False),
    "accumulated": (4, False),
    "recomputed": (1, True),
    "both": (4, True),
}
FLAGS = {
    "none": "none",
    "accumulated": "--gradient_accumulation_steps=4",
    "recomputed": "--recompute_layers=true",
    "both": "both",
}
PHASES = ("featurizing", "training", "predicting")


def some_of(names):
    """Type of a flag that is some of these names, "a,b"."""

    def parsed(text):
        chosen = text.split(",")
        unknown = [name for name in chosen if name not in names]
        if unknown:
            raise common.argparse.ArgumentTypeError(
                f"{unknown[0]!r} is none of {', '.join(names)}"
            )
        return chosen

    return parsed


def parse(argv):
    parser = common.argument_parser(__doc__, 1, **common.DATA_OF_NER)
    known = ",".join(SHAPES[2:])
    parser.add_argument(
        "--shapes",
        type=some_of(SHAPES),
        default=SHAPES[2:],
        help=f"models and batches; default: {known}",
    )
    known = ",".join(WAYS)
    parser.add_argument(
        "--ways",
        type=some_of(WAYS),
        default=list(WAYS),
        help=f"what is done to save memory; default: {known}",
    )
    parser.add_argument(
        "--phases", action="store_true", help="measure the phases instead"
    )
    parser.add_argument(
        "--steps", type=common.positive, default=60, help="of training; default: 60"
    )
    return parser.parse_args(argv)


# A training step, in a process of its own


def measure_step(shape, way):
    """Runs training steps of a model with random weights.

    Returns:
      tuple of bytes: of the variables; alive at the worst moment; resident at most.
    """
    model, batch = shape.split("-")
    count, recompute_layers = WAYS[way]
    update, feed = build_step(MODELS[model], batch, count, recompute_layers)
    operations = [update.accumulate] * (count - 1) + [update.operation]
    variables = tf.global_variables() + tf.local_variables()
    always = sum(one.shape.num_elements() * one.dtype.size for one in variables)
    with tf.Session() as session:
        session.run(
            [tf.global_variables_initializer(), tf.local_variables_initializer()]
        )
        for operation in operations:
            session.run(operation, feed)
        # Once more: only now has the process taken all room that steps need.
        made = [peak_of(traced(session, one, feed)) for one in operations[-2:]]
    return always, always + max(made), greatest_resident()


def build_step(sizes, batch, count, recompute_layers):
    """A training step as finetuning.train builds it, and a batch to feed it with.

    Args:
      sizes: dict of what differs from common.MINILM.
      batch: a key of BATCHES.
      count: micro-batches in the step.
      recompute_layers: see modeling.encode.

    Returns:
      optimization.Update, and dict of placeholder → array.
    """
    make_head = {"ner": lambda: run_ner.make_head(7, False), "qa": one_of_qa}[batch]
    labels = {"ner": ["label_ids"], "qa": ["start_position", "end_position"]}[batch]
    examples, length = BATCHES[batch]
    how = training.Training(
        train_batch_size=examples,
        learning_rate=5e-5,
        num_train_epochs=1.0,
        warmup_proportion=0.1,
        save_checkpoints_steps=1000,
        keep_checkpoint_max=5,
        seed=1,
        pad_to=None,
        gradient_accumulation_steps=count,
        recompute_layers=recompute_layers,
    )
    rows = examples // count // how.parts()
    parts, feed = [], {}
    for _ in range(how.parts()):
        features = {}
        for name in ("input_ids", "input_mask", "segment_ids", *labels):
            shape = [rows, length][: 1 if name.endswith("position") else 2]
            features[name] = tf.placeholder(tf.int32, [None] * len(shape), name)
            feed[features[name]] = np.ones(shape, np.int32)
        parts.append(features)
    config = modeling.BertConfig(**dict(common.MINILM, **sizes))
    mode = tf.estimator.ModeKeys.TRAIN
    loss = training.training_loss(make_head(), config, parts, mode, how)
    return optimization.create_train_op(loss, 5e-5, 1000, 100, count > 1), feed


def one_of_qa():
    return run_qa.make_head(count_padding=False)


def traced(session, operation, feed):
    """Runs an operation; → the StepStats, with all memory records."""
    metadata = tf.RunMetadata()
    options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
    session.run(operation, feed, options=options, run_metadata=metadata)
    return metadata.step_stats


def peak_of(step_stats):
    """Bytes at the worst moment of what a run allocated.

    Args:
      step_stats: see traced. A record says when a tensor came, or, with a negative
        size, when it went.
    """
    records = [
        (record.alloc_micros, record.alloc_bytes)
        for device in step_stats.dev_stats
        for node in device.node_stats
        for memory in node.memory
        for record in memory.allocation_records
    ]
    # Within a microsecond, what goes is taken to go first.
    return int(np.cumsum([size for _, size in sorted(records)]).max())


# The phases, in a process of their own


def greatest_resident():
    """Bytes that this process has held at once since the last reset (Linux)."""
    with open("/proc/self/status") as stream:
        fields = dict(line.split(":", 1) for line in stream)
    return int(fields["VmHWM"].split()[0]) * 1024


def measure_phases(flags):
    """Runs run_ner.py; → list of bytes, held at most until training or predicting
    begins, and in it.
    """
    found = []

    def begin(function):
        def begun(*arguments, **named):
            found.append(greatest_resident())
            with open("/proc/self/clear_refs", "w") as stream:
                stream.write("5")  # VmHWM starts from here
            return function(*arguments, **named)

        return begun

    with mock.patch.object(training, "train", begin(training.train)):
        with mock.patch.object(prediction, "predict", begin(prediction.predict)):
            common.run_script("ner", flags)
    return found + [greatest_resident()]


# Around them


def in_a_process(what, *arguments):
    """Runs measure_step or measure_phases as a command; → what it returns."""
    command = [sys.executable, os.path.abspath(__file__), "--command", what]
    done = subprocess.run([*command, *arguments], stdout=subprocess.PIPE)
    if done.returncode:
        raise files.InputError(f"{' '.join([what, *arguments])} failed, see above")
    return json.loads(done.stdout.decode().splitlines()[-1])


def be_command(what, *arguments):
    found = {"step": measure_step, "phases": lambda *flags: measure_phases([*flags])}
    print(json.dumps(found[what](*arguments)), flush=True)


def step_rows(arguments):
    """The rows of the first table."""
    for shape in arguments.shapes:
        for way in arguments.ways:
            model, batch = shape.split("-")
            found = in_a_process("step", shape, way)
            batch = "{} {} × {}".format(batch.upper(), *BATCHES[batch])
            yield (model, batch, FLAGS[way], *(size / 1e9 for size in found))


def phase_rows(arguments, corpus, model, folder):
    """The rows of the second table."""
    train = [
        *common.train_flags(corpus, model),
        "--do_predict=false",
        common.epochs_of(corpus, arguments.steps),
    ]
    predict = common.predict_flags(
        corpus, model, common.train_for_a_step(corpus, model, folder)
    )

    def measure(more):
        found = []
        for flags in (train, predict):
            out = f"--output_dir={common.new_folder(folder)}"
            found.append(in_a_process("phases", *flags, *more, out))
        (featurizing, training), (_, predicting) = found
        return featurizing, training, predicting

    measurements = {
        name: lambda more=more: measure(more) for name, more in common.VARIANTS.items()
    }
    found = common.alternate(measurements, arguments.rounds)
    for phase, *sizes in zip(PHASES, *found.values()):
        ours, padded = (size / 1e9 for size in sizes)
        yield phase, ours, padded, ours / padded


def main(argv=None):
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["--command"]:
        return be_command(*argv[1:])
    arguments = parse(argv)
    if not arguments.phases:
        note = "A GB is 10^9 bytes, or 0.93 GiB."
        return common.print_table(STEP_HEAD, list(step_rows(arguments)), note)
    with common.work_folder() as folder:
        model = common.model_of(arguments, folder)
        corpus = common.corpus_of("ner", arguments.data, folder)
        rows = list(phase_rows(arguments, corpus, model, folder))
        note = f"{common.describe_rounds(arguments)} {common.describe(model)}"
        common.print_table(PHASE_HEAD, rows, note)


if __name__ == "__main__":
    common.run(main)
