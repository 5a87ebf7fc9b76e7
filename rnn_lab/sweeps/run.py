"""Running the trials of a sweep, and reporting on them."""

import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from rich.table import Table

from rnn_lab import rundir
from rnn_lab.errors import FieldError
from rnn_lab.paths import local_path
from rnn_lab.reports import load_results, results_table, write_report
from rnn_lab.runs import ALREADY_FINISHED, STOPPED, effects, stop_on_signal
from rnn_lab.runs.memory import check_memory
from rnn_lab.runs.planning import check_workdir, is_finished, plan
from rnn_lab.sweeps.executors import AUTO, check_executor, executor
from rnn_lab.sweeps.expand import Trial
from rnn_lab.sweeps.jobs import FAILED, Job, Measure, Resources, Result
from rnn_lab.tasks.checks import check_targets
from rnn_lab.training.records import Listener
from rnn_lab.training.settings import Plan

FINISHED = "finished"
# Of a trial: all its seeds.
DIVERGED = "diverged"


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
  measure: Measure | None = None,
  check: Callable[[Plan], None] | None = None,
) -> Outcome:
  """Runs the trials that are not finished, then writes the summary and report.

  A trial that fails does not stop the others. The next call runs it again, and
  resumes a trial that was interrupted.

  Args:
    trials: the trials; each has a directory of its own in `workdir`.
    report: for the report: config, argument, command_line, and what a config's
      `report()` may say: title, text, claims, goals, published, groups,
      repeats.
    workdir: the sweep's directory.
    listener: receives progress.
    how: the name of the executor, or AUTO; see `rnn_lab.sweeps.executors`.
    resources: what the executor may use; None for one core.
    measure: is called with each trial's directory once it has been trained,
      also where that was done before; it should leave alone what is there.
    check: is called with each trial's plan before anything is written.

  Raises:
    FieldError: a trial's config or a directory cannot be used. Nothing has
      been written or lost then.
  """
  resources = resources or Resources()
  check_executor(how, resources)
  workdir = local_path("workdir", workdir)
  jobs = [
    Job(trial.name, plan(trial.config), workdir / trial.name, measure)
    for trial in trials
  ]
  for job in jobs:
    check_memory(job.plan)
    check_targets(job.plan.task)
    if check is not None:
      check(job.plan)
  _check(jobs, report, workdir)
  with rundir.lock(workdir), stop_on_signal() as stop:
    # Again, as another process may have been here before the lock.
    _check(jobs, report, workdir)
    _write_trials(trials, report, workdir)
    for line in effects.in_none([job.plan for job in jobs]):
      listener.line(line)
    failed: list[str] = []
    ended: list[str] = []

    def on_result(result: Result) -> None:
      if result.status == FAILED:
        failed.append(result.name)
        text = result.error.strip()
        rundir.write_text(workdir / result.name / rundir.ERROR, text + "\n")
        last = text.splitlines()[-1][:200]
        listener.line(f"{result.name}: failed: {last}")
      elif result.status != STOPPED:
        ended.append(result.name)
        count = f"[{len(ended)}/{len(trials)}]"
        listener.line(f"{count} {result.name}: {result.status}")

    waiting = []
    for job in jobs:
      if measure is None and is_finished(job.plan, job.workdir):
        on_result(Result(job.name, ALREADY_FINISHED))
      else:
        waiting.append(job)
    # The longest sequences first, so that the cores end together.
    waiting.sort(key=lambda job: -job.plan.task.length)
    run = executor(how, waiting, resources)
    run(waiting, listener, stop, on_result, resources)
    if len(ended) + len(failed) < len(trials):
      return Outcome(STOPPED, failed, None, None, stop.signal)
    page = write_report(workdir)
    results = load_results(workdir)
    return Outcome(
      FINISHED,
      failed,
      results_table(results.parts),
      page,
      all_diverged=all(
        trial.status == DIVERGED
        for trial in results.trials
        if trial.name in ended
      ),
      damaged=[line for trial in results.trials for line in trial.damaged],
    )


def _check(
  jobs: Sequence[Job[Plan]], report: Mapping[str, Any], workdir: pathlib.Path
) -> None:
  """Raises FieldError if a directory cannot be used; writes nothing."""
  rundir.check_can_hold(workdir, (rundir.SWEEP,))
  if (workdir / rundir.SWEEP).exists():
    config = str(rundir.read_json(workdir / rundir.SWEEP).get("config", ""))
    if os.path.normpath(config) != os.path.normpath(report["config"]):
      raise FieldError(
        "workdir",
        "workdir must be a new directory, or one of a sweep of "
        f"{report['config']!r}; {workdir} holds a sweep of {config!r}",
      )
  for job in jobs:
    check_workdir(job.plan, job.workdir)


def _write_trials(
  trials: Sequence[Trial], report: Mapping[str, Any], workdir: pathlib.Path
) -> None:
  """Writes what the report reads beside the runs."""
  rows = [
    {"name": t.name, "overrides": t.overrides, "series": t.series}
    for t in trials
  ]
  rundir.write_sealed(workdir / rundir.SWEEP, {**report, "trials": rows})
  for row in rows:
    folder = workdir / row["name"]
    folder.mkdir(exist_ok=True)
    rundir.write_sealed(folder / rundir.TRIAL, row)
    (folder / rundir.ERROR).unlink(missing_ok=True)
