"""What a predictor is, and the batches that it makes of inputs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import jax
import numpy as np

from rnn_lab.errors import FieldError
from rnn_lab.models.base import Model
from rnn_lab.tasks.base import Task
from rnn_lab.types import Batch, Params

T = TypeVar("T", bound=Task)


class Predictor(NamedTuple, Generic[T]):
  """What `rnn_lab.predictors.predict` calls, for tasks of one kind.

  Attributes:
    check: `(task, input)`, raises FieldError for an input that cannot be read.
    predict: `(model, params, task, inputs, options) -> [{...}, ...]`, for each
      input a dict, as JSON has it, with "input", "prediction" and what else is
      known of it.
    options: the names of its options, and for each the field of `config.eval`
      that is its default where a run was opened, or "" for none.
  """

  check: Callable[[T, Any], None]
  predict: Callable[
    [Model, Params, T, Sequence[Any], Mapping[str, Any]],
    list[dict[str, Any]],
  ]
  options: Mapping[str, str]


def check_readable(task: Any, given: Any) -> None:
  """Raises FieldError unless the task's `inputs_of` reads an input."""
  if not task.reads_files and not isinstance(given, str):
    raise FieldError("input", f"{{field}} must be a text, got {given!r}")
  task.inputs_of([given])


def padded_batch(task: Any, inputs: Sequence[Any]) -> Batch:
  """Returns a batch of inputs, padded so that it has one of few shapes.

  A program is compiled for each shape: the batch size and the number of steps
  are powers of two. The last input is repeated; the targets are not padded.
  """
  size = _power_of_two(len(inputs))
  batch = task.inputs_of([*inputs, *[inputs[-1]] * (size - len(inputs))])
  if batch.input_lengths is None:
    return batch
  return batch._replace(inputs=jax.tree.map(_padded, batch.inputs))


def _padded(x: np.ndarray) -> np.ndarray:
  """Returns `[B, T, ...]` with zeros behind its steps."""
  widths = [(0, 0)] * x.ndim
  widths[1] = 0, _power_of_two(x.shape[1]) - x.shape[1]
  return np.pad(x, widths)


def _power_of_two(count: int) -> int:
  """Returns the least power of two of at least `count`."""
  return 1 << (count - 1).bit_length()
