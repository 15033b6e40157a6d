#!/usr/bin/env python
"""How fast is training, and how much of it is work on real pieces?

    python benchmarks/training.py --task=ner --model_dir=minilm

trains with the script of the task, by turns as it does by default and with
--pad_to_max_length=true, and times the steps after the first few: start-up and
checkpoints are not in it. By default these are an epoch's steps, for lengths differ
from batch to batch; padded batches are all alike, so fewer of them do.

The last columns say how much of the machine goes into what cannot be left out. Counted
are the floating-point operations of real pieces (no padding) in the matrix products of
the layers: for a sequence of n pieces, in a model of L layers, H wide, with I in the
feed-forward layer,

    forward = L · (2 · n · (4·H² + 2·H·I) + 4 · n² · H)

that is, query, key, value and output, two feed-forward layers, and the two products of
attention; and three times that for a training step, whose backward pass has two
products for each of the forward pass. Embeddings, normalization, the head, dropout and
the optimizer are not counted. This is divided by the time of the steps, and compared
with the speed at which TensorFlow multiplies float32 matrices of the feed-forward
layer's sizes, [pieces of a batch, H] · [H, I] and back, on all cores, measured in the
same rounds.
"""

import argparse
import functools
import os
import sys
import time
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common, corpora, models, scripts  # noqa: E402  isort: skip
import numpy as np  # noqa: E402
import tensorflow.compat.v1 as tf  # noqa: E402

HEAD = (
    "batches",
    "examples/s",
    "real pieces an example",
    "GFLOP/s on real pieces",
    "of the matrix products' %",
)
# Products in one run of the session, and runs that are timed.
PRODUCTS, RUNS = 20, 5


class Trial(NamedTuple):
    """What is trained, and for how long.

    Attributes:
      corpus, model: training data, and what training starts from.
      flags: of the variant.
      warm_up, steps: steps that are not timed, and those after them that are.
    """

    corpus: corpora.Corpus
    model: models.Pretrained
    flags: List[str]
    warm_up: int
    steps: int


def parse(argv: Optional[List[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = common.argument_parser(__doc__, 3, **common.DATA_OF_TASK)
    common.add_task(parser)
    parser.add_argument(
        "--steps",
        type=common.positive,
        help="steps that are timed; default: an epoch's",
    )
    common.add_counts(
        parser,
        ("--padded_steps", 20, "the same with --pad_to_max_length=true"),
        ("--warm_up", 5, "steps before these, not timed"),
    )
    return parser.parse_args(argv)


def operations(config: Dict[str, Any], lengths: Sequence[int]) -> float:
    """Count the floating-point operations of training on sequences.

    Args:
      config: values of bert_config.json.
      lengths: pieces of each sequence.
    """
    n = np.asarray(lengths, np.float64)
    hidden = config["hidden_size"]
    dense = 4 * hidden**2 + 2 * hidden * config["intermediate_size"]
    forward = 2 * n * dense + 4 * n**2 * hidden
    return 3 * config["num_hidden_layers"] * forward.sum()


def product_speed(config: Dict[str, Any], rows: int) -> float:
    """Measure operations a second in float32 [rows, H] · [H, I] · [I, H] · …"""
    hidden, wide = config["hidden_size"], config["intermediate_size"]
    with tf.Graph().as_default():
        random = np.random.RandomState(0)
        x, up, down = (
            tf.get_variable(
                name, initializer=(random.rand(*shape) / 20).astype(np.float32)
            )
            for name, shape in (
                ("x", (rows, hidden)),
                ("up", (hidden, wide)),
                ("down", (wide, hidden)),
            )
        )
        y = x
        for _ in range(PRODUCTS // 2):
            y = tf.matmul(tf.matmul(y, up), down)
        one_product_at_a_time = tf.ConfigProto(inter_op_parallelism_threads=1)
        with tf.Session(config=one_product_at_a_time) as session:
            session.run(tf.global_variables_initializer())
            session.run(y.op)
            started = time.perf_counter()
            for _ in range(RUNS):
                session.run(y.op)
            seconds = time.perf_counter() - started
    return 2.0 * rows * hidden * wide * PRODUCTS * RUNS / seconds


def measure(trial: Trial, folder: str) -> Tuple[float, float, float, float]:
    """Train, and time the steps after the first few.

    Returns:
      Examples a second, pieces an example, operations a second on real pieces, and
      those of the matrix products.
    """
    corpus, model, warm_up = trial.corpus, trial.model, trial.warm_up
    with scripts.watched_steps() as watched:
        scripts.run_script(
            corpus.task,
            scripts.train_flags(corpus, model),
            trial.flags,
            ["--do_predict=false", "--overwrite_output_dir=true"],
            [f"--output_dir={os.path.join(folder, 'out')}"],
            [scripts.epochs_of(corpus, warm_up + trial.steps)],
        )
    lengths = watched.lengths_from(warm_up)
    done = operations(model.config, lengths) / watched.seconds(warm_up)
    mean = float(np.mean(lengths))
    rate = watched.examples_per_second(warm_up)
    batch_size = scripts.BATCH_SIZES[corpus.task]
    speed = product_speed(model.config, max(int(mean * batch_size), 1))
    return rate, mean, done, speed


def main(argv: Optional[List[str]] = None) -> None:
    """Measure and print the table."""
    arguments = parse(argv)
    with common.work_folder() as folder:
        model = models.model_of(arguments, folder)
        corpus = corpora.corpus_of(arguments.task, arguments.data, folder)
        epoch = max(corpus.examples // scripts.BATCH_SIZES[corpus.task], 1)
        steps = {
            "default": arguments.steps or epoch,
            scripts.PADDED: arguments.padded_steps,
        }
        trials = {
            name: Trial(corpus, model, flags, arguments.warm_up, steps[name])
            for name, flags in scripts.VARIANTS.items()
        }
        measured = common.alternate(
            {
                name: functools.partial(measure, trial, folder)
                for name, trial in trials.items()
            },
            arguments.rounds,
        )
        note = f"{common.describe_rounds(arguments)} {model.describe()}"
    speed = sum(values[-1] for values in measured.values()) / len(measured)
    rows = [
        (name, rate, pieces, done / 1e9, 100 * done / speed)
        for name, (rate, pieces, done, _) in measured.items()
    ]
    note = f"Matrix products: {speed / 1e9:.0f} GFLOP/s. {note}"
    common.print_table(HEAD, rows, note)


if __name__ == "__main__":
    common.run(main)
