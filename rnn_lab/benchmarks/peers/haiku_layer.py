"""Haiku's LSTM.

Its GRU resets before the product, and its simple network has ReLUs only.
"""

from typing import Any

import haiku as hk  # pyright: ignore[reportMissingImports]
import jax.numpy as jnp
import numpy as np

from rnn_lab.benchmarks.peers.base import Missing, Recurrence, Weights

_ORDER = [0, 2, 1, 3]  # i, g, f, o


def recurrence(kind: str, weights: Weights) -> Recurrence:
  """Builds the layer."""
  size, hidden = weights.inputs, weights.hidden
  if kind != "lstm":
    raise Missing

  def run(x: Any, carry: Any) -> tuple[Any, Any]:
    core = hk.LSTM(hidden)
    if carry is None:
      carry = core.initial_state(x.shape[1])
    return hk.dynamic_unroll(core, x, carry)[::-1]

  def reorder(array: Any) -> Any:
    blocks = jnp.split(array, len(_ORDER), axis=-1)
    return jnp.concatenate([blocks[n] for n in _ORDER], -1)

  transformed = hk.without_apply_rng(hk.transform(run))
  w, u, b = weights
  # Haiku adds 1 to the forget gate's bias.
  b = np.array(b)
  b[hidden : 2 * hidden] -= 1.0
  joined = np.concatenate([w, u])
  params = {"lstm/linear": {"w": reorder(joined), "b": reorder(b)}}

  def kernels(params: Any) -> tuple:
    joined = reorder(params["lstm/linear"]["w"])
    return joined[:size], joined[size:]

  return Recurrence(params, transformed.apply, kernels)
