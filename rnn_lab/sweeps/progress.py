"""How far the trials of a sweep have come, read from its directory."""

import json
import os
import pathlib
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.table import Table
from rich.text import Text

from rnn_lab import rundir
from rnn_lab.errors import FieldError
from rnn_lab.reports.load import run_seconds
from rnn_lab.reports.numbers import mean
from rnn_lab.runs.planning import read_config

WAITING = "waiting"
RUNNING = "running"
INTERRUPTED = "interrupted"
FAILED = "failed"
# Of a file that grows: its last rows, far more than one.
_TAIL_BYTES = 2**16
# A file that was written so lately has a process that writes it.
FRESH_SECONDS = 30.0


class Progress(NamedTuple):
  """How far a trial has come.

  Attributes:
    name: of the trial.
    status: WAITING, RUNNING, INTERRUPTED, FAILED, that of its result, or
      "stopped at step N" where it was stopped early.
    step: updates that its last row is of; 0 without one.
    num_steps: of all; None where the config counts epochs and none has ended.
    metric: the headline metric, or "".
    value: its mean over the seeds; None without one.
    split: that it is of: "test" of a trial with a result, else "valid", of the
      last evaluation.
    steps_per_second: since the last evaluation but one; None without one.
    seconds: that training took, of a population the trial's share of them; None
      of a trial that has not ended.
    together: how many trials were trained with it as one population.
  """

  name: str
  status: str = WAITING
  step: int = 0
  num_steps: int | None = None
  metric: str = ""
  value: float | None = None
  split: str = "valid"
  steps_per_second: float | None = None
  seconds: float | None = None
  together: int = 1

  @property
  def is_over(self) -> bool:
    """Whether the trial has ended."""
    return self.status not in (WAITING, RUNNING, INTERRUPTED)

  @property
  def seconds_left(self) -> float | None:
    """What a running trial still needs, at the rate of its last steps."""
    rate = self.steps_per_second
    if self.status != RUNNING or not rate or self.num_steps is None:
      return None
    return max(self.num_steps - self.step, 0) / rate


def read_progress(workdir: pathlib.Path) -> list[Progress]:
  """Reads the directory of a sweep, while it runs or afterwards.

  Raises:
    FieldError: there is no sweep in it.
  """
  if not (workdir / rundir.SWEEP).exists():
    raise FieldError(
      "workdir",
      f"workdir must be the directory of a sweep; {workdir} has no "
      f"{rundir.SWEEP}",
    )
  trials = rundir.read_json(workdir / rundir.SWEEP).get("trials", [])
  return [
    trial_progress(workdir / trial["name"], trial.get("headline", ""))
    for trial in trials
  ]


def trial_progress(folder: pathlib.Path, headline: str) -> Progress:
  """Reads the directory of a trial.

  Args:
    folder: the run directory, which need not exist.
    headline: the metric to show.
  """
  found = Progress(folder.name, metric=headline)
  if not (folder / rundir.CONFIG).exists():
    is_failed = (folder / rundir.ERROR).exists()
    return found._replace(status=FAILED) if is_failed else found
  timing = _last_rows(folder / rundir.TIMING)
  starts = [row for row in timing if row.get("event") == "start"]
  metrics = _last_rows(folder / rundir.METRICS)
  num_steps = read_config(folder)["train"]["num_steps"] or None
  evaluated = [row for row in metrics if f"valid/{headline}" in row]
  rates = [row for row in timing if "steps_per_second" in row]
  found = found._replace(
    step=max([row.get("step", 0) for row in (*metrics, *timing)], default=0),
    num_steps=num_steps,
    value=mean(evaluated[-1][f"valid/{headline}"]) if evaluated else None,
    steps_per_second=rates[-1]["steps_per_second"] if rates else None,
    together=int(starts[-1].get("together", 1)) if starts else 1,
  )
  if (folder / rundir.ERROR).exists():
    return found._replace(status=FAILED)
  if (folder / rundir.RESULT).exists():
    result = rundir.read_result(folder / rundir.RESULT)
    test = result["metrics"].get(f"test/{headline}", {})
    return found._replace(
      status=result["status"],
      value=test.get("mean"),
      split="test",
      seconds=run_seconds(timing),
    )
  if (folder / rundir.HALTED).exists():
    halted = rundir.read_json(folder / rundir.HALTED)
    return found._replace(status=rundir.halted_status(halted))
  begun = bool(timing) and timing[-1].get("event") != "stopped"
  is_running = begun and (
    _is_alive(folder / rundir.LOCK) or _is_fresh(folder / rundir.METRICS)
  )
  return found._replace(status=RUNNING if is_running else INTERRUPTED)


