"""Compares rates by medians over rounds in which all functions take turns.

The speed of a machine drifts; functions that take turns are affected alike.
"""

import statistics
from collections.abc import Callable, Mapping
from typing import Any


def run_in_turns(
  functions: Mapping[str, Callable[[], float]], rounds: int
) -> dict[str, list[float]]:
  """Calls each function once per round, in turns; drops the first round.

  Args:
    functions: each does some work and returns its rate.
    rounds: the number of rounds that count, at least 1.

  Returns:
    The rates of each function, one per round.
  """
  rates: dict[str, list[float]] = {name: [] for name in functions}
  for _ in range(rounds + 1):
    for name, function in functions.items():
      rates[name].append(function())
  return {name: values[1:] for name, values in rates.items()}


def summarize(
  rates: Mapping[str, list[float]], numerator: str
) -> dict[str, Any]:
  """Computes the median and range of each rate, and of ratios of rates.

  Returns:
    `{name: {"median", "least", "most", "rounds"}}`, and under "ratios" the same
    for the rates of `numerator` over those of each other name, round by round.
  """
  ratios = {
    name: [rate / other for rate, other in zip(rates[numerator], values)]
    for name, values in rates.items()
    if name != numerator
  }
  return {
    **{name: _statistics(values) for name, values in rates.items()},
    "ratios": {name: _statistics(values) for name, values in ratios.items()},
  }


def _statistics(values: list[float]) -> dict[str, Any]:
  return {
    "median": statistics.median(values),
    "least": min(values),
    "most": max(values),
    "rounds": len(values),
  }
