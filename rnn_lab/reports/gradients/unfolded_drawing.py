"""Draws an unfolded network from a table of boxes, numbers and arrows.

Words are templates: <E> stands for a field of the network and <s[t]> for its
number at the step; at a step, _t and _{t-1} are its index and the one before,
counted from 1.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnn_lab.errors import FieldError
from rnn_lab.reports import style

# In inches: half the heights of boxes with one, two and three lines, a line of
# the text below the network, and the space at its left.
LOW, HIGH, TALL, LINE, MARGIN = 0.22, 0.34, 0.48, 0.31, 0.3
FRONT, BACK = "#222222", "#B34700"
# The colours of a box and of its edge.
_COLOURS = {
  "data": ("#F2F2F2", "#777777"),
  "state": ("#DCEBF7", "#0072B2"),
  "gate": ("#E6F3EA", "#00805A"),
  "cost": ("#FBE9DD", BACK),
  "weight": ("#FFFFFF", FRONT),
}
_BOX = {"boxstyle": "round,pad=0.35", "lw": 1.3}
_ARROW = {"arrowstyle": "-|>", "mutation_scale": 14, "shrinkA": 0, "shrinkB": 0}
_DERIVATIVE = {"color": BACK, "linestyle": (0, (4, 2)), "lw": 1.5}
# More steps leave no room for the numbers, and one has nothing to unfold.
_STEPS = (2, 3)
_FIELD = re.compile(r"<([\w.]+)(\[t\])?>")
# What a user gave is shown with all of its digits.
_GIVEN = ("u", "w", "v", "W", "U", "b", "xs", "h0", "c0")

Point = tuple[float, float]
Network = Mapping[str, Any]
Row = tuple[Any, ...]


def say(value: Any, form: str = "#.3g") -> str:
  """Formats a number, or a vector, (a, b); words are left as they are."""
  if isinstance(value, str):
    return value
  if isinstance(value, int | float):
    # With the minus sign of a formula.
    return f"{value:{form}}".rstrip(".").replace("-", "\u2212")
  words = ", ".join(say(one, form) for one in value)
  return f"({words})" if len(value) > 1 else words


def fill(words: str, u: Network, t: int | None = None) -> str:
  """Fills in a template; at step t, counted from 0, the indices, too."""

  def shown(match: re.Match[str]) -> str:
    first, *keys = match[1].split(".")
    value = u[first]
    for key in keys:
      value = value[key]
    form = "g" if first in _GIVEN else "#.3g"
    return say(value[t] if match[2] else value, form)

  words = _FIELD.sub(shown, words)
  if t is None:
    return words
  return words.replace("_{t-1}", f"_{t}").replace("_t", f"_{t + 1}")


def ways(
  low: Point, high: Point, asides: Point, at: Point, *number: str
) -> list[Row]:
  """Returns the arrows from `low` to `high` and back, and their number.

  The arrows are moved to the right by `asides`; the number, with its symbol,
  value and alignment, stands at `at`.
  """
  (forward, back), (x, y), (end, top) = asides, low, high
  return [
    ("forward", (x + forward, y), (end + forward, top)),
    ("back", (end + back, top), (x + back, y)),
    ("number", *at, *number),
  ]


def prepared(u: Network) -> dict[str, Any]:
  """Adds what is shown in words: y_t, matrices, sums, the numbers of steps.

  Raises:
    FieldError: there are not two or three steps.
  """
  steps = len(u["h"])
  if steps not in _STEPS:
    raise FieldError(
      "unfolded", f"{{field}} must have 2 or 3 steps, got {steps}"
    )
  y = u["targets"]
  if u.get("output", "softmax") == "softmax":
    y = [[int(k == y[t]) for k in range(len(u["z"][t]))] for t in range(steps)]
  matrices = [[say(row) for row in rows] for rows in u["dyhat_dz"]]
  return {
    **u,
    "n": [f"{t + 1}" for t in range(steps)],
    "y": [say(value, "g") for value in y],
    "rows": [", ".join(rows) for rows in matrices],
    "matrix": ["\n".join([""] * (len(m) > 1) + m) for m in matrices],
    "sum_v": " + ".join(map(say, u["terms_v"])),
  }


def draw_network(
  u: Network,
  corners: tuple[Point, Point],
  step: float,
  words: tuple[str, str],
  total: Point,
  of_steps: Iterable[Iterable[Row]],
  others: Iterable[Row],
) -> Figure:
  """Draws boxes, numbers and arrows on axes of inches.

  Args:
    u: what `prepared` returns.
    corners: the upper left and the lower right end of the figure.
    step: from one step to the next.
    words: the conclusion, and the formulas of the network.
    total: the upper edges of the J_t, and the middle of E.
    of_steps: the rows of each step, around its middle.
    others: the rows that stand once.
  """
  (left, top), (right, bottom) = corners
  figure = Figure(figsize=(right - left, top - bottom), dpi=style.DPI)
  ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
  ax.set_axis_off()
  ax.set_xlim(left, right)
  ax.set_ylim(bottom, top)
  for t, rows in enumerate(of_steps):
    _draw(ax, rows, u, t, (t + 1) * step)
  _draw(ax, others, u)
  _draw(ax, _total_cost(len(u["h"]), step, *total), u)
  _draw(ax, _heading(left + MARGIN, top, *words), u)
  return figure


def _heading(
  left: float, top: float, conclusion: str, formulas: str
) -> list[Row]:
  """The title, the network, and what the two kinds of arrow mean."""
  right, y, below = left + 0.95, top - 1.35, top - 1.67
  return [
    ("text", left, top - 0.35, conclusion, 15, {"weight": "bold"}),
    ("text", left, top - 0.8, formulas, 12.5),
    ("forward", (left, y), (left + 0.8, y)),
    ("text", right, y, "forward: values", 11),
    ("back", (left + 0.8, below), (left, below)),
    ("text", right, below, "back: local derivatives", 11, {"color": BACK}),
  ]


def _total_cost(
  steps: int, step: float, cost: float, total: float
) -> list[Row]:
  """E, its middle at `total`, and the ways from the tops of the J_t."""
  middle = (steps + 1) / 2 * step
  words = " + ".join(f"J_{n}" for n in range(1, steps + 1))
  rows: list[Row] = [("box", middle, total, "cost", f"E = {words} = <E>")]
  for n in range(1, steps + 1):
    at = n * step
    # Where the arrow meets E: spread along its lower edge.
    end = middle + min(max(0.24 * (at - middle), -1.1), 1.1)
    # The way back on the inner side, where its number has room.
    side = -1 if at > middle else 1
    aside = side * (0.15 if at == middle else 0.3)
    place = (at + side * 0.95, cost - 0.1)
    if at == middle:
      place = (at + 0.25, cost + 0.4)
    align = "left" if side > 0 else "right"
    ends = ((at, cost), (end, total - LOW))
    rows += ways(*ends, (-aside, aside), place, f"dE/dJ_{n}", "1.00", align)
  return rows


def _draw(
  ax: Axes,
  rows: Iterable[Row],
  u: Network,
  t: int | None = None,
  middle: float = 0.0,
) -> None:
  """Draws rows; arrows and texts may end with a look of matplotlib's."""

  def write(x: float, y: float, words: str, size: float, **look: Any) -> None:
    words = fill(words, u, t)
    ax.text(middle + x, y, words, fontsize=size, va="center", **look)

  def connect(start: Point, end: Point, **look: Any) -> None:
    start, end = ((middle + x, y) for x, y in (start, end))
    ax.annotate("", end, start, arrowprops={**_ARROW, **look}, zorder=2)

  for row in rows:
    match row:
      case ("box", x, y, kind, *formulas):
        words = "\n".join(f"${formula}$" for formula in formulas)
        look = _BOX | dict(zip(("fc", "ec"), _COLOURS[kind]))
        write(x, y, words, 12, ha="center", linespacing=1.5, bbox=look)
      case ("number", x, y, symbol, value, *align):
        look = {"color": BACK, "ha": [*align, "left"][0]}
        write(x, y, f"${symbol}$ = {value}", 11.5, **look)
      case ("text", x, y, words, size, *look):
        write(x, y, words, size, **dict(*look))
      case ("forward", start, end, *look):
        connect(start, end, **{"color": FRONT, "lw": 1.8} | dict(*look))
      case ("back", start, end, *look):
        connect(start, end, **_DERIVATIVE | dict(*look))
      case ("wire", points, color, width):
        xs, ys = zip(*points)
        xs = [middle + x for x in xs]
        ax.plot(xs, ys, color=color, linewidth=width, zorder=1)
