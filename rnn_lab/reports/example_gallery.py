"""Examples of a run: what was read, what was answered, what is true."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnn_lab.reports import style
from rnn_lab.reports.section import Cell, Grid

COLUMNS = 6
# Forecasts that are drawn, and the values before each.
MOST_SERIES = 4
MOST_BEFORE = 60
RIGHT, WRONG = "#00613f", "#a33a00"


def is_of_symbols(rows: Sequence[Mapping[str, Any]]) -> bool:
  """Whether what is read can be written in a line."""
  reads = rows[0]["reads"]
  return reads is not None and reads["form"] == "symbols"


def is_of_numbers(rows: Sequence[Mapping[str, Any]]) -> bool:
  """Whether the answers are numbers, which are right by degrees."""
  return rows[0]["right"] is None


def gallery_grid(
  title: str, rows: Sequence[Mapping[str, Any]], one_is_right: bool
) -> Grid:
  """Returns a table of examples whose inputs are symbols, the wrong ones first.

  Args:
    title: of the table.
    rows: as `rnn_lab.evaluators.examples.collect` returns them.
    one_is_right: whether the target is the one right answer; a translation may
      be right and differ from it.
  """
  verdicts = ("right", "wrong") if one_is_right else ("equal", "differs")
  return Grid(
    title,
    ["input", "answer", "target", ""],
    [
      [
        said(row["reads"]["values"]),
        said(row["output"]),
        said(row["target"]),
        _verdict(row, verdicts),
      ]
      for row in sorted(rows, key=lambda row: row["right"])
    ],
    "examples of the test split with the answers of the first seed, at first "
    "those that differ from the target",
    numeric=False,
    row_heads=False,
  )


def draw_tiles(title: str, rows: Sequence[Mapping[str, Any]]) -> Figure:
  """Draws examples whose inputs are images or vectors, and their answers."""
  ordered = sorted(rows, key=lambda row: row["right"])
  columns = min(COLUMNS, len(ordered))
  lines = -(-len(ordered) // columns)
  size = max(8.5, 1.75 * columns), 1.75 * lines + 0.9
  figure = Figure(figsize=size, dpi=style.DPI, layout="constrained")
  for ax in figure.subplots(lines, columns, squeeze=False).flat:
    ax.set_axis_off()
  for ax, row in zip(figure.axes, ordered):
    _draw_tile(ax, row)
  figure.suptitle(style.plain(title))
  return figure


def _draw_tile(ax: Axes, row: Mapping[str, Any]) -> None:
  values = np.asarray(row["reads"]["values"], float)
  colours = "Greys"
  if row["reads"]["form"] == "images" and values.shape[-1] == 1:
    values = values[..., 0]
  elif row["reads"]["form"] == "images":
    values, colours = values.clip(0.0, 1.0), None
  ax.imshow(values, interpolation="nearest", cmap=colours)
  words = said(row["output"])
  if not row["right"]:
    words = f"{words}\n(true: {said(row['target'])})"
  colour = RIGHT if row["right"] else WRONG
  ax.set_title(style.plain(words), fontsize=10, color=colour)


def draw_series(title: str, rows: Sequence[Mapping[str, Any]]) -> Figure:
  """Draws answers that are series of numbers over the true ones."""
  places = np.linspace(0, len(rows) - 1, min(MOST_SERIES, len(rows)))
  chosen = [rows[n] for n in places.astype(int)]
  figure, [axes] = style.panels(len(chosen), y="value")
  for ax, row in zip(axes, chosen):
    before = _first_column(row["reads"]["values"])[-MOST_BEFORE:]
    true, answer = _first_column(row["target"]), _first_column(row["output"])
    ax.plot(range(1 - len(before), 1), before, color="#999999", label="read")
    steps = range(1, len(true) + 1)
    ax.plot(steps, true, color="black", linewidth=1.2, label="true")
    ax.plot(
      steps, answer, color="#D55E00", linestyle=(0, (4, 2)), label="answer"
    )
    ax.axvline(0.5, color="#cccccc", zorder=0.5)
    ax.set_xlabel("steps after the last value read")
  handles, labels = axes[0].get_legend_handles_labels()
  figure.legend(handles, labels, loc="outside lower center", ncols=3)
  figure.suptitle(style.plain(title))
  return figure


def said(value: Any) -> str:
  """Returns symbols as one text: letters joined, words with blanks."""
  if not isinstance(value, list):
    return str(value)
  joint = "" if all(len(symbol) == 1 for symbol in value) else " "
  return joint.join(value)


def _verdict(row: Mapping[str, Any], verdicts: tuple[str, str]) -> Cell:
  words = verdicts[0] if row["right"] else verdicts[1]
  if "probability" in row:
    words += f", p = {row['probability']:.2f}"
  look = "verdict holds" if row["right"] else "verdict fails"
  return Cell([words], look)


def _first_column(values: Any) -> np.ndarray:
  return np.asarray(values, float)[:, 0]
