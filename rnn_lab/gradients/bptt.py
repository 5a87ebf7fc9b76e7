"""Backpropagation through time, term by term.

E = sum over t of J_t depends on the weights w through every step. Give each
step k of the unfolded network its own copy w_k; then

  dE/dw = sum over t of sum over k <= t of dJ_t/dw_k,

where the term (t, k) is the effect of step k on the cost at t. For a cell
h_t = f(u x_t + w h_{t-1}) it is the lecture's

  dJ_t/dh_t . (product of dh_j/dh_{j-1} over j from k+1 to t) . dh_k/dw,

with h_{k-1} held fixed in the last factor. dE/dv, of the readout, has one
term for each t. Rumelhart, Hinton and Williams 1986; Werbos 1990.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.cells.base import Cell
from rnn_lab.gradients import costs
from rnn_lab.gradients.norms import norm, normalize, norms_and_cosines
from rnn_lab.types import Array, Carry, Params, PyTree

# How many terms, each of the parameters' size, are held in memory at a time.
CHUNK = 32


class BPTTTerms(NamedTuple):
  """The norm and direction of every term of a gradient.

  Norms are Euclidean, over one leaf, in units of the cost per unit of the
  parameter. A cosine is zero where the term or the gradient is zero, and nan
  where either is not finite.

  Attributes:
    gradient: dE/dparams, by `jax.grad`.
    total: the sum of all terms.
    norm: `params` with leaves `[T, T]`, at [t, k] the norm of term (t, k) of
      that parameter; exactly zero for k > t.
    cosine: likewise the cosine of the term with the gradient.
    cost_T: `[T]`, weights_T[t] * J_t.
    readout_gradient: dE/dreadout, by `jax.grad`.
    readout_norm: `readout` with leaves `[T]`, the norm of dJ_t/dreadout.
    readout_cosine: likewise the cosine with the readout's gradient.
  """

  gradient: Params
  total: Params
  norm: PyTree
  cosine: PyTree
  cost_T: Array
  readout_gradient: PyTree
  readout_norm: PyTree
  readout_cosine: PyTree


def bptt_terms(
  cell: Cell,
  cost: costs.Cost,
  params: Params,
  readout: PyTree,
  xs: PyTree,
  targets: PyTree,
  *,
  carry: Carry | None = None,
  weights_T: Array | None = None,
) -> BPTTTerms:
  """Computes the T(T+1)/2 terms of dE/dparams and the T of dE/dreadout.

  One backward pass carries the adjoints dJ_t/ds_k of all costs t >= k, O(T^2)
  steps in total. Terms are reduced to norms and cosines at once: no more than
  `CHUNK` of them are held in memory.

  Args:
    cell: any `Cell`; only its `initial_carry` and `step` are used.
    cost, params, readout, xs, targets: see
      `rnn_lab.gradients.costs.total_cost`. Like the cell's step the cost is a
      static argument: another function compiles again.
    carry: the state before the first step; None is the cell's initial one.
    weights_T: `[T]`, the weight of each J_t in E; None is all ones. See
      `rnn_lab.gradients.costs.window_weights`.

  Raises:
    FieldError: `cell` is not a Cell; xs, targets and weights_T do not have the
      same T, at least 1; or the cost is not a scalar.
    ValueError: a step changes the structure, shapes or dtypes of the carry.
  """
  inputs = costs.prepare_cost(
    cell, cost, params, readout, xs, targets, carry, weights_T
  )
  return _terms(cell.step, cost, inputs)


def terms_by_lag(norm_TT: Array) -> Array:
  """Computes the joint norm of all terms of lag l = t - k: `[T]`.

  It is the root of the sum of their squared norms: the norm of the lag's part
  of the gradient if its terms were orthogonal, and that of its one term where
  only the last output has a cost. It is not a mean: lag l has T - l terms, and
  a mean would count those of costs of weight zero.

  Args:
    norm_TT: a leaf of `BPTTTerms.norm`.

  Raises:
    FieldError: it is not square.
  """
  shape = jnp.shape(norm_TT)
  if len(shape) != 2 or shape[0] != shape[1]:
    raise costs.shape_error("norm_TT", "an array of shape [T, T]", shape)
  t_T = jnp.arange(shape[0])
  k_LT = t_T[None, :] - t_T[:, None]
  by_lag_LT = jnp.asarray(norm_TT)[t_T[None, :], jnp.maximum(k_LT, 0)]
  return norm(jnp.where(k_LT >= 0, by_lag_LT, 0.0), axis=1)


@functools.partial(jax.jit, static_argnames=("step", "cost"))
def _terms(
  step: costs.Step, cost: costs.Cost, inputs: costs.Inputs
) -> BPTTTerms:
  grad = jax.grad(costs.traced_cost, argnums=(0, 1), has_aux=True)
  (gradient, readout_gradient), (before_T, y_T) = grad(
    inputs.params, inputs.readout, step, cost, inputs
  )
  readout_unit = normalize(readout_gradient)

  def cost_term(step_t: tuple) -> tuple[Array, PyTree, tuple[PyTree, PyTree]]:
    value, (term, y_gradient) = jax.value_and_grad(
      costs.weighted_cost, argnums=(1, 2)
    )(cost, inputs.readout, *step_t)
    return value, y_gradient, norms_and_cosines(term, readout_unit)

  cost_T, y_gradient_T, readout_measured = jax.lax.map(
    cost_term, (y_T, inputs.targets, inputs.weights_T)
  )
  total, measured = _pairs(
    step, inputs, before_T, y_gradient_T, normalize(gradient)
  )
  return BPTTTerms(
    gradient, total, *measured, cost_T, readout_gradient, *readout_measured
  )


def _pairs(
  step: costs.Step,
  inputs: costs.Inputs,
  before_T: Carry,
  y_gradient_T: PyTree,
  unit: Params,
) -> tuple[Params, tuple[PyTree, PyTree]]:
  """Returns the sum of all terms; their norms and cosines, leaves `[T, T]`."""
  num_steps = len(inputs.weights_T)
  num_chunks = -(-num_steps // CHUNK)
  rows = -(-num_steps // num_chunks)
  row_R = jnp.arange(rows)
  zeros = jax.tree.map(lambda a: jnp.zeros(num_chunks * rows, a.dtype), unit)

  # Row t of the adjoints holds dJ_t/ds_k; the rows from T on stay zero.
  adjoints = costs.zero_adjoints(before_T, num_chunks * rows)

  def at_k(state: tuple, step_k: tuple) -> tuple[tuple, tuple]:
    k, *at_step = step_k
    vjp = costs.step_vjp(step, inputs.params, *at_step)

    def one_chunk(chunk: Array, state: tuple) -> tuple:
      adjoints, total, measured = state
      start = chunk * rows
      t_R = start + row_R
      terms, earlier = vjp(
        [jax.lax.dynamic_slice_in_dim(a, start, rows) for a in adjoints],
        t_R == k,
      )
      total = jax.tree.map(lambda a, b: a + jnp.sum(b, axis=0), total, terms)
      new = jax.vmap(norms_and_cosines, (0, None))(terms, unit)
      # A cost before k does not depend on step k. Its row is set to zero, as
      # zero times an infinite Jacobian would be nan.
      adjoints, measured = jax.tree.map(
        lambda whole, part: jax.lax.dynamic_update_slice_in_dim(
          whole, part, start, 0
        ),
        (adjoints, measured),
        jax.vmap(costs.keep)(t_R >= k, (earlier, new)),
      )
      return adjoints, total, measured

    # Chunks before k's hold only costs that step k does not affect.
    adjoints, total, measured = jax.lax.fori_loop(
      k // rows, num_chunks, one_chunk, (*state, (zeros, zeros))
    )
    return (adjoints, total), measured

  state = (adjoints, jax.tree.map(jnp.zeros_like, inputs.params))
  steps = (jnp.arange(num_steps), before_T, inputs.xs, y_gradient_T)
  (_, total), measured = jax.lax.scan(at_k, state, steps, reverse=True)
  return total, jax.tree.map(lambda a_KT: a_KT.T[:num_steps], measured)
