"""Norms of gradient, parameters and update for each layer while training.

They are those of the last update in front of a row of metrics: computed at
every update they would cost more than they tell.
"""

from typing import Any

import jax
import jax.numpy as jnp

from rnn_lab.gradients.norms import norm
from rnn_lab.types import Array, Params, PyTree


def layer_norms(params: Params, grads: Params, updates: Params) -> PyTree:
  """Computes the global norms of each layer: `{layer: {kind: number}}`.

  A layer is what holds an array: "stack.0.forward", "readout", "embedding".
  The gradient's norm is that before clipping, the update's as it was added.
  """
  trees = {"grad_norm": grads, "param_norm": params, "update_norm": updates}
  norms: dict[str, dict[str, Array]] = {}
  for kind, tree in trees.items():
    layers: dict[str, list[Array]] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
      layers.setdefault(_layer_of(path), []).append(leaf)
    for layer, leaves in layers.items():
      # Not optax's, which squares first: 1e-25 would be logged as zero.
      parts = jnp.stack([norm(leaf.reshape(-1), axis=0) for leaf in leaves])
      norms.setdefault(layer, {})[kind] = norm(parts, axis=0)
  return norms


def _layer_of(path: tuple[Any, ...]) -> str:
  return jax.tree_util.keystr(path[:-1] or path, simple=True, separator=".")


def layer_rows(norms: PyTree) -> dict[str, Array]:
  """Returns the norms as metrics: "layers/stack.0.forward/grad_norm"."""
  return {
    f"layers/{layer}/{kind}": value
    for layer, kinds in norms.items()
    for kind, value in kinds.items()
  }
