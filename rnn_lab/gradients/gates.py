"""Gates: what they do, how long they remember, and what they let pass.

A state that a gate hands on, c_t = f_t * c_{t-1} + ..., has a direct path for
the gradient: the product of the gates. Where they are near 1 it neither
vanishes nor explodes, which Hochreiter and Schmidhuber 1997 call the constant
error carousel. Beside it there are the paths through the other gates and the
hidden state; `rnn_lab.gradients.jacobians` has them all together.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab._stack import Directions, Stack
from rnn_lab._unroll import unroll
from rnn_lab.cells.activations import Activated
from rnn_lab.cells.base import Cell
from rnn_lab.errors import FieldError
from rnn_lab.types import Array, Carry, Params, PyTree

# An activation is saturated where its slope is below this share of its
# largest: tanh beyond +-0.95, a gate below 0.026 or above 0.974, a rectified
# unit at 0. A gradient that passes there is cut to a tenth.
SATURATED = 0.1


class GateStatistics(NamedTuple):
  """What one gate does along some sequences.

  Attributes:
    mean_by_time: `[T]`, its value, averaged over examples and units; nan past
      the last sequence's end.
    mean_by_unit: `[H]`, averaged over examples and time.
    half_life_by_unit: `[H]`, in steps: after so many the product of the unit's
      gates is 1/2, ln 2 / -(mean of ln f). Infinite where f is 1.
    closed: the share of (step, example, unit) where the gate is below 0.1,
    open: and above 0.9 (Karpathy et al. 2015).
  """

  mean_by_time: Array
  mean_by_unit: Array
  half_life_by_unit: Array
  closed: Array
  open: Array


def look_inside(
  stack: Stack,
  params: tuple[Directions, ...],
  x_TBD: Array,
  carry: tuple[Directions, ...] | None = None,
  lengths_B: Array | None = None,
) -> tuple[Directions, ...]:
  """The gates and other activations of every layer at every step.

  Args:
    stack: the layers.
    params: as `init_stack` makes them.
    x_TBD: `[T, B, D]` inputs.
    carry: the states before the first step; None for the cells' initial ones.
    lengths_B: see `unroll`; past its length a sequence's values are zero.

  Returns:
    For each layer and direction `{name: Activated}` of `[T, B, H]` arrays, by
    the names in the cell's equations; {} of a cell that has no `inside`.
    The forget gate of the first layer is `seen[0].forward["f"].value`.

  Raises:
    FieldError: it was given a cell, not a stack.
  """
  if not isinstance(stack, Stack):
    raise FieldError(
      "stack",
      f"{{field}} must be a Stack, got a {type(stack).__name__}; "
      "rnn_lab.stack([cell]) makes a Stack of a Cell",
    )
  seen = []
  backward = stack.backward or (None,) * len(stack.forward)
  for layer, cells in enumerate(zip(stack.forward, backward)):
    before = Directions(None, None) if carry is None else carry[layer]
    outputs, insides = [], []
    for direction, cell in enumerate(cells):
      if cell is None:
        continue
      _, (y_TBH, inside) = unroll(
        watched(cell),
        params[layer][direction],
        x_TBD,
        before[direction],
        lengths_B=lengths_B,
        reverse=direction == 1,
      )
      outputs.append(y_TBH)
      insides.append(inside)
    seen.append(Directions(*insides))
    x_TBD = outputs[0] if len(outputs) == 1 else jnp.concatenate(outputs, -1)
  return tuple(seen)


def watched(cell: Cell) -> Cell:
  """`cell` with the output (y, `{name: Activated}` of the step)."""

  def step(params: Params, carry: Carry, x: PyTree) -> tuple[Carry, Any]:
    seen = {} if cell.inside is None else cell.inside(params, carry, x)
    carry, y_BH = cell.step(params, carry, x)
    return carry, (y_BH, seen)

  return cell._replace(step=step)


def memory_gate(cell: Cell, inside: Mapping[str, Activated]) -> Array:
  """The gate that hands on the cell's state, among those of `look_inside`.

  Raises:
    FieldError: the cell has no such gate.
  """
  if cell.memory is None or cell.memory[1] not in inside:
    raise FieldError(
      "cell",
      "{field} must have a gate that multiplies its previous state, as 'lstm' "
      f"and 'gru' do, got {cell.kind!r}",
    )
  return inside[cell.memory[1]].value


def gate_statistics(
  gate_TBH: Array, lengths_B: Array | None = None
) -> GateStatistics:
  """Means and half-lives of a gate with values in [0, 1].

  Args:
    gate_TBH: its values, as `memory_gate` finds them.
    lengths_B: steps past these do not count; None where all are data.
  """
  used = _used(gate_TBH, lengths_B)

  def mean(values: Array, axis: tuple[int, ...]) -> Array:
    return jnp.mean(values, axis=axis, where=used)

  # The absolute value, or where f is 1 ln 2 would be divided by minus zero.
  log_decay_H = jnp.abs(mean(jnp.log(gate_TBH), (0, 1)))
  return GateStatistics(
    mean_by_time=mean(gate_TBH, (1, 2)),
    mean_by_unit=mean(gate_TBH, (0, 1)),
    half_life_by_unit=jnp.log(2.0) / log_decay_H,
    closed=mean(gate_TBH < 0.1, (0, 1, 2)),
    open=mean(gate_TBH > 0.9, (0, 1, 2)),
  )


def _used(values_TBH: Array, lengths_B: Array | None) -> Array:
  """`[T, B, 1]` booleans: which steps are data."""
  num_steps, batch_size = values_TBH.shape[:2]
  if lengths_B is None:
    return jnp.ones((num_steps, batch_size, 1), bool)
  t_T = jnp.arange(num_steps)
  return (t_T[:, None] < jnp.asarray(lengths_B)[None, :])[..., None]


def log_direct_path(gate_TBH: Array) -> Array:
  """ln of the product of the last l gates, by lag l = 0 .. T-1: `[T, B, H]`.

  The direct path of ds_{T-1}/ds_{T-1-l}: the gates of steps T-l to T-1. It is
  a diagonal matrix; this is its diagonal. For sequences that fill all T.
  """
  log_TBH = jnp.log(gate_TBH)
  zero_TBH = jnp.zeros_like(log_TBH[:1])
  return jnp.concatenate([zero_TBH, jnp.cumsum(log_TBH[::-1], axis=0)[:-1]])


def log_root_mean_square(log_TBH: Array) -> Array:
  """ln of the root mean square over units of exp(log): `[T, B]`.

  Of the diagonal of a diagonal matrix: the root mean square of its singular
  values, which is |matrix|_F / sqrt(H).
  """
  size = log_TBH.shape[-1]
  total = jax.nn.logsumexp(2.0 * log_TBH, axis=-1)
  return 0.5 * (total - jnp.log(float(size)))


def saturated_share(seen: Activated, lengths_B: Array | None = None) -> Array:
  """The share of (step, example, unit) where an activation is saturated.

  Args:
    seen: `[T, B, H]`, of `look_inside`.
    lengths_B: steps past these do not count; None where all are data.
  """
  return jnp.mean(seen.slope < SATURATED, where=_used(seen.slope, lengths_B))
