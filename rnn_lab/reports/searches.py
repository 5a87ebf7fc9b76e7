"""Sweeps that search: many trials without series, the best one to be found."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from rnn_lab.reports.formats import NONE, format_measured, format_value
from rnn_lab.reports.headline import Headline, measured
from rnn_lab.reports.load import Trial
from rnn_lab.reports.numbers import finite, mean
from rnn_lab.reports.section import Grid
from rnn_lab.reports.series import Layout, all_trials, say, titled, value_of

# Fewer are compared one by one.
LEAST_TRIALS = 9
# Of the table of the best trials.
MOST_ROWS = 10


class Found(NamedTuple):
  """A trial of a search, and its mean over seeds on the validation split."""

  trial: Trial
  value: float


def is_search(layout: Layout) -> bool:
  """Whether there is no line to draw, and too much for one by one."""
  trials = all_trials(layout)
  return (
    layout.x is None
    and len(trials) >= LEAST_TRIALS
    and all(trial.series is None for trial in trials)
    and bool(searched_fields(trials))
  )


def searched_fields(trials: Sequence[Trial]) -> list[str]:
  """Returns the fields that differ between trials, in the sweep's order."""
  fields = dict.fromkeys(f for trial in trials for f in trial.overrides)
  return [
    field
    for field in fields
    if len({str(value_of(trial, field)) for trial in trials}) > 1
  ]


def ranked(trials: Sequence[Trial], headline: Headline) -> list[Found]:
  """Returns the trials from the best on the validation split.

  Of a trial that has ended it is the metric of its selected parameters, else
  that of its last evaluation. Those without a finite number are left out.
  """
  found = [
    Found(trial, value)
    for trial in trials
    if (value := _validation(trial, headline.metric)) is not None
  ]
  return sorted(
    found, key=lambda one: -one.value if headline.maximize else one.value
  )


def _validation(trial: Trial, metric: str) -> float | None:
  name = f"valid/{metric}"
  if trial.result is not None:
    entry: dict[str, Any] = trial.result["metrics"].get(name) or {}
    return mean(finite(entry.get("values") or []))
  rows = [row[name] for row in trial.metrics if name in row]
  return mean(finite(rows[-1])) if rows else None


def search_grid(layout: Layout, headline: Headline) -> Grid:
  """Returns the best trials on the validation split, with their test metric."""
  metric = headline.metric
  trials = all_trials(layout)
  fields = searched_fields(trials)
  rows = []
  for rank, one in enumerate(ranked(trials, headline)[:MOST_ROWS], start=1):
    values = [say(value_of(one.trial, field)) for field in fields]
    test = NONE
    if measured(one.trial, metric) is not None:
      test = format_measured(one.trial, metric)
    elif one.trial.result is None:
      test = one.trial.status
    rows.append([f"{rank}", *values, format_value(one.value, metric), test])
  shown = f"the best {len(rows)} of {len(trials)} trials"
  return Grid(
    titled(layout.task, f"{shown} by validation {metric}"),
    ["rank", *fields, f"validation {metric}", f"test {metric}"],
    rows,
    "mean over seeds on the validation split, by which the trials are ranked; "
    "mean ± standard deviation over seeds on the test split",
  )
