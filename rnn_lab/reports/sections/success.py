"""The share of seeds that learn their task, against the swept field."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from matplotlib.figure import Figure

from rnn_lab.reports import charts, style
from rnn_lab.reports.arrange import say
from rnn_lab.reports.goals import Count, count
from rnn_lab.reports.intervals import share_interval
from rnn_lab.reports.parts import Part
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Section

# A share of fewer seeds is not drawn.
FEWEST_SEEDS = 5
_DECADE = 10.0

_Line = Mapping[Any, Count]


def success_section(results: Results) -> Section | None:
  """Shows how many seeds learn, by series; None without a figure."""
  figures = [f for part in results.parts for f in draw_success(part)]
  if not figures:
    return None
  caption = "Share of seeds that learn, by series"
  return Section("Results", [Figures("success", caption, figures)])


def draw_success(part: Part) -> Iterator[Figure]:
  """Draws the share of seeds that solved a task, with Wilson's 95% intervals.

  As figure 7 of Pascanu, Mikolov & Bengio, "On the difficulty of
  training recurrent neural networks", 2013. A line a series, of
  the trials that ended and have five seeds or more; no figure where the task
  has no goal or nothing was swept.
  """
  if part.goal is None or part.x is None:
    return
  lines: dict[str, dict[Any, Count]] = {}
  for name, x, trial in part.cells:
    counted = count(trial, part.goal)
    if counted and counted.total >= FEWEST_SEEDS:
      lines.setdefault(name, {})[x] = counted
  for names in part.groups():
    drawn = {name: lines[name] for name in names if name in lines}
    if not drawn:
      continue
    label = f"share of seeds with {part.goal.words}"
    figure, [[ax]] = style.panels(1, height=4.8, y=label)
    charts.scale_x(ax, part.xs, _DECADE)
    ax.set_ylim(-0.03, 1.03)
    for place, name in enumerate(names):
      if name in drawn:
        look = style.line_style(place)
        shown = [*drawn].index(name)
        shift = charts.set_aside(ax, shown, len(drawn), 4.0)
        xs, counts = [*drawn[name]], drawn[name].values()
        low, high = zip(*(share_interval(*counted) for counted in counts))
        bars = {"color": look["color"], "linewidth": 1.4, "alpha": 0.6}
        ax.vlines(xs, low, high, transform=shift, **bars)
        shares = [solved / total for solved, total in counts]
        ax.plot(xs, shares, zorder=3, transform=shift, **look)
    ax.set_xlabel(style.plain(part.label()))
    bars = "bars: 95% confidence intervals by Wilson"
    title = f"{conclusion(part.label(), drawn)}\n{bars}"
    ax.set_title(style.plain(charts.folded(part.titled(title))), loc="left")
    style.legend_below(figure, drawn, names)
    yield figure


def conclusion(x: str, lines: Mapping[str, _Line]) -> str:
  """Says up to which x all seeds of each series learn.

  "All 10 seeds learn up to this length: LSTM – 100; IRNN – none"
  """
  totals = {total for line in lines.values() for _, total in line.values()}
  seeds = f"All {min(totals)} seeds" if len(totals) == 1 else "All seeds"
  reach = [f"{name} – {_reach(line)}" for name, line in lines.items()]
  words = "; ".join(map(charts.unbroken, reach))
  return f"{seeds} learn up to this {x}: {words}"


def _reach(line: _Line) -> str:
  """The largest x up to which all seeds solved, and those after a gap."""
  solved_by_all = {x: solved == total for x, (solved, total) in line.items()}
  gap = next((x for x, by_all in solved_by_all.items() if not by_all), math.inf)
  before = [x for x in line if x < gap]
  after = [say(x) for x in line if x > gap and solved_by_all[x]]
  words = say(before[-1]) if before else "none"
  return f"{words} (but at {', '.join(after)})" if after else words
