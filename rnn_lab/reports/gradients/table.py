"""A gradient study in one table: a row a series."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnn_lab.reports.gradients import study
from rnn_lab.reports.gradients.gates import median_half_life
from rnn_lab.reports.gradients.lags import log10_a_step
from rnn_lab.reports.gradients.study import Group, collect
from rnn_lab.reports.gradients.words import factor, signed
from rnn_lab.reports.metrics import NONE, format_measured, spaced
from rnn_lab.reports.numbers import significant
from rnn_lab.reports.parts import Part
from rnn_lab.reports.section import Grid


def study_grid(groups: Sequence[Group], part: Part) -> Grid:
  """Returns the gradient of each series of a task in numbers.

  Two numbers with an arrow between them are before and after training.
  """
  rows = {}
  for group in groups:
    columns = [
      _before_and_after(group, read, say) for read, say in _COLUMNS.values()
    ]
    for name, trial in group.lines.items():
      cells = [column.get(name, NONE) for column in columns]
      if part.headline:
        cells.append(format_measured(trial, part.metric))
      # Once, though a series may be in several groups.
      rows[name] = [name, *cells]
  header = ["series", *_COLUMNS]
  if part.headline:
    header.append(f"test {spaced(part.metric)}")
  return Grid(
    part.titled("the gradient in numbers"),
    header,
    list(rows.values()),
    "at initialisation → after training; spectral radius: of a simple RNN's "
    "recurrent matrix; factor a step: of the largest "
    "singular value of dh_t/dh_k over the longest lag, geometric mean; "
    "exponent in nats per step, half-life in steps",
  )


def _before_and_after(
  group: Group, read: Callable[..., Any], say: Callable[[Any], str]
) -> dict[str, str]:
  """The words "0.65 → 0.98" by line; of an untrained study only the first."""
  moments = collect(group, read)
  return {
    name: " → ".join(
      say(moment.values[name]) if name in moment.values else NONE
      for moment in moments
    )
    for name in {name: None for m in moments for name in m.values}
  }


def _factor(logs: dict[str, np.ndarray]) -> str:
  return factor(log10_a_step(logs))


def _exponent(values: np.ndarray) -> str:
  return signed(float(values[0]))


def _half_life(top: dict[str, Any]) -> str:
  steps = median_half_life(top)
  return "∞" if np.isinf(steps) else significant(steps, 3)


# The columns, how each is read, and how it is formatted.
_COLUMNS = {
  "spectral radius of w": (study.radius, lambda r: significant(r, 3)),
  "factor a step": (study.largest, _factor),
  "largest Lyapunov exponent": (study.exponents, _exponent),
  "median half-life of the gates": (study.gate, _half_life),
}
