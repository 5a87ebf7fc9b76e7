"""Long short-term memory, with the forget gate of Gers et al. 2000."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnn_lab.cells.base import (
  Cell,
  affine,
  bias_row,
  cell_factory,
  check_widths,
  gates_inside,
  zero_carry,
)
from rnn_lab.errors import INT32_MAX, check_choice, check_float, check_int
from rnn_lab.initializers import Initializer, chrono_forget_bias, per_gate
from rnn_lab.types import Array, Key

# The order of the gates in every kernel and bias: input, forget, candidate
# (often called g, or c with a tilde), output: the order of torch, cuDNN and
# flax.
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


@cell_factory(init_only=("forget_init", "forget_bias", "chrono_max"))
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
  """Makes an LSTM. With s the logistic function and * the elementwise product:

    1. what to forget:   f_t = s(W_f x_t + U_f h_{t-1} + b_f)
    2. what to store:    i_t = s(W_i x_t + U_i h_{t-1} + b_i)
                         g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)
    3. the new cell:     c_t = f_t * c_{t-1} + i_t * g_t
    4. what to output:   o_t = s(W_o x_t + U_o h_{t-1} + b_o)
                         h_t = o_t * tanh(c_t), and y_t = h_t

  These are the lecture's four steps; it writes W [h_{t-1}, x_t] for our
  W x_t + U h_{t-1}. Hochreiter and Schmidhuber 1997; Gers et al. 2000.

  Args:
    hidden_size: H, the number of hidden units.
    forget_init: "constant", or "chrono" (Tallec and Ollivier 2018): b_f =
      log U(1, chrono_max - 1) and b_i = -b_f.
    forget_bias: added to b_f when `forget_init` is "constant".
    chrono_max: the longest memory that chrono provides for, in steps.
    input_init, input_scale: initializer of each gate's W, by name or as a
      function, and its scale.
    recurrent_init, recurrent_scale: those of each gate's U.
    bias_init, bias_scale: those of all biases, before the above is added.

  Raises:
    FieldError: an argument is out of its range.
  """
  check_choice("forget_init", forget_init, FORGET_INITS)
  check_float("forget_bias", forget_bias)
  check_int("chrono_max", chrono_max, 3, INT32_MAX)
  size, gates = hidden_size, len(LSTM_GATES)

  # `cell_factory` has replaced the names.
  assert not isinstance(input_init, str)
  assert not isinstance(recurrent_init, str)
  assert not isinstance(bias_init, str)

  def init(key: Key, input_size: int) -> LSTMParams:
    input_key, recurrent_key, bias_key, forget_key = jax.random.split(key, 4)
    bias = bias_init(bias_key, (gates * size,), jnp.float32)
    input_H = zeros_H = jnp.zeros((size,), jnp.float32)
    forget_H = jnp.full((size,), forget_bias, jnp.float32)
    if forget_init == "chrono":
      forget_H = chrono_forget_bias(forget_key, size, chrono_max)
      input_H = -forget_H
    return LSTMParams(
      input_kernel=per_gate(input_init, input_key, input_size, size, gates),
      recurrent_kernel=per_gate(
        recurrent_init, recurrent_key, size, size, gates
      ),
      bias=bias + jnp.concatenate([input_H, forget_H, zeros_H, zeros_H]),
    )

  carry = zero_carry(LSTMCarry, hidden_size)
  return Cell(init, carry, _step, inside=_inside, memory=("c", "f"))


def _gates(
  params: LSTMParams, carry: LSTMCarry, x_BD: Array
) -> tuple[Array, Array, Array, Array]:
  """Computes i, f, g and o of one step, `[B, H]` each."""
  check_widths("lstm", params, carry, x_BD)
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


_inside = gates_inside(
  _gates, LSTM_GATES, ("sigmoid", "sigmoid", "tanh", "sigmoid")
)
