"""AdamW as BERT was trained with it, and its learning rate schedule.

Adam (Kingma and Ba 2015) without bias correction, with decoupled weight decay
(Loshchilov and Hutter 2019), after clipping the gradients to a global norm (Pascanu et
al. 2013). For a variable w with gradient g and a learning rate r, one step is

  m ← β1·m + (1-β1)·g      v ← β2·v + (1-β2)·g²      w ← w - r·(m / (√v + ε) + d·w)
"""

import functools
import re
from typing import (
    Callable,
    Iterable,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import tensorflow.compat.v1 as tf

CLIP_NORM = 1.0
WEIGHT_DECAY = 0.01
NOT_DECAYED = ("LayerNorm", "layer_norm", "bias")

# A gradient, or None for a variable that the loss does not depend on.
Gradient = Union[tf.Tensor, tf.IndexedSlices, None]
# Loss and gradients of a share of a step → the sums over all shares, each of which
# another process computes. IndexedSlices may come back as the rows of all of them.
Summed = Callable[[List[Gradient]], List[Gradient]]


class Update(NamedTuple):
    """One training step.

    Attributes:
      operation: updates the variables and the global step.
      loss: float scalar tensor, of all examples of the step.
      learning_rate: of this step, likewise.
      gradient_norm: global norm of the gradients before clipping, likewise.
      accumulate: for a step in micro-batches, the operation to run with each of them
        but the last, with which `operation` is run. Otherwise None.
      loss_scale: what the loss was multiplied by, likewise; None: it was not.
    """

    operation: tf.Operation
    loss: tf.Tensor
    learning_rate: tf.Tensor
    gradient_norm: tf.Tensor
    accumulate: Optional[tf.Operation]
    loss_scale: Optional[tf.Tensor] = None


def learning_rate_schedule(
    peak: float,
    num_train_steps: int,
    num_warmup_steps: Optional[int],
    step: tf.Tensor,
) -> tf.Tensor:
    """Compute the learning rate at a step: up linearly to the peak, then down to 0.

    Args:
      peak: learning rate at the start of the decay.
      num_train_steps: step at which it reaches 0.
      num_warmup_steps: steps of the way up; before that step the decay is not felt.
      step: int scalar, from 0.

    Returns:
      float scalar tensor.
    """
    rate = tf.train.polynomial_decay(
        tf.constant(peak, tf.float32), step, num_train_steps, end_learning_rate=0.0
    )
    if not num_warmup_steps:
        return rate
    warming = tf.constant(peak, tf.float32) * (
        tf.cast(step, tf.float32) / tf.constant(num_warmup_steps, tf.float32)
    )
    return tf.where(step < num_warmup_steps, warming, rate)


class Schedule(NamedTuple):
    """What learning_rate_schedule is of, but for the step."""

    peak: float
    num_train_steps: int
    num_warmup_steps: Optional[int] = None


def create_train_op(
    loss: tf.Tensor,
    schedule: Schedule,
    in_micro_batches: bool = False,
    scale: Optional["LossScale"] = None,
    summed: Optional[Summed] = None,
) -> Update:
    """Make the operation of a training step: clipping, AdamW, global step + 1.

    The rate of the update that makes global step n + 1 out of n is the schedule's at
    n + 1, as in the runs that the original recorded (tests/core/test_optimization.py):
    the first update of a run with warm-up is small, not nothing.

    Args:
      loss: float scalar.
      schedule: of the learning rate.
      in_micro_batches: whether a step comes as several batches, whose losses add up to
        that of the step; Update.accumulate is then to be run, too.
      scale: multiplies the loss for gradients in float16. A step whose gradients are
        not finite then changes nothing but the scale and the global step.
      summed: of a step that several processes share; it is called once a step.
    """
    global_step = tf.train.get_or_create_global_step()
    rate = learning_rate_schedule(*schedule, tf.cast(global_step, tf.int32) + 1)
    variables = tf.trainable_variables()
    gradients = (scale.gradients if scale else tf.gradients)(loss, variables)
    total = None
    if in_micro_batches:
        total = _Total(loss, gradients, variables)
        loss, gradients, norm = total.of_step(summed)
    else:
        if summed:
            loss, *gradients = summed([loss, *gradients])
        norm = tf.global_norm(gradients)
    update = functools.partial(_apply, rate, gradients, variables, norm)
    updated = scale.apply_if_finite(update, norm) if scale else update()
    with tf.control_dependencies([updated]):
        operation = global_step.assign_add(1, read_value=False)
    if total:
        operation = total.cleared_after([operation, loss, norm])
    return Update(
        operation, loss, rate, norm, total and total.add, scale and scale.before
    )


def _apply(rate, gradients, variables, norm):
    """Clip the gradients to the norm, and make the operation of AdamW."""
    clipped, _ = tf.clip_by_global_norm(gradients, CLIP_NORM, norm)
    optimizer = AdamWeightDecayOptimizer(
        rate, WEIGHT_DECAY, exclude_from_weight_decay=NOT_DECAYED
    )
    return optimizer.apply_gradients(zip(clipped, variables))


class LossScale:
    """Multiplies a loss so that its gradients are not lost to float16's small range.

    The factor is halved whenever a gradient is not finite, and doubled after so many
    steps in which all are (Micikevicius et al. 2018, section 3.2). It is a power of
    two: multiplying by it and dividing again changes no digit. Its variables are local:
    no checkpoint has them, and each session begins at the first factor, from which it
    is some steps to one that fits.

    Attributes:
      before: the factor of this step, a float scalar.
    """

    FIRST = 2.0**15
    LEAST = 1.0
    GREATEST = 2.0**24
    STEPS_TO_DOUBLE = 2000

    def __init__(self) -> None:
        scalar = tf.zeros([], tf.float32)
        self._factor = _local("loss_scale/factor", scalar, self.FIRST)
        self._steps = _local("loss_scale/finite_steps", scalar, 0.0)
        self.before = self._factor.read_value()

    def gradients(
        self, loss: tf.Tensor, variables: Sequence[tf.Variable]
    ) -> List[Gradient]:
        """Compute a loss's gradients by way of the multiplied loss."""
        scaled = tf.gradients(loss * self.before, variables)
        return [_divided(gradient, self.before) for gradient in scaled]

    def apply_if_finite(
        self, apply: Callable[[], tf.Operation], norm: tf.Tensor
    ) -> tf.Operation:
        """Make the operation that updates, if the norm is finite, and the factor.

        Args:
          apply: makes the operation of the update.
          norm: of the gradients, divided again.
        """
        finite = tf.is_finite(norm)
        applied = tf.cond(finite, lambda: tf.group(apply()), tf.no_op)
        steps = tf.where(finite, self._steps.read_value() + 1.0, 0.0)
        doubles = steps >= self.STEPS_TO_DOUBLE
        up = tf.where(doubles, self.before * 2.0, self.before)
        factor = tf.where(finite, up, self.before / 2.0)
        factor = tf.clip_by_value(factor, self.LEAST, self.GREATEST)
        # What was read belongs to this step, so it is read before it is replaced.
        with tf.control_dependencies([applied, factor, steps]):
            return tf.group(
                self._factor.assign(factor).op,
                self._steps.assign(tf.where(doubles, 0.0, steps)).op,
            )


def _divided(gradient, factor):
    if isinstance(gradient, tf.IndexedSlices):
        values = gradient.values / factor
        return tf.IndexedSlices(values, gradient.indices, gradient.dense_shape)
    return None if gradient is None else gradient / factor


class _Total:
    """The loss and gradients of a step, added up over its micro-batches.

    The sums are local variables: they last as long as the session, and no checkpoint
    has them.

    A gradient that comes as rows of a table enters the norm row by row as it comes,
    twice if a word occurs twice (tests/core/test_optimization.py has an example). The
    sum, in which equal rows are one, cannot tell that any more, so the rows' squares
    are added up beside it.

    Attributes:
      add: operation that adds this micro-batch.
    """

    def __init__(self, loss, gradients, variables):
        loss_sum, squares = _sum("loss", loss), _sum("squares", loss)
        sums = [
            None if gradient is None else _sum(variable.op.name, variable)
            for gradient, variable in zip(gradients, variables)
        ]
        self._sums = [loss_sum, squares, *sums]
        self._in_rows = [isinstance(one, tf.IndexedSlices) for one in gradients]
        adding = [loss_sum.assign_add(loss)]
        for gradient, total in zip(gradients, sums):
            if isinstance(gradient, tf.IndexedSlices):
                adding.append(total.scatter_add(gradient))
                adding.append(squares.assign_add(2 * tf.nn.l2_loss(gradient.values)))
            elif gradient is not None:
                adding.append(total.assign_add(gradient))
        self.add = tf.group(*(one.op for one in adding))

    def of_step(self, summed):
        """Build the sums after `add`, over all processes that have a share of the step.

        Returns:
          loss; gradients, all dense, None where there is none; their global norm.
        """
        with tf.control_dependencies([self.add]):
            values = [None if one is None else one.read_value() for one in self._sums]
        loss, squares, *gradients = summed(values) if summed else values
        tables = [
            gradient
            for gradient, in_rows in zip(gradients, self._in_rows)
            if not in_rows
        ]
        return loss, gradients, tf.global_norm([tf.sqrt(squares), *tables])

    def cleared_after(self, operations):
        """Make the operation that zeroes all sums once others have read them."""
        with tf.control_dependencies(operations):
            return tf.group(
                *(
                    one.assign(tf.zeros(one.shape, one.dtype)).op
                    for one in self._sums
                    if one is not None
                )
            )


def _sum(name, like):
    return _local("sum_of_micro_batches/" + name, like, 0.0)


def _local(name, like, value):
    """Make a variable that lasts as long as the session."""
    return tf.get_variable(
        name,
        like.shape,
        like.dtype.base_dtype,
        tf.constant_initializer(value) if value else tf.zeros_initializer(),
        trainable=False,
        collections=[tf.GraphKeys.LOCAL_VARIABLES],
        use_resource=True,
    )


class AdamWeightDecayOptimizer(tf.train.Optimizer):
    """AdamW without bias correction; slots `<variable>/adam_m`, `<variable>/adam_v`.

    TensorFlow's fused Adam kernel computes w ← w - α·m / (√v + ε) with
    α = r·√(1-β2ᵗ) / (1-β1ᵗ), reading βᵗ from two inputs. With both inputs 0 there is no
    bias correction, α = r, and it is our update but for the decay, which is taken off
    w before: w·(1 - r·d).
    """

    def __init__(
        self,
        learning_rate: Union[float, tf.Tensor],
        weight_decay_rate: float = 0.0,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-6,
        exclude_from_weight_decay: Optional[Sequence[str]] = None,
        name: str = "AdamWeightDecayOptimizer",
        use_locking: bool = False,
    ) -> None:
        """Make the optimizer. As in BERT, nothing decays unless the caller asks for it.

        Args:
          learning_rate: r, a scalar.
          weight_decay_rate: d.
          beta_1, beta_2, epsilon: β1, β2, ε.
          exclude_from_weight_decay: patterns (re.search) of the names of variables that
            do not decay.
          name, use_locking: of tf.train.Optimizer.
        """
        super().__init__(use_locking, name)
        self.learning_rate = learning_rate
        self.weight_decay_rate = weight_decay_rate
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.exclude_from_weight_decay = exclude_from_weight_decay

    def apply_gradients(
        self,
        grads_and_vars: Iterable[Tuple[Gradient, tf.Variable]],
        global_step: Optional[tf.Variable] = None,
        name: Optional[str] = None,
    ) -> tf.Operation:
        """Make the operation that updates the variables.

        Args:
          grads_and_vars: pairs; a variable whose gradient is None is left alone.
          global_step: ignored. BERT's optimizer leaves it to the caller to count steps,
            and scripts that pass it add 1 themselves.
          name: of the operation.
        """
        return super().apply_gradients(grads_and_vars, name=name)

    def _create_slots(self, var_list):
        for variable in var_list:
            self._zeros_slot(variable, "adam_m", "adam_m")
            self._zeros_slot(variable, "adam_v", "adam_v")

    def _prepare(self):
        self._rate = tf.convert_to_tensor(self.learning_rate, name="learning_rate")

    def _decays(self, variable):
        name, excluded = variable.op.name, self.exclude_from_weight_decay or ()
        return bool(self.weight_decay_rate) and not any(
            re.search(pattern, name) for pattern in excluded
        )

    def _apply_dense(self, grad, var):
        return self._update(grad, var, _reference_adam)

    def _resource_apply_dense(self, grad, handle):
        return self._update(grad, handle, _resource_adam)

    def _apply_sparse(self, grad, var):
        # m and v of every row decay at every step, so the update is dense whatever the
        # gradient is.
        return self._apply_dense(tf.convert_to_tensor(grad), var)

    def _resource_apply_sparse(self, grad, handle, indices):
        rows = tf.unsorted_segment_sum(grad, indices, tf.shape(handle)[0])
        return self._resource_apply_dense(rows, handle)

    def _apply_sparse_duplicate_indices(self, grad, var):
        return self._apply_sparse(grad, var)

    def _resource_apply_sparse_duplicate_indices(self, grad, handle, indices):
        # The sum over equal indices is made here already; the base class would first
        # make them unique, which costs a sort.
        return self._resource_apply_sparse(grad, handle, indices)

    def _update(self, grad, variable, adam):
        m = self.get_slot(variable, "adam_m")
        v = self.get_slot(variable, "adam_v")
        dtype = variable.dtype.base_dtype
        rate = tf.cast(self._rate, dtype)
        # Only once the gradient is there has the backward pass done with the old value.
        before = [grad]
        if self._decays(variable):
            with tf.control_dependencies([grad]):
                kept = 1.0 - rate * self.weight_decay_rate
                before.append(
                    tf.assign(variable, variable * kept, use_locking=self._use_locking)
                )
        zero = tf.zeros([], dtype)
        with tf.control_dependencies(before):
            return adam(
                variable,
                m,
                v,
                beta1_power=zero,
                beta2_power=zero,
                lr=rate,
                beta1=tf.constant(self.beta_1, dtype),
                beta2=tf.constant(self.beta_2, dtype),
                epsilon=tf.constant(self.epsilon, dtype),
                grad=grad,
                use_locking=self._use_locking,
            )


def _reference_adam(var, m, v, **arguments):
    return tf.raw_ops.ApplyAdam(var=var, m=m, v=v, **arguments)


def _resource_adam(var, m, v, **arguments):
    return tf.raw_ops.ResourceApplyAdam(
        var=var.handle, m=m.handle, v=v.handle, **arguments
    )


# For other scripts: the rest of the public names of BERT's optimization.py, which the
# suite itself has no use for (docs/core.md)


def create_optimizer(
    loss: tf.Tensor,
    init_lr: float,
    num_train_steps: int,
    num_warmup_steps: Optional[int],
    use_tpu: bool,
) -> tf.Operation:
    """Make the operation of a training step, global step + 1 included.

    create_train_op says what it does and at which rate.

    Raises:
      ValueError: use_tpu is true; TPUs are not supported.
    """
    if use_tpu:
        raise ValueError("use_tpu must be False: TPUs are not supported")
    schedule = Schedule(init_lr, num_train_steps, num_warmup_steps)
    return create_train_op(loss, schedule).operation
