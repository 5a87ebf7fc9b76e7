"""The terms of dE/dw of the lecture's unfolded network, written out."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from rnn_lab.reports.gradients.unfolded_arrows import say, say_all

# In inches: a line, and the columns t, k, way back, numbers, term, share.
LINE = 0.31
_COLUMNS = (0.0, 0.5, 1.0, 6.4, 12.6, 13.9)
_NUMBERS = 4
_NOTES = 4  # and one for each step
_RULE = {"color": "#333333", "linewidth": 1.0}


def percent(part: float, whole: float) -> str:
  """Formats the share of `part` in `whole`, negative if it works against."""
  return f"{say(100 * part / whole)}%" if whole else "–"


def height_of(steps: int) -> float:
  """Returns the height of the whole table in inches."""
  return (steps * (steps + 1) / 2 + 2 + _NOTES + steps + 0.5) * LINE


def draw_terms(ax: Axes, u: Mapping[str, Any], left: float, top: float) -> None:
  """Draws the table, its first line at `top`, on axes of inches.

  Args:
    ax: the axes.
    u: the argument of `draw_unfolded`.
    left: the left end of the table.
    top: the middle of its first line.
  """
  columns = [left + column for column in _COLUMNS]
  ends = [left, columns[-1]]
  head = (
    "t",
    "k",
    "way back from $J_t$ to $w$ in step $k$",
    "in numbers",
    "term",
    "of dE/dw",
  )
  y = top
  _line(ax, columns, y, head, weight="bold")
  ax.plot(ends, [y - LINE / 2] * 2, **_RULE)
  for t in range(len(u["h"])):
    for k in range(t, -1, -1):
      y -= LINE
      _line(ax, columns, y, _term(u, t, k))
  y -= LINE
  ax.plot(ends, [y + LINE / 2] * 2, **_RULE)
  total = ("", "", "sum of all: $dE/dw$", "", say(u["dE_dw"]), "100%")
  _line(ax, columns, y, total, weight="bold")
  for i, note in enumerate(_notes(u)):
    ax.text(left, y - (1.5 + i) * LINE, note, fontsize=10.5, va="center")


def _term(u: Mapping[str, Any], t: int, k: int) -> tuple[str, ...]:
  """A line of the table: the factors as symbols and as numbers, their product.

  Of the last column, a share of a sum of terms with both signs.
  """
  n = t + 1
  factors = [(f"dJ_{n}/dh_{n}", u["dJ_dh"][t])]
  for j in range(t, k, -1):
    factors.append((f"dh_{j + 1}/ds_{j + 1}", u["dh_ds"][j]))
    factors.append((f"ds_{j + 1}/dh_{j}", u["ds_dh"][j]))
  factors.append((f"dh_{k + 1}/ds_{k + 1}", u["dh_ds"][k]))
  factors.append((rf"\partial s_{k + 1}/\partial w", u["ds_dw"][k]))
  path = r" \cdot ".join(symbol for symbol, _ in factors)
  numbers = r" \cdot ".join(_in_brackets(value) for _, value in factors)
  value = u["terms_w"][t][k]
  return (
    str(n),
    str(k + 1),
    f"${path}$",
    f"${numbers}$",
    say(value),
    percent(value, u["dE_dw"]),
  )


def _notes(u: Mapping[str, Any]) -> list[str]:
  by_v = " + ".join(map(say_all, u["terms_v"]))
  return [
    *(_of_output(u, t) for t in range(len(u["h"]))),
    r"$\partial s_k/\partial w = h_{k-1}$ is by the use of $w$ in step $k$ "
    "alone, with $h_{k-1}$ held fixed. A negative share is that of a term that "
    "works against the sum.",
    r"$dE/dh_t = dJ_t/dh_t + dE/ds_{t+1} \cdot ds_{t+1}/dh_t$: what comes from "
    "the cost of its own step, and from the next step.",
    f"In the same way $dE/du$ = {say(u['dE_du'])}, with "
    r"$\partial s_k/\partial u = x_k$ at the end of each way; $dE/dv$ = "
    f"{by_v} = {say_all(u['dE_dv'])} has one term for each $t$.",
    "Computed numbers are rounded to three digits.",
  ]


def _of_output(u: Mapping[str, Any], t: int) -> str:
  n = t + 1
  by_z = rf"dJ_{n}/d\hat{{y}}_{n} \cdot d\hat{{y}}_{n}/dz_{n}"
  return (
    rf"$dJ_{n}/dz_{n} = {by_z}$ = {say_all(u['dJ_dz'][t])},   and "
    rf"$dJ_{n}/dh_{n} = dJ_{n}/dz_{n} \cdot dz_{n}/dh_{n}$ = "
    f"{say(u['dJ_dh'][t])}."
  )


def _in_brackets(value: float) -> str:
  return f"({say(value)})" if value < 0 else say(value)


def _line(
  ax: Axes,
  columns: Sequence[float],
  y: float,
  words: Sequence[str],
  **look: Any,
) -> None:
  for i, (x, word) in enumerate(zip(columns, words)):
    # The results end, and all others begin, where their column is.
    align = "right" if i >= _NUMBERS else "left"
    ax.text(x, y, word, ha=align, va="center", fontsize=11, **look)
