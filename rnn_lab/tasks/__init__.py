"""The tasks, by name, and the one function that makes a task from a config."""

import dataclasses
import inspect
import pathlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from rnn_lab.errors import (
  INT32_MAX,
  FieldError,
  check_choice,
  check_int,
  in_section,
  suggestion,
)
from rnn_lab.tasks.base import (
  ENCODER_DECODER,
  SEQUENCE_TO_SEQUENCE,
  SEQUENCE_TO_VECTOR,
  VECTOR_TO_SEQUENCE,
  Spec,
  Task,
)
from rnn_lab.tasks.checks import check_form

__all__ = [
  "ENCODER_DECODER",
  "SEQUENCE_TO_SEQUENCE",
  "SEQUENCE_TO_VECTOR",
  "TASKS",
  "VECTOR_TO_SEQUENCE",
  "WITHOUT_DATA",
  "Spec",
  "Task",
  "build",
  "without_data",
]

# From `config.task.name` to the task's factory, imported when used.
TASKS = {
  "digits": "rnn_lab.tasks.digits:digits",
  "mnist": "rnn_lab.tasks.mnist:mnist",
  "adding": "rnn_lab.tasks.adding:adding",
  "copy_memory": "rnn_lab.tasks.copy_memory:copy_memory",
  "temporal_order": "rnn_lab.tasks.temporal_order:temporal_order",
  "sentiment": "rnn_lab.tasks.sentiment:sentiment",
  "tagging": "rnn_lab.tasks.tagging:tagging",
  "language": "rnn_lab.tasks.language:language",
  "digit_names": "rnn_lab.tasks.captioning:digit_names",
  "scenes": "rnn_lab.tasks.captioning:scenes",
  "transduction": "rnn_lab.tasks.transduction:transduction",
  "translation": "rnn_lab.tasks.translation:translation",
  "forecasting": "rnn_lab.tasks.forecasting:forecasting",
}
# From the name of a task that is read from files to the function that makes it
# of what its `save_files` wrote, imported when used; see `without_data`.
WITHOUT_DATA = {
  "sentiment": "rnn_lab.tasks.sentiment:without_data",
  "tagging": "rnn_lab.tasks.tagging:without_data",
  "language": "rnn_lab.tasks.language:without_data",
  "translation": "rnn_lab.tasks.translation:without_data",
  "forecasting": "rnn_lab.tasks.forecasting:without_data",
}


def build(section: Mapping[str, Any], batch_size: int) -> Task:
  """Builds the task that a config's section `task` describes.

  Args:
    section: `name`, a key of TASKS, and the arguments of that factory.
    batch_size: sequences of one training batch, from 1 up.

  Returns:
    The task; equal arguments give the same object, so that nothing compiles
    twice.

  Raises:
    FieldError: the name is unknown, an argument is unknown, missing or wrong
      (`task.<argument>`), or the batch size is (`train.batch_size`), also if
      it exceeds the training split; or the task's batches do not have the form
      that it says.
  """
  check_int("train.batch_size", batch_size, 1, INT32_MAX)
  arguments = dict(section)
  name = arguments.pop("name", None)
  with in_section("task"):
    check_choice("name", name, TASKS)
    factory = pkgutil.resolve_name(TASKS[name])
    _check_arguments(name, factory, arguments)
  try:
    task = factory(batch_size, **arguments)
  except FieldError as error:
    # The one argument of a factory that comes from another section.
    with in_section("train" if error.field == "batch_size" else "task"):
      raise
  check_form(task)
  return task


def without_data(
  section: Mapping[str, Any], batch_size: int, workdir: pathlib.Path
) -> Task:
  """Makes the task of a run of what the run saved, without reading its data.

  Args:
    section: `config.task` of the run, whose `name` is a key of WITHOUT_DATA.
    batch_size: of the run.
    workdir: the run directory.

  Returns:
    A task for the run's model, which reads new inputs and writes answers as
    the run's own does; its training data is a placeholder, and `eval_batches`
    raises FieldError.

  Raises:
    FieldError: `workdir`, if the files are missing or damaged.
  """
  make = pkgutil.resolve_name(WITHOUT_DATA[section["name"]])
  try:
    task = make(with_defaults(section), batch_size, workdir)
  except FieldError as error:
    raise FieldError("workdir", error.message) from error
  return dataclasses.replace(task, eval_batches=_no_batches)


def _no_batches(split: str) -> NoReturn:
  raise FieldError(
    "split",
    f"{{field}} {split!r} has no batches, as the run was opened without its "
    "data",
  )


def with_defaults(section: Mapping[str, Any]) -> dict[str, Any]:
  """Returns a checked section `task` with all arguments of its factory."""
  factory = pkgutil.resolve_name(TASKS[section["name"]])
  parameters = inspect.signature(factory).parameters.values()
  return {p.name: p.default for p in parameters} | dict(section)


def _check_arguments(
  name: str, factory: Callable[..., Task], arguments: Mapping[str, Any]
) -> None:
  """Raises FieldError unless the factory takes just these arguments."""
  parameters = dict(inspect.signature(factory).parameters)
  del parameters["batch_size"]
  for argument in arguments:
    if argument not in parameters:
      known = f"; its arguments are {', '.join(parameters)}"
      raise FieldError(
        argument,
        f"task {name!r} has no argument {argument!r}"
        + (suggestion(argument, parameters) or known),
      )
  for argument, parameter in parameters.items():
    if parameter.default is parameter.empty and argument not in arguments:
      raise FieldError(
        argument, f"task {name!r} requires the argument {argument!r}"
      )
