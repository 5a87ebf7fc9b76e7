"""The trials of a sweep by task, and as lines over a swept field."""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from rnn_lab.errors import FieldError
from rnn_lab.reports.goals import Goal
from rnn_lab.reports.load import Trial
from rnn_lab.reports.metrics import Headline, headline_of
from rnn_lab.reports.style import MOST_LINES

# Of a series' name that is made of assignments; a longer one is the trial's.
_LONGEST_NAME = 48
# Of the cells of a table, and of trials on the lines of a figure: fewer make
# none that can be read.
_LEAST_FULL = 0.5
# Of trials without series, so many are compared one by one.
_MOST_SINGLE = 8


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
      and len(self.series) > _MOST_SINGLE
      and all(t.series is None and t.is_of_sweep for t in self.trials)
      and bool(self.searched)
    )

  @property
  def is_scattered(self) -> bool:
    """Whether series have few values of x in common, as of random draws."""
    cells = len(self.series) * len(self.xs)
    return (
      self.x is not None
      and len(self.xs) > _MOST_SINGLE
      and len(self.trials) < _LEAST_FULL * cells
    )

  @property
  def searched(self) -> list[str]:
    """The overrides that differ between trials, in the sweep's order."""
    return [
      f
      for f in _overridden(self.trials)
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


def arrange(
  trials: Sequence[Trial], x: str | None = None
) -> tuple[str | None, list[Any], dict[str, dict[Any, Trial]]]:
  """Sorts trials into lines; returns x, xs and series of a `Part`.

  If it is not given, the x-axis is the first numeric field among the overrides
  that takes more than one value inside a series. A trial without a series
  belongs to the one named after its other overrides, by the shortest
  assignments that differ. Trials that would share a point get names with what
  differs between them, so that none hides another.

  Args:
    trials: of one task.
    x: the x-axis, if it is given.
  """
  given, x = x is not None, x or _swept_field(trials)
  # Only a trial that never ran, and so has no config, can lack the field.
  shown = [t for t in trials if x is None or t.field(x) is not None]
  series: dict[str, dict[Any, Trial]] = {}
  for name, group in _grouped(shown, x).items():
    for distinct, trial in zip(_distinct_names(name, group, x), group):
      point = _point(trial, x)
      if point in series.get(distinct, {}):
        distinct = trial.name
      series.setdefault(distinct, {})[point] = trial
  xs = sorted({point for line in series.values() for point in line})
  if x is None:
    return None, [None], series
  few = len(series) == 1 or len(shown) < _LEAST_FULL * len(series) * len(xs)
  unnamed = all(trial.series is None for trial in trials)
  if not given and unnamed and len(trials) > _MOST_SINGLE and few:
    # As of random draws: no two trials lie on a line, or all on one.
    names = _assignments(trials, _overridden(trials))
    return None, [None], {n: {None: t} for n, t in zip(names, trials)}
  return x, xs, {n: dict(sorted(line.items())) for n, line in series.items()}


def field_words(field: str, others: Iterable[str] = ()) -> str:
  """Returns a dotted field in words, "learning rate"; whole where two clash."""
  last = field.rpartition(".")[2]
  clash = any(f != field and f.rpartition(".")[2] == last for f in others)
  return field if clash else last.replace("_", " ")


def say(value: Any) -> str:
  """Formats a value of a field for an axis or a column."""
  return f"{value:g}" if isinstance(value, float) else str(value)


def chunks(names: Iterable[str], most: int) -> list[list[str]]:
  """Splits names into the fewest lists of at most `most`, of even sizes."""
  names = list(names)
  count = -(-len(names) // most)
  bounds = [len(names) * i // count for i in range(count + 1)] if count else []
  return [names[a:b] for a, b in zip(bounds, bounds[1:])]


def is_number(value: Any) -> bool:
  """Whether a value of a field lies on an axis; a switch does not."""
  return isinstance(value, int | float) and not isinstance(value, bool)


def _overridden(trials: Iterable[Trial]) -> list[str]:
  return [*dict.fromkeys(f for trial in trials for f in trial.overrides)]


def _key(trial: Trial, x: str | None) -> Hashable:
  """What trials of one series have in common."""
  if trial.series is not None:
    return trial.series
  return tuple((f, str(v)) for f, v in trial.overrides.items() if f != x)


def _swept_field(trials: Sequence[Trial]) -> str | None:
  for field in _overridden(trials):
    values: dict[Hashable, set[Any]] = {}
    for trial in trials:
      value = trial.field(field)
      # A list or a section is no number, and has no hash.
      value = value if isinstance(value, Hashable) else str(value)
      values.setdefault(_key(trial, field), set()).add(value)
    known = set().union(*values.values()) - {None}
    lines = {key for key, line in values.items() if len(line - {None}) > 1}
    # Where few trials without a series lie on lines, more than this differs.
    on_lines = sum(_key(trial, field) in lines for trial in trials)
    is_line = all(trial.series is not None for trial in trials)
    is_line |= on_lines >= _LEAST_FULL * len(trials)
    if lines and is_line and all(map(is_number, known)):
      return field
  return None


def _point(trial: Trial, x: str | None) -> Any:
  return None if x is None else trial.field(x)


def _grouped(trials: Sequence[Trial], x: str | None) -> dict[str, list[Trial]]:
  """The trials of each series by its name, which may have to be made."""
  groups: dict[Hashable, list[Trial]] = {}
  for trial in trials:
    groups.setdefault(_key(trial, x), []).append(trial)
  unnamed = [group for group in groups.values() if group[0].series is None]
  firsts = [group[0] for group in unnamed]
  fields = [f for f in _overridden(firsts) if f != x]
  made = _assignments(firsts, fields)
  if not fields and x is not None:
    made = [str(t.field("model.cell") or "all trials") for t in firsts]
  names = dict(zip([_key(first, x) for first in firsts], made))
  named: dict[str, list[Trial]] = {}
  for key, group in groups.items():
    named.setdefault(str(names.get(key, key)), []).extend(group)
  return named


def _distinct_names(
  name: str, group: Sequence[Trial], x: str | None
) -> list[str]:
  """A name for each trial, so that no two share both name and point."""
  points = [_point(trial, x) for trial in group]
  if len(set(points)) == len(points):
    return [name] * len(group)
  folders = [trial.folder or "." for trial in group]
  if len(set(zip(folders, points))) == len(points):
    return [f"{name} ({folder})" for folder in folders]
  words = _assignments(group, [f for f in _overridden(group) if f != x])
  if len(set(zip(words, points))) < len(points):
    words = [trial.name for trial in group]
  return [f"{name}, {distinct}" for distinct in words]


def _assignments(trials: Sequence[Trial], fields: Sequence[str]) -> list[str]:
  """Names trials by the fewest fields that tell them apart: "cell=lstm".

  Where one would be long, all names are those of the trials.
  """
  kept = [f for f in fields if len({str(t.field(f)) for t in trials}) > 1]
  total = len({_values(trial, kept) for trial in trials})
  for field in [*kept][::-1]:
    fewer = [f for f in kept if f != field]
    if len({_values(trial, fewer) for trial in trials}) == total:
      kept = fewer
  kept = kept or [*fields]
  lasts = Counter(field.rpartition(".")[2] for field in fields)
  names = []
  for trial in trials:
    words = ", ".join(
      f"{short if lasts[short] == 1 else f}={say(trial.field(f))}"
      for f in kept
      if trial.field(f) not in (None, "")
      for short in [f.rpartition(".")[2]]
    )
    names.append(words)
  fit = all(0 < len(words) <= _LONGEST_NAME for words in names)
  if fit and len({*names}) == total:
    return names
  return [trial.short_name for trial in trials]


def _values(trial: Trial, fields: Iterable[str]) -> tuple[str, ...]:
  return tuple(str(trial.field(field)) for field in fields)
