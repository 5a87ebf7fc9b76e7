"""The lecture's unfolded network, with a number on every arrow.

Solid arrows carry values forward; each dashed one is a local derivative, on
its way back. Below them stand the terms of dE/dw, one for each path from a
cost back to a use of w.
"""

from matplotlib.figure import Figure

from rnn_lab.reports.gradients.unfolded_drawing import (
  HIGH,
  LINE,
  LOW,
  MARGIN,
  Network,
  Point,
  Row,
  draw_network,
  fill,
  prepared,
  say,
  ways,
)

# In inches: from one step to the next; the rows of u, s, w, h, v, z, y_hat, J
# and E above that of x; half the width of a state.
_STEP = 4.7
_U, _S, _W, _H, _V, _Z = 1.0, 2.5, 3.35, 4.2, 5.3, 6.4
_Y, _J, _E = 8.2, 9.9, 11.5
_WIDE = 1.0
_LEFT, _TOP, _TABLE = -0.8, _E + 1.1, -0.8
_NARROWEST = 15.6
# Likewise of the table's columns, by what stands at their head.
_COLUMNS = {
  "t": 0.0,
  "k": 0.5,
  "way back from $J_t$ to $w$ in step $k$": 1.0,
  "in numbers": 6.4,
  "term": 12.6,
  "of dE/dw": 13.9,
}
# The first column with numbers, which end where it is.
_NUMBERS = 4
_BY_U, _BY_W = r"\partial s_t/\partial u", r"\partial s_t/\partial w"
_BY_V, _BY_Z = r"\partial z_t/\partial v", r"d\hat{y}_t/dz_t"
_BY_Y = r"dJ_t/d\hat{y}_t"
_NETWORK = (
  r"$s_t = u\,x_t + w\,h_{t-1}$,   $h_t = f(s_t)$,   $z_t = v\,h_t$,   "
)
_OUTPUTS = {
  "softmax": r"$\hat{y}_t = \mathrm{softmax}(z_t)$,   "
  r"$J_t = -\sum_i\, y_{ti} \ln \hat{y}_{ti}$",
  "linear": r"$\hat{y}_t = z_t$,   $J_t = (\hat{y}_t - y_t)^2 / 2$",
}
_OF_OUTPUT = (
  r"$dJ_t/dz_t = dJ_t/d\hat{y}_t \cdot d\hat{y}_t/dz_t$ = <dJ_dz[t]>,   and "
  r"$dJ_t/dh_t = dJ_t/dz_t \cdot dz_t/dh_t$ = <dJ_dh[t]>."
)
_NOTES = (
  r"$\partial s_k/\partial w = h_{k-1}$ is by the use of $w$ in step $k$ "
  "alone, with $h_{k-1}$ held fixed. A negative share is that of a term that "
  "works against the sum.",
  r"$dE/dh_t = dJ_t/dh_t + dE/ds_{t+1} \cdot ds_{t+1}/dh_t$: what comes from "
  "the cost of its own step, and from the next step.",
  r"In the same way $dE/du$ = <dE_du>, with $\partial s_k/\partial u = x_k$ at "
  "the end of each way; $dE/dv$ = <sum_v> = <dE_dv> has one term for each $t$.",
  "Computed numbers are rounded to three digits.",
)


def draw_unfolded(unfolded: Network) -> Figure:
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
  u = prepared(unfolded)
  steps = len(u["h"])
  count = steps * (steps + 1) // 2
  longest = _percent(u["terms_w"][-1][0], u["dE_dw"])
  conclusion = (
    f"dE/dw = <dE_dw> is the sum of {count} terms; the longest path "
    f"(t = {steps}, k = 1) contributes {longest} of it"
  )
  outputs = _OUTPUTS[u.get("output", "softmax")]
  formulas = f"{_NETWORK}{outputs},   f = {u.get('activation', 'tanh')}"
  right = _LEFT + max(_STEP * steps + 4.6, _NARROWEST)
  return draw_network(
    u,
    ((_LEFT, _TOP), (right, _TABLE - (count + steps + 6.5) * LINE)),
    _STEP,
    (conclusion, formulas),
    (_J + HIGH, _E),
    [_step(-_STEP + (_WIDE if t else 0.5)) for t in range(steps)],
    [("box", 0.0, _H, "data", "h_0 = <h0>"), *_table(u)],
  )


