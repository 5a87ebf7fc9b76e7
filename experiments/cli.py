"""What all mains share: flags, the config, exit codes and one-line errors.

Exit codes: 0 done, 1 something failed while running, 2 wrong input (nothing
was written or lost), 130 interrupted.

A main passes a table of its flags to `call`, whose values reach its command as
attributes: `{name: (absl's DEFINE function, default, help)}`. A default of None
makes a flag required. The flag `config` is the path of a config file, with an
argument or not: `--config=FILE.py[:argument] --config.section.field=value`.

Nothing here imports JAX before the flags have been parsed: a wrong flag is
answered at once, and `run` can say how many devices JAX is to have.
"""

import difflib
import importlib.util
import os
import pathlib
import re
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from absl import flags, logging
from ml_collections import config_dict, config_flags

Flags = Mapping[str, tuple[Callable[..., Any], Any, str]]
Arguments = types.SimpleNamespace

WORKDIR: Flags = {
  "workdir": (flags.DEFINE_string, None, "the directory of the run or sweep")
}
CONFIG: Flags = {
  "config": (flags.DEFINE_string, None, "the file of the config, FILE.py")
}


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


def run(main: Callable[[Sequence[str]], int]) -> None:
  """Runs `main` on this process's arguments and exits with its code."""
  logging.set_verbosity(logging.ERROR)
  # Each core is a device of its own, for the axis of seeds.
  os.environ["JAX_NUM_CPU_DEVICES"] = str(_cores())
  sys.exit(main(sys.argv[1:]))


def call(
  command: Callable[[Arguments], int],
  argv: Sequence[str],
  doc: str,
  table: Flags | None = None,
) -> int:
  """Parses the arguments and runs `command` on them.

  Args:
    command: takes the values of the flags: `workdir`, a path; `config`, a
      `Config`, where the table has it; and the others of the table.
    argv: the arguments, without the name of the program.
    doc: the text for `--help`.
    table: the flags of the main beside `--workdir`.

  Returns:
    The exit code. A wrong input has printed one line to stderr.
  """
  if {"--help", "-h", "-help", "--helpfull"} & {*argv}:
    print(doc)
    return 0
  try:
    args = _parse(argv, WORKDIR | dict(table or {}))
  except flags.Error as error:
    return _fail(error)
  from rnn_lab.errors import FieldError  # imports JAX

  try:
    return command(args)
  except FieldError as error:
    return _fail(error)
  except PermissionError as error:
    return _fail(f"workdir is not writable: {error}")
  except KeyboardInterrupt:
    print("stopped", file=sys.stderr)
    return 130


def executor() -> tuple[str, int]:
  """Returns the executor for a sweep's trials, and the cores that it may use.

  An accelerator is used by this process alone, one trial after the other.
  """
  import jax

  if jax.default_backend() == "cpu":
    return "processes", _cores()
  return "serial", 1


def _cores() -> int:
  if hasattr(os, "sched_getaffinity"):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def _fail(error: Exception | str) -> int:
  print("error:", *str(error).split("\n"), file=sys.stderr)
  return 2


def _parse(argv: Sequence[str], table: Flags) -> Arguments:
  """Parses all arguments; raises flags.Error if one of them is wrong."""
  values = flags.FlagValues()
  for name, (define, default, words) in table.items():
    define(name, default, words, flag_values=values)
  rest = _parse_known(values, ["main", *argv])
  args = Arguments(**values.flag_values_dict())
  if "config" in table and args.config is not None:
    args.config, rest = _read_config(args.config, rest)
  for argument in rest[1:]:
    if not argument.strip("-") or not argument.startswith("-"):
      raise flags.Error(
        f"unexpected argument {argument!r}; flags are given as --name=value"
      )
    name = argument.lstrip("-").partition("=")[0]
    raise flags.Error(f"unknown flag --{name}" + _suggestion(name, table, "--"))
  for name, (_, _, words) in table.items():
    if getattr(args, name) is None:
      raise flags.Error(f"--{name} is required: {words}")
  if not args.workdir:
    raise flags.Error("workdir must be the path of a directory, got ''")
  args.workdir = pathlib.Path(args.workdir)
  return args


def _parse_known(values: flags.FlagValues, arguments: Sequence[str]) -> Any:
  """Parses the flags that are defined; returns the other arguments."""
  values.set_gnu_getopt()
  try:
    return values(arguments, known_only=True)
  except ValueError as error:
    raise flags.Error(str(error)) from error


def _read_config(
  spec: str, arguments: Sequence[str]
) -> tuple[Config, list[str]]:
  """Loads a config, overrides its fields, and returns the other arguments."""
  path, _, argument = spec.partition(":")
  module = _load(path)
  what = f"get_config({argument!r})" if argument else "get_config()"
  try:
    fields = module.get_config(*([argument] if argument else []))
  except Exception as error:
    raise flags.Error(
      f"config {path}: {what} raised {type(error).__name__}: {error}"
    ) from error
  if not isinstance(fields, config_dict.ConfigDict):
    raise flags.Error(
      f"config {path}: {what} must return a ConfigDict, got {fields!r}"
    )
  for flag in arguments:
    if match := re.match(r"--?(?:no)?config\.([^=]*)", flag):
      _check_exists(fields, match[1])
  values = flags.FlagValues()
  config_flags.DEFINE_config_dict(
    "config", fields, flag_values=values, sys_argv=[*arguments]
  )
  rest = _parse_known(values, arguments)
  overrides = dict(config_flags.get_override_values(values["config"]))
  return Config(path, argument, module, values.config, overrides), rest


def _load(path: str) -> types.ModuleType:
  """Imports a config file."""
  if not os.path.isfile(path):
    raise flags.Error(
      "config must be the path of a config file, FILE.py or FILE.py:argument; "
      f"there is no file {path!r}"
    )
  spec = importlib.util.spec_from_file_location("rnn_lab_config", path)
  if spec is None or spec.loader is None:
    raise flags.Error(f"config must be a Python file, got {path!r}")
  module = importlib.util.module_from_spec(spec)
  try:
    spec.loader.exec_module(module)
  except Exception as error:
    raise flags.Error(
      f"config {path}: importing it raised {type(error).__name__}: {error}"
    ) from error
  if not hasattr(module, "get_config"):
    raise flags.Error(f"config {path} must define get_config")
  return module


def _check_exists(config: config_dict.ConfigDict, field: str) -> None:
  """Raises flags.Error unless the config has the field of a dotted name."""
  section, parent = config, ""
  for part in field.split("."):
    known = section.keys() if hasattr(section, "keys") else ()
    if part not in known:
      raise flags.Error(
        f"unknown field {field}" + _suggestion(part, known, parent)
      )
    section, parent = section[part], f"{parent}{part}."


def _suggestion(name: str, known: Any, prefix: str) -> str:
  """Returns "; did you mean ...?" for the closest of the known names, or ""."""
  # Not that of rnn_lab.errors, which imports JAX.
  close = difflib.get_close_matches(name, [*known], n=1)
  return f"; did you mean {prefix}{close[0]}?" if close else ""
