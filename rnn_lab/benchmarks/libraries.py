"""A process for each library, in which it builds and times what it is asked."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

import jax
import numpy as np

from rnn_lab import machine
from rnn_lab.benchmarks.peers.base import Missing
from rnn_lab.benchmarks.processes import answering
from rnn_lab.errors import INT32_MAX, FieldError, check_float, check_int

# What experiments/cli.py sets for this process.
ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"

# (library, what is to be built) -> (its results, what can be timed by name).
# Raises Missing where a library does not have it.
Build = Callable[
  [str, Any], tuple[Mapping[str, np.ndarray], Mapping[str, Callable[[], Any]]]
]
Ask = Mapping[str, Callable[[Any], Any]]


@contextlib.contextmanager
def asked(
  names: Sequence[str], build: Build, cores: int, seconds: float
) -> Iterator[Ask]:
  """Starts the processes.

  Args:
    names: of libraries.
    build: a function of a module.
    cores: that each uses, or 0 for all.
    seconds: a round of timing lasts at least so long.

  Yields:
    For each library a function that answers ("build", argument) with the
    results, or None if the library is without it, and ("time", name) with
    milliseconds of a call.
  """
  # Several processes share a GPU: none may take all of its memory at once.
  os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
  with contextlib.ExitStack() as stack:
    yield {
      name: stack.enter_context(
        answering(name, serve, build, name, cores, seconds)
      )
      for name in names
    }


def check_timing(section: Mapping[str, Any]) -> None:
  """Raises FieldError unless cores, rounds and seconds can be used."""
  check_int("rounds", section["rounds"], 1, INT32_MAX)
  check_int("cores", section["cores"], 0, machine.cores())
  check_float("seconds", section["seconds"], 0.0)


def check_tuples(section: Mapping[str, Any], names: Sequence[str]) -> None:
  """Raises FieldError unless these fields are tuples that are not empty."""
  for name in names:
    if not isinstance(section[name], tuple | list) or not section[name]:
      raise FieldError(
        name, f"{{field}} must be a tuple of one or more, got {section[name]!r}"
      )


def serve(
  pipe: Connection, build: Build, name: str, cores: int, seconds: float
) -> None:
  """Answers as `asked` says, until the pipe is closed."""
  if cores:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
  jax.config.update("jax_num_cpu_devices", machine.cores())
  if not name.startswith("rnn_lab"):
    # One thread a device is the choice of our mains, not of other libraries.
    flags = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = flags.replace(ONE_THREAD, "").strip()
  built = {}
  while True:
    try:
      order, argument = pipe.recv()
    except EOFError:
      return
    if order == "build":
      try:
        results, built = build(name, argument)
        pipe.send(results)
      except Missing:
        pipe.send(None)
      continue
    work, calls = built[argument], 0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds or calls < 2:
      work()
      calls += 1
    pipe.send((time.perf_counter() - start) / calls * 1e3)


def differences(
  found: Mapping[str, Mapping[str, np.ndarray]], reference: str
) -> dict[str, float]:
  """Returns max |a - b| / max |b| over the results of each library.

  Args:
    found: the results of each library; one without any is left out.
    reference: the library that the others are compared with.
  """
  expected = found[reference]
  return {
    name: max(
      float(np.max(np.abs(a - expected[key])) / np.max(np.abs(expected[key])))
      for key, a in results.items()
    )
    for name, results in found.items()
    if results
  }
