"""Diagnostics while training: norms of layers, gradient flow, saturation."""

import functools
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from jax.tree_util import keystr

from rnn_lab._stack import zero_perturbations
from rnn_lab.caching import lru_cached
from rnn_lab.gradients.flow import norm_by_time, state_gradients
from rnn_lab.gradients.gates import activations, saturated_share
from rnn_lab.gradients.norms import norm
from rnn_lab.models.base import Model, Recurrence, program_model
from rnn_lab.tasks.base import Task
from rnn_lab.training.population import Population
from rnn_lab.training.state import TrainState, seed_keys
from rnn_lab.types import Array, Batch, Params, PyTree


class Diagnostics(NamedTuple):
  """`flow_step` and `saturation` for all seeds; see `Population.map`."""

  flow: Any
  saturation: Any


def diagnostics(model: Model, task: Task, seeds: Population) -> Diagnostics:
  """Returns the programs, which are shared as those of `programs` are."""
  return _diagnostics(program_model(model), task, seeds)


@lru_cached(maxsize=16)
def _diagnostics(model: Model, task: Task, seeds: Population) -> Diagnostics:
  return Diagnostics(
    flow=seeds.map(functools.partial(flow_step, model, task)),
    saturation=seeds.map(functools.partial(saturation, model, task)),
  )


def layer_norms(
  params: Params, grads: Params, updates: Params
) -> dict[str, Array]:
  """Computes the global norms of each layer, as metrics.

  They are those of the last update in front of a row of metrics: computed at
  every update they would cost more than they tell. A layer is what holds an
  array: "stack.0.forward", "readout", "embedding".

  Args:
    params: before the update.
    grads: before clipping.
    updates: as they were added.

  Returns:
    `{"layers/stack.0.forward/grad_norm": norm, ...}`, and for each layer its
    "param_norm" and "update_norm".
  """
  trees = {"grad_norm": grads, "param_norm": params, "update_norm": updates}
  norms: dict[str, Array] = {}
  for kind, tree in trees.items():
    layers: dict[str, list[Array]] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
      layer = keystr(path[:-1] or path, simple=True, separator=".")
      # Not optax's, which squares first: 1e-25 would be logged as zero.
      layers.setdefault(layer, []).append(norm(leaf.reshape(-1), axis=0))
    for layer, parts in layers.items():
      norms[f"layers/{layer}/{kind}"] = norm(jnp.stack(parts), axis=0)
  return norms


def _next_recurrences(
  model: Model, task: Task, shared: Any, per_seed: Any
) -> tuple[Batch, TrainState, dict[str, Recurrence]]:
  """Returns the batch of the next step, and the model's recurrences on it."""
  data, step = shared
  seed, state = per_seed
  batch = task.batch(data, seed_keys(seed).data, step)
  recurrences = model.apply(
    {"params": state.params}, batch, state.carry, method="recurrences"
  )
  return batch, state, cast(dict[str, Recurrence], recurrences)


def flow_step(
  model: Model,
  task: Task,
  shared: tuple[PyTree, Array],
  per_seed: tuple[Array, TrainState],
) -> dict[str, PyTree]:
  """Computes the gradient through time of the next training batch.

  Args:
    model: the model.
    task: the task.
    shared: (data of the step's bucket, step).
    per_seed: (seed, state).

  Returns:
    For each recurrence, layer, direction and state the norm of dE/ds_t by
    time, `[T]`; see `rnn_lab.gradients.flow.norm_by_time`.
  """
  batch, state, recurrences = _next_recurrences(model, task, shared, per_seed)
  zeros = {
    name: zero_perturbations(recurrence.stack, *recurrence.shape)
    for name, recurrence in recurrences.items()
  }

  def cost(e: PyTree) -> Array:
    variables = {"params": state.params}
    (total, _), _ = model.apply(
      variables, batch, state.carry, perturbations=e, method="loss"
    )
    return total

  gradients = state_gradients(cost, zeros)

  def norms(recurrence: Recurrence, gradient: PyTree) -> PyTree:
    valid = recurrence.lengths_B, recurrence.mask_TB
    return jax.tree.map(lambda g_TBH: norm_by_time(g_TBH, *valid), gradient)

  return {
    name: norms(recurrences[name], gradient)
    for name, gradient in gradients.items()
  }


def saturation(
  model: Model,
  task: Task,
  shared: tuple[PyTree, Array],
  per_seed: tuple[Array, TrainState],
) -> dict[str, Array]:
  """Computes the shares of saturated units on the next training batch.

  Args as of `flow_step`.

  Returns:
    Metrics "layers/stack.0.forward/saturated/f"; none of a model without
    recurrences.
  """
  shares = {}
  *_, recurrences = _next_recurrences(model, task, shared, per_seed)
  for name, recurrence in recurrences.items():
    valid = recurrence.lengths_B, recurrence.mask_TB
    layers = activations(
      recurrence.stack,
      recurrence.params,
      recurrence.xs,
      recurrence.carry,
      *valid,
      recurrence.resets_TB,
    )
    for layer, directions in enumerate(layers):
      for direction, values in zip(directions._fields, directions):
        for gate, value in (values or {}).items():
          key = f"layers/{name}.{layer}.{direction}/saturated/{gate}"
          shares[key] = saturated_share(value, *valid)
  return shares
