"""The numbers of a sweep: summary.json, and the results table three ways."""

import json
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table
from rich.text import Text

from rnn_lab.reports.details import infinite_words, main_numbers, significant
from rnn_lab.reports.headline import (
  headline_of,
  is_share,
  measured,
  reference,
  reference_name,
)
from rnn_lab.reports.load import Trial, load_trials
from rnn_lab.reports.series import Layout, all_trials, arrange, say


class Grid(NamedTuple):
  """A table as text, before anything decides how to draw it."""

  title: str
  header: list[str]
  rows: list[list[str]]
  caption: str


def summary(trials: Sequence[Trial]) -> dict[str, Any]:
  """Every test and validation number of a sweep, as summary.json holds it.

  Returns:
    {"trials": [{"name", "overrides", "series", "status", "metrics":
    {"test/accuracy": {"mean", "std", "values"}}}]}; metrics is empty for a
    trial without a result, and a number that is not finite is None. A
    language model has "details", too: its size, and perplexity by kind of
    word and by length of context.
  """
  return {
    "trials": [
      {
        "name": trial.name,
        "overrides": trial.overrides,
        "series": trial.series,
        "status": trial.status,
        "metrics": {
          key: {
            part: _finite(entry[part]) for part in ("mean", "std", "values")
          }
          for key, entry in (trial.result or {"metrics": {}})["metrics"].items()
        },
        **({"details": main} if (main := main_numbers(trial)) else {}),
      }
      for trial in trials
    ]
  }


def write_summary(
  workdir: str | Path, trials: Sequence[Trial] | None = None
) -> Path:
  """Writes `summary` to `workdir`/summary.json, whole or not at all.

  Args:
    workdir: a sweep directory or a run directory.
    trials: its trials, if they were already read.

  Returns:
    The path of the file.
  """
  content = summary(load_trials(workdir) if trials is None else trials)
  text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False)
  path = Path(workdir) / "summary.json"
  replace_text(path, text + "\n")
  return path


def replace_text(path: Path, text: str) -> None:
  """Writes a file so that a reader sees the old one or the new one whole."""
  partial = path.with_name(path.name + ".tmp")
  partial.write_text(text, encoding="utf-8")
  os.replace(partial, path)


def results_grid(trials: Sequence[Trial]) -> Grid:
  """The test results: series by values of the swept field.

  Where nothing was swept inside a series: trials by test metrics.
  """
  layout = arrange(trials)
  headline = headline_of(trials)
  if layout.x is None or headline is None:
    return _grid_of_metrics(trials)
  rows = [
    [name] + [_cell(line.get(x), headline.metric) for x in layout.xs]
    for name, line in layout.series.items()
  ]
  return Grid(
    f"test {headline.metric}, by {layout.x}",
    ["series"] + [f"{layout.x} = {say(x)}" for x in layout.xs],
    rows,
    "mean ± standard deviation over seeds"
    + _reference_words(layout, headline.metric),
  )


def results_table(trials: Sequence[Trial]) -> Table:
  """`results_grid` for the terminal."""
  grid = results_grid(trials)
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
  """`results_grid` for a README."""
  grid = results_grid(trials)
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
  if any(_finite(value) is not None for value in entry["values"]):
    return format_entry(entry, metric)
  if all(seed["status"] == "diverged" for seed in trial.result["seeds"]):
    return "diverged"
  return infinite_words(trial, metric)


def format_entry(entry: dict[str, Any], metric: str) -> str:
  """The words "0.930 ± 0.020 (2 of 3 seeds)"; "diverged" if no seed is left."""
  total = len(entry["values"])
  alive = sum(_finite(value) is not None for value in entry["values"])
  if not alive:
    return "diverged"
  words = format_value(entry["mean"], metric)
  if _finite(entry["std"]) is not None:
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


def _grid_of_metrics(trials: Sequence[Trial]) -> Grid:
  metrics = dict.fromkeys(
    key.removeprefix("test/")
    for trial in trials
    for key in (trial.result or {"metrics": {}})["metrics"]
    if key.startswith("test/")
  )
  layout = arrange(trials)
  headline = headline_of(trials)
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
    "test metrics",
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


def _finite(value: Any) -> Any:
  """A number, or a list of them, with None for what is not finite."""
  if isinstance(value, list):
    return [_finite(item) for item in value]
  if isinstance(value, float) and not math.isfinite(value):
    return None
  return value
