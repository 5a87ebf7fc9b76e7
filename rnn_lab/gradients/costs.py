"""The cost of a sequence, E = J_0 + ... + J_{T-1}, and checks of its arguments.

J_t = cost(readout, y_t, target_t) is the cost of one step, a scalar, summed
over the batch; `readout` is any pytree of parameters (the lecture's v), `()`
for none. Each J_t has a weight, and one of weight zero is ignored: a cost on a
window of outputs is a choice of weights.

The functions here take a `Cell`'s `step` and not the cell, so that cells which
differ only in their initial values share compiled programs.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab._unroll import carry_dtype
from rnn_lab.cells.base import Cell, check_carry, check_step, is_float
from rnn_lab.errors import FieldError, check_int
from rnn_lab.types import Array, Carry, Params, PyTree

Step = Callable[[Params, Carry, PyTree], tuple[Carry, PyTree]]
Cost = Callable[[PyTree, PyTree, PyTree], Array]


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
    cost: (readout, y_t, target_t) -> J_t.
    params: the cell's parameters.
    readout: the cost's parameters.
    xs: inputs, leaves `[T, ...]`.
    targets: leaves `[T, ...]`; the cost is given slice t.
    carry: s_{-1}, the state before the first step.
    weights_T: `[T]`; where it is zero J_t may be infinite or nan, and both it
      and its gradients count as exactly zero.
  """
  return traced_cost(
    step, cost, params, readout, xs, targets, carry, weights_T
  )[0]


def traced_cost(
  step: Step,
  cost: Cost,
  params: Params,
  readout: PyTree,
  xs: PyTree,
  targets: PyTree,
  carry: Carry,
  weights_T: Array,
) -> tuple[Array, tuple[Carry, PyTree]]:
  """Computes `total_cost`, and (s_{t-1}, y_t) of all t, leading dimension T."""

  def body(carry: Carry, at_t: tuple) -> tuple[Carry, tuple]:
    x, target, weight = at_t
    after, y = step(params, carry, x)
    value = weighted_cost(cost, readout, y, target, weight)
    return after, (value, (carry, y))

  _, (cost_T, trace) = jax.lax.scan(body, carry, (xs, targets, weights_T))
  return jnp.sum(cost_T), trace


def weighted_cost(
  cost: Cost, readout: PyTree, y: PyTree, target: PyTree, weight: Array
) -> Array:
  """Computes weight * J_t; exactly zero where the weight is zero."""
  used = weight != 0
  # Before the cost as well as after it: zero times an infinite derivative is
  # nan, but no gradient passes a `where`.
  readout, y = jax.tree.map(
    lambda a: jnp.where(used, a, jnp.zeros_like(a)), (readout, y)
  )
  value = cost(readout, y, target)
  return jnp.where(used, weight.astype(value.dtype) * value, 0.0)


