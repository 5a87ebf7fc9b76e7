"""Pictures of predictions, for those that have one."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnn_lab.errors import FieldError
from rnn_lab.paths import local_path
from rnn_lab.reports.style import CHANCE, DPI, in_style, line_style, plain, save

# Inches for each symbol of an attention, so that words can be read.
CELL = 0.32
# Of a longer series the end is drawn, so many values at least.
LEAST_VALUES = 48
# A forecast with more steps is a line without marks.
MOST_MARKS = 40
MOST_COLUMNS = 8


def draw_prediction(row: Mapping[str, Any], path: str | pathlib.Path) -> None:
  """Draws a prediction: its attention, or a forecast after its series.

  Args:
    row: of `rnn_lab.predictors.predict`.
    path: the PNG to write.

  Raises:
    FieldError: `figure`, if there is no picture of such a prediction, or the
      file cannot be written.
  """
  names = [name for name in PICTURES if name in row]
  if not names:
    raise FieldError(
      "figure",
      "{field} needs the run of a forecast, or of a model with attention; "
      "this run has no picture of its predictions",
    )
  try:
    with in_style():
      save(PICTURES[names[0]](row), local_path("figure", path))
  except OSError as error:
    raise FieldError(
      "figure", f"{{field}} cannot be written to {path}: {error.strerror}"
    ) from error


def attention_figure(row: Mapping[str, Any]) -> Figure:
  """Draws attention weights as a grid, input across and output down.

  Args:
    row: a prediction with "attention", "places" and "symbols".
  """
  places, weights = [*row["places"]], np.asarray(row["attention"])
  symbols = [*row["symbols"], "(end)"][: len(weights)]
  size = (CELL * len(places) + 2.5, CELL * len(symbols) + 1.8)
  figure = Figure(figsize=size, layout="constrained")
  ax = figure.add_subplot()
  image = ax.imshow(weights, cmap="Blues", vmin=0.0, vmax=1.0, aspect="equal")
  ax.grid(visible=False)
  ax.set_xticks(range(len(places)), map(plain, places), rotation=90)
  ax.set_yticks(range(len(symbols)), map(plain, symbols))
  ax.xaxis.tick_top()
  ax.xaxis.set_label_position("top")
  ax.set(xlabel="input", ylabel="output")
  figure.colorbar(image, label="attention weight", shrink=0.8)
  return figure


def forecast_figure(row: Mapping[str, Any]) -> Figure:
  """Draws each column of a series, and its forecast.

  Of a long series the end is drawn, 48 values or four times as many as are
  forecast; of more than eight columns the first eight.

  Args:
    row: a prediction with "input", "read", "prediction" and "columns".
  """
  read_NK, forecast_HK = map(np.asarray, (row["read"], row["prediction"]))
  horizon, width = forecast_HK.shape
  count = min(len(read_NK), max(LEAST_VALUES, 4 * horizon))
  names = row["columns"][:MOST_COLUMNS]
  size = (9.0, 2.2 * len(names) + 1.4)
  figure = Figure(figsize=size, dpi=DPI, layout="constrained")
  axes = figure.subplots(len(names), sharex=True, squeeze=False)[:, 0]
  for k, (ax, name) in enumerate(zip(axes, names)):
    _draw_column(ax, read_NK[-count:, k], forecast_HK[:, k])
    ax.set_ylabel(plain(name))
  axes[-1].set_xlabel("steps after the last value read")
  axes[0].legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)
  title = f"{horizon:,} steps forecast from {len(read_NK):,} values"
  if isinstance(row["input"], str):
    title = f"{os.path.basename(row['input'])}: {title}"
  if count < len(read_NK):
    title += f", of which the last {count:,} are drawn"
  if width > len(names):
    title += f"\nthe first {len(names)} of {width:,} columns"
  figure.suptitle(plain(title))
  return figure


def _draw_column(ax: Axes, read_N: np.ndarray, forecast_H: np.ndarray) -> None:
  known, predicted = line_style(0), line_style(1)
  predicted["markersize"] = 4.0
  known["marker"] = "" if len(read_N) > 1 else known["marker"]
  if len(forecast_H) > MOST_MARKS:
    predicted["marker"] = ""
  ax.plot(range(1 - len(read_N), 1), read_N, label="read", **known)
  # From the last known value on, so that a step to the forecast is seen.
  values = [read_N[-1], *forecast_H]
  every = slice(1, None)
  steps = range(len(values))
  ax.plot(steps, values, label="forecast", markevery=every, **predicted)
  ax.axvline(0, label="last value read", zorder=1.5, **CHANCE)


# By a key that a prediction has, what draws it.
PICTURES = {"attention": attention_figure, "columns": forecast_figure}
