"""Panels, logarithmic axes, titles and notes of a gradient study's figures.

Numbers are drawn by their logarithm, since they leave the range of a float;
the ticks show the numbers themselves.
"""

import itertools
import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator

from rnn_lab.reports import style
from rnn_lab.reports.gradients.study import Group, Moment, has_layers
from rnn_lab.reports.gradients.words import power_of_ten

# Characters to the inch of a title, in its type, and of a note, in its.
_TITLE_DENSITY = 10.8
_NOTE_DENSITY = 12.5
_NOTE_SIZE = 9.5
# The type size of a panel's title times the characters that fit.
_PANEL_ROOM = 510
TOP_LAYER = ", top layer"
# A space at which no line is folded.
_JOINED = "\u00a0"
# What style.panels leaves for title and legend, but for the space about them.
_WORDS_HEIGHT = 0.7


def open_panels(
  group: Group, moments: Sequence[Moment], y: str, of_layer: bool = True
) -> tuple[Figure, list[Axes]]:
  """Makes a figure with a panel a moment.

  Args:
    group: what is drawn.
    moments: the columns.
    y: the label of the y-axis.
    of_layer: whether one layer is drawn where there are several.
  """
  figure, [row] = style.panels(len(moments), height=3.4, y=y)
  for ax, moment in zip(row, moments):
    top = of_layer and has_layers(group)
    set_panel_title(ax, moment.words + (TOP_LAYER if top else ""))
  return figure, row


def set_panel_title(ax: Axes, words: str, size: float = 12.0) -> None:
  """Sets the title of one of two panels side by side, folded to fit."""
  folded = textwrap.fill(words, int(_PANEL_ROOM / size))
  ax.set_title(style.plain(folded), loc="left", fontsize=size)


def draw(ax: Axes, xs: Sequence[float], ys: Any, place: int) -> None:
  """Draws a line in the look of its place, with gaps where not finite."""
  ys = np.where(np.isfinite(ys), ys, np.nan)
  # Eight markers a line, and not at the same x as the next line's.
  step = max(1, len(xs) // 8)
  first = (place * step) // style.MOST_LINES
  ax.plot(xs, ys, markevery=(first, step), **style.line_style(place))


def limits(arrays: Iterable[Any]) -> tuple[float, float]:
  """Returns the smallest and largest finite number; (0, 0) without any."""
  finite = [a[np.isfinite(a)] for a in map(np.asarray, arrays)]
  numbers = np.concatenate([*finite, []])
  if not numbers.size:
    return 0.0, 0.0
  return float(numbers.min()), float(numbers.max())


def set_log10(ax: Axes, low: float, high: float) -> None:
  """Sets limits and ticks of a y-axis with logarithms of base 10."""
  margin = max(0.05 * (high - low), 0.05)
  low, high = low - margin, high + margin
  ticks = _log10_ticks(low, high)
  ax.set_yticks(list(ticks), list(ticks.values()))
  ax.set_ylim(low, high)


def set_steps(ax: Axes, label: str) -> None:
  """Labels an x-axis of whole numbers, with ticks where lines were drawn."""
  ax.set_xlabel(label)
  low, high = ax.dataLim.intervalx
  ticks = MaxNLocator(6, integer=True).tick_values(low, high)
  ax.set_xticks([tick for tick in ticks if low <= tick <= high])


def finish(
  figure: Figure,
  group: Group,
  title: Sequence[str],
  moments: Sequence[Moment],
  notes: Iterable[str] = (),
  level: str = "",
) -> Figure:
  """Adds title, legend and notes.

  Args:
    figure: the figure.
    group: gives the title its first words and the lines their looks.
    title: its lines; one that is too long is wrapped.
    moments: what was drawn.
    notes: further words, under the panels.
    level: the words for the dashed line; empty if none was drawn.
  """
  names = list(group.lines)
  drawn = {name for moment in moments for name in moment.values}
  style.legend_below(figure, drawn, names, level)
  return set_words(figure, group, title, moments, notes)


def set_words(
  figure: Figure,
  group: Group,
  title: Sequence[str],
  moments: Sequence[Moment],
  notes: Iterable[str],
) -> Figure:
  """Adds title and notes, as in `finish`, to a figure with a legend.

  The figure grows so that the panels keep their size.
  """
  legend = figure.legends[0]
  first, *rest = title
  start = f"{group.title}: {first}" if group.title else first
  lines = [start[:1].upper() + start[1:], *rest]
  room = int(_TITLE_DENSITY * figure.get_size_inches()[0])
  wrapped = "\n".join(_wrap(line, room, group.lines) for line in lines)
  head = figure.suptitle(style.plain(wrapped), x=0.012, ha="left")
  text = "; ".join([*notes, *_missing(moments)])
  if text:
    room = int(_NOTE_DENSITY * figure.get_size_inches()[0])
    legend.set_title(
      style.plain("\n".join(textwrap.wrap(text, room))),
      prop=FontProperties(size=_NOTE_SIZE),
    )
  width, height = figure.get_size_inches()
  needed = sum(part.get_window_extent().height for part in (head, legend))
  figure.set_size_inches(width, height + needed / figure.dpi - _WORDS_HEIGHT)
  return figure


def _missing(moments: Sequence[Moment]) -> list[str]:
  """Which of the lines were not measured after training."""
  drawn = {name for moment in moments for name in moment.values}
  names = [n for m in moments for n in m.missing if n in drawn]
  if not names:
    return []
  return [f"diverged, so not measured after training: {', '.join(names)}"]


def _wrap(line: str, room: int, names: Iterable[str]) -> str:
  """A line folded between words, but not inside the name of a series."""
  for name in sorted(names, key=len, reverse=True):
    line = line.replace(name, name.replace(" ", _JOINED))
  folded = textwrap.fill(
    line, room, subsequent_indent="    ", break_on_hyphens=False
  )
  return folded.replace(_JOINED, " ")


def _log10_ticks(low: float, high: float) -> dict[float, str]:
  """Places on a logarithmic axis and what is written there."""
  # Beyond 300 the numbers themselves are no floats.
  if high - low > 2.5 or max(-low, high) > 300:
    # 1, 2, 5, 10, 20, ...: at most ten ticks.
    every = next(
      digit * 10**n
      for n in itertools.count()
      for digit in (1, 2, 5)
      if 9 * digit * 10**n >= high - low
    )
    first = math.ceil(low / every) * every
    whole = range(first, math.floor(high) + 1, every)
    if low > -3.5 and high < 4.5:
      return {float(n): f"{10.0**n:g}" for n in whole}
    return {float(n): power_of_ten(n) for n in whole}
  if high - low > 0.7:
    values = [
      digit * 10.0**n
      for n in range(math.floor(low), math.ceil(high) + 1)
      for digit in (1, 2, 5)
    ]
  else:
    values = MaxNLocator(5).tick_values(10.0**low, 10.0**high)
  return {
    math.log10(value): f"{value:.6g}"
    for value in values
    if value > 0.0 and low <= math.log10(value) <= high
  }