def seconds_left(trials: Sequence[Progress], at_once: int) -> float | None:
  """Estimates the seconds until all trials have ended.

  A trial that has not begun is taken to need the mean of those that have ended;
  None as long as none has. Of a population each trial has its share.

  Args:
    trials: of the sweep.
    at_once: how many run at a time, where none is running now.
  """
  ended = [t.seconds for t in trials if t.seconds is not None]
  open_trials = [trial for trial in trials if not trial.is_over]
  if not ended:
    return None
  usual = sum(ended) / len(ended)
  total = sum(
    usual if trial.seconds_left is None else trial.seconds_left / trial.together
    for trial in open_trials
  )
  running = sum(1 / t.together for t in trials if t.status == RUNNING)
  return total / max(1, min(running or at_once, len(open_trials)))


def summary_line(trials: Sequence[Progress], at_once: int) -> str:
  """Returns how many trials have which status, and the time left."""
  counts: dict[str, int] = {}
  for trial in trials:
    counts[trial.status] = counts.get(trial.status, 0) + 1
  words = ", ".join(f"{count} {status}" for status, count in counts.items())
  line = f"{len(trials)} trial{'s'[: len(trials) > 1]}: {words}"
  left = seconds_left(trials, at_once)
  if left is not None and any(not trial.is_over for trial in trials):
    line += f"; about {duration(left)} left"
  return line


def progress_table(trials: Sequence[Progress]) -> Table:
  """Returns a rich table with a row for each trial.

  The rate and the time left have columns where a trial is running.
  """
  any_runs = any(trial.status == RUNNING for trial in trials)
  names = {trial.metric for trial in trials}
  table = Table()
  table.add_column("trial", overflow="fold")
  table.add_column("status", no_wrap=True)
  table.add_column(Text(names.pop() if len(names) == 1 else "metric"))
  for header in ("step", *(("steps/s", "time left") if any_runs else ())):
    table.add_column(header, justify="right", no_wrap=True)
  for trial in trials:
    total = "" if trial.num_steps is None else f"/{trial.num_steps}"
    value = ""
    if trial.value is not None:
      value = f"{trial.value:.4f} ({trial.split})"
      value = f"{trial.metric} {value}" if names else value
    cells = [
      trial.name,
      trial.status,
      value,
      f"{trial.step}{total}" if trial.status != WAITING else "",
    ]
    if any_runs:
      rate, left = trial.steps_per_second, trial.seconds_left
      is_running = trial.status == RUNNING and rate is not None
      cells += [
        f"{rate:.1f}" if is_running else "",
        "" if left is None else duration(left),
      ]
    table.add_row(*map(Text, cells))
  return table


def duration(seconds: float) -> str:
  """Formats seconds in two units: "5 s", "3 min 20 s", "2 h 5 min"."""
  whole = round(seconds)
  if whole < 60:
    return f"{whole} s"
  minutes, rest = divmod(whole, 60)
  if minutes < 60:
    return f"{minutes} min {rest} s"
  hours, minutes = divmod(minutes, 60)
  return f"{hours} h {minutes} min"


def _last_rows(path: pathlib.Path) -> list[dict[str, Any]]:
  """Reads the last whole rows of a file that may grow; [] without one."""
  try:
    with path.open("rb") as file:
      size = file.seek(0, os.SEEK_END)
      start = max(size - _TAIL_BYTES, 0)
      file.seek(start)
      lines = file.read().split(b"\n")
  except FileNotFoundError:
    return []
  rows = []
  # The first may be a part of a row, and the last is half-written.
  for line in lines[1 if start else 0 : -1]:
    try:
      row = json.loads(line)
    except ValueError:
      continue  # damaged: the report says so
    if isinstance(row, Mapping):
      rows.append(dict(row))
  return rows


def _is_alive(lock: pathlib.Path) -> bool:
  """Whether the process that locked a directory last is alive.

  The lock itself is not asked for, as that would keep a run out meanwhile.
  """
  try:
    os.kill(int(lock.read_text()), 0)
  except PermissionError:
    return True  # somebody else's
  except (OSError, ValueError):
    return False
  return True


def _is_fresh(path: pathlib.Path) -> bool:
  """Whether a process, perhaps on another machine, has just written to it."""
  try:
    return time.time() - path.stat().st_mtime < FRESH_SECONDS
  except OSError:
    return False
