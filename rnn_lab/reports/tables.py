"""The tables of test results."""

from collections.abc import Sequence
from typing import Any

from rnn_lab.reports.details import references_of
from rnn_lab.reports.formats import NONE, format_measured, format_value
from rnn_lab.reports.headline import (
  Headline,
  measured,
  reference,
  reference_name,
)
from rnn_lab.reports.load import Trial
from rnn_lab.reports.numbers import mean
from rnn_lab.reports.results import Part
from rnn_lab.reports.searches import is_search, search_grid
from rnn_lab.reports.section import Grid
from rnn_lab.reports.series import Layout, all_trials, say, titled


def with_results(parts: Sequence[Part]) -> list[Part]:
  """Returns the parts with a headline metric, or else the first."""
  return [part for part in parts if part.headline] or list(parts[:1])


def results_grids(parts: Sequence[Part]) -> list[Grid]:
  """Returns a table of the test results for each task that has some.

  Without any, it is that of the first task, which shows the trials' status.
  """
  return [
    search_grid(part.layout, part.headline)
    if part.headline and is_search(part.layout)
    else results_grid(part.layout, part.headline)
    for part in with_results(parts)
  ]


def results_grid(layout: Layout, headline: Headline | None) -> Grid:
  """Returns the test results of a task: series by values of the swept field.

  Where nothing was swept inside a series: trials by test metrics.
  """
  if layout.x is None or headline is None:
    return _grid_of_metrics(layout, headline)
  rows = [
    [name] + [_cell(line.get(x), headline.metric) for x in layout.xs]
    for name, line in layout.series.items()
  ]
  metric = headline.metric
  rows += [
    [name] + [_reference(layout, x, name, metric) for x in layout.xs]
    for name in _other_methods(layout)
  ]
  return Grid(
    titled(layout.task, f"test {headline.metric}, by {layout.x}"),
    ["series"] + [f"{layout.x} = {say(x)}" for x in layout.xs],
    rows,
    "mean ± standard deviation over seeds"
    + _reference_words(layout, headline.metric),
  )


def _grid_of_metrics(layout: Layout, headline: Headline | None) -> Grid:
  metrics = dict.fromkeys(
    key.removeprefix("test/")
    for trial in all_trials(layout)
    for key in (trial.result or {"metrics": {}})["metrics"]
    if key.startswith("test/")
  )
  if headline is not None:
    metrics = sorted(metrics, key=lambda metric: metric != headline.metric)
  if "perplexity" in metrics:
    # The loss is its logarithm.
    metrics = [metric for metric in metrics if metric != "loss"]
  if headline is not None and headline.metric.startswith("nrmse_"):
    # The errors at other horizons have a table of their own.
    metrics = [
      metric
      for metric in metrics
      if metric == headline.metric or not metric.startswith("nrmse_")
    ]
  rows = [
    [name if x is None else f"{name}, {layout.x} = {say(x)}"]
    + ([_cell(trial, m) for m in metrics] or [trial.status])
    for name, line in layout.series.items()
    for x, trial in line.items()
  ]
  rows += [
    [name] + [_reference(layout, None, name, metric) for metric in metrics]
    for name in _other_methods(layout)
  ]
  return Grid(
    titled(layout.task, "test metrics"),
    ["trial"] + ([f"test {_spaced(m)}" for m in metrics] or ["status"]),
    rows,
    "mean ± standard deviation over seeds"
    + "".join(_reference_words(layout, metric) for metric in metrics),
  )


def _other_methods(layout: Layout) -> list[str]:
  """The methods without a network that a task compares with."""
  several = [references_of(trial) for trial in all_trials(layout)]
  return [*dict.fromkeys(name for of_trial in several for name in of_trial)]


def _reference(layout: Layout, x: Any, name: str, metric: str) -> str:
  """The metric of another method, the mean over the trials at x."""
  several = [references_of(line.get(x)) for line in layout.series.values()]
  rows = [of_trial.get(name, {}) for of_trial in several]
  value = mean([row.get(metric) for row in rows])
  return NONE if value is None else format_value(value, metric)


def _cell(trial: Trial | None, metric: str) -> str:
  if trial is not None and measured(trial, metric) is not None:
    return format_measured(trial, metric)
  if trial is None or trial.result is not None:
    return NONE
  return trial.status


def _spaced(metric: str) -> str:
  return metric.replace("_", " ")


def _reference_words(layout: Layout, metric: str) -> str:
  """The words "; chance: accuracy 0.100", one number for each x if need be."""
  levels = {
    x: level
    for line in layout.series.values()
    for x, trial in line.items()
    if (level := reference(trial, metric)) is not None
  }
  words = {x: format_value(levels[x], metric) for x in layout.xs if x in levels}
  if not words:
    return ""
  name = reference_name(all_trials(layout))
  if len(set(words.values())) == 1:
    return f"; {name}: {_spaced(metric)} {next(iter(words.values()))}"
  by_x = ", ".join(f"{word} at {say(x)}" for x, word in words.items())
  return f"; {name}: {_spaced(metric)} {by_x}"
