"""What all mains share: flags, the config, exit codes and one-line errors.

Exit codes: 0 done, 1 something failed while running, 2 wrong input (nothing
was written or lost), 128 + the number of the signal that stopped it: 130 for
Ctrl-C, 143 for SIGTERM.

A main passes a table of its flags to `call`, whose values reach its command as
attributes: `{name: (absl's DEFINE function, default, help)}`. A default of None
makes a flag required. The flag `config` is the path of a config file, with an
argument or not: `--config=FILE.py[:argument] --config.section.field=value`.

Nothing here imports JAX before the flags have been parsed: a wrong flag is
answered at once, and `run` can say how many devices JAX is to have.
"""

import os
import re
import signal
import sys
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from absl import flags, logging

from configs import common
from experiments import config_file, field_help, streams

Flags = Mapping[str, tuple[Callable[..., Any], Any, str]]
Arguments = types.SimpleNamespace

WORKDIR: Flags = {
  "workdir": (flags.DEFINE_string, None, "the directory of the run or sweep")
}
CONFIG: Flags = {
  "config": (flags.DEFINE_string, None, "the file of the config, FILE.py")
}
# Of a sweep; see rnn_lab/sweeps/executors.py.
EXECUTION: Flags = {
  "executor": (
    flags.DEFINE_string,
    "auto",
    "how trials run: local (in this process; those that share a program as "
    "one population), processes (workers side by side), ray (tasks of a Ray "
    "cluster), or auto: local or processes",
  ),
  "num_workers": (
    flags.DEFINE_integer,
    0,
    "worker processes, or Ray tasks at a time; 0: one on each core",
  ),
  "halving": (
    flags.DEFINE_integer,
    0,
    "stop trials early: the best 1 / N of each rung go on; 0: none is stopped",
  ),
  "halving_steps": (
    flags.DEFINE_integer,
    0,
    "updates until the first rung of --halving, N times as many to the next",
  ),
  "ray_address": (
    flags.DEFINE_string,
    "",
    "of a Ray cluster, or auto; without it one is started on this machine",
  ),
}
# Of a run in several processes; see rnn_lab/processes.py.
PROCESSES: Flags = {
  "distributed": (
    flags.DEFINE_bool,
    False,
    "train one run in several processes, all of which have this command",
  ),
  "coordinator_address": (
    flags.DEFINE_string,
    "",
    "of --distributed: HOST:PORT of the first process; left out in a cluster",
  ),
  "num_processes": (
    flags.DEFINE_integer,
    0,
    "of --distributed: how many processes; left out in a cluster",
  ),
  "process_id": (
    flags.DEFINE_integer,
    -1,
    "of --distributed: which one this is, from 0 on; left out in a cluster",
  ),
}


