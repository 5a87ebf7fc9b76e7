"""Draws a figure of a gradient study: a panel a moment, a line a series.

Most numbers are drawn by their logarithm of base 10, since they leave the
range of a float; the ticks show the numbers themselves.
"""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator

from rnn_lab.reports import charts, style
from rnn_lab.reports.gradients import study
from rnn_lab.reports.gradients.kind import Curve, Kind
from rnn_lab.reports.gradients.study import Group, Moment
from rnn_lab.reports.gradients.words import ends, power_of_ten, span

# Characters to the inch of a title, in its type, and of a note, in its.
_TITLE_DENSITY = 10.8
_NOTE_DENSITY = 12.5
_NOTE_SIZE = 9.5
# The type size of a panel's title times the characters that fit.
_PANEL_ROOM = 510
# What style.panels leaves for title and legend, but for the space about them.
_WORDS_HEIGHT = 0.7
_MOST_REACHES = 7


def draw(kind: Kind, group: Group) -> Figure | None:
  """Draws a kind of figure; None if no line of the group has it."""
  moments = study.collect(group, kind.read)
  if not moments:
    return None
  rows = [
    (row, [_curves(kind, moment) for moment in row.moments])
    for row in kind.rows(group, moments)
    if any(moment.values for moment in row.moments)
  ]
  panels = [panel for _, row in rows for panel in row]
  curves = [curve for panel in panels for curve in panel.values()]
  names, levels = kind.lines or list(group.lines), kind.levels(group)
  low, high = _scale(curves, levels)
  floor = kind.floor(_limits([curve.ys[:1] for curve in curves])[0])
  layer = ", top layer" if kind.of_layer and study.has_layers(group) else ""
  height, size = (2.05, 10.5) if kind.is_small else (3.4, 12.0)
  figure, axes = style.panels(len(moments), len(rows), height, y=kind.y)
  for axes_row, (row, row_panels) in zip(axes, rows):
    if row.y:
      axes_row[0].set_ylabel(style.plain(row.y))
    for ax, moment, panel in zip(axes_row, row.moments, row_panels):
      if not panel:
        ax.set_axis_off()
        continue
      _draw_curves(ax, names, panel, high)
      for level in levels:
        style.draw_chance(ax, level)
      words = f"{row.words}{layer}, {moment.words}"
      words = words if row.words else f"{moment.words}{layer}"
      folded = textwrap.fill(words, int(_PANEL_ROOM / size))
      ax.set_title(style.plain(folded), loc="left", fontsize=size)
      _set_x(ax, kind, curves)
      if axes_row is axes[-1] or not kind.is_small:
        ax.set_xlabel(kind.x)
  _set_y(axes[0][0], kind, max(low, floor), high, low < floor)
  steps = study.lengths(group)
  facts = {"length": ends(steps), "lag": span([n - 1 for n in steps])}
  drawn = {name for panel in panels for name in panel}
  style.legend_below(figure, drawn, names, kind.level.format(**facts))
  values = [value for moment in moments for value in moment.values.values()]
  title = [kind.title.format(**facts, **kind.facts(values))]
  title += [*map(kind.conclude, moments), kind.close(moments)]
  notes = [kind.note, _floor_note(kind, floor, low, curves)]
  notes += [*kind.notes(group, curves), _missing(moments)]
  return _set_words(figure, group, title, notes)


def _limits(arrays: Iterable[Any]) -> tuple[float, float]:
  """The smallest and largest finite number; (0, 0) without any."""
  finite = [a[np.isfinite(a)] for a in map(np.asarray, arrays)]
  numbers = np.concatenate([*finite, []])
  if not numbers.size:
    return 0.0, 0.0
  return float(numbers.min()), float(numbers.max())


def _curves(kind: Kind, moment: Moment) -> dict[str, Curve]:
  return {name: kind.curve(value) for name, value in moment.values.items()}


def _scale(
  curves: Sequence[Curve], levels: Sequence[float]
) -> tuple[float, float]:
  """The ends of the y-axis; the upper one is the place of infinite numbers."""
  ys = [array for curve in curves for array in (curve.ys, *curve.edges)]
  low, high = _limits([*ys, levels])
  if any(np.isposinf(curve.ys).any() for curve in curves):
    return low, float(np.ceil(high)) + 1.0
  bounds = [curve.bound for curve in curves if curve.bound is not None]
  # Bounds far above everything else do not set the scale.
  above = min(_limits(bounds)[1], high + 0.3 * (high - low) + 0.3)
  return low, max(high, above) if bounds else high


