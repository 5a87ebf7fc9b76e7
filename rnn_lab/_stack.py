"""Depth: layers of cells on top of each other, one- or two-directional.

A `Stack` is a value like a `Cell`; the functions here initialise it and
unroll it. Layer l reads the outputs of layer l-1 at the same step.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.cells.base import Cell, output_size
from rnn_lab.errors import check_choice, check_float
from rnn_lab.perturbations import perturbed, zeros_like_carries
from rnn_lab.types import Array, Carry, Key, Params, PyTree
from rnn_lab._unroll import unroll

FINAL_STATES = ("top", "all")


class Stack(NamedTuple):
  """Layers of cells.

  Attributes:
    forward: the cell of each layer that reads from first step to last.
    backward: the cells that read from last to first; empty unless the stack
      is bidirectional.
    dropout: the share of each layer's outputs that the next layer does not
      see while training (Zaremba et al. 2014: between layers, not in time).
    variational: drop the same units at every step, and rows of the recurrent
      kernels, too (Gal and Ghahramani 2016).
  """

  forward: tuple[Cell, ...]
  backward: tuple[Cell, ...] = ()
  dropout: float = 0.0
  variational: bool = False


class Directions(NamedTuple):
  """One layer's value for each direction; `backward` is None without one."""

  forward: Any
  backward: Any = None


def stack(
  cells: Sequence[Cell],
  *,
  bidirectional: bool = False,
  dropout: float = 0.0,
  variational: bool = False,
) -> Stack:
  """Layers of `cells`, the first nearest to the input.

  Args:
    cells: a cell a layer.
    bidirectional: give each layer a second cell of the same kind, with
      parameters of its own, which reads the sequence backwards (Schuster and
      Paliwal 1997). The layer's output is both outputs side by side.
    dropout: the rate between layers, in [0, 1).
    variational: one mask for all steps, and one for the recurrent kernel.

  Raises:
    FieldError: the dropout rate is out of its range.
    ValueError: there are no cells.
  """
  check_float("dropout", dropout, 0.0, 1.0, below=True)
  cells = tuple(cells)
  if not cells:
    raise ValueError("stack: cells is empty; it must hold at least one cell")
  return Stack(cells, cells if bidirectional else (), dropout, variational)


def init_stack(
  stack: Stack, key: Key, input_size: int
) -> tuple[Directions, ...]:
  """Parameters of each layer, for inputs of `input_size` features."""
  params = []
  for layer, cells in enumerate(_layers(stack)):
    keys = Directions(*jax.random.split(jax.random.fold_in(key, layer)))
    params.append(
      _each(lambda cell, key: cell.init(key, input_size), cells, keys)  # noqa: B023
    )
    input_size = _layer_size(cells, input_size)
  return tuple(params)


def stack_output_size(stack: Stack, input_size: int) -> int:
  """Width of the outputs of the top layer, both directions together."""
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
  checkpoint_every: int | None = None,
  dropout_key: Key | None = None,
  perturbations: tuple[Directions, ...] | None = None,
) -> tuple[tuple[Directions, ...], Array]:
  """Unrolls every layer through time, each on the outputs of the last.

  Args:
    stack: the layers.
    params: as `init_stack` makes them.
    x_TBD: `[T, B, D]` inputs.
    carry: the states before the first step, a `Directions` a layer; None
      for the cells' initial ones.
    lengths_B: see `unroll`; likewise `resets_TB` and `checkpoint_every`.
    resets_TB: see `unroll`.
    checkpoint_every: see `unroll`.
    dropout_key: drops outputs between layers, and, if `variational`, rows of
      the recurrent kernels; None keeps them all.
    perturbations: for each layer and direction a carry whose arrays have a
      leading dimension T, added to the carries; see
      `rnn_lab.perturbations`. None adds nothing and costs nothing.

  Returns:
    The last carries, a `Directions` a layer, and the top layer's outputs
    `[T, B, H]`, or `[T, B, 2H]` of a bidirectional stack.
  """
  carries = []
  drops = dropout_key is not None and stack.dropout > 0.0
  for layer, cells in enumerate(_layers(stack)):
    if drops and layer > 0:
      layer_key = jax.random.fold_in(dropout_key, layer)
      x_TBD = dropout(layer_key, stack.dropout, x_TBD, stack.variational)
    before = _of_layer(carry, layer)
    added = _of_layer(perturbations, layer)
    results = []
    for direction, cell in enumerate(cells):
      if cell is None:
        continue
      cell_params, xs = params[layer][direction], x_TBD
      if drops and stack.variational:
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
          checkpoint_every=checkpoint_every,
        )
      )
    carries.append(Directions(*[after for after, _ in results]))
    outputs = [y_TBH for _, y_TBH in results]
    x_TBD = outputs[0] if len(outputs) == 1 else jnp.concatenate(outputs, -1)
  return tuple(carries), x_TBD


