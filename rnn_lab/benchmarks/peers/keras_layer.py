"""Keras' recurrent layers on its JAX backend, batch first as they are."""

import os

os.environ["KERAS_BACKEND"] = "jax"

from typing import Any

import jax.numpy as jnp
import keras  # pyright: ignore[reportMissingImports]
import numpy as np

from rnn_lab.benchmarks.peers.base import Layer, Weights, jax_layer

_LAYERS = {
  "elman": keras.layers.SimpleRNN,
  "gru": keras.layers.GRU,
  "lstm": keras.layers.LSTM,
}


def layer(kind: str, weights: Weights, x: np.ndarray) -> Layer:
  """Builds the layer; see `base.Layer`."""
  hidden = weights.recurrent_kernel.shape[0]
  module = _LAYERS[kind](hidden, return_sequences=True)
  module.build((x.shape[1], x.shape[0], x.shape[2]))
  w, u, b = map(jnp.asarray, weights)

  def reorder(array: Any) -> Any:
    """Keras has the gates z, r and n."""
    if kind != "gru":
      return array
    r, z, n = jnp.split(array, 3, axis=-1)
    return jnp.concatenate([z, r, n], -1)

  bias = reorder(b)
  if kind == "gru":  # of both products
    bias = jnp.stack([bias, jnp.zeros_like(bias)])
  params = [reorder(w), reorder(u), bias]
  # `[B, T, D]`, as the library reads it; laid out before the clock starts.
  x_BTD = np.ascontiguousarray(np.swapaxes(x, 0, 1))

  def run(params: Any, x_BTD: Any) -> Any:
    state = [v.value for v in module.non_trainable_variables]
    return module.stateless_call(params, state, x_BTD)[0]

  found = jax_layer(
    run, params, x_BTD, lambda p: (reorder(p[0]), reorder(p[1]))
  )

  def results() -> dict[str, np.ndarray]:
    arrays = found.results()
    for name in ("outputs", "inputs"):
      arrays[name] = np.swapaxes(arrays[name], 0, 1)
    return arrays

  return found._replace(results=results)
