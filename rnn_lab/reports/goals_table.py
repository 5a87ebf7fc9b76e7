"""Solved or not solved, beside what was published: a table of the page."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rnn_lab.reports.goals import (
  MARKS,
  Goal,
  Published,
  best,
  count,
  metric_values,
  parse_goals,
  parse_published,
)
from rnn_lab.reports.load import Trial
from rnn_lab.reports.parts import Part
from rnn_lab.reports.series import say, value_of
from rnn_lab.reports.tables import format_value

NOT_RUN = "not run"
_BUDGET = "train.num_steps"


class Cell(NamedTuple):
  """What a table says of one trial, as "solved 2 of 2" and "0.000712".

  Attributes:
    words: how many seeds solved the task, or the status of the trial.
    number: the test metric of the best seed; empty before the run ended.
    look: the class that colours the cell.
  """

  words: str
  number: str
  look: str


class Row(NamedTuple):
  """A task at one value of its swept field.

  Attributes:
    task: its name.
    at: "task.length = 200"; empty where nothing was swept.
    steps: the updates of each network; "–" where none was run.
    cells: one for each series of the table.
    published: what others report.
  """

  task: str
  at: str
  steps: str
  cells: list[Cell]
  published: list[Published]


class GoalsTable(NamedTuple):
  """Rows of all tasks with a goal, and the words under them."""

  series: list[str]
  rows: list[Row]
  goals: list[str]
  marks: list[str]
  not_run: bool


def goals_table(
  parts: Sequence[Part],
  goals: Sequence[Mapping[str, Any]],
  published: Sequence[Mapping[str, Any]],
) -> GoalsTable | None:
  """How many seeds of each trial solved their task; None without goals.

  A published outcome of a task and an x that no trial has gets a row of its
  own, which says that it was not run.

  Args:
    parts: the trials, by task.
    goals: as in sweep.json.
    published: likewise.

  Raises:
    FieldError: a goal or an outcome is not what it may be, or a trial has no
      such metric as its goal's.
  """
  by_name = parse_goals(goals)
  outcomes = parse_published(published, by_name)
  by_task = {part.task: part for part in parts if part.goal is not None}
  series = list(
    dict.fromkeys(n for p in by_task.values() for n in p.layout.series)
  )
  rows = [
    _row(goal, by_task.get(task), x, series, entries)
    for task, goal in by_name.items()
    for x, entries in _entries(task, by_task.get(task), outcomes).items()
  ]
  if not rows:
    return None
  marks = {entry.mark for row in rows for entry in row.published}
  return GoalsTable(
    series,
    rows,
    [f"{task} – {goal.words}" for task, goal in by_name.items()],
    [f"{mark} = {words}" for mark, words in MARKS.items() if mark in marks],
    any(cell.words == NOT_RUN for row in rows for cell in row.cells),
  )


def _entries(
  task: str, part: Part | None, published: Sequence[Published]
) -> dict[float | None, list[Published]]:
  """What was published at each x, of trials or not, in ascending order."""
  entries: dict[float | None, list[Published]] = {
    x: [] for x in (part.layout.xs if part else ())
  }
  for entry in published:
    if entry.task == task:
      entries.setdefault(entry.x, []).append(entry)
  return dict(
    sorted(
      entries.items(), key=lambda item: (item[0] is not None, item[0] or 0)
    )
  )


def _row(
  goal: Goal,
  part: Part | None,
  x: float | None,
  series: Sequence[str],
  published: list[Published],
) -> Row:
  line = {
    name: trials.get(x)
    for name, trials in (part.layout.series if part else {}).items()
  }
  field = (part.layout.x if part else None) or goal.x
  at = "" if x is None else f"{field or 'x'} = {say(x)}"
  budgets = {
    steps
    for trial in line.values()
    if trial and (steps := value_of(trial, _BUDGET)) is not None
  }
  return Row(
    goal.task,
    at,
    " or ".join(f"{steps:,}" for steps in sorted(budgets)) or "–",
    [_cell(line.get(name), goal) for name in series],
    published,
  )


def _cell(trial: Trial | None, goal: Goal) -> Cell:
  if trial is None:
    return Cell(NOT_RUN, "", "open")
  counted = count(trial, goal)
  if counted is None:
    return Cell(trial.status, "", "open")
  value = best(metric_values(trial, goal), goal)
  number = "diverged" if value is None else format_value(value, goal.metric)
  look = "fails"
  if counted.solved:
    look = "holds" if counted.solved == counted.total else ""
  return Cell(f"solved {counted.solved} of {counted.total}", number, look)
