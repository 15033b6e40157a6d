"""What the three scripts share as commands: flags and their checks, and the console.

Import it before TensorFlow: it keeps TensorFlow's start-up chatter and the deprecation
warnings of its libraries off the console, so that the lines left are ours and a
person can read them.
"""

import logging
import os
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# tensorflow-gpu would otherwise reserve the whole card, whatever the model needs.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
# As on a GPU, freed memory is kept for the next tensor. The C library would have each
# large one's pages zeroed anew, or cut up the gaps between them, of which batches of
# ever other lengths leave many.
os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
warnings.filterwarnings("ignore", category=FutureWarning)
warnings.filterwarnings("ignore", category=DeprecationWarning)

from finetuning import signals  # noqa: E402

with signals.ending_at_once():
    import tensorflow.compat.v1 as tf

from biocodes.lib import command, files  # noqa: E402

log = logging.getLogger("biobert")


def run(main):
    """Runs a script's main(argv, interruption): its errors are one line each."""
    interruption = signals.Interruption()
    interruption.install()
    set_up_console()
    try:
        command.run(lambda: main(sys.argv, interruption))
    except signals.Interrupted as interrupted:
        signals.exit_when_interrupted(interrupted, _what_next(interrupted))


def _what_next(interrupted):
    """What to do after an interruption, in words."""
    if interrupted.again:
        return interrupted.again
    overwrites = any("overwrite_output_dir" in argument for argument in sys.argv[1:])
    if interrupted.where and overwrites:
        return "the same command without --overwrite_output_dir goes on from here"
    return signals.AGAIN


