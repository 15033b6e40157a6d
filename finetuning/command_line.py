"""What the three scripts share as commands: parsing, checks, errors of one line.

Import it before TensorFlow: it keeps TensorFlow's start-up chatter and the deprecation
warnings of its libraries off the console, so that the lines left are ours and a
person can read them. It does not import TensorFlow, which takes seconds: flags are
checked first, and a prediction may do without it. start_tensorflow does that.
"""

import logging
import os
import re
import sys
import textwrap
import warnings
from types import ModuleType
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# tensorflow-gpu would otherwise reserve the whole card, whatever the model needs.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
# As on a GPU, freed memory is kept for the next tensor. The C library would have each
# large one's pages zeroed anew, or cut up the gaps between them, of which batches of
# ever other lengths leave many.
os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
warnings.filterwarnings("ignore", category=FutureWarning)
warnings.filterwarnings("ignore", category=DeprecationWarning)

from biocodes.lib import command, files, tensorflow_import  # noqa: E402
from biocodes.lib.version import VERSION  # noqa: E402
from finetuning import distributed, signals  # noqa: E402
from finetuning.console import set_up_console, show_live  # noqa: E402

try:
    from absl import flags as absl_flags  # it comes with TensorFlow, as tf.flags
except ImportError as _error:
    tensorflow_import.fail(_error)

# What libraries warn of beside that; python -W error would make errors of it.
LIBRARY_WARNINGS = (
    ImportWarning,
    PendingDeprecationWarning,
    SyntaxWarning,
    UserWarning,
)

Main = Callable[[List[str], signals.Interruption], None]


def run(main: Main) -> None:
    """Run a script's main(argv, interruption): each of its errors is one line."""
    interruption = signals.Interruption()
    interruption.install()
    set_up_console()
    for category in LIBRARY_WARNINGS:
        warnings.filterwarnings("ignore", category=category)

    def begin() -> None:
        try:
            main(sys.argv, interruption)
        except files.InputError:
            distributed.leave_early_errors_to_first(sys.argv)
            raise
        finally:
            show_live("")

    try:
        command.run(begin)
    except signals.Interrupted as interrupted:
        signals.exit_when_interrupted(interrupted, _what_next(interrupted))


def _what_next(interrupted: signals.Interrupted) -> str:
    """Say what to do after an interruption."""
    if interrupted.again:
        return interrupted.again
    overwrites = any("overwrite_output_dir" in argument for argument in sys.argv[1:])
    if interrupted.where and overwrites:
        return "the same command without --overwrite_output_dir resumes from here"
    return signals.AGAIN


def start_tensorflow() -> ModuleType:
    """Import TensorFlow's version 1 interface, without a line of its own; return it.

    A signal meanwhile ends the process at once.
    """
    if "tensorflow.compat.v1" in sys.modules:
        return sys.modules["tensorflow.compat.v1"]
    with tensorflow_import.importing() as stderr, signals.ending_at_once(stderr):
        import tensorflow.compat.v1 as tf
    return tf


def set_up_tensorflow() -> None:
    """Make TensorFlow that of a command: version 1, and quiet."""
    tf = start_tensorflow()
    tf.get_logger().setLevel(logging.ERROR)
    tf.get_logger().propagate = False
    tf.disable_v2_behavior()


# Flags

FILES = "files"
MODEL = "model"
ACTIONS = "what to do"
TRAINING = "training"
MEMORY = "memory"
PREDICTION = "prediction"
OTHER = "other"
NO_EFFECT = "accepted for old commands, without effect"
# The order in which --help shows them; topics of a task stand before OTHER.
_LAST_TOPICS = (OTHER, NO_EFFECT)


class Flags(absl_flags.FlagValues):
    """The flags of a script, each under a topic."""

    def __init__(self) -> None:
        super().__init__()
        # FlagValues takes plain attributes for values of flags.
        self.__dict__["_topics"] = {}

    def topic(self, title: str) -> "FlagTopic":
        """Return what defines flags under a topic, new or known."""
        return FlagTopic(self, self.__dict__["_topics"].setdefault(title, []))

    def topics(self) -> Dict[str, List[str]]:
        """Map each topic to the names of its flags, in the order of --help."""
        topics = self.__dict__["_topics"]
        order = [title for title in topics if title not in _LAST_TOPICS]
        order += [title for title in _LAST_TOPICS if title in topics]
        return {title: topics[title] for title in order}


class FlagTopic:
    """Defines flags that --help shows together."""

    def __init__(self, flags: Flags, names: List[str]) -> None:
        self._flags = flags
        self._names = names

    def string(self, name: str, default: Optional[str], text: str) -> None:
        """Define a flag that takes text."""
        self._define(absl_flags.DEFINE_string, name, default, text)

    def integer(self, name: str, default: int, text: str) -> None:
        """Define a flag that takes a whole number."""
        self._define(absl_flags.DEFINE_integer, name, default, text)

    def number(self, name: str, default: float, text: str) -> None:
        """Define a flag that takes a number."""
        self._define(absl_flags.DEFINE_float, name, default, text)

    def boolean(self, name: str, default: bool, text: str) -> None:
        """Define a flag that takes true or false."""
        self._define(absl_flags.DEFINE_bool, name, default, text)

    def choice(
        self, name: str, default: Optional[str], values: Sequence[str], text: str
    ) -> None:
        """Define a flag that takes one of some values."""
        self._names.append(name)
        values = list(values)
        absl_flags.DEFINE_enum(name, default, values, text, flag_values=self._flags)

    def _define(
        self, define: Callable[..., Any], name: str, default: Any, text: str
    ) -> None:
        self._names.append(name)
        define(name, default, text, flag_values=self._flags)