def run(main: Callable[[Sequence[str]], int]) -> None:
  """Runs `main` on this process's arguments and exits with its code."""
  logging.set_verbosity(logging.ERROR)
  if sys.stdout is not None:  # as it is where the shell has closed it
    sys.stdout = streams.Lasting(sys.stdout)
  if sys.stderr is not None:
    sys.stderr = streams.Lasting(sys.stderr)
  warnings.formatwarning = _warning_line
  # Each core is a device of its own, for the axes of seeds and shards. It has
  # one thread, as in the workers of a sweep, so that both have the same bits.
  # (Some operations use all threads of XLA's pool nevertheless, one a core.)
  os.environ["JAX_NUM_CPU_DEVICES"] = str(_cores())
  xla_flags = os.environ.get("XLA_FLAGS", "")
  if "xla_cpu_multi_thread_eigen" not in xla_flags:
    xla_flags = f"{xla_flags} --xla_cpu_multi_thread_eigen=false".strip()
    os.environ["XLA_FLAGS"] = xla_flags
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
      `config_file.Config`, where the table has it; and the others of the table.
    argv: the arguments, without the name of the program.
    doc: the text for `--help`.
    table: the flags of the main beside `--workdir`.

  Returns:
    The exit code. A wrong input, or a failure of the file system, has printed
    one line to stderr.
  """
  table = WORKDIR | dict(table or {})
  try:
    if {"--help", "-h", "-help", "--helpfull"} & {*argv}:
      print("\n".join([doc, *_help(argv, table)]))
      return 0
    args = _parse(argv, table)
  except flags.Error as error:
    return _fail(error)
  from rnn_lab.errors import FieldError  # imports JAX
  from rnn_lab.paths import local_path
  from rnn_lab.precision import in_float32
  from rnn_lab.program_cache import kept_programs

  try:
    if isinstance(args.workdir, list):
      args.workdir = [local_path("workdir", path) for path in args.workdir]
    else:
      args.workdir = local_path("workdir", args.workdir)
    with kept_programs(_keeps_programs(args)):
      return in_float32(command)(args)
  except (FieldError, flags.Error) as error:
    return _fail(error)
  except PermissionError as error:
    return _fail(f"workdir is not writable: {error}")
  except OSError as error:  # a full disk, a directory that was removed
    where = f"{error.filename}: " if error.filename else ""
    return _fail(where + (error.strerror or str(error)), 1)
  except KeyboardInterrupt:
    print("stopped", file=sys.stderr)
    return exit_code(signal.SIGINT)


def _keeps_programs(args: Arguments) -> bool:
  """Returns what a config says, True without one; it is checked later."""
  config = getattr(args, "config", None)
  run = {} if config is None else config.fields.get("run", {})
  # What is no section is refused later.
  return hasattr(run, "get") and run.get("compilation_cache", True) is True


def _help(argv: Sequence[str], table: Flags) -> list[str]:
  """Returns the flags and the fields of the config, if one is given of that."""
  lines = field_help.flag_lines(table)
  if "config" not in table:
    return lines
  given = re.search(r"(?:^|\0)--?config[=\0]([^\0]+)", "\0".join(argv))
  if given is None:
    lines += ["fields that all configs share (--help --config=FILE.py: all):"]
    return lines + field_help.field_lines(common.default_config())
  config, _ = config_file.read(given[1], ["main"], _parse_known)
  lines += [f"fields of {given[1]}, with their defaults:"]
  return lines + field_help.field_lines(config.fields)


def _warning_line(message: Warning | str, *place: object) -> str:
  """Formats a warning without the place in the code that Python adds."""
  return " ".join(["warning:", *str(message).splitlines()]) + "\n"


def exit_code(number: int | None) -> int:
  """Returns the exit code of a command that a signal stopped, as shells do."""
  return 1 if number is None else 128 + number


def connect(args: Arguments) -> None:
  """Connects the processes of a run, which `args` say of; one without others.

  Raises:
    FieldError: they do not find each other.
  """
  from rnn_lab import processes

  address, number = args.coordinator_address, args.num_processes
  if args.distributed:
    processes.connect(address, number, args.process_id)
  elif address or number or args.process_id >= 0:
    raise flags.Error(
      "coordinator_address, num_processes and process_id need --distributed"
    )


def resources(args: Arguments) -> Any:
  """Returns what the executor of a sweep may use."""
  from rnn_lab.sweeps.jobs import Resources

  return Resources(_cores(), args.num_workers, args.ray_address)


def _cores() -> int:
  if hasattr(os, "sched_getaffinity"):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def _fail(error: Exception | str, code: int = 2) -> int:
  print("error:", *str(error).splitlines(), file=sys.stderr)
  return code


def _parse(argv: Sequence[str], table: Flags) -> Arguments:
  """Parses all arguments; raises flags.Error if one of them is wrong."""
  values = flags.FlagValues()
  argv = _read_flagfiles(values, argv)
  for name, (define, default, words) in table.items():
    define(name, default, words, flag_values=values)
  rest = _parse_known(values, ["main", *argv])
  args = Arguments(**values.flag_values_dict())
  if "config" in table and args.config is not None:
    args.config, rest = config_file.read(args.config, rest, _parse_known)
  for argument in rest[1:]:
    if not argument.strip("-") or not argument.startswith("-"):
      raise flags.Error(
        f"unexpected argument {argument!r}; flags are given as --name=value"
      )
    name = argument.lstrip("-").partition("=")[0]
    raise flags.Error(
      f"unknown flag --{name}" + config_file.suggestion(name, table, "--")
    )
  for name, (_, _, words) in table.items():
    if getattr(args, name) is None:
      raise flags.Error(f"--{name} is required: {words}")
  if not args.workdir or not all(args.workdir):
    raise flags.Error("workdir must be the path of a directory, got ''")
  return args


def _read_flagfiles(values: flags.FlagValues, argv: Sequence[str]) -> list[str]:
  """Puts the flags of each `--flagfile=FILE`, one a line, in its place."""
  try:
    return values.read_flags_from_files(argv)
  except (flags.Error, ValueError) as error:
    reason = str(error).removeprefix("ERROR:: Unable to open flagfile: ")
    raise flags.Error(
      f"flagfile must be a text file with a flag on each line: {reason}"
    ) from error


def _parse_known(values: flags.FlagValues, arguments: Sequence[str]) -> Any:
  """Parses the flags that are defined; returns the other arguments."""
  values.set_gnu_getopt()
  try:
    return values(arguments, known_only=True)
  except ValueError as error:
    raise flags.Error(str(error)) from error
