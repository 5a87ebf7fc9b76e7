"""How far ahead forecasts are good: their error against the horizon."""

import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnn_lab.reports import style
from rnn_lab.reports.curves import Curve, curve, draw_curve, panel_title
from rnn_lab.reports.details import (
  forecast_errors,
  forecasts_of,
  horizons_lost,
)
from rnn_lab.reports.formats import NONE
from rnn_lab.reports.load import Trial
from rnn_lab.reports.numbers import finite, significant
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Grid, Section, Text
from rnn_lab.reports.series import Layout, groups, titled

# The names and looks of `details.FORECAST_BASELINES`.
_BASELINES = {
  "linear_autoregression": ("linear autoregression", "-"),
  "persistence": ("persistence", (0, (1, 1.2))),
  "mean": ("mean of the training part", style.CHANCE["linestyle"]),
}
_GREY = {"color": "#444444", "linewidth": 1.4}
# Letters of a title in a figure of one panel.
_WIDTH = 92


class _Panel(NamedTuple):
  """Forecasts of one series from the same origins.

  Attributes:
    title: what distinguishes it from other panels; "" for one alone.
    baselines: the error by horizon of each of _BASELINES.
    order: of the linear autoregression.
    lines: the same of each series of trials, all seeds together.
    lost: the horizons at which a series does not beat all baselines.
  """

  title: str
  baselines: dict[str, list[float | None]]
  order: int
  lines: dict[str, Curve]
  lost: dict[str, set[int]]


def forecasts_section(results: Results) -> Section | None:
  """Shows the error of forecasts by horizon; None where there are none."""
  layouts = [part.layout for part in results.parts]
  figures = [figure for layout in layouts for figure in draw_forecasts(layout)]
  if not figures:
    return None
  several = [forecasts_of(trial) for trial in results.trials]
  words = (
    "From each origin in the test split a model reads "
    f"{_counts(several, 'warmup')} true values and then its own predictions. "
    "The normalised error (NRMSE) at a horizon is the root of the mean squared "
    f"error over {_counts(several, 'origins')} origins, divided by the "
    "standard deviation of the training part. Persistence predicts the last "
    "value read; a linear autoregression, fitted to the training part, reads "
    "its own predictions as the models do, and its order was chosen on the "
    "validation split."
  )
  caption = "Error of forecasts against the horizon"
  content = [Text(words), Figures("forecasts", caption, figures)]
  content += [
    _grid(layout, panel) for layout in layouts for panel in _panels(layout)
  ]
  return Section("How far ahead the forecasts are good", content)


def draw_forecasts(layout: Layout) -> list[Figure]:
  """Draws the error by horizon: a panel an x, a line a series of trials."""
  panels = _panels(layout)
  figures = []
  for names in groups(layout, style.MOST_LINES) if panels else ():
    chosen = [p for p in panels if any(name in p.lines for name in names)]
    if chosen:
      figures.append(_figure(layout, chosen, names))
  return figures


def _panels(layout: Layout) -> list[_Panel]:
  """Groups trials by x, and by the baselines that they are compared with."""
  panels: dict[Any, tuple[Any, dict[str, Trial]]] = {}
  for x in layout.xs:
    for name, line in layout.series.items():
      trial = line.get(x)
      details = forecasts_of(trial)
      if trial is not None and details:
        key = str([x, details["series"], [details[b] for b in _BASELINES]])
        panels.setdefault(key, (x, {}))[1][name] = trial
  series = {
    forecasts_of(trial)["series"]
    for _, trials in panels.values()
    for trial in trials.values()
  }
  result = []
  for x, trials in panels.values():
    details = forecasts_of(next(iter(trials.values())))
    title = panel_title(layout, x)
    if len(series) > 1:
      title = "\n".join(filter(None, [style.plain(details["series"]), title]))
    lines = {name: _curve(trial) for name, trial in trials.items()}
    baselines = {name: details[name] for name in _BASELINES}
    order = details["autoregression_order"]
    lost = {name: horizons_lost(trial) for name, trial in trials.items()}
    result.append(_Panel(title, baselines, order, lines, lost))
  return result


