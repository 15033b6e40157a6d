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
the optimizer are not counted. This is divided by the time of the steps, and held
against the speed at which TensorFlow multiplies float32 matrices of the feed-forward
layer's sizes, [pieces of a batch, H] · [H, I] and back, on all cores, measured in the
same rounds.
"""

import os
import sys
import time

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common  # noqa: E402  isort: skip
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


def parse(argv):
    parser = common.argument_parser(__doc__, 3, **common.DATA_OF_TASK)
    common.add_task(parser)
    parser.add_argument(
        "--steps",
        type=common.positive,
        help="steps that are timed; default: an epoch's",
    )
    parser.add_argument(
        "--padded_steps",
        type=common.positive,
        default=20,
        help="the same with --pad_to_max_length=true; default: 20",
    )
    parser.add_argument(
        "--warm_up",
        type=common.positive,
        default=5,
        help="steps before these, not timed; default: 5",
    )
    return parser.parse_args(argv)


def operations(config, lengths):
    """Floating-point operations of training on sequences, see the head of this file.

    Args:
      config: dict of bert_config.json.
      lengths: pieces of each sequence.
    """
    n = np.asarray(lengths, np.float64)
    hidden = config["hidden_size"]
    dense = 4 * hidden**2 + 2 * hidden * config["intermediate_size"]
    forward = 2 * n * dense + 4 * n**2 * hidden
    return 3 * config["num_hidden_layers"] * forward.sum()


def product_speed(config, rows):
    """Operations a second in products [rows, H] · [H, I] · [I, H] of float32."""
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
        one_at_a_time = tf.ConfigProto(inter_op_parallelism_threads=1)
        with tf.Session(config=one_at_a_time) as session:
            session.run(tf.global_variables_initializer())
            session.run(y.op)
            started = time.perf_counter()
            for _ in range(RUNS):
                session.run(y.op)
            seconds = time.perf_counter() - started
    return 2.0 * rows * hidden * wide * PRODUCTS * RUNS / seconds


def measure(corpus, model, variant, steps, warm_up, folder):
    """Trains for warm_up and then for so many steps that are timed.

    Returns:
      Examples a second, pieces an example, operations a second on real pieces, and
      those of the matrix products.
    """
    batch_size = common.BATCH_SIZES[corpus.task]
    with common.watched_steps() as watched:
        common.run_script(
            corpus.task,
            common.train_flags(corpus, model),
            variant,
            ["--do_predict=false", "--overwrite_output_dir=true"],
            [f"--output_dir={os.path.join(folder, 'out')}"],
            [common.epochs_of(corpus, warm_up + steps)],
        )
    lengths = watched.lengths_from(warm_up)
    done = operations(model.config, lengths) / watched.seconds(warm_up)
    mean = float(np.mean(lengths))
    rate = watched.examples_per_second(warm_up)
    speed = product_speed(model.config, max(int(mean * batch_size), 1))
    return rate, mean, done, speed


def main(argv=None):
    arguments = parse(argv)
    with common.work_folder() as folder:
        model = common.model_of(arguments, folder)
        corpus = common.corpus_of(arguments.task, arguments.data, folder)
        epoch = max(corpus.examples // common.BATCH_SIZES[corpus.task], 1)
        steps = {
            "default": arguments.steps or epoch,
            common.PADDED: arguments.padded_steps,
        }
        found = common.alternate(
            {
                name: lambda name=name, flags=flags: measure(
                    corpus, model, flags, steps[name], arguments.warm_up, folder
                )
                for name, flags in common.VARIANTS.items()
            },
            arguments.rounds,
        )
        speed = sum(values[-1] for values in found.values()) / len(found)
        rows = [
            (name, rate, pieces, done / 1e9, 100 * done / speed)
            for name, (rate, pieces, done, _) in found.items()
        ]
        common.print_table(
            HEAD,
            rows,
            f"Matrix products: {speed / 1e9:.0f} GFLOP/s."
            f" {common.describe_rounds(arguments)} {common.describe(model)}",
        )


if __name__ == "__main__":
    common.run(main)
