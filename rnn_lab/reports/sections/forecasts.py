"""How far ahead forecasts are good: their error against the horizon."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnn_lab.reports import charts, style
from rnn_lab.reports.details import horizons_lost
from rnn_lab.reports.metrics import NONE
from rnn_lab.reports.numbers import finite, mean, significant
from rnn_lab.reports.parts import Part
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Grid, Section, Text
from rnn_lab.reports.trial import Trial

# The names and looks of `details.FORECAST_BASELINES`.
_BASELINES = {
  "linear_autoregression": ("linear autoregression", "-"),
  "persistence": ("persistence", (0, (1, 1.2))),
  "mean": ("mean of the training part", style.CHANCE["linestyle"]),
}
_GREY = {"color": "#444444", "linewidth": 1.4}


def forecasts_section(results: Results) -> Section | None:
  """Shows the error of forecasts by horizon; None where there are none."""
  figures = [f for part in results.parts for f in draw_forecasts(part)]
  if not figures:
    return None
  several = [t.details["forecasts"] for t in results.trials if _has(t)]
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
  grids = [grid for part in results.parts for grid in forecasts_grids(part)]
  return Section("How far ahead the forecasts are good", [*content, *grids])


def _has(trial: Trial) -> bool:
  return "forecasts" in trial.details


def _panels(part: Part) -> dict[str, list[tuple[str, Trial]]]:
  """The trials of each panel: of one x, and compared with one baseline."""
  rows = [
    (part.at(x), name, trial)
    for x in part.xs
    for name, line in part.series.items()
    for trial in [line.get(x)]
    if trial is not None and _has(trial)
  ]
  series = {trial.details["forecasts"]["series"] for *_, trial in rows}
  found: dict[str, dict[str, list[tuple[str, Trial]]]] = {}
  for at, name, trial in rows:
    details = trial.details["forecasts"]
    title = [details["series"] if len(series) > 1 else "", at]
    baselines = json.dumps([details[b] for b in _BASELINES])
    panels = found.setdefault("\n".join(filter(None, title)), {})
    panels.setdefault(baselines, []).append((name, trial))
  return {
    f"{title} ({n})" if len(panels) > 1 else title: trials
    for title, panels in found.items()
    for n, trials in enumerate(panels.values(), 1)
  }


def draw_forecasts(part: Part) -> Iterator[Figure]:
  """Draws the error by horizon: a panel an x, a line a series of trials."""
  panels = _panels(part)
  if not panels:
    return
  titles = {
    trial.name: panel for panel, rows in panels.items() for _, trial in rows
  }
  data = charts.table(
    part,
    lambda t: enumerate(_by_horizon(t), 1) if _has(t) else (),
    lambda _, trial: titles.get(trial.name, ""),
  )
  firsts = {k: rows[0][1].details["forecasts"] for k, rows in panels.items()}

  def behind(ax: Axes, panel: str) -> None:
    for name, (_, dashes) in _BASELINES.items():
      ys = np.array(firsts[panel][name], float)
      ax.plot(range(1, len(ys) + 1), ys, linestyle=dashes, **_GREY)

  def decorate(ax: Axes, panel: str) -> None:
    # Logarithmic: errors that grow by one factor a step are curved.
    ax.set_yscale("log")
    charts.scale_x(ax, _horizons(len(firsts[panel]["mean"])), wide=1.0)

  orders = sorted({d["autoregression_order"] for d in firsts.values()})
  handles = [
    Line2D([], [], label=_label(name, orders), linestyle=dashes, **_GREY)
    for name, (_, dashes) in _BASELINES.items()
  ]
  yield from charts.lines(
    part,
    data,
    "horizon: steps after the last value read",
    "normalised error (NRMSE)",
    lambda names: conclusion(part, names),
    height=4.6,
    behind=behind,
    decorate=decorate,
    others=handles,
  )


def _by_horizon(trial: Trial) -> list[list[float | None]]:
  """The errors of the seeds that did not diverge, by horizon."""
  forecasts = trial.details["forecasts"]
  several = trial.alive(forecasts["nrmse"])
  return [[e[h] for e in several] for h in range(len(forecasts["mean"]))]


def conclusion(part: Part, names: Sequence[str]) -> str:
  """Says where the mean of each series beats all baselines, at every x.

  "Better than every baseline at all 84 horizons: GRU, LSTM; from horizon 2
  on: tanh RNN"
  """
  by_lost: dict[tuple[int, str], list[str]] = {}
  for name in names:
    trials = [t for t in part.series[name].values() if _has(t)]
    if trials:
      lost = set().union(*map(horizons_lost, trials))
      horizon = max(len(t.details["forecasts"]["mean"]) for t in trials)
      key = len(lost), _where(lost, horizon)
      by_lost.setdefault(key, []).append(charts.unbroken(name))
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


def forecasts_grids(part: Part) -> list[Grid]:
  """Returns the errors at some horizons as tables, one a panel."""
  grids = []
  for panel, trials in _panels(part).items():
    first = trials[0][1].details["forecasts"]
    horizons = _horizons(len(first["mean"]))
    rows = {name: [*map(mean, _by_horizon(t))] for name, t in trials}
    order = first["autoregression_order"]
    rows |= {_label(name, [order]): first[name] for name in _BASELINES}
    words = "normalised error (NRMSE) by horizon"
    grids.append(
      Grid(
        part.titled(", ".join(filter(None, [words, *panel.split("\n")]))),
        ["forecast", *map(str, horizons)],
        [
          [name, *(_number(values[h - 1]) for h in horizons)]
          for name, values in rows.items()
        ],
        "mean over seeds; 1 is the standard deviation of the training part",
      )
    )
  return grids


def _number(value: float | None) -> str:
  return NONE if value is None or not finite(value) else significant(value, 3)


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


def _counts(several: Sequence[dict[str, Any]], key: str) -> str:
  """The words "100", or "24 or 100"."""
  counts = {details[key] for details in several}
  return " or ".join(f"{count:,}" for count in sorted(counts))
