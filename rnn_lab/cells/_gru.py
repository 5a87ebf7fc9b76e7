"""The gated recurrent unit, in the form of cuDNN (reset after the product)."""

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
from rnn_lab.errors import check_float
from rnn_lab.initializers import (
  Initializer,
  per_gate,
)
from rnn_lab.types import Array, Key

# The order of the gates in every kernel and bias: reset, update, candidate.
# As torch and cuDNN order them.
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


class GRUOptions(NamedTuple):
  """What `gru` was called with."""

  hidden_size: int
  update_bias: float
  input_init: str | Initializer
  input_scale: float
  recurrent_init: str | Initializer
  recurrent_scale: float
  bias_init: str | Initializer
  bias_scale: float


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
  """GRU. With s the logistic function and * the product by elements:

    r_t = s(W_r x_t + U_r h_{t-1} + b_r)                      reset gate
    z_t = s(W_z x_t + U_z h_{t-1} + b_z)                      update gate
    n_t = tanh(W_n x_t + b_n + r_t * (U_n h_{t-1} + b_hn))    candidate
    h_t = (1 - z_t) * n_t + z_t * h_{t-1}, and y_t = h_t

  In the lecture's h = f(u x + w h), f mixes the candidate with the old
  state. Cho et al. 2014; the reset gate acts after the recurrent product,
  with a bias of its own, as in cuDNN, torch and flax.

  Args:
    hidden_size: H, the number of hidden units.
    update_bias: added to b_z; above 0 the cell begins by remembering (the
      z of this form keeps the old state, as an LSTM's forget gate does).
    input_init: initializer of each gate's W, by name or as a function.
    input_scale: its scale.
    recurrent_init: initializer of each gate's U.
    recurrent_scale: its scale.
    bias_init: initializer of all biases, before `update_bias` is added.
    bias_scale: its scale.

  Raises:
    FieldError: an argument is out of its range.
  """
  return _gru(
    GRUOptions(
      hidden_size,
      update_bias,
      input_init,
      input_scale,
      recurrent_init,
      recurrent_scale,
      bias_init,
      bias_scale,
    )
  )


@functools.cache
def _gru(options: GRUOptions) -> Cell:
  check_float("update_bias", options.update_bias)
  size = options.hidden_size
  gates = len(GRU_GATES)
  input_init, recurrent_init, bias_init = weight_initializers(options)

  def init(key: Key, input_size: int) -> GRUParams:
    input_key, recurrent_key, *bias_keys = jax.random.split(key, 4)
    bias = bias_init(bias_keys[0], (gates * size,), jnp.float32)
    return GRUParams(
      input_kernel=per_gate(input_init, input_key, input_size, size, gates),
      recurrent_kernel=per_gate(
        recurrent_init, recurrent_key, size, size, gates
      ),
      bias=bias.at[size : 2 * size].add(options.update_bias),
      recurrent_bias_n=bias_init(bias_keys[1], (size,), jnp.float32),
    )

  return Cell(
    init,
    _initial_carry(size),
    _step,
    "gru",
    options,
    _inside,
    memory=("h", "z"),
  )


# Cached and shared, so that cells that begin differently compile once.
@functools.cache
def _initial_carry(size: int) -> Callable[..., GRUCarry]:
  def initial_carry(batch_shape: tuple[int, ...], dtype: Any) -> GRUCarry:
    return GRUCarry(h=jnp.zeros((*batch_shape, size), dtype))

  return initial_carry


def _gates(
  params: GRUParams, carry: GRUCarry, x_BD: Array
) -> tuple[Array, Array, Array]:
  """r, z and n of one step, `[B, H]` each."""
  size = params.recurrent_kernel.shape[0]
  check_width("gru", "the input", x_BD, params.input_kernel.shape[0])
  check_width("gru", "the carry's h", carry.h, size)
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


def _inside(
  params: GRUParams, carry: GRUCarry, x_BD: Array
) -> dict[str, Activated]:
  gates = zip(GRU_GATES, _gates(params, carry, x_BD))
  return {
    name: activated("tanh" if name == "n" else "sigmoid", gate_BH)
    for name, gate_BH in gates
  }
