"""The tasks, by name, and the one function that makes a task from a config."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from rnn_lab.errors import FieldError, check_choice, check_int, in_section
from rnn_lab.tasks.adding import adding
from rnn_lab.tasks.base import SEQUENCE, STREAM, VECTOR, Spec, Task
from rnn_lab.tasks.copy_memory import copy_memory
from rnn_lab.tasks.digits import digits
from rnn_lab.tasks.language import language
from rnn_lab.tasks.mnist import mnist
from rnn_lab.tasks.temporal_order import temporal_order

__all__ = ["SEQUENCE", "STREAM", "TASKS", "VECTOR", "Spec", "Task", "build"]

TASKS: dict[str, Callable[..., Task]] = {
  "digits": digits,
  "mnist": mnist,
  "adding": adding,
  "copy_memory": copy_memory,
  "temporal_order": temporal_order,
  "language": language,
}


def build(section: Mapping[str, Any], batch_size: int) -> Task:
  """The task that a config's section `task` describes.

  Args:
    section: `name`, a key of TASKS, and the arguments of that factory.
    batch_size: sequences of one training batch, from 1 up.

  Returns:
    The task; equal arguments give the same object, so that nothing compiles
    twice.

  Raises:
    FieldError: the name is unknown, an argument is unknown, missing or wrong
      (`task.<argument>`), or the batch size is (`train.batch_size`), also if
      it exceeds the training split.
  """
  check_int("train.batch_size", batch_size, 1)
  arguments = dict(section)
  name = arguments.pop("name", None)
  with in_section("task"):
    check_choice("name", name, TASKS)
    _check_arguments(name, arguments)
  try:
    return TASKS[name](batch_size, **arguments)
  except FieldError as error:
    # The one argument of a factory that comes from another section.
    with in_section("train" if error.field == "batch_size" else "task"):
      raise


def _check_arguments(name: str, arguments: Mapping[str, Any]) -> None:
  """Raises FieldError unless TASKS[name] takes just these arguments."""
  takes = dict(inspect.signature(TASKS[name]).parameters)
  del takes["batch_size"]
  words = f"{name} takes {', '.join(takes)}"
  for argument, value in arguments.items():
    if argument not in takes:
      raise FieldError(argument, value, f"left out: {words}")
  for argument, parameter in takes.items():
    if parameter.default is parameter.empty and argument not in arguments:
      raise FieldError(argument, None, f"set, having no default: {words}")
