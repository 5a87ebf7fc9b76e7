"""One recurrent layer in every library, forwards and for training.

Each library has a process of its own, since thread pools interfere, and all
take turns. Before anything is timed, outputs and gradients are compared. A
library that lacks a cell, or defines it by other equations, is left out for
that cell; one that is not installed is left out altogether.
"""

import contextlib
import functools
import math
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import jax
import numpy as np

from rnn_lab.benchmarks import peers
from rnn_lab.benchmarks.peers.base import Missing, Weights
from rnn_lab.benchmarks.processes import answering
from rnn_lab.benchmarks.rounds import run_in_turns, summarize
from rnn_lab.errors import (
  INT32_MAX,
  FieldError,
  check_choice,
  check_fields,
  check_float,
  check_int,
  in_section,
)
from rnn_lab.training import environment

GATES = {"elman": 1, "gru": 3, "lstm": 4}
PASSES = ("forward", "training")
FIELDS = ("cells", "sizes", "passes", "cores", "rounds", "seconds")
LARGEST_SIZE = 2**20
# What experiments/cli.py sets for this process.
ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"
# More than rounding, on accelerators that of TF32, is another function.
LARGEST_DIFFERENCE = {"cpu": 1e-5}
LARGEST_DIFFERENCE_TF32 = 1e-2


class Shape(NamedTuple):
  """The cell, and the sizes of its layer."""

  cell: str
  batch: int
  steps: int
  inputs: int
  hidden: int


def measure(section: Mapping[str, Any]) -> dict[str, Any]:
  """Measures milliseconds of a pass in each library, for every cell.

  Args:
    section: `layers` of configs/benchmark.py.

  Returns:
    "rows": for each shape and pass the milliseconds of each library, see
    `rounds.summarize`, and the largest difference from rnn_lab's scan,
    max |a - b| / max |b| over outputs and gradients. "means": for each cell,
    pass and library the geometric mean over shapes of its time over rnn_lab's.

  Raises:
    FieldError: a field is out of its range.
    RuntimeError: a library's process has ended, or its results differ.
  """
  _check(section)
  # Several processes share a GPU: none may take all of its memory at once.
  os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
  names = peers.installed()
  shapes = [
    Shape(cell, *size) for cell in section["cells"] for size in section["sizes"]
  ]
  rows = []
  with contextlib.ExitStack() as stack:
    ask = {
      name: stack.enter_context(
        answering(name, _serve, name, section["cores"], section["seconds"])
      )
      for name in names
    }
    for shape in shapes:
      rows += measure_shape(shape, ask, section["rounds"], section["passes"])
  return {"cores": section["cores"], "rows": rows, "means": means(rows)}


def _check(section: Mapping[str, Any]) -> None:
  with in_section("layers"):
    check_fields(section, FIELDS, required=FIELDS)
    for name in ("cells", "sizes", "passes"):
      if not isinstance(section[name], tuple | list) or not section[name]:
        raise FieldError(
          name,
          f"{{field}} must be a tuple of one or more, got {section[name]!r}",
        )
    for cell in section["cells"]:
      check_choice("cells", cell, GATES)
    for pass_ in section["passes"]:
      check_choice("passes", pass_, PASSES)
    for size in section["sizes"]:
      if not isinstance(size, tuple | list) or len(size) != 4:
        raise FieldError(
          "sizes", f"{{field}} must each be (B, T, D, H), got {size!r}"
        )
      for number in size:
        check_int("sizes", number, 1, LARGEST_SIZE)
    check_int("rounds", section["rounds"], 1, INT32_MAX)
    check_int("cores", section["cores"], 0, environment.cores())
    check_float("seconds", section["seconds"], 0.0)