def window_weights(num_steps: int, t_min: int, t_max: int) -> Array:
  """Returns `weights_T` of a cost on the steps from t_min to t_max, inclusive.

  Args:
    num_steps: T.
    t_min: the first step whose output counts, from 0 up.
    t_max: the last one, at most T - 1.

  Returns:
    `[T]` float32, one within the window and zero outside.

  Raises:
    FieldError: the window is empty or exceeds the sequence.
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
  """Checks a cell and its arguments; returns the state before the first step.

  Raises:
    FieldError: `cell` is not a Cell, or xs do not have one T, at least 1.
    ValueError: a step changes the form of the carry; see `check_step`.
  """
  if not isinstance(cell, Cell):
    raise FieldError(
      "cell",
      f"{{field}} must be a Cell, got a {type(cell).__name__}; "
      "rnn_lab.as_cell(stack) makes a Cell of a Stack",
    )
  shapes = _shapes(xs)
  num_steps = shapes[0][0] if shapes and shapes[0] else 0
  if num_steps == 0 or any(
    len(shape) < 2 or shape[0] != num_steps for shape in shapes
  ):
    raise shape_error(
      "xs", "arrays of shape [T, ..., D] with one T of at least 1", *shapes
    )
  initial = cell.initial_carry(shapes[0][1:-1], carry_dtype(params, xs))
  initial = jax.tree.map(jnp.asarray, initial)
  carry = initial if carry is None else jax.tree.map(jnp.asarray, carry)
  check_carry(cell, initial, carry)
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
) -> tuple[Carry, Array]:
  """Checks as `prepare` does, and the cost; returns the state and weights.

  Raises:
    FieldError: see `prepare`; targets or weights_T have another T than xs, or
      the cost is not a scalar.
    ValueError: see `prepare`.
  """
  carry = prepare(cell, params, xs, carry)
  num_steps = _shapes(xs)[0][0]
  same = f"with the T = {num_steps} of xs"
  shapes = _shapes(targets)
  if any(shape[:1] != (num_steps,) for shape in shapes):
    raise shape_error("targets", f"arrays of shape [T, ...] {same}", *shapes)
  if weights_T is None:
    weights_T = jnp.ones((num_steps,), jnp.float32)
  weights_T = jnp.asarray(weights_T)
  if weights_T.shape != (num_steps,):
    raise shape_error(
      "weights_T", f"an array of shape [T] {same}", weights_T.shape
    )

  def one_step(x: PyTree, target: PyTree) -> Array:
    return cost(readout, cell.step(params, carry, x)[1], target)

  first = jax.tree.map(lambda a: a[0], (xs, targets))
  value = jax.eval_shape(one_step, *first)
  if getattr(value, "shape", None) != ():
    kind = f"a {type(value).__name__}"
    got = f"shape {value.shape}" if hasattr(value, "shape") else kind
    raise FieldError("cost", f"{{field}} must return a scalar, got {got}")
  return carry, weights_T


def step_vjp(
  step: Step, params: Params, carry: Carry, x: PyTree
) -> Callable[[list[Array], PyTree], tuple[Params, list[Array]]]:
  """Returns the vector-Jacobian product of one step, at `params` and `carry`.

  It takes the gradients of a cost with respect to the new carry and to y, and
  returns those with respect to the step's own copy of the parameters and to
  the old carry. The gradient of a carry is the list of those of its floating
  leaves: integers, such as a count of steps, have none.
  """

  def float_step(params: Params, floats: list[Array]) -> tuple[list, PyTree]:
    after, y = step(params, with_floats(carry, floats), x)
    return float_leaves(after), y

  vjp = jax.vjp(float_step, params, float_leaves(carry))[1]
  return lambda carry_gradient, y_gradient: vjp((carry_gradient, y_gradient))


def float_leaves(carry: Carry) -> list[Array]:
  """Returns the floating leaves of a carry, those that have derivatives."""
  return [leaf for leaf in jax.tree.leaves(carry) if is_float(leaf)]


def with_floats(carry: Carry, floats: list[Array]) -> Carry:
  """Returns `carry` with its floating leaves replaced by `floats`."""
  rest = iter(floats)
  return jax.tree.map(lambda a: next(rest) if is_float(a) else a, carry)


def zero_gradients(carry: Carry, rows: int) -> list[Array]:
  """Returns zeros `[rows, ...]` for `step_vjp`, one for each floating leaf."""
  return [jnp.zeros((rows, *a.shape), a.dtype) for a in float_leaves(carry)]


def rows_where(used_N: Array, tree: PyTree) -> PyTree:
  """Sets the rows of leaves `[N, ...]` that are not used to zero.

  Args:
    used_N: booleans.
    tree: leaves `[N, ...]`, or `[1, ...]` for the same row N times.
  """

  def rows(a: Array) -> Array:
    used = used_N.reshape(-1, *[1] * (a.ndim - 1))
    return jnp.where(used, a, jnp.zeros_like(a))

  return jax.tree.map(rows, tree)


def shape_error(
  field: str, expected: str, *shapes: tuple[int, ...]
) -> FieldError:
  """Returns the error for arrays of the wrong shapes."""
  words = ", ".join(map(str, shapes))
  got = f"shape{'s' * (len(shapes) > 1)} {words}" if shapes else "no arrays"
  return FieldError(field, f"{{field}} must be {expected}, got {got}")


def _shapes(tree: Any) -> list[tuple[int, ...]]:
  return [np.shape(leaf) for leaf in jax.tree.leaves(tree)]
