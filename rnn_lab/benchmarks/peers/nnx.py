"""Flax NNX's recurrent layers."""

from typing import Any

import jax.numpy as jnp
from flax import nnx

from rnn_lab.benchmarks.peers.base import Recurrence, Weights

_CELLS = {
  "elman": nnx.SimpleCell,
  "gru": nnx.GRUCell,
  "lstm": nnx.OptimizedLSTMCell,
}


def recurrence(kind: str, weights: Weights) -> Recurrence:
  """Builds the layer."""
  size, hidden = weights.inputs, weights.hidden
  cell = _CELLS[kind](size, hidden, rngs=nnx.Rngs(0))
  cell.dense_i.kernel[...] = jnp.asarray(weights.input_kernel)
  cell.dense_h.kernel[...] = jnp.asarray(weights.recurrent_kernel)
  side = cell.dense_i if cell.dense_i.bias is not None else cell.dense_h
  side.bias[...] = jnp.asarray(weights.bias)
  module = nnx.RNN(cell, time_major=True, return_carry=True, rngs=nnx.Rngs(0))
  graph, params, rest = nnx.split(module, nnx.Param, ...)

  def run(params: Any, x: Any, carry: Any) -> tuple[Any, Any]:
    if carry is None:
      zeros = jnp.zeros((x.shape[1], hidden))
      carry = (zeros, zeros) if kind == "lstm" else zeros
    return nnx.merge(graph, params, rest)(x, initial_carry=carry)  # pyright: ignore[reportReturnType] - as return_carry says

  def kernels(params: Any) -> tuple:
    tree = nnx.to_pure_dict(params)["cell"]
    return tree["dense_i"]["kernel"], tree["dense_h"]["kernel"]

  return Recurrence(params, run, kernels)
