"""The lecture's unfolded network, with a number on every arrow.

Solid arrows carry values forward; each dashed one is a local derivative, on
its way back. Below them stand the terms of dE/dw, one for each path from a
cost back to a use of w.
"""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnn_lab.errors import FieldError
from rnn_lab.reports import style
from rnn_lab.reports.gradients.unfolded_table import (
  draw_terms,
  height_of,
  percent,
  say,
)

# More steps leave no room for the numbers, and one has nothing to unfold.
STEPS = (2, 3)

_BACK = "#B34700"
_DATA = {"facecolor": "#F2F2F2", "edgecolor": "#777777"}
_STATE = {"facecolor": "#DCEBF7", "edgecolor": "#0072B2"}
_COST = {"facecolor": "#FBE9DD", "edgecolor": "#B34700"}
_WEIGHT = {"facecolor": "#FFFFFF", "edgecolor": "#222222"}

# In inches: from one step to the next; the rows of u, h, v, y, J and E above
# that of x; half the height of a node with one line and with two, half the
# width of a state.
_STEP = 3.9
_U, _H, _V, _Y, _J, _E = 1.0, 2.5, 3.6, 4.75, 6.35, 7.95
_LOW, _HIGH, _WIDE = 0.22, 0.34, 1.05
_LEFT, _TOP, _TABLE = -0.8, _E + 1.1, -0.8
_NARROWEST = 14.0

_Point = tuple[float, float]


def draw_unfolded(unfolded: Mapping[str, Any]) -> Figure:
  """Draws an unrolled one-unit network, and dE/dw as a table of terms.

  h_t = f(u x_t + w h_{t-1}), y_t = v h_t, J_t = (y_t - target_t)^2 / 2, and E
  is the sum of all J_t. Steps are counted from 1 in the figure, as in the
  lecture, and h_0 is the state before them.

  Args:
    unfolded: the fields of `rnn_lab.gradients.unfolded.Unfolded`, whose steps
      count from 0, together with what it was made from: u, w, v, xs, targets,
      h0, and the name of the activation if it is not tanh.

  Raises:
    FieldError: there are not two or three steps.
  """
  steps = len(unfolded["h"])
  if steps not in STEPS:
    raise FieldError(
      "unfolded", f"{{field}} must have 2 or 3 steps, got {steps}"
    )
  bottom = _TABLE - height_of(steps)
  width = max(_STEP * steps + 3.3, _NARROWEST)
  size = (width, _TOP - bottom)
  figure = Figure(figsize=size, dpi=style.DPI)
  # Axes of inches, so that text and boxes have their place whatever the steps.
  ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
  ax.set_axis_off()
  ax.set_xlim(_LEFT, _LEFT + width)
  ax.set_ylim(bottom, _TOP)
  _node(ax, (0.0, _H), _DATA, f"h_0 = {unfolded['h0']:g}")
  for t in range(steps):
    _draw_nodes(ax, unfolded, t)
    _draw_ways_to_state(ax, unfolded, t)
    _draw_ways_to_cost(ax, unfolded, t)
  _draw_sum(ax, unfolded)
  _draw_title(ax, unfolded)
  draw_terms(ax, unfolded, _LEFT + 0.3, _TABLE)
  return figure


def _draw_nodes(ax: Axes, u: Mapping[str, Any], t: int) -> None:
  """x_t, h_t, y_t and J_t, and the weights on the ways between them."""
  n, at = t + 1, (t + 1) * _STEP
  state = f"h_{n} = f({say(u['z'][t])}) = {say(u['h'][t])}"
  _node(ax, (at, 0.0), _DATA, f"x_{n} = {u['xs'][t]:g}")
  _node(ax, (at, _H), _STATE, state, f"dE/dh_{n} = {say(u['dE_dh'][t])}")
  _node(ax, (at, _Y), _STATE, f"y_{n} = {say(u['y'][t])}")
  target = rf"\mathrm{{target}}_{n} = {u['targets'][t]:g}"
  _node(ax, (at, _J), _COST, f"J_{n} = {say(u['J'][t])}", target)
  _node(ax, (at, _U), _WEIGHT, f"u = {u['u']:g}")
  _node(ax, (at - _STEP / 2, _H), _WEIGHT, f"w = {u['w']:g}")
  _node(ax, (at, _V), _WEIGHT, f"v = {u['v']:g}")


def _draw_ways_to_state(ax: Axes, u: Mapping[str, Any], t: int) -> None:
  """From x_t and h_{t-1} to h_t, and back to h_{t-1}, w and u."""
  n, at = t + 1, (t + 1) * _STEP
  middle = at - _STEP / 2
  before = at - _STEP + (_WIDE if t else 0.5)
  _forward(ax, (at, _LOW), (at, _H - _HIGH))
  _forward(ax, (before, _H), (at - _WIDE, _H))
  _back(ax, (at - 0.75, _H + _HIGH), (before, _H + 0.3), 0.3)
  _say(ax, (middle, _H + 0.98), f"dh_{n}/dh_{t}", u["dh_dh"][t], "center")
  _back(ax, (at - 0.8, _H - _HIGH), (middle, _H - _LOW), -0.35)
  by_w = rf"\partial h_{n}/\partial w"
  _say(ax, (middle + 0.1, _H - 0.85), by_w, u["dh_dw"][t], "center")
  _back(ax, (at + 0.7, _H - _HIGH), (at + 0.36, _U), -0.3)
  by_u = rf"\partial h_{n}/\partial u"
  _say(ax, (at + 0.75, _U + 0.1), by_u, u["dh_du"][t])


