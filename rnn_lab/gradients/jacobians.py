"""Jacobians of the carry: what a small change of s_k makes of s_t.

s_t is the whole carry after step t, written as one vector per example. Its
step Jacobian J_t = ds_t/ds_{t-1} says what one step does to a small change,
and by the chain rule

  ds_t/ds_k = J_t J_{t-1} ... J_{k+1},

whose norm decays or grows with the lag t - k: gradients vanish or explode
(Hochreiter 1991; Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and
Bengio 2013). A matrix has the new state's units as rows, the old one's as
columns: h_t = h_{t-1} @ W has the step Jacobian W transposed.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab.cells.activations import ACTIVATIONS
from rnn_lab.cells.base import Cell
from rnn_lab.errors import FieldError, check_choice, check_int
from rnn_lab.gradients.costs import Step, shape_error
from rnn_lab.gradients.scaled_products import (
  KINDS,
  LARGEST,
  log_norms_of_products,
)
from rnn_lab.gradients.tangents import (
  carry_parts,
  flatten,
  prepare_batch,
  push_forward,
)
from rnn_lab.types import Array, Carry, Params, PyTree


class StepJacobians(NamedTuple):
  """The step Jacobians along a trajectory, and where a carry's parts stand.

  Attributes:
    matrices: `[T, B, S, S]`, at [t, b, i, j] the derivative of unit i of s_t
      with respect to unit j of s_{t-1}; at t = 0 with respect to the first
      carry. S counts the floating numbers in an example's carry.
    parts: the name of each part of the carry, in the order of its leaves, and
      where in S it stands: "h" and "c" of an LSTM, "0.forward.h" in a stack,
      "" of a carry that is one bare array.
  """

  matrices: Array
  parts: dict[str, slice]


def step_jacobians(
  cell: Cell, params: Params, xs: PyTree, carry: Carry | None = None
) -> StepJacobians:
  """J_t = ds_t/ds_{t-1} of every step and example, by forward differentiation.

  The examples of a batch must not act on each other.

  Args:
    cell: any `Cell`; only its `initial_carry` and `step` are used.
    params: its parameters.
    xs: `[T, B, D]`, or a pytree of such arrays.
    carry: the state before the first step; None is the cell's initial one.

  Raises:
    FieldError: xs is not of the shape `[T, B, D]`, or the carry not of `[B]`.
    ValueError: a step changes the form of the carry.
  """
  carry = prepare_batch(cell, params, xs, carry)
  return StepJacobians(
    _step_matrices(cell.step, params, xs, carry), carry_parts(carry)
  )


def block(
  jacobians: StepJacobians, rows: str | None, columns: str | None
) -> Array:
  """`[T, B, ., .]`: of each J_t the rows and the columns of two parts.

  `block(j, "h", "c")` is dh_t/dc_{t-1}. None stands for the whole carry.

  Raises:
    FieldError: the carry has no part of that name.
  """
  rows, columns = block_slices(jacobians, rows, columns)
  return jacobians.matrices[:, :, rows, columns]


def product(
  jacobians: StepJacobians,
  t: int,
  k: int,
  rows: str | None = None,
  columns: str | None = None,
) -> Array:
  """`[B, ., .]`: ds_t/ds_k = J_t J_{t-1} ... J_{k+1}, the identity for k = t.

  Multiplied out as it stands: where its entries leave the range of the dtype,
  see `log_norms` and `rnn_lab.gradients.singular_values`.

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
  rows, columns = block_slices(jacobians, rows, columns)
  return _product(jacobians.matrices, t, k)[:, rows, columns]


