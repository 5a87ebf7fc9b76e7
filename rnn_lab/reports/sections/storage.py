"""What n-gram models store, beside a network that reads as many words."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from rnn_lab.reports import style
from rnn_lab.reports.metrics import NONE
from rnn_lab.reports.numbers import share
from rnn_lab.reports.parts import Part
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Grid, Section
from rnn_lab.reports.sections.ladder import at_largest, megabytes
from rnn_lab.reports.trial import Trial

_HEADING = "What an n-gram model stores"
_FORMULA = (
  "the window network has VD + (n-1)DH + H + HV + V parameters for a "
  "vocabulary of V, embeddings of D and H hidden units"
)


def storage_section(results: Results) -> Section | None:
  """Shows what is stored by order; None where no model has it."""
  grids = [grid for part in results.parts if (grid := storage_grid(part))]
  if not grids:
    return None
  figures = [f for part in results.parts if (f := draw_storage(part))]
  caption = "Numbers stored, and n-grams never seen, by n"
  return Section(_HEADING, [Figures("storage", caption, figures), *grids])


def stored(trials: Iterable[Trial]) -> list[dict[str, Any]]:
  """Returns the rows of the model with the most orders, one an order."""
  several = [trial.details.get("storage") or [] for trial in trials]
  return max(several, key=len, default=[])


def draw_storage(part: Part) -> Figure | None:
  """Draws the numbers stored by n, and the share of a test never seen."""
  largest, where = at_largest(part)
  rows = stored(largest.trials)
  if len(rows) < 2:
    return None
  orders = [row["order"] for row in rows]
  totals = list(itertools.accumulate(row["ngrams"] for row in rows))
  figure = Figure(figsize=(8.5, 4.6), dpi=style.DPI, layout="constrained")
  left, right = figure.subplots(1, 2)
  names = ["n-gram model: distinct n-grams, of all orders up to n"]
  left.plot(orders, totals, **style.line_style(0))
  window = window_parameters(largest.trials, orders)
  if window:
    names.append("window network that reads n-1 words: parameters")
    left.plot(list(window[0]), list(window[0].values()), **style.line_style(1))
  left.set_yscale("log")
  left.set_ylabel("numbers stored")
  left.set_title("What grows with n", loc="left")
  known = {row["order"]: row["unseen"] for row in rows}
  known = {n: value for n, value in known.items() if value is not None}
  right.plot(list(known), list(known.values()), **style.line_style(0))
  right.set_ylim(bottom=0.0)
  right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
  right.set_ylabel("of the test's n-grams")
  right.set_title("Never seen in the training text", loc="left")
  for ax in (left, right):
    ax.set_xticks(orders)
    ax.set_xlabel("n")
  figure.suptitle(style.plain(f"{_HEADING}{where}"))
  style.legend_below(figure, names, names)
  return figure


def storage_grid(part: Part) -> Grid | None:
  """Returns what n-grams store by order; None where none were counted."""
  largest, _ = at_largest(part)
  rows = stored(largest.trials)
  if not rows:
    return None
  orders = [row["order"] for row in rows]
  window = window_parameters(largest.trials, orders)
  header = ["n", "distinct n-grams", "their megabytes"]
  header += ["all orders up to n", "their megabytes"]
  header += ["test n-grams never seen"]
  if window:
    header += ["window network, n-1 words: parameters", "its megabytes"]
  table, ngrams, size = [], 0, 0
  for row in rows:
    ngrams, size = ngrams + row["ngrams"], size + row["bytes"]
    cells = [
      str(row["order"]),
      _thousands(row["ngrams"]),
      megabytes(row["bytes"]),
      _thousands(ngrams),
      megabytes(size),
      NONE if row["unseen"] is None else share(row["unseen"]),
    ]
    if window:
      # float32
      count = window[0].get(row["order"])
      cells += [_thousands(count), megabytes(count and 4 * count)]
    table.append(cells)
  words = "a model of order n stores all orders up to n"
  if window:
    sizes = ", ".join(f"{name} = {v:,}" for name, v in window[1].items())
    words += f"; {_FORMULA}, where {sizes}"
  return Grid(_HEADING, header, table, words)


def window_parameters(
  trials: Sequence[Trial], orders: Iterable[int]
) -> tuple[dict[int, int], dict[str, int]] | None:
  """Computes the size of a window network that reads n-1 words, by n.

      V D + (n-1) D H + H + H V + V,  with direct connections (n-1) D V more

  Args:
    trials: of a sweep; the window network's sizes are taken, or else those of
      the first network.
    orders: n, of which 1 has no window and is left out.

  Returns:
    {n: parameters}, and the sizes {"V", "D", "H"}; None without a network.
  """
  networks = [trial for trial in trials if "parameters" in trial.details]
  networks.sort(key=lambda trial: trial.config["model"]["kind"] != "window")
  if not networks:
    return None
  model = networks[0].config["model"]
  vocabulary = networks[0].details["vocabulary"]
  embedding, hidden = model["embedding_size"], model["hidden_size"]
  rest = vocabulary * embedding + hidden + hidden * vocabulary + vocabulary
  by_word = embedding * hidden
  if model["kind"] == "window" and model["window"]["direct"]:
    by_word += embedding * vocabulary
  counts = {n: rest + (n - 1) * by_word for n in orders if n > 1}
  return counts, {"V": vocabulary, "D": embedding, "H": hidden}


def _thousands(number: float | None) -> str:
  """A number rounded to a whole one, with commas: 12,345."""
  return NONE if number is None else f"{round(number):,}"
