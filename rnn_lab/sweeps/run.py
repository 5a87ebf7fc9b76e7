"""Running the trials of a sweep, and reporting on them."""

import contextlib
import os
import pathlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rich.table import Table

from rnn_lab import rundir
from rnn_lab.errors import FieldError
from rnn_lab.paths import local_path
from rnn_lab.reports import read_results, results_table, write_report
from rnn_lab.reports.claims import check_claims
from rnn_lab.reports.goals import parse_goals, parse_published
from rnn_lab.reports.summary import write_summary
from rnn_lab.runs import ALREADY_FINISHED, STOPPED, effects, stop_on_signal
from rnn_lab.runs.initial import check_initial
from rnn_lab.runs.memory import check_memory
from rnn_lab.runs.planning import check_workdir, is_finished, plan
from rnn_lab.sweeps.executors import AUTO, check_executor, executor
from rnn_lab.sweeps.expand import Trial
from rnn_lab.sweeps.halving import (
  HALTED,
  Halving,
  check_halving,
  run_halving,
)
from rnn_lab.sweeps.jobs import (
  FAILED,
  Job,
  Measure,
  OnResult,
  Resources,
  Result,
)
from rnn_lab.sweeps.names import earlier_names
from rnn_lab.tasks.checks import check_targets
from rnn_lab.training.records import Listener
from rnn_lab.training.settings import Plan

FINISHED = "finished"
# Of a trial: all its seeds.
DIVERGED = "diverged"
# Between two writings of summary.json while trials end.
SUMMARY_SECONDS = 10.0
NO_HALVING = Halving()


class Outcome(NamedTuple):
  """How a sweep ended.

  Attributes:
    status: FINISHED, or STOPPED by a signal.
    failed: the names of the trials that raised; the error is in `error.txt`.
    table: the results, if there are any.
    report: the path of the page.
    signal: the number of the signal that stopped it.
    all_diverged: whether no seed of any trial has a result.
    damaged: what is wrong with files that the report does without.
  """

  status: str
  failed: list[str]
  table: Table | None
  report: pathlib.Path | None
  signal: int | None = None
  all_diverged: bool = False
  damaged: Sequence[str] = ()


def run_sweep(
  trials: Sequence[Trial],
  report: Mapping[str, Any],
  workdir: pathlib.Path,
  listener: Listener,
  how: str = AUTO,
  resources: Resources | None = None,
  halving: Halving = NO_HALVING,
  measure: Measure | None = None,
  check: Callable[[Plan], None] | None = None,
) -> Outcome:
  """Runs the trials that are not finished, then writes the summary and report.

  A trial that fails does not stop the others. The next call runs it again, and
  resumes a trial that was interrupted.

  Args:
    trials: the trials; each has a directory of its own in `workdir`.
    report: for the report: config, argument, sweep (the name of one of several
      in a file), command_line, and what a config's `report()` may say: title,
      text, claims, goals, published, groups, repeats.
    workdir: the sweep's directory.
    listener: receives progress.
    how: the name of the executor, or AUTO; see `rnn_lab.sweeps.executors`.
    resources: what the executor may use; None for one core.
    halving: which trials are stopped early.
    measure: is called with each trial's directory once it has been trained,
      also where that was done before; it should leave alone what is there.
    check: is called with each trial's plan before anything is written.

  Raises:
    FieldError: a trial's config or a directory cannot be used. Nothing has
      been written or lost then.
  """
  resources = resources or Resources()
  workdir = local_path("workdir", workdir)
  check_executor(how, resources)
  jobs = prepared(trials, report, workdir, halving, measure, check)
  trials = [t._replace(name=job.name) for t, job in zip(trials, jobs)]
  if halving.factor:
    report = {**report, "halving": halving._asdict()}
  with rundir.lock(workdir), stop_on_signal() as stop:
    # Again, as another process may have been here before the lock.
    _check(jobs, report, workdir)
    _write_trials(trials, jobs, report, workdir)
    for line in effects.in_none([job.plan for job in jobs]):
      listener.line(line)
    endings = _Endings(workdir, listener, len(trials))
    waiting = []
    for job in jobs:
      is_over = is_finished(job.plan, job.workdir)
      if measure is None and is_over and not halving.factor:
        endings.add(Result(job.name, ALREADY_FINISHED))
      else:
        waiting.append(job)
    # The longest sequences first, so that the cores end together.
    waiting.sort(key=lambda job: -job.plan.task.length)

    def run(several: Sequence[Job[Plan]], on_result: OnResult) -> None:
      chosen = executor(how, several, resources)
      chosen(several, listener, stop, on_result, resources)

    if halving.factor and waiting:
      run_halving(halving, waiting, run, stop, endings.add)
    else:
      run(waiting, endings.add)
    if endings.count < len(trials):
      return Outcome(STOPPED, endings.failed, None, None, stop.signal)
    results = read_results(workdir)
    page = write_report(workdir, results=results)
    return Outcome(
      FINISHED,
      endings.failed,
      results_table(results.parts),
      page,
      all_diverged=all(
        trial.status == DIVERGED
        for trial in results.trials
        if trial.name in endings.ended
      ),
      damaged=[line for trial in results.trials for line in trial.damaged],
    )


