"""The simple recurrent network of Elman 1990, and the IRNN within it."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.cells.activations import ACTIVATIONS, Activated, activated
from rnn_lab.cells.base import (
  Cell,
  affine,
  bias_row,
  check_width,
  weight_initializers,
)
from rnn_lab.errors import check_choice
from rnn_lab.initializers import (
  Initializer,
)
from rnn_lab.types import Array, Key


class ElmanParams(NamedTuple):
  """input_kernel `[D, H]` (the lecture's u), recurrent_kernel `[H, H]` (w)."""

  input_kernel: Array
  recurrent_kernel: Array
  bias: Array


class ElmanCarry(NamedTuple):
  """h `[B, H]`, the hidden state."""

  h: Array


class ElmanOptions(NamedTuple):
  """What `elman` was called with."""

  hidden_size: int
  activation: str
  input_init: str | Initializer
  input_scale: float
  recurrent_init: str | Initializer
  recurrent_scale: float
  bias_init: str | Initializer
  bias_scale: float


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
  """The recurrent neuron: h_t = f(u x_t + w h_{t-1} + b), and y_t = h_t.

  In the field's letters h_t = f(W_x x_t + W_h h_{t-1} + b). The lecture's
  y = g(v h) is the readout of a model, not part of the cell. The IRNN (Le,
  Jaitly and Hinton 2015) is `elman(n, "relu", "normal", 0.03, "identity")`.

  Args:
    hidden_size: H, the number of hidden units.
    activation: f, one of "tanh", "relu", "sigmoid", "linear".
    input_init: initializer of u, by name or as a function.
    input_scale: its scale.
    recurrent_init: initializer of w.
    recurrent_scale: its scale.
    bias_init: initializer of b.
    bias_scale: its scale.

  Raises:
    FieldError: an argument is out of its range.
  """
  return _elman(
    ElmanOptions(
      hidden_size,
      activation,
      input_init,
      input_scale,
      recurrent_init,
      recurrent_scale,
      bias_init,
      bias_scale,
    )
  )


# All of these are cached, or equal arguments would give unequal functions and
# every jitted caller would compile again. Cells that begin differently share
# the functions of a step.
@functools.cache
def _elman(options: ElmanOptions) -> Cell:
  check_choice("activation", options.activation, ACTIVATIONS)
  size = options.hidden_size
  input_init, recurrent_init, bias_init = weight_initializers(options)

  def init(key: Key, input_size: int) -> ElmanParams:
    input_key, recurrent_key, bias_key = jax.random.split(key, 3)
    return ElmanParams(
      input_kernel=input_init(input_key, (input_size, size), jnp.float32),
      recurrent_kernel=recurrent_init(recurrent_key, (size, size), jnp.float32),
      bias=bias_init(bias_key, (size,), jnp.float32),
    )

  step, inside = _functions(options.activation)
  return Cell(init, _initial_carry(size), step, "elman", options, inside)


@functools.cache
def _initial_carry(size: int) -> Callable[..., ElmanCarry]:
  def initial_carry(batch_shape: tuple[int, ...], dtype: Any) -> ElmanCarry:
    return ElmanCarry(h=jnp.zeros((*batch_shape, size), dtype))

  return initial_carry


@functools.cache
def _functions(activation: str) -> tuple[Callable, Callable]:
  """A step, and what is inside of it."""

  def step(
    params: ElmanParams, carry: ElmanCarry, x_BD: Array
  ) -> tuple[ElmanCarry, Array]:
    size = params.recurrent_kernel.shape[0]
    check_width("elman", "the input", x_BD, params.input_kernel.shape[0])
    check_width("elman", "the carry's h", carry.h, size)
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
