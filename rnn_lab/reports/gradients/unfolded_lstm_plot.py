"""The lecture's unfolded LSTM of one unit, every derivative with its number.

The direct path from c_{t-1} to c_t is drawn in bold.
"""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnn_lab.errors import FieldError
from rnn_lab.reports.gradients.unfolded_arrows import (
  BACK,
  COST,
  DATA,
  GATE,
  STATE,
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

STEPS = (2, 3)

# The gates from left to right, in inches from the middle of their step.
_GATES = {"f": -3.0, "i": -0.95, "g": 1.1, "o": 3.15}
# In inches: from one step to the next; the rows of the gates, c, h, J and E
# above that of x; where h_{t-1} and x_t meet; half the heights of nodes with
# one, two and three lines; half the widths of c and h.
_STEP = 9.2
_MEET, _GATE, _C, _H, _J, _E = 0.75, 2.9, 5.6, 7.4, 9.2, 10.9
_LOW, _HIGH, _TALL, _WIDE = 0.22, 0.34, 0.48, 1.35
_LEFT, _TOP, _TEXT = -1.2, _E + 1.1, -0.8
_LINE = 0.31


def draw_unfolded_lstm(unfolded: Mapping[str, Any]) -> Figure:
  """Draws an unrolled LSTM of one unit, every gate and derivative in numbers.

  Steps are counted from 1 in the figure; h_0 and c_0 are the states before
  them.

  Args:
    unfolded: the fields of `rnn_lab.gradients.unfolded_lstm.UnfoldedLSTM`,
      whose steps count from 0, together with what it was made from.

  Raises:
    FieldError: there are not two or three steps.
  """
  steps = len(unfolded["h"])
  if steps not in STEPS:
    raise FieldError(
      "unfolded", f"{{field}} must have 2 or 3 steps, got {steps}"
    )
  lines = _lines(unfolded)
  bottom = _TEXT - (len(lines) + 0.5) * _LINE
  width = _STEP * steps + 7.4
  figure, ax = empty_figure(width, _LEFT, bottom, _TOP)
  node(ax, (0.0, _C), DATA, f"c_0 = {given(unfolded['c0'])}")
  node(ax, (0.0, _H), DATA, f"h_0 = {given(unfolded['h0'])}")
  for t in range(steps):
    _draw_nodes(ax, unfolded, t)
    _draw_ways_to_gates(ax, unfolded, t)
    _draw_ways_to_states(ax, unfolded, t)
    _draw_direct_path(ax, unfolded, t)
  draw_sum(ax, unfolded, _STEP, _J + _TALL, _E)
  _draw_title(ax, unfolded)
  for i, line in enumerate(lines):
    at = (_LEFT + 0.3, _TEXT - i * _LINE)
    ax.text(*at, line, fontsize=11, va="center")
  return figure


def _draw_nodes(ax: Axes, u: Mapping[str, Any], t: int) -> None:
  """x_t, the gates, c_t, h_t and J_t."""
  n, at = t + 1, (t + 1) * _STEP
  node(ax, (at, 0.0), DATA, f"x_{n} = {given(u['xs'][t])}")
  for gate, aside in _GATES.items():
    f = r"\tanh" if gate == "g" else r"\sigma"
    node(
      ax,
      (at + aside, _GATE),
      GATE,
      f"{gate}_{n} = {say(u['gates'][gate][t])}",
      f"= {f}({say(u['a'][gate][t])})",
      f"dE/da = {say(u['dE_da'][gate][t])}",
    )
  c = f"c_{n} = f_{n} c_{t} + i_{n} g_{n} = {say(u['c'][t])}"
  h = rf"h_{n} = o_{n} \tanh(c_{n}) = {say(u['h'][t])}"
  node(ax, (at, _C), STATE, c, f"dE/dc_{n} = {say(u['dE_dc'][t])}")
  node(ax, (at, _H), STATE, h, f"dE/dh_{n} = {say(u['dE_dh'][t])}")
  node(
    ax,
    (at, _J),
    COST,
    f"J_{n} = {say(u['J'][t])}",
    rf"\hat{{y}}_{n} = {say_all(u['y_hat'][t])}",
    f"y_{n} = {one_hot(u, t)}",
  )


def _draw_ways_to_gates(ax: Axes, u: Mapping[str, Any], t: int) -> None:
  """From h_{t-1} and x_t to the gates, and the numbers of the way back."""
  n, at = t + 1, (t + 1) * _STEP
  before = at - _STEP + (_WIDE if t else 0.5)
  aside = at + _GATES["f"] - 0.85
  line = {"color": "#222222", "linewidth": 1.8, "zorder": 1}
  right = at + _GATES["o"]
  path = ((before, _H), (aside, _H), (aside, _MEET), (right, _MEET))
  ax.plot(*zip(*path), **line)
  ax.plot([at, at], [_LOW, _MEET], **line)
  for gate, shift in _GATES.items():
    x = at + shift
    forward(ax, (x, _MEET), (x, _GATE - _TALL))
    slope = f"d{gate}_{n}/da"
    by_h = rf"\partial {gate}_{n}/\partial h_{t}"
    lower = (x + 0.05, _MEET + 0.3)
    upper = (x + 0.05, _MEET + 0.62)
    number(ax, upper, slope, u["dgate_da"][gate][t])
    number(ax, lower, by_h, u["dgate_dh"][gate][t])


def _draw_ways_to_states(ax: Axes, u: Mapping[str, Any], t: int) -> None:
  """From the gates to c_t, h_t and J_t, and back."""
  n, at = t + 1, (t + 1) * _STEP
  ends = {"f": -0.9, "i": -0.2, "g": 0.6}
  for gate, end in ends.items():
    x = at + _GATES[gate]
    forward(ax, (x - 0.1, _GATE + _TALL), (at + end - 0.1, _C - _HIGH))
    back(ax, (at + end + 0.15, _C - _HIGH), (x + 0.15, _GATE + _TALL))
    by_gate = rf"\partial c_{n}/\partial {gate}_{n}"
    # To the right of its arrow at this height.
    share = 0.25
    place = x + 0.3 + share * (at + end - x)
    height = _GATE + _TALL + share * (_C - _HIGH - _GATE - _TALL)
    number(ax, (place, height), by_gate, u["dc_dgate"][gate][t])
  x = at + _GATES["o"]
  forward(ax, (x, _GATE + _TALL), (at + 1.3, _H - _HIGH))
  back(ax, (at + 1.55, _H - _HIGH), (x + 0.25, _GATE + _TALL))
  by_o = rf"\partial h_{n}/\partial o_{n}"
  number(ax, (at + 2.05, _C + 0.95), by_o, u["dh_do"][t])
  forward(ax, (at - 0.1, _C + _HIGH), (at - 0.1, _H - _HIGH))
  back(ax, (at + 0.1, _H - _HIGH), (at + 0.1, _C + _HIGH))
  by_c = rf"\partial h_{n}/\partial c_{n}"
  number(ax, (at - 0.2, (_C + _H) / 2), by_c, u["dh_dc"][t], "right")
  forward(ax, (at - 0.1, _H + _HIGH), (at - 0.1, _J - _TALL))
  back(ax, (at + 0.1, _J - _TALL), (at + 0.1, _H + _HIGH))
  number(ax, (at + 0.2, (_H + _J) / 2 - 0.05), f"dJ_{n}/dh_{n}", u["dJ_dh"][t])


def _draw_direct_path(ax: Axes, u: Mapping[str, Any], t: int) -> None:
  """From c_{t-1} to c_t and back, in bold."""
  n, at = t + 1, (t + 1) * _STEP
  wide = _WIDE + 0.15
  before = at - _STEP + (wide if t else 0.5)
  forward(ax, (before, _C - 0.08), (at - wide, _C - 0.08), width=4.0)
  back(ax, (at - wide, _C + 0.12), (before, _C + 0.12), width=3.5)
  words = (
    rf"$\mathbf{{\partial c_{n}/\partial c_{t} = f_{n}}}$ = "
    f"{say(u['dc_dc'][t])}"
  )
  # Left of the line on which h_{t-1} comes down, right of the gate before.
  place = (at + _GATES["f"] - 2.05, _C + 0.42)
  look = {"color": BACK, "fontsize": 12, "weight": "bold"}
  ax.text(*place, words, ha="center", va="center", **look)


def _draw_title(ax: Axes, u: Mapping[str, Any]) -> None:
  """The conclusion, the network, and what the two kinds of arrow mean."""
  steps, left = len(u["h"]), _LEFT + 0.3
  title = (
    f"Along the direct path (bold) dc_{steps}/dc_0 is {say(u['direct'][0])}, "
    f"along all paths {say(u['whole'][0])}"
  )
  network = (
    r"$f_t, i_t, o_t = \sigma(a_t)$,   $g_t = \tanh(a_t)$,   "
    r"each with its own $a_t = W x_t + U h_{t-1} + b$;   "
    r"$\hat{y}_t = \mathrm{softmax}(v\,h_t)$,   "
    r"$J_t = -\sum_i\, y_{ti} \ln \hat{y}_{ti}$"
  )
  ax.text(left, _TOP - 0.35, title, fontsize=15, weight="bold", va="center")
  ax.text(left, _TOP - 0.8, network, fontsize=12.5, va="center")
  legend(ax, (left, _TOP - 1.35))


def _lines(u: Mapping[str, Any]) -> list[str]:
  """The numbers that belong to no single arrow."""
  steps = range(len(u["h"]))
  factors = r" \cdot ".join(say(u["dc_dc"][t]) for t in reversed(steps))
  last = len(steps)
  lines = [
    f"The direct path from $c_{last}$ to $c_0$: ${factors}$ = "
    f"{say(u['direct'][0])}. The other paths lead through $h_t$ and the gates.",
    *(_all_paths(u, t) for t in steps),
    *(_of_output(u, t) for t in steps),
  ]
  names = ("W", r" \cdot x_t"), ("U", r" \cdot h_{t-1}"), ("b", "")
  for name, factor in names:
    weights = ", ".join(
      f"{gate}: {given(u[name][gate])} ({say(u[f'dE_d{name}'][gate])})"
      for gate in _GATES
    )
    lines.append(
      f"${name}$, and in brackets $dE/d{name}$, the sum over t of "
      f"$dE/da_t{factor}$:  {weights}"
    )
  by_v = " + ".join(map(say_all, u["terms_v"]))
  lines.append(
    f"$v$ = {given(u['v'])},   $dE/dv$ = {by_v} = {say_all(u['dE_dv'])}."
  )
  return [*lines, "Computed numbers are rounded to three digits."]


def _all_paths(u: Mapping[str, Any], t: int) -> str:
  """The entries of the step's Jacobian that are sums of paths."""
  n = t + 1
  entries = [
    ("c", "h", "step_ch"),
    ("h", "c", "step_hc"),
    ("h", "h", "step_hh"),
  ]
  words = ",   ".join(
    rf"$\partial {a}_{n}/\partial {b}_{t}$ = {say(u[field][t])}"
    for a, b, field in entries
  )
  return f"Sums over the paths of step {n}:  {words}."


def _of_output(u: Mapping[str, Any], t: int) -> str:
  n = t + 1
  matrix = ", ".join(map(say_all, u["dyhat_dz"][t]))
  y_hat = rf"\hat{{y}}_{n}"
  return (
    rf"$z_{n} = v\,h_{n}$ = {say_all(u['z'][t])},   "
    rf"$dJ_{n}/dh_{n} = dJ_{n}/d{y_hat} \cdot d{y_hat}/dz_{n} \cdot "
    rf"dz_{n}/dh_{n}$ = {say_all(u['dJ_dyhat'][t])} · [{matrix}] · "
    f"{say_all(u['dz_dh'][t])} = {say(u['dJ_dh'][t])},   "
    rf"$\partial z_{n}/\partial v$ = {say(u['dz_dv'][t])}."
  )