def _draw_ways_to_cost(ax: Axes, u: Mapping[str, Any], t: int) -> None:
  """From h_t to y_t and J_t, and back to y_t, v and h_t."""
  n, at = t + 1, (t + 1) * _STEP
  _forward(ax, (at, _H + _HIGH), (at, _Y - _LOW))
  _forward(ax, (at, _Y + _LOW), (at, _J - _HIGH))
  _back(ax, (at + 0.5, _Y - _LOW), (at + 0.5, _H + _HIGH))
  _say(ax, (at + 0.6, _V + 0.25), f"dy_{n}/dh_{n}", u["dy_dh"][t])
  _back(ax, (at - 0.45, _Y - _LOW), (at - 0.36, _V), 0.4)
  by_v = rf"\partial y_{n}/\partial v"
  _say(ax, (at - 0.75, _V + 0.55), by_v, u["dy_dv"][t], "right")
  _back(ax, (at + 0.3, _J - _HIGH), (at + 0.3, _Y + _LOW))
  _say(ax, (at + 0.4, (_Y + _J) / 2), f"dJ_{n}/dy_{n}", u["dJ_dy"][t])


def _draw_sum(ax: Axes, u: Mapping[str, Any]) -> None:
  """E, and the ways between it and each J_t."""
  steps = len(u["J"])
  middle = (steps + 1) / 2 * _STEP
  words = " + ".join(f"J_{t + 1}" for t in range(steps))
  _node(ax, (middle, _E), _COST, f"E = {words} = {say(u['E'])}")
  for t in range(steps):
    at = (t + 1) * _STEP
    # Where the way meets E: spread along its lower edge.
    end = middle + 0.24 * (at - middle)
    # The way back on the inner side, where its number has room.
    side = -1 if at > middle else 1
    aside = side * (0.15 if at == middle else 0.3)
    _forward(ax, (at - aside, _J + _HIGH), (end - aside, _E - _LOW))
    _back(ax, (end + aside, _E - _LOW), (at + aside, _J + _HIGH))
    place = (at + 0.25, _J + 0.7)
    if at != middle:
      place = (at + side * 0.85, _J + 0.15)
    align = "left" if side > 0 else "right"
    _say(ax, place, f"dE/dJ_{t + 1}", 1.0, align)


def _draw_title(ax: Axes, u: Mapping[str, Any]) -> None:
  """The conclusion, the network, and what the two kinds of arrow mean."""
  steps = len(u["h"])
  left = _LEFT + 0.3
  count = steps * (steps + 1) // 2
  longest = percent(u["terms_w"][-1][0], u["dE_dw"])
  title = (
    f"dE/dw = {say(u['dE_dw'])} is the sum of {count} terms; the longest path "
    f"(t = {steps}, k = 1) contributes {longest} of it"
  )
  function = u.get("activation", "tanh")
  network = (
    r"$h_t = f(u\,x_t + w\,h_{t-1})$,   $y_t = v\,h_t$,   "
    rf"$J_t = (y_t - \mathrm{{target}}_t)^2 / 2$,   f = {function}"
  )
  ax.text(left, _TOP - 0.35, title, fontsize=15, weight="bold", va="center")
  ax.text(left, _TOP - 0.8, network, fontsize=12.5, va="center")
  y = _TOP - 1.35
  _forward(ax, (left, y), (left + 0.8, y))
  ax.text(left + 0.95, y, "forward: values", fontsize=11, va="center")
  y -= 0.32
  _back(ax, (left + 0.8, y), (left, y))
  words = "back: local derivatives"
  ax.text(left + 0.95, y, words, fontsize=11, va="center", color=_BACK)


def _node(ax: Axes, at: _Point, look: dict[str, str], *formulas: str) -> None:
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


def _say(
  ax: Axes, at: _Point, symbol: str, value: float, align: str = "left"
) -> None:
  """The number of an arrow back."""
  words = f"${symbol} = {say(value)}$"
  ax.text(*at, words, color=_BACK, fontsize=11.5, ha=align, va="center")


def _forward(ax: Axes, start: _Point, end: _Point) -> None:
  _arrow(ax, start, end, color="#222222", linewidth=1.8)


def _back(ax: Axes, start: _Point, end: _Point, bend: float = 0.0) -> None:
  dashes = (0, (4, 2))
  curve = f"arc3,rad={bend}"
  _arrow(
    ax,
    start,
    end,
    color=_BACK,
    linewidth=1.5,
    linestyle=dashes,
    connectionstyle=curve,
  )


def _arrow(ax: Axes, start: _Point, end: _Point, **look: Any) -> None:
  look |= {
    "arrowstyle": "-|>",
    "mutation_scale": 14,
    "shrinkA": 0,
    "shrinkB": 0,
  }
  ax.annotate("", end, start, arrowprops=look, zorder=2)
