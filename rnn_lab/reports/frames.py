"""The numbers of run directories as data frames, for notebooks and files."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnn_lab.errors import check_choice
from rnn_lab.reports import lazy_pandas
from rnn_lab.reports.arrange import overridden
from rnn_lab.reports.results import Results, read_results
from rnn_lab.reports.trial import Trial
from rnn_lab.rundir import flatten

if TYPE_CHECKING:
  import pandas as pd

_Row = dict[str, Any]


def load_results(
  *workdirs: str | Path, table: str = "results"
) -> "pd.DataFrame":
  """Reads the numbers of runs into a data frame with one number a row.

  All tables begin with the columns trial, task, series, status, and one for
  each field in which the trials differ, by its dotted name; of several
  directories or folders also sweep, after trial. A number that is not finite is
  NaN or infinite.

  Args:
    *workdirs: a sweep directory, a directory of runs, or a run directory; or
      several of them.
    table: which numbers.
      "results": at the selected parameters of each seed that ended; seed,
        best_step, split, metric, value.
      "learning_curves": while training; seed, step, split, metric, value.
      "gradients": of gradient studies; moment ("initialisation" or
        "trained"), quantity, index (a lag or reach in steps, or a place from
        the largest on), value (logarithms are of base 10).
      "gradient_flow": norms of dE/dh_t logged while training; seed, step,
        recurrence, layer, direction, state, time, value.

  Raises:
    FieldError: `table` is none of these, or there is no run in a directory.
  """
  check_choice("table", table, TABLES)
  return frame(read_results(*workdirs), table)


def frame(results: Results, table: str = "results") -> "pd.DataFrame":
  """Returns a table of `load_results` of results that were already read."""
  trials = results.trials
  several = len({trial.folder for trial in trials}) > 1
  names = dict.fromkeys(overridden(trials))
  if several:
    # What is the same in one sweep may be another in the next one.
    names |= dict.fromkeys(f for t in trials for f in flatten(t.config))
  fields = [
    field
    for field in names
    if field != "seed"
    and not field.startswith("run.")
    and len({str(t.field(field)) for t in trials}) > 1
  ]
  rows = [
    {**_head(trial, fields), "sweep": trial.folder, **row}
    for trial in results.trials
    for row in TABLES[table](trial)
  ]
  head = ["trial", "task", "series", "status", *fields]
  head[1:1] = ["sweep"] if several else []
  return lazy_pandas.load().DataFrame(rows, columns=[*head, *_COLUMNS[table]])


def _head(trial: Trial, fields: Iterable[str]) -> _Row:
  head = {
    "trial": trial.name,
    "task": trial.field("task.name"),
    "series": trial.series,
    "status": trial.status,
  }
  return head | {field: trial.field(field) for field in fields}


def _results(trial: Trial) -> Iterator[_Row]:
  for name, entry in (trial.result or {"metrics": {}})["metrics"].items():
    split, _, metric = name.partition("/")
    for seed, value in zip(trial.seeds, entry["values"]):
      yield {
        "seed": seed["seed"],
        "best_step": seed.get("best_step"),
        "split": split,
        "metric": metric,
        "value": _number(value),
      }


def _curves(trial: Trial) -> Iterator[_Row]:
  first = trial.config.get("seed", 0)
  for row in trial.metrics:
    for name, values in row.items():
      split, slash, metric = name.partition("/")
      for seed, value in enumerate(values if slash else (), first):
        yield {
          "seed": seed,
          "step": row["step"],
          "split": split,
          "metric": metric,
          "value": _number(value),
        }


def _flow(trial: Trial) -> Iterator[_Row]:
  for row in trial.flow:
    head = {k: row.get(k) for k in _COLUMNS["gradient_flow"][:-2]}
    for time, value in enumerate(row["norm"]):
      yield {**head, "time": time, "value": _number(value)}


def _gradients(trial: Trial) -> Iterator[_Row]:
  for moment, portrait in ((trial.gradients or {}).get("at") or {}).items():
    for quantity, pairs in _quantities(portrait or {}):
      for index, value in pairs:
        yield {
          "moment": moment,
          "quantity": quantity,
          "index": index,
          "value": _number(value),
        }


def _quantities(
  portrait: Mapping[str, Any],
) -> Iterator[tuple[str, Iterable[tuple[int, float | None]]]]:
  """The names of what a study measured, with indices and values."""
  for state, norms in portrait.get("flow", {}).items():
    yield f"log10 norm of dE/d{state}", enumerate(norms["log10_by_lag"])
  jacobian = portrait.get("jacobian") or {}
  logs = jacobian.get("log10_largest") or {}
  yield "log10 largest singular value", enumerate(logs.get("mean", []))
  for spectrum in jacobian.get("spectra") or []:
    name = f"log10 singular value at lag {spectrum['lag']}"
    yield name, enumerate(spectrum["log10"], 1)
  yield "Lyapunov exponent", enumerate(portrait.get("lyapunov") or [], 1)
  for layer in portrait.get("gates") or []:
    if layer:
      lives = enumerate(layer["half_life_by_unit"], 1)
      yield f"half-life of {layer['state']}", lives
  for kernel, norms in (portrait.get("terms") or {}).items():
    name = f"log10 norm of the terms of {kernel}"
    yield name, enumerate(norms["log10_by_lag"])
  cut = portrait.get("truncation") or {"reaches": [], "relative_error": []}
  pairs = zip(cut["reaches"], cut["relative_error"])
  yield "relative error of truncated BPTT", pairs


def _number(value: float | None) -> float:
  return float("nan") if value is None else float(value)


TABLES: dict[str, Callable[[Trial], Iterator[_Row]]] = {
  "results": _results,
  "learning_curves": _curves,
  "gradients": _gradients,
  "gradient_flow": _flow,
}
_COLUMNS = {
  "results": ["seed", "best_step", "split", "metric", "value"],
  "learning_curves": ["seed", "step", "split", "metric", "value"],
  "gradients": ["moment", "quantity", "index", "value"],
  "gradient_flow": [
    "seed", "step", "recurrence", "layer", "direction", "state", "time",
    "value",
  ],
}  # fmt: skip
