"""Flax linen's recurrent layers."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from rnn_lab.benchmarks.peers.base import Recurrence, Weights

# The gates' names, in rnn_lab's order.
_CELLS = {
  "elman": (nn.SimpleCell, ("",)),
  "gru": (nn.GRUCell, ("r", "z", "n")),
  "lstm": (nn.OptimizedLSTMCell, ("i", "f", "g", "o")),
}


def recurrence(kind: str, weights: Weights) -> Recurrence:
  """Builds the layer."""
  cell, gates = _CELLS[kind]
  size, hidden = weights.inputs, weights.hidden
  module = nn.RNN(cell(hidden), time_major=True, return_carry=True)
  params = module.init(jax.random.key(0), jnp.zeros((1, 1, size)))

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

  def run(params: Any, x: Any, carry: Any) -> tuple[Any, Any]:
    return module.apply(params, x, initial_carry=carry)  # pyright: ignore[reportReturnType] - as return_carry says

  return Recurrence(params, run, kernels)
