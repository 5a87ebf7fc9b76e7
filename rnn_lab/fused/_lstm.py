"""The elementwise arithmetic of an LSTM step, forwards and backwards."""

import jax
import jax.numpy as jnp

from rnn_lab.cells._lstm import LSTM_GATES, LSTMParams
from rnn_lab.fused.rules import Arrays, Rule, Weights
from rnn_lab.types import Array


def _weights(params: LSTMParams) -> Weights:
  return Weights(params.input_kernel, params.bias, params.recurrent_kernel)


def _forward(
  common: Arrays, of_x: Arrays, of_h: Arrays, before: Arrays
) -> tuple[Arrays, Arrays]:
  i, f, g, o = common
  sigmoid = jax.nn.sigmoid
  i, f, g, o = sigmoid(i), sigmoid(f), jnp.tanh(g), sigmoid(o)
  c = f * before[1] + i * g
  return (o * jnp.tanh(c), c), (i, f, g, o)


def _backward(
  saved: Arrays, before: Arrays, h: Array, d_after: Arrays
) -> tuple[Arrays, Arrays, Arrays, Arrays]:
  i, f, g, o = saved
  d_h, d_c = d_after
  # Recomputed: cheaper than to write and read c and its tanh once more.
  tanh_c = jnp.tanh(f * before[1] + i * g)
  d_c = d_c + d_h * o * (1.0 - tanh_c * tanh_c)
  common = (
    d_c * g * i * (1.0 - i),
    d_c * before[1] * f * (1.0 - f),
    d_c * i * (1.0 - g * g),
    d_h * tanh_c * o * (1.0 - o),
  )
  return common, (), (), (jnp.zeros_like(d_h), d_c * f)


LSTM = Rule(
  gates=len(LSTM_GATES),
  common=len(LSTM_GATES),
  weights=_weights,
  forward=_forward,
  backward=_backward,
)
