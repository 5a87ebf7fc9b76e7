"""What n-gram models store, beside a network that reads as many words."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from rnn_lab.reports import lazy_pandas, style
from rnn_lab.reports.metrics import NONE
from rnn_lab.reports.numbers import finite, share
from rnn_lab.reports.parts import Part
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Grid, Section
from rnn_lab.reports.sections.ladder import at_largest, megabytes
from rnn_lab.reports.trial import Trial

if TYPE_CHECKING:
  import pandas as pd

_HEADING = "What an n-gram model stores"


def storage_section(results: Results) -> Section | None:
  """Shows what is stored by order; None where no model has it."""
  grids = [grid for part in results.parts if (grid := storage_grid(part))]
  if not grids:
    return None
  figures = [f for part in results.parts if (f := draw_storage(part))]
  caption = "Numbers stored, and n-grams never seen, by n"
  return Section(_HEADING, [Figures("storage", caption, figures), *grids])


def stored(trials: Iterable[Trial]) -> "tuple[pd.DataFrame, dict[str, Any]]":
  """Returns what is stored by order, and what a network says of its size.

  Returns:
    A row an order of the n-gram model with the most orders, with sums over all
    orders up to it and the size of the network; and "parameters_by_order" of
    the first network that has it, or {}.
  """
  several = [trial.details for trial in trials]
  rows = max((d.get("storage") or [] for d in several), key=len, default=[])
  networks = (d.get("parameters_by_order") for d in several)
  network = next(filter(None, networks), {})
  counts = {int(n): count for n, count in network.get("counts", {}).items()}
  columns = ["order", "ngrams", "bytes", "unseen"]
  table: pd.DataFrame = lazy_pandas.load().DataFrame(rows, columns=columns)
  table[["all_ngrams", "all_bytes"]] = table[["ngrams", "bytes"]].cumsum()
  table["parameters"] = table.order.map(counts)
  # Numbers of float32.
  table["parameter_bytes"] = 4 * table.parameters
  return table.set_index("order", drop=False), network


def draw_storage(part: Part) -> Figure | None:
  """Draws the numbers stored by n, and the share of a test never seen."""
  largest, where = at_largest(part)
  table, network = stored(largest.trials)
  if len(table) < 2:
    return None
  figure = Figure(figsize=(8.5, 4.6), dpi=style.DPI, layout="constrained")
  left, right = figure.subplots(1, 2)
  names = ["n-gram model: distinct n-grams, of all orders up to n"]
  left.plot(table.all_ngrams, **style.line_style(0))
  if network:
    names.append(f"{network['model']} that reads n-1 words: parameters")
    left.plot(table.parameters.dropna(), **style.line_style(1))
  left.set(yscale="log", ylabel="numbers stored")
  left.set_title("What grows with n", loc="left")
  right.plot(table.unseen.dropna(), **style.line_style(0))
  right.set_ylim(bottom=0.0)
  right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
  right.set_ylabel("of the test's n-grams")
  right.set_title("Never seen in the training text", loc="left")
  for ax in (left, right):
    ax.set_xticks(table.index)
    ax.set_xlabel("n")
  figure.suptitle(style.plain(f"{_HEADING}{where}"))
  style.legend_below(figure, names, names)
  return figure


def storage_grid(part: Part) -> Grid | None:
  """Returns what n-grams store by order; None where none were counted."""
  table, network = stored(at_largest(part)[0].trials)
  if table.empty:
    return None
  columns = [
    ("n", "order", str),
    ("distinct n-grams", "ngrams", _thousands),
    ("their megabytes", "bytes", megabytes),
    ("all orders up to n", "all_ngrams", _thousands),
    ("their megabytes", "all_bytes", megabytes),
    ("test n-grams never seen", "unseen", share),
  ]
  caption = "a model of order n stores all orders up to n"
  if network:
    words = f"{network['model']}, n-1 words: parameters"
    columns.append((words, "parameters", _thousands))
    columns.append(("its megabytes", "parameter_bytes", megabytes))
    caption += f"; {network['formula']}"
  rows = [
    [say(row[name]) if finite(row[name]) else NONE for _, name, say in columns]
    for row in table.to_dict("records")
  ]
  return Grid(_HEADING, [head for head, *_ in columns], rows, caption)


def _thousands(number: float) -> str:
  """A number rounded to a whole one, with commas: 12,345."""
  return f"{round(number):,}"
