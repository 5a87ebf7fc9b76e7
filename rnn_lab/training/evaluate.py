"""Metrics over a whole split, and the best parameters so far."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from rnn_lab.tasks.base import Task
from rnn_lab.training.state import TrainState
from rnn_lab.training.step import run_model
from rnn_lab.types import Array, Batch, Params

Sums = dict[str, tuple[Array, Array]]


def batch_sums(
  model: nn.Module, task: Task, batch: Batch, params: Params
) -> Sums:
  """The sums and counts of the task's metrics over one batch."""
  return task.metrics(run_model(model, params, batch), batch)


def divide(sums: list[Sums]) -> dict[str, np.ndarray]:
  """The metrics of a split from those of its batches: divided once.

  Args:
    sums: one for each batch, numpy arrays `[S]`.

  Returns:
    `[S]` float32 for each metric: added up in float64, and kept as the state
    keeps the best one.
  """
  total: Mapping = jax.tree.map(
    lambda *batches: np.sum(np.stack(batches), axis=0, dtype=np.float64),
    *sums,
  )
  return {
    name: (value / count).astype(np.float32)
    for name, (value, count) in total.items()
  }


def keep_best(
  task: Task, step: Array, mine: tuple[Array, TrainState]
) -> TrainState:
  """Keeps a seed's parameters if they are the best so far.

  Args:
    task: says whether more of its headline metric is better.
    step: updates made so far.
    mine: (the headline metric now, the seed's state).
  """
  metric, state = mine
  better = metric > state.best_metric
  if not task.maximize:
    better = metric < state.best_metric
  kept = state._replace(
    best_params=state.params, best_metric=metric, best_step=step
  )
  return jax.tree.map(
    lambda new, old: jnp.where(better & state.alive, new, old), kept, state
  )