class _Endings:
  """The trials that have ended, each told as it does.

  Attributes:
    failed: names of trials with an error, which is in their `error.txt`.
    halted: of those that were stopped early.
    ended: of the others.
  """

  def __init__(self, workdir: pathlib.Path, listener: Listener, total: int):
    self._workdir, self._listener, self._total = workdir, listener, total
    self._summarised = time.monotonic()
    self.failed: list[str] = []
    self.halted: list[str] = []
    self.ended: list[str] = []

  @property
  def count(self) -> int:
    """How many trials have ended."""
    return len(self.failed) + len(self.halted) + len(self.ended)

  def add(self, result: Result) -> None:
    """Keeps a result; one that was stopped by a signal has not ended."""
    if result.status == FAILED:
      self.failed.append(result.name)
      text = result.error.strip()
      folder = self._workdir / result.name
      folder.mkdir(exist_ok=True)  # somebody may have removed it
      rundir.write_text(folder / rundir.ERROR, text + "\n")
      words = f"failed: {text.splitlines()[-1][:200]}"
    elif result.status == HALTED:
      self.halted.append(result.name)
      words = "stopped early"
    elif result.status == STOPPED:
      return
    else:
      self.ended.append(result.name)
      words = result.status
    line = f"[{self.count}/{self._total}] {result.name}: {words}"
    self._listener.line(line)
    if time.monotonic() - self._summarised > SUMMARY_SECONDS:
      write_summary(self._workdir)
      self._summarised = time.monotonic()


def prepared(
  trials: Sequence[Trial],
  report: Mapping[str, Any],
  workdir: pathlib.Path,
  halving: Halving = NO_HALVING,
  measure: Measure | None = None,
  check: Callable[[Plan], None] | None = None,
) -> list[Job[Plan]]:
  """Returns the trials as jobs after all checks; writes nothing.

  Args:
    trials: the trials; a job has the name that its trial has in `workdir`.
    report: as of `run_sweep`, and so are the others.
    workdir: the sweep's directory.
    halving: which trials are stopped early.
    measure: for the jobs.
    check: is called with each trial's plan.

  Raises:
    FieldError: a trial's config or a directory cannot be used.
  """
  goals = parse_goals(report.get("goals", ()))
  parse_published(report.get("published", ()), goals)
  check_claims(report.get("claims", ()))
  names = earlier_names(
    [trial.name for trial in trials],
    [trial.overrides for trial in trials],
    workdir,
  )
  jobs = []
  for name, trial in zip(names, trials):
    with _of_trial(name, len(trials)):
      jobs.append(Job(name, plan(trial.config), workdir / name, measure))
  check_halving(halving, jobs)
  for job in jobs:
    with _of_trial(job.name, len(trials)):
      check_memory(job.plan)
      check_targets(job.plan.task)
      check_initial(job.plan, job.workdir)
      if check is not None:
        check(job.plan)
  _check(jobs, report, workdir)
  return jobs


@contextlib.contextmanager
def _of_trial(name: str, count: int) -> Iterator[None]:
  """Lets a FieldError raised inside say of which of several trials it is."""
  try:
    yield
  except FieldError as error:
    if count == 1:
      raise
    words = f"{error.message} (trial {name})"
    raise FieldError(error.field, words) from error


def _check(
  jobs: Sequence[Job[Plan]], report: Mapping[str, Any], workdir: pathlib.Path
) -> None:
  """Raises FieldError if a directory cannot be used; writes nothing."""
  rundir.check_can_hold(workdir, (rundir.SWEEP,))
  if (workdir / rundir.SWEEP).exists():
    there = rundir.read_json(workdir / rundir.SWEEP)
    if _origin(there) != _origin(report):
      raise FieldError(
        "workdir",
        f"workdir must be a new directory, or one of {_words(report)}; "
        f"{workdir} holds {_words(there)}",
      )
  for job in jobs:
    check_workdir(job.plan, job.workdir)


def _origin(report: Mapping[str, Any]) -> tuple[str, str]:
  """Returns the path of a sweep's config, and the sweep's name in it."""
  path = os.path.normpath(str(report.get("config", "")))
  return path, str(report.get("sweep", ""))


def _words(report: Mapping[str, Any]) -> str:
  _, name = _origin(report)
  sweep = f"sweep {name!r}" if name else "a sweep"
  return f"{sweep} of {str(report.get('config', ''))!r}"


def _write_trials(
  trials: Sequence[Trial],
  jobs: Sequence[Job[Plan]],
  report: Mapping[str, Any],
  workdir: pathlib.Path,
) -> None:
  """Writes what the report and the progress of the sweep are read from."""
  rows = [
    {"name": t.name, "overrides": t.overrides, "series": t.series}
    for t in trials
  ]
  planned = [
    {**row, "headline": job.plan.task.headline} for row, job in zip(rows, jobs)
  ]
  rundir.write_sealed(workdir / rundir.SWEEP, {**report, "trials": planned})
  for row in rows:
    folder = workdir / row["name"]
    folder.mkdir(exist_ok=True)
    rundir.write_sealed(folder / rundir.TRIAL, row)
    (folder / rundir.ERROR).unlink(missing_ok=True)
    (folder / rundir.HALTED).unlink(missing_ok=True)
