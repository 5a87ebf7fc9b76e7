"""The simple recurrent network of Elman 1990, of which the IRNN is a case."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.cells.activations import ACTIVATIONS, Activated, activated
from rnn_lab.cells.base import (
  Cell,
  affine,
  bias_row,
  cell_factory,
  check_widths,
  zero_carry,
)
from rnn_lab.errors import check_choice
from rnn_lab.initializers import Initializer
from rnn_lab.types import Array, Key


class ElmanParams(NamedTuple):
  """input_kernel `[D, H]` (the lecture's u), recurrent_kernel `[H, H]` (w)."""

  input_kernel: Array
  recurrent_kernel: Array
  bias: Array


class ElmanCarry(NamedTuple):
  """h `[B, H]`, the hidden state."""

  h: Array


@cell_factory
def elman(
  hidden_size: int,
  activation: str = "tanh",
  input_init: str | Initializer = "fan_in_normal",
  input_scale: float = 1.0,
  recurrent_init: str | Initializer = "orthogonal",
  recurrent_scale: float = 1.0,
  bias_init: str | Initializer = "zeros",
  bias_scale: float = 0.0,
) -> Cell:
  """Makes the cell h_t = f(u x_t + w h_{t-1} + b), with outputs y_t = h_t.

  In the field's letters h_t = f(W_x x_t + W_h h_{t-1} + b). The lecture's
  y = g(v h) is the readout of a model, not part of the cell. The IRNN (Le,
  Jaitly and Hinton 2015) is `elman(n, "relu", "normal", 0.03, "identity")`.

  Args:
    hidden_size: H, the number of hidden units.
    activation: f, one of "tanh", "relu", "sigmoid", "linear".
    input_init, input_scale: initializer of u, by name or as a function, and
      its scale.
    recurrent_init, recurrent_scale: those of w.
    bias_init, bias_scale: those of b.

  Raises:
    FieldError: an argument is out of its range.
  """
  check_choice("activation", activation, ACTIVATIONS)

  # `cell_factory` has replaced the names.
  assert not isinstance(input_init, str)
  assert not isinstance(recurrent_init, str)
  assert not isinstance(bias_init, str)

  def init(key: Key, input_size: int) -> ElmanParams:
    input_key, recurrent_key, bias_key = jax.random.split(key, 3)
    square = (hidden_size, hidden_size)
    return ElmanParams(
      input_init(input_key, (input_size, hidden_size), jnp.float32),
      recurrent_init(recurrent_key, square, jnp.float32),
      bias_init(bias_key, (hidden_size,), jnp.float32),
    )

  step, inside = _functions(activation)
  return Cell(init, zero_carry(ElmanCarry, hidden_size), step, inside=inside)


# Cached, so that cells of all sizes share a step.
@functools.cache
def _functions(activation: str) -> tuple[Callable, Callable]:
  """Returns `step` and `inside`."""

  def step(
    params: ElmanParams, carry: ElmanCarry, x_BD: Array
  ) -> tuple[ElmanCarry, Array]:
    check_widths("elman", params, carry, x_BD)
    dtype = carry.h.dtype
    z_BH = affine(params.input_kernel, x_BD, dtype)
    z_BH = z_BH + affine(params.recurrent_kernel, carry.h, dtype)
    z_BH = z_BH + bias_row(params.bias, z_BH)
    h_BH = ACTIVATIONS[activation].function(z_BH)
    return ElmanCarry(h=h_BH), h_BH

  def inside(
    params: ElmanParams, carry: ElmanCarry, x_BD: Array
  ) -> dict[str, Activated]:
    return {"h": activated(activation, step(params, carry, x_BD)[1])}

  return step, inside
