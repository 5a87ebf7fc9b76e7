"""Whether a layer has become slower since an earlier benchmark."""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from rnn_lab.benchmarks.layers import Shape
from rnn_lab.errors import FieldError

# By shape, pass and program of the lab: the least and the most milliseconds.
Spread = dict[tuple[str, ...], tuple[float, float]]


def read(path: pathlib.Path, cores: int) -> Spread:
  """Reads what `experiments.benchmark` has written of `layers`.

  Args:
    path: of the JSON file.
    cores: how many are used now.

  Raises:
    FieldError: the file cannot be read, or is of something else or of another
      number of cores.
  """
  try:
    found = json.loads(path.read_text(encoding="utf-8"))
    before, then = spread(found["result"]["rows"]), found["result"]["cores"]
  except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
    raise FieldError(
      "compare",
      "{field} must be the JSON file of a benchmark of layers, got "
      f"{str(path)!r} ({type(error).__name__}: {error})",
    ) from None
  if then != cores:
    raise FieldError(
      "compare",
      f"{{field}} is of layers.cores={then}, and layers.cores is {cores} now",
    )
  return before


def spread(rows: Sequence[Mapping[str, Any]]) -> Spread:
  """Returns the spread of the lab's programs in rows of `layers.measure`."""
  return {
    (*map(str, Shape(**row["shape"])), row["pass"], name): (
      float(ms["least"]),
      float(ms["most"]),
    )
    for row in rows
    for name, ms in row["ms"].items()
    if name.startswith("rnn_lab")
  }


def slower(before: Spread, now: Spread) -> list[str]:
  """Returns a line for each program whose every round is slower than before.

  What only one of the two has is passed over.

  Raises:
    FieldError: they have nothing in common.
  """
  if not {*before} & {*now}:
    raise FieldError("compare", "{field} has no row of those measured now")
  return [
    f"slower: {' '.join(key[:-2])} {key[-2]}, {key[-1]}: {now[key][0]:.2f} to "
    f"{now[key][1]:.2f} ms, {most:.2f} ms at most before"
    for key, (_, most) in before.items()
    if key in now and now[key][0] > most
  ]
