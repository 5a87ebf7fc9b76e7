"""A stack as one cell, so that what is written for cells takes any depth."""

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from rnn_lab._layers import check_layers
from rnn_lab._stack import FINAL_STATES, Directions, Layers, Stack, init_stack
from rnn_lab.cells.base import Cell
from rnn_lab.errors import FieldError, check_choice
from rnn_lab.types import Array, PyTree


def as_cell(stack: Stack, final: str = "top") -> Cell:
  """Returns a one-directional stack as one cell.

  Functions for cells thus apply to any depth. The cell's parameters are those
  of `init_stack`, and its carry is that of `unroll_stack`. Of the stack's
  fields only the cells are used: a step needs neither `checkpoint_every` nor
  `implementation`, which the caller passes to `unroll`, and has no dropout.

  Args:
    stack: the layers.
    final: the outputs of the cell: "top" for those of the top layer, "all" for
      those of all layers; see `final_state`.

  Raises:
    FieldError: `final` is neither.
    ValueError: the stack is bidirectional.
  """
  check_choice("final", final, FINAL_STATES)
  if stack.backward:
    raise ValueError(
      "as_cell: the stack must have one direction, got a bidirectional one"
    )
  cells = stack.forward
  initial_carry, step = _layered(
    tuple(cell.initial_carry for cell in cells),
    tuple(cell.step for cell in cells),
    final,
  )
  init = functools.partial(init_stack, stack)
  return Cell(init, initial_carry, step, "stack", cells)


# Cached, so that jitted callers do not compile again for an equal stack.
@functools.cache
def _layered(
  initial_carries: tuple[Callable, ...], steps: tuple[Callable, ...], final: str
) -> tuple[Callable, Callable]:
  """Returns `initial_carry` and `step` of a stack as one cell."""

  def initial_carry(batch_shape: tuple[int, ...], dtype: Any) -> PyTree:
    return tuple(Directions(f(batch_shape, dtype)) for f in initial_carries)

  def step(params: Layers, carry: Layers, x_BD: Array) -> tuple[Layers, Array]:
    for field, layers in (("params", params), ("carry", carry)):
      if layers is None:
        raise FieldError(field, "{field} must be that of the stack, got None")
      check_layers(field, layers, len(steps), 1)
    carries, outputs = [], []
    for cell_step, layer_params, before in zip(steps, params, carry):
      after, x_BD = cell_step(layer_params[0], before[0], x_BD)
      carries.append(Directions(after))
      outputs.append(x_BD)
    if final == "all":
      x_BD = jnp.concatenate(outputs, axis=-1)
    return tuple(carries), x_BD

  return initial_carry, step
