"""Successive halving: the worse trials of a sweep are stopped early.

All trials are trained to a first number of steps, the best 1 / factor of them
to factor times as many, and so on; the rest end where they are. Jamieson and
Talwalkar, "Non-stochastic best arm identification and hyperparameter
optimization", 2016; Li et al., "A system for massively parallel hyperparameter
tuning", 2020, whose asynchronous variant decides by who comes first. Here each
rung is complete before it is judged, so that the same trials are stopped in
every run of the sweep, whatever runs them.
"""

import json
import math
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rnn_lab import rundir
from rnn_lab.errors import INT32_MAX, FieldError, check_int
from rnn_lab.rows import read_rows
from rnn_lab.runs import ALREADY_FINISHED, PAUSED
from rnn_lab.runs.planning import Plan
from rnn_lab.sweeps.jobs import FAILED, Job, OnResult, Result
from rnn_lab.training.records import Stop

# How a trial ended that was stopped early.
HALTED = "halted"


class Halving(NamedTuple):
  """What is stopped early.

  Attributes:
    factor: of all trials on a rung the best 1 / factor go on; 0 for no halving.
    first_steps: updates until the first rung; factor times as many to the next.
  """

  factor: int = 0
  first_steps: int = 0


def check_halving(halving: Halving, jobs: Sequence[Job[Plan]]) -> None:
  """Raises FieldError unless the trials can be compared on the rungs."""
  if not halving.factor and not halving.first_steps:
    return
  check_int("halving", halving.factor, 2, INT32_MAX)
  check_int("halving_steps", halving.first_steps, 1, INT32_MAX)
  for job in jobs:
    settings = job.plan.settings
    if job.plan.model.fit != "gradient":
      raise FieldError(
        "halving",
        f"{{field}} must be left out, as trial {job.name} is not trained in "
        f"steps, got {halving.factor}",
      )
    if halving.first_steps >= settings.train.num_steps:
      raise FieldError(
        "halving_steps",
        f"{{field}} must be smaller than the {settings.train.num_steps} steps "
        f"of trial {job.name}, got {halving.first_steps}",
      )
    if halving.first_steps % settings.eval.every:
      raise FieldError(
        "halving_steps",
        "{field} must be a multiple of the steps between evaluations, "
        f"{settings.eval.every} of trial {job.name}, got {halving.first_steps}",
      )
  lengths = {job.plan.settings.train.num_steps for job in jobs}
  if len(lengths) > 1:
    raise FieldError(
      "halving",
      "{field} compares trials of one length, and these have "
      f"{' and '.join(map(str, sorted(lengths)))} steps, got {halving.factor}",
    )
  tasks = {json.dumps(job.plan.config["task"]) for job in jobs}
  if len(tasks) > 1:
    raise FieldError(
      "halving",
      "{field} compares trials of one task, and these have "
      f"{len(tasks)} that differ in fields of the task, got {halving.factor}",
    )


def rungs(halving: Halving, num_steps: int) -> list[int]:
  """Returns the steps at which trials are compared, from the first."""
  found, step = [], halving.first_steps
  while step < num_steps:
    found.append(step)
    step *= halving.factor
  return found


def run_halving(
  halving: Halving,
  jobs: Sequence[Job[Plan]],
  run: Callable[[Sequence[Job[Plan]], OnResult], None],
  stop: Stop,
  on_result: OnResult,
) -> None:
  """Runs the trials rung by rung, and those that are left to their end.

  What a rung decides follows from the rows of metrics alone, so that an
  interrupted sweep decides the same when it goes on. A trial that has a result
  already keeps it, whatever its rank.

  Args:
    halving: see `Halving`.
    jobs: the trials.
    run: runs jobs and says how each ended.
    stop: asks to stop.
    on_result: receives the result of each trial, HALTED of those stopped early.
  """
  going = _readable(jobs, on_result)
  for step in rungs(halving, jobs[0].plan.settings.train.num_steps):
    reached = {job.name for job in going if _value(job, step) is not None}

    def on_rung(result: Result) -> None:
      if result.status in (PAUSED, ALREADY_FINISHED):
        reached.add(result.name)  # noqa: B023
      else:
        on_result(result)

    ahead = [
      job._replace(until=step) for job in going if job.name not in reached
    ]
    if ahead:
      run(ahead, on_rung)
    if stop.requested:
      return
    # Not those that failed, or whose seeds ended before this rung.
    going = [job for job in going if job.name in reached]
    ranked = sorted(going, key=lambda job: _order(job, step))  # noqa: B023
    kept = {
      job.name for job in ranked[: math.ceil(len(ranked) / halving.factor)]
    }
    for rank, job in enumerate(ranked, start=1):
      if job.name in kept:
        continue
      if (job.workdir / rundir.RESULT).exists():
        on_result(Result(job.name, ALREADY_FINISHED))
      else:
        _write(job.workdir, step, _value(job, step), rank, len(ranked))
        on_result(Result(job.name, HALTED))
    going = [job for job in going if job.name in kept]
  if going:
    run(going, on_result)


def _readable(
  jobs: Sequence[Job[Plan]], on_result: OnResult
) -> list[Job[Plan]]:
  """Returns the jobs but those whose rows are damaged, which fail."""
  readable = []
  for job in jobs:
    try:
      _value(job, job.plan.settings.train.num_steps)
      readable.append(job)
    except FieldError as error:
      on_result(Result(job.name, FAILED, f"{error}\n"))
  return readable


def _order(job: Job[Plan], step: int) -> float:
  """A key that sorts trials from the best; one that diverged is the last."""
  value = _value(job, step)
  if value is None or not math.isfinite(value):
    return math.inf
  return -value if job.plan.task.maximize else value


def _value(job: Job[Plan], step: int) -> float | None:
  """Returns the mean of the headline metric at a step; None without that row.

  NaN where a seed has diverged.
  """
  name = f"valid/{job.plan.task.headline}"
  for row in reversed(read_rows(job.workdir / rundir.METRICS, step)):
    if row["step"] == step and isinstance(row.get(name), list):
      values = [math.nan if v is None else v for v in row[name]]
      return sum(values) / len(values)
  return None


def _write(
  workdir: pathlib.Path, step: int, value: float | None, rank: int, among: int
) -> None:
  content: dict[str, Any] = {"step": step, "rank": rank, "among": among}
  content["value"] = rundir.finite_or_null(math.nan if value is None else value)
  rundir.write_sealed(workdir / rundir.HALTED, content)
