"""Stacks of cells: layers on top of each other, one- or two-directional.

A `Stack` is a value like a `Cell`; the functions of this module initialise and
unroll it. Layer l reads the outputs of layer l-1 at the same step.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab._unroll import check_execution, unroll
from rnn_lab.cells.base import Cell, output_size, program_cell
from rnn_lab.errors import check_choice, check_float
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
    checkpoint_every: see `unroll`.
    implementation: see `unroll`.
  """

  forward: tuple[Cell, ...]
  backward: tuple[Cell, ...] = ()
  dropout: float = 0.0
  variational: bool = False
  checkpoint_every: int | None = None
  implementation: str = "auto"


class Directions(NamedTuple):
  """A value for each direction of a layer; None for a direction it lacks."""

  forward: Any
  backward: Any = None


def stack(
  cells: Sequence[Cell],
  *,
  bidirectional: bool = False,
  dropout: float = 0.0,
  variational: bool = False,
  checkpoint_every: int | None = None,
  implementation: str = "auto",
) -> Stack:
  """Makes a stack of `cells`, the first nearest to the input.

  Args:
    cells: one cell per layer.
    bidirectional: add to each layer the same cell with separate parameters,
      which reads the sequence backwards (Schuster and Paliwal 1997). The
      layer's output is the concatenation of both.
    dropout: the rate between layers, in [0, 1).
    variational: use one dropout mask for all steps, and one for the recurrent
      kernel.
    checkpoint_every: see `unroll`.
    implementation: see `unroll`.

  Raises:
    FieldError: `dropout`, `checkpoint_every` or `implementation` is out of its
      range.
    ValueError: there are no cells.
  """
  check_float("dropout", dropout, 0.0, 1.0, below=True)
  check_execution(checkpoint_every, implementation)
  cells = tuple(cells)
  if not cells:
    raise ValueError("stack: cells must hold at least one cell, got none")
  backward = cells if bidirectional else ()
  return Stack(
    cells, backward, dropout, variational, checkpoint_every, implementation
  )


def program_stack(stack: Stack) -> Stack:
  """Returns `stack` with the `program_cell` of every cell."""
  return stack._replace(
    forward=tuple(program_cell(cell) for cell in stack.forward),
    backward=tuple(program_cell(cell) for cell in stack.backward),
  )


def init_stack(
  stack: Stack, key: Key, input_size: int
) -> tuple[Directions, ...]:
  """Initialises the parameters of each layer, for `input_size` features."""
  params = []
  for layer, cells in enumerate(_layers(stack)):
    keys = Directions(*jax.random.split(jax.random.fold_in(key, layer)))
    params.append(
      _each(lambda cell, key: cell.init(key, input_size), cells, keys)  # noqa: B023
    )
    input_size = _layer_size(cells, input_size)
  return tuple(params)


def stack_output_size(stack: Stack, input_size: int) -> int:
  """Returns the width of the top layer's outputs, of both directions."""
  for cells in _layers(stack):
    input_size = _layer_size(cells, input_size)
  return input_size


def unroll_stack(
  stack: Stack,
  params: tuple[Directions, ...],
  x_TBD: Array,
  carry: tuple[Directions, ...] | None = None,
  *,
  lengths_B: Array | None = None,
  resets_TB: Array | None = None,
  dropout_key: Key | None = None,
  perturbations: tuple[Directions, ...] | None = None,
) -> tuple[tuple[Directions, ...], Array]:
  """Unrolls each layer through time, on the outputs of the layer below.

  Args:
    stack: the layers.
    params: of `init_stack`.
    x_TBD: `[T, B, D]` inputs.
    carry: the states before the first step, one `Directions` per layer; None
      for the cells' initial carries.
    lengths_B: see `unroll`.
    resets_TB: see `unroll`.
    dropout_key: the key of the dropout masks; None disables dropout.
    perturbations: for each layer and direction a carry whose arrays have a
      leading dimension T, added to the carries; see `rnn_lab.perturbations`.
      None adds nothing and costs nothing.

  Returns:
    The last carries, one `Directions` per layer, and the top layer's outputs
    `[T, B, H]`, or `[T, B, 2H]` of a bidirectional stack.
  """
  carries = []
  has_dropout = dropout_key is not None and stack.dropout > 0.0
  for layer, cells in enumerate(_layers(stack)):
    if has_dropout and layer > 0:
      layer_key = jax.random.fold_in(dropout_key, layer)
      x_TBD = dropout(layer_key, stack.dropout, x_TBD, stack.variational)
    before = _of_layer(carry, layer)
    added = _of_layer(perturbations, layer)
    results = []
    for direction, cell in enumerate(cells):
      if cell is None:
        continue
      cell_params, xs = params[layer][direction], x_TBD
      if has_dropout and stack.variational:
        place = len(stack.forward) * (direction + 1) + layer
        mask_key = jax.random.fold_in(dropout_key, place)
        cell_params = _drop_rows(cell, cell_params, mask_key, stack.dropout)
      if added[direction] is not None:
        cell, xs = perturbed(cell), (x_TBD, added[direction])
      results.append(
        unroll(
          cell,
          cell_params,
          xs,
          before[direction],
          lengths_B=lengths_B,
          resets_TB=resets_TB,
          reverse=direction == 1,
          checkpoint_every=stack.checkpoint_every,
          implementation=stack.implementation,
        )
      )
    carries.append(Directions(*[after for after, _ in results]))
    outputs = [y_TBH for _, y_TBH in results]
    x_TBD = outputs[0] if len(outputs) == 1 else jnp.concatenate(outputs, -1)
  return tuple(carries), x_TBD


