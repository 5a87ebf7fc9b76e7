"""Metrics over a whole split, and the best parameters so far."""

import jax
import jax.numpy as jnp
from flax import linen as nn

from rnn_lab.tasks.base import Task
from rnn_lab.training.state import TrainState
from rnn_lab.training.step import run_model
from rnn_lab.types import Array, Batch, Params, PyTree


def evaluate(
  model: nn.Module, task: Task, params: Params, batches: Batch
) -> dict[str, Array]:
  """The task's metrics over batches: sums and counts, divided once.

  Args:
    model: the model.
    task: the task.
    params: the model's parameters.
    batches: as `task.eval_batches(split)` makes them.
  """

  def add(sums: PyTree, batch: Batch) -> tuple[PyTree, None]:
    outputs = run_model(model, params, batch)
    return jax.tree.map(jnp.add, sums, task.metrics(outputs, batch)), None

  first = jax.tree.map(lambda a: a[0], batches)
  form = jax.eval_shape(
    lambda p, b: task.metrics(run_model(model, p, b), b), params, first
  )
  zeros = jax.tree.map(lambda a: jnp.zeros(a.shape, jnp.float32), form)
  sums = jax.lax.scan(add, zeros, batches)[0]
  return {name: total / count for name, (total, count) in sums.items()}


def evaluate_and_keep(
  model: nn.Module,
  task: Task,
  shared: tuple[Batch, Array],
  state: TrainState,
) -> tuple[TrainState, dict[str, Array]]:
  """Evaluates a seed and keeps its parameters if they are the best so far.

  Args:
    model: the model.
    task: the task.
    shared: (batches of the validation split, updates made so far).
    state: the seed's.

  Returns:
    The state with its best parameters, metric and step, and the metrics.
  """
  batches, step = shared
  metrics = evaluate(model, task, state.params, batches)
  metric = metrics[task.headline]
  better = metric > state.best_metric
  if not task.maximize:
    better = metric < state.best_metric
  better = better & state.alive
  kept = state._replace(
    best_params=state.params, best_metric=metric, best_step=step
  )
  state = jax.tree.map(
    lambda new, old: jnp.where(better, new, old), kept, state
  )
  return state, metrics
