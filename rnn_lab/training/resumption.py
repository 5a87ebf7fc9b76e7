"""Checks that the rows of a run directory are those its checkpoint rests on."""

import collections
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rnn_lab import rundir
from rnn_lab.errors import FieldError
from rnn_lab.rows import read_rows, rows_sha256
from rnn_lab.tasks.base import Task
from rnn_lab.training.settings import Settings
from rnn_lab.training.state import TrainState

# What tells a row of `gradient_flow.jsonl` from the others of its step.
_STREAM = ("recurrence", "layer", "direction", "state")


def check_rows(
  workdir: pathlib.Path,
  settings: Settings,
  task: Task,
  states: TrainState,
  step: int,
  sha256: Mapping[str, str],
) -> None:
  """Checks that every row up to a checkpoint is there, once and whole.

  Rows after it do not matter: they are written again. Nothing is written.

  Args:
    workdir: the run directory.
    settings: of the run, counted in steps.
    task: its headline metric is in every row of an evaluation.
    states: of the checkpoint, numpy arrays with leading dimension S.
    step: of the checkpoint.
    sha256: of the rows that were there when it was written, by file.

  Raises:
    FieldError: a row is missing, incomplete, doubled or another one, or a file
      damaged.
  """
  path = workdir / rundir.METRICS
  rows = read_rows(path, step)
  _check_metrics(path, rows, settings, task.headline, step)
  every = settings.train.gradient_flow_every
  if every:
    path = workdir / rundir.FLOW
    rows = read_rows(path, step)
    seeds = {
      settings.seed + s: step if alive else int(last_step)
      for s, (alive, last_step) in enumerate(
        zip(states.alive, states.last_step)
      )
    }
    _check_flow(path, rows, seeds, range(0, step + 1, every))
  for name in rundir.ROWS:
    if rows_sha256(workdir / name, step) != sha256.get(name):
      _damaged(workdir / name, f"its rows up to step {step} have changed since")


def _check_metrics(
  path: pathlib.Path,
  rows: Sequence[Mapping[str, Any]],
  settings: Settings,
  headline: str,
  step: int,
) -> None:
  needed = {
    "train/loss": settings.train.log_every,
    f"valid/{headline}": settings.eval.every,
  }
  by_step = {row["step"]: row for row in rows}
  _check_single(path, [row["step"] for row in rows])
  for row in rows:
    for name, values in row.items():
      if name == "step":
        continue
      if not isinstance(values, list) or len(values) != settings.num_seeds:
        _damaged(path, f"not one {name} for each seed at step {row['step']}")
  for name, every in needed.items():
    for due in range(every, step + 1, every):
      if name not in by_step.get(due, ()):
        _damaged(path, f"no {name} of step {due}")


def _check_flow(
  path: pathlib.Path,
  rows: Sequence[Mapping[str, Any]],
  seeds: Mapping[int, int],
  due: Iterable[int],
) -> None:
  """Checks rows of gradients.

  Args:
    path: of the file.
    rows: up to the checkpoint.
    seeds: the last step of each seed, by the seed.
    due: the steps at which there must be rows.
  """
  for row in rows:
    if missing := {"seed", "norm", *_STREAM} - {*row}:
      _damaged(path, f"a row of step {row['step']} without {min(missing)}")
  streams = {tuple(row[name] for name in _STREAM) for row in rows}
  keys = [
    (row["step"], row["seed"], *[row[name] for name in _STREAM]) for row in rows
  ]
  _check_single(path, keys)
  present = {*keys}
  for step in due:
    for seed, last_step in seeds.items():
      whole = {(step, seed, *stream) for stream in streams}
      if last_step >= step and not (whole and whole <= present):
        _damaged(path, f"no row for each state of seed {seed} at step {step}")


def _check_single(path: pathlib.Path, keys: Sequence[Any]) -> None:
  for key, count in collections.Counter(keys).items():
    if count > 1:
      step = key[0] if isinstance(key, tuple) else key
      _damaged(path, f"{count} equal rows of step {step}")


def _damaged(path: pathlib.Path, why: str) -> None:
  raise FieldError(
    "workdir",
    f"workdir holds a damaged file: {path} ({why}), on which its checkpoint "
    "rests",
  )
