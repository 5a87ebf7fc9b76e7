"""Lyapunov exponents of a driven cell: how fast small changes grow or fade."""

import functools

import jax
import jax.numpy as jnp

from rnn_lab.cells.base import Cell
from rnn_lab.errors import check_int
from rnn_lab.gradients.costs import Step
from rnn_lab.gradients.tangents import flatten, prepare_batch, push_forward
from rnn_lab.types import Array, Carry, Params, PyTree


def lyapunov_exponents(
  cell: Cell,
  params: Params,
  xs: PyTree,
  carry: Carry | None = None,
  *,
  num: int | None = None,
  discard: int = 0,
) -> Array:
  """The finite-time Lyapunov spectrum along the trajectory that xs drives.

  A small change of the carry grows or fades like exp(lambda t). `num` changes
  are carried through the steps' Jacobians and made orthonormal after each one,
  J_t Q_{t-1} = Q_t R_t; lambda_i is the mean of log |(R_t)_ii| over the steps
  that count. The changes begin as random directions, always the same ones,
  and take a while to turn into those that grow most: until then lambda_i is
  off by something that falls off like 1/T, which `discard` spares.
  Benettin et al. 1980; of recurrent networks, Engelken, Wolf and Abbott 2023.

  Args:
    cell: any `Cell`; only its `initial_carry` and `step` are used.
    params: its parameters.
    xs: `[T, B, D]`, or a pytree of such arrays.
    carry: the state before the first step; None is the cell's initial one.
    num: how many exponents, the largest ones; None is all S of them.
    discard: the first steps that turn the changes but do not count.

  Returns:
    `[B, num]`, in nats per step, descending. -inf where a step's Jacobian
    loses a direction altogether.

  Raises:
    FieldError: num is above S, the size of an example's carry, or discard
      leaves no step; xs is not of the shape `[T, B, D]`.
    ValueError: a step changes the form of the carry.
  """
  carry = prepare_batch(cell, params, xs, carry)
  size = flatten(carry).shape[1]
  num = size if num is None else num
  check_int("num", num, 1, size)
  check_int("discard", discard, 0, jax.tree.leaves(xs)[0].shape[0] - 1)
  logs_TBN = _log_stretches(cell.step, params, xs, carry, num)
  return -jnp.sort(-jnp.mean(logs_TBN[discard:], axis=0), axis=-1)


@functools.partial(jax.jit, static_argnames=("step", "num"))
def _log_stretches(
  step: Step, params: Params, xs: PyTree, carry: Carry, num: int
) -> Array:
  """`[T, B, num]`: log |(R_t)_ii|."""
  first_BS = flatten(carry)
  # Not unit vectors: a cell whose units do not mix would never turn them.
  q_BSN = jnp.linalg.qr(
    jax.random.normal(jax.random.key(0), (*first_BS.shape, num), first_BS.dtype)
  )[0]

  def body(
    state: tuple[Carry, Array], x: PyTree
  ) -> tuple[tuple[Carry, Array], Array]:
    carry, q_BSN = state
    tangents_NBS = jnp.moveaxis(q_BSN, -1, 0)
    carry, tangents_NBS = push_forward(step, params, carry, x, tangents_NBS)
    q_BSN, r_BNN = jnp.linalg.qr(jnp.moveaxis(tangents_NBS, 0, -1))
    stretch_BN = jnp.abs(jnp.diagonal(r_BNN, axis1=1, axis2=2))
    return (carry, q_BSN), jnp.log(stretch_BN)

  return jax.lax.scan(body, (carry, q_BSN), xs)[1]