def final_state(carry: tuple[Directions, ...], which: str) -> Array:
  """The hidden states after the last step, as one vector a sequence.

  Args:
    carry: as `unroll_stack` returns it; each cell's carry has a field `h`.
    which: "top" for the top layer's (the lecture's multi-layer LSTM), "all"
      for all layers' side by side, first layer first (its multi-layer RNN).

  Returns:
    `[B, H]`; both directions and all layers chosen side by side.
  """
  layers = carry if which == "all" else carry[-1:]
  return jnp.concatenate(
    [c.h for layer in layers for c in layer if c is not None], axis=-1
  )


def zero_perturbations(
  stack: Stack, num_steps: int, batch_size: int, dtype: Any = jnp.float32
) -> tuple[Directions, ...]:
  """Zeros for `unroll_stack` to add to each layer's carries: `[T, B, H]`."""

  def zeros(cell: Cell) -> Carry:
    carry = cell.initial_carry((batch_size,), dtype)
    return zeros_like_carries(carry, num_steps)

  return tuple(_each(zeros, cells) for cells in _layers(stack))


def as_cell(stack: Stack, final: str = "top") -> Cell:
  """A stack that reads in one direction, as one cell.

  Its parameters are those of `init_stack`, and its carry holds the carries of
  all layers, as `unroll_stack` takes it: what is written for a cell then works
  for any depth. Dropout plays no part.

  Args:
    stack: the layers.
    final: what the cell puts out: the "top" layer's outputs, or those of "all"
      layers side by side, first layer first; see `final_state`.

  Raises:
    FieldError: `final` is neither.
    ValueError: the stack is bidirectional, which no single recurrence is.
  """
  check_choice("final", final, FINAL_STATES)
  if stack.backward:
    raise ValueError(
      "as_cell: the stack is bidirectional; it must read in one direction"
    )
  cells = stack.forward
  step = _layered_step(tuple(cell.step for cell in cells), final)
  first = _layered_carry(tuple(cell.initial_carry for cell in cells))
  init = functools.partial(init_stack, stack)
  return Cell(init, first, step, "stack", cells)


# Cached, so that equal stacks give equal functions: see the cells.
@functools.cache
def _layered_step(steps: tuple[Callable, ...], final: str) -> Callable:
  def step(
    params: tuple[Directions, ...], carry: tuple[Directions, ...], x_BD: Array
  ) -> tuple[tuple[Directions, ...], Array]:
    after, outputs = [], []
    for own_step, own_params, own_carry in zip(steps, params, carry):
      own_carry, x_BD = own_step(own_params.forward, own_carry.forward, x_BD)
      after.append(Directions(own_carry))
      outputs.append(x_BD)
    if final == "all":
      x_BD = jnp.concatenate(outputs, axis=-1)
    return tuple(after), x_BD

  return step


@functools.cache
def _layered_carry(initial_carries: tuple[Callable, ...]) -> Callable:
  def initial_carry(batch_shape: tuple[int, ...], dtype: Any) -> PyTree:
    return tuple(Directions(own(batch_shape, dtype)) for own in initial_carries)

  return initial_carry


def _of_layer(layers: tuple[Directions, ...] | None, layer: int) -> Directions:
  return Directions(None, None) if layers is None else layers[layer]


def _layers(stack: Stack) -> list[Directions]:
  backward = stack.backward or (None,) * len(stack.forward)
  return [Directions(*cells) for cells in zip(stack.forward, backward)]


def _each(function: Any, cells: Directions, *others: Directions) -> Directions:
  """`function` of each direction that has a cell."""
  return Directions(
    *[
      None if cell is None else function(cell, *rest)
      for cell, *rest in zip(cells, *others)
    ]
  )


def _layer_size(cells: Directions, input_size: int) -> int:
  return sum(output_size(c, input_size) for c in cells if c is not None)


def dropout(key: Key, rate: float, x_TBD: Array, variational: bool) -> Array:
  """Zeros a share `rate` of the numbers, and scales up the others.

  Args:
    key: decides which.
    rate: in [0, 1).
    x_TBD: the numbers.
    variational: the same features of a sequence at every step.
  """
  shape = x_TBD.shape[1:] if variational else x_TBD.shape
  kept = jax.random.bernoulli(key, 1.0 - rate, shape)
  kept = jnp.broadcast_to(kept, x_TBD.shape)
  return jnp.where(kept, x_TBD / (1.0 - rate), 0.0)


def _drop_rows(cell: Cell, params: Params, key: Key, rate: float) -> Params:
  """`params` whose recurrent kernel does not see some of the hidden units.

  The rows are dropped, not the state: a cell that also hands its state on
  directly, as a GRU does, keeps it. One mask serves all sequences of a batch.
  """
  if not hasattr(params, "recurrent_kernel"):
    raise ValueError(
      f"{cell.kind}: the parameters have no `recurrent_kernel`, the rows of "
      "which variational dropout drops"
    )
  kernel = params.recurrent_kernel
  mask = dropout(key, rate, jnp.ones_like(kernel[:, :1]), variational=False)
  return params._replace(recurrent_kernel=kernel * mask)
