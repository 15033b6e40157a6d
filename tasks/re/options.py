"""Flags of relation extraction beside its data: imbalance, several labels, windows."""

from typing import Any, Dict, NamedTuple, Optional

from biocodes.lib.files import InputError
from finetuning import command_line
from tasks.re import class_weights, threshold
from tasks.re.class_weights import Setting
from tasks.re.task import CUSTOM
from tasks.re.threshold import Threshold
from tasks.re.windows import LONG_SENTENCES, MEAN, POOLING, TRUNCATE, WINDOW


def define_flags(flags: command_line.Flags) -> None:
    """Add the flags."""
    topic = flags.topic("task")
    topic.boolean(
        "multilabel",
        False,
        "Of the custom task: a text has any number of labels, as in a|b.",
    )
    topic.choice(
        "long_sentences",
        TRUNCATE,
        LONG_SENTENCES,
        "Text longer than max_seq_length: truncate cuts it off, window reads all of it"
        " in overlapping windows.",
    )
    topic.choice(
        "window_pooling",
        None,
        POOLING,
        "What a text's logits are of those of its windows; default: mean.",
    )
    topic = flags.topic("imbalance")
    topic.string(
        "class_weights",
        None,
        "Weights of the labels in the training loss: balanced, or numbers in the order"
        " of the labels, as in 1,2.5. Default: none.",
    )
    topic.string(
        "threshold",
        None,
        "Probability from which on label 1 of two, or each label of a multilabel task,"
        " is predicted; best chooses the one with the best F1 on dev.tsv.",
    )


class Options(NamedTuple):
    """What these flags say.

    Attributes:
      multilabel: whether a text has any number of labels.
      pooling: how the logits of windows become those of a text; None: no windows.
      class_weights: see class_weights.parse.
      threshold: Threshold.
    """

    multilabel: bool = False
    pooling: Optional[str] = None
    class_weights: Setting = None
    threshold: Threshold = Threshold()

    @classmethod
    def from_flags(cls, flags: command_line.Flags) -> "Options":
        """Take the values of the flags.

        Raises:
          InputError: one cannot be used, or they do not go together.
        """
        in_windows = flags.long_sentences == WINDOW
        if flags.multilabel and flags.task_name.lower() != CUSTOM:
            raise InputError(f"is for --task_name={CUSTOM} only", "--multilabel")
        if flags.window_pooling and not in_windows:
            raise InputError(
                f"is for --long_sentences={WINDOW} only", "--window_pooling"
            )
        weights = class_weights.parse(flags.class_weights)
        if weights is not None and not flags.do_train:
            raise InputError(
                "are those of the training loss, but there is no training",
                class_weights.FLAG,
                remedy="leave the flag out",
            )
        chosen = Threshold.parse(flags.threshold)
        if chosen.is_best and flags.do_train and not flags.do_eval:
            raise InputError(
                f"{threshold.BEST} is chosen on dev.tsv",
                threshold.FLAG,
                remedy="give --do_eval=true",
            )
        pooling = (flags.window_pooling or MEAN) if in_windows else None
        return cls(flags.multilabel, pooling, weights, chosen)

    @property
    def of_training(self) -> Dict[str, Any]:
        """Return what a training rests on of them, but for the weights."""
        reading = WINDOW if self.pooling else TRUNCATE
        return {"multilabel": self.multilabel, "long_sentences": reading}

    @property
    def of_results(self) -> Dict[str, Any]:
        """Return what results rest on of them, but for threshold; {} by default."""
        facts: Dict[str, Any] = {"multilabel": True} if self.multilabel else {}
        if self.pooling:
            facts["window_pooling"] = self.pooling
        return facts

    @classmethod
    def of_python(cls, pooling: Optional[str], value: Optional[float]) -> "Options":
        """Take the arguments window_pooling and threshold of load().

        Raises:
          InputError: one of them cannot be used.
        """
        if pooling not in (None, *POOLING):
            expected = " or ".join(POOLING)
            raise InputError(f"is {expected}, not {pooling}", "window_pooling")
        chosen = Threshold() if value is None else Threshold.parse(str(value))
        return cls(pooling=pooling, threshold=chosen)
