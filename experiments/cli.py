"""What all mains share: flags, exit codes, and one line for a wrong input.

Exit codes: 0 done, 1 something failed while running, 2 wrong input (nothing
was written or lost).
"""

import importlib.util
import os
import pathlib
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

import jax
from absl import flags, logging
from ml_collections import config_flags

from rnn_lab.errors import FieldError

FLAGS = flags.FLAGS
flags.DEFINE_string("workdir", None, "The directory of the run or sweep.")


def define_config() -> None:
  """Adds `--config=FILE.py[:argument]` and `--config.section.field=value`."""
  config_flags.DEFINE_config_file("config", None, "The experiment's config.")


def run(main: Callable[[pathlib.Path], int]) -> None:
  """Parses the flags, calls `main(workdir)` and exits with its code."""
  logging.set_verbosity(logging.ERROR)
  if {"--help", "-h", "-help", "--helpfull"} & {*sys.argv[1:]}:
    print(sys.modules["__main__"].__doc__)
    sys.exit(0)
  try:
    if "config" in FLAGS:
      _check_config_flags(sys.argv[1:])
    rest = FLAGS(sys.argv)[1:]
    if rest:
      raise FieldError("argument", rest[0], "a flag, --name=value")
    if not FLAGS.workdir:
      raise FieldError("workdir", None, "given as --workdir=DIR", "missing")
    use_all_cores()
    code = main(pathlib.Path(FLAGS.workdir))
  except (FieldError, flags.Error) as error:
    # A config file's own traceback ends with the line that says what it is.
    _fail(str(error).strip().splitlines()[-1])
  except KeyboardInterrupt:
    print("stopped", file=sys.stderr)
    sys.exit(130)
  except PermissionError as error:
    _fail(f"workdir is not writable: {error}")
  sys.exit(code)


def use_all_cores() -> None:
  """Makes each core a device of its own, for the axis of seeds."""
  jax.config.update("jax_num_cpu_devices", _cores())


def worker_cores() -> int | None:
  """The cores to run a sweep's trials on; None where there is an accelerator.

  An accelerator is used by this process alone, one trial after the other.
  """
  return _cores() if jax.default_backend() == "cpu" else None


def _cores() -> int:
  if hasattr(os, "sched_getaffinity"):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def config_module() -> types.ModuleType:
  """The module of the file that `--config` names."""
  return _load(_split(FLAGS["config"].config_filename)[0])


def config_argument() -> str:
  """What stands after the colon in `--config`, or ""."""
  return _split(FLAGS["config"].config_filename)[1]


def config_file() -> str:
  """The path that `--config` names."""
  return _split(FLAGS["config"].config_filename)[0]


def overridden() -> dict[str, Any]:
  """The fields that the command line sets, by their dotted names."""
  return dict(config_flags.get_override_values(FLAGS["config"]))


def _fail(message: str) -> None:
  print(f"error: {message}", file=sys.stderr)
  sys.exit(2)


def _split(spec: str) -> tuple[str, str]:
  path, _, argument = spec.partition(":")
  return path, argument


def _load(path: str) -> types.ModuleType:
  """Imports a config file.

  Raises:
    FieldError: it is not there, or does not run.
  """
  if not os.path.isfile(path):
    raise FieldError("config", path, "the path of a config file, FILE.py")
  spec = importlib.util.spec_from_file_location("rnn_lab_config", path)
  if spec is None or spec.loader is None:
    raise FieldError("config", path, "the path of a config file, FILE.py")
  module = importlib.util.module_from_spec(spec)
  try:
    spec.loader.exec_module(module)
  except Exception as error:
    raise FieldError(
      "config", path, "a Python file", f"{path}, which fails: {error!r}"
    ) from error
  if not hasattr(module, "get_config"):
    raise FieldError("config", path, "a file that defines get_config")
  return module


def _check_config_flags(arguments: Sequence[str]) -> None:
  """Raises FieldError for a wrong --config or --config.field.

  Before absl parses them, whose errors for these are tracebacks.
  """
  named = {}
  for at, argument in enumerate(arguments):
    name, equals, value = argument.lstrip("-").partition("=")
    if argument.startswith("-") and name.split(".")[0] == "config":
      if not equals and name == "config":
        value = "".join(arguments[at + 1 : at + 2])
      named[name] = value
  if not named.get("config"):
    raise FieldError("config", None, "given as --config=FILE.py", "missing")
  path, argument = _split(named.pop("config"))
  module = _load(path)
  try:
    config = module.get_config(argument) if argument else module.get_config()
  except Exception as error:
    raise FieldError(
      f"config {path}",
      argument,
      "called with arguments that its get_config takes",
      f"not to be had: {error}",
    ) from error
  for name in named:
    section = config
    for part in name.split(".")[1:]:
      if not hasattr(section, "keys") or part not in section:
        known = sorted(section.keys()) if hasattr(section, "keys") else []
        raise FieldError(
          name.removeprefix("config."),
          named[name],
          f"one of {', '.join(known)}" if known else "a field",
          "not a field that exists",
        )
      section = section[part]
