"""Trials from the best to the worst on the validation split."""

from typing import NamedTuple

from rnn_lab.reports.numbers import finite, mean
from rnn_lab.reports.parts import Part
from rnn_lab.reports.trial import Trial


class Found(NamedTuple):
  """A trial of a search, and its mean over seeds on the validation split."""

  trial: Trial
  value: float


def ranked(part: Part) -> list[Found]:
  """Returns the trials from the best on the validation split.

  Of a trial that has ended it is the metric of its selected parameters, else
  that of its last evaluation. Those without a finite number are left out.
  """
  assert part.headline is not None  # its callers look
  sign = part.headline.sign
  found = [
    Found(trial, value)
    for trial in part.trials
    if (value := _validation(trial, part.metric)) is not None
  ]
  return sorted(found, key=lambda one: -sign * one.value)


def _validation(trial: Trial, metric: str) -> float | None:
  if trial.result is not None:
    return mean(trial.values(metric, "valid"))
  rows = [row for row in trial.metrics if f"valid/{metric}" in row]
  return mean(finite(rows[-1][f"valid/{metric}"])) if rows else None
