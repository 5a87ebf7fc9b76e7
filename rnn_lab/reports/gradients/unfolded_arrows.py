"""Nodes, arrows and numbers of the unfolded networks' figures."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnn_lab.reports import style

BACK = "#B34700"
DATA = {"facecolor": "#F2F2F2", "edgecolor": "#777777"}
STATE = {"facecolor": "#DCEBF7", "edgecolor": "#0072B2"}
GATE = {"facecolor": "#E6F3EA", "edgecolor": "#00805A"}
COST = {"facecolor": "#FBE9DD", "edgecolor": "#B34700"}
WEIGHT = {"facecolor": "#FFFFFF", "edgecolor": "#222222"}

Point = tuple[float, float]


def say(value: float) -> str:
  """Formats three digits, with the minus sign of a formula."""
  return f"{value:#.3g}".rstrip(".").replace("-", "\u2212")


def say_all(values: Sequence[float]) -> str:
  """Formats a vector, (a, b); one number without brackets."""
  words = ", ".join(map(say, values))
  return f"({words})" if len(values) > 1 else words


def given(value: float | Sequence[float]) -> str:
  """Formats what a user gave, with all of its digits."""
  if isinstance(value, int | float):
    return f"{value:g}".replace("-", "\u2212")
  words = ", ".join(map(given, value))
  return f"({words})" if len(value) > 1 else words


def one_hot(u: Mapping[str, Any], t: int) -> str:
  """Returns y_t: one-hot of the class of step t, or the number."""
  target, size = u["targets"][t], len(u["y_hat"][t])
  if u.get("output", "softmax") == "linear":
    return given(target)
  return given([int(k == target) for k in range(size)])


def empty_figure(
  width: float, left: float, bottom: float, top: float
) -> tuple[Figure, Axes]:
  """Returns axes of inches: text and boxes have their place in any size."""
  figure = Figure(figsize=(width, top - bottom), dpi=style.DPI)
  ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
  ax.set_axis_off()
  ax.set_xlim(left, left + width)
  ax.set_ylim(bottom, top)
  return figure, ax


def node(ax: Axes, at: Point, look: dict[str, str], *formulas: str) -> None:
  """Draws a box with one line per formula."""
  ax.text(
    *at,
    "\n".join(f"${formula}$" for formula in formulas),
    ha="center",
    va="center",
    fontsize=12,
    linespacing=1.5,
    bbox={"boxstyle": "round,pad=0.35", "linewidth": 1.3, **look},
    zorder=3,
  )


def number(
  ax: Axes, at: Point, symbol: str, value: float | str, align: str = "left"
) -> None:
  """Draws the number of an arrow back."""
  value = value if isinstance(value, str) else say(value)
  words = f"${symbol}$ = {value}"
  ax.text(*at, words, color=BACK, fontsize=11.5, ha=align, va="center")


def forward(ax: Axes, start: Point, end: Point, width: float = 1.8) -> None:
  """Draws an arrow that carries a value."""
  _arrow(ax, start, end, color="#222222", linewidth=width)


def back(
  ax: Axes, start: Point, end: Point, bend: float = 0.0, width: float = 1.5
) -> None:
  """Draws the arrow of a local derivative."""
  dashes = (0, (4, 2))
  curve = f"arc3,rad={bend}"
  _arrow(
    ax,
    start,
    end,
    color=BACK,
    linewidth=width,
    linestyle=dashes,
    connectionstyle=curve,
  )


def legend(ax: Axes, at: Point) -> None:
  """Says what the two kinds of arrow mean."""
  left, y = at
  forward(ax, (left, y), (left + 0.8, y))
  ax.text(left + 0.95, y, "forward: values", fontsize=11, va="center")
  y -= 0.32
  back(ax, (left + 0.8, y), (left, y))
  words = "back: local derivatives"
  ax.text(left + 0.95, y, words, fontsize=11, va="center", color=BACK)


def draw_sum(
  ax: Axes, u: Mapping[str, Any], step: float, cost: float, total: float
) -> None:
  """Draws E, and the arrows between it and each J_t.

  Args:
    ax: the axes.
    u: J and E.
    step: from one step to the next.
    cost: the upper edges of the J_t.
    total: the middle of E.
  """
  steps = len(u["J"])
  middle = (steps + 1) / 2 * step
  words = " + ".join(f"J_{t + 1}" for t in range(steps))
  node(ax, (middle, total), COST, f"E = {words} = {say(u['E'])}")
  low = total - 0.22
  for t in range(steps):
    at = (t + 1) * step
    # Where the arrow meets E: spread along its lower edge.
    end = middle + min(max(0.24 * (at - middle), -1.1), 1.1)
    # The way back on the inner side, where its number has room.
    side = -1 if at > middle else 1
    aside = side * (0.15 if at == middle else 0.3)
    forward(ax, (at - aside, cost), (end - aside, low))
    back(ax, (end + aside, low), (at + aside, cost))
    place = (at + 0.25, cost + 0.4)
    if at != middle:
      place = (at + side * 0.95, cost - 0.1)
    align = "left" if side > 0 else "right"
    number(ax, place, f"dE/dJ_{t + 1}", 1.0, align)


def _arrow(ax: Axes, start: Point, end: Point, **look: Any) -> None:
  look |= {
    "arrowstyle": "-|>",
    "mutation_scale": 14,
    "shrinkA": 0,
    "shrinkB": 0,
  }
  ax.annotate("", end, start, arrowprops=look, zorder=2)
