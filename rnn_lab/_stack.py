"""Stacks of cells: layers on top of each other, one- or two-directional.

A `Stack` is a value like a `Cell`; the functions of this module initialise and
unroll it. Layer l reads the outputs of layer l-1 at the same step.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnn_lab._dropout import drop_rows, dropout
from rnn_lab._layers import check_layers
from rnn_lab._unroll import check_execution, for_batch, unroll
from rnn_lab.cells.base import (
  Cell,
  check_arrays,
  output_size,
  program_cell,
)
from rnn_lab.errors import (
  FieldError,
  check_bool,
  check_choice,
  check_float,
  check_int,
)
from rnn_lab.perturbations import perturbed, zeros_like_carries
from rnn_lab.types import Array, Carry, Key, Params, PyTree

FINAL_STATES = ("top", "all")


class Stack(NamedTuple):
  """Layers of cells, and how to unroll them.

  Attributes:
    forward: the cell of each layer that reads from the first step to the last.
    backward: the cells that read from the last step to the first; empty
      unless the stack is bidirectional.
    dropout: the rate at which the outputs of each layer are dropped for the
      next one (Zaremba et al. 2014: between layers, not between steps).
    variational: drop the same units at every step, and also rows of the
      recurrent kernels (Gal and Ghahramani 2016).
    checkpoint_every, implementation: see `unroll`.
  """

  forward: tuple[Cell, ...]
  backward: tuple[Cell, ...] = ()
  dropout: float = 0.0
  variational: bool = False
  checkpoint_every: int | tuple[int, ...] | list[int] | None = None
  implementation: str = "auto"


class Directions(NamedTuple):
  """A value for each direction of a layer; None for a direction it lacks."""

  forward: Any
  backward: Any = None


Layers = tuple[Directions, ...]


def stack(
  cells: Sequence[Cell],
  *,
  bidirectional: bool = False,
  dropout: float = 0.0,
  variational: bool = False,
  checkpoint_every: int | tuple[int, ...] | list[int] | None = None,
  implementation: str = "auto",
) -> Stack:
  """Makes a stack of `cells`, the first nearest to the input.

  Args:
    cells: one cell per layer.
    bidirectional: add to each layer the same cell with separate parameters,
      which reads the sequence backwards (Schuster and Paliwal 1997). The
      layer's output is the concatenation of both.
    dropout: see `Stack`; in [0, 1).
    variational: see `Stack`.
    checkpoint_every, implementation: see `unroll`.

  Raises:
    FieldError: `cells` does not hold Cells, `bidirectional` or `variational` is
      no boolean, or `dropout`, `checkpoint_every` or
      `implementation` is out of its range.
    ValueError: there are no cells.
  """
  check_bool("bidirectional", bidirectional)
  check_bool("variational", variational)
  check_float("dropout", dropout, 0.0, 1.0, below=True)
  checkpoint_every = check_execution(checkpoint_every, implementation) or None
  if isinstance(cells, Cell | Stack):  # which are tuples themselves
    kind = type(cells).__name__
    raise FieldError(
      "cells", f"{{field}} must be a list of Cells, got a {kind}"
    )
  cells = tuple(cells)
  for n, cell in enumerate(cells):
    if not isinstance(cell, Cell):
      kind = type(cell).__name__
      raise FieldError(f"cells[{n}]", f"{{field}} must be a Cell, got a {kind}")
  if not cells:
    raise ValueError("stack: cells must hold at least one cell, got none")
  backward = cells if bidirectional else ()
  return Stack(
    cells, backward, dropout, variational, checkpoint_every, implementation
  )


def program_stack(stack: Stack) -> Stack:
  """Returns `stack` with the `program_cell` of every cell."""
  return stack._replace(
    forward=tuple(map(program_cell, stack.forward)),
    backward=tuple(map(program_cell, stack.backward)),
  )


def init_stack(stack: Stack, key: Key, input_size: int) -> Layers:
  """Initialises the parameters of each layer, for `input_size` features.

  Raises:
    FieldError: `input_size` is not an integer of at least 1.
  """
  check_int("input_size", input_size, 1)
  params = []
  for layer, cells in enumerate(_layers(stack)):
    keys = jax.random.split(jax.random.fold_in(key, layer))
    of_layer = [cell.init(k, input_size) for cell, k in zip(cells, keys)]
    params.append(Directions(*of_layer))
    input_size = sum(output_size(cell, input_size) for cell in cells)
  return tuple(params)


def stack_output_size(stack: Stack, input_size: int) -> int:
  """Returns the width of the top layer's outputs, of both directions."""
  for cells in _layers(stack):
    input_size = sum(output_size(cell, input_size) for cell in cells)
  return input_size