def log_norms(
  jacobians: StepJacobians,
  t: int | None = None,
  rows: str | None = None,
  columns: str | None = None,
  kind: str = LARGEST,
) -> Array:
  """`[t + 1, B]`: log ||ds_t/ds_{t-l}|| for every lag l from 0 to t.

  The log is the natural one. Every column of the product keeps an exponent of
  its own, so that nothing under- or overflows however long the product is, nor
  where one part of the carry fades far below another. A block of zeros has
  -inf.

  Args:
    jacobians: as `step_jacobians` returns them.
    t: the step to look back from; None is the last one, T - 1.
    rows: the part of s_t, None for all of it.
    columns: the part of s_{t-l}, None for all of it.
    kind: which norm: the "largest" singular value, or the "root mean square"
      of all of them.

  Raises:
    FieldError: t is out of its range, or the carry has no such part.
  """
  check_choice("kind", kind, KINDS)
  num_steps = len(jacobians.matrices)
  t = num_steps - 1 if t is None else t
  check_int("t", t, 0, num_steps - 1)
  rows, columns = block_slices(jacobians, rows, columns)
  backwards = jacobians.matrices[1 : t + 1][::-1]
  return log_norms_of_products(
    backwards, (rows.start, rows.stop), (columns.start, columns.stop), kind
  )


def spectral_radius(matrix: Array) -> float:
  """The largest absolute value of the eigenvalues of a square matrix.

  Raises:
    FieldError: the matrix is not square.
  """
  matrix = np.asarray(matrix, np.float64)
  if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
    raise shape_error("matrix", "an array of shape [n, n]", matrix.shape)
  return float(np.abs(np.linalg.eigvals(matrix)).max())


def elman_bound(cell: Cell, params: Params, num_lags: int) -> np.ndarray:
  """`[num_lags]` logs of a bound on ||dh_t/dh_{t-l}||, for l = 0, 1, ...

  ||dh_t/dh_{t-l}|| <= (sigma * gamma)^l, with sigma the largest singular value
  of the recurrent kernel w and gamma the largest slope of the activation, for
  any inputs and any t (Pascanu, Mikolov and Bengio 2013). The logs are natural.

  Raises:
    FieldError: num_lags is not an integer from 1 up.
    ValueError: the cell is not an `elman`, for which alone this holds.
  """
  if cell.kind != "elman":
    raise ValueError(
      f"elman_bound: the cell is of the kind {cell.kind!r}; the bound holds "
      "for 'elman' only"
    )
  check_int("num_lags", num_lags, 1)
  sigma = np.linalg.norm(np.asarray(params.recurrent_kernel, np.float64), 2)
  gamma = ACTIVATIONS[cell.options.activation].largest_slope
  with np.errstate(divide="ignore"):
    log_step = np.log(sigma * gamma)
  # The identity's norm comes first: 0 * -inf would make it not a number.
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
  """Where in S two parts of the carry stand; None stands for all of it.

  Raises:
    FieldError: the carry has no part of that name.
  """
  slices = []
  for field, name in (("rows", rows), ("columns", columns)):
    if name is not None:
      check_choice(field, name, jacobians.parts)
    whole = slice(0, jacobians.matrices.shape[-1])
    slices.append(whole if name is None else jacobians.parts[name])
  return slices[0], slices[1]


@functools.partial(jax.jit, static_argnames="step")
def _step_matrices(
  step: Step, params: Params, xs: PyTree, carry: Carry
) -> Array:
  first_BS = flatten(carry)
  identity_SS = jnp.eye(first_BS.shape[1], dtype=first_BS.dtype)
  units_SBS = jnp.repeat(identity_SS[:, None], first_BS.shape[0], axis=1)

  def body(carry: Carry, x: PyTree) -> tuple[Carry, Array]:
    carry, columns_SBS = push_forward(step, params, carry, x, units_SBS)
    return carry, jnp.moveaxis(columns_SBS, 0, -1)

  return jax.lax.scan(body, carry, xs)[1]


@jax.jit
def _product(matrices: Array, t: int, k: int) -> Array:
  _, batch_size, size, _ = matrices.shape
  identity_SS = jnp.eye(size, dtype=matrices.dtype)
  identity_BSS = jnp.repeat(identity_SS[None], batch_size, axis=0)
  return jax.lax.fori_loop(
    k + 1,
    t + 1,
    lambda n, p_BSS: jnp.matmul(matrices[n], p_BSS, precision="highest"),
    identity_BSS,
  )
