"""Compares rates by medians over rounds in which all functions take turns.

The speed of a machine drifts; functions that take turns are affected alike.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax


def timed(work: Callable[[], Any], amount: int) -> Callable[[], float]:
  """Returns a function that calls `work` and returns `amount` per second."""

  def one_round() -> float:
    start = time.perf_counter()
    jax.block_until_ready(work())
    return amount / (time.perf_counter() - start)

  return one_round


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
  result = {name: _statistics(values) for name, values in rates.items()}
  ratios = {
    name: _statistics([a / b for a, b in zip(rates[numerator], values)])
    for name, values in rates.items()
    if name != numerator
  }
  return {**result, "ratios": ratios}


def _statistics(values: list[float]) -> dict[str, Any]:
  return {
    "median": statistics.median(values),
    "least": min(values),
    "most": max(values),
    "rounds": len(values),
  }
