"""Series in pairs: how likely a run of one is better than one of the other."""

import math
from collections.abc import Iterator

from rnn_lab.reports.intervals import probability_of_improvement
from rnn_lab.reports.metrics import NONE
from rnn_lab.reports.numbers import finite
from rnn_lab.reports.parts import Part
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Cell, Grid, Section, Text
from rnn_lab.reports.trial import Trial

# Seeds from which on a comparison says something, and series that are compared.
FEWEST_SEEDS = 3
MOST_SERIES = 8
_WORDS = (
  "A number is the probability that a run of the row's series has a better "
  "test result than a run of the column's, with the same value of the swept "
  "field, averaged over these values; 0.5 is no difference. In brackets: its "
  "95% interval, bootstrapped over seeds within each value (Agarwal et al. "
  "2021). A seed that diverged is worse than any number. Green or red: the "
  "interval does not hold 0.5."
)


def comparison_section(results: Results) -> Section | None:
  """Compares series in pairs; None where there are too few seeds."""
  grids = [grid for part in results.parts for grid in comparison_grids(part)]
  if not grids:
    return None
  return Section("Which series is better", [Text(_WORDS), *grids])


def comparison_grids(part: Part) -> Iterator[Grid]:
  """Yields a table of the probabilities of improvement, a pair a cell."""
  names = [
    name
    for name, line in part.series.items()
    if any(len(t.seeds) >= FEWEST_SEEDS for t in line.values())
  ]
  few = [name for name in part.series if name not in names]
  if part.headline is None or not 1 < len(names) <= MOST_SERIES:
    return
  found = {
    (a, b): pair
    for i, a in enumerate(names)
    for b in names[i + 1 :]
    if (pair := improvement(part, a, b)) is not None
  }
  if not found:
    return
  # P(Y > X) = 1 - P(X > Y), and its interval is mirrored.
  found |= {
    (b, a): (1 - p, 1 - high, 1 - low)
    for (a, b), (p, low, high) in found.items()
  }
  left_out = f"; with fewer than three seeds, left out: {', '.join(few)}"
  yield Grid(
    part.titled(f"probability of a better test {part.metric}"),
    ["better than", *names],
    [[a, *(_cell(found.get((a, b))) for b in names)] for a in names],
    "rows over columns" + (left_out if few else ""),
  )


def improvement(
  part: Part, a: str, b: str
) -> tuple[float, float, float] | None:
  """Returns how likely series `a` is better than `b`; see `intervals`.

  None where they have no value of the swept field with enough seeds in common.
  """
  assert part.headline is not None  # its caller looks
  sign = part.headline.sign
  lines = part.series[a], part.series[b]
  pairs = [
    tuple(_values(line[x], part.metric, sign) for line in lines)
    for x in part.xs
    if x in lines[0] and x in lines[1]
  ]
  pairs = [(x, y) for x, y in pairs if min(len(x), len(y)) >= FEWEST_SEEDS]
  return probability_of_improvement(pairs) if pairs else None


def _values(trial: Trial, metric: str, sign: int) -> list[float]:
  """The values of the seeds, more is better; one that diverged is the worst."""
  values = (trial.entry(metric) or {"values": []})["values"]
  return [sign * v if finite(v) else -math.inf for v in values]


def _cell(pair: tuple[float, float, float] | None) -> Cell:
  if pair is None:
    return Cell([NONE])
  p, low, high = pair
  look = "holds" if low > 0.5 else "fails" if high < 0.5 else ""
  return Cell([f"{p:.2f} [{low:.2f}, {high:.2f}]"], look)
