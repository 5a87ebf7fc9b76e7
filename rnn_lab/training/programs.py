"""The compiled programs of a run, for all of its seeds."""

import functools
from typing import Any, NamedTuple

from flax import linen as nn

from rnn_lab.tasks.base import Task
from rnn_lab.training import health
from rnn_lab.training.evaluate import batch_sums, keep_best
from rnn_lab.training.optimizers import Static
from rnn_lab.training.population import Population
from rnn_lab.training.saturation import saturation
from rnn_lab.training.state import TrainState, zero_sums
from rnn_lab.training.step import flow_step, score, train_steps
from rnn_lab.types import Array


class Programs(NamedTuple):
  """Functions of (shared, mine) for all seeds; see `Population.map`.

  Attributes:
    population: the axis of seeds that they were compiled for.
    train: ((hyper, data, first, count), (seed, state)) -> state.
    sums: (batch, params) -> sums and counts of the metrics.
    keep_best: (step, (headline metric, state)) -> state.
    flow: ((data, step), (seed, state)) -> norms.
    saturation: ((data, step), (seed, state)) -> shares of saturated units.
    read: (None, state) -> (state with its sums at zero, their means).
    score: of a language model: (words, (carry, params)) -> (carry, log p).
  """

  population: Population
  train: Any
  sums: Any
  keep_best: Any
  flow: Any
  saturation: Any
  read: Any
  score: Any


@functools.lru_cache(maxsize=4)
def build(
  model: nn.Module, task: Task, static: Static, most: int, num_seeds: int
) -> Programs:
  """The programs; equal arguments share them, and so compile once.

  Args:
    model: the model.
    task: the task; compared by identity, as its factory is cached.
    static: the shape of the optimizer.
    most: steps in one call of `train`, at the most.
    num_seeds: S.
  """
  population = Population(num_seeds)

  return Programs(
    population=population,
    train=population.map(
      functools.partial(train_steps, model, task, static, max(most, 2))
    ),
    sums=population.map(functools.partial(batch_sums, model, task)),
    keep_best=population.map(functools.partial(keep_best, task)),
    flow=population.map(functools.partial(flow_step, model, task)),
    saturation=population.map(functools.partial(saturation, model, task)),
    read=population.map(_read),
    score=population.map(functools.partial(score, model)),
  )


def _read(
  shared: None, state: TrainState
) -> tuple[TrainState, dict[str, Array]]:
  del shared
  sums = state.sums
  means = {
    "train/loss": sums.loss / sums.steps,
    "train/grad_norm": sums.grad_norm / sums.steps,
    "train/clipped": sums.clipped / sums.steps,
  }
  means |= health.in_rows(state.health) if state.health else {}
  return state._replace(sums=zero_sums()), means
