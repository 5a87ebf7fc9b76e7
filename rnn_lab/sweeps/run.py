"""Running the trials of a sweep, one after the other, and their report."""

import pathlib
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.table import Table

from rnn_lab.errors import FieldError
from rnn_lab.reports import load_trials, results_table, write_report
from rnn_lab.sweeps.expand import Trial
from rnn_lab.training.files import (
  check_can_hold,
  lock,
  read_json,
  write_json,
)
from rnn_lab.training.listener import Listener
from rnn_lab.training.loop import ALREADY_FINISHED, STOPPED, train
from rnn_lab.training.run import TRIAL, check_workdir, plan

SWEEP = "sweep.json"
FINISHED = "finished"
ERROR = "error.txt"


class Outcome(NamedTuple):
  """How a sweep ended.

  Attributes:
    status: FINISHED, or STOPPED by a signal.
    failed: names of the trials that raised an error; it is in `error.txt`.
    table: the results, if there are any.
    report: the path of the page.
  """

  status: str
  failed: list[str]
  table: Table | None
  report: pathlib.Path | None


def run_sweep(
  trials: Sequence[Trial],
  about: Mapping[str, Any],
  workdir: pathlib.Path,
  listener: Listener,
) -> Outcome:
  """Runs what is not finished yet, then writes the summary and the report.

  A trial that fails does not stop the others; it is tried again by the next
  call, as is one that was interrupted.

  Args:
    trials: the trials, each for a directory of its own in `workdir`.
    about: for the report: config, argument, title, text, claims.
    workdir: the sweep's directory.
    listener: is told of progress.

  Raises:
    FieldError: a trial's config or a directory cannot be used. Nothing has
      been written or lost then.
  """
  _check(trials, about, workdir)
  with lock(workdir):
    _check(trials, about, workdir)
    listed = [
      {"name": t.name, "overrides": t.overrides, "series": t.series}
      for t in trials
    ]
    write_json(workdir / SWEEP, {**about, "trials": listed})
    failed = []
    for index, (trial, row) in enumerate(zip(trials, listed), start=1):
      listener.line(f"[{index}/{len(trials)}] {trial.name}")
      status = _run_trial(trial, row, workdir / trial.name, listener)
      if status == STOPPED:
        return Outcome(STOPPED, failed, None, None)
      if status == ERROR:
        failed.append(trial.name)
    page = write_report(workdir)
    table = results_table(load_trials(workdir))
    return Outcome(FINISHED, failed, table, page)


def _check(
  trials: Sequence[Trial], about: Mapping[str, Any], workdir: pathlib.Path
) -> None:
  check_can_hold(workdir, (SWEEP,))
  if (workdir / SWEEP).exists():
    there = read_json(workdir / SWEEP).get("config")
    if there != about["config"]:
      raise FieldError(
        "workdir",
        str(workdir),
        "a new directory, or one of a sweep of the same config",
        f"{str(workdir)!r}, of a sweep of {there!r}",
      )
  for trial in trials:
    check_workdir(plan(trial.config), workdir / trial.name)


def _run_trial(
  trial: Trial,
  row: Mapping[str, Any],
  workdir: pathlib.Path,
  listener: Listener,
) -> str:
  workdir.mkdir(exist_ok=True)
  write_json(workdir / TRIAL, row)
  (workdir / ERROR).unlink(missing_ok=True)
  try:
    status = train(trial.config, workdir, listener)
  except Exception as error:
    # One trial must not take the others with it; nothing is hidden, as the
    # error is kept, shown, and makes the command fail.
    (workdir / ERROR).write_text(traceback.format_exc(), encoding="utf-8")
    listener.line(f"failed: {error!r}"[:200])
    return ERROR
  if status == ALREADY_FINISHED:
    listener.line(ALREADY_FINISHED)
  return status
