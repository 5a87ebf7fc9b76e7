"""Figures over time: learning curves, and the flow of the gradient."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rnn_lab.reports import style
from rnn_lab.reports.details import is_counted
from rnn_lab.reports.headline import (
  Headline,
  is_wide,
  reference,
  reference_name,
)
from rnn_lab.reports.load import Trial
from rnn_lab.reports.series import Layout, all_trials, groups, say, titled
from rnn_lab.reports.tables import reference_label

# A norm that vanished to float32 zero has no place on a log axis but a floor.
FLOOR = 1e-30


class _Curve(NamedTuple):
  """A line with its band; NaN where no seed has a finite number."""

  at: list[float]
  mean: list[float]
  low: list[float]
  high: list[float]


class _Flow(NamedTuple):
  """Rows of gradient_flow.jsonl of one trial, layer, direction and step."""

  step: int
  top: str
  seeds: list[list[Any]]


def draw_learning_curves(layout: Layout, headline: Headline) -> list[Figure]:
  """Validation metric against step: a panel for each x, a line a series.

  An n-gram model, which takes no steps, has no line.
  """
  figures = []
  for names in groups(layout, style.MOST_LINES):
    lines = {
      (name, x): curve
      for name in names
      for x, trial in layout.series[name].items()
      if not is_counted(trial)
      and (curve := _learning_curve(trial, f"valid/{headline.metric}")).at
    }
    if lines:
      figures.append(_learning_figure(layout, headline, names, lines))
  return figures


def draw_gradient_flow(layout: Layout, headline: Headline) -> list[Figure]:
  """Norm of dE/dh_t against t, at the first and at the last logged step.

  A panel for each x, a line a series; of several layers the top one and of
  two directions the forward one. The headline metric plays no part.
  """
  del headline
  figures = []
  for names in groups(layout, style.MOST_LINES):
    ends = {
      (name, x): _first_and_last(trial)
      for name in names
      for x, trial in layout.series[name].items()
      if trial.flow
    }
    if ends:
      figures.append(_flow_figure(layout, names, ends))
  return figures


def _learning_curve(trial: Trial, key: str) -> _Curve:
  rows = [row for row in trial.metrics if key in row]
  return _curve([row["step"] for row in rows], [row[key] for row in rows])


def _curve(at: list[float], several: list[Any], log: bool = False) -> _Curve:
  """Mean (geometric if `log`), smallest and largest of several values."""
  finite = [style.numbers(values) for values in several]
  if log:
    finite = [[max(v, FLOOR) for v in values] for values in finite]

  def centre(values: list[float]) -> float:
    mean = np.mean(np.log(values) if log else values)
    return float(np.exp(mean) if log else mean)

  return _Curve(
    at,
    [centre(values) if values else np.nan for values in finite],
    [min(values, default=np.nan) for values in finite],
    [max(values, default=np.nan) for values in finite],
  )


def _draw(ax: Axes, curve: _Curve, place: int) -> None:
  look = style.line_style(place)
  # Eight markers a line, and not at the same t as the next line's.
  step = max(1, len(curve.at) // 8)
  first = (place * step) // style.MOST_LINES
  ax.fill_between(
    curve.at, curve.low, curve.high, color=look["color"], alpha=0.15, lw=0
  )
  ax.plot(curve.at, curve.mean, markevery=(first, step), **look)


def _learning_figure(
  layout: Layout,
  headline: Headline,
  names: Sequence[str],
  lines: dict[tuple[str, Any], _Curve],
) -> Figure:
  metric = headline.metric
  xs = [x for x in layout.xs if any(at == x for _, at in lines)]
  figure, [row] = style.panels(len(xs), y=f"validation {metric}")
  levels = []
  for ax, x in zip(row, xs):
    for place, name in enumerate(names):
      if (name, x) in lines:
        _draw(ax, lines[name, x], place)
    here = _references(layout, x, metric)
    for level in here:
      style.draw_chance(ax, level)
    levels += here
    ax.set_xlabel("training step")
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.set_title(_panel_title(layout, x), loc="left")
  means = [v for curve in lines.values() for v in style.numbers(curve.mean)]
  if is_wide(means, headline):
    style.set_log(row[0].yaxis, metric)
  figure.suptitle(
    style.plain(
      titled(
        layout.task,
        f"Validation {metric} while training: mean over seeds, band min to max",
      )
    )
  )
  drawn = {name for name, _ in lines}
  name = reference_name(all_trials(layout), "valid")
  label = reference_label(levels, metric, name)
  style.legend_below(figure, drawn, names, label)
  return figure


def _flow_figure(
  layout: Layout,
  names: Sequence[str],
  ends: dict[tuple[str, Any], list[_Flow]],
) -> Figure:
  xs = [x for x in layout.xs if any(at == x for _, at in ends)]
  bands = max(len(flows) for flows in ends.values())
  figure, axes = style.panels(len(xs), bands, y="norm of dE/dh_t")
  vanished = False
  for band, row in enumerate(axes):
    for ax, x in zip(row, xs):
      here = {
        name: ends[name, x][band]
        for name in names
        if band < len(ends.get((name, x), ()))
      }
      for place, name in enumerate(names):
        if name in here:
          curve = _flow_curve(here[name])
          vanished |= FLOOR in curve.low
          _draw(ax, curve, place)
      ax.set_yscale("log")
      ax.set_xlabel("time step t")
      ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
      words = _step_words({flow.step for flow in here.values()})
      title = "\n".join(filter(None, [_panel_title(layout, x), words]))
      ax.set_title(title, loc="left")
  tops = {flow.top for flows in ends.values() for flow in flows}
  title = titled(
    layout.task,
    f"Norm of dE/dh_t ({' and '.join(sorted(tops))}): "
    "geometric mean over seeds, band min to max",
  )
  if vanished:
    title += f"\nvalues at {FLOOR:g} are that small or less: vanished to zero"
  figure.suptitle(style.plain(title))
  style.legend_below(figure, {name for name, _ in ends}, names)
  return figure


def _first_and_last(trial: Trial) -> list[_Flow]:
  """The top forward layer's norms, at the first and the last logged step."""
  ways = {row["direction"] for row in trial.flow}
  way = "forward" if "forward" in ways else min(ways)
  rows = [row for row in trial.flow if row["direction"] == way]
  top = max(row["layer"] for row in rows)
  rows = [row for row in rows if row["layer"] == top]
  # Of several states the one that is read out; early runs wrote no other.
  rows = [row for row in rows if row.get("state", "h") in ("h", "")] or rows
  place = "top layer" if len(rows) < len(trial.flow) else "layer"
  words = f"{place} {top}, {way}"
  steps = sorted({row["step"] for row in rows})
  return [
    _Flow(step, words, [r["norm"] for r in rows if r["step"] == step])
    for step in dict.fromkeys((steps[0], steps[-1]))
  ]


def _flow_curve(flow: _Flow) -> _Curve:
  length = max(len(norm) for norm in flow.seeds)
  by_time = [
    [norm[t] for norm in flow.seeds if t < len(norm)] for t in range(length)
  ]
  return _curve(list(range(length)), by_time, log=True)


def _step_words(steps: set[int]) -> str:
  if not steps:
    return ""
  if steps == {0}:
    return "at initialisation (step 0)"
  low, high = min(steps), max(steps)
  return f"at step {low}" if low == high else f"at steps {low} to {high}"


def _panel_title(layout: Layout, x: Any) -> str:
  return "" if layout.x is None else style.plain(f"{layout.x} = {say(x)}")


def _references(layout: Layout, x: Any, metric: str) -> list[float]:
  """The levels of chance at x: one, unless tasks differ between series."""
  levels = {
    reference(line.get(x), metric, "valid") for line in layout.series.values()
  }
  return sorted(levels - {None})
