"""What a run reports and writes: progress, rows of metrics, its result."""

import pathlib
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import jax
import numpy as np

from rnn_lab import processes, rundir
from rnn_lab.errors import StorageError
from rnn_lab.rows import GrowingFile, append_row, cut_half_row
from rnn_lab.tasks.base import Task
from rnn_lab.training.state import TrainState
from rnn_lab.types import PyTree


class Listener(Protocol):
  """Receives the progress of a run."""

  def start(self, name: str, done: int, total: int) -> None:
    """A run begins, or goes on after `done` of `total` steps."""

  def advance(self, done: int) -> None:
    """`done` steps of the run are done."""

  def line(self, text: str) -> None:
    """A line for a person."""


class Silent:
  """A listener that ignores everything."""

  def start(self, name: str, done: int, total: int) -> None:
    """See Listener."""

  def advance(self, done: int) -> None:
    """See Listener."""

  def line(self, text: str) -> None:
    """See Listener."""


class Stop:
  """A request to stop; see `rnn_lab.runs.stop_on_signal`.

  Attributes:
    requested: whether there is one.
    signal: the number of the signal that made it; None if none did.
  """

  def __init__(self) -> None:
    self.requested = False
    self.signal: int | None = None

  def agreed(self) -> bool:
    """Whether to stop now, for which one process of a run has been asked.

    All processes have the same answer. A request that comes while they
    exchange it, or later, is one for the next call.
    """
    asked, signal = processes.largest((self.requested, self.signal or 0))
    if asked:
      self.requested, self.signal = True, signal or None
    return bool(asked)


class Records:
  """The growing files of a run directory, as a context manager.

  metrics.jsonl and gradient_flow.jsonl are functions of the config alone;
  every clock value goes to timing.jsonl, so that the others can be compared
  byte for byte.
  """

  def __init__(self, workdir: pathlib.Path, last_step: int, events: bool):
    """Opens the files, cut back to the rows up to `last_step`."""
    self._workdir = workdir
    self._lock = rundir.lock_id(workdir)
    self._files = {
      name: GrowingFile(workdir / name, last_step) for name in rundir.ROWS
    }
    cut_half_row(workdir / rundir.TIMING)
    self._events = None
    if events:
      from tensorboardX import SummaryWriter

      self._events = SummaryWriter(
        str(workdir / rundir.EVENTS), purge_step=last_step + 1
      )

  def metrics(
    self,
    step: int,
    metrics: Mapping[str, np.ndarray],
    alive: np.ndarray,
  ) -> None:
    """Writes a row: each metric with one value per seed, null if diverged."""
    self.check()
    row: dict[str, Any] = {"step": step}
    for name in sorted(metrics):
      row[name] = [
        rundir.finite_or_null(value) if is_alive else None
        for value, is_alive in zip(metrics[name], alive)
      ]
    self._files[rundir.METRICS].append(row)
    if self._events is not None:
      for name, values in row.items():
        if name == "step":
          continue
        for index, value in enumerate(values):
          if value is not None:
            self._events.add_scalar(f"{name}/seed_{index}", value, step)
      self._events.flush()

  def flow(
    self, step: int, norms: PyTree, seeds: list[int], alive: np.ndarray
  ) -> None:
    """Writes a row for each seed and state: the norm of dE/ds_t by time.

    Args:
      step: updates made so far.
      norms: `[S, T]` for each recurrence, layer, direction and state.
      seeds: S of them.
      alive: `[S]`; diverged seeds have no rows.
    """
    self.check()
    for path, norm_ST in jax.tree_util.tree_leaves_with_path(norms):
      recurrence, layer, direction = path[0].key, path[1].idx, path[2].name
      state = jax.tree_util.keystr(path[3:], simple=True, separator=".")
      for seed, norm_T, is_alive in zip(seeds, norm_ST, alive):
        if not is_alive:
          continue
        row = {
          "step": step,
          "seed": seed,
          "recurrence": recurrence,
          "layer": layer,
          "direction": direction,
          "state": state,
          "norm": [rundir.finite_or_null(value) for value in norm_T],
        }
        self._files[rundir.FLOW].append(row)

  def time(self, event: str, step: int, **values: float) -> None:
    """Writes a clock value, seconds since 1970, and what was measured."""
    self.check()
    row = {"event": event, "step": step, "time": time.time(), **values}
    append_row(self._workdir / rundir.TIMING, row)

  def check(self) -> None:
    """Checks that the directory and its rows are still those of this run.

    Raises:
      StorageError: they were removed, renamed or changed meanwhile.
    """
    if rundir.lock_id(self._workdir) != self._lock:
      raise StorageError(
        f"{self._workdir} has been removed or renamed while the run wrote to it"
      )
    for file in self._files.values():
      file.check()

  def sha256(self) -> dict[str, str]:
    """Returns the sha256 of the rows so far, by file."""
    return {name: file.sha256 for name, file in self._files.items()}

  def __enter__(self) -> "Records":
    return self

  def __exit__(self, *error: object) -> None:
    if self._events is not None:
      self._events.close()


