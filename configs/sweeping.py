"""Overrides for a config's `sweep(add)`: grids, pairs, and random draws.

  def sweep(add):
    for overrides in grid({"model.cell": ("gru", "lstm"), "task.gap": (0, 20)}):
      add(overrides)

Each function takes dotted fields and returns a list of overrides for `add`.
"""

import itertools
import math
import random as _random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Draw = Callable[[_random.Random], Any]
# Digits of a number that is drawn: its file and its name are short, and exact.
DIGITS = 3


def grid(fields: Mapping[str, Sequence]) -> list[dict[str, Any]]:
  """Returns every combination of the values; the last field varies fastest."""
  return [
    dict(zip(fields, values)) for values in itertools.product(*_listed(fields))
  ]


def paired(fields: Mapping[str, Sequence]) -> list[dict[str, Any]]:
  """Returns the first values of all fields, the second ones, and so on.

  Raises:
    ValueError: one field has more values than another.
  """
  listed = _listed(fields)
  counts = {field: len(values) for field, values in zip(fields, listed)}
  if len({*counts.values()}) > 1:
    raise ValueError(f"all fields must have as many values, got {counts}")
  return [dict(zip(fields, values)) for values in zip(*listed)]


def drawn(
  fields: Mapping[str, Draw], count: int, seed: int
) -> list[dict[str, Any]]:
  """Returns independent draws of all fields, no two of them equal.

  A larger `count` keeps those of a smaller one.

  Args:
    fields: a distribution for each field: `uniform`, `log_uniform`, `choice`.
    count: how many.
    seed: of the generator.

  Raises:
    ValueError: `count` is no positive integer, or there are fewer
      combinations than it asks.
  """
  if not isinstance(count, int) or isinstance(count, bool) or count < 1:
    raise ValueError(f"count must be a positive integer, got {count!r}")
  generator = _random.Random(seed)
  found: list[dict[str, Any]] = []
  for _ in range(100 * count):
    draw = {field: draw(generator) for field, draw in fields.items()}
    if draw not in found:
      found.append(draw)
    if len(found) == count:
      return found
  raise ValueError(
    f"count must be at most the {len(found)} combinations there are, got "
    f"{count}"
  )


def uniform(low: float, high: float) -> Draw:
  """Returns a uniform distribution on [low, high], of three digits.

  Of integers if both ends are integers.
  """
  _check(low, high)
  return lambda generator: _rounded(generator.uniform(low, high), low, high)


def log_uniform(low: float, high: float) -> Draw:
  """Returns a distribution whose logarithm is uniform, of three digits.

  Of integers if both ends are integers.
  """
  _check(low, high)
  if low <= 0.0:
    raise ValueError(f"low must be greater than 0, got {low!r}")

  def draw(generator: _random.Random) -> float:
    value = math.exp(generator.uniform(math.log(low), math.log(high)))
    return _rounded(value, low, high)

  return draw


def choice(*values: Any) -> Draw:
  """Returns a distribution that takes each of the values equally often."""
  if not values:
    raise ValueError("choice must be given at least one value")
  return lambda generator: generator.choice(values)


def _listed(fields: Mapping[str, Sequence]) -> list[Sequence]:
  for field, values in fields.items():
    if isinstance(values, str) or not isinstance(values, Sequence):
      raise ValueError(f"{field} must be a list of values, got {values!r}")
  return [*fields.values()]


def _check(low: float, high: float) -> None:
  if not low < high:
    raise ValueError(f"low must be smaller than high, got {low!r}, {high!r}")


def _rounded(value: float, low: float, high: float) -> float:
  """Rounds to three digits; the result is not outside of the range."""
  if isinstance(low, int) and isinstance(high, int):
    return round(value)
  return min(max(float(f"{value:.{DIGITS}g}"), low), high)
