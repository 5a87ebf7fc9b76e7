"""The cost of a sequence, E = J_0 + ... + J_{T-1}, and checks of its arguments.

J_t = cost(readout, y_t, target_t) is the cost of one step, a scalar, summed
over the batch; `readout` is any pytree of parameters (the lecture's v), `()`
for none. Each J_t has a weight, and one of weight zero is ignored: a cost on a
window of outputs is a choice of weights.

The functions here take a `Cell`'s `step` and not the cell, so that cells which
differ only in their initial values share compiled programs.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab._unroll import carry_dtype
from rnn_lab.cells.base import (
  Cell,
  check_arrays,
  check_carry,
  check_real,
  check_step,
  is_float,
)
from rnn_lab.errors import FieldError, check_int
from rnn_lab.types import Array, Carry, Params, PyTree

Step = Callable[[Params, Carry, PyTree], tuple[Carry, PyTree]]
Cost = Callable[[PyTree, PyTree, PyTree], Array]


class Inputs(NamedTuple):
  """The arrays of `total_cost`, as `prepare_cost` returns them."""

  params: Params
  readout: PyTree
  xs: PyTree
  targets: PyTree
  carry: Carry
  weights_T: Array


def total_cost(
  step: Step,
  cost: Cost,
  params: Params,
  readout: PyTree,
  xs: PyTree,
  targets: PyTree,
  carry: Carry,
  weights_T: Array,
) -> Array:
  """Computes E, the sum over t of weights_T[t] * J_t.

  Its `jax.grad` is full backpropagation through time.

  Args:
    step: (params, s_{t-1}, x_t) -> (s_t, y_t), the `step` of a `Cell`.
    cost: (readout, y_t, target_t) -> J_t, summed over the batch.
    params: the cell's parameters.
    readout: the cost's parameters, `()` for none.
    xs: inputs `[T, B, D]`, or a pytree with leading dimension T.
    targets: a pytree with leading dimension T; the cost is given slice t.
    carry: s_{-1}, the state before the first step.
    weights_T: `[T]`, the weight of each J_t in E, see `window_weights`; where
      it is zero J_t may be infinite or nan, and both it and its gradients count
      as exactly zero.
  """
  inputs = Inputs(params, readout, xs, targets, carry, weights_T)
  return traced_cost(params, readout, step, cost, inputs)[0]


def traced_cost(
  params: Params, readout: PyTree, step: Step, cost: Cost, inputs: Inputs
) -> tuple[Array, tuple[Carry, PyTree]]:
  """Computes `total_cost`, and (s_{t-1}, y_t) of all t, leading dimension T.

  `params` and `readout`, to differentiate by, replace those of `inputs`.
  """

  def body(carry: Carry, at_t: tuple) -> tuple[Carry, tuple]:
    x, *rest = at_t
    after, y = step(params, carry, x)
    return after, (weighted_cost(cost, readout, y, *rest), (carry, y))

  steps = (inputs.xs, inputs.targets, inputs.weights_T)
  _, (cost_T, trace) = jax.lax.scan(body, inputs.carry, steps)
  return jnp.sum(cost_T), trace


def weighted_cost(
  cost: Cost, readout: PyTree, y: PyTree, target: PyTree, weight: Array
) -> Array:
  """Computes weight * J_t; exactly zero where the weight is zero."""
  used = weight != 0
  # Before the cost as well as after it: zero times an infinite derivative is
  # nan, but no gradient passes a `where`.
  readout, y = keep(used, (readout, y))
  value = cost(readout, y, target)
  return jnp.where(used, weight.astype(value.dtype) * value, 0.0)


def window_weights(num_steps: int, t_min: int, t_max: int) -> Array:
  """Returns `weights_T` of a cost on the steps from t_min to t_max, inclusive.

  `[T]` float32, T = num_steps: one within the window and zero outside.

  Raises:
    FieldError: not 0 <= t_min <= t_max <= T - 1.
  """
  check_int("num_steps", num_steps, 1)
  check_int("t_min", t_min, 0, num_steps - 1)
  check_int("t_max", t_max, 0, num_steps - 1)
  if t_max < t_min:
    raise FieldError(
      "t_max", f"{{field}} must be at least t_min = {t_min}, got {t_max}"
    )
  t_T = jnp.arange(num_steps)
  return ((t_T >= t_min) & (t_T <= t_max)).astype(jnp.float32)


def prepare(
  cell: Cell, params: Params, xs: PyTree, carry: Carry | None
) -> Carry:
  """Checks a cell's arguments; returns the state before the first step."""
  if not isinstance(cell, Cell):
    raise FieldError(
      "cell",
      f"{{field}} must be a Cell, got a {type(cell).__name__}; "
      "rnn_lab.as_cell(stack) makes a Cell of a Stack",
    )
  check_arrays("params", params, cell.kind)
  shapes = _shapes(xs)
  lengths = {shape[0] if len(shape) > 1 else 0 for shape in shapes}
  if len(lengths) != 1 or 0 in lengths:
    raise shape_error(
      "xs", "arrays of shape [T, ..., D] with one T of at least 1", *shapes
    )
  initial = cell.initial_carry(shapes[0][1:-1], carry_dtype(params, xs))
  initial = jax.tree.map(jnp.asarray, initial)
  carry = initial if carry is None else jax.tree.map(jnp.asarray, carry)
  check_carry(cell, initial, carry)
  # Of a complex state there would be no derivatives.
  check_real("carry", carry, cell.kind)
  check_step(cell, params, carry, jax.tree.map(lambda a: a[0], xs))
  return carry


