"""The gated recurrent unit, in the form of cuDNN (reset after the product)."""

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
from rnn_lab.errors import check_float
from rnn_lab.initializers import Initializer, per_gate
from rnn_lab.types import Array, Key

# The order of the gates in every kernel and bias: reset, update, candidate.
# The order of torch and cuDNN.
GRU_GATES = ("r", "z", "n")


class GRUParams(NamedTuple):
  """input_kernel `[D, 3H]`, recurrent_kernel `[H, 3H]`, bias `[3H]`.

  recurrent_bias_n `[H]` is added to the candidate's recurrent product before
  the reset gate multiplies it (torch calls it b_hn).
  """

  input_kernel: Array
  recurrent_kernel: Array
  bias: Array
  recurrent_bias_n: Array


class GRUCarry(NamedTuple):
  """h `[B, H]`, the hidden state."""

  h: Array


@cell_factory(init_only=("update_bias",))
def gru(
  hidden_size: int,
  update_bias: float = 0.0,
  input_init: str | Initializer = "fan_in_normal",
  input_scale: float = 1.0,
  recurrent_init: str | Initializer = "orthogonal",
  recurrent_scale: float = 1.0,
  bias_init: str | Initializer = "zeros",
  bias_scale: float = 0.0,
) -> Cell:
  """Makes a GRU. With s the logistic function and * the elementwise product:

    r_t = s(W_r x_t + U_r h_{t-1} + b_r)                      reset gate
    z_t = s(W_z x_t + U_z h_{t-1} + b_z)                      update gate
    n_t = tanh(W_n x_t + b_n + r_t * (U_n h_{t-1} + b_hn))    candidate
    h_t = (1 - z_t) * n_t + z_t * h_{t-1}, and y_t = h_t

  In the lecture's h = f(u x + w h), f mixes the candidate with the old
  state. Cho et al. 2014; the reset gate acts after the recurrent product,
  with its own bias, as in cuDNN, torch and flax.

  Args:
    hidden_size: H, the number of hidden units.
    update_bias: added to b_z; above 0 the cell remembers at first (in this
      form z multiplies the old state, as an LSTM's forget gate does).
    input_init, input_scale: initializer of each gate's W, by name or as a
      function, and its scale.
    recurrent_init, recurrent_scale: those of each gate's U.
    bias_init, bias_scale: those of all biases, before `update_bias` is added.

  Raises:
    FieldError: an argument is out of its range.
  """
  check_float("update_bias", update_bias)
  size, gates = hidden_size, len(GRU_GATES)

  # `cell_factory` has replaced the names.
  assert not isinstance(input_init, str)
  assert not isinstance(recurrent_init, str)
  assert not isinstance(bias_init, str)

  def init(key: Key, input_size: int) -> GRUParams:
    input_key, recurrent_key, *bias_keys = jax.random.split(key, 4)
    bias = bias_init(bias_keys[0], (gates * size,), jnp.float32)
    return GRUParams(
      input_kernel=per_gate(input_init, input_key, input_size, size, gates),
      recurrent_kernel=per_gate(
        recurrent_init, recurrent_key, size, size, gates
      ),
      bias=bias.at[size : 2 * size].add(update_bias),
      recurrent_bias_n=bias_init(bias_keys[1], (size,), jnp.float32),
    )

  carry = zero_carry(GRUCarry, hidden_size)
  return Cell(init, carry, _step, inside=_inside, memory=("h", "z"))


def _gates(
  params: GRUParams, carry: GRUCarry, x_BD: Array
) -> tuple[Array, Array, Array]:
  """Computes r, z and n of one step, `[B, H]` each."""
  check_widths("gru", params, carry, x_BD)
  dtype = carry.h.dtype
  x_BGH = affine(params.input_kernel, x_BD, dtype)
  x_BGH = x_BGH + bias_row(params.bias, x_BGH)
  h_BGH = affine(params.recurrent_kernel, carry.h, dtype)
  xr_BH, xz_BH, xn_BH = jnp.split(x_BGH, len(GRU_GATES), axis=-1)
  hr_BH, hz_BH, hn_BH = jnp.split(h_BGH, len(GRU_GATES), axis=-1)
  r_BH = jax.nn.sigmoid(xr_BH + hr_BH)
  z_BH = jax.nn.sigmoid(xz_BH + hz_BH)
  hn_BH = hn_BH + bias_row(params.recurrent_bias_n, hn_BH)
  return r_BH, z_BH, jnp.tanh(xn_BH + r_BH * hn_BH)


def _step(
  params: GRUParams, carry: GRUCarry, x_BD: Array
) -> tuple[GRUCarry, Array]:
  _, z_BH, n_BH = _gates(params, carry, x_BD)
  h_BH = (1.0 - z_BH) * n_BH + z_BH * carry.h
  return GRUCarry(h=h_BH), h_BH


_inside = gates_inside(_gates, GRU_GATES, ("sigmoid", "sigmoid", "tanh"))
