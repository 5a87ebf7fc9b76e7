"""How far ahead forecasts are good: their error against the horizon."""

from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnn_lab.reports import charts, panels, style
from rnn_lab.reports.details import horizons_lost
from rnn_lab.reports.numbers import either, mean, span
from rnn_lab.reports.parts import Part
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Grid, Section, Text
from rnn_lab.reports.trial import Trial

# The names, with the order of one, and looks of `details.FORECAST_BASELINES`.
_BASELINES = {
  "linear_autoregression": ("linear autoregression of order {}", "-"),
  "persistence": ("persistence", (0, (1, 1.2))),
  "mean": ("mean of the training part", style.CHANCE["linestyle"]),
}
_GREY = {"color": "#444444", "linewidth": 1.4}


def forecasts_section(results: Results) -> Section | None:
  """Shows the error of forecasts by horizon; None where there are none."""
  figures = [f for part in results.parts for f in draw_forecasts(part)]
  if not figures:
    return None
  several = [row for trial in results.trials if (row := _forecasts(trial))]
  words = (
    "From each origin in the test split a model reads "
    f"{either(row['warmup'] for row in several)} true values and then its own "
    "predictions. The normalised error (NRMSE) at a horizon is the root of the "
    f"mean squared error over {either(row['origins'] for row in several)} "
    "origins, divided by the standard deviation of the training part. "
    "Persistence predicts the last value read; a linear autoregression, fitted "
    "to the training part, reads its own predictions as the models do, and its "
    "order was chosen on the validation split."
  )
  caption = "Error of forecasts against the horizon"
  content = [Text(words), Figures("forecasts", caption, figures)]
  grids = [grid for part in results.parts for grid in forecasts_grids(part)]
  return Section("How far ahead the forecasts are good", [*content, *grids])


def _forecasts(trial: Trial) -> dict[str, Any]:
  return trial.details.get("forecasts", {})


def _panels(part: Part) -> panels.Panels:
  """The trials of each panel: of one x, and compared with one baseline."""

  def kind(trial: Trial) -> tuple[str, Any] | None:
    row = _forecasts(trial)
    return (row["series"], [row[k] for k in _BASELINES]) if row else None

  return panels.panels_of(part, kind)


def draw_forecasts(part: Part) -> Iterator[Figure]:
  """Draws the error by horizon: a panel an x, a line a series of trials."""
  shown = _panels(part)
  if not shown:
    return
  data = charts.table(
    part, lambda t: enumerate(_by_horizon(t), 1), panels.titles_of(shown)
  )
  firsts = {title: _first(trials) for title, trials in shown.items()}

  def behind(ax: Axes, panel: str) -> None:
    for name, (_, dashes) in _BASELINES.items():
      errors = firsts[panel][name]
      ax.plot(range(1, len(errors) + 1), errors, linestyle=dashes, **_GREY)

  def decorate(ax: Axes, panel: str) -> None:
    # Logarithmic: errors that grow by one factor a step are curved.
    ax.set_yscale("log")
    charts.scale_x(ax, _horizons(firsts[panel]), wide=1.0)

  labels = zip(_labels([*firsts.values()]), _BASELINES.values())
  yield from charts.lines(
    part,
    data,
    "horizon: steps after the last value read",
    "normalised error (NRMSE)",
    lambda names: conclusion(part, names),
    height=4.6,
    behind=behind,
    decorate=decorate,
    others=[
      Line2D([], [], label=label, linestyle=dashes, **_GREY)
      for label, (_, dashes) in labels
    ],
  )


def _first(trials: dict[str, Trial]) -> dict[str, Any]:
  """A panel's first forecasts; their baselines are those of all."""
  return _forecasts(next(iter(trials.values())))


def _by_horizon(trial: Trial) -> list[list[float | None]]:
  """The errors of the seeds that did not diverge, by horizon."""
  row = _forecasts(trial)
  several = trial.alive(row["nrmse"]) if row else []
  return [[e[h] for e in several] for h in range(len(row.get("mean", ())))]


def conclusion(part: Part, names: Sequence[str]) -> str:
  """Says where the mean of each series beats all baselines, at every x.

  "Better than every baseline at all 84 horizons: GRU, LSTM; from horizon 2
  on: tanh RNN"
  """
  verdicts = {}
  for name in names:
    trials = [t for t in part.series[name].values() if _forecasts(t)]
    if trials:
      lost = set().union(*map(horizons_lost, trials))
      horizon = max(len(_forecasts(trial)["mean"]) for trial in trials)
      verdicts[name] = len(lost), _where(lost, horizon)
  groups = sorted(panels.by_verdict(verdicts).items(), key=lambda g: g[0][0])
  words = "; ".join(f"{key[1]}: {', '.join(group)}" for key, group in groups)
  return f"Better than every baseline {words}"


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
    first = _first(trials)
    horizons = _horizons(first)
    errors = {name: [*map(mean, _by_horizon(t))] for name, t in trials.items()}
    errors |= zip(_labels([first]), [first[name] for name in _BASELINES])
    grids.append(
      panels.grid(
        part.titled(f"normalised error (NRMSE) by horizon\n{panel}"),
        "nrmse",
        ["forecast", *map(str, horizons)],
        {n: [line[h - 1] for h in horizons] for n, line in errors.items()},
        "mean over seeds; 1 is the standard deviation of the training part",
      )
    )
  return grids


def _labels(several: Sequence[dict[str, Any]]) -> list[str]:
  """The words for the baselines of some trials."""
  orders = span(sorted(row["autoregression_order"] for row in several))
  return [words.format(orders) for words, _ in _BASELINES.values()]


def _horizons(row: dict[str, Any]) -> list[int]:
  """1, 2, 4, ... and the last one."""
  last = len(row["mean"])
  return [*(2**n for n in range(last.bit_length()) if 2**n < last), last]
