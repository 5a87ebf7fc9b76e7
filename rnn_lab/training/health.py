"""The health of the gradient while training, layer by layer.

The norms are those of the last update in front of a row of metrics: at every
update they would cost more than they tell.
"""

from typing import Any

import jax
import jax.numpy as jnp

from rnn_lab.gradients.norms import norm
from rnn_lab.types import Array, Params, PyTree

GRAD, PARAM, UPDATE = "grad_norm", "param_norm", "update_norm"


def layer_norms(params: Params, grads: Params, updates: Params) -> PyTree:
  """The global norms of each layer: `{layer: {kind of norm: number}}`.

  The gradient's before clipping; the update's as it was added.
  """
  trees = {GRAD: grads, PARAM: params, UPDATE: updates}
  norms: dict[str, dict[str, Array]] = {}
  for kind, tree in trees.items():
    for layer, leaves in _by_layer(tree).items():
      # Not optax's, which squares first: 1e-25 would be logged as zero.
      parts = jnp.stack([norm(leaf.reshape(-1), axis=0) for leaf in leaves])
      norms.setdefault(layer, {})[kind] = norm(parts, axis=0)
  return norms


def zero_norms(params: Params) -> PyTree:
  """`layer_norms` before the first step."""
  return jax.tree.map(jnp.zeros_like, layer_norms(params, params, params))


def in_rows(norms: PyTree) -> dict[str, Array]:
  """As metrics: "health/layer_0/grad_norm"."""
  return {
    f"health/{layer}/{kind}": value
    for layer, own in norms.items()
    for kind, value in own.items()
  }


def _by_layer(tree: Params) -> dict[str, list[Array]]:
  """The arrays of each layer: of the stack's layers, and of the rest."""
  layers: dict[str, list[Array]] = {}
  for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
    layers.setdefault(_layer_of(path), []).append(leaf)
  return layers


def _layer_of(path: tuple[Any, ...]) -> str:
  if path[0].key != "stack":
    return path[0].key
  return layer_name(path[1].idx, path[2].name)


def layer_name(layer: int, direction: str) -> str:
  """What a layer of a stack is called in rows."""
  backward = "_backward" if direction == "backward" else ""
  return f"layer_{layer}{backward}"