class NoRecords:
  """Takes what `Records` writes, and writes nothing."""

  def metrics(self, *args: Any) -> None:
    """See Records."""

  def flow(self, *args: Any) -> None:
    """See Records."""

  def time(self, event: str, step: int, **values: float) -> None:
    """See Records."""


def make_result(
  task: Task,
  seeds: Sequence[Mapping[str, Any]],
  best_metric: np.ndarray,
  test_metrics: Mapping[str, np.ndarray],
) -> dict[str, Any]:
  """Makes the content of `result.json`.

  Args:
    task: the task.
    seeds: a row for each of S seeds with its "status", "finished" or
      "diverged"; see `seed_rows`.
    best_metric: `[S]`, the headline metric on the validation split.
    test_metrics: `[S]` each, on the test split.

  Returns:
    status ("finished", "partial" if some seeds diverged, "diverged" if all
    did), metrics with mean, sample standard deviation (null for fewer than
    two values) and values (null for a seed that diverged), and the seeds.
  """
  values = {f"test/{name}": value for name, value in test_metrics.items()}
  values[f"valid/{task.headline}"] = best_metric
  alive = np.array([seed["status"] == "finished" for seed in seeds])
  status = "partial"
  if alive.all():
    status = "finished"
  elif not alive.any():
    status = "diverged"
  return {
    "status": status,
    "headline": task.headline,
    "maximize": task.maximize,
    "baselines": dict(task.baselines),
    "metrics": {
      name: _spread(value, alive) for name, value in sorted(values.items())
    },
    "seeds": list(seeds),
  }


def seed_rows(
  seeds: Sequence[int], state: TrainState, select: str
) -> list[dict[str, Any]]:
  """Returns how each seed ended.

  A seed without one evaluation whose headline metric is finite counts as
  diverged, whatever its parameters are.

  Args:
    seeds: S of them.
    state: the states at the end, numpy arrays with leading dimension S.
    select: the parameters that are tested, "best" or "last".
  """
  finished = state.alive & (state.best_step >= 0)
  steps = state.last_step if select == "last" else state.best_step
  return [
    {
      "seed": seed,
      "status": "finished" if finished[s] else "diverged",
      "best_step": int(steps[s]),
      "last_step": int(state.last_step[s]),
    }
    for s, seed in enumerate(seeds)
  ]


def ending_lines(
  rows: Sequence[Mapping[str, Any]], state: TrainState
) -> list[str]:
  """Returns a line for each seed that diverged, which says why.

  Args:
    rows: of `seed_rows`.
    state: as there.
  """
  lines = []
  for row, is_alive, best_step in zip(rows, state.alive, state.best_step):
    seed, last_step = row["seed"], row["last_step"]
    if not is_alive:
      lines.append(
        f"seed {seed} diverged at step {last_step}: its loss, gradient or "
        "parameters became infinite or nan"
      )
    elif best_step < 0:
      lines.append(
        f"seed {seed} has no evaluation with a finite metric: it counts as "
        f"diverged, and its last parameters, of step {last_step}, are kept"
      )
  return lines


def _spread(values: np.ndarray, alive: np.ndarray) -> dict[str, Any]:
  listed = [
    rundir.finite_or_null(value) if is_alive else None
    for value, is_alive in zip(values, alive)
  ]
  known = [value for value in listed if value is not None]
  return {
    "mean": float(np.mean(known)) if known else None,
    "std": float(np.std(known, ddof=1)) if len(known) > 1 else None,
    "values": listed,
  }


def progress_line(
  task: Task,
  total: int,
  step: int,
  row: Mapping[str, np.ndarray],
  alive: np.ndarray,
  rate: float,
) -> str:
  """Returns a line with the step, the headline metric per seed, the speed."""
  headline = f"valid/{task.headline}"
  parts = [f"step {step:>{len(str(total))}}/{total}", headline]
  parts += [
    f"{value:.4f}" if is_alive else "diverged"
    for value, is_alive in zip(row[headline], alive)
  ]
  return "  ".join([*parts, f"({rate:.1f} steps/s)"])
