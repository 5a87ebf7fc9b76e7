"""The lecture's unfolded LSTM of one unit, every derivative with its number.

The direct path from c_{t-1} to c_t is drawn in bold.
"""

from matplotlib.figure import Figure

from rnn_lab.reports.gradients.unfolded_drawing import (
  BACK,
  FRONT,
  HIGH,
  LINE,
  LOW,
  MARGIN,
  TALL,
  Network,
  Row,
  draw_network,
  fill,
  prepared,
  say,
  ways,
)

# The gates from left to right, in inches from the middle of their step.
_GATES = {"f": -3.0, "i": -0.95, "g": 1.1, "o": 3.15}
# Where the arrows of three of them meet c_t.
_ENDS = {"f": -0.9, "i": -0.2, "g": 0.6}
_CURVES = {"f": r"\sigma", "i": r"\sigma", "g": r"\tanh", "o": r"\sigma"}
# What dE/da_t is multiplied by for the gradient of a gate's weights.
_WEIGHTS = {"W": r" \cdot x_t", "U": r" \cdot h_{t-1}", "b": ""}
# In inches: from one step to the next; the rows of the gates, c, h, J and E
# above that of x; where h_{t-1} and x_t meet; half the width of c and h.
_STEP = 9.2
_MEET, _GATE, _C, _H, _J, _E = 0.75, 2.9, 5.6, 7.4, 9.2, 10.9
_WIDE = 1.35
_LEFT, _TOP, _TEXT = -1.2, _E + 1.1, -0.8
_FORMULAS = (
  r"$f_t, i_t, o_t = \sigma(a_t)$,   $g_t = \tanh(a_t)$,   "
  r"each with its own $a_t = W x_t + U h_{t-1} + b$;   "
  r"$\hat{y}_t = \mathrm{softmax}(v\,h_t)$,   "
  r"$J_t = -\sum_i\, y_{ti} \ln \hat{y}_{ti}$"
)
_OF_PATHS = (
  r"Sums over the paths of step <n[t]>:  "
  r"$\partial c_t/\partial h_{t-1}$ = <step_ch[t]>,   "
  r"$\partial h_t/\partial c_{t-1}$ = <step_hc[t]>,   "
  r"$\partial h_t/\partial h_{t-1}$ = <step_hh[t]>."
)
_OF_OUTPUT = (
  r"$z_t = v\,h_t$ = <z[t]>,   $dJ_t/dh_t = dJ_t/d\hat{y}_t \cdot "
  r"d\hat{y}_t/dz_t \cdot dz_t/dh_t$ = <dJ_dyhat[t]> · [<rows[t]>] · "
  r"<dz_dh[t]> = <dJ_dh[t]>,   $\partial z_t/\partial v$ = <dz_dv[t]>."
)


def draw_unfolded_lstm(unfolded: Network) -> Figure:
  """Draws an unrolled LSTM of one unit, every gate and derivative in numbers.

  Steps are counted from 1 in the figure; h_0 and c_0 are the states before
  them.

  Args:
    unfolded: the fields of `rnn_lab.gradients.unfolded_lstm.UnfoldedLSTM`,
      whose steps count from 0, together with what it was made from.

  Raises:
    FieldError: there are not two or three steps.
  """
  u = prepared(unfolded)
  steps = len(u["h"])
  lines, right = _lines(u, steps), _LEFT + _STEP * steps + 7.4
  conclusion = (
    f"Along the direct path (bold) dc_{steps}/dc_0 is {say(u['direct'][0])}, "
    f"along all paths {say(u['whole'][0])}"
  )
  return draw_network(
    u,
    ((_LEFT, _TOP), (right, _TEXT - (len(lines) + 0.5) * LINE)),
    _STEP,
    (conclusion, _FORMULAS),
    (_J + TALL, _E),
    [[*_gates(t == 0), *_states(t == 0)] for t in range(steps)],
    [
      ("box", 0.0, _C, "data", "c_0 = <c0>"),
      ("box", 0.0, _H, "data", "h_0 = <h0>"),
      *(
        ("text", _LEFT + MARGIN, _TEXT - i * LINE, line, 11)
        for i, line in enumerate(lines)
      ),
    ],
  )


