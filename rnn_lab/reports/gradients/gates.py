"""Half-lives of gates, and the constant error carousel."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnn_lab.reports import style
from rnn_lab.reports.gradients import study
from rnn_lab.reports.gradients.axes import (
  TOP_LAYER,
  draw,
  finish,
  limits,
  open_panels,
  set_log10,
  set_panel_title,
  set_steps,
  set_words,
)
from rnn_lab.reports.gradients.study import (
  Group,
  Moment,
  collect,
  has_layers,
  lengths,
  longest_lag,
)
from rnn_lab.reports.gradients.words import (
  from_best_to_worst,
  percent,
  power_of_ten,
  steps,
)

_DIRECT = "direct path: the product of the gates alone"
_TOTAL = "all paths: the whole derivative"
# Half-life in steps that is drawn for a gate that is shut.
_SHUT = 1e-3
# log10 of the smallest share that is drawn.
_FLOOR = -10


def draw_gates(group: Group) -> Figure | None:
  """Draws the sorted half-lives of units; None if no line has gates."""
  moments = collect(group, study.gate)
  if not moments:
    return None
  figure, row = open_panels(group, moments, "half-life of a unit (steps)")
  every = [top["half_lives"] for m in moments for top in m.values.values()]
  low, high = limits(
    np.log10(np.maximum(v, _SHUT)) for v in [*every, lengths(group)]
  )
  endless = any(np.isinf(v).any() for v in every)
  # A place of its own above all others.
  ceiling = np.ceil(high) + 1.0
  for ax, moment in zip(row, moments):
    for place, name in enumerate(group.lines):
      if name in moment.values:
        lives = np.maximum(moment.values[name]["half_lives"], _SHUT)
        ys = np.minimum(np.log10(lives), ceiling)
        draw(ax, range(1, len(ys) + 1), ys, place)
    for length in lengths(group):
      style.draw_chance(ax, np.log10(length))
    set_steps(ax, "unit, shortest memory first")
  set_log10(row[0], low, ceiling if endless else high)
  title = ["median half-life of a unit's memory, by its gate"]
  for moment in moments:
    median = {n: median_half_life(top) for n, top in moment.values.items()}
    title.append(f"{moment.words}: {from_best_to_worst(median, steps)}")
  notes = ["the upper edge is an infinite half-life"] if endless else []
  whole = " to ".join(str(n) for n in lengths(group))
  level = f"the whole sequence ({whole} steps)"
  return finish(figure, group, title, moments, notes, level)


def draw_memory(group: Group) -> Figure | None:
  """Draws the direct path and the whole derivative of a gated state by lag.

  A row of panels a line, a column a moment.
  """
  moments = collect(group, study.gate)
  if not moments:
    return None
  gated = [n for n in group.lines if any(n in m.values for m in moments)]
  figure, axes = style.panels(len(moments), len(gated), height=2.05, y="")
  layer = TOP_LAYER if has_layers(group) else ""
  for row, name in zip(axes, gated):
    for ax, moment in zip(row, moments):
      if name in moment.values:
        top = moment.values[name]
        _draw_memory(ax, top)
        set_panel_title(ax, f"{name}{layer}, {moment.words}", 10.5)
        label = "d{0}_t / d{0}_k".format(top["state"])
        row[0].set_ylabel(style.plain(label))
      else:
        ax.set_axis_off()
  for ax in axes[-1]:
    ax.set_xlabel("lag t − k (steps; t is the last)")
  every = [top for moment in moments for top in moment.values.values()]
  low, high = limits(t[k] for t in every for k in ("direct", "total"))
  set_log10(axes[0][0], max(low, _FLOOR), high)
  states = {top["state"] for top in every}
  derivative = "d{0}_t/d{0}_k".format(*states) if len(states) == 1 else "it"
  title = [
    f"constant error carousel: share of {derivative} over "
    f"{longest_lag(group)} due to the gates alone"
  ]
  title += [f"{moment.words}: {_shares(moment)}" for moment in moments]
  style.legend_below(figure, [_DIRECT, _TOTAL], [_DIRECT, _TOTAL])
  notes = ["root mean square of the singular values"]
  if low < _FLOOR:
    axes[0][0].set_ylim(bottom=_FLOOR)
    notes.append(f"values under {power_of_ten(_FLOOR)} are not shown")
  return set_words(figure, group, title, moments, notes)


def median_half_life(top: dict[str, Any]) -> float:
  """Returns the median over the units of `study.gate`, in steps."""
  lives = top["half_lives"]
  # np.median gives NaN between two infinities.
  middle = lives[[(len(lives) - 1) // 2, len(lives) // 2]]
  return float(np.mean(middle))


def _draw_memory(ax: Axes, top: dict[str, Any]) -> None:
  for place, key in enumerate(("direct", "total")):
    draw(ax, range(len(top[key])), top[key], place)
  set_steps(ax, "")


def _shares(moment: Moment) -> str:
  """The direct path as a share of the total, at the longest lag."""
  shares = {
    name: float(top["direct"][-1] - top["total"][-1])
    for name, top in moment.values.items()
    if np.isfinite(top["total"][-1])
  }
  return from_best_to_worst(shares, percent)
