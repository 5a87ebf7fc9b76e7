"""The share of seeds that learn their task, against the swept field."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from rnn_lab.reports import style
from rnn_lab.reports.goals import Count, Goal, count, interval
from rnn_lab.reports.results import Part, Results
from rnn_lab.reports.section import Figures, Section
from rnn_lab.reports.sections.headline import scale_x
from rnn_lab.reports.series import Layout, groups, say, titled

# A share of fewer seeds is not drawn.
FEWEST_SEEDS = 5
_DECADE = 10.0
# Letters of a title in a figure of one panel.
_WIDTH = 92

_Line = dict[Any, Count]


def success_section(results: Results) -> Section | None:
  """Shows how many seeds learn, by series; None without a figure."""
  figures = [f for part in results.parts for f in draw_success(part)]
  if not figures:
    return None
  caption = "Share of seeds that learn, by series"
  return Section("Results", [Figures("success", caption, figures)])


def draw_success(part: Part) -> list[Figure]:
  """Draws the share of seeds that solved a task, with Wilson's 95% intervals.

  As figure 7 of Pascanu, Mikolov & Bengio, "On the difficulty of
  training recurrent neural networks", 2013. A line a series, of
  the trials that ended and have five seeds or more; no figure where the task
  has no goal or nothing was swept.
  """
  layout = part.layout
  if part.goal is None or layout.x is None:
    return []
  lines = {
    name: {
      x: counted
      for x, trial in line.items()
      if (counted := count(trial, part.goal)) and counted.total >= FEWEST_SEEDS
    }
    for name, line in layout.series.items()
  }
  return [
    _figure(layout, layout.x, part.goal, names, lines)
    for names in groups(layout, style.MOST_LINES)
    if any(lines[name] for name in names)
  ]


def _figure(
  layout: Layout,
  x: str,
  goal: Goal,
  names: Sequence[str],
  lines: dict[str, _Line],
) -> Figure:
  label = f"share of seeds with {goal.words}"
  figure, [[ax]] = style.panels(1, height=4.8, y=label)
  scale_x(ax, layout.xs, _DECADE)
  ax.set_ylim(-0.03, 1.03)
  drawn = [name for name in names if lines[name]]
  for i, name in enumerate(names):
    if lines[name]:
      # A few points of paper to the side, so that equal series stay visible.
      aside = 4.0 * (i - (len(names) - 1) / 2)
      _draw(ax, lines[name], style.line_style(i), aside)
  apart = "; series set slightly apart" if len(drawn) > 1 else ""
  words = f"{x} (bars: 95% confidence intervals by Wilson{apart})"
  ax.set_xlabel(style.plain(words))
  words = titled(layout.task, conclusion(x, {n: lines[n] for n in drawn}))
  title = "\n".join(textwrap.wrap(words, _WIDTH, break_long_words=False))
  ax.set_title(style.plain(title), loc="left")
  style.legend_below(figure, drawn, names)
  return figure


def _draw(ax: Axes, line: _Line, look: dict[str, Any], aside: float) -> None:
  scale = ax.figure.dpi_scale_trans
  shift = ax.transData + ScaledTranslation(aside / 72, 0, scale)
  xs = list(line)
  ends = [interval(*counted) for counted in line.values()]
  low, high = zip(*ends)
  ax.vlines(
    xs,
    low,
    high,
    color=look["color"],
    linewidth=1.4,
    alpha=0.6,
    transform=shift,
  )
  shares = [solved / total for solved, total in line.values()]
  ax.plot(xs, shares, zorder=3, transform=shift, **look)


def conclusion(x: str, lines: Mapping[str, _Line]) -> str:
  """Says up to which x all seeds of each series learn.

  "All 10 seeds learn up to this task.length: LSTM – 100; IRNN – none"
  """
  totals = {total for line in lines.values() for _, total in line.values()}
  seeds = f"All {min(totals)} seeds" if len(totals) == 1 else "All seeds"
  reach = [f"{name} – {_reach(line)}" for name, line in lines.items()]
  # A space that does not break keeps a series and its x on one line.
  words = "; ".join(word.replace(" ", "\u00a0") for word in reach)
  return f"{seeds} learn up to this {x}: {words}"


def _reach(line: _Line) -> str:
  """The largest x up to which all seeds solved, and those after a gap."""
  solved_by_all = {x: solved == total for x, (solved, total) in line.items()}
  gap = next((x for x, by_all in solved_by_all.items() if not by_all), math.inf)
  before = [x for x in line if x < gap]
  after = [say(x) for x in line if x > gap and solved_by_all[x]]
  words = say(before[-1]) if before else "none"
  return f"{words} (but at {', '.join(after)})" if after else words
