"""The results of a sweep as a table, three ways."""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from rich.table import Table
from rich.text import Text

from rnn_lab.reports.details import finite, infinite_words, significant
from rnn_lab.reports.headline import (
  Headline,
  is_share,
  measured,
  reference,
  reference_name,
)
from rnn_lab.reports.load import Trial
from rnn_lab.reports.parts import parts_of
from rnn_lab.reports.series import Layout, all_trials, say, titled


class Grid(NamedTuple):
  """A table as text, before anything decides how to draw it."""

  title: str
  header: list[str]
  rows: list[list[str]]
  caption: str


def results_grids(trials: Sequence[Trial]) -> list[Grid]:
  """The test results, a grid for each task; of several, those that ran."""
  parts = parts_of(trials)
  ran = [part for part in parts if part.headline] or parts[:1]
  return [results_grid(part.layout, part.headline) for part in ran]


def results_grid(layout: Layout, headline: Headline | None) -> Grid:
  """The test results of a task: series by values of the swept field.

  Where nothing was swept inside a series: trials by test metrics.
  """
  if layout.x is None or headline is None:
    return _grid_of_metrics(layout, headline)
  rows = [
    [name] + [_cell(line.get(x), headline.metric) for x in layout.xs]
    for name, line in layout.series.items()
  ]
  return Grid(
    titled(layout.task, f"test {headline.metric}, by {layout.x}"),
    ["series"] + [f"{layout.x} = {say(x)}" for x in layout.xs],
    rows,
    "mean ± standard deviation over seeds"
    + _reference_words(layout, headline.metric),
  )


def results_table(trials: Sequence[Trial]) -> Table:
  """`results_grids` for the terminal."""
  tables = [_terminal_table(grid) for grid in results_grids(trials)]
  if len(tables) == 1:
    return tables[0]
  several = Table.grid()
  for table in tables:
    several.add_row(table)
  return several


def _terminal_table(grid: Grid) -> Table:
  # Text, because rich reads square brackets in a plain string as markup.
  table = Table(title=Text(grid.title), caption=Text(grid.caption))
  for i, word in enumerate(grid.header):
    table.add_column(
      Text(word), justify="right" if i else "left", overflow="fold"
    )
  for row in grid.rows:
    table.add_row(*(Text(cell) for cell in row))
  return table


def markdown_table(trials: Sequence[Trial]) -> str:
  """`results_grids` for a README."""
  return "\n".join(_markdown(grid) for grid in results_grids(trials))


def _markdown(grid: Grid) -> str:
  rule = ["---"] + ["---:"] * (len(grid.header) - 1)
  lines = [
    "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    for row in [grid.header, rule, *grid.rows]
  ]
  return "\n".join([*lines, "", f"{grid.title}: {grid.caption}."]) + "\n"


def format_value(value: float | None, metric: str) -> str:
  """0.972 for a share; 7.974 for a perplexity or bits; 1.38 for the rest."""
  if value is None or not math.isfinite(value):
    return "–"
  if is_share(metric):
    return f"{value:.3f}"
  digits = 4 if metric == "perplexity" or metric.startswith("bits_") else 3
  return significant(value, digits)


def format_measured(trial: Trial, metric: str) -> str:
  """`format_entry`, or why a run that did not diverge has no number."""
  entry = measured(trial, metric)
  if any(finite(value) is not None for value in entry["values"]):
    return format_entry(entry, metric)
  if all(seed["status"] == "diverged" for seed in trial.result["seeds"]):
    return "diverged"
  return infinite_words(trial, metric)


def format_entry(entry: dict[str, Any], metric: str) -> str:
  """The words "0.930 ± 0.020 (2 of 3 seeds)"; "diverged" if no seed is left."""
  total = len(entry["values"])
  alive = sum(finite(value) is not None for value in entry["values"])
  if not alive:
    return "diverged"
  words = format_value(entry["mean"], metric)
  if finite(entry["std"]) is not None:
    std = entry["std"]
    shown = f"{std:.3f}" if is_share(metric) else f"{std:.2g}"
    words += f" ± {shown}"
  return words if alive == total else f"{words} ({alive} of {total} seeds)"


def reference_label(levels: Iterable[float], metric: str, name: str) -> str:
  """The words "chance (0.100)" for a legend; empty if there is no level."""
  several = sorted(set(levels))
  words = list(dict.fromkeys(format_value(v, metric) for v in several))
  if not words:
    return ""
  return f"{name} ({' to '.join(dict.fromkeys((words[0], words[-1])))})"


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
    # Its logarithm says nothing more.
    metrics = [metric for metric in metrics if metric != "loss"]
  rows = [
    [name] + ([_cell(trial, m) for m in metrics] or [trial.status])
    for name, line in layout.series.items()
    for trial in line.values()
  ]
  return Grid(
    titled(layout.task, "test metrics"),
    ["trial"] + ([f"test {_spaced(m)}" for m in metrics] or ["status"]),
    rows,
    "mean ± standard deviation over seeds"
    + "".join(_reference_words(layout, metric) for metric in metrics),
  )


def _cell(trial: Trial | None, metric: str) -> str:
  if measured(trial, metric) is not None:
    return format_measured(trial, metric)
  if trial is None or trial.result is not None:
    return "–"
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
