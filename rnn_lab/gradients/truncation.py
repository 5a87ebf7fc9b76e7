"""The bias of truncated backpropagation through time.

BPTT(k1, k2) of Williams and Peng 1990: after every k1 steps the gradient of
the costs of these steps is propagated back over the last k2 steps. In the terms
of `rnn_lab.gradients.bptt`: the costs J_t form groups of k1, the last one
possibly shorter; the group that ends at step e reaches back to step e - k2 + 1,
and the term (t, k) is left out where k <= e(t) - k2. The truncated gradient is
biased; this module measures by how much.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.cells.base import Cell
from rnn_lab.errors import FieldError, check_int
from rnn_lab.gradients import costs
from rnn_lab.gradients.norms import norm, normalize, norms, norms_and_cosines
from rnn_lab.types import Array, Carry, Params, PyTree


class TruncationBias(NamedTuple):
  """Truncated gradients compared with the full one, one row per reach.

  An error is |truncated - full| / |full|: 0 where nothing is left out, and
  infinite where only the full gradient is zero. A cosine is that of the
  truncated with the full gradient, and zero where either is zero.

  Attributes:
    gradient: the full dE/dparams, by `jax.grad`.
    truncated: the truncated gradients, leaves `[N, ...]`.
    relative_error: `params` with leaves `[N]`.
    cosine: `params` with leaves `[N]`.
    total_relative_error: `[N]`, of all parameters as one vector.
    total_cosine: `[N]`, likewise.
  """

  gradient: Params
  truncated: Params
  relative_error: PyTree
  cosine: PyTree
  total_relative_error: Array
  total_cosine: Array


def truncation_bias(
  cell: Cell,
  cost: costs.Cost,
  params: Params,
  readout: PyTree,
  xs: PyTree,
  targets: PyTree,
  reaches: Sequence[int],
  *,
  every: int = 1,
  carry: Carry | None = None,
  weights_T: Array | None = None,
) -> TruncationBias:
  """Compares truncated BPTT(every, reach) with the full gradient.

  All reaches come from one backward pass, which sums the terms that each keeps
  and those that it leaves out. A reach of T or more gives the full gradient to
  the last bit. The readout's gradient is never truncated. The arguments are
  those of `rnn_lab.gradients.bptt.bptt_terms` and:

  Args:
    reaches: k2, the number of steps that gradients are propagated back, each at
      least `every`; with less, some costs would not reach their own step.
    every: k1, the number of steps from one backward pass to the next.

  Raises:
    FieldError: `every` or a reach is out of range, there are no reaches or no
      parameters; see also `bptt_terms`.
    ValueError: see `bptt_terms`.
  """
  check_int("every", every, 1)
  if not jax.tree.leaves(params):
    raise FieldError(
      "params", f"{{field}} must hold at least one array, got {params!r}"
    )
  if not len(reaches):
    raise FieldError(
      "reaches", f"{{field}} must hold at least one integer, got {reaches!r}"
    )
  for n, reach in enumerate(reaches):
    check_int(f"reaches[{n}]", reach, 1)
    if reach < every:
      raise FieldError(
        f"reaches[{n}]",
        f"{{field}} must be at least every = {every}, got {reach}",
      )
  inputs = costs.prepare_cost(
    cell, cost, params, readout, xs, targets, carry, weights_T
  )
  num_steps = len(inputs.weights_T)
  reach_N = jnp.array([min(n, num_steps) for n in reaches], jnp.int32)
  return _bias(cell.step, cost, min(every, num_steps), inputs, reach_N)


@functools.partial(jax.jit, static_argnames=("step", "cost", "every"))
def _bias(
  step: costs.Step,
  cost: costs.Cost,
  every: int,
  inputs: costs.Inputs,
  reach_N: Array,
) -> TruncationBias:
  gradient, (before_T, y_T) = jax.grad(costs.traced_cost, has_aux=True)(
    inputs.params, inputs.readout, step, cost, inputs
  )
  by_y = jax.grad(costs.weighted_cost, argnums=2)
  y_gradient_T = jax.lax.map(
    lambda step_t: by_y(cost, inputs.readout, *step_t),
    (y_T, inputs.targets, inputs.weights_T),
  )
  kept, left_out = _parts(step, every, inputs, before_T, y_gradient_T, reach_N)
  # The kept terms are summed in another order than the full gradient, which a
  # reach of T is to equal exactly.
  whole_N = reach_N >= len(inputs.weights_T)
  truncated = jax.tree.map(
    lambda full, rows: jax.vmap(jnp.where, (0, None, 0))(whole_N, full, rows),
    gradient,
    kept,
  )
  full = norms(gradient)
  error = jax.vmap(norms)(left_out)
  kept, cosine = jax.vmap(norms_and_cosines, (0, None))(
    truncated, normalize(gradient)
  )
  # The cosine of all leaves together, from those of each.
  share_LN = jax.vmap(normalize, 1, 1)(_stack(kept))
  share_L1 = normalize(_stack(full))[:, None]
  total_cosine = jnp.sum(_stack(cosine) * share_LN * share_L1, axis=0)
  return TruncationBias(
    gradient,
    truncated,
    jax.tree.map(_ratio, error, full),
    cosine,
    _ratio(norm(_stack(error), axis=0), norm(_stack(full))),
    jnp.clip(total_cosine, -1.0, 1.0),
  )


def _parts(
  step: costs.Step,
  every: int,
  inputs: costs.Inputs,
  before_T: Carry,
  y_gradient_T: PyTree,
  reach_N: Array,
) -> tuple[Params, Params]:
  """Sums the terms that each reach keeps and leaves out, leaves `[N, ...]`.

  Neither is computed as a difference from the full gradient: where gradients
  explode, the smaller one would be lost to rounding.
  """
  num_steps = len(inputs.weights_T)
  group_G = jnp.arange(-(-num_steps // every))
  end_G = jnp.minimum((group_G + 1) * every, num_steps) - 1
  own_N, none_N = reach_N > 0, reach_N < 0

  def at_k(state: tuple, step_k: tuple) -> tuple[tuple, None]:
    adjoints, sums = state
    k, *at_step = step_k
    vjp = costs.step_vjp(step, inputs.params, *at_step)
    # Groups that end at k + reach or later are left out. They begin after k,
    # as no reach is less than `every`: J_k itself is kept.
    group_N = jnp.searchsorted(end_G, k + reach_N)
    kept_N = [_sums_before(a)[group_N] for a in adjoints]
    left_N = [_sums_before(a[::-1])[::-1][group_N] for a in adjoints]
    terms = vjp(kept_N, own_N)[0], vjp(left_N, none_N)[0]
    sums = jax.tree.map(jnp.add, sums, terms)
    return (vjp(adjoints, group_G == k // every)[1], sums), None

  zeros = jax.tree.map(
    lambda a: jnp.zeros((reach_N.size, *a.shape), a.dtype), inputs.params
  )
  # Row g holds the adjoint of the costs of group g.
  state = (costs.zero_adjoints(before_T, group_G.size), (zeros, zeros))
  steps = (jnp.arange(num_steps), before_T, inputs.xs, y_gradient_T)
  (_, sums), _ = jax.lax.scan(at_k, state, steps, reverse=True)
  return sums


def _sums_before(rows_G: Array) -> Array:
  """Sums the first 0, 1, ..., G rows: `[G + 1, ...]`."""
  zero = jnp.zeros_like(rows_G[:1])
  return jnp.concatenate([zero, jnp.cumsum(rows_G, axis=0)])


def _ratio(error_N: Array, full: Array) -> Array:
  """Computes error / full; zero where the error is."""
  none_N = error_N == 0.0
  return jnp.where(none_N, 0.0, error_N / jnp.where(none_N, 1.0, full))


def _stack(tree: PyTree) -> Array:
  """Returns the leaves as an array with a leading dimension L."""
  return jnp.stack(jax.tree.leaves(tree))
