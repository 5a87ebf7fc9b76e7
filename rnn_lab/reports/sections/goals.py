"""The table of who solved what, beside what was published."""

from collections.abc import Mapping, Sequence

from rnn_lab.reports.arrange import say
from rnn_lab.reports.goals import (
  MARKS,
  Goal,
  Published,
  best,
  count,
  metric_values,
  parse_published,
)
from rnn_lab.reports.metrics import NONE, format_value
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
  series = list(dict.fromkeys(n for p in by_task.values() for n in p.series))
  has_published = bool(outcomes)
  rows = [
    _row(goal, by_task.get(task), x, series, entries if has_published else None)
    for task, goal in goals.items()
    for x, entries in _entries(task, by_task.get(task), outcomes).items()
  ]
  if not rows:
    return None
  header = ["task", "steps", *series]
  notes = []
  if has_published:
    header.append("published")
    known = {entry.mark for entry in outcomes}
    marks = [f"{m} = {words}" for m, words in MARKS.items() if m in known]
    notes.append(
      "Published outcomes come from other set-ups; the letters say how they "
      f"are known: {'; '.join(marks)}."
    )
  solved = "; ".join(f"{task} – {goal.words}" for task, goal in goals.items())
  title = (
    "Seeds that solved their task, and in brackets the test metric of the best "
    f"seed. Solved means: {solved}. Steps: updates of each network"
  )
  if any(_NOT_RUN in row for row in rows):
    title += "; not run: this directory holds no such run"
  return Grid(title, header, rows, "", notes, numeric=False)


def _entries(
  task: str, part: Part | None, published: Sequence[Published]
) -> dict[float | None, list[Published]]:
  """What was published at each x, with or without trials, in order."""
  entries: dict[float | None, list[Published]] = {
    x: [] for x in (part.xs if part else ())
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
  published: Sequence[Published] | None,
) -> list[str | Cell]:
  """A task at one value of its swept field."""
  line = {
    name: trials.get(x)
    for name, trials in (part.series if part else {}).items()
  }
  at = [] if x is None else [f"{field_words(goal.x or 'x')} = {say(x)}"]
  if part and part.x:
    at = [part.at(x)]
  budgets = {
    steps
    for trial in line.values()
    if trial and (steps := trial.field(_BUDGET)) is not None
  }
  budget = " or ".join(f"{steps:,}" for steps in sorted(budgets)) or NONE
  row = [Cell([goal.task, *at], "nowrap"), budget]
  row += [_cell(line.get(name), goal) for name in series]
  if published is not None:
    words = [f"{e.source}: {e.text} [{e.mark}]" for e in published]
    row.append(Cell(words or [NONE], "published"))
  return row


def _cell(trial: Trial | None, goal: Goal) -> Cell:
  """How many seeds solved the task and the best metric, or the status."""
  if trial is None:
    return _NOT_RUN
  counted = count(trial, goal)
  if counted is None:
    return Cell([trial.status], "nowrap open")
  value = best(metric_values(trial, goal), goal)
  number = "diverged" if value is None else format_value(value, goal.metric)
  look = "fails"
  if counted.solved:
    look = "holds" if counted.solved == counted.total else ""
  words = f"solved {counted.solved} of {counted.total}"
  return Cell([words, f"({number})"], f"nowrap {look}".strip())
