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
from rnn_lab.reports.gradients.unfolded_arrows import (
  COST,
  DATA,
  STATE,
  WEIGHT,
  back,
  draw_sum,
  empty_figure,
  forward,
  given,
  legend,
  node,
  number,
  one_hot,
  say,
  say_all,
)
from rnn_lab.reports.gradients.unfolded_table import (
  draw_terms,
  height_of,
  percent,
)

# More steps leave no room for the numbers, and one has nothing to unfold.
STEPS = (2, 3)

# In inches: from one step to the next; the rows of u, s, h, v, z, y_hat, J and
# E above that of x; half the height of a node with one line and with two, half
# the width of a state.
_STEP = 4.7
_U, _S, _H, _V, _Z, _Y, _J, _E = 1.0, 2.5, 4.2, 5.3, 6.4, 8.2, 9.9, 11.5
_LOW, _HIGH, _WIDE = 0.22, 0.34, 1.0
_LEFT, _TOP, _TABLE = -0.8, _E + 1.1, -0.8
_NARROWEST = 15.6


def draw_unfolded(unfolded: Mapping[str, Any]) -> Figure:
  """Draws an unrolled one-unit network, and dE/dw as a table of terms.

  s_t = u x_t + w h_{t-1}, h_t = f(s_t), z_t = v h_t, y_hat_t = softmax(z_t),
  J_t is the cross-entropy and E the sum of all J_t. Steps are counted from 1 in
  the figure, as in the lecture, and h_0 is the state before them.

  Args:
    unfolded: the fields of `rnn_lab.gradients.unfolded.Unfolded`, whose steps
      count from 0, together with what it was made from: u, w, v, xs, targets,
      h0, and the names of the activation and the output if they are not tanh
      and softmax.

  Raises:
    FieldError: there are not two or three steps.
  """
  steps = len(unfolded["h"])
  if steps not in STEPS:
    raise FieldError(
      "unfolded", f"{{field}} must have 2 or 3 steps, got {steps}"
    )
  bottom = _TABLE - height_of(steps)
  width = max(_STEP * steps + 4.6, _NARROWEST)
  figure, ax = empty_figure(width, _LEFT, bottom, _TOP)
  node(ax, (0.0, _H), DATA, f"h_0 = {given(unfolded['h0'])}")
  for t in range(steps):
    _draw_nodes(ax, unfolded, t)
    _draw_ways_to_state(ax, unfolded, t)
    _draw_ways_to_cost(ax, unfolded, t)
  draw_sum(ax, unfolded, _STEP, _J + _HIGH, _E)
  _draw_title(ax, unfolded)
  draw_terms(ax, unfolded, _LEFT + 0.3, _TABLE)
  return figure


def _draw_nodes(ax: Axes, u: Mapping[str, Any], t: int) -> None:
  """x_t, s_t, h_t, z_t, y_hat_t and J_t, and the weights between them."""
  n, at = t + 1, (t + 1) * _STEP
  s = f"s_{n} = {say(u['s'][t])}"
  h = f"h_{n} = f(s_{n}) = {say(u['h'][t])}"
  node(ax, (at, 0.0), DATA, f"x_{n} = {given(u['xs'][t])}")
  node(ax, (at, _S), STATE, s, f"dE/ds_{n} = {say(u['dE_ds'][t])}")
  node(ax, (at, _H), STATE, h, f"dE/dh_{n} = {say(u['dE_dh'][t])}")
  node(ax, (at, _Z), STATE, f"z_{n} = {say_all(u['z'][t])}")
  node(ax, (at, _Y), STATE, rf"\hat{{y}}_{n} = {say_all(u['y_hat'][t])}")
  node(
    ax, (at, _J), COST, f"J_{n} = {say(u['J'][t])}", f"y_{n} = {one_hot(u, t)}"
  )
  node(ax, (at, _U), WEIGHT, f"u = {given(u['u'])}")
  node(ax, (at - _STEP / 2, (_S + _H) / 2), WEIGHT, f"w = {given(u['w'])}")
  node(ax, (at, _V), WEIGHT, f"v = {given(u['v'])}")


