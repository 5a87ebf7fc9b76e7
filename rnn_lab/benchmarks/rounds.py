"""Comparing rates: in turns, in one run, by medians.

The speed of a machine drifts; two things that took turns drifted together.
"""

import statistics
from collections.abc import Callable, Mapping
from typing import Any


def in_turns(
  contestants: Mapping[str, Callable[[], float]], rounds: int
) -> dict[str, list[float]]:
  """Calls each contestant once a round, in turns; the first round is dropped.

  Args:
    contestants: each does some work and returns its rate.
    rounds: that count, from 1 up.

  Returns:
    The rates of each, one a round.
  """
  rates: dict[str, list[float]] = {name: [] for name in contestants}
  for _ in range(rounds + 1):
    for name, contestant in contestants.items():
      rates[name].append(contestant())
  return {name: values[1:] for name, values in rates.items()}


def summary(rates: Mapping[str, list[float]], ours: str) -> dict[str, Any]:
  """Medians with their spread, and how many times each rate ours is.

  Returns:
    `{name: {"median", "least", "most", "rounds"}}`, and under "ratios"
    `{name: {"median", "least", "most"}}` of ours to the others', each ratio
    of one round.
  """
  ratios = {
    name: [mine / other for mine, other in zip(rates[ours], values)]
    for name, values in rates.items()
    if name != ours
  }
  return {
    **{name: _spread(values) for name, values in rates.items()},
    "ratios": {name: _spread(values) for name, values in ratios.items()},
  }


def _spread(values: list[float]) -> dict[str, Any]:
  return {
    "median": statistics.median(values),
    "least": min(values),
    "most": max(values),
    "rounds": len(values),
  }
