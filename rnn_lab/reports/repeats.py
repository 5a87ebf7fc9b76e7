"""Trials that repeat each other, such as the folds of a data set, as one."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from rnn_lab.errors import FieldError
from rnn_lab.reports.numbers import finite, mean
from rnn_lab.reports.trial import Trial


def pooled(trials: Sequence[Trial], field: str) -> list[Trial]:
  """Joins trials that differ in nothing but one field, as if it were a seed.

  Args:
    trials: of a sweep.
    field: the dotted name of the field; "" joins none.

  Returns:
    The joined trials, in order of appearance; the values, seeds and rows of
    metrics are those of all that have a result, one after the other, and the
    rest is the first one's.

  Raises:
    FieldError: no trial has the field.
  """
  if not field:
    return list(trials)
  ran = [trial for trial in trials if trial.config]
  if ran and all(trial.field(field) is None for trial in ran):
    raise FieldError(
      "repeats", f"{{field}} must be a field of the trials, got {field!r}"
    )
  groups: dict[str, list[Trial]] = {}
  for trial in trials:
    others = {k: v for k, v in trial.overrides.items() if k != field}
    groups.setdefault(str((trial.series, others)), []).append(
      trial._replace(overrides=others)
    )
  return [_join(group) for group in groups.values()]


def _join(group: Sequence[Trial]) -> Trial:
  ended = [trial for trial in group if trial.result is not None]
  if not ended:
    return group[0]
  seconds = finite([trial.seconds for trial in group])
  return ended[0]._replace(
    result=_join_results([t.result for t in ended if t.result is not None]),
    metrics=_join_rows([trial.metrics for trial in ended]),
    seconds=sum(seconds) if seconds else None,
  )


def _join_results(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
  statuses = {result["status"] for result in results}
  metrics = {}
  for name in results[0]["metrics"]:
    values = [v for r in results for v in r["metrics"][name]["values"]]
    known = finite(values)
    metrics[name] = {
      "mean": mean(values),
      "std": statistics.stdev(known) if len(known) > 1 else None,
      "values": values,
    }
  joined = {
    **results[0],
    "status": statuses.pop() if len(statuses) == 1 else "partial",
    "metrics": metrics,
    "seeds": [seed for result in results for seed in result["seeds"]],
  }
  references = [r.get("details", {}).get("references") for r in results]
  if all(references):
    means = {
      name: {
        metric: mean([row[name][metric] for row in references])
        for metric in of_first
      }
      for name, of_first in references[0].items()
    }
    joined["details"] = {**results[0]["details"], "references": means}
  return joined


def _join_rows(several: Sequence[Sequence[Mapping]]) -> list[dict[str, Any]]:
  """Joins rows of metrics that all have; folds may differ by a few steps."""
  rows = []
  for of_step in zip(*several):
    first = of_step[0]
    names = [k for k in first if all(k in row for row in of_step)]
    row = {k: [v for r in of_step for v in r[k]] for k in names if k != "step"}
    rows.append({"step": first["step"]} | row)
  return rows
