"""The trials of a sweep by task, and as lines over a swept field."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from rnn_lab.errors import FieldError
from rnn_lab.reports.arrange import (
  LEAST_FULL,
  MOST_SINGLE,
  arrange,
  overridden,
  say,
)
from rnn_lab.reports.goals import Goal
from rnn_lab.reports.metrics import Headline, headline_of
from rnn_lab.reports.style import MOST_LINES
from rnn_lab.reports.trial import Trial


class Part(NamedTuple):
  """The trials of one task; trials of two share no metric and no x-axis.

  Attributes:
    task: its name; "" if unknown.
    title: the name where the report has several tasks, or else "".
    trials: in the order of the sweep.
    x: the dotted name of the swept field; None if no field varies inside a
      series, and then every series is one trial.
    xs: the values of x, in ascending order; [None] if x is None.
    series: the lines in order of appearance: {name: {value of x: trial}}.
    headline: the metric they are compared by; None before any was measured.
    goal: when the task is solved; None without a goal.
    labels: words for fields: those in sweep.json, and of others made.
  """

  task: str
  title: str
  trials: list[Trial]
  x: str | None
  xs: list[Any]
  series: dict[str, dict[Any, Trial]]
  headline: Headline | None = None
  goal: Goal | None = None
  labels: Mapping[str, str] = MappingProxyType({})

  @property
  def cells(self) -> Iterator[tuple[str, Any, Trial]]:
    """Each trial with its series and its x, series by series."""
    for name, line in self.series.items():
      for x, trial in line.items():
        yield name, x, trial

  @property
  def metric(self) -> str:
    """The name of the headline metric; "" without one."""
    return self.headline.metric if self.headline else ""

  @property
  def is_search(self) -> bool:
    """Whether there is no line to draw, and too much for one by one."""
    return (
      self.x is None
      and len(self.series) > MOST_SINGLE
      and all(t.series is None and t.is_of_sweep for t in self.trials)
      and bool(self.searched)
    )

  @property
  def is_scattered(self) -> bool:
    """Whether series have few values of x in common, as of random draws."""
    cells = len(self.series) * len(self.xs)
    return (
      self.x is not None
      and len(self.xs) > MOST_SINGLE
      and len(self.trials) < LEAST_FULL * cells
    )

  @property
  def searched(self) -> list[str]:
    """The overrides that differ between trials, in the sweep's order."""
    return [
      f
      for f in overridden(self.trials)
      if len({str(t.field(f)) for t in self.trials}) > 1
    ]

  def titled(self, words: str) -> str:
    """Titles a figure or table, with the task's name if there is one."""
    capital = f"{words[:1].upper()}{words[1:]}"
    return f"Task {self.title}. {capital}" if self.title else words

  def label(self, field: str | None = None) -> str:
    """Names a field on an axis, that of x unless another is given."""
    field = field or self.x or ""
    return self.labels.get(field) or field_words(field)

  def at(self, x: Any) -> str:
    """The words "gap = 20 steps"; "" where nothing was swept."""
    if self.x is None:
      return ""
    name, _, unit = self.label().removesuffix(")").partition(" (")
    return f"{name} = {say(x)} {unit}".rstrip()

  def groups(self, most: int = MOST_LINES) -> list[list[str]]:
    """Splits series into figures or panels, which also gives their looks.

    At most `most` a group. Where that takes several, series that were fitted
    without training steps have groups of their own, and those of them without
    any finite result are left out.
    """
    if len(self.series) <= most:
      return chunks(self.series, most)
    stepless = {
      name: any(trial.values(self.metric) for trial in line.values())
      for name, line in self.series.items()
      if not any(trial.takes_steps for trial in line.values())
    }
    drawn = [name for name, has_results in stepless.items() if has_results]
    others = [name for name in self.series if name not in stepless]
    return chunks(drawn, most) + chunks(others, most)


def parts_of(
  trials: Sequence[Trial],
  goals: Mapping[str, Goal] = MappingProxyType({}),
  labels: Mapping[str, str] = MappingProxyType({}),
) -> list[Part]:
  """Groups the trials of a sweep by task, in order of appearance.

  Where there are several tasks, a trial of unknown task, which never ran, is
  left out.

  Raises:
    FieldError: the swept field that a goal names is not one of its task.
  """
  by_task: dict[str, list[Trial]] = {}
  for trial in trials:
    name = trial.field("task.name")
    if name is not None:
      by_task.setdefault(str(name), []).append(trial)
  if len(by_task) < 2:
    by_task = {next(iter(by_task), ""): list(trials)}
  parts = []
  for task, group in by_task.items():
    goal = goals.get(task)
    x, xs, series = arrange(group, _named_field(group, goal))
    title = task if len(by_task) > 1 else ""
    part = Part(task, title, group, x, xs, series, headline_of(group), goal)
    searched = part.searched
    made = {field: field_words(field, searched) for field in searched}
    parts.append(part._replace(labels=made | dict(labels)))
  return parts


def _named_field(trials: Sequence[Trial], goal: Goal | None) -> str | None:
  """The x-axis that a goal names; None if a trial does not have it yet."""
  if goal is None or goal.x is None:
    return None
  values = [trial.field(goal.x) for trial in trials]
  if any(t.config and value is None for t, value in zip(trials, values)):
    raise FieldError(
      "goals",
      f"{{field}} must name as x a field of the trials of {goal.task}, got "
      f"{goal.x!r}",
    )
  return None if None in values else goal.x


def field_words(field: str, others: Iterable[str] = ()) -> str:
  """Returns a dotted field in words, "learning rate"; whole where two clash."""
  last = field.rpartition(".")[2]
  clash = any(f != field and f.rpartition(".")[2] == last for f in others)
  return field if clash else last.replace("_", " ")


def chunks(names: Iterable[str], most: int) -> list[list[str]]:
  """Splits names into the fewest lists of at most `most`, of even sizes."""
  names = list(names)
  count = -(-len(names) // most)
  bounds = [len(names) * i // count for i in range(count + 1)] if count else []
  return [names[a:b] for a, b in zip(bounds, bounds[1:])]