def final_state(carry: tuple[Directions, ...], which: str) -> Array:
  """Returns the hidden states after the last step, one vector per sequence.

  Args:
    carry: of `unroll_stack`; each cell's carry has a field `h`.
    which: "top" for the top layer (the lecture's multi-layer LSTM), "all" for
      all layers, the first one first (the lecture's multi-layer RNN).

  Returns:
    `[B, H]`, the layers and directions concatenated along H.
  """
  layers = carry if which == "all" else carry[-1:]
  return jnp.concatenate(
    [c.h for layer in layers for c in layer if c is not None], axis=-1
  )


def zero_perturbations(
  stack: Stack, num_steps: int, batch_size: int, dtype: Any = jnp.float32
) -> tuple[Directions, ...]:
  """Returns perturbations of zero for `unroll_stack`, `[T, B, H]` each."""

  def zeros(cell: Cell) -> Carry:
    carry = cell.initial_carry((batch_size,), dtype)
    return zeros_like_carries(carry, num_steps)

  return tuple(_each(zeros, cells) for cells in _layers(stack))


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
  step = _layered_step(tuple(cell.step for cell in cells), final)
  initial_carry = _layered_carry(tuple(cell.initial_carry for cell in cells))
  init = functools.partial(init_stack, stack)
  return Cell(init, initial_carry, step, "stack", cells)


# Cached, so that jitted callers do not compile again for an equal stack.
@functools.cache
def _layered_step(steps: tuple[Callable, ...], final: str) -> Callable:
  def step(
    params: tuple[Directions, ...], carry: tuple[Directions, ...], x_BD: Array
  ) -> tuple[tuple[Directions, ...], Array]:
    carries, outputs = [], []
    for cell_step, layer_params, before in zip(steps, params, carry):
      after, x_BD = cell_step(layer_params.forward, before.forward, x_BD)
      carries.append(Directions(after))
      outputs.append(x_BD)
    if final == "all":
      x_BD = jnp.concatenate(outputs, axis=-1)
    return tuple(carries), x_BD

  return step


@functools.cache
def _layered_carry(initial_carries: tuple[Callable, ...]) -> Callable:
  def initial_carry(batch_shape: tuple[int, ...], dtype: Any) -> PyTree:
    return tuple(Directions(f(batch_shape, dtype)) for f in initial_carries)

  return initial_carry


def _of_layer(layers: tuple[Directions, ...] | None, layer: int) -> Directions:
  return Directions(None, None) if layers is None else layers[layer]


def _layers(stack: Stack) -> list[Directions]:
  backward = stack.backward or (None,) * len(stack.forward)
  return [Directions(*cells) for cells in zip(stack.forward, backward)]


def _each(function: Any, cells: Directions, *others: Directions) -> Directions:
  """Applies `function` to each direction that has a cell."""
  return Directions(
    *[
      None if cell is None else function(cell, *rest)
      for cell, *rest in zip(cells, *others)
    ]
  )


def _layer_size(cells: Directions, input_size: int) -> int:
  return sum(output_size(c, input_size) for c in cells if c is not None)


def dropout(key: Key, rate: float, x_TBD: Array, variational: bool) -> Array:
  """Zeros numbers at the rate `rate`, and divides the others by 1 - rate.

  Args:
    key: the key of the mask.
    rate: in [0, 1).
    x_TBD: the numbers.
    variational: drop the same features of a sequence at every step.
  """
  shape = x_TBD.shape[1:] if variational else x_TBD.shape
  kept = jax.random.bernoulli(key, 1.0 - rate, shape)
  kept = jnp.broadcast_to(kept, x_TBD.shape)
  return jnp.where(kept, x_TBD / (1.0 - rate), 0.0)


def _drop_rows(cell: Cell, params: Params, key: Key, rate: float) -> Params:
  """Drops rows of the recurrent kernel: hidden units that it does not read.

  The state itself is not dropped: a cell that also passes it on directly, as
  a GRU does, keeps it. All sequences of a batch have the same mask.
  """
  if not hasattr(params, "recurrent_kernel"):
    raise ValueError(
      f"{cell.kind}: variational dropout needs parameters with a field "
      f"`recurrent_kernel`, got {type(params).__name__}"
    )
  kernel = params.recurrent_kernel
  mask = dropout(key, rate, jnp.ones_like(kernel[:, :1]), variational=False)
  return params._replace(recurrent_kernel=kernel * mask)
