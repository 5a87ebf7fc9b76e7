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
from rnn_lab.gradients.costs import (
  Cost,
  Step,
  prepare_cost,
  rows_where,
  step_vjp,
  traced_cost,
  weighted_cost,
  zero_gradients,
)
from rnn_lab.gradients.norms import (
  norm,
  normalize,
  norms_and_cosines,
  row_norms,
)
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
  cost: Cost,
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
  carry, weights_T = prepare_cost(
    cell, cost, params, readout, xs, targets, carry, weights_T
  )
  num_steps = weights_T.shape[0]
  return _bias(
    cell.step,
    cost,
    min(every, num_steps),
    params,
    readout,
    xs,
    targets,
    carry,
    weights_T,
    jnp.array([min(reach, num_steps) for reach in reaches], jnp.int32),
  )


@functools.partial(jax.jit, static_argnames=("step", "cost", "every"))
def _bias(
  step: Step,
  cost: Cost,
  every: int,
  params: Params,
  readout: PyTree,
  xs: PyTree,
  targets: PyTree,
  carry: Carry,
  weights_T: Array,
  reach_N: Array,
) -> TruncationBias:
  grad = jax.grad(traced_cost, argnums=2, has_aux=True)
  gradient, (before_T, y_T) = grad(
    step, cost, params, readout, xs, targets, carry, weights_T
  )
  y_gradient_T = jax.lax.map(
    lambda step_t: jax.grad(weighted_cost, argnums=2)(cost, readout, *step_t),
    (y_T, targets, weights_T),
  )
  kept, left_out = _parts(
    step, every, params, before_T, xs, y_gradient_T, reach_N
  )
  # The kept terms are summed in another order than the full gradient, which a
  # reach of T is to equal exactly.
  whole_N = reach_N >= weights_T.shape[0]
  truncated = jax.tree.map(
    lambda a, b: jnp.where(whole_N.reshape(-1, *[1] * a.ndim), a[None], b),
    gradient,
    kept,
  )
  full = row_norms(jax.tree.map(lambda a: a[None], gradient))
  error = row_norms(left_out)
  kept, cosine = norms_and_cosines(truncated, normalize(gradient))
  return TruncationBias(
    gradient,
    truncated,
    jax.tree.map(_ratio, error, full),
    cosine,
    _ratio(_joint_norm(error), _joint_norm(full)),
    _total_cosine(cosine, kept, full),
  )


def _parts(
  step: Step,
  every: int,
  params: Params,
  before_T: Carry,
  xs: PyTree,
  y_gradient_T: PyTree,
  reach_N: Array,
) -> tuple[Params, Params]:
  """Sums the terms that each reach keeps and leaves out, leaves `[N, ...]`.

  Neither is computed as a difference from the full gradient: where gradients
  explode, the smaller one would be lost to rounding.
  """
  num_steps = jax.tree.leaves(xs)[0].shape[0]
  group_G = jnp.arange(-(-num_steps // every))
  end_G = jnp.minimum((group_G + 1) * every, num_steps) - 1
  first = jax.tree.map(lambda a: a[0], before_T)

  def at_k(state: tuple, step_k: tuple) -> tuple[tuple, None]:
    adjoints, sums = state
    k, before, x, y_gradient = step_k
    vjp = jax.vmap(step_vjp(step, params, before, x))
    # Groups that end at k + reach or later are left out. They begin after k,
    # as no reach is less than `every`: J_k itself is kept.
    group_N = jnp.searchsorted(end_G, k + reach_N)
    kept_N = [_sums_before(a)[group_N] for a in adjoints]
    left_N = [_sums_before(a[::-1])[::-1][group_N] for a in adjoints]
    kept, _ = vjp(kept_N, rows_where(reach_N > 0, y_gradient))
    left, _ = vjp(left_N, rows_where(reach_N < 0, y_gradient))
    sums = jax.tree.map(jnp.add, sums, (kept, left))
    _, earlier = vjp(adjoints, rows_where(group_G == k // every, y_gradient))
    return (earlier, sums), None

  zeros = jax.tree.map(
    lambda a: jnp.zeros((reach_N.size, *a.shape), a.dtype), params
  )
  # Row g holds the adjoint of the costs of group g.
  state = (zero_gradients(first, group_G.size), (zeros, zeros))
  y_gradient_T = jax.tree.map(lambda a: a[:, None], y_gradient_T)
  steps = (jnp.arange(num_steps), before_T, xs, y_gradient_T)
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


def _joint_norm(norms: PyTree) -> Array:
  """Computes the norm of all leaves together from those of each: `[N]`."""
  return norm(jnp.stack(jax.tree.leaves(norms)), axis=0)


def _total_cosine(cosine: PyTree, kept: PyTree, full: PyTree) -> Array:
  """Computes the cosine of all leaves together from those of each: `[N]`."""

  def share(norms: PyTree) -> Array:
    whole_N = _joint_norm(norms)[None]
    each_LN = jnp.stack(jax.tree.leaves(norms))
    return each_LN / jnp.where(whole_N > 0.0, whole_N, 1.0)

  cosine_LN = jnp.stack(jax.tree.leaves(cosine))
  total_N = jnp.sum(cosine_LN * share(kept) * share(full), axis=0)
  return jnp.clip(total_N, -1.0, 1.0)
