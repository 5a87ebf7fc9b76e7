"""Validation metrics while training."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rnn_lab.reports import style
from rnn_lab.reports.curves import Curve, curve, draw_curve, panel_title
from rnn_lab.reports.formats import reference_label
from rnn_lab.reports.headline import (
  Headline,
  is_wide,
  reference,
  reference_name,
)
from rnn_lab.reports.load import Trial
from rnn_lab.reports.numbers import finite
from rnn_lab.reports.results import Part, Results
from rnn_lab.reports.searches import is_search, ranked
from rnn_lab.reports.section import Figures, Section
from rnn_lab.reports.series import (
  Layout,
  all_trials,
  groups,
  takes_steps,
  titled,
)


def learning_curves_section(results: Results) -> Section | None:
  """Shows the headline metric on the validation split; None without rows."""
  figures = [
    figure
    for part in results.parts
    if part.headline
    for figure in draw_learning_curves(_shown(part), part.headline)
  ]
  if not figures:
    return None
  caption = "Validation metric against step"
  content = [Figures("learning_curves", caption, figures)]
  return Section("Learning curves", content)


def _shown(part: Part) -> Layout:
  """Returns what is drawn: all series, or of a search the best trials."""
  if part.headline is None or not is_search(part.layout):
    return part.layout
  best = [one.trial for one in ranked(part.trials, part.headline)]
  names = {id(trial) for trial in best[: style.MOST_LINES]}
  series = {
    name: line
    for name, line in part.layout.series.items()
    if id(line[None]) in names
  }
  return part.layout._replace(series=series)


def draw_learning_curves(layout: Layout, headline: Headline) -> list[Figure]:
  """Draws the validation metric by step: a panel an x, a line a series."""
  figures = []
  for names in groups(layout, style.MOST_LINES):
    lines = {
      (name, x): line
      for name in names
      for x, trial in layout.series[name].items()
      if takes_steps(trial)
      and (line := _learning_curve(trial, f"valid/{headline.metric}")).at
    }
    if lines:
      figures.append(_figure(layout, headline, names, lines))
  return figures


def _learning_curve(trial: Trial, key: str) -> Curve:
  rows = [row for row in trial.metrics if key in row]
  return curve([row["step"] for row in rows], [row[key] for row in rows])


def _figure(
  layout: Layout,
  headline: Headline,
  names: Sequence[str],
  lines: dict[tuple[str, Any], Curve],
) -> Figure:
  metric = headline.metric
  xs = [x for x in layout.xs if any(at == x for _, at in lines)]
  figure, [row] = style.panels(len(xs), y=f"validation {metric}")
  levels = []
  for ax, x in zip(row, xs):
    for place, name in enumerate(names):
      if (name, x) in lines:
        draw_curve(ax, lines[name, x], place)
    here = _references(layout, x, metric)
    for level in here:
      style.draw_chance(ax, level)
    levels += here
    ax.set_xlabel("training step")
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.set_title(panel_title(layout, x), loc="left")
  means = [v for line in lines.values() for v in finite(line.mean)]
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


def _references(layout: Layout, x: Any, metric: str) -> list[float]:
  """The levels of reference at x: one, unless tasks differ."""
  levels = {
    reference(line.get(x), metric, "valid") for line in layout.series.values()
  }
  return sorted(level for level in levels if level is not None)
