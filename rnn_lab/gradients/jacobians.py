"""Jacobians of the carry, ds_t/ds_k, their products and norms.

s_t is the whole carry after step t, written as one vector per example. With
the step Jacobian J_t = ds_t/ds_{t-1}, the chain rule gives

  ds_t/ds_k = J_t J_{t-1} ... J_{k+1},

whose norm decays or grows with the lag t - k: gradients vanish or explode
(Hochreiter 1991; Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and
Bengio 2013). Rows are the units of the new state, columns those of the old
one: h_t = h_{t-1} @ W has the step Jacobian W transposed.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.cells.activations import ACTIVATIONS
from rnn_lab.cells.base import Cell, options_of
from rnn_lab.errors import FieldError, check_choice, check_int
from rnn_lab.gradients import scaled_products, tangents
from rnn_lab.gradients.costs import Step, shape_error
from rnn_lab.types import Array, Carry, Params, PyTree


class StepJacobians(NamedTuple):
  """The step Jacobians along a trajectory, and the layout of the carry.

  Attributes:
    matrices: `[T, B, S, S]`, at [t, b, i, j] the derivative of unit i of s_t
      with respect to unit j of s_{t-1}; at t = 0 with respect to the first
      carry. S counts the floating numbers in an example's carry.
    parts: the name of each part of the carry and its slice of S, in the order
      of the leaves: "h" and "c" of an LSTM, "0.forward.h" in a stack, "" of a
      carry that is a single array.
  """

  matrices: Array
  parts: dict[str, slice]


def step_jacobians(
  cell: Cell, params: Params, xs: PyTree, carry: Carry | None = None
) -> StepJacobians:
  """Computes J_t = ds_t/ds_{t-1} of every step and example, in forward mode.

  The examples of a batch must not depend on each other.

  Args:
    cell: any `Cell`; only its `initial_carry` and `step` are used.
    params: its parameters.
    xs: `[T, B, D]`, or a pytree of such arrays.
    carry: the state before the first step; None is the cell's initial one.

  Raises:
    FieldError: `cell` is not a Cell, or xs does not have the shape
      `[T, B, D]`, T at least 1, or the carry `[B, ...]`.
    ValueError: a step changes the structure, shapes or dtypes of the carry.
  """
  carry = tangents.prepare_batch(cell, params, xs, carry)
  matrices = _step_matrices(cell.step, params, xs, carry)
  return StepJacobians(matrices, tangents.carry_parts(carry))


def block(
  jacobians: StepJacobians, rows: str | None, columns: str | None
) -> Array:
  """Returns the block of each J_t for two parts of the carry: `[T, B, ., .]`.

  `block(j, "h", "c")` is dh_t/dc_{t-1}. None selects the whole carry.

  Raises:
    FieldError: the carry has no part of that name.
  """
  in_rows, in_columns = block_slices(jacobians, rows, columns)
  return jacobians.matrices[:, :, in_rows, in_columns]


def product(
  jacobians: StepJacobians,
  t: int,
  k: int,
  rows: str | None = None,
  columns: str | None = None,
) -> Array:
  """Computes ds_t/ds_k = J_t J_{t-1} ... J_{k+1}: `[B, ., .]`.

  It is the identity for k = t. Where its entries leave the range of the dtype,
  use `log_norms` or `rnn_lab.gradients.singular_values`.

  Args:
    jacobians: as `step_jacobians` returns them.
    t: a step, from 0 to T - 1.
    k: a step, from 0 to t.
    rows: the part of s_t, None for all of it.
    columns: the part of s_k, None for all of it.

  Raises:
    FieldError: t or k is out of its range, or the carry has no such part.
  """
  check_times(jacobians, t, k)
  in_rows, in_columns = block_slices(jacobians, rows, columns)
  return _product(jacobians.matrices, t, k)[:, in_rows, in_columns]


def log_norms(
  jacobians: StepJacobians,
  t: int | None = None,
  rows: str | None = None,
  columns: str | None = None,
  kind: str = scaled_products.LARGEST,
) -> Array:
  """Computes ln ||ds_t/ds_{t-l}|| for every lag l from 0 to t: `[t + 1, B]`.

  Every column of the product has its own exponent, so that nothing under- or
  overflows however long the product is, nor where one part of the carry decays
  far below another. The value is -inf for a block of zeros.

  Args:
    jacobians, rows, columns: see `product`.
    t: the last step of the product; None is T - 1.
    kind: which norm: the "largest" singular value, or the "root mean square"
      of all of them.

  Raises:
    FieldError: t is out of its range, or the carry has no such part.
  """
  check_choice("kind", kind, scaled_products.KINDS)
  num_steps = len(jacobians.matrices)
  t = num_steps - 1 if t is None else t
  check_int("t", t, 0, num_steps - 1)
  in_rows, in_columns = block_slices(jacobians, rows, columns)
  return scaled_products.log_norms_of_products(
    jacobians.matrices[1 : t + 1][::-1],
    (in_rows.start, in_rows.stop),
    (in_columns.start, in_columns.stop),
    kind,
  )


def spectral_radius(matrix: Array | np.ndarray) -> float:
  """Computes the largest absolute eigenvalue of a square matrix.

  Raises:
    FieldError: the matrix is not square.
  """
  array = np.asarray(matrix)
  array = array.astype(np.result_type(array, np.float64))
  if array.ndim != 2 or array.shape[0] != array.shape[1]:
    raise shape_error("matrix", "an array of shape [n, n]", array.shape)
  return float(np.abs(np.linalg.eigvals(array)).max())


def elman_bound(cell: Cell, params: Params, num_lags: int) -> np.ndarray:
  """Computes ln of a bound on ||dh_t/dh_{t-l}||, l = 0, 1, ...: `[num_lags]`.

  ||dh_t/dh_{t-l}|| <= (sigma * gamma)^l, with sigma the largest singular value
  of the recurrent kernel w and gamma the largest slope of the activation, for
  any inputs and any t (Pascanu, Mikolov and Bengio 2013).

  Raises:
    FieldError: num_lags is not a positive integer, or the cell is not an
      `elman`, the only kind for which the bound holds, or params are not its.
  """
  if cell.kind != "elman":
    raise FieldError(
      "cell",
      f"{{field}} must be of kind 'elman' for this bound, got {cell.kind!r}",
    )
  check_int("num_lags", num_lags, 1)
  kernel = np.asarray(getattr(params, "recurrent_kernel", np.nan), np.float64)
  if kernel.ndim != 2:
    raise shape_error(
      "params",
      "those of an elman, with a matrix recurrent_kernel",
      kernel.shape,
    )
  sigma = np.linalg.norm(kernel, 2)
  gamma = ACTIVATIONS[options_of(cell)["activation"]].largest_slope
  with np.errstate(divide="ignore"):
    log_step = np.log(sigma * gamma)
  # The identity's norm comes first, as 0 * -inf is nan.
  return np.concatenate([[0.0], np.arange(1, num_lags) * log_step])


def check_times(jacobians: StepJacobians, t: int, k: int) -> None:
  """Raises FieldError unless 0 <= k <= t <= T - 1."""
  last = len(jacobians.matrices) - 1
  check_int("t", t, 0, last)
  check_int("k", k, 0, last)
  if k > t:
    raise FieldError("k", f"{{field}} must be at most t = {t}, got {k}")


def block_slices(
  jacobians: StepJacobians, rows: str | None, columns: str | None
) -> tuple[slice, slice]:
  """Returns the slices of S of two parts of the carry; None is all of S."""
  for field, name in (("rows", rows), ("columns", columns)):
    if name is not None:
      check_choice(field, name, jacobians.parts)
  parts = {None: slice(0, jacobians.matrices.shape[-1])} | jacobians.parts
  return parts[rows], parts[columns]


@functools.partial(jax.jit, static_argnames="step")
def _step_matrices(
  step: Step, params: Params, xs: PyTree, carry: Carry
) -> Array:
  first_BS = tangents.flatten(carry)
  identity_SS = jnp.eye(first_BS.shape[1], dtype=first_BS.dtype)
  units_SBS = jnp.repeat(identity_SS[:, None], first_BS.shape[0], axis=1)

  def body(carry: Carry, x: PyTree) -> tuple[Carry, Array]:
    carry, columns_SBS = tangents.step_jvp(step, params, carry, x, units_SBS)
    return carry, jnp.moveaxis(columns_SBS, 0, -1)

  return jax.lax.scan(body, carry, xs)[1]


@jax.jit
def _product(matrices: Array, t: int, k: int) -> Array:
  identity_SS = jnp.eye(matrices.shape[-1], dtype=matrices.dtype)
  return jax.lax.fori_loop(
    k + 1,
    t + 1,
    lambda n, p_BSS: jnp.matmul(matrices[n], p_BSS, precision="highest"),
    jnp.broadcast_to(identity_SS, matrices.shape[1:]),
  )
