"""Which trials form a line, what its x-axis is, and what it is called."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from rnn_lab.reports.trial import Trial

# Of a series' name that is made of assignments; a longer one is the trial's.
_LONGEST_NAME = 48
# Of the cells of a table, and of trials on the lines of a figure: fewer make
# none that can be read.
LEAST_FULL = 0.5
# Of trials without series, so many are compared one by one.
MOST_SINGLE = 8


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
  few = len(series) == 1 or len(shown) < LEAST_FULL * len(series) * len(xs)
  unnamed = all(trial.series is None for trial in trials)
  if not given and unnamed and len(trials) > MOST_SINGLE and few:
    # As of random draws: no two trials lie on a line, or all on one.
    return _singly(trials)
  return x, xs, {n: dict(sorted(line.items())) for n, line in series.items()}


def _singly(
  trials: Sequence[Trial],
) -> tuple[None, list[None], dict[str, dict[Any, Trial]]]:
  """Sorts trials into series of one each, as `arrange` returns them."""
  several = len({trial.folder for trial in trials}) > 1
  series: dict[str, dict[Any, Trial]] = {}
  for name, trial in zip(_assignments(trials, overridden(trials)), trials):
    name = _of_folder(name, trial) if several else name
    series[trial.name if name in series else name] = {None: trial}
  return None, [None], series


def say(value: Any) -> str:
  """Formats a value of a field for an axis or a column."""
  return f"{value:g}" if isinstance(value, float) else str(value)


def is_number(value: Any) -> bool:
  """Whether a value of a field lies on an axis; a switch does not."""
  return isinstance(value, int | float) and not isinstance(value, bool)


def overridden(trials: Iterable[Trial]) -> list[str]:
  """Returns the fields that any of the trials sets, in their order."""
  return [*dict.fromkeys(f for trial in trials for f in trial.overrides)]


def _key(trial: Trial, x: str | None) -> Hashable:
  """What trials of one series have in common."""
  # Those of two sweeps are two, whatever their trials have in common.
  if trial.series is not None:
    return trial.series, trial.folder
  others = [(f, str(v)) for f, v in trial.overrides.items() if f != x]
  return (*others, trial.folder)


def _swept_field(trials: Sequence[Trial]) -> str | None:
  ran = [trial for trial in trials if trial.config] or trials
  for field in overridden(trials):
    # A trial that lacks it, as of another cell, would have no place.
    if any(trial.field(field) is None for trial in ran):
      continue
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
    is_line |= on_lines >= LEAST_FULL * len(trials)
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
  firsts = [group[0] for group in groups.values() if group[0].series is None]
  fields = [f for f in overridden(firsts) if f != x]
  made = _assignments(firsts, fields)
  if not fields and x is not None:
    made = [str(t.field("model.cell") or "all trials") for t in firsts]
  names = dict(zip([_key(first, x) for first in firsts], made))
  several = len({trial.folder for trial in trials}) > 1
  named: dict[str, list[Trial]] = {}
  for key, group in groups.items():
    name = names.get(key, group[0].series or "")
    if several:
      name = _of_folder(name, group[0])
    named.setdefault(name, []).extend(group)
  return named


def _of_folder(name: str, trial: Trial) -> str:
  return f"{name} ({trial.folder or '.'})"


def _distinct_names(
  name: str, group: Sequence[Trial], x: str | None
) -> list[str]:
  """A name for each trial, so that no two share both name and point."""
  points = [_point(trial, x) for trial in group]
  if len(set(points)) == len(points):
    return [name] * len(group)
  words = _assignments(group, [f for f in overridden(group) if f != x])
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
  if not kept and not all(trial.is_of_sweep for trial in trials):
    return [trial.short_name for trial in trials]
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
