"""What the titles of a gradient study's figures say of each moment."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rnn_lab.reports.gradients.numbers import log10_a_step
from rnn_lab.reports.gradients.study import KERNELS, Moment
from rnn_lab.reports.gradients.words import (
  counted,
  factor,
  from_best_to_worst,
  number,
  signed,
)

# log10 of the share of its length that a direction counts as kept with.
KEPT = -2.0
# The relative error that counts as small.
CLOSE = 0.1
# An exponent over some fifty steps is known no better than this, in nats.
STILL = 0.05
# log10 of a gradient that vanished or exploded.
_GONE = -1.0
_GROWN = 1.0
# log10 of the factor by which rounding may lift a measured norm over a bound.
_ROUNDING = 1e-3
# The share of the terms that counts as most of them.
_MOST = 0.9


def ranked(
  value: Callable[[Any], float | None],
  say: Callable[[float], str],
  least_first: bool = False,
  nothing: str = "nothing",
) -> Callable[[Moment], str]:
  """Makes a conclusion that names the lines with the best and worst value.

  A line whose value is None is left out; the best is the largest value unless
  `least_first`.
  """

  def conclude(moment: Moment) -> str:
    known = {name: value(read) for name, read in moment.values.items()}
    values = {name: v for name, v in known.items() if v is not None}
    between = "to" if least_first else "down to"
    words = from_best_to_worst(values, say, between, least_first)
    return f"{moment.words}: {words if values else nothing}"

  return conclude


def left(log10_by_lag: np.ndarray) -> float:
  """Returns log10 of the gradient at the longest lag, relative to its start."""
  known = log10_by_lag[np.isfinite(log10_by_lag)]
  return float(log10_by_lag[-1] - known[0]) if known.size else -np.inf


def left_words(log10: float) -> str:
  """Formats what is left of a gradient, or how far it has grown."""
  grown = log10 > math.log10(1.05)
  return f"grown {number(log10)}-fold" if grown else number(log10)


def direct_share(top: Mapping[str, Any]) -> float | None:
  """Returns log10 of the direct path's share of the total derivative."""
  total = top["total"][-1]
  return float(top["direct"][-1] - total) if np.isfinite(total) else None


def reach_of_small_errors(cut: tuple[np.ndarray, np.ndarray]) -> float | None:
  """Returns the reach from which on the error is small; None without one."""
  reaches, errors = cut
  # A comparison with NaN is false, so that such an error is not small.
  far = np.flatnonzero(~(errors < CLOSE))
  small = reaches[far[-1] + 1 :] if far.size else reaches
  return int(small[0]) if small.size else None


def most_terms(moment: Moment) -> str:
  """Says within which lag most terms lie, of the first kernel that has any."""
  every = moment.values.values()
  words = next(w for w in KERNELS.values() if any(w in v for v in every))
  norms = {n: v[words] for n, v in moment.values.items() if words in v}
  of_kernel = moment._replace(words=f"{words} {moment.words}", values=norms)
  return ranked(_reach_of_most, str, least_first=True)(of_kernel)


def fates(moment: Moment) -> str:
  """Says which Jacobians vanish and which explode, and the fastest of each."""
  whole = {name: logs["mean"][-1] for name, logs in moment.values.items()}
  steps = {name: log10_a_step(logs) for name, logs in moment.values.items()}

  def words(log10: float) -> str:
    return f"× {factor(log10)} a step"

  gone = {n: steps[n] for n, v in whole.items() if v <= _GONE}
  grown = {n: steps[n] for n, v in whole.items() if v >= _GROWN}
  vanishing = counted(gone, len(whole), words, "fastest", least=True)
  exploding = counted(grown, len(whole), words, "fastest")
  return f"{moment.words}: vanishes in {vanishing}, explodes in {exploding}"


def bound_words(moments: Sequence[Moment]) -> str:
  """Says whether a measured norm lies over its bound; "" without bounds."""
  over: dict[str, float] = {}
  for moment in moments:
    for name, logs in moment.values.items():
      if "bound" in logs:
        # A norm of zero is under any bound.
        known = np.isfinite(logs["high"])
        excess = (logs["high"] - logs["bound"])[known]
        over[name] = np.max(excess, initial=over.get(name, -np.inf))
  broken = {name: v for name, v in over.items() if v > _ROUNDING}
  if not broken:
    return "the bound of Pascanu et al. holds at every lag" if over else ""
  which = counted(
    broken, len(over), lambda log10: f"by a factor of {factor(log10)}", "most"
  )
  return f"the bound of Pascanu et al. is broken in {which}"


def regimes(moment: Moment) -> str:
  """Says how many grow, keep their size and shrink, and each extreme."""
  largest = {name: float(v[0]) for name, v in moment.values.items()}
  grow = {n: v for n, v in largest.items() if v > STILL}
  still = {n: v for n, v in largest.items() if abs(v) <= STILL}
  shrink = {n: v for n, v in largest.items() if v < -STILL}
  parts = [
    f"{verb} in {counted(some, len(largest), signed, extreme, some is shrink)}"
    for verb, some, extreme in (
      ("grow", grow, "fastest"),
      ("keep their size", still, "top"),
      ("shrink", shrink, "fastest"),
    )
    if some or some is grow
  ]
  return f"{moment.words} they {', '.join(parts)}"


def _reach_of_most(log10_by_lag: np.ndarray) -> float | None:
  """The smallest lag up to which nine tenths of the terms' norms lie."""
  if not np.isfinite(log10_by_lag).any():
    return None
  scaled = 10.0 ** (log10_by_lag - log10_by_lag.max())
  shares = np.cumsum(scaled)
  return int(np.searchsorted(shares, _MOST * shares[-1]))
