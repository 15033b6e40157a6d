"""The seam to TensorFlow's Estimator; nothing else names it."""

import contextlib

import tensorflow.compat.v1 as tf

from biocodes.lib import files

EstimatorSpec = tf.estimator.EstimatorSpec
ModeKeys = tf.estimator.ModeKeys


def create(model_fn, folder, seed):
    # Threads are left to TensorFlow: one operation at a time, on all cores, takes a
    # tenth longer, for small operations then leave cores idle.
    session = tf.ConfigProto(allow_soft_placement=True)
    session.gpu_options.allow_growth = True
    return tf.estimator.Estimator(
        model_fn,
        config=tf.estimator.RunConfig(
            model_dir=folder,
            tf_random_seed=seed,
            # Saving and reporting are ours, see hooks.py.
            save_checkpoints_steps=None,
            save_checkpoints_secs=None,
            save_summary_steps=0,
            log_step_count_steps=None,
            session_config=session,
        ),
    )


@contextlib.contextmanager
def memory_watched(examples, length, remedy):
    """Within the block, memory that runs out is told with the batch that is too large.

    A process that uses up the machine's memory may not get so far: the kernel kills it,
    or a library aborts (std::bad_alloc).

    Args:
      examples, length: of the largest batch.
      remedy: what to do about it.

    Raises:
      InputError: a tensor, or an array, cannot be had.
    """
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise files.InputError(
            f"out of memory with a batch of {examples} examples of up to {length}"
            " pieces",
            remedy=remedy,
        ) from error
