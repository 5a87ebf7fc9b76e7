"""The gradient flow through time: dE/ds_t at every step t.

s_t is the carry after step t: h_t, or h_t and c_t. All steps, layers and
states come from one backward pass: a perturbation is added to every carry (see
`rnn_lab.perturbations`), and the cost is differentiated with respect to it, at
zero.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from rnn_lab._steps import as_lengths, before_length
from rnn_lab.gradients.costs import shape_error
from rnn_lab.gradients.norms import norm
from rnn_lab.types import Array, PyTree


def state_gradients(
  cost: Callable[[PyTree], Array], perturbations: PyTree
) -> PyTree:
  """Computes dE/ds_t for every step, example and unit.

    layers = stack([lstm(8)])
    params = init_stack(layers, key, 2)

    def cost(e):
      carry, y_TBH = unroll_stack(layers, params, x_TBD, perturbations=e)
      return jnp.sum(y_TBH[-1] ** 2)

    zeros = zero_perturbations(layers, *x_TBD.shape[:2])
    state_gradients(cost, zeros)[0].forward.c  # dE/dc_t of the layer, [T, B, H]

  Args:
    cost: from perturbations to E, the loss summed over the batch, so that an
      example's gradient does not depend on the batch size.
    perturbations: zeros, leaves `[T, B, H]`; see
      `rnn_lab.zero_perturbations`.

  Returns:
    The structure of `perturbations`, leaves `[T, B, H]`, in units of the loss
    per unit of the state.
  """
  return jax.grad(cost)(perturbations)


def gradient_flow(
  cost: Callable[[PyTree], Array],
  perturbations: PyTree,
  lengths_B: Array | None = None,
) -> PyTree:
  """Computes `norm_by_time` of each leaf of `state_gradients`."""
  gradients = state_gradients(cost, perturbations)
  return jax.tree.map(lambda g_TBH: norm_by_time(g_TBH, lengths_B), gradients)


def norm_by_time(gradient_TBH: Array, lengths_B: Array | None = None) -> Array:
  """Computes the mean over the batch of each example's |dE/ds_t|: `[T]`.

  Args:
    gradient_TBH: a leaf of `state_gradients`; a state of another shape
      `[T, B, ...]` counts as one vector per example.
    lengths_B: the examples' lengths; the mean at a step is over the examples
      that have that step. None where all have T.

  Raises:
    FieldError: the gradient is not `[T, B, ...]`, or a length is not in [0, T].
  """
  return _mean(_norms(gradient_TBH), lengths_B)


def norm_by_lag(gradient_TBH: Array, lengths_B: Array | None = None) -> Array:
  """Computes `norm_by_time` by lag l = 0, 1, ... from each last step: `[T]`.

  An example of n steps is at lag l at its step n - 1 - l, so that sequences of
  different lengths are averaged at the same distance from their ends. Args and
  errors as of `norm_by_time`.
  """
  norm_TB = _norms(gradient_TBH)
  if lengths_B is None:
    return _mean(norm_TB[::-1], None)
  lengths_B = as_lengths(lengths_B, *_shape(norm_TB))
  lag_T1 = jnp.arange(len(norm_TB))[:, None]
  place_TB = jnp.clip(lengths_B[None, :] - 1 - lag_T1, 0)
  return _mean(jnp.take_along_axis(norm_TB, place_TB, axis=0), lengths_B)


def size_by_unit(gradient_TBH: Array, lengths_B: Array | None = None) -> Array:
  """Computes the mean over the batch of each unit's |dE/ds_t|: `[T, H]`.

  Args and errors as of `norm_by_time`.
  """
  return _mean(jnp.abs(_checked("gradient_TBH", gradient_TBH)), lengths_B)


def used_steps(values: Array, lengths_B: Array | None) -> Array:
  """Returns booleans `[T, B, 1, ...]`: the steps of `values` that hold data.

  Raises:
    FieldError: values is not `[T, B, ...]`, or a length is not in [0, T].
  """
  num_steps, shape = _shape(_checked("values", values))
  used_TB = jnp.ones((num_steps, *shape), bool)
  if lengths_B is not None:
    used_TB = before_length(as_lengths(lengths_B, num_steps, shape), num_steps)
  return used_TB.reshape(num_steps, *shape, *[1] * (jnp.ndim(values) - 2))


def _checked(field: str, values: Array) -> Array:
  """Returns an array `[T, B, ...]` as an array of JAX."""
  values = jnp.asarray(values)
  if values.ndim < 2:
    raise shape_error(field, "an array of shape [T, B, ...]", values.shape)
  return values


def _shape(values: Array) -> tuple[int, tuple[int]]:
  """Returns T and the shape `(B,)` of lengths."""
  return values.shape[0], values.shape[1:2]


def _norms(gradient: Array) -> Array:
  """Computes each example's norm: `[T, B]`."""
  gradient = _checked("gradient_TBH", gradient)
  return norm(gradient.reshape(*gradient.shape[:2], -1), axis=-1)


def _mean(values: Array, lengths_B: Array | None) -> Array:
  """Averages `[T, B, ...]` over the examples that have a step, 0 if none."""
  if lengths_B is None:
    return jnp.mean(values, axis=1)
  used = used_steps(values, lengths_B)
  total = jnp.sum(jnp.where(used, values, 0.0), axis=1)
  return total / jnp.maximum(jnp.sum(used, axis=1), 1)
