"""Predictors: what a trained model says about new inputs, for a person.

A task names its own by `Task.predictor`; its `inputs_of` makes a batch of
inputs, and raises FieldError for one that cannot be read.
"""

import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import jax
import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.models.base import Model
from rnn_lab.precision import in_float32
from rnn_lab.predictors.base import Predictor
from rnn_lab.tasks.base import Task
from rnn_lab.types import Params

T = TypeVar("T", bound=Task)
# From `Task.predictor` to a Predictor, imported when used.
PREDICTORS = {
  "classes": "rnn_lab.predictors.classes:PREDICTOR",
  "forecasts": "rnn_lab.predictors.forecasts:PREDICTOR",
  "tags": "rnn_lab.predictors.tags:PREDICTOR",
  "written": "rnn_lab.predictors.written:PREDICTOR",
}
# The most inputs that are answered at once.
CHUNK = 256


def predict(
  model: Model,
  params: Params,
  task: Task,
  inputs: Sequence[Any],
  **options: Any,
) -> list[dict[str, Any]]:
  """Predicts the answer to each of some inputs.

  Args:
    model: the model.
    params: its parameters.
    task: its task.
    inputs: a list of what the task's `inputs_of` takes: lines of text, images,
      series of numbers.
    **options: of the task's predictor, such as `beam_size`.

  Raises:
    FieldError: the task's inputs are batches alone, there is no input, or one
      cannot be read.
  """
  return [*predictions(model, params, task, inputs, options)]


def predictions(
  model: Model,
  params: Params,
  task: Task,
  inputs: Sequence[Any],
  options: Mapping[str, Any],
) -> Iterator[dict[str, Any]]:
  """Yields what `predict` returns, `CHUNK` inputs after the others.

  All inputs are checked at once; of several, an error says which one.
  """
  predictor = _predictor(task)
  _check(predictor, task, inputs, options)
  chunks = (inputs[n : n + CHUNK] for n in range(0, len(inputs), CHUNK))
  answer = in_float32(predictor.predict)
  return (
    row
    for chunk in chunks
    for row in answer(model, params, task, chunk, options)
  )


def default_options(task: Task, config: Mapping[str, Any]) -> dict[str, Any]:
  """Returns the options of a run's predictions, as its test was decoded.

  Args:
    task: the run's.
    config: the run's; fields that its `eval` has not are left out.
  """
  if task.predictor not in PREDICTORS:
    return {}
  options = {}
  for name, field in _predictor(task).options.items():
    section, _, key = field.partition(".")
    values = config["eval"].get(section) or {}
    if key in values:
      options[name] = values[key]
  return options


def _predictor(task: T) -> Predictor[T]:
  if task.predictor not in PREDICTORS:
    raise FieldError(
      "workdir",
      f"workdir must be the run of a task with predictions, and {task.name!r} "
      "has none",
    )
  return pkgutil.resolve_name(PREDICTORS[task.predictor])


@in_float32
def _check(
  predictor: Predictor[T],
  task: T,
  inputs: Any,
  options: Mapping[str, Any],
) -> None:
  """Raises FieldError for inputs or options that cannot be used."""
  known = [*predictor.options]
  for name in options:
    if name not in known:
      words = f"one of {', '.join(known)}" if known else "left out"
      raise FieldError(name, f"{{field}} must be {words} with this task")
  is_list = isinstance(inputs, list | tuple | np.ndarray | jax.Array)
  if not is_list or not getattr(inputs, "ndim", 1):
    raise FieldError("input", f"{{field}} must be a list, got {inputs!r}")
  if not len(inputs):
    raise FieldError("input", "{field} must have at least one line, got none")
  for number, given in enumerate(inputs, start=1):
    try:
      predictor.check(task, given)
    except FieldError as error:
      if len(inputs) == 1:
        raise
      field = f"{error.field} {number}"
      raise FieldError(field, error.message) from error
