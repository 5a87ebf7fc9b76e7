"""The numbers of a sweep as a file: summary.json."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnn_lab.paths import local_path
from rnn_lab.reports.details import main_numbers
from rnn_lab.reports.load import load_trials
from rnn_lab.reports.trial import Trial
from rnn_lab.rundir import SUMMARY, finite_or_null, write_json


def summary(trials: Sequence[Trial]) -> dict[str, Any]:
  """Returns every test and validation number of a sweep.

  Returns:
    {"trials": [{"name", "overrides", "series", "status", "metrics":
    {"test/accuracy": {"mean", "std", "values"}}}]}; metrics is empty for a
    trial without a result, and a number that is not finite is None. Where a
    result has details, so has the trial: sizes, perplexity by kind of word and
    by length of context, and scores by length of the input.
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
  workdir = local_path("workdir", workdir)
  path = workdir / SUMMARY
  write_json(path, summary(load_trials(workdir) if trials is None else trials))
  return path


def _finite(value: Any) -> Any:
  if isinstance(value, list):
    return [_finite(item) for item in value]
  return None if value is None else finite_or_null(value)
