"""Whether long inputs are as good as short ones: scores by their length."""

import bisect
import math
import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnn_lab.reports import style
from rnn_lab.reports.curves import curve, draw_curve, panel_title
from rnn_lab.reports.formats import format_value
from rnn_lab.reports.headline import Headline
from rnn_lab.reports.lengths import LengthBin, length_bins
from rnn_lab.reports.results import Part, Results
from rnn_lab.reports.section import Cell, Figures, Grid, Section, Text
from rnn_lab.reports.series import Layout, groups, titled

# Letters of a line of a title in a figure of one panel.
_WIDTH = 92
# From the worst to the best.
_SENTENCES = (
  "Zero on short and on long inputs",
  "Less than half as good on long inputs as on short ones",
  "Worse on long inputs than on short ones",
  "As good on long inputs as on short ones, within 10%",
  "Better on long inputs than on short ones",
)
# Between the second and the next ones: of the score on the longest inputs as a
# multiple of that on the shortest.
_BOUNDS = (0.5, 0.9, 1.1)


class _Panel(NamedTuple):
  """Trials that were tested on inputs of the same lengths.

  Attributes:
    title: what distinguishes it from other panels; "" for one alone.
    lines: the bins of each series.
  """

  title: str
  lines: dict[str, list[LengthBin]]

  @property
  def bins(self) -> list[LengthBin]:
    """Those of any series, whose lengths are those of all."""
    return next(iter(self.lines.values()))


def lengths_section(results: Results) -> Section | None:
  """Shows the test score by length of the input; None where it has no bins."""
  parts = [part for part in results.parts if _panels(part)]
  if not parts:
    return None
  words = (
    "The test examples are divided by the length of what a model reads, into "
    "bins with about as many examples each. The score of a bin is computed as "
    "that of the whole split is. The title compares the bin of the longest "
    "inputs with that of the shortest."
  )
  figures = [figure for part in parts for figure in draw_lengths(part)]
  caption = "Test score against the length of the input"
  content = [Text(words), Figures("lengths", caption, figures)]
  content += [
    _grid(part.layout.task, part.headline.metric, panel)
    for part in parts
    if part.headline is not None
    for panel in _panels(part)
  ]
  return Section("Short and long inputs", content)


def draw_lengths(part: Part) -> list[Figure]:
  """Draws the score by length: a panel an x, a line a series of trials."""
  panels = _panels(part)
  if part.headline is None:
    return []
  figures = []
  for names in groups(part.layout, style.MOST_LINES):
    chosen = [p for p in panels if any(name in p.lines for name in names)]
    if chosen:
      figures.append(_figure(part.layout, part.headline, chosen, names))
  return figures


def _panels(part: Part) -> list[_Panel]:
  """Groups trials by x, and by the bins of their inputs' lengths."""
  layout = part.layout
  if part.headline is None:
    return []
  panels: dict[Any, tuple[Any, dict[str, list[LengthBin]]]] = {}
  for x in layout.xs:
    for name, line in layout.series.items():
      if bins := length_bins(line.get(x), part.headline.metric):
        key = str([x, [b._replace(values=()) for b in bins]])
        panels.setdefault(key, (x, {}))[1][name] = bins
  several = len({key.partition(",")[2] for key in panels}) > 1
  result = []
  for x, lines in panels.values():
    bins = next(iter(lines.values()))
    lengths = f"inputs of {bins[0].shortest} to {bins[-1].longest} steps"
    title = [lengths if several else "", panel_title(layout, x)]
    result.append(_Panel("\n".join(filter(None, title)), lines))
  return result


def _figure(
  layout: Layout,
  headline: Headline,
  panels: Sequence[_Panel],
  names: Sequence[str],
) -> Figure:
  metric = headline.metric
  figure, [row] = style.panels(len(panels), height=4.4, y=f"test {metric}")
  for ax, panel in zip(row, panels):
    for place, name in enumerate(names):
      if bins := panel.lines.get(name):
        at = [b.mean_length for b in bins]
        draw_curve(ax, curve(at, [b.values for b in bins]), place)
    ax.set_xlabel("steps of the input (mean of a bin)")
    ax.set_title(panel.title, loc="left")
  if headline.maximize:
    _from_zero(row[0])
  words = titled(layout.task, conclusion(panels, names, headline))
  figure.suptitle(
    style.plain(
      "\n".join(
        wrapped
        for line in words.split("\n")
        for wrapped in textwrap.wrap(line, _WIDTH, break_long_words=False)
      )
    )
  )
  drawn = {name for panel in panels for name in panel.lines}
  style.legend_below(figure, drawn, names)
  return figure


def _from_zero(ax: Axes) -> None:
  """Lets the y-axis, shared by the panels, begin at zero."""
  top = ax.get_ylim()[1]
  ax.set_ylim(-0.03 * top, top)


def conclusion(
  panels: Sequence[_Panel], names: Sequence[str], headline: Headline
) -> str:
  """Says how the score of each series on the longest inputs compares.

  With that on the shortest ones, and in the worst of several panels; a line
  for each answer, from the best to the worst:

  "As good on long inputs as on short ones, within 10%: LSTM; GRU"
  """
  by_grade: dict[int, list[str]] = {}
  for name in names:
    grades = [
      grade
      for panel in panels
      if name in panel.lines
      and (grade := _grade(panel.lines[name], headline)) is not None
    ]
    if grades:
      # A space that does not break keeps a name on one line.
      shown = name.replace(" ", "\u00a0")
      by_grade.setdefault(min(grades), []).append(shown)
  return "\n".join(
    f"{_SENTENCES[grade]}: {'; '.join(by_grade[grade])}"
    for grade in sorted(by_grade, reverse=True)
  )


def _grade(bins: Sequence[LengthBin], headline: Headline) -> int | None:
  """The place of a series' sentence; None without a finite score."""
  first, last = bins[0].score, bins[-1].score
  if first is None or last is None:
    return None
  if headline.maximize and first == last == 0.0:
    return 0
  # An error is half as good where it is twice as large.
  a, b = (last, first) if headline.maximize else (first, last)
  ratio = 1.0 if a == b else a / b if b else math.inf
  return 1 + bisect.bisect_right(_BOUNDS, ratio)


def _grid(task: str, metric: str, panel: _Panel) -> Grid:
  """The scores of all bins as a table."""
  words = f"test {metric.replace('_', ' ')} by steps of the input"
  if panel.title:
    words = f"{words}, {panel.title}".replace("\n", ", ")
  return Grid(
    titled(task, words),
    ["series", *(Cell([b.steps, f"({b.examples})"]) for b in panel.bins)],
    [
      [name, *(format_value(b.score, metric) for b in bins)]
      for name, bins in panel.lines.items()
    ],
    "mean over seeds; in brackets the number of test examples",
  )
