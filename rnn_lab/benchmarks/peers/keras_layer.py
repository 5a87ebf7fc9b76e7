"""Keras' recurrent layers on its JAX backend, batch first as they are."""

import os

os.environ["KERAS_BACKEND"] = "jax"

from typing import Any

import jax.numpy as jnp
import keras  # pyright: ignore[reportMissingImports]

from rnn_lab.benchmarks.peers.base import Recurrence, Weights

_LAYERS = {
  "elman": keras.layers.SimpleRNN,
  "gru": keras.layers.GRU,
  "lstm": keras.layers.LSTM,
}


def recurrence(kind: str, weights: Weights) -> Recurrence:
  """Builds the layer."""
  size, hidden = weights.inputs, weights.hidden
  module = _LAYERS[kind](hidden, return_sequences=True, return_state=True)
  module.build((None, None, size))
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

  def run(params: Any, x_BTD: Any, carry: Any) -> tuple[Any, Any]:
    state = [v.value for v in module.non_trainable_variables]
    (y, *carry), _ = module.stateless_call(
      params, state, x_BTD, initial_state=carry
    )
    return carry, y

  return Recurrence(
    params, run, lambda p: (reorder(p[0]), reorder(p[1])), batch_first=True
  )
