"""TensorFlow checkpoints as arrays: read and written, without a model's graph."""

import os
import re
from types import ModuleType
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

from biocodes.lib import files, tensorflow_import
from biocodes.lib.model_folder import SLOTS
from biocodes.models.layout import Arrays

STEP = "global_step"
_REASON = re.compile(r"; ([^;\n]+)")


def quiet_tensorflow() -> ModuleType:
    """Import TensorFlow's version 1 interface, without the noise of that.

    Here and not at the top: wrong input is reported without waiting seconds for it.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tensorflow_import.importing():
        import tensorflow.compat.v1 as tf
    tf.logging.set_verbosity(tf.logging.ERROR)
    return tf


class Checkpoint:
    """A checkpoint that is read variable by variable.

    Attributes:
      prefix: of its files.
      shapes: name of a variable → its sizes.
    """

    def __init__(self, prefix: str) -> None:
        """Open it.

        Raises:
          InputError: it is damaged.
        """
        tf = quiet_tensorflow()
        self.prefix = prefix
        # TensorFlow 2's reader raises Python's errors for some of its own.
        self._errors = (tf.errors.OpError, ValueError, RuntimeError, IndexError)
        try:
            self._reader = tf.train.load_checkpoint(prefix)
            sizes = self._reader.get_variable_to_shape_map()
        except self._errors as error:
            raise self._damaged() from error
        self.shapes: Dict[str, Tuple[int, ...]] = {
            name: tuple(sizes[name]) for name in sorted(sizes)
        }

    def read(self, name: str) -> np.ndarray:
        """Read a variable.

        Raises:
          InputError: the files are damaged, or it holds NaN or infinity.
        """
        try:
            value = np.asarray(self._reader.get_tensor(name))
        except self._errors as error:
            raise self._damaged() from error
        if np.issubdtype(value.dtype, np.floating) and not np.isfinite(value).all():
            raise files.InputError(
                f"{name} holds numbers that are not finite", self.prefix
            )
        return value

    def read_all(self, names: Sequence[str]) -> Arrays:
        """Read variables; arguments and errors as of read."""
        return {name: self.read(name) for name in names}

    def without_slots(self) -> List[str]:
        """Name the variables that are not the optimizer's."""
        return [name for name in self.shapes if not name.endswith(SLOTS)]

    @property
    def step(self) -> int:
        """The training step at which it was saved; 0 if it does not say."""
        return int(self.read(STEP)) if STEP in self.shapes else 0

    def _damaged(self) -> files.InputError:
        return files.InputError(
            "not a readable TensorFlow checkpoint",
            self.prefix,
            remedy="copy or download it again",
        )


def save_checkpoint(prefix: str, variables: Arrays) -> None:
    """Save the TensorFlow 1 checkpoint prefix.index and prefix.data-….

    Raises:
      InputError: it cannot be written.
    """
    tf = quiet_tensorflow()
    no_gpu = tf.ConfigProto(device_count={"GPU": 0})
    with tf.Graph().as_default(), tf.Session(config=no_gpu) as session:
        for name, array in variables.items():
            # Fed, because as a constant it would count against a graph's 2 GB.
            value = tf.placeholder(tf.as_dtype(array.dtype), array.shape)
            variable = tf.get_variable(name, initializer=value)
            session.run(variable.initializer, {value: array})
        try:
            tf.train.Saver().save(
                session, prefix, write_meta_graph=False, write_state=False
            )
        except tf.errors.OpError as error:
            raise unwritable(prefix, error) from error


def unwritable(path: str, error: Any) -> files.InputError:
    """Make the InputError for an OpError that TensorFlow met while writing path."""
    # "Graph execution error: …\n/tmp/x.tempstate1; No space left on device\n\t [[…"
    reason = _REASON.search(error.message)
    text = reason.group(1) if reason else error.message.splitlines()[0]
    return files.unwritable(path, OSError(0, text.strip()))
