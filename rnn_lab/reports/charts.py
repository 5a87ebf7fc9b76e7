"""Figures of many kinds from one table: lines with bands, and rows of dots.

The table has a row for each seed and point: panel, series, at, value. Panels
and series are drawn in their order in it.
"""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from rnn_lab.reports import lazy_pandas, style
from rnn_lab.reports.arrange import say
from rnn_lab.reports.metrics import WIDE
from rnn_lab.reports.numbers import finite
from rnn_lab.reports.parts import Part
from rnn_lab.reports.trial import Trial

if TYPE_CHECKING:
  import pandas as pd

# The lower end of a logarithmic axis, where a norm of zero is drawn.
FLOOR = 1e-30
# Inches of a letter at a tick.
_LETTER = 0.085
# Points of an axis that are all its ticks.
_MOST_TICKS = 8
# Letters of a line of a title in a figure of one panel, and of a row's name.
_TITLE_WIDTH = 92
_NAME_WIDTH = 44

Read = Callable[[Trial], Iterable[tuple[float, Sequence[Any]]]]


def table(
  part: Part, read: Read, panel: Callable[[Any, Trial], str] | None = None
) -> "pd.DataFrame":
  """Collects what `read` says of each trial, values that are not finite too.

  Args:
    part: the trials.
    read: yields points and the values of the seeds there.
    panel: names the panel of a trial at x; that of x unless it is given.
  """
  rows = [
    ((panel or (lambda x, _: part.at(x)))(x, trial), name, at, value)
    for x in part.xs
    for name, line in part.series.items()
    if x in line
    for trial in [line[x]]
    for at, values in read(trial)
    for value in (finite([*values]) or [np.nan])
  ]
  return lazy_pandas.load().DataFrame(
    rows, columns=["panel", "series", "at", "value"]
  )


def lines(
  part: Part,
  data: "pd.DataFrame",
  x: str,
  y: str,
  title: str | Callable[[Sequence[str]], str],
  *,
  height: float = 3.0,
  log: bool = False,
  levels: Mapping[str, Sequence[float]] | None = None,
  level: str = "",
  behind: Callable[[Axes, str], None] | None = None,
  decorate: Callable[[Axes, str], None] | None = None,
  others: Sequence[Line2D] = (),
) -> Iterator[Figure]:
  """Draws a line a series, its mean over seeds with a band from min to max.

  Args:
    part: gives the series their looks, and splits many into several figures.
    data: what `table` returns.
    x: the label of the x-axis.
    y: the label of the y-axis.
    title: of the figure, or what makes it of the series drawn.
    height: of a panel, in inches.
    log: whether the y-axis is logarithmic; then the mean is geometric, and
      what is below FLOOR is drawn there.
    levels: dashed lines by panel.
    level: their words in the legend.
    behind: is called with the axes and the panel's name before the lines are
      drawn.
    decorate: likewise after them.
    others: further lines of the legend.
  """
  for names in part.groups():
    chosen = data.loc[data.series.isin(names)]
    if chosen.empty:
      continue
    panels = [*chosen.panel.unique()]
    figure, [row] = style.panels(len(panels), height=height, y=y)
    for ax, panel in zip(row, panels):
      here = chosen.loc[chosen.panel == panel]
      if behind is not None:
        behind(ax, panel)
      for place, name in enumerate(names):
        one = here.loc[here.series == name]
        if not one.empty:
          draw_line(ax, one, place, log)
      for value in (levels or {}).get(panel, ()):
        style.draw_chance(ax, value)
      if log:
        ax.set_yscale("log")
      set_ticks(ax, sorted({*here["at"]}))
      ax.set_xlabel(style.plain(x))
      ax.set_title(style.plain(panel), loc="left")
      if decorate is not None:
        decorate(ax, panel)
    drawn = [name for name in names if name in {*chosen.series}]
    words = title if isinstance(title, str) else title(drawn)
    # A figure of several panels has room for more.
    width = int(_TITLE_WIDTH * max(1.0, figure.get_size_inches()[0] / 8.5))
    figure.suptitle(style.plain(folded(part.titled(words), width)))
    style.legend_below(figure, drawn, names, level, others)
    yield figure


def folded(words: str, width: int = _TITLE_WIDTH) -> str:
  """Wraps each line of a title."""
  return "\n".join(
    part
    for line in words.split("\n")
    for part in textwrap.wrap(line, width, break_long_words=False)
  )


def unbroken(words: str) -> str:
  """Returns words that `folded` keeps on one line."""
  return words.replace(" ", "\u00a0")


def draw_line(ax: Axes, data: "pd.DataFrame", place: int, log: bool) -> None:
  """Draws the mean of the values at each point, with a band, in a look."""
  if log:
    data = data.assign(value=np.log(data.value.clip(lower=FLOOR)))
  stats = data.groupby("at").value.agg(["mean", "min", "max"])
  mean, low, high = np.asarray(np.exp(stats) if log else stats).T
  points, look = [*stats.index], style.line_style(place)
  # Eight markers a line, and not at the same point as the next line's.
  step = max(1, len(points) // 8)
  first = (place * step) // style.MOST_LINES
  ax.fill_between(points, low, high, color=look["color"], alpha=0.15, lw=0)
  ax.plot(points, mean, markevery=(first, step), **look)


def set_ticks(ax: Axes, points: Sequence[float]) -> None:
  """Sets ticks at the points of an axis, or at whole numbers between many."""
  if 1 < len(points) <= _MOST_TICKS and _have_room(ax, points, points):
    ax.set_xticks(points, [say(point) for point in points])
  elif len(points) > 1:
    ticks = MaxNLocator(5, integer=True).tick_values(points[0], points[-1])
    ax.set_xticks([t for t in ticks if points[0] <= t <= points[-1]])


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
  if len(xs) <= 12 and _have_room(ax, xs, to_axis.transform(xs)):
    ax.set_xticks(xs, [say(x) for x in xs])
    ax.set_xticks([], minor=True)


def _have_room(ax: Axes, points: Sequence[float], places: Any) -> bool:
  """Whether labels of points at these places stand clear of each other."""
  if len(points) < 2:
    return True
  width = ax.bbox.width / ax.figure.dpi
  inches = np.diff(places) / (places[-1] - places[0]) * 0.88 * width
  return bool(inches.min() > _LETTER * (max(map(len, map(say, points))) + 0.5))


def set_aside(ax: Axes, place: int, count: int, points: float) -> Any:
  """Returns a transform that moves a series, so that equal ones are seen."""
  aside = points * (place - (count - 1) / 2)
  scale = ax.figure.dpi_scale_trans
  return ax.transData + ScaledTranslation(aside / 72, 0, scale)


def draw_row(
  ax: Axes, row: int, values: Sequence[float], ends: tuple[float, float]
) -> None:
  """Draws seeds as dots, their mean as a diamond, and an interval as a bar."""
  look = style.line_style(0) | {"marker": "D", "markersize": 7.0}
  ax.hlines(row, *ends, color=look["color"], linewidth=1.5)
  if len(values) > 1:
    where = [row] * len(values)
    ax.plot(values, where, "o", color=look["color"], alpha=0.4)
  ax.plot([np.mean(values)], [row], **look)


def set_rows(ax: Axes, names: Sequence[str]) -> None:
  """Names the rows of `draw_row`, from the top; long names are folded."""
  words = [textwrap.fill(name, _NAME_WIDTH) for name in names]
  ax.set_yticks(range(len(names)), map(style.plain, words))
  ax.set_ylim(len(names) - 0.5, -0.5)
