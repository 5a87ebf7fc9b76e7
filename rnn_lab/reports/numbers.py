"""Finite numbers, their means, and numbers as words."""

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any


def finite(values: Any) -> list[float]:
  """Returns the finite numbers among a seed's or several seeds' values."""
  several = values if isinstance(values, list) else [values]
  return [v for v in several if v is not None and math.isfinite(v)]


def mean(values: Iterable[float | None]) -> float | None:
  """Averages the finite values; None if there are none."""
  known = finite([*values])
  return statistics.fmean(known) if known else None


def levels(values: Iterable[float | None]) -> list[float]:
  """Sorts numbers, each once but for rounding."""
  distinct: list[float] = []
  for value in sorted(v for v in values if v is not None):
    if not distinct or not math.isclose(value, distinct[-1], rel_tol=1e-6):
      distinct.append(value)
  return distinct


def share(value: float) -> str:
  """Formats a share as percents: 0.4%, 12%."""
  percent = 100 * value
  if 0 < percent < 0.1:
    return "under 0.1%"
  return f"{percent:.1f}%" if percent < 9.95 else f"{percent:.0f}%"


def significant(value: float, digits: int) -> str:
  """Formats with so many significant digits; 12345 rather than 1.23e+04."""
  if abs(value) >= 10**digits:
    return f"{value:.0f}"
  return f"{value:#.{digits}g}".rstrip(".")


def either(counts: Iterable[int]) -> str:
  """Says whole numbers, each once: "24 or 1,000"."""
  return " or ".join(f"{count:,}" for count in sorted({*counts}))


def span(words: Sequence[Any]) -> str:
  """Says the first and the last of words, "1 to 12", or both as one."""
  return " to ".join(dict.fromkeys([str(words[0]), str(words[-1])]))
