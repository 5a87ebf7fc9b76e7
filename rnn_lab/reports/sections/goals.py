"""The table of who solved what, beside what was published."""

from collections.abc import Mapping, Sequence

from rnn_lab.reports.arrange import say
from rnn_lab.reports.goals import (
  MARKS,
  Goal,
  best,
  count,
  metric_values,
  parse_published,
)
from rnn_lab.reports.metrics import NONE, format_value
from rnn_lab.reports.numbers import either
from rnn_lab.reports.parts import Part, field_words
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Cell, Grid, Section
from rnn_lab.reports.trial import Trial

_NOT_RUN = Cell(["not run"], "nowrap open")
_BUDGET = "train.num_steps"


def goals_section(results: Results) -> Section | None:
  """Shows how many seeds solved each task; None without goals."""
  grid = goals_grid(results.parts, results.goals, results.sweep.published)
  return grid and Section("Results", [grid])


def goals_grid(
  parts: Sequence[Part],
  goals: Mapping[str, Goal],
  published: Sequence[Mapping],
) -> Grid | None:
  """Counts the seeds of each trial that solved their task; None without goals.

  A published outcome of a task at an x that no trial has gets a row of its
  own, which says that it was not run.

  Args:
    parts: the trials by task.
    goals: the goals by task.
    published: as in sweep.json.

  Raises:
    FieldError: a published outcome is wrong, or a trial does not have the
      metric of its goal.
  """
  outcomes = parse_published(published, goals)
  by_task = {part.task: part for part in parts if part.goal is not None}
  series = [*dict.fromkeys(n for p in by_task.values() for n in p.series)]
  header = ["task", "steps", *series, *(["published"] if outcomes else [])]
  rows = []
  for task, goal in goals.items():
    part = by_task.get(task)
    told = [entry for entry in outcomes if entry.task == task]
    xs = {*(part.xs if part else ()), *(entry.x for entry in told)}
    for x in sorted(xs, key=lambda x: (x is not None, x or 0)):
      words = [f"{e.source}: {e.text} [{e.mark}]" for e in told if e.x == x]
      row = _row(goal, part, x, series)
      rows.append(row + [Cell(words or [NONE], "published")][: len(outcomes)])
  if not rows:
    return None
  solved = "; ".join(f"{task} – {goal.words}" for task, goal in goals.items())
  title = (
    "Seeds that solved their task, and in brackets the test metric of the best "
    f"seed. Solved means: {solved}. Steps: updates of each network"
  )
  if any(_NOT_RUN in row for row in rows):
    title += "; not run: this directory holds no such run"
  used = {entry.mark for entry in outcomes}
  marks = "; ".join(f"{m} = {words}" for m, words in MARKS.items() if m in used)
  note = (
    "Published outcomes come from other set-ups; the letters say how they are "
    f"known: {marks}."
  )
  return Grid(title, header, rows, "", [note] if marks else [], numeric=False)


def _row(
  goal: Goal, part: Part | None, x: float | None, series: Sequence[str]
) -> list[str | Cell]:
  """A task at one value of its swept field."""
  lines = part.series if part else {}
  trials = [lines.get(name, {}).get(x) for name in series]
  at = "" if x is None else f"{field_words(goal.x or 'x')} = {say(x)}"
  if part and part.x:
    at = part.at(x)
  steps = either(
    steps for t in trials if t and (steps := t.field(_BUDGET)) is not None
  )
  task = Cell([goal.task, *filter(None, [at])], "nowrap")
  return [task, steps or NONE, *(_cell(trial, goal) for trial in trials)]


def _cell(trial: Trial | None, goal: Goal) -> Cell:
  """How many seeds solved the task and the best metric, or the status."""
  if trial is None:
    return _NOT_RUN
  counted = count(trial, goal)
  if counted is None:
    return Cell([trial.status], "nowrap open")
  value = best(metric_values(trial, goal), goal)
  number = "diverged" if value is None else format_value(value, goal.metric)
  looks = {counted.total: "nowrap holds", 0: "nowrap fails"}
  words = f"solved {counted.solved} of {counted.total}"
  return Cell([words, f"({number})"], looks.get(counted.solved, "nowrap"))
