"""Flax NNX's recurrent layers."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from rnn_lab.benchmarks.peers.base import Layer, Weights, jax_layer

_CELLS = {
  "elman": nnx.SimpleCell,
  "gru": nnx.GRUCell,
  "lstm": nnx.OptimizedLSTMCell,
}


def layer(kind: str, weights: Weights, x: np.ndarray) -> Layer:
  """Builds the layer; see `base.Layer`."""
  size, hidden = x.shape[-1], weights.recurrent_kernel.shape[0]
  cell = _CELLS[kind](size, hidden, rngs=nnx.Rngs(0))
  cell.dense_i.kernel[...] = jnp.asarray(weights.input_kernel)
  cell.dense_h.kernel[...] = jnp.asarray(weights.recurrent_kernel)
  side = cell.dense_i if cell.dense_i.bias is not None else cell.dense_h
  side.bias[...] = jnp.asarray(weights.bias)
  module = nnx.RNN(cell, time_major=True, rngs=nnx.Rngs(0))
  graph, params, rest = nnx.split(module, nnx.Param, ...)

  def run(params: Any, x: Any) -> Any:
    zeros = jnp.zeros((x.shape[1], hidden))
    start = (zeros, zeros) if kind == "lstm" else zeros
    return nnx.merge(graph, params, rest)(x, initial_carry=start)

  def kernels(params: Any) -> tuple:
    tree = nnx.to_pure_dict(params)["cell"]
    return tree["dense_i"]["kernel"], tree["dense_h"]["kernel"]

  return jax_layer(run, params, x, kernels)
