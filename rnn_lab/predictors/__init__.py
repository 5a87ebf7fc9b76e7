"""Predictors: what a trained model says about new inputs, for a person.

A predictor is `(model, params, task, inputs, options) -> [{...}, ...]`: one
dict for each input, as JSON has it, with "input", "prediction" and what else is
known of it. A task names its own by `Task.predictor`; its `inputs_of` makes a
batch of inputs, and raises FieldError for one that cannot be read.
"""

import pkgutil
from collections.abc import Mapping, Sequence
from typing import Any

from rnn_lab.errors import FieldError
from rnn_lab.models.base import Model
from rnn_lab.precision import in_float32
from rnn_lab.tasks.base import Task
from rnn_lab.types import Params

# From `Task.predictor` to a function, imported when used.
PREDICTORS = {
  "classes": "rnn_lab.predictors.classes:predict",
  "forecasts": "rnn_lab.predictors.forecasts:predict",
  "tags": "rnn_lab.predictors.tags:predict",
  "written": "rnn_lab.predictors.written:predict",
}


@in_float32
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
    inputs: as the task's `inputs_of` takes them: lines of text, images,
      series of numbers.
    **options: of the task's predictor, such as `beam_size`.

  Raises:
    FieldError: the task's inputs are batches alone, there is no input, or one
      cannot be read.
  """
  if task.predictor not in PREDICTORS:
    raise FieldError(
      "workdir",
      f"workdir must be the run of a task with predictions, and {task.name!r} "
      "has none",
    )
  if isinstance(inputs, str):
    raise FieldError("input", f"{{field}} must be a list, got {inputs!r}")
  if not len(inputs):
    raise FieldError("input", "{field} must have at least one line, got none")
  function = pkgutil.resolve_name(PREDICTORS[task.predictor])
  return function(model, params, task, inputs, options)


def check_options(options: Mapping[str, Any], *known: str) -> None:
  """Raises FieldError for an option that a predictor does not have."""
  for name in options:
    if name not in known:
      words = f"one of {', '.join(known)}" if known else "left out"
      raise FieldError(name, f"{{field}} must be {words} with this task")