def changed(flags: Flags) -> List[str]:
    """List the flags that were given another value than their default.

    What a model's folder says is no flag of the command, but each of several seeds is.
    """
    return [
        name
        for name in flags
        if flags[name].value != flags[name].default
        and (flags[name].present or name == "seed")
    ]


# --help and --version


def help_text(flags: Flags, description: str) -> str:
    """Lay out what --help prints: description, then the flags by topic."""
    lines = [description.strip()]
    for title, names in flags.topics().items():
        lines += ["", f"{title}:"]
        if title == NO_EFFECT:
            listed = ", ".join(f"--{name}" for name in names)
            lines += textwrap.wrap(
                listed, 88, initial_indent="  ", subsequent_indent="  "
            )
            continue
        for name in names:
            lines += _help_lines(flags[name])
    lines += [
        "",
        "--flagfile=FILE reads flags from a file, one a line; # is a comment.",
    ]
    return "\n".join(lines)


def _help_lines(flag: Any) -> List[str]:
    """Describe a flag: its name, default and text, in one line if they fit."""
    default = "" if flag.default is None else f"={flag.default}"
    if isinstance(flag.default, bool):
        default = default.lower()
    text = textwrap.wrap(flag.help, 100 - 36)
    lines = [f"  --{flag.name + default:<32}{text[0]}"]
    return lines + [" " * 36 + line for line in text[1:]]


# Parsing


def parse_flags(
    flags: Flags,
    argv: List[str],
    description: Optional[str],
    required: Iterable[str] = (),
) -> Flags:
    """Parse and check a command's arguments; --help prints what there is to know.

    Args:
      flags: the script's.
      argv: the command's arguments, its own name first.
      description: what --help prints above the flags; None under python -OO.
      required: flags that must have a value, beside those that every script requires.

    Returns:
      flags, holding the values.

    Raises:
      InputError: an unknown flag, a value of the wrong type or out of range, a required
        one missing.
    """
    name = os.path.basename(argv[0])
    if any(argument in ("--help", "-h", "-help") for argument in argv[1:]):
        print(help_text(flags, description or name))
        sys.exit(0)
    if "--version" in argv[1:]:
        print(f"{name} {VERSION}, TensorFlow {start_tensorflow().version.VERSION}")
        sys.exit(0)
    try:
        rest = flags(argv)
    except absl_flags.CantOpenFlagFileError as error:
        path = error.__context__.filename
        raise files.unreadable(f"--flagfile={path}", error.__context__) from error
    except absl_flags.Error as error:
        raise files.InputError(
            str(error), remedy=f"{name} --help lists the flags"
        ) from error
    except UnicodeDecodeError as error:
        raise files.InputError("is not UTF-8 text", "--flagfile") from error
    if rest[1:]:
        raise files.InputError(
            f"{rest[1]!r} is not a flag", remedy="flags look like --name=value"
        )
    has_folder = any(flags[name].value for name in _MODEL_FOLDERS if name in flags)
    files_of_model = () if has_folder else ("vocab_file", "bert_config_file")
    for flag in (*required, *files_of_model, "output_dir"):
        if not flags[flag].value:
            raise files.InputError("is required", f"--{flag}", remedy=_remedy(flag))
    _check_text(flags)
    _check_paths(flags)
    _check_numbers(flags)
    if flags.use_tpu:
        raise files.InputError(
            "TPUs are not supported", "--use_tpu", remedy="leave the flag out"
        )
    return flags


def _remedy(flag: str) -> Optional[str]:
    """Say what to do about a required flag, where its name does not."""
    if flag in ("vocab_file", "bert_config_file"):
        return "or name the folder of the model by --model_dir"
    return None


def _check_text(flags: Flags) -> None:
    """Refuse what no file could hold: labels, say, that are not UTF-8."""
    for name in flags:
        value = flags[name].value
        if name not in _PATHS and isinstance(value, str) and not files.is_text(value):
            raise files.InputError(f"{value} is not UTF-8 text", f"--{name}")


# Flags whose folders say what the model is.
_MODEL_FOLDERS = ("model_dir", "ensemble_of")
# Flags that TensorFlow gets as paths of checkpoints, and all that name local files.
_CHECKPOINT_PATHS = ("output_dir", "init_checkpoint", "model_dir", "ensemble_of")
_PATHS = (
    *_CHECKPOINT_PATHS,
    "vocab_file",
    "bert_config_file",
    "data_dir",
    "train_file",
    "predict_file",
    "dev_file",
)
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def _check_paths(flags: Flags) -> None:
    """Refuse paths that TensorFlow would misread, or wait for: gs://…, for minutes."""
    for name in _PATHS:
        value = flags[name].value if name in flags else None
        if not value:
            continue
        # --data_dir may name several folders: TYPE=FOLDER,FOLDER
        if any(map(_REMOTE.match, re.split("[,=]", value))):
            raise files.InputError(
                f"{value} is not on this machine",
                f"--{name}",
                remedy="copy it, or mount its file system, and name the local path",
            )
        if name in _CHECKPOINT_PATHS:
            tensorflow_import.check_path(value, f"--{name}")


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
    "examples_per_class": (1, None),
    "max_answer_length": (1, None),
    "null_score_diff_threshold": (float("-inf"), None),
}
_POSITIVE = ("learning_rate", "num_train_epochs")


def _check_numbers(flags: Flags) -> None:
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
