"""The elementwise arithmetic of a GRU step, forwards and backwards."""

import jax
import jax.numpy as jnp

from rnn_lab.cells._gru import GRU_GATES, GRUParams
from rnn_lab.fused.rules import Arrays, Rule, Weights
from rnn_lab.types import Array


def _weights(params: GRUParams) -> Weights:
  hidden = params.recurrent_kernel.shape[0]
  bias_n = jnp.broadcast_to(params.recurrent_bias_n, (hidden,))
  none = jnp.zeros_like(bias_n)
  return Weights(
    params.input_kernel,
    params.bias,
    params.recurrent_kernel,
    jnp.concatenate([none, none, bias_n]),
  )


def _forward(
  common: Arrays, of_x: Arrays, of_h: Arrays, before: Arrays
) -> tuple[Arrays, Arrays]:
  r, z = map(jax.nn.sigmoid, common)
  (x_n,), (h_n,) = of_x, of_h
  n = jnp.tanh(x_n + r * h_n)
  return ((1.0 - z) * n + z * before[0],), (r, z, n, h_n)


def _backward(
  saved: Arrays, before: Arrays, h: Array, d_after: Arrays
) -> tuple[Arrays, Arrays, Arrays, Arrays]:
  r, z, n, h_n = saved
  (d_h,) = d_after
  d_n = d_h * (1.0 - z) * (1.0 - n * n)
  d_z = d_h * (before[0] - n) * z * (1.0 - z)
  d_r = d_n * h_n * r * (1.0 - r)
  return (d_r, d_z), (d_n,), (d_n * r,), (d_h * z,)


GRU = Rule(
  gates=len(GRU_GATES),
  common=2,  # all but the candidate's, which r stands between
  weights=_weights,
  forward=_forward,
  backward=_backward,
)
