"""The results of a sweep: what every section of a report is made from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from rnn_lab.errors import FieldError
from rnn_lab.paths import local_path
from rnn_lab.reports.goals import Goal, parse_goals
from rnn_lab.reports.headline import Headline, headline_of
from rnn_lab.reports.load import Sweep, Trial, load_sweep, load_trials
from rnn_lab.reports.repeats import pooled
from rnn_lab.reports.series import Layout, arrange, task_of, value_of


class Part(NamedTuple):
  """The trials of one task; trials of two share no metric and no x-axis.

  Attributes:
    task: its name; "" if unknown.
    trials: in the order of the sweep.
    layout: the trials as lines.
    headline: the metric they are compared by; None before any was measured.
    goal: when the task is solved; None without a goal.
  """

  task: str
  trials: list[Trial]
  layout: Layout
  headline: Headline | None
  goal: Goal | None


class Results(NamedTuple):
  """A sweep as read from its directory.

  Attributes:
    workdir: a sweep directory, a directory of run directories, or one run
      directory.
    sweep: the content of sweep.json.
    trials: in the order of the sweep.
    parts: the trials by task, repeated ones as one.
    goals: when each task is solved, by task.
  """

  workdir: Path
  sweep: Sweep
  trials: list[Trial]
  parts: list[Part]
  goals: dict[str, Goal]


def load_results(workdir: str | Path) -> Results:
  """Reads a sweep, or any directory of runs.

  Raises:
    FieldError: there is no run in `workdir`, a file in it is damaged, or a
      goal or the field of repeats is wrong.
  """
  workdir = local_path("workdir", workdir)
  trials = load_trials(workdir)
  sweep = load_sweep(workdir)
  goals = parse_goals(sweep.goals)
  parts = parts_of(pooled(trials, sweep.repeats), goals)
  return Results(workdir, sweep, trials, parts, goals)


def parts_of(
  trials: Sequence[Trial], goals: Mapping[str, Goal] = MappingProxyType({})
) -> list[Part]:
  """Groups the trials of a sweep by task, in order of appearance.

  Where there are several tasks, a trial of unknown task, which never ran, is
  left out.

  Raises:
    FieldError: the swept field that a goal names is not one of its task.
  """
  groups: dict[str | None, list[Trial]] = {}
  for trial in trials:
    groups.setdefault(task_of(trial), []).append(trial)
  by_task = {task: group for task, group in groups.items() if task is not None}
  if len(by_task) < 2:
    by_task = {next(iter(by_task), ""): list(trials)}
  parts = []
  for task, group in by_task.items():
    goal = goals.get(task)
    name = task if len(by_task) > 1 else ""
    layout = arrange(group, name, _named_field(group, goal))
    parts.append(Part(task, group, layout, headline_of(group), goal))
  return parts


def _named_field(trials: Sequence[Trial], goal: Goal | None) -> str | None:
  """The x-axis that a goal names; None if a trial does not have it yet."""
  if goal is None or goal.x is None:
    return None
  values = {trial.name: value_of(trial, goal.x) for trial in trials}
  if any(trial.config and values[trial.name] is None for trial in trials):
    raise FieldError(
      "goals",
      f"{{field}} must name as x a field of the trials of {goal.task}, got "
      f"{goal.x!r}",
    )
  return None if None in values.values() else goal.x
