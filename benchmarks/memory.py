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

import argparse
import functools
import json
import os
import sys
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple
from unittest import mock

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common, corpora, models, scripts  # noqa: E402  isort: skip
from benchmarks import peer_common  # noqa: E402  isort: skip
import numpy as np  # noqa: E402
import tensorflow.compat.v1 as tf  # noqa: E402

import modeling  # noqa: E402
import optimization  # noqa: E402
from finetuning import training  # noqa: E402
from finetuning.estimator import ModeKeys  # noqa: E402
from finetuning.model import Model  # noqa: E402
from finetuning.prediction import Predictor  # noqa: E402
from finetuning.training import TrainingSettings  # noqa: E402
from tasks.ner import head as ner_head  # noqa: E402
from tasks.qa import head as qa_head  # noqa: E402

STEP_HEAD = ("model", "batch", "flags", "always, GB", "at most, GB", "resident, GB")
PHASE_HEAD = ("phase", "default, GB", f"{scripts.PADDED}, GB", "ratio")

SIZES = {
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
SCHEDULE = optimization.Schedule(5e-5, 1000, 100)
BATCHES = {"ner": (32, 128), "qa": (12, 384)}
SHAPES = [f"{model}-{batch}" for model in SIZES for batch in BATCHES]
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


def some_of(names: Sequence[str]) -> Callable[[str], List[str]]:
    """Make the type of a flag that is some of these names, "a,b"."""

    def parsed(text: str) -> List[str]:
        chosen = text.split(",")
        unknown = [name for name in chosen if name not in names]
        if unknown:
            raise argparse.ArgumentTypeError(
                f"{unknown[0]!r} is none of {', '.join(names)}"
            )
        return chosen

    return parsed


def parse(argv: List[str]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
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


def measure_step(shape: str, way: str) -> Tuple[int, int, int]:
    """Run training steps of a model with random weights.

    Returns:
      Bytes of the variables; alive at the worst moment; resident at most.
    """
    tf.disable_v2_behavior()
    model, batch = shape.split("-")
    count, recompute_layers = WAYS[way]
    update, feed = build_step(SIZES[model], batch, count, recompute_layers)
    operations = [update.accumulate] * (count - 1) + [update.operation]
    always = sum(
        variable.shape.num_elements() * variable.dtype.size
        for variable in tf.global_variables() + tf.local_variables()
    )
    with tf.Session() as session:
        session.run(
            [tf.global_variables_initializer(), tf.local_variables_initializer()]
        )
        for operation in operations:
            session.run(operation, feed)
        # Once more: only now has the process taken all room that steps need.
        made = [
            peak_of(traced(session, operation, feed)) for operation in operations[-2:]
        ]
    return always, always + max(made), greatest_resident()


def build_step(
    sizes: Dict[str, int], batch: str, count: int, recompute_layers: bool
) -> Tuple[optimization.Update, Dict[tf.Tensor, np.ndarray]]:
    """Build a training step as finetuning.training does, and a batch to feed it with.

    Args:
      sizes: what differs from models.MINILM.
      batch: a key of BATCHES.
      count: micro-batches in the step.
      recompute_layers: whether gradients compute each layer once more.

    Returns:
      The step, and the array of each of its placeholders.
    """
    examples, length = BATCHES[batch]
    settings = TrainingSettings(
        train_batch_size=examples,
        learning_rate=5e-5,
        num_train_epochs=1.0,
        warmup_proportion=0.1,
        save_checkpoints_steps=1000,
        keep_checkpoint_max=5,
        seed=1,
        gradient_accumulation_steps=count,
        recompute_layers=recompute_layers,
    )
    shape = (examples // count // settings.parts, length)
    parts, feed = [], {}
    for _ in range(settings.parts):
        features = {}
        for name, of_name in shapes_of(batch, shape).items():
            features[name] = tf.placeholder(tf.int32, [None] * len(of_name), name)
            feed[features[name]] = np.ones(of_name, np.int32)
        parts.append(features)
    config = modeling.BertConfig(**dict(models.MINILM, **sizes))
    head = {"ner": ner_head.make_head(7, False), "qa": qa_head.make_head(False)}[batch]
    model = Model(config, tokenizer=None, facts={}, head=head)
    losses = training.losses_of_parts(model, parts, ModeKeys.TRAIN, settings)
    loss = training.loss_of_step(losses, settings.train_batch_size)
    return optimization.create_train_op(loss, SCHEDULE, count > 1), feed


def shapes_of(batch: str, shape: Tuple[int, int]) -> Dict[str, Tuple[int, ...]]:
    """Map the features of a batch, [examples, length], to their shapes."""
    shapes = dict.fromkeys(("input_ids", "input_mask", "segment_ids"), shape)
    if batch == "ner":
        return dict(shapes, label_ids=shape)
    return dict(shapes, start_position=shape[:1], end_position=shape[:1])


def traced(
    session: tf.Session, operation: tf.Operation, feed: Dict[tf.Tensor, Any]
) -> Any:
    """Run an operation; return TensorFlow's StepStats, with all memory records."""
    metadata = tf.RunMetadata()
    options = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
    session.run(operation, feed, options=options, run_metadata=metadata)
    return metadata.step_stats


def peak_of(step_stats: Any) -> int:
    """Return the bytes at the worst moment of what a run allocated.

    Args:
      step_stats: TensorFlow's StepStats. A record says when a tensor came, or, with a
        negative size, when it went.
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


def greatest_resident() -> int:
    """Return the bytes that this process held at most since the last reset (Linux)."""
    return int(peer_common.memory() * 2**20)


def measure_phases(flags: Sequence[str]) -> List[int]:
    """Run run_ner.py and measure what it holds.

    Returns:
      The bytes held at most until training or predicting begins, and in it.
    """
    held = []

    def begin(function: Callable[..., Any]) -> Callable[..., Any]:
        def begun(*arguments: Any, **named: Any) -> Any:
            held.append(greatest_resident())
            with open("/proc/self/clear_refs", "w") as stream:
                stream.write("5")  # VmHWM starts from here
            return function(*arguments, **named)

        return begun

    with mock.patch.object(training, "train", begin(training.train)):
        with mock.patch.object(Predictor, "predict", begin(Predictor.predict)):
            scripts.run_script("ner", flags)
    return held + [greatest_resident()]


# Around them


def in_a_process(what: str, *arguments: str) -> List[int]:
    """Run measure_step or measure_phases as a command; return what it returns."""
    return json.loads(scripts.lines_of_process(__file__, what, *arguments)[-1])


def be_command(what: str, *arguments: str) -> None:
    """Measure in this process, which was started for that, and print it."""
    measured = measure_step(*arguments) if what == "step" else measure_phases(arguments)
    print(json.dumps(measured), flush=True)


def step_rows(shapes: Sequence[str], ways: Sequence[str]) -> Iterator[Sequence[Any]]:
    """Yield the rows of the first table."""
    for shape in shapes:
        for way in ways:
            model, batch = shape.split("-")
            sizes = in_a_process("step", shape, way)
            batch = "{} {} × {}".format(batch.upper(), *BATCHES[batch])
            yield (model, batch, FLAGS[way], *(size / 1e9 for size in sizes))


def phase_rows(
    arguments: argparse.Namespace, model: models.Pretrained, folder: str
) -> Iterator[Sequence[Any]]:
    """Yield the rows of the second table."""
    corpus = corpora.corpus_of("ner", arguments.data, folder)
    train = [
        *scripts.train_flags(corpus, model),
        "--do_predict=false",
        scripts.epochs_of(corpus, arguments.steps),
    ]
    fine_tuned = scripts.train_for_a_step(corpus, model, folder)
    predict = scripts.predict_flags(corpus, model, fine_tuned)

    def measure(variant: List[str]) -> Tuple[int, int, int]:
        sizes = []
        for flags in (train, predict):
            out = f"--output_dir={common.new_folder(folder)}"
            sizes.append(in_a_process("phases", *flags, *variant, out))
        (in_featurizing, in_training), (_, in_predicting) = sizes
        return in_featurizing, in_training, in_predicting

    measurements = {
        name: functools.partial(measure, variant)
        for name, variant in scripts.VARIANTS.items()
    }
    measured = common.alternate(measurements, arguments.rounds)
    for phase, *sizes in zip(PHASES, *measured.values()):
        ours, padded = (size / 1e9 for size in sizes)
        yield phase, ours, padded, ours / padded


def main(argv: Optional[List[str]] = None) -> None:
    """Measure and print the table."""
    argv = sys.argv[1:] if argv is None else argv
    if argv[:1] == ["--command"]:
        return be_command(*argv[1:])
    arguments = parse(argv)
    if not arguments.phases:
        note = "A GB is 10^9 bytes, or 0.93 GiB."
        rows = list(step_rows(arguments.shapes, arguments.ways))
        return common.print_table(STEP_HEAD, rows, note)
    with common.work_folder() as folder:
        model = models.model_of(arguments, folder)
        rows = list(phase_rows(arguments, model, folder))
        note = f"{common.describe_rounds(arguments)} {model.describe()}"
        common.print_table(PHASE_HEAD, rows, note)


if __name__ == "__main__":
    common.run(main)
