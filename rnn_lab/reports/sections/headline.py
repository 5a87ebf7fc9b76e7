"""The test metric against the swept field, as figures and tables."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnn_lab.reports import charts, style
from rnn_lab.reports.details import is_of_text
from rnn_lab.reports.intervals import mean_interval
from rnn_lab.reports.metrics import (
  is_share,
  is_wide,
  reference,
  reference_label,
  reference_name,
)
from rnn_lab.reports.parts import Part, chunks
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Section
from rnn_lab.reports.tables import chosen_grid, results_grid, with_results

_MOST_ROWS = 30


def headline_section(results: Results) -> Section | None:
  """Compares the trials by their test results; None of searches alone."""
  parts = [p for p in with_results(results.parts) if not p.is_search]
  if not parts:
    return None
  figures = [figure for part in parts for figure in draw_headline(part)]
  content = []
  if figures:
    caption = "Test results of every series"
    content.append(Figures("headline", caption, figures))
  # The table of models of a text has all that this one would have.
  content += [
    results_grid(part)
    for part in parts
    if part.x is not None or not any(map(is_of_text, part.trials))
  ]
  content += [grid for part in parts if (grid := chosen_grid(part))]
  return Section("Results", content)


def draw_headline(part: Part) -> Iterator[Figure]:
  """Draws the test metric of every trial that ended."""
  shown = {n for n, _, trial in part.cells if trial.values(part.metric)}
  if part.headline is None or not shown:
    return
  if part.x is None:
    rows = [
      name
      for name, line in part.series.items()
      # Evaluated, though the number may be infinite.
      if name in shown or line[None].status == "finished"
    ]
    for names in chunks(rows, _MOST_ROWS):
      yield _dots(part, names)
    return
  # Of all series, so that a line has one colour in all figures of a report.
  for names in part.groups():
    if shown & {*names}:
      yield _lines(part, part.x, names)


def _lines(part: Part, x: str, names: Sequence[str]) -> Figure:
  """Test metric against the swept field, one line a series."""
  metric = part.metric
  figure, [[ax]] = style.panels(1, height=4.6, y=f"test {metric}")
  charts.scale_x(ax, part.xs)
  _scale_y(ax, part)
  every = {
    name: {
      x: v for x, t in part.series[name].items() if (v := t.values(metric))
    }
    for name in names
  }
  drawn = [name for name in names if every[name]]
  for place, name in enumerate(names):
    points = every[name]
    if not points:
      continue
    shift = charts.set_aside(ax, drawn.index(name), len(drawn), 3.0)
    look = style.line_style(place)
    means, low, high = zip(*map(mean_interval, points.values()))
    bars = {"color": look["color"], "linewidth": 1.2}
    ax.vlines([*points], low, high, transform=shift, **bars)
    for at, seeds in points.items():
      dots = {"marker": "o", "markersize": 4.0, "alpha": 0.4, "linestyle": ""}
      dots |= {"color": look["color"], "markeredgewidth": 0}
      ax.plot([at] * len(seeds), seeds, transform=shift, **dots)
    ax.plot([*points], means, zorder=3, transform=shift, **look)
  levels = _levels(part)
  if len(set(levels.values())) == 1:
    style.draw_chance(ax, min(levels.values()))
  elif levels:
    ax.plot(list(levels), list(levels.values()), **style.CHANCE)
  ax.set_xlabel(style.plain(part.label()))
  words = f"Test {metric}: {_marks(part, 'lines')}"
  ax.set_title(style.plain(charts.folded(part.titled(words))), loc="left")
  style.legend_below(figure, drawn, names, _label(part, levels.values()))
  return figure


def _marks(part: Part, means: str) -> str:
  if max(len(trial.seeds) for trial in part.trials) < 2:
    return "one seed each"
  return f"{means}: mean over seeds, bars: its 95% interval, dots: seeds"


def _dots(part: Part, names: Sequence[str]) -> Figure:
  """Test metric of each series where nothing was swept, one row a series."""
  assert part.headline is not None  # its caller looks
  metric = part.metric
  figure, [[ax]] = style.panels(1, height=0.5 + 0.4 * len(names), y="")
  for row, name in enumerate(names):
    seeds = part.series[name][None].values(metric)
    if seeds:
      charts.draw_row(ax, row, seeds, mean_interval(seeds)[1:])
    else:
      where = {"transform": ax.get_yaxis_transform(), "ha": "right"}
      look: dict[str, Any] = {"color": "#555555", "va": "center", **where}
      ax.text(0.99, row, "infinite", **look)
  charts.set_rows(ax, names)
  levels = sorted(set(_levels(part).values()))
  for level in levels:
    ax.axvline(level, **style.CHANCE)
  if is_wide(_all_values(part), part.headline):
    style.set_log(ax.xaxis, metric)
  elif is_share(metric):
    ax.set_xlim(-0.03, 1.03)
  better = "further right" if part.headline.maximize else "further left"
  ax.set_xlabel(style.plain(f"test {metric} ({better} is better)"))
  words = f"Test {metric}; {_marks(part, 'diamonds')}"
  title = charts.folded(part.titled(words), 84)
  figure.suptitle(style.plain(title))
  style.legend_below(figure, [], [], _label(part, levels))
  return figure


def _scale_y(ax: Axes, part: Part) -> None:
  """The same limits in every figure, so that figures can be compared."""
  assert part.headline is not None  # its caller looks
  if is_share(part.metric):
    ax.set_ylim(-0.03, 1.03)
    return
  values = _all_values(part)
  wide = is_wide(values, part.headline)
  # A log axis has no place for chance at zero.
  values += [level for level in _levels(part).values() if level > 0 or not wide]
  low, high = min(values), max(values)
  if wide:
    style.set_log(ax.yaxis, part.metric)
    ax.set_ylim(low / 1.5, high * 1.5)
  else:
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    ax.set_ylim(low - margin, high + margin)


def _all_values(part: Part) -> list[float]:
  return [value for _, _, t in part.cells for value in t.values(part.metric)]


def _label(part: Part, levels: Iterable[float]) -> str:
  return reference_label(levels, part.metric, reference_name(part.trials))


def _levels(part: Part) -> dict[Any, float]:
  """`reference` by value of x, or by series where nothing was swept."""
  levels = {}
  for name, x, trial in part.cells:
    level = reference(trial, part.metric)
    if level is not None and np.isfinite(level):
      levels[name if part.x is None else x] = level
  return dict(sorted(levels.items()))
