"""The picture of a forecast: the series that was read, and what follows it."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnn_lab.paths import local_path
from rnn_lab.reports.style import CHANCE, DPI, in_style, line_style, plain, save

# Of a longer series the end is drawn, so many values at least.
LEAST_VALUES = 48
# A forecast with more steps is a line without marks.
MOST_MARKS = 40
MOST_COLUMNS = 8


def draw_forecast(row: Mapping[str, Any], path: str | pathlib.Path) -> None:
  """Draws a series and its forecast; see `forecast_figure`.

  Args:
    row: a prediction with "read", "prediction" and "columns".
    path: the PNG to write.

  Raises:
    OSError: the file cannot be written.
  """
  with in_style():
    save(forecast_figure(row), local_path("figure", path))


def forecast_figure(row: Mapping[str, Any]) -> Figure:
  """Returns a figure with a panel for each column of a series.

  Of a long series the end is drawn, 48 values or four times as many as are
  forecast; of more than eight columns the first eight.

  Args:
    row: see `draw_forecast`.
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
  if len(read_N) > 1:
    known["marker"] = ""
  if len(forecast_H) > MOST_MARKS:
    predicted["marker"] = ""
  ax.plot(np.arange(1 - len(read_N), 1), read_N, label="read", **known)
  # From the last known value on, so that a step to the forecast is seen.
  values = np.concatenate([read_N[-1:], forecast_H])
  ax.plot(
    np.arange(len(values)),
    values,
    label="forecast",
    markevery=slice(1, None),
    **predicted,
  )
  ax.axvline(0, label="last value read", zorder=1.5, **CHANCE)
