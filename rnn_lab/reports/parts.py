"""A sweep by its tasks: trials of different tasks share no metric and no x."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from rnn_lab.errors import FieldError
from rnn_lab.reports.goals import Goal
from rnn_lab.reports.headline import Headline, headline_of
from rnn_lab.reports.load import Trial
from rnn_lab.reports.series import Layout, arrange, task_of, value_of


class Part(NamedTuple):
  """The trials of one task.

  Attributes:
    task: its name; "" if nothing tells it.
    trials: in the order of the sweep.
    layout: the trials as lines.
    headline: what they are compared by; None before anything was measured.
    goal: when the task is solved; None if nobody said.
  """

  task: str
  trials: list[Trial]
  layout: Layout
  headline: Headline | None
  goal: Goal | None


def parts_of(
  trials: Sequence[Trial], goals: Mapping[str, Goal] = MappingProxyType({})
) -> list[Part]:
  """The trials of a sweep by task, in order of appearance.

  Of several tasks, a trial that tells none is in no part: it never ran.

  Raises:
    FieldError: the swept field that a goal names is not one of its task.
  """
  groups: dict[str | None, list[Trial]] = {}
  for trial in trials:
    groups.setdefault(task_of(trial), []).append(trial)
  told = {task: group for task, group in groups.items() if task is not None}
  if len(told) < 2:
    told = {next(iter(told), ""): list(trials)}
  parts = []
  for task, group in told.items():
    goal = goals.get(task)
    name = task if len(told) > 1 else ""
    layout = arrange(group, name, _named_field(group, goal))
    parts.append(Part(task, group, layout, headline_of(group), goal))
  return parts


def _named_field(trials: Sequence[Trial], goal: Goal | None) -> str | None:
  """The x-axis that a goal names; None if not all trials tell it."""
  if goal is None or goal.x is None:
    return None
  told = {trial.name: value_of(trial, goal.x) for trial in trials}
  if any(trial.config and told[trial.name] is None for trial in trials):
    raise FieldError("goals", goal.x, f"a field of the trials of {goal.task}")
  return None if None in told.values() else goal.x
