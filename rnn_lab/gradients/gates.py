"""Gates: their values, how long they remember, and the gradient they pass on.

A state that is multiplied by a gate, c_t = f_t * c_{t-1} + ..., has a direct
path for the gradient: the product of the gates. Where they are near 1 it
neither vanishes nor explodes, which Hochreiter and Schmidhuber 1997 call the
constant error carousel. The other paths lead through the other gates and the
hidden state; `rnn_lab.gradients.jacobians` computes all of them together.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab._layers import check_layers
from rnn_lab._stack import Directions, Stack, check_params
from rnn_lab._unroll import unroll
from rnn_lab.cells.activations import Activated
from rnn_lab.cells.base import Cell
from rnn_lab.errors import FieldError
from rnn_lab.gradients.costs import shape_error
from rnn_lab.gradients.flow import used_steps
from rnn_lab.types import Array, Carry, Params, PyTree

# An activation is saturated where its slope is below this share of its
# largest: tanh beyond +-0.95, a gate below 0.026 or above 0.974, a rectified
# unit at 0. A gradient that passes there is cut to a tenth.
SATURATED = 0.1


class GateStatistics(NamedTuple):
  """Statistics of one gate along some sequences.

  Attributes:
    mean_by_time: `[T]`, averaged over examples and units; nan past the last
      sequence's end.
    mean_by_unit: `[H]`, averaged over examples and time.
    half_life_by_unit: `[H]`, the number of steps after which the product of
      the unit's gates is 1/2, ln 2 / -(mean of ln f). Infinite where f is 1.
    closed: the share of (step, example, unit) where the gate is below 0.1.
    open: likewise above 0.9 (Karpathy et al. 2015).
  """

  mean_by_time: Array
  mean_by_unit: Array
  half_life_by_unit: Array
  closed: Array
  open: Array


def activations(
  stack: Stack,
  params: tuple[Directions, ...],
  x_TBD: Array,
  carry: tuple[Directions, ...] | None = None,
  lengths_B: Array | np.ndarray | None = None,
  mask_TB: Array | np.ndarray | None = None,
  resets_TB: Array | None = None,
) -> tuple[Directions, ...]:
  """Computes the gates and other activations of every layer at every step.

  Args:
    stack: the layers.
    params: as `rnn_lab.init_stack` returns them.
    x_TBD: `[T, B, D]` inputs.
    carry: the states before the first step; None is the cells' initial ones.
    lengths_B, mask_TB: see `rnn_lab.unroll`; the values of steps that are not
      valid are zero.
    resets_TB: see `rnn_lab.unroll`.

  Returns:
    For each layer and direction `{name: Activated}` of `[T, B, H]` arrays,
    named as in the cell's equations; {} for a cell without `inside`. The
    forget gate of the first layer is `result[0].forward["f"].value`.

  Raises:
    FieldError: `stack` is not a Stack, or `params` or `carry` has another
      number of layers or directions; see also `rnn_lab.unroll`.
  """
  if not isinstance(stack, Stack):
    raise FieldError(
      "stack",
      f"{{field}} must be a Stack, got a {type(stack).__name__}; "
      "rnn_lab.stack([cell]) makes a Stack of a Cell",
    )
  check_params(stack, params)
  check_layers("carry", carry, len(stack.forward), 1 + bool(stack.backward))
  layers = []
  both = (stack.forward, stack.backward) if stack.backward else (stack.forward,)
  for layer, cells in enumerate(zip(*both)):
    results = [
      unroll(
        with_activations(cell),
        params[layer][direction],
        x_TBD,
        None if carry is None else carry[layer][direction],
        lengths_B=lengths_B,
        mask_TB=mask_TB,
        resets_TB=resets_TB,
        reverse=direction == 1,
      )[1]
      for direction, cell in enumerate(cells)
    ]
    outputs, values = zip(*results)
    layers.append(Directions(*values))
    x_TBD = outputs[0] if len(outputs) == 1 else jnp.concatenate(outputs, -1)
  return tuple(layers)


def with_activations(cell: Cell) -> Cell:
  """Returns `cell` with the output (y, `{name: Activated}` of the step)."""

  def step(params: Params, carry: Carry, x: PyTree) -> tuple[Carry, Any]:
    values = {} if cell.inside is None else cell.inside(params, carry, x)
    carry, y_BH = cell.step(params, carry, x)
    return carry, (y_BH, values)

  return cell._replace(step=step)


def memory_gate(cell: Cell, values: Mapping[str, Activated]) -> Array:
  """Returns the gate that multiplies the cell's previous state.

  Args:
    cell: the cell of a layer.
    values: what `activations` returns for it.

  Raises:
    FieldError: the cell has no such gate.
  """
  if cell.memory is None or cell.memory[1] not in values:
    raise FieldError(
      "cell",
      "{field} must have a gate that multiplies its previous state, as 'lstm' "
      f"and 'gru' do, got {cell.kind!r}",
    )
  return values[cell.memory[1]].value


def gate_statistics(
  gate_TBH: Array,
  lengths_B: Array | np.ndarray | None = None,
  mask_TB: Array | np.ndarray | None = None,
) -> GateStatistics:
  """Computes means and half-lives of a gate with values in [0, 1].

  Args:
    gate_TBH: its values, as `memory_gate` returns them.
    lengths_B: steps past these do not count; None where all sequences have T.
    mask_TB: steps where it is False do not count.

  Raises:
    FieldError: the gate is not `[T, B, H]`, or a length is not in [0, T].
  """
  gate_TBH = jnp.asarray(gate_TBH)
  if gate_TBH.ndim != 3:
    raise shape_error("gate_TBH", "an array of shape [T, B, H]", gate_TBH.shape)
  used = used_steps(gate_TBH, lengths_B, mask_TB)

  def mean(values: Array, axis: tuple[int, ...]) -> Array:
    return jnp.mean(values, axis=axis, where=used)

  # The absolute value: where f is 1, ln 2 would be divided by minus zero.
  log_decay_H = jnp.abs(mean(jnp.log(gate_TBH), (0, 1)))
  return GateStatistics(
    mean_by_time=mean(gate_TBH, (1, 2)),
    mean_by_unit=mean(gate_TBH, (0, 1)),
    half_life_by_unit=jnp.log(2.0) / log_decay_H,
    closed=mean(gate_TBH < 0.1, (0, 1, 2)),
    open=mean(gate_TBH > 0.9, (0, 1, 2)),
  )


def log_direct_path(gate_TBH: Array) -> Array:
  """Computes ln of the product of the last l gates, l = 0 .. T-1: `[T, B, H]`.

  This is the direct path of ds_{T-1}/ds_{T-1-l}, through the gates of steps
  T-l to T-1: the diagonal of a diagonal matrix. All sequences must have T
  steps.
  """
  log_TBH = jnp.log(gate_TBH)
  zero_TBH = jnp.zeros_like(log_TBH[:1])
  return jnp.concatenate([zero_TBH, jnp.cumsum(log_TBH[::-1], axis=0)[:-1]])


def log_root_mean_square(log_TBH: Array) -> Array:
  """Computes ln of the root mean square over units of exp(log): `[T, B]`.

  For the diagonal of a diagonal matrix this is the root mean square of its
  singular values, |matrix|_F / sqrt(H).
  """
  size = log_TBH.shape[-1]
  total = jax.nn.logsumexp(2.0 * log_TBH, axis=-1)
  return 0.5 * (total - jnp.log(float(size)))


def saturated_share(
  values: Activated,
  lengths_B: Array | np.ndarray | None = None,
  mask_TB: Array | np.ndarray | None = None,
) -> Array:
  """Computes the share of (step, example, unit) that are saturated.

  Args:
    values: `[T, B, H]`, of `activations`.
    lengths_B, mask_TB: see `gate_statistics`.
  """
  used = used_steps(values.slope, lengths_B, mask_TB)
  return jnp.mean(values.slope < SATURATED, where=used)
