"""Config files: Python of the user, whose errors are answered by one line."""

import difflib
import importlib.util
import inspect
import json
import os
import re
import sys
import traceback
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from absl import flags
from ml_collections import config_dict, config_flags

MODULE = "rnn_lab_config"


class Config(NamedTuple):
  """A config file and the fields that it and the command line give.

  Attributes:
    path: the path of the file.
    argument: what follows the colon in `--config`, or "".
    module: the file as a module.
    fields: the config, with the overrides of the command line.
    overrides: `{dotted field: value}`, what the command line sets.
  """

  path: str
  argument: str
  module: types.ModuleType
  fields: config_dict.ConfigDict
  overrides: dict[str, Any]

  def trials(self, name: str = "") -> Callable[..., None] | None:
    """Returns a function that calls the file's `sweep(add, argument)`.

    Or its `sweep(add)`; None if it has no sweep.

    Args:
      name: of one of several sweeps, whose function is `sweep_NAME`; "" for
        that without a name.

    Raises:
      flags.Error: the file has no sweep of this name.
    """
    function = f"sweep_{name}" if name else "sweep"
    if not hasattr(self.module, function):
      if not name:
        return None
      known = [n.removeprefix("sweep_") for n in vars(self.module)]
      known = [n for n in known if hasattr(self.module, f"sweep_{n}")]
      raise flags.Error(
        f"sweep must be one of {', '.join(sorted(known)) or 'none'}, the "
        f"functions sweep_NAME of config {self.path}, got {name!r}"
        + suggestion(name, known)
      )

    def add_trials(add: Callable[..., None], argument: str) -> None:
      call(self.path, self.module, function, [(add, argument), (add,)])

    return add_trials

  def report(self, name: str = "") -> dict[str, Any]:
    """Returns what the file's `report()` says, {} if it has none.

    Args:
      name: of the sweep that it is about: the function is `report_NAME` then.
    """
    function = f"report_{name}" if name else "report"
    if not hasattr(self.module, function):
      return {}
    report = call(self.path, self.module, function, [()])
    if not isinstance(report, Mapping):
      raise flags.Error(
        f"config {self.path}: {function}() must return a dict, got {report!r}"
      )
    try:
      json.dumps(report, allow_nan=False)
    except (TypeError, ValueError) as error:
      raise flags.Error(
        f"config {self.path}: {function}() must return what JSON can hold: "
        f"{error}"
      ) from error
    return dict(report)


def read(
  spec: str,
  arguments: Sequence[str],
  parse: Callable[[flags.FlagValues, Sequence[str]], list[str]],
) -> tuple[Config, list[str]]:
  """Loads a config and overrides its fields.

  Args:
    spec: the value of `--config`: a path, or a path and an argument.
    arguments: those of the command that no other flag has taken.
    parse: parses the flags that are defined and returns the other arguments.

  Returns:
    The config, and the arguments that are none of its fields.

  Raises:
    flags.Error: the file cannot be used, or a field is unknown or wrong.
  """
  if re.match(r"[A-Za-z][\w+.-]+://", spec):
    raise flags.Error(f"config must be a path on this machine, got {spec!r}")
  path, _, argument = spec.partition(":")
  path = os.path.expanduser(path)
  module = load(path)
  given = [(argument,)] if argument else [(), ("",)]
  fields = call(path, module, "get_config", given)
  if not isinstance(fields, config_dict.ConfigDict):
    raise flags.Error(
      f"config {path}: get_config must return a ConfigDict, got {fields!r}"
    )
  if isinstance(fields, config_dict.FrozenConfigDict):
    fields = config_dict.ConfigDict(fields)  # whose fields flags can set
  for flag in arguments:
    if match := re.match(r"--?(?:no)?config\.([^=]*)", flag):
      _check_exists(fields, match[1])
  values = flags.FlagValues()
  config_flags.DEFINE_config_dict(
    "config", fields, flag_values=values, sys_argv=[*arguments]
  )
  rest = parse(values, arguments)
  overrides = dict(config_flags.get_override_values(values["config"]))
  return Config(path, argument, module, values.config, overrides), rest