def unroll_stack(
  stack: Stack,
  params: Layers,
  x_TBD: Array,
  carry: Layers | None = None,
  *,
  initial: Layers | None = None,
  lengths_B: Array | np.ndarray | None = None,
  mask_TB: Array | np.ndarray | None = None,
  resets_TB: Array | np.ndarray | None = None,
  dropout_key: Key | None = None,
  perturbations: Layers | None = None,
  return_states: bool = False,
) -> tuple[Any, ...]:
  """Unrolls each layer through time, on the outputs of the layer below.

  Args:
    stack: the layers.
    params: of `init_stack`.
    x_TBD: `[T, B, D]` inputs.
    carry: the states before the first step, one `Directions` per layer; None
      for the initial carries.
    initial: the initial carries, as of `zero_initial`; None for the cells'
      own. See `unroll`.
    lengths_B, mask_TB, resets_TB: see `unroll`.
    dropout_key: the key of the dropout masks; None disables dropout.
    perturbations: for each layer and direction a carry whose arrays have a
      leading dimension T, added to the carries; see `rnn_lab.perturbations`.
      None adds nothing and costs nothing.
    return_states: also return the carry of every layer after every step.

  Returns:
    The last carries, one `Directions` per layer, and the top layer's outputs
    `[T, B, H]`, or `[T, B, 2H]` of a bidirectional stack. With
    `return_states` also the carries after each step, one `Directions` per
    layer, whose arrays have a leading dimension T and are zero at skipped
    steps.

  Raises:
    FieldError: `params`, `carry`, `initial` or `perturbations` has another
      number of layers or directions than the stack; see also `unroll`.
    ValueError: see `unroll`.
  """
  check_params(stack, params)
  for field, layers in (
    ("carry", carry),
    ("initial", initial),
    ("perturbations", perturbations),
  ):
    check_layers(field, layers, *_size(stack))
  none = (Directions(None),) * len(stack.forward)
  before = none if carry is None else carry
  added = none if perturbations is None else perturbations
  fresh = none if initial is None else initial
  carries, states = [], []
  drop_key = dropout_key if stack.dropout > 0.0 else None
  implementation = stack.implementation
  if return_states or perturbations is not None:
    implementation = "scan"  # of cells whose steps are made here
  for layer, cells in enumerate(_layers(stack)):
    if drop_key is not None and layer > 0:
      layer_key = jax.random.fold_in(drop_key, layer)
      x_TBD = dropout(layer_key, stack.dropout, x_TBD, stack.variational)
    results = []
    for direction, cell in enumerate(cells):
      cell_params, xs = params[layer][direction], x_TBD
      if drop_key is not None and stack.variational:
        place = len(stack.forward) * (direction + 1) + layer
        mask_key = jax.random.fold_in(drop_key, place)
        cell_params = drop_rows(cell, cell_params, mask_key, stack.dropout)
      if added[layer][direction] is not None:
        cell, xs = perturbed(cell), (x_TBD, added[layer][direction])
      if return_states:
        cell = with_states(cell)
      results.append(
        unroll(
          cell,
          cell_params,
          xs,
          before[layer][direction],
          initial=fresh[layer][direction],
          lengths_B=lengths_B,
          mask_TB=mask_TB,
          resets_TB=resets_TB,
          reverse=direction == 1,
          checkpoint_every=stack.checkpoint_every,
          implementation=implementation,
        )
      )
    after, outputs = zip(*results)
    carries.append(Directions(*after))
    if return_states:
      outputs, every_carry = zip(*outputs)
      states.append(Directions(*every_carry))
    x_TBD = outputs[0] if len(outputs) == 1 else jnp.concatenate(outputs, -1)
  if return_states:
    return tuple(carries), x_TBD, tuple(states)
  return tuple(carries), x_TBD


