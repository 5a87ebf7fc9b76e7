"""Long short-term memory, with the forget gate of Gers et al. 2000."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.cells.activations import Activated, activated
from rnn_lab.cells.base import (
  Cell,
  affine,
  bias_row,
  check_width,
  weight_initializers,
)
from rnn_lab.errors import check_choice, check_float, check_int
from rnn_lab.initializers import (
  Initializer,
  chrono_forget_bias,
  per_gate,
)
from rnn_lab.types import Array, Key

# The order of the gates in every kernel and bias: input, forget, candidate
# (often called g, or c with a tilde), output. As torch, cuDNN and flax order
# them.
LSTM_GATES = ("i", "f", "g", "o")
FORGET_INITS = ("constant", "chrono")


class LSTMParams(NamedTuple):
  """input_kernel `[D, 4H]`, recurrent_kernel `[H, 4H]`, bias `[4H]`."""

  input_kernel: Array
  recurrent_kernel: Array
  bias: Array


class LSTMCarry(NamedTuple):
  """h `[B, H]`, the hidden state, and c `[B, H]`, the cell state."""

  h: Array
  c: Array


class LSTMOptions(NamedTuple):
  """What `lstm` was called with."""

  hidden_size: int
  forget_init: str
  forget_bias: float
  chrono_max: int
  input_init: str | Initializer
  input_scale: float
  recurrent_init: str | Initializer
  recurrent_scale: float
  bias_init: str | Initializer
  bias_scale: float


def lstm(
  hidden_size: int,
  forget_init: str = "constant",
  forget_bias: float = 1.0,
  chrono_max: int = 100,
  input_init: str | Initializer = "fan_in_normal",
  input_scale: float = 1.0,
  recurrent_init: str | Initializer = "orthogonal",
  recurrent_scale: float = 1.0,
  bias_init: str | Initializer = "zeros",
  bias_scale: float = 0.0,
) -> Cell:
  """LSTM. With s the logistic function and * the product by elements:

    1. what to forget:   f_t = s(W_f x_t + U_f h_{t-1} + b_f)
    2. what to store:    i_t = s(W_i x_t + U_i h_{t-1} + b_i)
                         g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)
    3. the new cell:     c_t = f_t * c_{t-1} + i_t * g_t
    4. what to put out:  o_t = s(W_o x_t + U_o h_{t-1} + b_o)
                         h_t = o_t * tanh(c_t), and y_t = h_t

  These are the lecture's four steps; it writes W [h_{t-1}, x_t] for our
  W x_t + U h_{t-1}. Hochreiter and Schmidhuber 1997; Gers et al. 2000.

  Args:
    hidden_size: H, the number of hidden units.
    forget_init: "constant", or "chrono" (Tallec and Ollivier 2018): b_f =
      log U(1, chrono_max - 1) and b_i = -b_f.
    forget_bias: added to b_f when `forget_init` is "constant".
    chrono_max: the longest memory that chrono provides for, in steps.
    input_init: initializer of each gate's W, by name or as a function.
    input_scale: its scale.
    recurrent_init: initializer of each gate's U.
    recurrent_scale: its scale.
    bias_init: initializer of all biases, before the above is added.
    bias_scale: its scale.

  Raises:
    FieldError: an argument is out of its range.
  """
  return _lstm(
    LSTMOptions(
      hidden_size,
      forget_init,
      forget_bias,
      chrono_max,
      input_init,
      input_scale,
      recurrent_init,
      recurrent_scale,
      bias_init,
      bias_scale,
    )
  )


@functools.cache
def _lstm(options: LSTMOptions) -> Cell:
  check_choice("forget_init", options.forget_init, FORGET_INITS)
  check_float("forget_bias", options.forget_bias)
  check_int("chrono_max", options.chrono_max, 3)
  size = options.hidden_size
  gates = len(LSTM_GATES)
  input_init, recurrent_init, bias_init = weight_initializers(options)

  def gate_offsets(key: Key) -> Array:
    """`[4H]`: what the forget-gate choice adds to the biases."""
    zeros_H = jnp.zeros((size,), jnp.float32)
    if options.forget_init == "chrono":
      forget_H = chrono_forget_bias(key, size, options.chrono_max)
      return jnp.concatenate([-forget_H, forget_H, zeros_H, zeros_H])
    forget_H = jnp.full((size,), options.forget_bias, jnp.float32)
    return jnp.concatenate([zeros_H, forget_H, zeros_H, zeros_H])

  def init(key: Key, input_size: int) -> LSTMParams:
    input_key, recurrent_key, bias_key, forget_key = jax.random.split(key, 4)
    bias = bias_init(bias_key, (gates * size,), jnp.float32)
    return LSTMParams(
      input_kernel=per_gate(input_init, input_key, input_size, size, gates),
      recurrent_kernel=per_gate(
        recurrent_init, recurrent_key, size, size, gates
      ),
      bias=bias + gate_offsets(forget_key),
    )

  return Cell(
    init,
    _initial_carry(size),
    _step,
    "lstm",
    options,
    _inside,
    memory=("c", "f"),
  )


# Cached and shared, so that cells that begin differently compile once.
@functools.cache
def _initial_carry(size: int) -> Callable[..., LSTMCarry]:
  def initial_carry(batch_shape: tuple[int, ...], dtype: Any) -> LSTMCarry:
    zeros_BH = jnp.zeros((*batch_shape, size), dtype)
    return LSTMCarry(h=zeros_BH, c=zeros_BH)

  return initial_carry


def _gates(
  params: LSTMParams, carry: LSTMCarry, x_BD: Array
) -> tuple[Array, Array, Array, Array]:
  """i, f, g and o of one step, `[B, H]` each."""
  size = params.recurrent_kernel.shape[0]
  check_width("lstm", "the input", x_BD, params.input_kernel.shape[0])
  check_width("lstm", "the carry's h", carry.h, size)
  check_width("lstm", "the carry's c", carry.c, size)
  dtype = carry.h.dtype
  z_BGH = affine(params.input_kernel, x_BD, dtype)
  z_BGH = z_BGH + affine(params.recurrent_kernel, carry.h, dtype)
  z_BGH = z_BGH + bias_row(params.bias, z_BGH)
  i_BH, f_BH, g_BH, o_BH = jnp.split(z_BGH, len(LSTM_GATES), axis=-1)
  sigmoid = jax.nn.sigmoid
  return sigmoid(i_BH), sigmoid(f_BH), jnp.tanh(g_BH), sigmoid(o_BH)


def _step(
  params: LSTMParams, carry: LSTMCarry, x_BD: Array
) -> tuple[LSTMCarry, Array]:
  i_BH, f_BH, g_BH, o_BH = _gates(params, carry, x_BD)
  c_BH = f_BH * carry.c + i_BH * g_BH
  h_BH = o_BH * jnp.tanh(c_BH)
  return LSTMCarry(h=h_BH, c=c_BH), h_BH


def _inside(
  params: LSTMParams, carry: LSTMCarry, x_BD: Array
) -> dict[str, Activated]:
  gates = zip(LSTM_GATES, _gates(params, carry, x_BD))
  return {
    name: activated("tanh" if name == "g" else "sigmoid", gate_BH)
    for name, gate_BH in gates
  }
