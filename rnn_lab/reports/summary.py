"""The numbers of a sweep as a file: summary.json."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnn_lab.reports.details import finite, main_numbers
from rnn_lab.reports.load import Trial, load_trials


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
          key: {part: finite(entry[part]) for part in ("mean", "std", "values")}
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