def prepare_cost(
  cell: Cell,
  cost: Cost,
  params: Params,
  readout: PyTree,
  xs: PyTree,
  targets: PyTree,
  carry: Carry | None,
  weights_T: Array | None,
) -> Inputs:
  """Checks the arguments of `bptt_terms`; sets the carry and the weights."""
  carry = prepare(cell, params, xs, carry)
  check_real("params", params, cell.kind)
  check_real("readout", readout)
  num_steps = _shapes(xs)[0][0]
  same = f"with the T = {num_steps} of xs"
  shapes = _shapes(targets)
  if any(shape[:1] != (num_steps,) for shape in shapes):
    raise shape_error("targets", f"arrays of shape [T, ...] {same}", *shapes)
  if weights_T is None:
    weights_T = jnp.ones((num_steps,), jnp.float32)
  weights_T = jnp.asarray(weights_T)
  check_real("weights_T", weights_T)
  if weights_T.shape != (num_steps,):
    raise shape_error(
      "weights_T", f"an array of shape [T] {same}", weights_T.shape
    )
  value = jax.eval_shape(
    lambda x, target: cost(readout, cell.step(params, carry, x)[1], target),
    *jax.tree.map(lambda a: a[0], (xs, targets)),
  )
  if getattr(value, "shape", None) != ():
    kind = f"a {type(value).__name__}"
    got = f"shape {value.shape}" if hasattr(value, "shape") else kind
    raise FieldError("cost", f"{{field}} must return a scalar, got {got}")
  return Inputs(params, readout, xs, targets, carry, weights_T)


def step_vjp(
  step: Step, params: Params, before: Carry, x: PyTree, y_gradient: PyTree
) -> Callable[[list[Array], Array], tuple[Params, list[Array]]]:
  """Returns the vector-Jacobian product of one step, for N costs at once.

  It takes the costs' gradients with respect to the new carry, rows `[N, ...]`
  for each of its `float_leaves`, and booleans `[N]`: which of the costs are
  functions of the step's y, with the gradient `y_gradient`. It returns their
  gradients with respect to the step's own copy of the parameters and to the
  old carry, `before`.
  """

  def floats_only(
    params: Params, floats: list[Array]
  ) -> tuple[list[Array], PyTree]:
    after, y = step(params, with_floats(before, floats), x)
    return float_leaves(after), y

  vjp = jax.vjp(floats_only, params, float_leaves(before))[1]
  return jax.vmap(lambda adjoint, own: vjp((adjoint, keep(own, y_gradient))))


def zero_adjoints(before_T: Carry, rows: int) -> list[Array]:
  """Returns zeros `[rows, ...]` for `step_vjp`, one per floating leaf."""
  return [
    jnp.zeros((rows, *a.shape[1:]), a.dtype) for a in float_leaves(before_T)
  ]


def float_leaves(carry: Carry) -> list[Array]:
  """Returns the leaves that have gradients; a count of steps has none."""
  return [leaf for leaf in jax.tree.leaves(carry) if is_float(leaf)]


def with_floats(carry: Carry, floats: Iterable[Array]) -> Carry:
  """Returns `carry` with its `float_leaves` replaced."""
  floats = iter(floats)
  return jax.tree.map(lambda a: next(floats) if is_float(a) else a, carry)


def keep(used: Array, tree: PyTree) -> PyTree:
  """Returns `tree`, or zeros where the boolean `used` is False."""
  return jax.tree.map(lambda a: jnp.where(used, a, jnp.zeros_like(a)), tree)


def shape_error(
  field: str, expected: str, *shapes: tuple[int, ...]
) -> FieldError:
  """Returns the error for arrays of the wrong shapes."""
  words = ", ".join(map(str, shapes))
  got = f"shape{'s' * (len(shapes) > 1)} {words}" if shapes else "no arrays"
  return FieldError(field, f"{{field}} must be {expected}, got {got}")


def _shapes(tree: Any) -> list[tuple[int, ...]]:
  return [np.shape(leaf) for leaf in jax.tree.leaves(tree)]
