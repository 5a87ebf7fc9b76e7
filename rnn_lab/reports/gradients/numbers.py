"""Single numbers of a gradient study: for claims, and in one table."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnn_lab.reports.gradients import study
from rnn_lab.reports.gradients.study import Group, Json, Read, collect
from rnn_lab.reports.gradients.words import factor, signed
from rnn_lab.reports.metrics import NONE, format_measured, spaced
from rnn_lab.reports.numbers import significant
from rnn_lab.reports.parts import Part
from rnn_lab.reports.section import Grid
from rnn_lab.reports.trial import Trial


def log10_a_step(logs: Json) -> float:
  """Returns log10 of the factor a step, the mean over the longest lag."""
  return float(logs["mean"][-1] / (len(logs["mean"]) - 1))


def median_half_life(top: Json) -> float:
  """Returns the median over the units of `study.gate`, in steps."""
  lives = top["half_lives"]
  # np.median gives NaN between two infinities.
  middle = lives[[(len(lives) - 1) // 2, len(lives) // 2]]
  return float(np.mean(middle))


def study_number(trial: Trial, name: str, trained: bool) -> float | None:
  """Returns a number of a trial's gradients.json; None if it is unknown.

  Args:
    trial: the trial.
    name: a key of `NUMBERS`.
    trained: after training rather than at initialisation.
  """
  gradients = trial.gradients or {"at": {}}
  at = gradients["at"].get("trained" if trained else "initialisation")
  read, value = NUMBERS[name]
  content = read(gradients, at) if at else None
  return None if content is None else value(content)


def study_grid(groups: Sequence[Group], part: Part) -> Grid:
  """Returns the gradient of each series of a task in numbers.

  Two numbers with an arrow between them are before and after training.
  """
  rows = {}
  for group in groups:
    columns = [_column(group, read, say) for read, say in _COLUMNS.values()]
    for name, trial in group.lines.items():
      cells = [column.get(name, NONE) for column in columns]
      if part.headline:
        cells.append(format_measured(trial, part.metric))
      # Once, though a series may be in several groups.
      rows[name] = [name, *cells]
  last = [f"test {spaced(part.metric)}"] if part.headline else []
  return Grid(
    part.titled("the gradient in numbers"),
    ["series", *_COLUMNS, *last],
    list(rows.values()),
    "at initialisation → after training; spectral radius: of a simple RNN's "
    "recurrent matrix; factor a step: of the largest "
    "singular value of dh_t/dh_k over the longest lag, geometric mean; "
    "exponent in nats per step, half-life in steps",
  )


def _column(group: Group, read: Read, say: Callable[[Any], str]) -> Json:
  """The words "0.65 → 0.98" by line; of an untrained study only the first."""
  values = [moment.values for moment in collect(group, read)]
  return {
    name: " → ".join(say(v[name]) if name in v else NONE for v in values)
    for name in {name for v in values for name in v}
  }


def _half_life(top: Json) -> str:
  steps = median_half_life(top)
  return "∞" if np.isinf(steps) else significant(steps, 3)


def _power(log10: float) -> float:
  return float(10.0 ** np.float64(log10))


def _left(logs: np.ndarray) -> float | None:
  # Where nothing arrives at the last step, no share of it can be left.
  return None if logs[0] == -np.inf else _power(logs[-1] - logs[0])


# The share of dE/dh_t that is left at the first step, of that at the last; the
# factor a step of the largest singular value of dh_t/dh_k over the longest
# lag; the largest exponent, nats a step; the units' median half-life, steps.
NUMBERS: dict[str, tuple[Read, Callable[[Any], float | None]]] = {
  "gradient left": (study.flow, _left),
  "factor a step": (study.largest, lambda logs: _power(log10_a_step(logs))),
  "Lyapunov exponent": (study.exponents, lambda values: float(values[0])),
  "half-life": (study.gate, median_half_life),
}
# The columns of the table, how each is read, and how it is formatted.
_COLUMNS: dict[str, tuple[Read, Callable[[Any], str]]] = {
  "spectral radius of w": (study.radius, lambda r: significant(r, 3)),
  "factor a step": (study.largest, lambda logs: factor(log10_a_step(logs))),
  "largest Lyapunov exponent": (study.exponents, lambda v: signed(float(v[0]))),
  "median half-life of the gates": (study.gate, _half_life),
}
