"""Lyapunov exponents of a driven cell: growth rates of perturbations."""

import functools

import jax
import jax.numpy as jnp

from rnn_lab.cells.base import Cell
from rnn_lab.errors import check_int
from rnn_lab.gradients.costs import Step
from rnn_lab.gradients.tangents import flatten, prepare_batch, step_jvp
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
  """Computes the finite-time Lyapunov spectrum of the trajectory driven by xs.

  A small perturbation of the carry grows or decays like exp(lambda t). `num`
  tangent vectors are multiplied by the step Jacobians and orthonormalized
  after each step, J_t Q_{t-1} = Q_t R_t; lambda_i is the mean of
  log |(R_t)_ii|. The initial vectors are random, but the same in every call,
  and take a while to align with the directions that grow most: the error this
  leaves in lambda_i decays like 1/T, and `discard` avoids it.
  Benettin et al. 1980; for recurrent networks, Engelken, Wolf and Abbott 2023.

  Args:
    cell, params, xs, carry: see `rnn_lab.gradients.jacobians.step_jacobians`.
    num: the number of exponents, the largest ones; None is all S of them.
    discard: the number of first steps left out of the mean.

  Returns:
    `[B, num]`, in nats per step, descending; -inf where a step Jacobian is
    singular.

  Raises:
    FieldError: num is above S, the size of an example's carry, or discard
      leaves no step; see also `step_jacobians`.
    ValueError: see `step_jacobians`.
  """
  carry = prepare_batch(cell, params, xs, carry)
  size = flatten(carry).shape[1]
  num = size if num is None else num
  check_int("num", num, 1, size)
  check_int("discard", discard, 0, jax.tree.leaves(xs)[0].shape[0] - 1)
  logs_TBN = _log_growth(cell.step, params, xs, carry, num)
  return -jnp.sort(-jnp.mean(logs_TBN[discard:], axis=0), axis=-1)


@functools.partial(jax.jit, static_argnames=("step", "num"))
def _log_growth(
  step: Step, params: Params, xs: PyTree, carry: Carry, num: int
) -> Array:
  """Computes log |(R_t)_ii|: `[T, B, num]`."""
  first_BS = flatten(carry)
  # Not unit vectors: a cell whose units do not mix would never rotate them.
  q_BSN = jnp.linalg.qr(
    jax.random.normal(jax.random.key(0), (*first_BS.shape, num), first_BS.dtype)
  )[0]

  def body(state: tuple, x: PyTree) -> tuple[tuple[Carry, Array], Array]:
    carry, q_BSN = state
    tangents_NBS = jnp.moveaxis(q_BSN, -1, 0)
    carry, tangents_NBS = step_jvp(step, params, carry, x, tangents_NBS)
    q_BSN, r_BNN = jnp.linalg.qr(jnp.moveaxis(tangents_NBS, 0, -1))
    growth_BN = jnp.abs(jnp.diagonal(r_BNN, axis1=1, axis2=2))
    return (carry, q_BSN), jnp.log(growth_BN)

  return jax.lax.scan(body, (carry, q_BSN), xs)[1]
