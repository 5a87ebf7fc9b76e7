"""The terms of dE/dw of the lecture's unfolded network, written out."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

# In inches: a line, and the columns t, k, way back, numbers, term, share.
LINE = 0.31
_COLUMNS = (0.0, 0.5, 1.0, 5.1, 10.7, 12.1)
_NUMBERS = 4
_NOTES = 4
_RULE = {"color": "#333333", "linewidth": 1.0}


def say(value: float) -> str:
  """Formats three digits, with the minus sign of a formula."""
  return f"{value:#.3g}".rstrip(".").replace("-", "\u2212")


def percent(part: float, whole: float) -> str:
  """Formats the share of `part` in `whole`, negative if it works against."""
  return f"{say(100 * part / whole)}%" if whole else "–"


def height_of(steps: int) -> float:
  """Returns the height of the whole table in inches."""
  return (steps * (steps + 1) / 2 + 2 + _NOTES + 0.5) * LINE


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
  factors = [
    (f"dJ_{n}/dy_{n}", u["dJ_dy"][t]),
    (f"dy_{n}/dh_{n}", u["dy_dh"][t]),
    *((f"dh_{j + 1}/dh_{j}", u["dh_dh"][j]) for j in range(t, k, -1)),
    (rf"\partial h_{k + 1}/\partial w", u["dh_dw"][k]),
  ]
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
  by_v = " + ".join(_in_brackets(term) for term in u["terms_v"])
  return [
    r"$\partial h_k/\partial w$ is by the use of $w$ in step $k$ alone, with "
    r"$h_{k-1}$ held fixed. A negative share is that of a term that works "
    "against the sum.",
    r"$dE/dh_t = dJ_t/dy_t \cdot dy_t/dh_t + dE/dh_{t+1} \cdot dh_{t+1}/dh_t$: "
    "what comes from the cost of its own step, and from the next step.",
    f"In the same way $dE/du$ = {say(u['dE_du'])}, with "
    r"$\partial h_k/\partial u$ at the end of each way; $dE/dv$ = "
    f"{by_v} = {say(u['dE_dv'])} has one term for each $t$.",
    "Computed numbers are rounded to three digits.",
  ]


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
