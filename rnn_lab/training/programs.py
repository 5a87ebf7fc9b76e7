"""The compiled programs of a run, for all of its seeds."""

import functools
from typing import Any, NamedTuple

from rnn_lab.models import SequenceModel
from rnn_lab.tasks.base import Task
from rnn_lab.training.evaluate import evaluate, evaluate_and_keep
from rnn_lab.training.optimizers import Hyper, Static
from rnn_lab.training.population import Population
from rnn_lab.training.state import TrainState, init_state, zero_sums
from rnn_lab.training.step import flow_step, train_steps
from rnn_lab.types import Array


class Programs(NamedTuple):
  """Functions of (shared, mine) for all seeds; see `Population.map`.

  Attributes:
    population: the axis of seeds that they were compiled for.
    data: the training data, on the devices.
    valid: the batches of the validation split, on the devices.
    init: (hyper, seed) -> state.
    train: ((hyper, data, first, count), (seed, state)) -> state.
    evaluate: ((valid, step), state) -> (state, metrics).
    test: (batches, state) -> metrics of the best parameters.
    flow: ((data, step), (seed, state)) -> norms.
    read: (None, state) -> (state with its sums at zero, their means).
  """

  population: Population
  data: Any
  valid: Any
  init: Any
  train: Any
  evaluate: Any
  test: Any
  flow: Any
  read: Any


@functools.lru_cache(maxsize=4)
def build(
  model: SequenceModel, task: Task, static: Static, most: int, num_seeds: int
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

  def init(hyper: Hyper, seed: Array) -> TrainState:
    return init_state(model, task, static, hyper, seed)

  def test(batches: Any, state: TrainState) -> dict[str, Array]:
    return evaluate(model, task, state.best_params, batches)

  return Programs(
    population=population,
    data=population.share(task.data),
    valid=population.share(task.eval_batches("valid")),
    init=population.map(init),
    train=population.map(
      functools.partial(train_steps, model, task, static, max(most, 2))
    ),
    evaluate=population.map(functools.partial(evaluate_and_keep, model, task)),
    test=population.map(test),
    flow=population.map(functools.partial(flow_step, model, task)),
    read=population.map(_read),
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
  return state._replace(sums=zero_sums()), means
