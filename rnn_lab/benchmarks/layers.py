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

import numpy as np

from rnn_lab.benchmarks import peers
from rnn_lab.benchmarks.peers.base import Missing, Weights
from rnn_lab.benchmarks.processes import answering
from rnn_lab.benchmarks.rounds import run_in_turns, summarize

GATES = {"elman": 1, "gru": 3, "lstm": 4}
# B sequences of T steps, D inputs and H hidden units: speech-like, the adding
# task, the medium Penn Treebank network, a large layer, a small one, the small
# Penn Treebank network, and sizes between.
SIZES = (
  (32, 128, 128, 256),
  (128, 200, 2, 128),
  (20, 35, 650, 650),
  (64, 256, 256, 512),
  (48, 108, 8, 64),
  (20, 20, 200, 200),
  (48, 60, 300, 384),
  (7, 333, 11, 96),
)
ROUNDS = 7
# A round lasts at least so long.
SECONDS = 0.2
# More than the rounding of TF32 is another function.
LARGEST_DIFFERENCE = 1e-2


class Shape(NamedTuple):
  """The cell, and the sizes of its layer."""

  cell: str
  batch: int
  steps: int
  inputs: int
  hidden: int


def measure(
  sizes: Sequence[tuple[int, int, int, int]] = SIZES,
  rounds: int = ROUNDS,
  cores: int = 0,
) -> dict[str, Any]:
  """Measures milliseconds of a pass in each library, for every cell.

  Args:
    sizes: (B, T, D, H) of each layer.
    rounds: the number of rounds of timing that count.
    cores: how many each process may use; 0 for all.

  Returns:
    "rows": for each shape and pass the milliseconds of each library, see
    `rounds.summarize`, and the largest difference from rnn_lab's scan,
    max |a - b| / max |b| over outputs and gradients. "means": for each cell,
    pass and library the geometric mean over shapes of its time over rnn_lab's.

  Raises:
    RuntimeError: a library's process has ended, or its results differ.
  """
  names = peers.installed()
  shapes = [Shape(cell, *size) for cell in GATES for size in sizes]
  rows = []
  with contextlib.ExitStack() as stack:
    ask = {
      name: stack.enter_context(answering(name, _serve, name, cores))
      for name in names
    }
    for shape in shapes:
      rows += measure_shape(shape, ask, rounds)
  return {"cores": cores, "rows": rows, "means": means(rows)}


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
  shape: Shape, ask: Mapping[str, Callable[[Any], Any]], rounds: int
) -> list[dict[str, Any]]:
  """Returns the rows of one shape.

  Args:
    shape: of the layer.
    ask: for each library a function that answers ("build", shape) with the
      results of its layer, None if it has none, and ("time", pass) with
      milliseconds.
    rounds: the number of rounds of timing that count.
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
  }
  for name, size in difference.items():
    if not size < LARGEST_DIFFERENCE:  # nan, too
      raise RuntimeError(
        f"{name} computes other numbers for {shape}: {size:.1e}"
      )
  rows = []
  for pass_ in ("forward", "training"):
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


def _serve(pipe: Connection, name: str, cores: int) -> None:
  """Answers ("build", shape) and ("time", pass), until the pipe is closed."""
  # Several processes share a GPU: none may take all of its memory at once.
  os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
  if cores:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
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
    while time.perf_counter() - start < SECONDS or calls < 2:
      work()
      calls += 1
    pipe.send((time.perf_counter() - start) / calls * 1e3)