def _step(before: float) -> list[Row]:
  """The boxes and arrows of a step, where h_{t-1} ends at `before`."""
  w = -_STEP / 2
  return [
    ("box", 0.0, 0.0, "data", "x_t = <xs[t]>"),
    ("box", 0.0, _S, "state", "s_t = <s[t]>", "dE/ds_t = <dE_ds[t]>"),
    ("box", 0.0, _H, "state", "h_t = f(s_t) = <h[t]>", "dE/dh_t = <dE_dh[t]>"),
    ("box", 0.0, _Z, "state", "z_t = <z[t]>"),
    ("box", 0.0, _Y, "state", r"\hat{y}_t = <y_hat[t]>"),
    ("box", 0.0, _J, "cost", "J_t = <J[t]>", "y_t = <y[t]>"),
    ("box", 0.0, _U, "weight", "u = <u>"),
    ("box", w, _W, "weight", "w = <w>"),
    ("box", 0.0, _V, "weight", "v = <v>"),
    ("forward", (0.0, LOW), (0.0, _S - HIGH)),
    ("forward", (before, _H - 0.12), (-0.85, _S + 0.08)),
    ("back", (-0.75, _S + HIGH), (before + 0.05, _H + 0.1), _bent(0.3)),
    ("number", w + 0.75, _H + 0.05, "ds_t/dh_{t-1}", "<ds_dh[t]>", "center"),
    ("back", (-0.85, _S - 0.15), (w - 0.1, _W - LOW), _bent(-0.35)),
    ("number", w - 0.15, _S - 0.3, _BY_W, "<ds_dw[t]>", "center"),
    ("back", (0.5, _S - HIGH), (0.36, _U), _bent(-0.3)),
    ("number", 0.7, _U + 0.35, _BY_U, "<ds_du[t]>"),
    ("back", (-0.6, _Z - LOW), (-0.6, _V + LOW), _bent(0.3)),
    ("number", -0.85, _V + 0.6, _BY_V, "<dz_dv[t]>", "right"),
    *_up(_S + HIGH, _H - HIGH, (-0.1, 0.3), _W, "dh_t/ds_t", "<dh_ds[t]>"),
    *_up(_H + HIGH, _Z - LOW, (0, 0.75), _V + 0.25, "dz_t/dh_t", "<dz_dh[t]>"),
    *_up(_Z + LOW, _Y - LOW, (0, 0.3), (_Z + _Y) / 2, _BY_Z, "<matrix[t]>"),
    *_up(_Y + LOW, _J - HIGH, (0, 0.3), (_Y + _J) / 2, _BY_Y, "<dJ_dyhat[t]>"),
  ]


def _bent(share: float) -> dict[str, str]:
  return {"connectionstyle": f"arc3,rad={share}"}


def _up(
  low: float, high: float, asides: Point, y: float, *number: str
) -> list[Row]:
  """The ways between two boxes, the number at the right of the way back."""
  at = (asides[1] + 0.1, y)
  return ways((0.0, low), (0.0, high), asides, at, *number)


def _table(u: Network) -> list[Row]:
  """The terms of dE/dw, a line each, their sum, and notes."""
  left, steps = _LEFT + MARGIN, range(len(u["h"]))
  terms = [_term(u, t, k) for t in steps for k in range(t, -1, -1)]
  total = ("", "", "sum of all: $dE/dw$", "", "<dE_dw>", "100%")
  rows: list[Row] = []
  for i, line in enumerate((_COLUMNS, *terms, total)):
    look = {} if 0 < i <= len(terms) else {"weight": "bold"}
    for column, (x, words) in enumerate(zip(_COLUMNS.values(), line)):
      align = {"ha": "right" if column >= _NUMBERS else "left"}
      y = _TABLE - i * LINE
      rows.append(("text", left + x, y, words, 11, look | align))
  for i in (0.5, len(terms) + 0.5):
    y = _TABLE - i * LINE
    ends = [(left, y), (left + max(_COLUMNS.values()), y)]
    rows.append(("wire", ends, "#333333", 1.0))
  notes = [*(fill(_OF_OUTPUT, u, t) for t in steps), *_NOTES]
  top = _TABLE - (len(terms) + 2.5) * LINE
  return rows + [
    ("text", left, top - i * LINE, note, 10.5) for i, note in enumerate(notes)
  ]


def _term(u: Network, t: int, k: int) -> tuple[str, ...]:
  """A line of the table: the factors as symbols and as numbers, their product.

  Of the last column, a share of a sum of terms with both signs.
  """
  factors = [(t, "dJ_t/dh_t", "dJ_dh")]
  for j in range(t, k, -1):
    factors += [(j, "dh_t/ds_t", "dh_ds"), (j, "ds_t/dh_{t-1}", "ds_dh")]
  factors += [(k, "dh_t/ds_t", "dh_ds"), (k, _BY_W, "ds_dw")]
  path = r" \cdot ".join(fill(symbol, u, j) for j, symbol, _ in factors)
  values = [u[field][j] for j, _, field in factors]
  numbers = [f"({say(v)})" if v < 0 else say(v) for v in values]
  product, term = r" \cdot ".join(numbers), u["terms_w"][t][k]
  share = _percent(term, u["dE_dw"])
  return (f"{t + 1}", f"{k + 1}", f"${path}$", f"${product}$", say(term), share)


def _percent(part: float, whole: float) -> str:
  """Formats the share of `part` in `whole`, negative if it works against."""
  return f"{say(100 * part / whole)}%" if whole else "–"
