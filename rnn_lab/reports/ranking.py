"""Trials from the best to the worst on the validation split."""

from typing import NamedTuple

from rnn_lab.reports.numbers import finite
from rnn_lab.reports.parts import Part
from rnn_lab.reports.trial import Trial


class Found(NamedTuple):
  """A trial of a search, and its result on the validation split.

  Attributes:
    trial: the trial.
    value: the mean over seeds that have a finite number.
    lost: how many have none, as they diverged.
  """

  trial: Trial
  value: float
  lost: int


def ranked(part: Part) -> list[Found]:
  """Returns the trials from the best on the validation split.

  One of which fewer seeds diverged is better, and of two with as many the one
  with the better mean. Of a trial that has ended it is the metric of its
  selected parameters, else that of its last evaluation. Those without a finite
  number are left out.
  """
  assert part.headline is not None  # its callers look
  sign = part.headline.sign
  found = []
  for trial in part.trials:
    values = _validation(trial, part.metric)
    known = finite(values)
    if known:
      average = sum(known) / len(known)
      found.append(Found(trial, average, len(values) - len(known)))
  return sorted(found, key=lambda one: (one.lost, -sign * one.value))


def _validation(trial: Trial, metric: str) -> list[float | None]:
  """The values of the seeds."""
  if trial.result is not None:
    return (trial.entry(metric, "valid") or {"values": []})["values"]
  rows = [row for row in trial.metrics if f"valid/{metric}" in row]
  return rows[-1][f"valid/{metric}"] if rows else []
