"""Compares rates by medians over rounds in which all functions take turns.

The speed of a machine drifts; functions that take turns are affected alike.
"""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
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


def means(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
  """Returns geometric means over rows of the times over rnn_lab's.

  Args:
    rows: each with the milliseconds of each library, as `summarize` has them,
      and a pass and a cell, by which they are put together.
  """
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


def _statistics(values: list[float]) -> dict[str, Any]:
  return {
    "median": statistics.median(values),
    "least": min(values),
    "most": max(values),
    "rounds": len(values),
  }
