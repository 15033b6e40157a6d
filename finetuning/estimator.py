"""The one seam to TensorFlow's Estimator: nothing else in the suite names tf.estimator.

Estimator, EstimatorSpec, ModeKeys and RunConfig are TensorFlow's own where it has them,
in 1.15 to 2.15, and session.py's elsewhere. With BIOBERT_OWN_ESTIMATOR=1 in the
environment they are session.py's everywhere: for tests that run whole commands with it.
Within one process both can be had, as tf.estimator and as finetuning.session.
"""

import contextlib
import os
from typing import Iterator, Optional

import tensorflow.compat.v1 as tf

from biocodes.lib import files
from finetuning import distributed, mixed_precision, session
from finetuning.console import log

OWN = "BIOBERT_OWN_ESTIMATOR"

if hasattr(tf, "estimator") and os.environ.get(OWN, "0") in ("", "0"):
    _library = tf.estimator
else:
    _library = session

Estimator = _library.Estimator
EstimatorSpec = _library.EstimatorSpec
ModeKeys = _library.ModeKeys
RunConfig = _library.RunConfig


def create(
    model_fn: session.ModelFn,
    folder: str,
    seed: Optional[int],
    in_mixed_precision: bool = False,
) -> Estimator:
    """Make an Estimator that leaves saving and reporting to hooks.

    TF_CONFIG, which describes a cluster to tf.estimator, is removed from the
    environment: TensorFlow would wait for the other machines, or fail on it.

    Args:
      model_fn: function (features, mode) → EstimatorSpec.
      folder: where checkpoints are.
      seed: the graph's, of the first process; None: other random numbers in every run.
      in_mixed_precision: see mixed_precision.py.
    """
    if os.environ.pop("TF_CONFIG", None) is not None:
        log.warning("TF_CONFIG is ignored: a run uses this machine alone")
    return Estimator(
        model_fn,
        config=RunConfig(
            model_dir=folder,
            tf_random_seed=None if seed is None else distributed.seed(seed),
            save_checkpoints_steps=None,
            save_checkpoints_secs=None,
            save_summary_steps=0,
            log_step_count_steps=None,
            session_config=session_options(in_mixed_precision),
        ),
    )


def session_options(in_mixed_precision: bool = False) -> tf.ConfigProto:
    """Make the options that every session of the suite has."""
    # Threads are left to TensorFlow: one operation at a time, on all cores, takes a
    # tenth longer, for small operations then leave cores idle.
    options = tf.ConfigProto(allow_soft_placement=True)
    options.gpu_options.allow_growth = True
    # By default TensorFlow rewrites each graph twice; the second time takes up to a
    # second more and changes nothing of note.
    rewriting = options.graph_options.rewrite_options
    rewriting.meta_optimizer_iterations = rewriting.ONE
    if in_mixed_precision:
        mixed_precision.switch_on(options)
    distributed.set_options(options)
    return options


@contextlib.contextmanager
def memory_watched(examples: int, length: int, remedy: str) -> Iterator[None]:
    """Report memory that runs out within the block as a batch that is too large.

    A process that uses up the machine's memory may not get so far: the kernel kills it,
    or a library aborts (std::bad_alloc).

    Args:
      examples: of the largest batch.
      length: of the largest batch, in word pieces.
      remedy: what to do about it, in words.

    Raises:
      InputError: TensorFlow has no room for a tensor, or NumPy none for an array.
    """
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise files.InputError(
            f"out of memory with a batch of {examples} examples of up to {length}"
            " pieces",
            remedy=remedy,
        ) from error
