"""The gradient flow through time: dE/ds_t at every step t.

s_t is the carry after step t: h_t, or h_t and c_t. All steps, layers and
states come from one backward pass: a perturbation is added to every carry (see
`rnn_lab.perturbations`), and the cost is differentiated with respect to it, at
zero.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab._steps import as_flags, as_lengths, before_length
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
  lengths_B: Array | np.ndarray | None = None,
  mask_TB: Array | np.ndarray | None = None,
) -> PyTree:
  """Computes `norm_by_time` of each leaf of `state_gradients`."""
  gradients = state_gradients(cost, perturbations)
  return jax.tree.map(
    lambda g_TBH: norm_by_time(g_TBH, lengths_B, mask_TB), gradients
  )


def norm_by_time(
  gradient_TBH: Array,
  lengths_B: Array | np.ndarray | None = None,
  mask_TB: Array | np.ndarray | None = None,
) -> Array:
  """Computes the mean over the batch of each example's |dE/ds_t|: `[T]`.

  The mean at a step is over the examples for which it is valid, 0 where there
  is none.

  Args:
    gradient_TBH: a leaf of `state_gradients`; a state of another shape
      `[T, B, ...]` counts as one vector per example.
    lengths_B: the examples' lengths; None where all have T.
    mask_TB: which steps are valid; None for all within the lengths.

  Raises:
    FieldError: the gradient is not `[T, B, ...]`, or a length is not in [0, T],
      or the mask is not `[T, B]`.
  """
  norm_TB = _norms(gradient_TBH)
  return _mean(norm_TB, used_steps(norm_TB, lengths_B, mask_TB))


def norm_by_lag(
  gradient_TBH: Array,
  lengths_B: Array | np.ndarray | None = None,
  mask_TB: Array | np.ndarray | None = None,
) -> Array:
  """Computes `norm_by_time` by lag l = 0, 1, ... from each last step: `[T]`.

  The lag is counted in valid steps, so that sequences of different lengths are
  averaged at the same distance from their ends. Args and errors as of
  `norm_by_time`.
  """
  norm_TB = _norms(gradient_TBH)[::-1]
  used_TB = used_steps(norm_TB[::-1], lengths_B, mask_TB)[::-1]
  # The valid steps first, from the last one on.
  place_TB = jnp.argsort(~used_TB, axis=0, stable=True)
  norm_TB, used_TB = (
    jnp.take_along_axis(a, place_TB, axis=0) for a in (norm_TB, used_TB)
  )
  return _mean(norm_TB, used_TB)


def size_by_unit(
  gradient_TBH: Array,
  lengths_B: Array | np.ndarray | None = None,
  mask_TB: Array | np.ndarray | None = None,
) -> Array:
  """Computes the mean over the batch of each unit's |dE/ds_t|: `[T, H]`.

  Args and errors as of `norm_by_time`.
  """
  size_TBH = jnp.abs(_checked("gradient_TBH", gradient_TBH))
  return _mean(size_TBH, used_steps(size_TBH, lengths_B, mask_TB))


def used_steps(
  values: Array,
  lengths_B: Array | np.ndarray | None,
  mask_TB: Array | np.ndarray | None = None,
) -> Array:
  """Returns booleans `[T, B, 1, ...]`: the steps of `values` that are valid.

  Raises:
    FieldError: values is not `[T, B, ...]`, a length is not in [0, T], or the
      mask is not `[T, B]`.
  """
  num_steps, *shape = _checked("values", values).shape[:2]
  used_TB = jnp.ones((num_steps, *shape), bool)
  if lengths_B is not None:
    lengths_B = as_lengths(lengths_B, num_steps, tuple(shape))
    used_TB = before_length(lengths_B, num_steps)
  if mask_TB is not None:
    used_TB = used_TB & as_flags("mask_TB", mask_TB, used_TB.shape)
  return used_TB.reshape(num_steps, *shape, *[1] * (jnp.ndim(values) - 2))


def _checked(field: str, values: Array) -> Array:
  """Returns an array `[T, B, ...]` as an array of JAX."""
  values = jnp.asarray(values)
  if values.ndim < 2:
    raise shape_error(field, "an array of shape [T, B, ...]", values.shape)
  return values


def _norms(gradient: Array) -> Array:
  """Computes each example's norm: `[T, B]`."""
  gradient = _checked("gradient_TBH", gradient)
  return norm(gradient.reshape(*gradient.shape[:2], -1), axis=-1)


def _mean(values: Array, used: Array) -> Array:
  """Averages `[T, B, ...]` over the examples for which a step is used."""
  total = jnp.sum(jnp.where(used, values, 0.0), axis=1)
  return total / jnp.maximum(jnp.sum(used, axis=1), 1)