def _figure(
  layout: Layout, panels: Sequence[_Panel], names: Sequence[str]
) -> Figure:
  figure, [row] = style.panels(
    len(panels), height=4.6, y="normalised error (NRMSE)"
  )
  for ax, panel in zip(row, panels):
    for name, (_, dashes) in _BASELINES.items():
      ys = np.array(panel.baselines[name], float)
      ax.plot(range(1, len(ys) + 1), ys, linestyle=dashes, **_GREY)
    for place, name in enumerate(names):
      if name in panel.lines:
        draw_curve(ax, panel.lines[name], place)
    _scale(ax, len(panel.baselines["mean"]))
    ax.set_title(panel.title, loc="left")
  words = titled(layout.task, conclusion(panels, names))
  title = "\n".join(textwrap.wrap(words, _WIDTH, break_long_words=False))
  figure.suptitle(style.plain(title))
  orders = sorted({panel.order for panel in panels})
  handles = [
    Line2D(
      [], [], label=_label(name, orders), linestyle=_BASELINES[name][1], **_GREY
    )
    for name in _BASELINES
  ]
  drawn = {name for panel in panels for name in panel.lines}
  style.legend_below(figure, drawn, names, others=handles)
  return figure


def _scale(ax: Axes, horizon: int) -> None:
  """Sets logarithmic axes: errors that grow by one factor a step, curved."""
  ax.set_yscale("log")
  ax.set_xscale("log", base=2)
  ticks = _horizons(horizon)
  ax.set_xticks(ticks, [str(tick) for tick in ticks])
  ax.set_xticks([], minor=True)
  ax.set_xlabel("horizon: steps after the last value read")


def conclusion(panels: Sequence[_Panel], names: Sequence[str]) -> str:
  """Says where the mean of each series beats all baselines, in every panel.

  "Better than every baseline at all 84 horizons: GRU, LSTM; from horizon 2
  on: tanh RNN"
  """
  by_lost: dict[tuple[int, str], list[str]] = {}
  for name in names:
    chosen = [panel for panel in panels if name in panel.lines]
    if chosen:
      lost = set().union(*(panel.lost[name] for panel in chosen))
      horizon = max(len(panel.lines[name].mean) for panel in chosen)
      # A space that does not break keeps a name on one line.
      key = len(lost), _where(lost, horizon)
      by_lost.setdefault(key, []).append(name.replace(" ", "\u00a0"))
  ordered = sorted(by_lost, key=lambda key: key[0])
  parts = [f"{key[1]}: {', '.join(by_lost[key])}" for key in ordered]
  return f"Better than every baseline {'; '.join(parts)}"


def _where(lost: set[int], horizon: int) -> str:
  count = horizon - len(lost)
  if count == horizon:
    return f"at all {horizon} horizons"
  if count == 0:
    return "at no horizon"
  if max(lost) == len(lost):
    return f"from horizon {max(lost) + 1} on"
  return f"at {count} of {horizon} horizons"


def _grid(layout: Layout, panel: _Panel) -> Grid:
  """The errors at some horizons as a table."""
  horizons = _horizons(len(panel.baselines["mean"]))
  rows: dict[str, Sequence[float | None]] = {
    name: line.mean for name, line in panel.lines.items()
  }
  for name, values in panel.baselines.items():
    rows[_label(name, [panel.order])] = values
  words = "normalised error (NRMSE) by horizon"
  if panel.title:
    words = f"{words}, {panel.title}".replace("\n", ", ")
  return Grid(
    titled(layout.task, words),
    ["forecast", *map(str, horizons)],
    [
      [name, *(_number(values[h - 1]) for h in horizons)]
      for name, values in rows.items()
    ],
    "mean over seeds; 1 is the standard deviation of the training part",
  )


def _number(value: float | None) -> str:
  if value is None or not finite(value):
    return NONE
  return significant(value, 3)


def _label(name: str, orders: Sequence[int]) -> str:
  words = _BASELINES[name][0]
  if name != "linear_autoregression":
    return words
  ends = " to ".join(dict.fromkeys([str(orders[0]), str(orders[-1])]))
  return f"{words} of order {ends}"


def _horizons(last: int) -> list[int]:
  """1, 2, 4, ... and the last one."""
  powers = [2**n for n in range(last.bit_length())]
  return [*(h for h in powers if h < last), last]


def _curve(trial: Trial) -> Curve:
  """The error by horizon over the seeds that did not diverge."""
  several = forecast_errors(trial)
  horizon = len(forecasts_of(trial)["mean"])
  by_horizon = [[errors[h] for errors in several] for h in range(horizon)]
  return curve(range(1, horizon + 1), by_horizon)


def _counts(several: Sequence[dict[str, Any]], key: str) -> str:
  """The words "100", or "24 or 100"."""
  counts = {details[key] for details in several if details}
  return " or ".join(f"{count:,}" for count in sorted(counts))
