"""The compiled programs of training, for all seeds of a run."""

import functools
from typing import Any, NamedTuple

from rnn_lab.models.base import Model, program_model
from rnn_lab.tasks.base import Task
from rnn_lab.training.optimizers import Static
from rnn_lab.training.population import population
from rnn_lab.training.state import TrainState, zero_sums
from rnn_lab.training.step import Norms, keep_best, train_steps
from rnn_lab.types import Array


class Programs(NamedTuple):
  """Functions of (shared, per_seed) for all seeds; see `Population.map`.

  Attributes:
    train: ((data, first, count), (hyper, seed, state)) -> state.
    keep_best: (step, (headline metric, state)) -> state.
    read: (None, state) -> (state with its sums at zero, their means).
  """

  train: Any
  keep_best: Any
  read: Any


def programs(
  model: Model,
  task: Task,
  static: Static,
  max_steps: int,
  num_seeds: int,
  norms: Norms | None = None,
) -> Programs:
  """Returns the programs; equal arguments share them, and so compile once.

  Args:
    model: the model; how it is initialised makes no difference.
    task: the task; compared by identity, as its factory is cached.
    static: the static part of the optimizer.
    max_steps: the most steps in one call of `train`.
    num_seeds: S.
    norms: see `train_steps`.
  """
  return _programs(
    program_model(model), task, static, max(max_steps, 2), num_seeds, norms
  )


@functools.lru_cache(maxsize=16)
def _programs(
  model: Model,
  task: Task,
  static: Static,
  max_steps: int,
  num_seeds: int,
  norms: Norms | None,
) -> Programs:
  seeds = population(num_seeds)
  return Programs(
    train=seeds.map(
      functools.partial(train_steps, model, task, static, norms, max_steps)
    ),
    keep_best=seeds.map(functools.partial(keep_best, task.maximize)),
    read=seeds.map(_read),
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
  return state._replace(sums=zero_sums()), means | dict(state.layer_norms)
