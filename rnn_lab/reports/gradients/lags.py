"""The norms of dE/dh_t and dh_t/dh_k by lag."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnn_lab.reports import style
from rnn_lab.reports.gradients import study
from rnn_lab.reports.gradients.axes import (
  draw,
  finish,
  limits,
  open_panels,
  set_log10,
  set_steps,
)
from rnn_lab.reports.gradients.study import Group, Moment, collect, longest_lag
from rnn_lab.reports.gradients.words import (
  counted,
  factor,
  from_best_to_worst,
  number,
)

# log10 of a gradient that vanished or exploded.
_GONE = -1.0
_GROWN = 1.0
# log10 of the factor by which rounding may lift a measured norm over a bound.
_ROUNDING = 1e-3
_LAG = "lag (steps before the last)"


def draw_lags(group: Group) -> Figure | None:
  """Draws the norm of dE/dh_t by lag; None where it was not measured."""
  moments = collect(group, study.flow)
  if not moments:
    return None
  figure, row = open_panels(
    group, moments, "norm of dE/dh_t  (loss per unit of h)"
  )
  for ax, moment in zip(row, moments):
    for place, name in enumerate(group.lines):
      if name in moment.values:
        norms = moment.values[name]
        draw(ax, range(len(norms)), norms, place)
    set_steps(ax, _LAG)
  every = [norms for moment in moments for norms in moment.values.values()]
  set_log10(row[0], *limits(every))
  title = [f"what is left of the gradient {longest_lag(group)} back"]
  for moment in moments:
    kept = {name: _kept(norms) for name, norms in moment.values.items()}
    words = from_best_to_worst(kept, _kept_words)
    title.append(f"{moment.words}: {words}")
  notes = []
  if any(np.isneginf(norms).any() for norms in every):
    notes.append("a line ends where the gradient is exactly zero")
  return finish(figure, group, title, moments, notes)


def draw_jacobians(group: Group) -> Figure | None:
  """Draws the largest singular value of dh_t/dh_k by lag, with its bound."""
  moments = collect(group, study.largest)
  if not moments:
    return None
  figure, row = open_panels(
    group, moments, "largest singular value of dh_t/dh_k"
  )
  for ax, moment in zip(row, moments):
    bounded = _tightest(moment.values)
    for place, name in enumerate(group.lines):
      if name in moment.values:
        _draw_jacobian(ax, moment.values[name], place, name in bounded)
    set_steps(ax, "lag t − k (steps; t is the last)")
  every = [logs for moment in moments for logs in moment.values.values()]
  bounds = [logs["bound"] for logs in every if "bound" in logs]
  low, high = limits(
    [logs[k] for logs in every for k in ("mean", "low", "high")]
  )
  # Bounds far above everything else do not set the scale.
  above = min(limits(bounds)[1], high + 0.3 * (high - low) + 0.3)
  set_log10(row[0], low, max(high, above))
  title = [f"the Jacobian dh_t/dh_k over {longest_lag(group)}"]
  title += [f"{moment.words}: {_fates(moment.values)}" for moment in moments]
  examples = {study["examples"] for study in group.studies.values()}
  notes = []
  if max(examples) > 1:
    notes.append(f"band: smallest to largest of {max(examples)} examples")
  if bounds:
    title.append(_bound_words(moments))
    notes.append(
      "dotted: the bound of Pascanu et al. 2013, same colour, the tightest ones"
    )
  return finish(figure, group, title, moments, notes)


def log10_a_step(logs: Mapping[str, np.ndarray]) -> float:
  """Returns log10 of the factor a step of the largest singular value.

  The mean over the steps of the longest lag.
  """
  return float(logs["mean"][-1] / (len(logs["mean"]) - 1))


def _tightest(values: Mapping[str, Mapping[str, np.ndarray]]) -> set[str]:
  """The lines whose bound is drawn: the lowest, as many as have room."""
  bounds = {
    n: logs["bound"][-1] for n, logs in values.items() if "bound" in logs
  }
  room = style.MOST_LINES - len(values)
  return set(sorted(bounds, key=bounds.__getitem__)[:room])


def _draw_jacobian(
  ax: Axes, logs: Mapping[str, Any], place: int, bounded: bool
) -> None:
  lags = range(len(logs["mean"]))
  colour = style.line_style(place)["color"]
  # A band whose lower edge is zero is not drawn.
  low, high = (
    np.where(np.isfinite(logs[k]), logs[k], np.nan) for k in ("low", "high")
  )
  ax.fill_between(lags, low, high, color=colour, alpha=0.15, lw=0)
  draw(ax, lags, logs["mean"], place)
  if bounded:
    ax.plot(lags, logs["bound"], color=colour, linestyle=":", linewidth=1.2)


def _kept(log10_by_lag: np.ndarray) -> float:
  """log10 of the gradient at the longest lag, relative to its start."""
  known = log10_by_lag[np.isfinite(log10_by_lag)]
  return float(log10_by_lag[-1] - known[0]) if known.size else -np.inf


def _kept_words(log10: float) -> str:
  grown = log10 > math.log10(1.05)
  return f"grown {number(log10)}-fold" if grown else number(log10)


def _fates(values: Mapping[str, Mapping[str, np.ndarray]]) -> str:
  """Which Jacobians vanish and which explode, and the fastest of each."""
  whole = {name: logs["mean"][-1] for name, logs in values.items()}
  steps = {name: log10_a_step(logs) for name, logs in values.items()}

  def words(log10: float) -> str:
    return f"× {factor(log10)} a step"

  gone = {n: steps[n] for n, v in whole.items() if v <= _GONE}
  grown = {n: steps[n] for n, v in whole.items() if v >= _GROWN}
  gone_words = counted(gone, len(whole), words, "fastest", least=True)
  grown_words = counted(grown, len(whole), words, "fastest")
  return f"vanishes in {gone_words}, explodes in {grown_words}"


def _bound_words(moments: list[Moment]) -> str:
  """Whether a measured norm lies over its bound anywhere."""
  over = {}
  for moment in moments:
    for name, logs in moment.values.items():
      if "bound" in logs:
        # A norm of zero is under any bound.
        known = np.isfinite(logs["high"])
        above = logs["high"][known] - logs["bound"][known]
        excess = np.max(above, initial=-np.inf)
        over[name] = max(over.get(name, excess), excess)
  broken = {name: v for name, v in over.items() if v > _ROUNDING}
  if not broken:
    return "the bound of Pascanu et al. holds at every lag"
  which = counted(
    broken, len(over), lambda log10: f"by a factor of {factor(log10)}", "most"
  )
  return f"the bound of Pascanu et al. is broken in {which}"