def set_up_console():
    """Log lines go to standard error as TensorFlow prints them, each of them once."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s:tensorflow:%(message)s"))
    log.handlers = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False
    tf.get_logger().setLevel(logging.ERROR)
    tf.get_logger().propagate = False
    tf.disable_v2_behavior()


def define_flags(
    *, do_lower_case, max_seq_length, do_train, do_predict, num_train_epochs
):
    """The flags that all three scripts have, with the defaults that differ.

    Returns:
      FlagValues, to which a script adds its own with tf.flags.DEFINE_*(…,
      flag_values=…).
    """
    flags = tf.flags.FlagValues()

    def string(name, default, text):
        tf.flags.DEFINE_string(name, default, text, flag_values=flags)

    def integer(name, default, text):
        tf.flags.DEFINE_integer(name, default, text, flag_values=flags)

    def number(name, default, text):
        tf.flags.DEFINE_float(name, default, text, flag_values=flags)

    def boolean(name, default, text):
        tf.flags.DEFINE_bool(name, default, text, flag_values=flags)

    string("vocab_file", None, "WordPiece vocabulary, a token a line. Required.")
    string("bert_config_file", None, "bert_config.json of the encoder. Required.")
    string("output_dir", None, "Folder for checkpoints and results. Required.")
    string(
        "init_checkpoint",
        None,
        "Checkpoint to start from: its prefix, one of its files, or its folder.",
    )
    boolean(
        "do_lower_case", do_lower_case, "True for uncased models, False for cased ones."
    )
    integer(
        "max_seq_length",
        max_seq_length,
        "Longest input in word pieces, [CLS] and [SEP] included; longer ones are cut.",
    )
    boolean("do_train", do_train, "Whether to fine-tune.")
    boolean("do_predict", do_predict, "Whether to predict.")
    integer("train_batch_size", 32, "Examples in a training step.")
    integer(
        "gradient_accumulation_steps",
        1,
        "Parts that a step's examples are computed in, one after another, to save"
        " memory; the result is the same.",
    )
    boolean(
        "recompute_layers",
        False,
        "Compute each layer again for its gradients, to save memory; the result is the"
        " same.",
    )
    integer(
        "predict_batch_size",
        8,
        "Examples in a prediction step; more of them as long as they are short.",
    )
    number("learning_rate", 5e-5, "Peak learning rate of AdamW.")
    number("num_train_epochs", num_train_epochs, "Passes over the training data.")
    number(
        "warmup_proportion",
        0.1,
        "Share of the training steps in which the learning rate rises.",
    )
    integer("save_checkpoints_steps", 1000, "Steps from one checkpoint to the next.")
    integer("keep_checkpoint_max", 5, "Number of latest checkpoints that are kept.")
    integer("seed", 1, "Fixes new weights, dropout and the order of the examples.")
    boolean(
        "pad_to_max_length",
        False,
        "Pad every input to max_seq_length as the original does; slow.",
    )
    boolean("require_gpu", False, "Stop when TensorFlow finds no GPU.")
    boolean(
        "overwrite_output_dir",
        False,
        "Start afresh: remove an earlier run's checkpoints and records first.",
    )
    _define_cluster_flags(boolean, string, integer)
    return flags


def define_evaluation_flags(flags, name):
    """Adds the flags of a script that scores a held-out file of that name."""
    tf.flags.DEFINE_bool(
        "do_eval", False, f"Whether to score {name}.", flag_values=flags
    )
    tf.flags.DEFINE_integer(
        "eval_batch_size", 8, "Examples in an evaluation step.", flag_values=flags
    )


def _define_cluster_flags(boolean, string, integer):
    """Flags of the original that mean nothing without a TPU; taken for old commands."""
    boolean("use_tpu", False, "TPUs are not supported; True is refused.")
    for name in ("tpu_name", "tpu_zone", "gcp_project", "master"):
        string(name, None, "Has no effect; only TPUs used it.")
    integer("num_tpu_cores", 8, "Has no effect; only TPUs used it.")
    integer("iterations_per_loop", 1000, "Has no effect; only TPUs used it.")


def parse_flags(flags, argv, description, required):
    """Parses and checks a command's arguments; --help prints what there is to know.

    Args:
      flags: see define_flags.
      argv: the command's arguments, its own name first.
      description: what --help prints above the flags.
      required: flags that must have a value, beside those that every script requires.

    Returns:
      flags, holding the values.

    Raises:
      InputError: an unknown flag, a value of the wrong type or out of range, a required
        one missing.
    """
    if any(argument in ("--help", "-h", "-help") for argument in argv[1:]):
        print(f"{description.strip()}\n\nflags:\n{flags.get_help(prefix='  ')}")
        sys.exit(0)
    try:
        rest = flags(argv)
    except tf.flags.Error as error:
        raise files.InputError(
            str(error), remedy=f"{os.path.basename(argv[0])} --help lists the flags"
        ) from error
    if rest[1:]:
        raise files.InputError(
            f"{rest[1]!r} is not a flag", remedy="flags look like --name=value"
        )
    for name in (*required, "vocab_file", "bert_config_file", "output_dir"):
        if not flags[name].value:
            raise files.InputError("is required", f"--{name}")
    _check_numbers(flags)
    if flags.use_tpu:
        raise files.InputError(
            "TPUs are not supported", "--use_tpu", remedy="leave the flag out"
        )
    return flags


# name → (least, greatest or None) of the flags that are numbers.
_RANGES = {
    "max_seq_length": (3, None),
    "train_batch_size": (1, None),
    "gradient_accumulation_steps": (1, None),
    "eval_batch_size": (1, None),
    "predict_batch_size": (1, None),
    "save_checkpoints_steps": (1, None),
    "keep_checkpoint_max": (1, 2**31 - 1),
    "num_train_epochs": (0.0, 1e6),
    "warmup_proportion": (0.0, 1.0),
    "seed": (0, 2**31 - 1),
    "doc_stride": (1, None),
    "max_query_length": (1, None),
    "n_best_size": (1, None),
    "max_answer_length": (1, None),
    "null_score_diff_threshold": (float("-inf"), None),
}
_POSITIVE = ("learning_rate", "num_train_epochs")


def _check_numbers(flags):
    for name in _POSITIVE:
        value = flags[name].value
        # Written so that nan fails, too.
        if not 0.0 < value < float("inf"):
            raise files.InputError(f"must be above 0, not {value}", f"--{name}")
    for name, (least, greatest) in _RANGES.items():
        if name not in flags:
            continue
        value = flags[name].value
        if not value >= least:
            raise files.InputError(f"must be {least} or more, not {value}", f"--{name}")
        if greatest is not None and not value <= greatest:
            raise files.InputError(
                f"must be at most {greatest}, not {value}", f"--{name}"
            )
    parts, examples = flags.gradient_accumulation_steps, flags.train_batch_size
    if examples % parts:
        raise files.InputError(
            f"{parts} equal parts cannot be made of --train_batch_size={examples}",
            "--gradient_accumulation_steps",
            remedy="give a divisor of it",
        )


def log_results(title, lines):
    """Logs a heading and the lines under it."""
    log.info("***** %s *****", title)
    for line in lines:
        log.info("  %s", line)


def report_device(require_gpu):
    """Logs what TensorFlow computes on.

    Raises:
      InputError: require_gpu, and there is no GPU.
    """
    gpus = tf.config.experimental.list_physical_devices("GPU")
    if gpus:
        names = ", ".join(gpu.name.split("physical_device:")[-1] for gpu in gpus)
        log.info("device: %s", names)
    elif require_gpu:
        raise files.InputError(
            f"TensorFlow {tf.version.VERSION} finds no GPU",
            "--require_gpu",
            remedy="check nvidia-smi and the CUDA libraries, or leave the flag out",
        )
    else:
        log.info("device: CPU, %d cores (no GPU found)", os.cpu_count())
