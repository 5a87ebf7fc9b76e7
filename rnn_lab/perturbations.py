"""Something added to a cell's carry at every step: how dE/ds_t is read off."""

from typing import Any

import jax
import jax.numpy as jnp

from rnn_lab.cells.base import Cell, is_float
from rnn_lab.types import Array, Carry, Params, PyTree

# What JAX calls a call of a jitted function. A loop's results are not the
# variables of its body, so that nothing else is looked into.
_CALLS = ("jit", "pjit")


def perturbed(cell: Cell) -> Cell:
  """`cell` with something added to its carry after each step.

  Its input is a pair (x_BD, e), e of the form of the carry: s_t + e_t takes
  the place of s_t, in what is handed on and, where the output is one of the
  carry's arrays, in the output. With e = 0 nothing changes, and the gradient
  with respect to e_t is dE/ds_t: for an LSTM dE/dh_t with c_t held fixed, and
  dE/dc_t with h_t held fixed. Of a cell whose output is not in its carry it is
  what the later steps have to say, without the cost of step t itself. Nothing
  is added to arrays that are no floats, such as a count of steps.
  """

  def step(params: Params, carry: Carry, x: Any) -> tuple[Carry, Array]:
    x_BD, e = x
    place = place_of_output(cell, params, carry, x_BD)
    carry, y_BH = cell.step(params, carry, x_BD)
    carry = jax.tree.map(_add, carry, e)
    if place is not None:
      y_BH = jax.tree.leaves(carry)[place]
    return carry, y_BH

  return cell._replace(step=step)


def zeros_like_carries(carry: Carry, num_steps: int) -> Carry:
  """Zeros for `perturbed` to add: the carry's form with a leading T."""

  def zeros(leaf: Array) -> Array:
    dtype = leaf.dtype if is_float(leaf) else jnp.float32
    return jnp.zeros((num_steps, *leaf.shape), dtype)

  return jax.tree.map(zeros, carry)


def place_of_output(
  cell: Cell, params: Params, carry: Carry, x: PyTree
) -> int | None:
  """Which of the new carry's arrays the output is; None if it is none.

  It is found in the program of the step, where both are one variable; also
  within calls of jitted functions.
  """
  traced = jax.make_jaxpr(cell.step)(params, carry, x).jaxpr
  num_states = len(jax.tree.leaves(carry))
  variables = [_origin(traced, variable) for variable in traced.outvars]
  states, outputs = variables[:num_states], variables[num_states:]
  if len(outputs) != 1 or outputs[0] not in states:
    return None
  return states.index(outputs[0])


def _origin(program: Any, variable: Any) -> tuple[int, ...]:
  """A variable's identity: of one that a jitted call made, that within it."""
  for equation in program.eqns:
    if variable in equation.outvars and equation.primitive.name in _CALLS:
      inner = equation.params["jaxpr"].jaxpr
      own = inner.outvars[equation.outvars.index(variable)]
      if own in inner.invars:
        return _origin(program, equation.invars[inner.invars.index(own)])
      return (id(equation), *_origin(inner, own))
  return (id(variable),)


def _add(state: Array, e: Array) -> Array:
  return state + e.astype(state.dtype) if is_float(state) else state
