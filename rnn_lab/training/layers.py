"""Metrics of each layer while training: norms, and saturated units.

The norms are those of the last update in front of a row of metrics: computed
at every update they would cost more than they tell.
"""

from typing import Any

import jax
import jax.numpy as jnp

from rnn_lab.gradients.gates import look_inside, saturated_share
from rnn_lab.gradients.norms import norm
from rnn_lab.models.base import Model
from rnn_lab.tasks.base import Task
from rnn_lab.training.state import TrainState, seed_keys
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


def saturation(
  model: Model,
  task: Task,
  shared: tuple[PyTree, Array],
  per_seed: tuple[Array, TrainState],
) -> dict[str, Array]:
  """Computes the shares of saturated units on the next training batch.

  Args:
    model: the model.
    task: the task.
    shared: (data of the step's bucket, step).
    per_seed: (seed, state).

  Returns:
    Metrics "layers/stack.0.forward/saturated/f"; none of a model without
    recurrences.
  """
  data, step = shared
  seed, state = per_seed
  batch = task.batch(data, seed_keys(seed).data, step)
  recurrences = model.apply(
    {"params": state.params}, batch, state.carry, method="recurrences"
  )
  shares = {}
  for name, recurrence in recurrences.items():
    lengths_B = recurrence.lengths_B
    activations = look_inside(
      recurrence.stack,
      recurrence.params,
      recurrence.xs,
      recurrence.carry,
      lengths_B,
    )
    for layer, directions in enumerate(activations):
      for direction, values in zip(directions._fields, directions):
        for gate, value in (values or {}).items():
          key = f"layers/{name}.{layer}.{direction}/saturated/{gate}"
          shares[key] = saturated_share(value, lengths_B)
  return shares
