"""The results of sweeps: what every section of a report is made from."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rnn_lab.errors import FieldError
from rnn_lab.paths import local_path
from rnn_lab.reports.goals import Goal, parse_goals
from rnn_lab.reports.load import load_sweep, load_trials
from rnn_lab.reports.parts import Part, parts_of
from rnn_lab.reports.repeats import pooled
from rnn_lab.reports.trial import Sweep, Trial

# The field of a config that decides nothing but random numbers.
_SEED = "seed"


class Results(NamedTuple):
  """Sweeps as read from their directories.

  Attributes:
    workdirs: sweep directories, directories of run directories, or run
      directories.
    names: what each of several is called; the folders of their trials.
    sweep: the content of sweep.json; of several what they have in common.
    trials: in the order of the sweep.
    parts: the trials by task, repeated ones as one.
    goals: when each task is solved, by task.
  """

  workdirs: list[Path]
  names: list[str]
  sweep: Sweep
  trials: list[Trial]
  parts: list[Part]
  goals: dict[str, Goal]


def read_results(*workdirs: str | Path) -> Results:
  """Reads sweeps, or any directories of runs, side by side.

  Raises:
    FieldError: there is no run in a directory, a file in it is damaged, a goal
      or the field of repeats is wrong, or two directories are the same.
  """
  if not workdirs:
    raise FieldError("workdir", "workdir must be given, once or several times")
  paths = [local_path("workdir", workdir) for workdir in workdirs]
  names = _names(paths)
  sweeps = [load_sweep(path) for path in paths]
  trials, repeated = [], []
  for path, name, sweep in zip(paths, names, sweeps):
    loaded = load_trials(path)
    if len(paths) > 1:
      loaded = [_of(trial, name) for trial in loaded]
    trials += loaded
    repeated += _pooled(loaded, sweep.repeats)
  sweep = _joined(sweeps, names)
  goals = parse_goals(sweep.goals)
  parts = parts_of(repeated, goals, sweep.labels)
  return Results(paths, names, sweep, trials, parts, goals)


def _pooled(trials: Sequence[Trial], repeats: str) -> list[Trial]:
  """Joins what a sweep calls repeats, and trials that differ in the seed."""
  trials = pooled(trials, repeats)
  is_seed = any(_SEED in trial.overrides for trial in trials)
  return pooled(trials, _SEED) if is_seed else trials


def _names(paths: Sequence[Path]) -> list[str]:
  """The shortest ends of paths that tell them apart."""
  parts = [path.resolve().parts for path in paths]
  if len({*parts}) < len(parts):
    raise FieldError("workdir", "workdir must not name a directory twice")
  depth = 1
  while len({part[-depth:] for part in parts}) < len(parts):
    depth += 1
  return [str(Path(*part[-depth:])) for part in parts]


def _of(trial: Trial, workdir: str) -> Trial:
  folder = str(Path(workdir) / trial.folder)
  return trial._replace(name=f"{workdir}/{trial.name}", folder=folder)


def _joined(sweeps: Sequence[Sweep], names: Sequence[str]) -> Sweep:
  """What several sweeps have in common; claims are of one sweep alone."""
  first, *others = sweeps
  if not others:
    return first
  labels = {k: v for sweep in sweeps[::-1] for k, v in sweep.labels.items()}
  return Sweep(
    title=" and ".join(names),
    labels=labels,
    goals=first.goals if all(s.goals == first.goals for s in others) else (),
  )
