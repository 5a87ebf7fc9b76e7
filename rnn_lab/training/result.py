"""The content of `result.json`, and the line at each evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnn_lab.rundir import finite_or_null
from rnn_lab.tasks.base import Task
from rnn_lab.training.state import TrainState


def make_result(
  task: Task,
  seeds: Sequence[Mapping[str, Any]],
  best_metric: np.ndarray,
  test_metrics: Mapping[str, np.ndarray],
) -> dict[str, Any]:
  """Makes the content of `result.json`.

  Args:
    task: the task.
    seeds: a row for each of S seeds with its "status", "finished" or
      "diverged"; see `seed_rows`.
    best_metric: `[S]`, the headline metric on the validation split.
    test_metrics: `[S]` each, on the test split.

  Returns:
    status ("finished", "partial" if some seeds diverged, "diverged" if all
    did), metrics with mean, sample standard deviation (null for fewer than
    two values) and values (null for a seed that diverged), and the seeds.
  """
  values = {f"test/{name}": value for name, value in test_metrics.items()}
  values[f"valid/{task.headline}"] = best_metric
  alive = np.array([seed["status"] == "finished" for seed in seeds])
  status = "partial"
  if alive.all():
    status = "finished"
  elif not alive.any():
    status = "diverged"
  return {
    "status": status,
    "headline": task.headline,
    "maximize": task.maximize,
    "baselines": dict(task.baselines),
    "metrics": {
      name: _spread(value, alive) for name, value in sorted(values.items())
    },
    "seeds": list(seeds),
  }


def seed_rows(seeds: Sequence[int], state: TrainState) -> list[dict[str, Any]]:
  """Returns how each seed ended.

  Args:
    seeds: S of them.
    state: the states at the end, numpy arrays with leading dimension S.
  """
  return [
    {
      "seed": seed,
      "status": "finished" if state.alive[s] else "diverged",
      "best_step": int(state.best_step[s]),
      "last_step": int(state.last_step[s]),
    }
    for s, seed in enumerate(seeds)
  ]


def _spread(values: np.ndarray, alive: np.ndarray) -> dict[str, Any]:
  listed = [
    finite_or_null(value) if is_alive else None
    for value, is_alive in zip(values, alive)
  ]
  known = [value for value in listed if value is not None]
  return {
    "mean": float(np.mean(known)) if known else None,
    "std": float(np.std(known, ddof=1)) if len(known) > 1 else None,
    "values": listed,
  }


def progress_line(
  task: Task,
  total: int,
  step: int,
  row: Mapping[str, np.ndarray],
  alive: np.ndarray,
  rate: float,
) -> str:
  """Returns a line with the step, the headline metric per seed, the speed."""
  headline = f"valid/{task.headline}"
  parts = [f"step {step:>{len(str(total))}}/{total}", headline]
  parts += [
    f"{value:.4f}" if is_alive else "diverged"
    for value, is_alive in zip(row[headline], alive)
  ]
  return "  ".join([*parts, f"({rate:.1f} steps/s)"])