def load(path: str) -> types.ModuleType:
  """Imports a config file."""
  if not os.path.isfile(path):
    raise flags.Error(
      "config must be the path of a config file, FILE.py or FILE.py:argument; "
      f"there is no file {path!r}"
    )
  spec = importlib.util.spec_from_file_location(MODULE, path)
  if spec is None or spec.loader is None:
    raise flags.Error(f"config must be a Python file, got {path!r}")
  module = importlib.util.module_from_spec(spec)
  # Dataclasses whose annotations are strings look for their module there.
  sys.modules[MODULE] = module
  try:
    spec.loader.exec_module(module)
  except (Exception, SystemExit) as error:
    raise _error_in(path, "importing it", error) from error
  if not hasattr(module, "get_config"):
    raise flags.Error(f"config {path} must define get_config")
  return module


def call(
  path: str, module: types.ModuleType, name: str, ways: Sequence[tuple]
) -> Any:
  """Calls a function of a config file.

  Args:
    path: the file.
    module: the file as a module.
    name: the function.
    ways: tuples of arguments; the first that the function takes is used.

  Raises:
    flags.Error: there is no such function, it takes none of the ways, or it
      raises; the line of the file at which it did is named.
  """
  function = getattr(module, name)
  if not callable(function):
    raise flags.Error(
      f"config {path}: {name} must be a function, got {function!r}"
    )
  arguments = next((way for way in ways if _takes(function, way)), None)
  if arguments is None:
    raise flags.Error(
      f"config {path}: {name}{inspect.signature(function)} must be a function "
      f"that can be called as {_form(name, ways[0])}"
    )
  try:
    return function(*arguments)
  except (Exception, SystemExit) as error:
    raise _error_in(path, _form(name, arguments), error) from error


def _form(name: str, arguments: tuple) -> str:
  """Formats a call, with the names of functions and without empty strings."""
  shown = [getattr(a, "__name__", repr(a)) for a in arguments if a != ""]
  return f"{name}({', '.join(shown)})"


def _takes(function: Callable[..., Any], arguments: tuple) -> bool:
  try:
    inspect.signature(function).bind(*arguments)
  except TypeError:
    return False
  except ValueError:  # written in C, without a signature
    return True
  return True


def _error_in(
  path: str, what: str, error: Exception | SystemExit
) -> flags.Error:
  """Returns an error that says at which line of the file `error` was raised."""
  line = None
  if isinstance(error, SyntaxError) and _is_file(error.filename, path):
    line = error.lineno
  for frame in traceback.extract_tb(error.__traceback__):
    if _is_file(frame.filename, path):
      line = frame.lineno
  place = path if line is None else f"{path}, line {line}"
  kind = type(error).__name__
  return flags.Error(f"config {place}: {what} raised {kind}: {error}")


def _is_file(name: str | None, path: str) -> bool:
  """Whether a name in a traceback, which is absolute, is that of a file."""
  return name is not None and os.path.abspath(name) == os.path.abspath(path)


def _check_exists(config: config_dict.ConfigDict, field: str) -> None:
  """Raises flags.Error unless the config has the field of a dotted name."""
  section, parent = config, ""
  for part in field.split("."):
    known = section.keys() if hasattr(section, "keys") else ()
    if part not in known:
      raise flags.Error(
        f"unknown field {field}" + suggestion(part, known, parent)
      )
    section, parent = section[part], f"{parent}{part}."


def suggestion(name: str, known: Iterable[str], prefix: str = "") -> str:
  """Returns "; did you mean ...?" for the closest of the known names, or ""."""
  # Not that of rnn_lab.errors, which imports JAX.
  close = difflib.get_close_matches(name, [*known], n=1)
  return f"; did you mean {prefix}{close[0]}?" if close else ""
