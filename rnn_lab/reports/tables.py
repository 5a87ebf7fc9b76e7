"""The tables of test results."""

from collections.abc import Sequence
from typing import Any

from rnn_lab.reports.arrange import say
from rnn_lab.reports.metrics import (
  NONE,
  format_measured,
  format_value,
  interval_words,
  reference,
  reference_name,
  spaced,
)
from rnn_lab.reports.numbers import mean
from rnn_lab.reports.parts import Part
from rnn_lab.reports.ranking import ranked
from rnn_lab.reports.section import Grid

# Of the table of the best trials.
MOST_ROWS = 10


def with_results(parts: Sequence[Part]) -> list[Part]:
  """Returns the parts with a headline metric, or else the first."""
  return [part for part in parts if part.headline] or list(parts[:1])


def results_grids(parts: Sequence[Part]) -> list[Grid]:
  """Returns a table of the test results for each task that has some.

  Without any, it is that of the first task, which shows the trials' status.
  """
  return [results_grid(part) for part in with_results(parts)]


def results_grid(part: Part) -> Grid:
  """Returns the test results of a task: series by values of the swept field.

  Where nothing was swept inside a series: trials by test metrics. Where too
  little is in common for either, the best trials.
  """
  if part.headline and (part.is_search or part.is_scattered):
    return search_grid(part)
  if part.x is None or part.headline is None:
    return _grid_of_metrics(part)
  metric, lines = part.metric, part.series.values()
  rows = [
    [name]
    + [format_measured(line[x], metric) if x in line else NONE for x in part.xs]
    for name, line in part.series.items()
  ]
  rows += [
    [name] + [_other(part, x, name, metric) for x in part.xs]
    for name in _other_methods(part)
  ]
  return Grid(
    part.titled(f"test {metric}, by {part.label()}"),
    ["series", *map(part.at, part.xs)],
    rows,
    interval_words(part.trials)
    + _reference_words(part, metric)
    + "; –: no such trial" * any({*line} < {*part.xs} for line in lines),
  )


def _grid_of_metrics(part: Part) -> Grid:
  metrics = _metrics(part)
  rows = [
    [f"{name}, {part.at(x)}" if part.x else name]
    + ([format_measured(t, m) for m in metrics] or [t.status])
    for name, x, t in part.cells
  ]
  rows += [
    [name] + [_other(part, None, name, metric) for metric in metrics]
    for name in _other_methods(part)
  ]
  return Grid(
    part.titled("test metrics" if metrics else "status of the trials"),
    ["trial"] + ([f"test {spaced(m)}" for m in metrics] or ["status"]),
    rows,
    interval_words(part.trials)
    + "".join(_reference_words(part, metric) for metric in metrics),
  )


def _metrics(part: Part) -> list[str]:
  """The test metrics that a table shows, the headline first."""
  metrics = dict.fromkeys(
    key.removeprefix("test/")
    for _, _, trial in part.cells
    for key in (trial.result or {"metrics": {}})["metrics"]
    if key.startswith("test/")
  )
  # Of a perplexity the loss is the logarithm; errors at other horizons have a
  # table of their own.
  return sorted(
    (
      metric
      for metric in metrics
      if metric == part.metric
      or not (metric == "loss" and "perplexity" in metrics)
      and not (metric.startswith("nrmse_") and part.metric.startswith("nrmse_"))
    ),
    key=lambda metric: metric != part.metric,
  )


def _other_methods(part: Part) -> list[str]:
  """The methods without a network that a task compares with."""
  several = [t.details.get("references", {}) for _, _, t in part.cells]
  return [*dict.fromkeys(name for of_trial in several for name in of_trial)]


def _other(part: Part, x: Any, name: str, metric: str) -> str:
  """The metric of another method, the mean over the trials at x."""
  rows = [t.details.get("references", {}) for _, at, t in part.cells if at == x]
  value = mean([row.get(name, {}).get(metric) for row in rows])
  return NONE if value is None else format_value(value, metric)


def _reference_words(part: Part, metric: str) -> str:
  """The words "; chance: accuracy 0.100", one number for each x if need be."""
  levels = {
    x: level
    for _, x, trial in part.cells
    if (level := reference(trial, metric)) is not None
  }
  words = {x: format_value(levels[x], metric) for x in part.xs if x in levels}
  if not words:
    return ""
  name = reference_name(part.trials)
  if len(set(words.values())) == 1:
    return f"; {name}: {spaced(metric)} {next(iter(words.values()))}"
  by_x = ", ".join(f"{word} at {say(x)}" for x, word in words.items())
  return f"; {name}: {spaced(metric)} {by_x}"


def search_grid(part: Part) -> Grid:
  """Returns the best trials on the validation split, with their test metric."""
  metric, fields = part.metric, part.searched
  series = [trial.series for trial in part.trials]
  has_series = any(series)
  has_folders = len({trial.folder for trial in part.trials}) > 1
  best = ranked(part)[:MOST_ROWS]
  rows = [
    [
      f"{rank}",
      *([one.trial.folder or "."] if has_folders else []),
      *([one.trial.series or NONE] if has_series else []),
      *(say(one.trial.field(field)) for field in fields),
      format_value(one.value, metric),
      format_measured(one.trial, metric),
    ]
    for rank, one in enumerate(best, start=1)
  ]
  header = ["rank", *(["sweep"] if has_folders else [])]
  header += ["series"] if has_series else []
  header += [part.label(field) for field in fields]
  title = f"the best {len(rows)} of {len(part.trials)} trials by validation"
  return Grid(
    part.titled(f"{title} {metric}"),
    [*header, f"validation {metric}", f"test {metric}"],
    rows,
    "mean over seeds on the validation split, by which the trials are ranked; "
    f"on the test split {interval_words(part.trials)}",
  )


def chosen_grid(part: Part) -> Grid | None:
  """Returns of each series the trial that is best on the validation split.

  None where nothing was swept, or a field of the task was: then the trials of a
  series have unlike tasks, and none of them is chosen.
  """
  if part.x is None or part.x.startswith("task.") or part.headline is None:
    return None
  names = {trial.name: (name, x) for name, x, trial in part.cells}
  rows: dict[str, list[str]] = {}
  for one in ranked(part):
    # One that lacks the field is in no series.
    name, x = names.get(one.trial.name, ("", None))
    if name and name not in rows and one.trial.result is not None:
      test = format_measured(one.trial, part.metric)
      rows[name] = [name, say(x), format_value(one.value, part.metric), test]
  if not rows:
    return None
  metric = part.metric
  return Grid(
    part.titled(f"the {part.label()} of each series, chosen on validation"),
    ["series", part.label(), f"validation {metric}", f"test {metric}"],
    [rows[name] for name in part.series if name in rows],
    f"the best mean {metric} on the validation split, and the test {metric} of "
    f"the trial that has it: {interval_words(part.trials)}",
  )
