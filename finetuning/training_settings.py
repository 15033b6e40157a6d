"""How to train: the settings of the training loop, without TensorFlow."""

import math
from typing import Any, NamedTuple, Optional, Tuple

from biocodes.lib import files
from finetuning.batches import LENGTH_CLASSES, Draw
from finetuning.evaluation import Evaluation


class TrainingSettings(NamedTuple):
    """How to train; most names are those of the flags.

    Attributes:
      train_batch_size: examples in a step.
      learning_rate: peak.
      num_train_epochs: passes over the data; need not be whole.
      warmup_proportion: share of the steps in which the learning rate rises.
      save_checkpoints_steps: steps from one checkpoint to the next.
      keep_checkpoint_max: number of latest checkpoints kept.
      seed: of new weights, dropout and order.
      gradient_accumulation_steps: micro-batches that a step's examples are cut into.
      recompute_layers: whether gradients compute each layer once more, to save memory.
      mixed_precision: whether products are in 16 bits, see mixed_precision.py.
      pad_to: length that every batch is padded to, or None for its own longest.
      init_checkpoint: prefix of the checkpoint with the first weights, or None.
      examples: training examples in an epoch; each may be several records, or none.
      evaluation: of development data during training, or None.
      draw: draws the records of each epoch, see batches.training_order.
      processes: that share each step.
    """

    train_batch_size: int
    learning_rate: float
    num_train_epochs: float
    warmup_proportion: float
    save_checkpoints_steps: int
    keep_checkpoint_max: int
    seed: int
    gradient_accumulation_steps: int = 1
    recompute_layers: bool = False
    mixed_precision: bool = False
    pad_to: Optional[int] = None
    init_checkpoint: Optional[str] = None
    examples: int = 0
    evaluation: Optional[Evaluation] = None
    draw: Optional[Draw] = None
    processes: int = 1

    @classmethod
    def from_flags(
        cls, flags: Any, init_checkpoint: Optional[str]
    ) -> "TrainingSettings":
        """Take the values of a script's flags.

        Args:
          flags: the script's.
          init_checkpoint: prefix that --init_checkpoint means.
        """
        of_flags = [name for name in cls._fields if name in flags]
        values = {name: flags[name].value for name in of_flags}
        pad_to = flags.max_seq_length if flags.pad_to_max_length else None
        values.update(pad_to=pad_to, init_checkpoint=init_checkpoint)
        return cls(**values)

    @property
    def parts(self) -> int:
        """Parts of different length that a process's micro-batch has."""
        if self.pad_to:
            return 1
        classes = max(1, LENGTH_CLASSES // self.gradient_accumulation_steps)
        return math.gcd(self.examples_at_once, classes)

    @property
    def examples_at_once(self) -> int:
        """Examples of a process's micro-batch."""
        parts = self.processes * self.gradient_accumulation_steps
        return self.train_batch_size // parts

    def steps(self) -> Tuple[int, int]:
        """Return the number of training steps, and of those that are warm-up.

        Raises:
          InputError: the examples make no step.
        """
        total = int(self.examples / self.train_batch_size * self.num_train_epochs)
        if not total:
            raise files.InputError(
                f"{self.examples} examples make no step of {self.train_batch_size} in"
                f" {self.num_train_epochs:g} epochs",
                remedy="lower --train_batch_size or raise --num_train_epochs",
            )
        return total, int(total * self.warmup_proportion)

    def saves(self, step: int) -> bool:
        """Whether a checkpoint is saved after a step."""
        evaluated = self.evaluation and self.evaluation.schedule.is_due(step)
        return bool(evaluated) or step % self.save_checkpoints_steps == 0
