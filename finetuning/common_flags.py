"""The flags that all three scripts have; those of a task are with the task."""

from finetuning.command_line import (
    ACTIONS,
    FILES,
    MEMORY,
    MODEL,
    NO_EFFECT,
    OTHER,
    PREDICTION,
    TRAINING,
    Flags,
    FlagTopic,
)


def define_flags(
    *,
    do_lower_case: bool,
    max_seq_length: int,
    do_train: bool,
    do_predict: bool,
    num_train_epochs: float,
) -> Flags:
    """Define the flags that all three scripts have, with the defaults that differ."""
    flags = Flags()
    topic = flags.topic(FILES)
    topic.string("output_dir", None, "Folder for checkpoints and results. Required.")
    topic.boolean(
        "overwrite_output_dir",
        False,
        "Start afresh: remove an earlier run's checkpoints and records first.",
    )
    _define_model_flags(flags.topic(MODEL), do_lower_case, max_seq_length)
    topic = flags.topic(ACTIONS)
    topic.boolean("do_train", do_train, "Fine-tune.")
    topic.boolean("do_predict", do_predict, "Predict.")
    _define_training_flags(flags.topic(TRAINING), num_train_epochs)
    _define_memory_flags(flags)
    topic = flags.topic(OTHER)
    topic.boolean(
        "mixed_precision",
        False,
        "Products in 16 bits, where they are faster; results differ a bit.",
    )
    topic.boolean(
        "horovod",
        False,
        "One of several processes of a run; see docs/scaling.md.",
    )
    topic.boolean("require_gpu", False, "Stop when TensorFlow finds no GPU.")
    topic.boolean("report", True, "Write report.html, a page to look at, at the end.")
    _define_flags_without_effect(flags.topic(NO_EFFECT))
    return flags


def _define_model_flags(
    topic: FlagTopic, do_lower_case: bool, max_seq_length: int
) -> None:
    topic.string(
        "model_dir",
        None,
        "Folder of a pretrained or fine-tuned model: vocabulary, configuration, casing,"
        " labels and checkpoint. The flags below override it.",
    )
    topic.string(
        "vocab_file", None, "WordPiece vocabulary. Required without model_dir."
    )
    topic.string(
        "bert_config_file",
        None,
        "bert_config.json of the encoder. Required without model_dir.",
    )
    topic.string(
        "init_checkpoint",
        None,
        "Checkpoint to start from: its prefix, one of its files, or its folder.",
    )
    topic.boolean(
        "do_lower_case", do_lower_case, "True for uncased models, False for cased ones."
    )
    topic.integer(
        "max_seq_length",
        max_seq_length,
        "Longest input in word pieces, [CLS] and [SEP] included; longer ones are cut.",
    )


def _define_training_flags(topic: FlagTopic, num_train_epochs: float) -> None:
    topic.number("learning_rate", 5e-5, "Peak learning rate of AdamW.")
    topic.number("num_train_epochs", num_train_epochs, "Passes over the training data.")
    topic.integer("train_batch_size", 32, "Examples in a training step.")
    topic.number(
        "warmup_proportion",
        0.1,
        "Share of the training steps in which the learning rate rises.",
    )
    topic.integer("save_checkpoints_steps", 1000, "Steps between two checkpoints.")
    topic.integer("keep_checkpoint_max", 5, "Number of latest checkpoints kept.")
    topic.integer("seed", 1, "Fixes new weights, dropout and the order of examples.")
    topic.boolean(
        "pad_to_max_length",
        False,
        "Pad every input to max_seq_length as the original does; slow.",
    )


def _define_memory_flags(flags: Flags) -> None:
    topic = flags.topic(MEMORY)
    topic.integer(
        "gradient_accumulation_steps",
        1,
        "Parts in which a step's examples are computed one after another; the result is"
        " the same.",
    )
    topic.boolean(
        "recompute_layers",
        False,
        "Compute layers again for their gradients; the same result.",
    )
    topic = flags.topic(PREDICTION)
    topic.integer(
        "predict_batch_size",
        8,
        "Examples in a prediction step; more while they are short.",
    )
    topic.choice(
        "engine",
        "tensorflow",
        ("tensorflow", "onnx"),
        "What predicts: onnx for a model that export_model.py has made.",
    )


def define_evaluation_flags(flags: Flags, name: str) -> None:
    """Add the flags of a script that scores a held-out file of that name."""
    flags.topic(ACTIONS).boolean("do_eval", False, f"Score {name}.")
    flags.topic(PREDICTION).integer(
        "eval_batch_size", 8, "Examples in an evaluation step."
    )


def _define_flags_without_effect(topic: FlagTopic) -> None:
    """Define flags of the original that mean nothing without a TPU."""
    topic.boolean("use_tpu", False, "TPUs are not supported; True is refused.")
    for name in ("tpu_name", "tpu_zone", "gcp_project", "master"):
        topic.string(name, None, "Only TPUs used it.")
    topic.integer("num_tpu_cores", 8, "Only TPUs used it.")
    topic.integer("iterations_per_loop", 1000, "Only TPUs used it.")
