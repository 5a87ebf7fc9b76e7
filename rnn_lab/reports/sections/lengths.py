"""Whether long inputs are as good as short ones: scores by their length."""

import bisect
import math
from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnn_lab.reports import charts, panels
from rnn_lab.reports.metrics import Headline, spaced
from rnn_lab.reports.numbers import mean, span
from rnn_lab.reports.parts import Part
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Cell, Figures, Grid, Section, Text
from rnn_lab.reports.trial import Trial

_WORDS = (
  "The test examples are divided by the length of what a model reads, into "
  "bins with about as many examples each. The score of a bin is computed as "
  "that of the whole split is. The title compares the bin of the longest "
  "inputs with that of the shortest."
)
# From the worst to the best.
_SENTENCES = (
  "Zero on short and on long inputs",
  "Less than half as good on long inputs as on short ones",
  "Worse on long inputs than on short ones",
  "As good on long inputs as on short ones, within 10%",
  "Better on long inputs than on short ones",
)
# Between the second and the next ones: of the score on the longest inputs as a
# multiple of that on the shortest.
_BOUNDS = (0.5, 0.9, 1.1)
_SIZES = ("shortest", "longest", "mean_length", "examples")


def lengths_section(results: Results) -> Section | None:
  """Shows the test score by length of the input; None where it has no bins."""
  figures = [f for part in results.parts for f in draw_lengths(part)]
  if not figures:
    return None
  caption = "Test score against the length of the input"
  grids = [grid for part in results.parts for grid in lengths_grids(part)]
  content = [Text(_WORDS), Figures("lengths", caption, figures), *grids]
  return Section("Short and long inputs", content)


def bins(trial: Trial, metric: str) -> list[dict[str, Any]]:
  """Returns the bins of a trial, those of short inputs first; [] without.

  Each has shortest, longest and mean_length in steps, the number of examples,
  and the values of the seeds that did not diverge.
  """
  return [
    {**row, "values": trial.alive(row["scores"][metric])}
    for row in trial.details.get("scores_by_length", [])
    if metric in row["scores"]
  ]


def bin_words(row: dict[str, Any]) -> str:
  """The lengths of a bin in words: "12 to 30"."""
  return span([row["shortest"], row["longest"]])


def _panels(part: Part) -> panels.Panels:
  """The trials of each panel: of one x, and evaluated on inputs as long."""

  def kind(trial: Trial) -> tuple[str, Any] | None:
    rows = bins(trial, part.metric)
    if not rows:
      return None
    words = f"inputs of {rows[0]['shortest']} to {rows[-1]['longest']} steps"
    return words, [[row[size] for size in _SIZES] for row in rows]

  return panels.panels_of(part, kind)


def draw_lengths(part: Part) -> Iterator[Figure]:
  """Draws the score by length: a panel an x, a line a series of trials."""
  headline = part.headline
  if headline is None:
    return
  data = charts.table(
    part,
    lambda t: [(b["mean_length"], b["values"]) for b in bins(t, part.metric)],
    panels.titles_of(_panels(part)),
  )

  def decorate(ax: Axes, _: str) -> None:
    # The y-axis is that of all panels.
    top = ax.get_ylim()[1]
    if headline.maximize:
      ax.set_ylim(-0.03 * top, top)

  yield from charts.lines(
    part,
    data,
    "steps of the input (mean of a bin)",
    f"test {part.metric}",
    lambda names: conclusion(part, names, headline),
    height=4.4,
    decorate=decorate,
  )


def conclusion(part: Part, names: Sequence[str], headline: Headline) -> str:
  """Says how the score of each series on the longest inputs compares.

  With that on the shortest ones, and at the worst of several x; a line for each
  answer, from the best to the worst:

  "As good on long inputs as on short ones, within 10%: LSTM; GRU"
  """
  grades = {}
  for name in names:
    trials = part.series[name].values()
    several = [_grade(bins(t, part.metric), headline) for t in trials]
    grades[name] = min((g for g in several if g is not None), default=None)
  groups = sorted(panels.by_verdict(grades).items(), reverse=True)
  return "\n".join(f"{_SENTENCES[g]}: {'; '.join(n)}" for g, n in groups)


def _grade(rows: Sequence[dict[str, Any]], headline: Headline) -> int | None:
  """The place of a series' sentence; None without a finite score."""
  first, last = (mean(rows[i]["values"]) if rows else None for i in (0, -1))
  if first is None or last is None:
    return None
  if headline.maximize and first == last == 0.0:
    return 0
  # An error is half as good where it is twice as large.
  a, b = (last, first) if headline.maximize else (first, last)
  ratio = 1.0 if a == b else a / b if b else math.inf
  return 1 + bisect.bisect_right(_BOUNDS, ratio)


def lengths_grids(part: Part) -> list[Grid]:
  """Returns the scores of all bins as tables, one a panel."""
  words = f"test {spaced(part.metric)} by steps of the input"
  caption = "mean over seeds; in brackets the number of test examples"
  grids = []
  for panel, trials in _panels(part).items():
    lines = {name: bins(t, part.metric) for name, t in trials.items()}
    first = next(iter(lines.values()))
    sizes = [Cell([bin_words(b), f"({b['examples']})"]) for b in first]
    values = {n: [mean(b["values"]) for b in bs] for n, bs in lines.items()}
    title, header = part.titled(f"{words}\n{panel}"), ["series", *sizes]
    grids.append(panels.grid(title, part.metric, header, values, caption))
  return grids
