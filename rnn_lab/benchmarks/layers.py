"""One recurrent layer in every library, forwards and for training.

Each library has a process of its own, since thread pools interfere, and all
take turns. Before anything is timed, outputs and gradients are compared. A
library that lacks a cell, or defines it by other equations, is left out for
that cell; one that is not installed is left out altogether.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from rnn_lab.benchmarks import peers
from rnn_lab.benchmarks.libraries import (
  asked,
  check_timing,
  check_tuples,
  differences,
)
from rnn_lab.benchmarks.peers.base import Weights
from rnn_lab.benchmarks.rounds import means, run_in_turns, summarize
from rnn_lab.errors import (
  FieldError,
  check_choice,
  check_fields,
  check_int,
  in_section,
)

GATES = {"elman": 1, "gru": 3, "lstm": 4}
PASSES = ("forward", "training")
FIELDS = ("cells", "sizes", "passes", "cores", "rounds", "seconds")
LARGEST_SIZE = 2**20
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
  shapes = [
    Shape(cell, *size) for cell in section["cells"] for size in section["sizes"]
  ]
  rows, names = [], peers.installed()
  timing = (section["cores"], section["seconds"])
  with asked(names, build, *timing) as ask:
    for shape in shapes:
      rows += measure_shape(shape, ask, section["rounds"], section["passes"])
  return {
    "cores": section["cores"],
    "libraries": names,
    "rows": rows,
    "means": means(rows),
  }


def _check(section: Mapping[str, Any]) -> None:
  with in_section("layers"):
    check_fields(section, FIELDS, required=FIELDS)
    check_tuples(section, ("cells", "sizes", "passes"))
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
    check_timing(section)


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
  difference = differences(results, "rnn_lab, scan")
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
        "name": ", ".join(map(str, shape[1:])),
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


def build(name: str, shape: Shape) -> tuple[Any, Any]:
  """Builds a layer of a library; see `libraries.Build`."""
  layer = peers.layer(name, shape.cell, *arrays(shape))
  return layer.results(), layer.passes
