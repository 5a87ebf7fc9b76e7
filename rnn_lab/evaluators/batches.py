"""Metrics over the batches of a split, added up and divided once."""

import functools
from collections.abc import Mapping
from typing import Any, Generic, TypeVar, cast

import jax
import numpy as np

from rnn_lab.caching import lru_cached
from rnn_lab.errors import FieldError
from rnn_lab.evaluators.examples import Answer, classified, collect
from rnn_lab.models.base import Model, program_model
from rnn_lab.tasks.base import Task
from rnn_lab.tasks.checks import check_headline
from rnn_lab.types import Array, Batch, Params, PyTree

T = TypeVar("T", bound=Task)
Sums = dict[str, tuple[Array, Array]]


class Batches(Generic[T]):
  """Evaluates the task's metrics on `Task.eval_batches`."""

  def __init__(self, model: Model, task: T, settings: Any, population: Any):
    del settings
    self._task = task
    self._population = population
    self._model = program_model(model)
    self._sums = _sums_program(self._model, task, population)
    self._splits: dict[str, list[Batch]] = {}

  @staticmethod
  def check(section: Mapping[str, Any] | None) -> None:
    """Raises FieldError for options, as there are none."""
    if section:
      raise FieldError("batches", "{field} has no fields")

  @staticmethod
  def check_model(model: Model, task: Task) -> None:
    """Raises FieldError unless the headline is one of the task's metrics."""
    del model
    check_headline(task)

  def evaluate(self, params: Params, split: str) -> dict[str, np.ndarray]:
    """Returns the metrics, `[S]` float32 each.

    Args:
      params: with leading dimension S, as the population lays them out.
      split: "valid" or "test".
    """
    sums = [self._sums(batch, params) for batch in self.batches(split)]
    return divide(self._population.get(sums))

  def batches(self, split: str) -> list[Batch]:
    """Returns the batches of a split on the population's devices."""
    if split not in self._splits:
      batches = self._task.eval_batches(split)
      self._splits[split] = [self._population.share(b) for b in batches]
    return self._splits[split]

  def details(self, params: Params) -> dict[str, Any]:
    """Returns what other methods reach ("references"); {} without any."""
    del params
    references = self._task.references()
    return {"references": references} if references else {}

  def examples(
    self, params: Params, seed_index: int, count: int
  ) -> dict[str, Any]:
    """Returns examples of the first test batch with one seed's answers.

    Args:
      params: with leading dimension S, as the population lays them out.
      seed_index: which seed.
      count: how many; see `rnn_lab.evaluators.examples.collect`.
    """
    batch = jax.tree.map(np.asarray, self._task.eval_batches("test")[0])
    answers = self._answers(params, seed_index, batch)
    params = self._of_seed(params, seed_index)
    return collect(self._model, params, self._task, batch, answers, count)

  def _of_seed(self, params: Params, seed_index: int) -> Params:
    several = self._population.get(params)
    return jax.tree.map(lambda a: a[seed_index], several)

  def _answers(
    self, params: Params, seed_index: int, batch: Batch
  ) -> list[Answer]:
    """Returns one seed's answers to the examples of the first test batch."""
    params = self._of_seed(params, seed_index)
    outputs = outputs_program(self._model)(params, batch)
    return classified(self._task, np.asarray(outputs), batch)


def batch_sums(model: Model, task: Task, batch: Batch, params: Params) -> Sums:
  """Returns the sums and counts of the task's metrics over one batch."""
  variables = {"params": params}
  size = batch.weights.shape[0]
  carry = model.apply(variables, size, method="initial_carry")
  outputs = model.apply(variables, batch, carry, method="outputs")
  return task.metrics(cast(Array, outputs), batch)


def divide(sums: list[Sums]) -> dict[str, np.ndarray]:
  """Divides the sums of all batches by their counts.

  Args:
    sums: one for each batch, numpy arrays `[S]`.

  Returns:
    `[S]` float32 for each metric: added up in float64, and rounded as the
    train state keeps the best one.
  """
  total: Mapping = jax.tree.map(
    lambda *batches: np.sum(np.stack(batches), axis=0, dtype=np.float64),
    *sums,
  )
  return {
    name: (value / count).astype(np.float32)
    for name, (value, count) in total.items()
  }


@lru_cached(maxsize=16)
def outputs_program(model: Model) -> Any:
  """Returns the compiled `(params, batch) -> outputs` of one seed."""

  def outputs(params: Params, batch: Batch) -> PyTree:
    variables = {"params": params}
    size = batch.weights.shape[0]
    carry = model.apply(variables, size, method="initial_carry")
    return model.apply(variables, batch, carry, method="outputs")

  return jax.jit(outputs)


@lru_cached(maxsize=16)
def _sums_program(model: Model, task: Task, population: Any) -> Any:
  return population.map(functools.partial(batch_sums, model, task))
