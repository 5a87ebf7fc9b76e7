"""The gradient through time: how much of dE/dh_t is left at each step t."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from rnn_lab.types import Array, PyTree


def gradient_flow(
  cost: Callable[[PyTree], Array],
  perturbations: PyTree,
  lengths_B: Array | None = None,
) -> PyTree:
  """The norm of dE/dh_t, per example, averaged over the batch, for every t.

  All t and all layers come from one backward pass: something is added to
  each hidden state, and the cost differentiated with respect to it, at zero.

  Args:
    cost: from perturbations to E, the loss summed over the batch, so that an
      example's gradient does not depend on how many there are.
    perturbations: zeros, leaves `[T, B, H]`; see
      `rnn_lab.stack.zero_perturbations`.
    lengths_B: the examples' lengths; an example counts in the mean for the
      steps that it has. None where all have T.

  Returns:
    The structure of `perturbations` with leaves `[T]`, in units of the loss
    per unit of h.
  """
  gradients = jax.grad(cost)(perturbations)

  def mean_norm(gradient_TBH: Array) -> Array:
    norm_TB = jnp.sqrt(jnp.sum(jnp.square(gradient_TBH), axis=-1))
    if lengths_B is None:
      return jnp.mean(norm_TB, axis=1)
    t_T = jnp.arange(norm_TB.shape[0])
    valid_TB = t_T[:, None] < lengths_B[None, :]
    count_T = jnp.maximum(jnp.sum(valid_TB, axis=1), 1)
    return jnp.sum(jnp.where(valid_TB, norm_TB, 0.0), axis=1) / count_T

  return jax.tree.map(mean_norm, gradients)
