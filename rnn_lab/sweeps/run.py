"""Running the trials of a sweep, and reporting on them."""

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.table import Table

from rnn_lab.errors import FieldError
from rnn_lab.reports import load_trials, results_table, write_report
from rnn_lab.sweeps.executors import (
  FAILED,
  Done,
  Job,
  Measure,
  processes,
  serial,
)
from rnn_lab.sweeps.expand import Trial
from rnn_lab.rundir import (
  check_can_hold,
  lock,
  read_json,
  write_json,
)
from rnn_lab.training.listener import Listener
from rnn_lab.training.loop import ALREADY_FINISHED, STOPPED
from rnn_lab.training.run import TRIAL, check_workdir, is_finished, plan
from rnn_lab.training.stopping import stop_on_signal

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
  cores: int | None = None,
  measure: Measure | None = None,
) -> Outcome:
  """Runs what is not finished yet, then writes the summary and the report.

  A trial that fails does not stop the others; it is tried again by the next
  call, as is one that was interrupted.

  Args:
    trials: the trials, each for a directory of its own in `workdir`.
    about: for the report: config, argument, command_line, and what a config's
      `report()` may say: title, text, claims, goals, published, groups.
    workdir: the sweep's directory.
    listener: is told of progress.
    cores: worker processes to run trials in; None runs them in this one.
    measure: is called with each trial's directory once it has been trained,
      also where that was done before; it should leave alone what is there.

  Raises:
    FieldError: a trial's config or a directory cannot be used. Nothing has
      been written or lost then.
  """
  check(trials, about, workdir)
  with lock(workdir), stop_on_signal() as stop:
    check(trials, about, workdir)
    _write_trials(trials, about, workdir)
    total = len(trials)
    failed: list[str] = []
    ended: list[str] = []

    def on_done(done: Done) -> None:
      if done.status == FAILED:
        failed.append(done.name)
        text = done.error.strip()
        (workdir / done.name / ERROR).write_text(text + "\n", encoding="utf-8")
        listener.line(f"{done.name}: failed: {text.splitlines()[-1][:200]}")
        return
      if done.status == STOPPED:
        return
      ended.append(done.name)
      listener.line(f"[{len(ended)}/{total}] {done.name}: {done.status}")

    jobs = _jobs(trials, workdir, measure)
    to_do = {job.name for job in jobs}
    for trial in trials:
      if trial.name not in to_do:
        on_done(Done(trial.name, ALREADY_FINISHED))
    if cores is None:
      serial(jobs, listener, stop, on_done)
    else:
      processes(jobs, listener, stop, on_done, cores)
    if len(ended) + len(failed) < total:
      return Outcome(STOPPED, failed, None, None)
    page = write_report(workdir)
    table = results_table(load_trials(workdir))
    return Outcome(FINISHED, failed, table, page)


def _jobs(
  trials: Sequence[Trial], workdir: pathlib.Path, measure: Measure | None
) -> list[Job]:
  """What is not finished yet, the longest sequences first.

  So that the cores end together. With something to measure, all trials.
  """
  jobs = []
  lengths = {}
  for trial in trials:
    ready = plan(trial.config)
    folder = workdir / trial.name
    lengths[trial.name] = ready.task.input_spec.length
    if measure is not None or not is_finished(ready, folder):
      jobs.append(Job(trial.name, trial.config.to_dict(), folder, measure))
  return sorted(jobs, key=lambda job: -lengths[job.name])


def check(
  trials: Sequence[Trial], about: Mapping[str, Any], workdir: pathlib.Path
) -> None:
  """Raises FieldError if a trial or a directory is wrong; writes nothing."""
  check_can_hold(workdir, (SWEEP,))
  if (workdir / SWEEP).exists():
    there = read_json(workdir / SWEEP).get("config", "")
    if os.path.normpath(there) != os.path.normpath(about["config"]):
      raise FieldError(
        "workdir",
        str(workdir),
        "a new directory, or one of a sweep of the same config",
        f"{str(workdir)!r}, of a sweep of {there!r}",
      )
  for trial in trials:
    check_workdir(plan(trial.config), workdir / trial.name)


def _write_trials(
  trials: Sequence[Trial], about: Mapping[str, Any], workdir: pathlib.Path
) -> None:
  """Writes what the report reads beside the runs."""
  rows = [
    {"name": t.name, "overrides": t.overrides, "series": t.series}
    for t in trials
  ]
  write_json(workdir / SWEEP, {**about, "trials": rows})
  for row in rows:
    folder = workdir / row["name"]
    folder.mkdir(exist_ok=True)
    write_json(folder / TRIAL, row)
    (folder / ERROR).unlink(missing_ok=True)