def _gates(is_first: bool) -> list[Row]:
  """From h_{t-1} and x_t to the gates, c_t and h_t, and back."""
  before = -_STEP + (0.5 if is_first else _WIDE)
  aside = _GATES["f"] - 0.85
  corners = [(before, _H), (aside, _H), (aside, _MEET), (_GATES["o"], _MEET)]
  rows: list[Row] = [
    ("wire", corners, FRONT, 1.8),
    ("wire", [(0.0, LOW), (0.0, _MEET)], FRONT, 1.8),
  ]
  top, low = _GATE + TALL, _C - HIGH
  for g, x in _GATES.items():
    value = rf"= {_CURVES[g]}(<a.{g}[t]>)"
    gate = (f"{g}_t = <gates.{g}[t]>", value, f"dE/da = <dE_da.{g}[t]>")
    right, upper, lower = x + 0.05, _MEET + 0.62, _MEET + 0.3
    by_h = rf"\partial {g}_t/\partial h_{{t-1}}"
    rows += [
      ("box", x, _GATE, "gate", *gate),
      ("forward", (x, _MEET), (x, _GATE - TALL)),
      ("number", right, upper, f"d{g}_t/da", f"<dgate_da.{g}[t]>"),
      ("number", right, lower, by_h, f"<dgate_dh.{g}[t]>"),
    ]
  for g, end in _ENDS.items():
    x = _GATES[g]
    # To the right of its arrow, a quarter of the way up.
    at = (x + 0.3 + 0.25 * (end - x), top + 0.25 * (low - top))
    by_gate = (rf"\partial c_t/\partial {g}_t", f"<dc_dgate.{g}[t]>")
    rows += ways((x, top), (end, low), (-0.1, 0.15), at, *by_gate)
  o, at = ((_GATES["o"], top), (1.3, _H - HIGH)), (2.05, _C + 0.95)
  by_o = (r"\partial h_t/\partial o_t", "<dh_do[t]>")
  return rows + ways(*o, (0.0, 0.25), at, *by_o)


def _states(is_first: bool) -> list[Row]:
  """x_t, c_t, h_t and J_t, and the ways between them and from c_{t-1}."""
  wide = _WIDE + 0.15
  before = -_STEP + (0.5 if is_first else wide)
  low, up, middle = _C - 0.08, _C + 0.12, (_C + _H) / 2
  c = ("c_t = f_t c_{t-1} + i_t g_t = <c[t]>", "dE/dc_t = <dE_dc[t]>")
  h = (r"h_t = o_t \tanh(c_t) = <h[t]>", "dE/dh_t = <dE_dh[t]>")
  cost = ("J_t = <J[t]>", r"\hat{y}_t = <y_hat[t]>", "y_t = <y[t]>")
  by_c = (r"\partial h_t/\partial c_t", "<dh_dc[t]>", "right")
  by_h = ("dJ_t/dh_t", "<dJ_dh[t]>")
  c_to_h = ((0.0, _C + HIGH), (0.0, _H - HIGH), (-0.1, 0.1))
  h_to_cost = ((0.0, _H + HIGH), (0.0, _J - TALL), (-0.1, 0.1))
  direct = r"$\mathbf{\partial c_t/\partial c_{t-1} = f_t}$ = <dc_dc[t]>"
  bold = {"color": BACK, "weight": "bold", "ha": "center"}
  return [
    ("box", 0.0, 0.0, "data", "x_t = <xs[t]>"),
    ("box", 0.0, _C, "state", *c),
    ("box", 0.0, _H, "state", *h),
    ("box", 0.0, _J, "cost", *cost),
    *ways(*c_to_h, (-0.2, middle), *by_c),
    *ways(*h_to_cost, (0.2, (_H + _J) / 2 - 0.05), *by_h),
    ("forward", (before, low), (-wide, low), {"lw": 4.0}),
    ("back", (-wide, up), (before, up), {"lw": 3.5}),
    # Left of the line on which h_{t-1} comes down, right of the gate before.
    ("text", _GATES["f"] - 2.05, _C + 0.42, direct, 12, bold),
  ]


def _lines(u: Network, steps: int) -> list[str]:
  """The numbers that belong to no single arrow."""
  factors = r" \cdot ".join(say(u["dc_dc"][t]) for t in reversed(range(steps)))
  lines = [
    f"The direct path from $c_{steps}$ to $c_0$: ${factors}$ = "
    f"{say(u['direct'][0])}. The other paths lead through $h_t$ and the gates.",
  ]
  for words in (_OF_PATHS, _OF_OUTPUT):
    lines += [fill(words, u, t) for t in range(steps)]
  for name, factor in _WEIGHTS.items():
    weights = ", ".join(f"{g}: <{name}.{g}> (<dE_d{name}.{g}>)" for g in _GATES)
    lines.append(
      f"${name}$, and in brackets $dE/d{name}$, the sum over t of "
      f"$dE/da_t{factor}$:  {weights}"
    )
  lines.append("$v$ = <v>,   $dE/dv$ = <sum_v> = <dE_dv>.")
  return [*lines, "Computed numbers are rounded to three digits."]
