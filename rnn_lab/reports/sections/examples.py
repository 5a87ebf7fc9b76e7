"""What the best network of each task does with single examples."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnn_lab.reports import style
from rnn_lab.reports.metrics import is_share
from rnn_lab.reports.parts import Part
from rnn_lab.reports.pattern_picture import draw_pattern, image_of
from rnn_lab.reports.ranking import ranked
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Cell, Figures, Grid, Section, Text
from rnn_lab.reports.trial import Trial

_PATTERNS = {
  "sequence_to_vector": "sequence to vector",
  "vector_to_sequence": "vector to sequence",
  "sequence_to_sequence": "sequence to sequence",
  "encoder_decoder": "encoder-decoder",
}
COLUMNS = 6
# Forecasts that are drawn, and the values before each.
MOST_SERIES = 4
MOST_BEFORE = 60
RIGHT, WRONG = "#00613f", "#a33a00"


def examples_section(results: Results) -> Section | None:
  """Shows pictures of the patterns and examples; None where none were kept."""
  content = [
    shown
    for part in results.parts
    if (best := best_with_examples(part))
    for shown in _of_trial(part, *best)
  ]
  if not content:
    return None
  words = (
    "Of each task the network that is best on the validation split, and of its "
    "seeds the first. A box is a step of the recurrence; its stripes are the "
    "outputs of single units, as the trained network computes them. What is "
    "read stands below, what the network answers above; a decoder reads its "
    "own answers. Up to half of the examples are chosen because the answer is "
    "not the target: their number does not say how many there are."
  )
  return Section("The networks at work", [Text(words), *content])


def best_with_examples(part: Part) -> tuple[str, Trial] | None:
  """Returns the best trial by validation that kept examples, and its series."""
  names = {trial.name: name for name, _, trial in part.cells}
  for one in ranked(part) if part.headline else ():
    if one.trial.examples and one.trial.result:
      return names[one.trial.name], one.trial
  return None


def _of_trial(
  part: Part, series: str, trial: Trial
) -> list[Text | Figures | Grid]:
  kept = trial.examples
  assert kept is not None  # as it was the best
  words = f"{_PATTERNS.get(kept['pattern'], kept['pattern'])}, {series}"
  who = part.titled(f"{words[:1].upper()}{words[1:]}")
  title, rows = part.titled(f"Examples, {series}"), kept["examples"]
  picture = draw_pattern(kept["picture"], who)
  caption = f"{who}: the network unrolled over one example"
  shown = Figures(_stem("pattern", part), caption, [picture])
  # Answers that are numbers are right by degrees.
  if rows[0]["right"] is None:
    figure = draw_series(title, rows)
  elif rows[0]["reads"] is None:
    return [shown]
  elif rows[0]["reads"]["form"] == "symbols":
    exact = is_share(part.metric)
    return [shown, gallery_grid(title, rows, exact)]
  else:
    figure = draw_tiles(title, rows)
  caption = f"{title}: what was read, and the answers"
  return [shown, Figures(_stem("examples", part), caption, [figure])]


def _stem(kind: str, part: Part) -> str:
  """The name of a file: figures of two tasks stand apart on the page."""
  return f"{kind}_{part.task}" if part.task else kind


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
  verdicts = ("wrong", "right") if one_is_right else ("differs", "equal")
  cells = []
  for row in sorted(rows, key=lambda row: row["right"]):
    words = verdicts[row["right"]]
    if "probability" in row:
      words += f", p = {row['probability']:.2f}"
    look = "verdict holds" if row["right"] else "verdict fails"
    shown = row["reads"]["values"], row["output"], row["target"]
    cells.append([*map(said, shown), Cell([words], look)])
  caption = (
    "examples of the test split with the answers of the first seed, at first "
    "those that differ from the target"
  )
  header = ["input", "answer", "target", ""]
  return Grid(title, header, cells, caption, numeric=False, row_heads=False)


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
  values = row["reads"]["values"]
  values = image_of(values) if row["reads"]["form"] == "images" else values
  ax.imshow(values, interpolation="nearest", cmap="Greys")
  words, colour = said(row["output"]), RIGHT
  if not row["right"]:
    words, colour = f"{words}\n(true: {said(row['target'])})", WRONG
  ax.set_title(style.plain(words), fontsize=10, color=colour)


def draw_series(title: str, rows: Sequence[Mapping[str, Any]]) -> Figure:
  """Draws answers that are series of numbers over the true ones."""
  places = np.linspace(0, len(rows) - 1, min(MOST_SERIES, len(rows)))
  figure, [axes] = style.panels(len(places), y="value")
  for ax, n in zip(axes, places.astype(int)):
    row = rows[n]
    before, true, answer = (
      np.asarray(values, float)[:, 0]
      for values in (row["reads"]["values"], row["target"], row["output"])
    )
    before = before[-MOST_BEFORE:]
    steps = range(1, len(true) + 1)
    ax.plot(range(1 - len(before), 1), before, color="#999999", label="read")
    ax.plot(steps, true, color="black", linewidth=1.2, label="true")
    ax.plot(steps, answer, color="#D55E00", ls=(0, (4, 2)), label="answer")
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
