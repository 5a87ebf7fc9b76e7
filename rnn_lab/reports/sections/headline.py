"""The test metric against the swept field, as figures and tables."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from rnn_lab.reports import style
from rnn_lab.reports.details import is_of_text
from rnn_lab.reports.formats import reference_label
from rnn_lab.reports.headline import (
  WIDE,
  Headline,
  is_share,
  is_wide,
  measured,
  reference,
  reference_name,
)
from rnn_lab.reports.load import Trial
from rnn_lab.reports.numbers import finite
from rnn_lab.reports.results import Part, Results
from rnn_lab.reports.searches import is_search
from rnn_lab.reports.section import Figures, Section
from rnn_lab.reports.series import (
  Layout,
  all_trials,
  chunks,
  groups,
  say,
  titled,
)
from rnn_lab.reports.tables import results_grid, with_results

_MOST_ROWS = 30


def headline_section(results: Results) -> Section | None:
  """Compares the trials by their test results; None of searches alone."""
  if all(is_search(part.layout) for part in with_results(results.parts)):
    return None
  figures = [
    figure
    for part in results.parts
    if part.headline and not is_search(part.layout)
    for figure in draw_headline(part.layout, part.headline)
  ]
  content = []
  if figures:
    caption = "Test results of every series"
    content.append(Figures("headline", caption, figures))
  content += [
    results_grid(part.layout, part.headline)
    for part in with_results(results.parts)
    if not is_in_ladder(part) and not is_search(part.layout)
  ]
  return Section("Results", content)


def is_in_ladder(part: Part) -> bool:
  """Whether the table of models of a text has all that the grid has."""
  return part.layout.x is None and any(map(is_of_text, part.trials))


def draw_headline(layout: Layout, headline: Headline) -> list[Figure]:
  """Draws the test metric of every trial that ended."""
  metric = headline.metric
  shown = [
    name
    for name, line in layout.series.items()
    if any(_seeds(trial, metric) for trial in line.values())
  ]
  if not shown:
    return []
  if layout.x is None:
    rows = [n for n in layout.series if n in shown or _is_infinite(layout, n)]
    chosen = chunks(rows, _MOST_ROWS)
    return [_dots(layout, headline, names) for names in chosen]
  # Of all series, so that a line has one colour in all figures of a report.
  return [
    _lines(layout, headline, names)
    for names in groups(layout, style.MOST_LINES)
    if set(names) & set(shown)
  ]


def _lines(layout: Layout, headline: Headline, names: Sequence[str]) -> Figure:
  """Test metric against the swept field, one line a series."""
  metric = headline.metric
  figure, [[ax]] = style.panels(1, height=4.6, y=f"test {metric}")
  scale_x(ax, layout.xs)
  _scale_y(ax, layout, headline)
  drawn = []
  for i, name in enumerate(names):
    points = {
      x: seeds
      for x, trial in layout.series[name].items()
      if (seeds := _seeds(trial, metric))
    }
    if points:
      drawn.append(name)
      # A few points of paper to the side, so that equal series stay visible.
      aside = 3.0 * (i - (len(names) - 1) / 2)
      _line(ax, points, style.line_style(i), aside)
  levels = _levels(layout, metric)
  if len(set(levels.values())) == 1:
    style.draw_chance(ax, min(levels.values()))
  elif levels:
    ax.plot(list(levels), list(levels.values()), **style.CHANCE)
  apart = " (series set slightly apart)" if len(drawn) > 1 else ""
  ax.set_xlabel(style.plain(f"{layout.x}{apart}"))
  words = f"Test {metric}: mean over seeds; bands and bars: min to max"
  ax.set_title(style.plain(titled(layout.task, words)), loc="left")
  style.legend_below(
    figure, drawn, names, _label(layout, levels.values(), metric)
  )
  return figure


def _line(
  ax: Axes, points: dict[Any, list[float]], look: dict[str, Any], aside: float
) -> None:
  scale = ax.figure.dpi_scale_trans
  shift = ax.transData + ScaledTranslation(aside / 72, 0, scale)
  xs = list(points)
  low = np.array([min(seeds) for seeds in points.values()])
  high = np.array([max(seeds) for seeds in points.values()])
  mean = np.array([sum(seeds) / len(seeds) for seeds in points.values()])
  colour = look["color"]
  ax.fill_between(
    xs, low, high, color=colour, alpha=0.15, linewidth=0, transform=shift
  )
  ax.vlines(xs, low, high, color=colour, linewidth=1.2, transform=shift)
  for x, seeds in points.items():
    ax.plot(
      [x] * len(seeds),
      seeds,
      linestyle="",
      marker="o",
      markersize=4.0,
      color=colour,
      alpha=0.4,
      markeredgewidth=0,
      transform=shift,
    )
  ax.plot(xs, mean, zorder=3, transform=shift, **look)


def _dots(layout: Layout, headline: Headline, names: Sequence[str]) -> Figure:
  """Test metric of each series where nothing was swept, one row a series."""
  metric = headline.metric
  figure, [[ax]] = style.panels(1, height=0.5 + 0.36 * len(names), y="")
  for row, name in enumerate(names):
    seeds = _seeds(layout.series[name][None], metric)
    if not seeds:
      _write_infinite(ax, row)
      continue
    mean = sum(seeds) / len(seeds)
    look = style.line_style(0) | {"marker": "D", "markersize": 8.0}
    ax.hlines(row, min(seeds), max(seeds), color=look["color"], linewidth=1.5)
    ax.plot(seeds, [row] * len(seeds), "o", color=look["color"], alpha=0.4)
    ax.plot([mean], [row], **look)
  ax.set_yticks(range(len(names)), [style.plain(name) for name in names])
  ax.set_ylim(len(names) - 0.5, -0.5)
  levels = sorted(set(_levels(layout, metric).values()))
  for level in levels:
    ax.axvline(level, **style.CHANCE)
  if is_wide(_all_values(layout, metric), headline):
    style.set_log(ax.xaxis, metric)
  elif is_share(metric):
    ax.set_xlim(-0.03, 1.03)
  better = " (further left is better)" if metric == "perplexity" else ""
  ax.set_xlabel(style.plain(f"test {metric}{better}"))
  words = f"Test {metric}; diamonds: mean over seeds, bars: min to max"
  ax.set_title(style.plain(titled(layout.task, words)), loc="left")
  style.legend_below(figure, [], [], _label(layout, levels, metric))
  return figure


def scale_x(ax: Axes, xs: Sequence[float], wide: float = WIDE) -> None:
  """Sets limits and ticks at the values swept; logarithmic if far apart.

  Args:
    ax: the axes.
    xs: the values, in ascending order.
    wide: the ratio of the largest to the smallest above which they are.
  """
  above = [x for x in xs if x > 0]
  if above and xs[0] >= 0 and max(above) / min(above) > wide:
    if xs[0] > 0:
      ax.set_xscale("log")
    else:
      ax.set_xscale("symlog", linthresh=min(above))
  to_axis = ax.xaxis.get_transform()
  ends = to_axis.transform(np.array([xs[0], xs[-1]], dtype=float))
  margin = 0.06 * (ends[1] - ends[0]) or 0.5
  limits = to_axis.inverted().transform(ends + [-margin, margin])
  ax.set_xlim(*limits)
  if len(xs) <= 12:
    ax.set_xticks(xs, [say(x) for x in xs])
    ax.set_xticks([], minor=True)


def _scale_y(ax: Axes, layout: Layout, headline: Headline) -> None:
  """The same limits in every figure, so that figures can be compared."""
  if is_share(headline.metric):
    ax.set_ylim(-0.03, 1.03)
    return
  values = _all_values(layout, headline.metric)
  levels = _levels(layout, headline.metric).values()
  wide = is_wide(values, headline)
  # A log axis has no place for chance at zero.
  values += [level for level in levels if level > 0 or not wide]
  low, high = min(values), max(values)
  if wide:
    style.set_log(ax.yaxis, headline.metric)
    ax.set_ylim(low / 1.5, high * 1.5)
  else:
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    ax.set_ylim(low - margin, high + margin)


def _all_values(layout: Layout, metric: str) -> list[float]:
  return [
    value
    for line in layout.series.values()
    for trial in line.values()
    for value in _seeds(trial, metric)
  ]


def _seeds(trial: Trial, metric: str) -> list[float]:
  entry = measured(trial, metric)
  return finite(entry["values"]) if entry else []


def _is_infinite(layout: Layout, name: str) -> bool:
  """Whether a trial was evaluated and has no finite number."""
  return layout.series[name][None].status == "finished"


def _write_infinite(ax: Axes, row: int) -> None:
  ax.text(
    0.99,
    row,
    "infinite",
    transform=ax.get_yaxis_transform(),
    color="#555555",
    ha="right",
    va="center",
    backgroundcolor="white",
  )


def _label(layout: Layout, levels: Iterable[float], metric: str) -> str:
  return reference_label(levels, metric, reference_name(all_trials(layout)))


def _levels(layout: Layout, metric: str) -> dict[Any, float]:
  """`reference` by value of x, or by series where nothing was swept."""
  levels = {}
  for name, line in layout.series.items():
    for x, trial in line.items():
      level = reference(trial, metric)
      if level is not None:
        levels[name if layout.x is None else x] = level
  return dict(sorted(levels.items()))
