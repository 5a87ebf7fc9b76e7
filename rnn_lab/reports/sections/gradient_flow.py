"""The norm of the gradient against time, logged while training."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.figure import Figure

from rnn_lab.reports import charts
from rnn_lab.reports.parts import Part
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Section, Text
from rnn_lab.reports.trial import Trial

_WORDS = (
  "Each line is the norm of dE/dh_t, the derivative of one example's cost "
  "with respect to the hidden state at time t, averaged over a batch. "
  "Backpropagation starts at the last t and goes left, into the past. A line "
  "that falls to the left is a vanishing gradient: what was seen there can "
  "hardly be learnt. A line that rises is an exploding gradient, and a level "
  "one carries the gradient all the way."
)


def gradient_flow_section(results: Results) -> Section | None:
  """Shows the norm of dE/dh_t by time; None where it was not logged."""
  figures = [f for part in results.parts for f in draw_gradient_flow(part)]
  if not figures:
    return None
  caption = "Norm of the gradient against time"
  content = [Text(_WORDS), Figures("gradient_flow", caption, figures)]
  return Section("How the gradient flows back through time", content)


def draw_gradient_flow(part: Part) -> Iterator[Figure]:
  """Draws the norm of dE/dh_t by t, at the first and the last logged step.

  A figure for each of the two and a panel for each x; a line a series, or a
  line a recurrence where a run has several; of several layers the top one and
  of two directions the forward one.
  """
  part = _by_recurrence(part)
  tops = {top for _, _, t in part.cells for top, _ in [_top(t)] if top}
  for end in (0, -1):
    steps = {
      steps[end]
      for _, _, trial in part.cells
      if (steps := _steps(trial)) and (end == 0 or len(steps) > 1)
    }
    if not steps:
      continue
    data = charts.table(part, lambda t, end=end: _norms(t, end)).dropna()
    ends = sorted({min(steps), max(steps)})
    at = " to ".join(f"{step:,}" for step in ends)
    at = "at initialisation (step 0)" if ends == [0] else f"at step {at}"
    title = (
      f"Norm of dE/dh_t ({' and '.join(sorted(tops))}) {at}: "
      "geometric mean over seeds, band min to max"
    )
    gone = {*data.series[data.value < charts.FLOOR]}
    title = functools.partial(_title, title, gone)
    yield from charts.lines(
      part, data, "time step t", "norm of dE/dh_t", title, log=True
    )


def _title(words: str, gone: set[str], names: Sequence[str]) -> str:
  """The words, with a note if the figure has a series that vanishes."""
  note = f"\nvalues at {charts.FLOOR:g} have vanished: that small, or zero"
  return words + note if gone & {*names} else words


def _by_recurrence(part: Part) -> Part:
  """A series for each recurrence of a run that has several."""
  series: dict[str, dict[Any, Trial]] = {}
  for name, x, trial in part.cells:
    names = dict.fromkeys(row["recurrence"] for row in trial.flow)
    for recurrence in names or ("",):
      label = f"{name}, {recurrence}" if len(names) > 1 else name
      flow = [r for r in trial.flow if r["recurrence"] == recurrence]
      series.setdefault(label, {})[x] = trial._replace(flow=flow)
  return part._replace(series=series)


def _top(trial: Trial) -> tuple[str, list[dict[str, Any]]]:
  """The rows of the top layer, and which it is in words."""
  if not trial.flow:
    return "", []
  directions = {row["direction"] for row in trial.flow}
  direction = "forward" if "forward" in directions else min(directions)
  rows = [row for row in trial.flow if row["direction"] == direction]
  layers = {row["layer"] for row in rows}
  rows = [row for row in rows if row["layer"] == max(layers)]
  # Of several states the one that is read out.
  rows = [row for row in rows if row.get("state", "h") in ("h", "")] or rows
  place = "top layer" if len(layers) > 1 else "layer"
  return f"{place} {max(layers)}, {direction}", rows


def _steps(trial: Trial) -> list[int]:
  return sorted({row["step"] for row in _top(trial)[1]})


def _norms(trial: Trial, end: int) -> list[tuple[int, list[Any]]]:
  """The norms of the seeds by time, at the first (0) or last (-1) step."""
  steps = _steps(trial)
  if not steps or (end == -1 and len(steps) < 2):
    return []
  rows = [r["norm"] for r in _top(trial)[1] if r["step"] == steps[end]]
  longest = max(map(len, rows))
  return [(t, [r[t] for r in rows if t < len(r)]) for t in range(longest)]