def check_params(stack: Stack, params: Layers) -> None:
  """Raises FieldError unless `params` has the stack's layers and directions.

  What it holds of each must be arrays.
  """
  if params is None:
    raise FieldError("params", "{field} must be those of init_stack, got None")
  check_layers("params", params, *_size(stack))
  check_arrays("params", params)


def with_states(cell: Cell) -> Cell:
  """Returns `cell` with the outputs (y_t, carry after step t).

  `unroll` then returns every state of every step: of an LSTM all c_t.
  """
  return cell._replace(step=_step_with_states(cell.step))


# Cached, so that jitted callers do not compile again for an equal cell.
@functools.cache
def _step_with_states(step: Callable) -> Callable:
  def with_states(params: Params, carry: Carry, x: PyTree) -> tuple:
    carry, y = step(params, carry, x)
    return carry, (y, carry)

  return with_states


def zero_initial(stack: Stack, dtype: Any = jnp.float32) -> Layers:
  """Returns the cells' own initial carries, of one sequence (no dimension B).

  A model that learns its initial state has parameters of this form.
  """
  return _map_cells(stack, lambda cell: cell.initial_carry((), dtype))


def initial_for_batch(
  stack: Stack,
  batch_size: int,
  initial: Layers | None = None,
  dtype: Any = jnp.float32,
) -> Layers:
  """Returns the carries before the first step, leading dimension B.

  Args:
    stack: the layers.
    batch_size: B.
    initial: carries of one sequence, as of `zero_initial`; None for the
      cells' own.
    dtype: of floating arrays.

  Raises:
    FieldError: `initial` has another number of layers or directions.
    ValueError: an entry is not a carry of its cell.
  """
  shape = (batch_size,)
  check_layers("initial", initial, *_size(stack))
  if initial is None:
    return _map_cells(stack, lambda cell: cell.initial_carry(shape, dtype))
  return tuple(
    Directions(*[for_batch(c, i, shape, dtype) for c, i in zip(cells, layer)])
    for cells, layer in zip(_layers(stack), initial)
  )


def _map_cells(stack: Stack, function: Callable[[Cell], Any]) -> Layers:
  return tuple(Directions(*map(function, cells)) for cells in _layers(stack))


def final_state(carry: Layers, which: str) -> Array:
  """Returns the hidden states after the last step, one vector per sequence.

  Args:
    carry: of `unroll_stack`; each cell's carry has a field `h`.
    which: "top" for the top layer (the lecture's multi-layer LSTM), "all" for
      all layers, the first one first (the lecture's multi-layer RNN).

  Returns:
    `[B, H]`, the layers and directions concatenated along H.

  Raises:
    FieldError: `which` is neither.
  """
  check_choice("which", which, FINAL_STATES)
  layers = carry if which == "all" else carry[-1:]
  return jnp.concatenate(
    [c.h for layer in layers for c in layer if c is not None], axis=-1
  )


def zero_perturbations(
  stack: Stack, num_steps: int, batch_size: int, dtype: Any = jnp.float32
) -> Layers:
  """Returns perturbations of zero for `unroll_stack`, `[T, B, H]` each."""

  def zeros(cell: Cell) -> Carry:
    carry = cell.initial_carry((batch_size,), dtype)
    return zeros_like_carries(carry, num_steps)

  return _map_cells(stack, zeros)


def _size(stack: Stack) -> tuple[int, int]:
  """Returns the numbers of layers and of directions."""
  return len(stack.forward), 2 if stack.backward else 1


def _layers(stack: Stack) -> Iterable[tuple[Cell, ...]]:
  """Returns the one or two cells of each layer."""
  forward, backward = stack.forward, stack.backward
  return zip(forward, backward) if backward else zip(forward)