def _draw_curves(
  ax: Axes, names: Sequence[str], curves: Mapping[str, Curve], high: float
) -> None:
  """Draws lines in the looks of their places, with gaps where not finite."""
  bounds = {n: c.bound[-1] for n, c in curves.items() if c.bound is not None}
  # The lowest, as many as have room.
  room = style.MOST_LINES - len(curves)
  bounded = sorted(bounds, key=bounds.__getitem__)[:room]
  for place, name in enumerate(names):
    if name not in curves:
      continue
    xs, ys, edges, bound = curves[name]
    look = style.line_style(place)
    if edges:
      # A band whose lower edge is zero is not drawn.
      low, top = (np.where(np.isfinite(edge), edge, np.nan) for edge in edges)
      ax.fill_between(xs, low, top, color=look["color"], alpha=0.15, lw=0)
    ys = np.where(np.isposinf(ys), high, ys)
    ys = np.where(np.isfinite(ys), ys, np.nan)
    # Eight markers a line, and not at the same x as the next line's.
    step = max(1, len(xs) // 8)
    first = (place * step) // style.MOST_LINES
    ax.plot(xs, ys, markevery=(first, step), **look)
    if bound is not None and name in bounded:
      ax.plot(xs, bound, color=look["color"], linestyle=":", linewidth=1.2)


def _set_x(ax: Axes, kind: Kind, curves: Sequence[Curve]) -> None:
  """Sets ticks at whole numbers, or at the reaches that were measured."""
  if kind.is_doubling:
    reaches = sorted({float(x) for curve in curves for x in curve.xs})
    while len(reaches) > _MOST_REACHES:
      reaches = reaches[::-2][::-1]
    ax.set_xticks(reaches, [f"{2**x:.0f}" for x in reaches])
    return
  low, high = ax.dataLim.intervalx
  ticks = MaxNLocator(6, integer=True).tick_values(low, high)
  ax.set_xticks([tick for tick in ticks if low <= tick <= high])


def _set_y(ax: Axes, kind: Kind, low: float, high: float, is_cut: bool) -> None:
  """Sets limits and ticks of all panels; one that is cut has no margin."""
  margin = max(0.05 * (high - low), 0.05)
  low, high = low if is_cut else low - margin, high + margin
  if kind.is_log:
    ticks = _log10_ticks(low, high)
    ax.set_yticks(list(ticks), list(ticks.values()))
  ax.set_ylim(low, high)


def _log10_ticks(low: float, high: float) -> dict[float, str]:
  """Places on a logarithmic axis and what is written there."""
  # Beyond 300 the numbers themselves are no floats.
  if high - low > 2.5 or max(-low, high) > 300:
    locator = MaxNLocator(9, steps=[1, 2, 5, 10], integer=True)
    whole = [int(n) for n in locator.tick_values(low, high) if low <= n <= high]
    near = low > -3.5 and high < 4.5
    return {n: f"{10.0**n:g}" if near else power_of_ten(n) for n in whole}
  values = MaxNLocator(5).tick_values(10.0**low, 10.0**high)
  if high - low > 0.7:
    decades = range(int(np.floor(low)), int(np.ceil(high)) + 1)
    values = [digit * 10.0**n for n in decades for digit in (1, 2, 5)]
  return {
    float(np.log10(value)): f"{value:.6g}"
    for value in values
    if value > 0.0 and low <= np.log10(value) <= high
  }


def _floor_note(
  kind: Kind, floor: float, low: float, curves: Sequence[Curve]
) -> str:
  cut = any(np.isneginf(curve.ys).any() for curve in curves) or low < floor
  if not cut or floor == -np.inf:
    return ""
  if kind.is_log:
    return f"values under {power_of_ten(int(floor))} are not shown"
  return f"exponents under −{-floor:g} are not shown"


def _missing(moments: Sequence[Moment]) -> str:
  """Which of the lines were not measured after training."""
  drawn = {name for moment in moments for name in moment.values}
  names = [n for m in moments for n in m.missing if n in drawn]
  if not names:
    return ""
  return f"diverged, so not measured after training: {', '.join(names)}"


def _set_words(
  figure: Figure, group: Group, title: Iterable[str], notes: Iterable[str]
) -> Figure:
  """Adds title and notes; the figure grows, so that panels keep their size."""
  legend, (width, height) = figure.legends[0], figure.get_size_inches()
  first, *rest = [line for line in title if line]
  start = f"{group.title}: {first}" if group.title else first
  lines = [start[:1].upper() + start[1:], *rest]
  room = int(_TITLE_DENSITY * width)
  wrapped = "\n".join(_wrap(line, room, group.lines) for line in lines)
  head = figure.suptitle(style.plain(wrapped), x=0.012, ha="left")
  text = "; ".join(note for note in notes if note)
  if text:
    folded = textwrap.fill(text, int(_NOTE_DENSITY * width))
    size = FontProperties(size=_NOTE_SIZE)
    legend.set_title(style.plain(folded), prop=size)
  needed = sum(part.get_window_extent().height for part in (head, legend))
  figure.set_size_inches(width, height + needed / figure.dpi - _WORDS_HEIGHT)
  return figure


def _wrap(line: str, room: int, names: Iterable[str]) -> str:
  """A line folded between words, but not inside the name of a series."""
  for name in sorted(names, key=len, reverse=True):
    line = line.replace(name, charts.unbroken(name))
  folded = textwrap.fill(
    line, room, subsequent_indent="    ", break_on_hyphens=False
  )
  return folded.replace("\u00a0", " ")
