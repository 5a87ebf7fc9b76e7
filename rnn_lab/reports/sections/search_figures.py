"""Figures of a search: by field, as a map of two, across all at once."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnn_lab.reports import charts, style
from rnn_lab.reports.arrange import is_number, say
from rnn_lab.reports.metrics import (
  format_value,
  is_share,
  is_wide,
  reference,
  reference_label,
  reference_name,
)
from rnn_lab.reports.parts import Part
from rnn_lab.reports.ranking import Found

_BEST = {"marker": "*", "markersize": 15.0, "color": "#D55E00"}
# Values of each of two fields from which on a map of them is drawn, at most so
# many, and the share of its cells that must be there.
_LEAST_VALUES, _MOST_VALUES, _LEAST_FULL = 3, 20, 0.5
# Letters of a word on an axis; of a longer one, as a path, the end is shown.
_LONGEST_WORD = 16
# Letters of all words on an axis that has room for them side by side.
_MOST_LETTERS = 30


def draw_search(part: Part, found: Sequence[Found]) -> Figure:
  """Draws the validation metric against each field, a point a trial."""
  metric, headline = part.metric, part.headline
  assert headline is not None  # its caller looks
  figure, [axes] = style.panels(len(part.searched), y=f"validation {metric}")
  level = reference(found[0].trial, metric, "valid")
  for ax, field in zip(axes, part.searched):
    places = _places(ax, [one.trial.field(field) for one in found])
    for place, one in zip(places, found):
      ax.plot([place], [one.value], **_dot(one.trial.result is not None))
    ax.plot([places[0]], [found[0].value], zorder=3, **_BEST)
    ax.set_xlabel(style.plain(part.label(field)))
    if level is not None:
      style.draw_chance(ax, level)
  if is_wide([one.value for one in found], headline):
    style.set_log(axes[0].yaxis, metric)
  elif is_share(metric):
    axes[0].set_ylim(-0.03, 1.03)
  words = f"Validation {metric} of each trial, mean over seeds"
  figure.suptitle(style.plain(part.titled(words)))
  others = [_mark("the best trial", **_BEST), _mark("finished", **_dot(True))]
  if any(one.trial.result is None for one in found):
    others.append(_mark("stopped early, or not finished", **_dot(False)))
  name = reference_name(part.trials, "valid")
  levels = [] if level is None else [level]
  chance = reference_label(levels, metric, name)
  style.legend_below(figure, [], [], chance, others)
  return figure


def _places(ax: Axes, values: Sequence[Any]) -> list[float]:
  """Where values lie on the x-axis, which is scaled; words in their order."""
  if all(map(is_number, values)):
    charts.scale_x(ax, sorted({*values}))
    return [*values]
  words = sorted({str(value) for value in values})
  ax.set_xticks(range(len(words)), map(_shortened, words))
  if sum(map(len, map(_shortened, words))) > _MOST_LETTERS:
    ax.tick_params(axis="x", rotation=30)
  ax.set_xlim(-0.5, len(words) - 0.5)
  return [float(words.index(str(value))) for value in values]


def _number_or_word(value: Any) -> Any:
  """A value by which cells are found and sorted; a list is no such."""
  return value if is_number(value) else str(value)


def _shortened(word: str) -> str:
  short = word if len(word) <= _LONGEST_WORD else f"…{word[-_LONGEST_WORD:]}"
  return style.plain(short)


def draw_map(part: Part, found: Sequence[Found]) -> Iterator[Figure]:
  """Draws the validation metric by two fields as a map, the best one marked.

  No map where the trials differ in more than two fields, in named series, or
  fill less than half of it.
  """
  fields = part.searched
  if len(fields) != 2 or any(t.series or t.folder for t in part.trials):
    return
  cells = {
    tuple(_number_or_word(one.trial.field(f)) for f in fields): one
    for one in found
  }
  xs, ys = ([*dict.fromkeys(cell[i] for cell in cells)] for i in (0, 1))
  sizes = len(xs), len(ys)
  if not all(_LEAST_VALUES <= size <= _MOST_VALUES for size in sizes):
    return
  if len(cells) < _LEAST_FULL * len(xs) * len(ys):
    return
  xs, ys = (sorted(v, key=lambda v: (isinstance(v, str), v)) for v in (xs, ys))
  values = np.full((len(ys), len(xs)), np.nan)
  for (x, y), one in cells.items():
    values[ys.index(y), xs.index(x)] = one.value
  size = max(7.0, 0.95 * len(xs) + 3.2), 0.5 * len(ys) + 2.0
  figure = Figure(figsize=size, dpi=style.DPI, layout="constrained")
  ax = figure.add_subplot()
  norm = _norm(part, found)
  ax.grid(visible=False)
  ax.imshow(
    values, cmap=_colours(part), norm=norm, aspect="auto", origin="lower"
  )
  best = found[0].trial
  for (x, y), one in cells.items():
    words = format_value(one.value, part.metric)
    dark = _is_dark(_colours(part), norm(one.value))
    weight = "bold" if one.trial is best else "normal"
    ax.text(
      xs.index(x),
      ys.index(y),
      f"{words} ★" if one.trial is best else words,
      ha="center",
      va="center",
      fontsize=9,
      color="white" if dark else "black",
      weight=weight,
    )
  ax.set_xticks(range(len(xs)), [say(x) for x in xs])
  ax.set_yticks(range(len(ys)), [say(y) for y in ys])
  ax.set_xlabel(style.plain(part.label(fields[0])))
  ax.set_ylabel(style.plain(part.label(fields[1])))
  figure.colorbar(
    ScalarMappable(norm, _colours(part)),
    ax=ax,
    label=f"validation {part.metric}",
  )
  words = f"Validation {part.metric}, mean over seeds; ★: the best trial"
  figure.suptitle(style.plain(part.titled(words)))
  yield figure


def draw_parallel(part: Part, found: Sequence[Found]) -> Figure:
  """Draws each trial as a line through its values, coloured by its metric.

  The last axis is the validation metric. Inselberg, "The plane with parallel
  coordinates", 1985.
  """
  fields = part.searched
  columns = [[one.trial.field(field) for one in found] for field in fields]
  scales = [_unit(values) for values in columns]
  scales.append(_unit([one.value for one in found]))
  figure, [[ax]] = style.panels(1, height=4.2, y="")
  ax.grid(visible=False)
  norm, colours = _norm(part, found), colormaps[_colours(part)]
  for n in reversed(range(len(found))):
    ys = [places[n] for places, _ in scales]
    look = {"color": colours(norm(found[n].value)), "linewidth": 1.2}
    if n == 0:
      look |= {"color": _BEST["color"], "linewidth": 3.0, "zorder": 3}
    ax.plot(range(len(ys)), ys, **look)
  for n, (_, ticks) in enumerate(scales):
    ax.axvline(n, color="#333333", linewidth=1.0)
    for place, words in ticks:
      box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
      ax.text(n + 0.02, place, words, fontsize=9, va="center", bbox=box)
  names = [part.label(field) for field in fields]
  names.append(f"validation {part.metric}")
  ax.set_xticks(range(len(names)), map(style.plain, names))
  ax.set_yticks([])
  ax.set_xlim(-0.1, len(names) - 0.75)
  for side in ("left", "bottom"):
    ax.spines[side].set_visible(False)
  figure.colorbar(
    ScalarMappable(norm, colours), ax=ax, label=f"validation {part.metric}"
  )
  words = f"Each trial as a line through its values and its {part.metric}"
  figure.suptitle(style.plain(part.titled(words)))
  best = {"color": _BEST["color"], "linewidth": 3.0}
  style.legend_below(figure, [], [], others=[_line("the best trial", **best)])
  return figure


def _unit(values: Sequence[Any]) -> tuple[list[float], list[tuple[float, str]]]:
  """Places of values from 0 to 1 on an axis, and its ticks."""
  if not all(map(is_number, values)):
    words = sorted({str(value) for value in values})
    top = max(len(words) - 1, 1)
    places = {word: n / top for n, word in enumerate(words)}
    ticks = [(place, _shortened(word)) for word, place in places.items()]
    return [places[str(value)] for value in values], ticks
  array = np.array(values, float)
  low, high = array.min(), array.max()
  is_log = low > 0 and high / low > 10
  logs = np.log(array) if is_log else array
  span = (logs.max() - logs.min()) or 1.0
  shares = np.linspace(0.0, 1.0, 5)
  at = logs.min() + span * shares
  ticks = [f"{v:.3g}" for v in (np.exp(at) if is_log else at)]
  return [*((logs - logs.min()) / span)], [*zip(shares, ticks)]


def _norm(part: Part, found: Sequence[Found]) -> Normalize:
  values = [one.value for one in found]
  wide = part.headline is not None and is_wide(values, part.headline)
  return (LogNorm if wide else Normalize)(min(values), max(values))


def _colours(part: Part) -> str:
  """The map of colours, of which bright is good."""
  better = part.headline is not None and part.headline.maximize
  return "viridis" if better else "viridis_r"


def _is_dark(colours: str, share: float) -> bool:
  red, green, blue, _ = colormaps[colours](share)
  return 0.299 * red + 0.587 * green + 0.114 * blue < 0.5


def _dot(has_ended: bool) -> dict[str, Any]:
  colour = style.line_style(0)["color"]
  face = colour if has_ended else "none"
  return {
    "marker": "o",
    "markersize": 5.0,
    "color": colour,
    "markerfacecolor": face,
    "alpha": 0.6,
    "linestyle": "",
  }


def _mark(label: str, **look: Any) -> Line2D:
  return _line(label, **{"linestyle": "", **look})


def _line(label: str, **look: Any) -> Line2D:
  return Line2D([], [], label=label, **look)
