"""When a task counts as solved, and how many seeds of a trial solved it.

A config's `report()` may return "goals", one for each task:

  {"task": "adding", "metric": "mse", "op": "<", "bar": 0.01,
   "x": "task.length"}

by the task's name and a metric of the test split. "x" may be left out: it is
the swept field, needed only where a sweep has a single value of it, or where
several fields vary. Beside it `report()` may return "published", outcomes that
others report of a task at one value of the swept field:

  {"task": "adding", "x": 200, "text": "...", "source": "...", "mark": "V2"}
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from rnn_lab.errors import (
  FieldError,
  check_choice,
  check_fields,
  check_float,
  check_text,
  in_section,
)
from rnn_lab.reports.numbers import finite
from rnn_lab.reports.trial import Trial

OPERATORS = {
  "<": operator.lt,
  "<=": operator.le,
  ">": operator.gt,
  ">=": operator.ge,
}
# How a published outcome is known.
MARKS = {
  "V": "read in a primary source",
  "V2": "read in a source that quotes it",
  "C": "computed",
  "M": "from memory, not checked",
  "M?": "from memory, uncertain",
}


class Goal(NamedTuple):
  """A task is solved where the test metric is `op` `bar`, as "mse < 0.01"."""

  task: str
  metric: str
  op: str
  bar: float
  x: str | None = None

  @property
  def words(self) -> str:
    """The words "test mse < 0.01"."""
    return f"test {self.metric} {self.op} {self.bar:g}"


class Published(NamedTuple):
  """An outcome at one value of the swept field, with its source and mark."""

  task: str
  x: float
  text: str
  source: str
  mark: str


class Count(NamedTuple):
  """How many seeds of a trial solved its task, of how many that ran."""

  solved: int
  total: int


def parse_goals(rows: Sequence[Mapping[str, Any]]) -> dict[str, Goal]:
  """Checks the goals of a sweep, and returns them by task.

  Raises:
    FieldError: a field is unknown, missing or wrong, or a task has two goals.
  """
  checks = dict.fromkeys(["task", "metric", "x"], check_text)
  checks |= {"op": partial(check_choice, choices=OPERATORS), "bar": check_float}
  _check("goals", rows, Goal, checks)
  goals: dict[str, Goal] = {}
  for i, row in enumerate(rows):
    if row["task"] in goals:
      words = f"{{field}} must have one goal, got two of {row['task']!r}"
      raise FieldError(f"goals[{i}].task", words)
    goals[row["task"]] = Goal(**row)
  return goals


def parse_published(
  rows: Sequence[Mapping[str, Any]], goals: Mapping[str, Goal]
) -> list[Published]:
  """Checks the published outcomes of a sweep, and returns them in order.

  Raises:
    FieldError: a field is unknown, missing or wrong, or a task has no goal.
  """
  checks = dict.fromkeys(["task", "text", "source"], check_text)
  checks |= {"x": check_float, "mark": partial(check_choice, choices=MARKS)}
  _check("published", rows, Published, checks)
  for i, row in enumerate(rows):
    if row["task"] not in goals:
      words = (
        f"{{field}} must be a task with a goal ({', '.join(goals) or 'none'})"
      )
      raise FieldError(f"published[{i}].task", f"{words}, got {row['task']!r}")
  return [Published(**row) for row in rows]


def _check(
  name: str,
  rows: Sequence[Mapping[str, Any]],
  kind: Any,
  checks: Mapping[str, Callable[[str, Any], None]],
) -> None:
  """Raises FieldError unless rows have the right fields of a NamedTuple."""
  is_list = isinstance(rows, Sequence) and not isinstance(rows, str)
  if not is_list or not all(isinstance(row, Mapping) for row in rows):
    words = "{field} must be a list of objects with named fields, got "
    raise FieldError(name, f"{words}{rows!r}")
  required = [f for f in kind._fields if f not in kind._field_defaults]
  for i, row in enumerate(rows):
    with in_section(f"{name}[{i}]"):
      check_fields(row, kind._fields, required)
      for field, value in row.items():
        checks[field](field, value)


def count(trial: Trial | None, goal: Goal) -> Count | None:
  """Counts the seeds of a trial that solved its task; None before it ended.

  A seed that diverged, or whose metric is not finite, did not.

  Raises:
    FieldError: the trial has no such metric.
  """
  if trial is None or trial.result is None:
    return None
  values = metric_values(trial, goal)
  reached = OPERATORS[goal.op]
  solved = [v for v in values if v is not None and reached(v, goal.bar)]
  return Count(len(solved), len(values))


def metric_values(trial: Trial, goal: Goal) -> list[float | None]:
  """Returns the goal's metric of each seed; None where it diverged."""
  entry = trial.entry(goal.metric)
  if entry is None:
    metrics = (trial.result or {}).get("metrics", {})
    known = [k.removeprefix("test/") for k in metrics if k.startswith("test/")]
    raise FieldError(
      "goals",
      f"{{field}} must name a test metric of {goal.task} ({', '.join(known)}), "
      f"got {goal.metric!r}",
    )
  return [
    value if seed["status"] != "diverged" and finite(value) else None
    for value, seed in zip(entry["values"], trial.seeds)
  ]


def best(values: Sequence[float | None], goal: Goal) -> float | None:
  """Returns the best seed's value by the goal; None if all are None."""
  known = [value for value in values if value is not None]
  return (max if goal.op[0] == ">" else min)(known, default=None)
