"""Trials that repeat each other, such as the folds of a data set, as one."""

import statistics
from collections import defaultdict
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
  groups: dict[str, list[Trial]] = defaultdict(list)
  for trial in trials:
    others = {k: v for k, v in trial.overrides.items() if k != field}
    key = str((trial.folder, trial.series, others))
    groups[key].append(trial._replace(overrides=others))
  return [_join(group) for group in groups.values()]


def _join(group: Sequence[Trial]) -> Trial:
  ended = [trial for trial in group if trial.result is not None]
  if not ended:
    return group[0]
  results = [trial.result or {} for trial in ended]
  statuses = {result["status"] for result in results}
  joined = {
    **results[0],
    "status": statuses.pop() if len(statuses) == 1 else "partial",
    "metrics": {
      name: _entry([v for r in results for v in r["metrics"][name]["values"]])
      for name in results[0]["metrics"]
    },
    "seeds": [seed for result in results for seed in result["seeds"]],
  }
  references = [trial.details.get("references", {}) for trial in ended]
  if all(references):
    means = {
      name: {m: mean([row[name][m] for row in references]) for m in metrics}
      for name, metrics in references[0].items()
    }
    joined["details"] = {**ended[0].details, "references": means}
  seconds = finite([trial.seconds for trial in group])
  return ended[0]._replace(
    result=joined,
    metrics=[*map(_join_rows, zip(*(trial.metrics for trial in ended)))],
    seconds=sum(seconds) if seconds else None,
  )


def _entry(values: list[float | None]) -> dict[str, Any]:
  """A metric as result.json has it."""
  known = finite(values)
  std = statistics.stdev(known) if len(known) > 1 else None
  return {"mean": mean(values), "std": std, "values": values}


def _join_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
  """Joins the metrics that all have; the steps of folds may differ by a few."""
  names = [name for name in rows[0] if all(name in row for row in rows)]
  values = {n: [v for r in rows for v in r[n]] for n in names if n != "step"}
  return {"step": rows[0]["step"]} | values
