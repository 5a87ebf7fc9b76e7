"""Perturbations of a cell's carry, whose gradients are dE/ds_t."""

from typing import Any

import jax
import jax.numpy as jnp

from rnn_lab.cells.base import Cell, check_real, is_float
from rnn_lab.types import Array, Carry, Params, PyTree

# JAX's names for the call of a jitted function. The results of other nested
# programs, such as loops, are not variables of their bodies.
_CALLS = ("jit", "pjit")


def perturbed(cell: Cell) -> Cell:
  """Returns `cell` with a perturbation added to its carry after each step.

  The input of the new cell is a pair (x_BD, e), with e of the form of the
  carry: s_t + e_t replaces s_t in the carry and, if the output is an array of
  the carry, in the output. With e = 0 nothing changes, and the gradient with
  respect to e_t is dE/ds_t: for an LSTM dE/dh_t with c_t held fixed, and
  dE/dc_t with h_t held fixed. If the output is not in the carry, the gradient
  is that of the costs after step t only. Arrays without a floating dtype, such
  as a count of steps, are not perturbed.

  Raises:
    FieldError: a perturbation or the carry is complex.
  """

  def step(params: Params, carry: Carry, x: Any) -> tuple[Carry, Array]:
    x_BD, e = x
    check_real("perturbations", e, cell.kind)
    check_real("carry", carry, cell.kind)
    index = output_index(cell, params, carry, x_BD)
    carry, y_BH = cell.step(params, carry, x_BD)
    carry = jax.tree.map(_add, carry, e)
    if index is not None:
      y_BH = jax.tree.leaves(carry)[index]
    return carry, y_BH

  return cell._replace(step=step)


def zeros_like_carries(carry: Carry, num_steps: int) -> Carry:
  """Returns zeros in the form of the carry with a leading dimension T.

  Raises:
    FieldError: the carry is complex.
  """
  check_real("carry", carry)

  def zeros(leaf: Array) -> Array:
    dtype = leaf.dtype if is_float(leaf) else jnp.float32
    return jnp.zeros((num_steps, *leaf.shape), dtype)

  return jax.tree.map(zeros, carry)


def output_index(
  cell: Cell, params: Params, carry: Carry, x: PyTree
) -> int | None:
  """Returns the index of the new carry's array that is also the output.

  None if there is none. Both are then one variable in the program of the step,
  or of a jitted function that it calls.
  """
  traced = jax.make_jaxpr(cell.step)(params, carry, x).jaxpr
  num_states = len(jax.tree.leaves(carry))
  variables = [_origin(traced, variable) for variable in traced.outvars]
  states, outputs = variables[:num_states], variables[num_states:]
  is_state = len(outputs) == 1 and outputs[0] in states
  return states.index(outputs[0]) if is_state else None


def _origin(program: Any, variable: Any) -> tuple[int, ...]:
  """Returns a variable's identity, within the jitted call that computes it."""
  for equation in program.eqns:
    if variable in equation.outvars and equation.primitive.name in _CALLS:
      inner = equation.params["jaxpr"].jaxpr
      result = inner.outvars[equation.outvars.index(variable)]
      if result in inner.invars:
        return _origin(program, equation.invars[inner.invars.index(result)])
      return (id(equation), *_origin(inner, result))
  return (id(variable),)


def _add(state: Array, e: Array) -> Array:
  return state + e.astype(state.dtype) if is_float(state) else state
