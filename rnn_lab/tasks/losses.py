"""Losses and metrics as sums and counts, which are divided once at the end.

A mean of means is wrong if batches differ in total weight, so nothing here
divides. All functions take the outputs before g (logits), compute in float32
whatever the precision of the model, and ignore targets of weight zero: their
value and gradient are exactly zero, whatever the outputs.
"""

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.types import Array, Batch


def weighted(values: Array, weights: Array | np.ndarray) -> tuple[Array, Array]:
  """Returns the weighted sum and the sum of weights, both float32 scalars.

  Args:
    values: any shape; can be infinite where the weight is zero.
    weights: the same shape, not negative.
  """
  values = values.astype(jnp.float32)
  weights = weights.astype(jnp.float32)
  # Not a bare product: zero times infinity is not a number.
  kept = jnp.where(weights != 0, values * weights, 0.0)
  return jnp.sum(kept), jnp.sum(weights)


def cross_entropy(outputs: Array, batch: Batch) -> tuple[Array, Array]:
  """Computes the sum of -log softmax(outputs)[target] in nats, and its count.

  Args:
    outputs: `[B, K]` or `[B, T, K]` logits.
    batch: classes in [0, K) as targets, `[B]` or `[B, T]`; weights likewise.

  Returns:
    The sum, nan where a target with a weight is no class, and the count.
  """
  outputs, targets = _masked(outputs, batch)
  # -1 would be the last class; K and above are nan.
  targets = jnp.where(targets < 0, outputs.shape[-1], targets)
  log_p = jax.nn.log_softmax(outputs)
  chosen = jnp.take_along_axis(log_p, targets[..., None], axis=-1)
  return weighted(-chosen[..., 0], batch.weights)


def binary_cross_entropy(outputs: Array, batch: Batch) -> tuple[Array, Array]:
  """Computes the sum of -z log s - (1 - z) log(1 - s) in nats, and its count.

  Here s = sigmoid(outputs). The K binary outputs of a target are summed and
  count as one.

  Args:
    outputs: `[B, K]` or `[B, T, K]` logits.
    batch: targets z, each 0 or 1 of any dtype, of the outputs' shape; weights
      `[B]` or `[B, T]`.
  """
  outputs, targets = _masked(outputs, batch)
  # Minus an unsigned 1 is 255.
  z = targets.astype(jnp.float32)
  # log(1 - s(x)) = log s(-x); both are accurate for large |x|.
  log_s = jax.nn.log_sigmoid
  values = -z * log_s(outputs) - (1 - z) * log_s(-outputs)
  return weighted(jnp.sum(values, axis=-1), batch.weights)


def squared_error(outputs: Array, batch: Batch) -> tuple[Array, Array]:
  """Computes the sum of (outputs - targets)^2, summed over K, and its count.

  Args:
    outputs: `[B, K]` or `[B, T, K]` numbers.
    batch: targets of the same shape; weights `[B]` or `[B, T]`.
  """
  outputs, targets = _masked(outputs, batch)
  values = jnp.sum(jnp.square(outputs - targets), axis=-1)
  return weighted(values, batch.weights)


def accuracy(outputs: Array, batch: Batch) -> tuple[Array, Array]:
  """Computes how often the largest output is the target's class, and the count.

  Args:
    outputs: `[B, K]` or `[B, T, K]` logits; of equal ones the first is taken,
      and of nan none.
    batch: classes as targets, `[B]` or `[B, T]`; weights likewise.
  """
  right = jnp.argmax(outputs, axis=-1) == batch.targets
  # The largest of numbers and nan is the first nan, or class 0 of nan alone.
  is_nan = jnp.isnan(outputs).any(axis=-1)
  return weighted(right & ~is_nan, batch.weights)


def class_metrics(
  outputs: Array, batch: Batch
) -> dict[str, tuple[Array, Array]]:
  """Computes "loss" and "accuracy", the metrics of a classification task."""
  return {
    "loss": cross_entropy(outputs, batch),
    "accuracy": accuracy(outputs, batch),
  }


def _masked(outputs: Array, batch: Batch) -> tuple[Array, Array]:
  """Returns float32 outputs and targets, zero where the weight is zero."""
  # Before the loss, not after: the derivative at a huge output is not finite,
  # and stays so when multiplied by zero.
  used = batch.weights != 0
  outputs = jnp.where(used[..., None], outputs.astype(jnp.float32), 0.0)
  if batch.targets.ndim > used.ndim:
    used = used[..., None]
  zero = jnp.zeros((), batch.targets.dtype)
  return outputs, jnp.where(used, batch.targets, zero)


LOSSES = {
  "softmax": cross_entropy,
  "sigmoid": binary_cross_entropy,
  "linear": squared_error,
}
