"""Which trials form a line, and what its x-axis is."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rnn_lab.reports.headline import measured
from rnn_lab.reports.load import Trial
from rnn_lab.reports.numbers import finite


class Layout(NamedTuple):
  """A sweep as lines over one swept field.

  Attributes:
    x: the dotted name of the swept field; None if no field varies inside a
      series, and then every series is one trial.
    xs: the values of x, in ascending order; [None] if x is None.
    series: the lines in order of appearance: {name: {value of x: trial}}.
    task: the task of these trials, where the sweep has others; or else "".
  """

  x: str | None
  xs: list[Any]
  series: dict[str, dict[Any, Trial]]
  task: str = ""


def arrange(
  trials: Sequence[Trial], task: str = "", x: str | None = None
) -> Layout:
  """Sorts trials into lines.

  If it is not given, the x-axis is the first numeric field among the overrides
  that takes more than one value inside a series. A trial without a series
  belongs to the one named after its other overrides. Trials that would share a
  point get names with the overrides in which they differ, so that none hides
  another.

  Args:
    trials: of one task.
    task: its name, where the sweep has others.
    x: the x-axis, if it is given.
  """
  given = x is not None
  x = x or _swept_field(trials)
  groups = defaultdict(list)
  for trial in trials:
    # Only a trial that never ran, and so has no config, can lack the field.
    if x is None or value_of(trial, x) is not None:
      groups[trial.series or _derived_name(trial, x, trials)].append(trial)
  series: dict[str, dict[Any, Trial]] = defaultdict(dict)
  for name, group in groups.items():
    for distinct, trial in zip(_distinct_names(name, group, x), group):
      series[distinct][_point(trial, x)] = trial
  if x is None:
    return Layout(None, [None], dict(series), task)
  if not given and _is_scattered(trials, series):
    # As of random draws: no two trials lie on a line.
    each = {trial.name: {None: trial} for trial in trials}
    return Layout(None, [None], each, task)
  xs = sorted({point for line in series.values() for point in line})
  ordered = {name: dict(sorted(line.items())) for name, line in series.items()}
  return Layout(x, xs, ordered, task)


def _is_scattered(
  trials: Sequence[Trial], series: Mapping[str, Mapping[Any, Trial]]
) -> bool:
  """Whether trials without series make no table that can be read.

  They fill less than half of one with a row for each line, or make one long
  line.
  """
  xs = {x for line in series.values() for x in line}
  return (
    all(trial.series is None for trial in trials)
    and len(trials) > 8
    and (len(series) == 1 or len(trials) < 0.5 * len(series) * len(xs))
  )


def titled(task: str, words: str) -> str:
  """Titles a figure or table, with the task's name if there is one."""
  return f"Task {task}. {words[:1].upper()}{words[1:]}" if task else words


def task_of(trial: Trial) -> str | None:
  """Returns the name of a trial's task; None where it is unknown."""
  name = value_of(trial, "task.name")
  return None if name is None else str(name)


def chunks(names: Iterable[str], most: int) -> list[list[str]]:
  """Splits names into the fewest lists of at most `most`, of even sizes."""
  names = list(names)
  count = -(-len(names) // most)
  bounds = [len(names) * i // count for i in range(count + 1)] if count else []
  return [names[a:b] for a, b in zip(bounds, bounds[1:])]


def groups(layout: Layout, most: int) -> list[list[str]]:
  """Splits series into figures or panels, which also gives lines their looks.

  At most `most` a group. Where that takes several, series that were fitted
  without training steps have groups of their own, and those of them without
  any finite result are left out.
  """
  if len(layout.series) <= most:
    return chunks(layout.series, most)
  stepless = {
    name: list(line.values())
    for name, line in layout.series.items()
    if not any(takes_steps(trial) for trial in line.values())
  }
  drawn = [
    name
    for name, trials in stepless.items()
    if any(_has_headline(trial) for trial in trials)
  ]
  others = [name for name in layout.series if name not in stepless]
  return chunks(drawn, most) + chunks(others, most)


def takes_steps(trial: Trial) -> bool:
  """Whether a trial trains step by step; of one without a result assumed."""
  return trial.result is None or any(
    seed["last_step"] or seed["status"] == "diverged"
    for seed in trial.result["seeds"]
  )


def _has_headline(trial: Trial) -> bool:
  if trial.result is None:
    return False
  entry = measured(trial, trial.result["headline"])
  return bool(entry and finite(entry["values"]))


def all_trials(layout: Layout) -> list[Trial]:
  """Returns the trials of all series, series by series."""
  return [trial for line in layout.series.values() for trial in line.values()]


def value_of(trial: Trial, field: str) -> Any:
  """Returns a config field by its dotted name; None where unknown."""
  if field in trial.overrides:
    return trial.overrides[field]
  value: Any = trial.config
  for key in field.split("."):
    value = value.get(key) if isinstance(value, Mapping) else None
  return value


def say(value: float) -> str:
  """Formats a value of the swept field for an axis or a column."""
  return f"{value:g}" if isinstance(value, float) else str(value)


def _swept_field(trials: Sequence[Trial]) -> str | None:
  for field in dict.fromkeys(f for trial in trials for f in trial.overrides):
    values = defaultdict(set)
    for trial in trials:
      name = trial.series or _derived_name(trial, field, trials)
      value = value_of(trial, field)
      # A list or a section is no number, and has no hash.
      values[name].add(value if isinstance(value, Hashable) else str(value))
    known = set().union(*values.values()) - {None}
    numeric = all(
      isinstance(value, int | float) and not isinstance(value, bool)
      for value in known
    )
    if numeric and any(len(line - {None}) > 1 for line in values.values()):
      return field
  return None


def _point(trial: Trial, x: str | None) -> Any:
  return None if x is None else value_of(trial, x)


def _derived_name(trial: Trial, x: str | None, trials: Sequence[Trial]) -> str:
  others = [field for field in trial.overrides if field != x]
  if others:
    return _assignments(trial, others, trials)
  if x is None:
    return trial.name
  return str(value_of(trial, "model.cell") or "all trials")


def _distinct_names(
  name: str, group: Sequence[Trial], x: str | None
) -> list[str]:
  """A name for each trial, so that no two share both name and point."""
  points = [_point(trial, x) for trial in group]
  if len(set(points)) == len(points):
    return [name] * len(group)
  differ = [
    field
    for field in dict.fromkeys(f for trial in group for f in trial.overrides)
    if field != x and len({str(value_of(t, field)) for t in group}) > 1
  ]
  words = [_assignments(trial, differ, group) for trial in group]
  if len(set(zip(words, points))) < len(points):
    words = [trial.name for trial in group]
  return [f"{name}, {distinct}" for distinct in words]


def _assignments(
  trial: Trial, fields: Iterable[str], trials: Sequence[Trial]
) -> str:
  """The words "cell=lstm, forget_bias=1.0"; long names where short clash."""
  every = {field for other in trials for field in other.overrides}
  lasts = Counter(field.rsplit(".", 1)[-1] for field in every)
  parts = []
  for field in fields:
    last = field.rsplit(".", 1)[-1]
    shown = last if lasts[last] == 1 else field
    parts.append(f"{shown}={value_of(trial, field)}")
  return ", ".join(parts)
