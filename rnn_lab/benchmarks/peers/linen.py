"""Flax linen's recurrent layers."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from rnn_lab.benchmarks.peers.base import Layer, Weights, jax_layer

# The gates' names, in rnn_lab's order.
_CELLS = {
  "elman": (nn.SimpleCell, ("",)),
  "gru": (nn.GRUCell, ("r", "z", "n")),
  "lstm": (nn.OptimizedLSTMCell, ("i", "f", "g", "o")),
}


def layer(kind: str, weights: Weights, x: np.ndarray) -> Layer:
  """Builds the layer; see `base.Layer`."""
  cell, gates = _CELLS[kind]
  module = nn.RNN(cell(weights.recurrent_kernel.shape[0]), time_major=True)
  params = module.init(jax.random.key(0), jnp.asarray(x[:1]))

  def blocks(array: np.ndarray) -> list[np.ndarray]:
    return np.split(array, len(gates), axis=-1)

  dense = {}
  for name, w, u, b in zip(gates, *map(blocks, weights)):
    dense[f"i{name}"], dense[f"h{name}"] = {"kernel": w}, {"kernel": u}
    # Linen has one bias for both products, beside one or the other.
    for side in ("i", "h"):
      if "bias" in params["params"]["cell"][side + name]:
        dense[side + name]["bias"] = b
        b = np.zeros_like(b)
  params = {"params": {"cell": dense}}

  def kernels(params: dict) -> tuple:
    tree = params["params"]["cell"]
    return tuple(
      jnp.concatenate([tree[side + name]["kernel"] for name in gates], -1)
      for side in ("i", "h")
    )

  return jax_layer(module.apply, params, x, kernels)