def means(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
  """Returns the geometric means of `measure`."""
  groups: dict[tuple[str, str], dict[str, list[float]]] = {}
  for row in rows:
    group = groups.setdefault((row["shape"]["cell"], row["pass"]), {})
    own = row["ms"]["rnn_lab"]["median"]
    for name, ms in row["ms"].items():
      group.setdefault(name, []).append(ms["median"] / own)
  return [
    {
      "cell": cell,
      "pass": pass_,
      "times": {
        name: math.exp(statistics.fmean(map(math.log, values)))
        for name, values in group.items()
        if name != "rnn_lab"
      },
    }
    for (cell, pass_), group in groups.items()
  ]


def measure_shape(
  shape: Shape,
  ask: Mapping[str, Callable[[Any], Any]],
  rounds: int,
  passes: Sequence[str] = PASSES,
) -> list[dict[str, Any]]:
  """Returns the rows of one shape.

  Args:
    shape: of the layer.
    ask: for each library a function that answers ("build", shape) with the
      results of its layer, None if it has none, and ("time", pass) with
      milliseconds.
    rounds: the number of rounds of timing that count.
    passes: of PASSES.
  """
  built = {name: answer(("build", shape)) for name, answer in ask.items()}
  results = {name: a for name, a in built.items() if a is not None}
  reference = results["rnn_lab, scan"]
  difference = {
    name: max(
      float(np.max(np.abs(a - reference[key])) / np.max(np.abs(reference[key])))
      for key, a in found.items()
    )
    for name, found in results.items()
    if found
  }
  largest = LARGEST_DIFFERENCE.get(
    jax.default_backend(), LARGEST_DIFFERENCE_TF32
  )
  for name, size in difference.items():
    if not size < largest:  # nan, too
      raise RuntimeError(
        f"{name} computes other numbers for {shape}: {size:.1e}"
      )
  rows = []
  for pass_ in passes:
    turns = {
      name: functools.partial(ask[name], ("time", pass_)) for name in results
    }
    ms = summarize(run_in_turns(turns, rounds), "rnn_lab")
    ms.pop("ratios")
    rows.append(
      {
        "shape": shape._asdict(),
        "pass": pass_,
        "ms": ms,
        "difference": difference,
      }
    )
    print(line(rows[-1]), flush=True)
  return rows


def line(row: Mapping[str, Any]) -> str:
  """Returns a row as one line of text."""
  times = ", ".join(
    f"{name} {ms['median']:.2f}" for name, ms in row["ms"].items()
  )
  shape = " ".join(map(str, row["shape"].values()))
  worst = max(row["difference"].values())
  return f"{shape} {row['pass']}, ms: {times}; difference {worst:.0e}"


def arrays(shape: Shape) -> tuple[Weights, np.ndarray]:
  """Returns random weights and inputs `[T, B, D]`."""
  random = np.random.default_rng(0)
  width = GATES[shape.cell] * shape.hidden

  def normal(*size: int, scale: float) -> np.ndarray:
    return (random.normal(size=size) * scale).astype(np.float32)

  weights = Weights(
    normal(shape.inputs, width, scale=shape.inputs**-0.5),
    normal(shape.hidden, width, scale=0.5 * shape.hidden**-0.5),
    normal(width, scale=0.1),
  )
  size = (shape.steps, shape.batch, shape.inputs)
  return weights, normal(*size, scale=1.0)


def _serve(pipe: Connection, name: str, cores: int, seconds: float) -> None:
  """Answers ("build", shape) and ("time", pass), until the pipe is closed."""
  if cores:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
  jax.config.update("jax_num_cpu_devices", environment.cores())
  if not name.startswith("rnn_lab"):
    # One thread a device is the choice of our mains, not of other libraries.
    flags = os.environ.get("XLA_FLAGS", "")
    os.environ["XLA_FLAGS"] = flags.replace(ONE_THREAD, "").strip()
  module, layer = peers.module(name), None
  while True:
    try:
      order, argument = pipe.recv()
    except EOFError:
      return
    if order == "build":
      try:
        layer = module.layer(argument.cell, *arrays(argument))
        pipe.send(layer.results())
      except Missing:
        pipe.send(None)
      continue
    assert layer is not None  # it has been built
    work, calls = layer.passes[argument], 0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds or calls < 2:
      work()
      calls += 1
    pipe.send((time.perf_counter() - start) / calls * 1e3)