def _draw_ways_to_state(ax: Axes, u: Mapping[str, Any], t: int) -> None:
  """From x_t and h_{t-1} to s_t and h_t, and back to h_{t-1}, w and u."""
  n, at = t + 1, (t + 1) * _STEP
  middle, w = at - _STEP / 2, (_S + _H) / 2
  before = at - _STEP + (_WIDE if t else 0.5)
  forward(ax, (at, _LOW), (at, _S - _HIGH))
  forward(ax, (before, _H - 0.12), (at - 0.85, _S + 0.08))
  forward(ax, (at - 0.1, _S + _HIGH), (at - 0.1, _H - _HIGH))
  back(ax, (at + 0.3, _H - _HIGH), (at + 0.3, _S + _HIGH))
  number(ax, (at + 0.4, w), f"dh_{n}/ds_{n}", u["dh_ds"][t])
  back(ax, (at - 0.75, _S + _HIGH), (before + 0.05, _H + 0.1), 0.3)
  place = (middle + 0.75, _H + 0.05)
  number(ax, place, f"ds_{n}/dh_{t}", u["ds_dh"][t], "center")
  back(ax, (at - 0.85, _S - 0.15), (middle - 0.1, w - _LOW), -0.35)
  by_w = rf"\partial s_{n}/\partial w"
  number(ax, (middle - 0.15, _S - 0.3), by_w, u["ds_dw"][t], "center")
  back(ax, (at + 0.5, _S - _HIGH), (at + 0.36, _U), -0.3)
  by_u = rf"\partial s_{n}/\partial u"
  number(ax, (at + 0.7, _U + 0.35), by_u, u["ds_du"][t])


def _draw_ways_to_cost(ax: Axes, u: Mapping[str, Any], t: int) -> None:
  """From h_t to z_t, y_hat_t and J_t, and back to each, and to v."""
  n, at = t + 1, (t + 1) * _STEP
  forward(ax, (at, _H + _HIGH), (at, _Z - _LOW))
  forward(ax, (at, _Z + _LOW), (at, _Y - _LOW))
  forward(ax, (at, _Y + _LOW), (at, _J - _HIGH))
  back(ax, (at + 0.75, _Z - _LOW), (at + 0.75, _H + _HIGH))
  by_h = say_all(u["dz_dh"][t])
  number(ax, (at + 0.85, _V + 0.25), f"dz_{n}/dh_{n}", by_h)
  back(ax, (at - 0.6, _Z - _LOW), (at - 0.6, _V + _LOW), 0.3)
  by_v = rf"\partial z_{n}/\partial v"
  number(ax, (at - 0.85, _V + 0.6), by_v, u["dz_dv"][t], "right")
  back(ax, (at + 0.3, _Y - _LOW), (at + 0.3, _Z + _LOW))
  # A matrix, row by row.
  rows = "\n".join(map(say_all, u["dyhat_dz"][t]))
  rows = f"\n{rows}" if "\n" in rows else rows
  place = (at + 0.4, (_Z + _Y) / 2)
  number(ax, place, rf"d\hat{{y}}_{n}/dz_{n}", rows)
  back(ax, (at + 0.3, _J - _HIGH), (at + 0.3, _Y + _LOW))
  by_yhat = say_all(u["dJ_dyhat"][t])
  place = (at + 0.4, (_Y + _J) / 2)
  number(ax, place, rf"dJ_{n}/d\hat{{y}}_{n}", by_yhat)


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
  outputs = (
    r"$\hat{y}_t = \mathrm{softmax}(z_t)$,   "
    r"$J_t = -\sum_i\, y_{ti} \ln \hat{y}_{ti}$"
  )
  if u.get("output", "softmax") == "linear":
    outputs = r"$\hat{y}_t = z_t$,   $J_t = (\hat{y}_t - y_t)^2 / 2$"
  network = (
    r"$s_t = u\,x_t + w\,h_{t-1}$,   $h_t = f(s_t)$,   $z_t = v\,h_t$,   "
    rf"{outputs},   f = {u.get('activation', 'tanh')}"
  )
  ax.text(left, _TOP - 0.35, title, fontsize=15, weight="bold", va="center")
  ax.text(left, _TOP - 0.8, network, fontsize=12.5, va="center")
  legend(ax, (left, _TOP - 1.35))
