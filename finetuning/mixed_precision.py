"""Products in 16 bits, everything else in 32: --mixed_precision.

TensorFlow's rewriting of the graph inserts the casts (Micikevicius et al. 2018, "Mixed
Precision Training"): on a CPU to bfloat16, which has the range of float32; on a GPU to
float16, which has not, so that training multiplies its loss (optimization.LossScale).
Weights, Adam's slots and checkpoints stay in float32.

A processor's flags do not tell whether it gains: of those with avx512_bf16 some
multiply in bfloat16 twice as fast as in float32, some half as fast. So both are tried.
"""

import time
from typing import Optional

import tensorflow.compat.v1 as tf

from biocodes.lib import files
from finetuning import device, distributed
from finetuning.console import log

FLAG = "--mixed_precision"
# How many times as fast products have to be, for casts take time, too.
LEAST_GAIN = 1.2
# Compute capability from which on a card has units for float16.
LEAST_CAPABILITY = (7, 0)
# Pieces of a batch, and widths of BERT-base's feed-forward layer.
_PIECES, _HIDDEN, _INTERMEDIATE = 1024, 768, 3072
_TIMES = 3


def switch_on(options: tf.ConfigProto) -> None:
    """Change a session's options so that products are in 16 bits."""
    rewriting = options.graph_options.rewrite_options
    if device.has_gpu():
        rewriting.auto_mixed_precision = rewriting.ON
    else:
        rewriting.auto_mixed_precision_onednn_bfloat16 = rewriting.ON


def needs_loss_scale() -> bool:
    """Whether gradients would be lost to the smaller range: that of float16."""
    return device.has_gpu()


def check() -> None:
    """Refuse mixed precision where nothing is faster by it.

    Raises:
      InputError: TensorFlow, the processor or the card gains nothing.
    """
    why = _why_no_card if device.has_gpu() else _why_no_cpu
    reason = distributed.by_first(why)
    if reason:
        raise files.InputError(reason, FLAG, remedy="leave the flag out")


def _why_no_card() -> Optional[str]:
    """Say why the first GPU gains nothing; None if it gains."""
    if tf.test.is_gpu_available(True, LEAST_CAPABILITY):
        return None
    least = ".".join(map(str, LEAST_CAPABILITY))
    return f"no card here is of compute capability {least}, so none gains by float16"


def _why_no_cpu() -> Optional[str]:
    """Say why this CPU gains nothing; None if it gains."""
    fields = tf.ConfigProto().graph_options.rewrite_options.DESCRIPTOR.fields_by_name
    if "auto_mixed_precision_onednn_bfloat16" not in fields:
        return f"TensorFlow {tf.version.VERSION} has none on a CPU"
    single, half = (speed_of_products(dtype) for dtype in (tf.float32, tf.bfloat16))
    if half < LEAST_GAIN * single:
        return (
            f"this CPU gains nothing: products run at {half / 1e9:,.0f} GFLOP/s in"
            f" bfloat16, at {single / 1e9:,.0f} in float32"
        )
    log.info(
        "mixed precision: products run at %.0f GFLOP/s in bfloat16, %.0f in float32",
        half / 1e9,
        single / 1e9,
    )
    return None


def speed_of_products(dtype: tf.DType) -> float:
    """Measure the matrix products of a feed-forward layer of BERT-base.

    Args:
      dtype: of both factors.

    Returns:
      Floating-point operations a second, the best of a few.
    """
    shapes = (_PIECES, _HIDDEN), (_HIDDEN, _INTERMEDIATE)
    with tf.Graph().as_default(), tf.Session() as session:
        left, right = (tf.Variable(tf.cast(tf.ones(shape), dtype)) for shape in shapes)
        product = tf.matmul(left, right).op
        session.run(tf.global_variables_initializer())
        session.run(product)
        seconds = []
        for _ in range(_TIMES):
            start = time.perf_counter()
            session.run(product)
            seconds.append(time.perf_counter() - start)
    return 2 * _PIECES * _HIDDEN * _INTERMEDIATE / min(seconds)


class SkippedSteps:
    """Steps that loss scaling skips: now and then they are no error."""

    # Halved so often, the factor of optimization.LossScale is 1 from the first one on.
    IN_A_ROW = 20

    def __init__(self) -> None:
        self.count = self._in_a_row = 0

    def allows(self, step: int, finite: bool, scale: Optional[float]) -> bool:
        """Count a step, and say whether training may go on.

        Args:
          step: the global step after it.
          finite: whether its loss and gradients are.
          scale: what the loss was multiplied by; None: it was not.
        """
        if finite:
            self._in_a_row = 0
            return True
        if scale is None:
            return False
        self.count += 1
        self._in_a_row += 1
        log.info(
            "step %s is skipped: not finite in float16 at %g times the loss",
            f"{step:,}",
            scale,
        )
        return self._in_a_row < self.IN_A_ROW

    def report(self) -> None:
        """Log how many there were, if any."""
        if self.count:
            log.info("steps skipped: %d", self.count)
