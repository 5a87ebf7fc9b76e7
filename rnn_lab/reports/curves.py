"""Lines with a band: the mean over seeds, and smallest to largest."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from rnn_lab.reports import style
from rnn_lab.reports.numbers import finite
from rnn_lab.reports.series import Layout, say

# The lower end of a logarithmic axis, where a norm of zero is drawn.
FLOOR = 1e-30


class Curve(NamedTuple):
  """A line with its band; NaN where no seed has a finite number."""

  at: Sequence[float]
  mean: Sequence[float]
  low: Sequence[float]
  high: Sequence[float]


def curve(
  at: Sequence[float], several: Sequence[Any], log: bool = False
) -> Curve:
  """Computes mean (geometric if `log`), smallest and largest of values."""
  known = [finite(values) for values in several]
  if log:
    known = [[max(v, FLOOR) for v in values] for values in known]

  def centre(values: list[float]) -> float:
    mean = np.mean(np.log(values) if log else values)
    return float(np.exp(mean) if log else mean)

  return Curve(
    at,
    [centre(values) if values else np.nan for values in known],
    [min(values, default=np.nan) for values in known],
    [max(values, default=np.nan) for values in known],
  )


def draw_curve(ax: Axes, curve: Curve, place: int) -> None:
  """Draws a line in the look of its place, with its band."""
  look = style.line_style(place)
  # Eight markers a line, and not at the same t as the next line's.
  step = max(1, len(curve.at) // 8)
  first = (place * step) // style.MOST_LINES
  ax.fill_between(
    curve.at, curve.low, curve.high, color=look["color"], alpha=0.15, lw=0
  )
  ax.plot(curve.at, curve.mean, markevery=(first, step), **look)


def panel_title(layout: Layout, x: Any) -> str:
  """Names the value of the swept field; "" where nothing was swept."""
  return "" if layout.x is None else style.plain(f"{layout.x} = {say(x)}")
