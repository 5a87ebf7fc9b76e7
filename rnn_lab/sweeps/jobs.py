"""The trials of a sweep as jobs, run alone or as one population."""

import pathlib
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from rnn_lab.runs import PAUSED, STOPPED, group, train, train_together
from rnn_lab.runs.memory import memory_share
from rnn_lab.runs.planning import Plan, plan
from rnn_lab.training.records import Listener, Silent, Stop

FAILED = "failed"
# Each has open files of its own.
MOST_TOGETHER = 256

Measure = Callable[[pathlib.Path], Any]
P = TypeVar("P", Plan, dict[str, Any])


class Job(NamedTuple, Generic[P]):
  """A trial to be trained.

  Attributes:
    name: the name of the trial.
    plan: the plan of the trial or, sent to another process, its config.
    workdir: the run directory.
    measure: is called with the directory once the training has ended; a
      function of a module, so that it can be sent to other processes.
    until: a step at which the training pauses; None for none.
  """

  name: str
  plan: P
  workdir: pathlib.Path
  measure: Measure | None = None
  until: int | None = None


def portable(job: Job[Plan]) -> Job[dict[str, Any]]:
  """Returns a job for another process.

  It has the config in place of the plan, which holds data and functions.
  """
  return Job(
    job.name,
    job.plan.config | {"run": job.plan.run},
    job.workdir.absolute(),
    job.measure,
    job.until,
  )


class Result(NamedTuple):
  """How a job ended: a status of `train`, or FAILED with the traceback."""

  name: str
  status: str
  error: str = ""


OnResult = Callable[[Result], None]


class Resources(NamedTuple):
  """What an executor may use.

  Attributes:
    cores: of this machine.
    num_workers: processes that run trials; 0 for one on each core.
    ray_address: of a Ray cluster; "" starts one on this machine.
  """

  cores: int = 1
  num_workers: int = 0
  ray_address: str = ""


class Named(Silent):
  """A listener of one of several runs: its lines begin with its name."""

  def __init__(self, name: str, listener: Listener):
    self._name = name
    self._listener = listener

  def start(self, name: str, done: int, total: int) -> None:
    """See Listener."""
    self._listener.start(name, done, total)

  def advance(self, done: int) -> None:
    """See Listener."""
    self._listener.advance(done)

  def line(self, text: str) -> None:
    """See Listener."""
    self._listener.line(f"{self._name}: {text}")


def run_job(job: Job[P], listener: Listener, stop: Stop) -> Result:
  """Trains and measures a trial; returns an error as part of the result.

  One trial must not end the others. The error is kept in full and shown, and
  makes the command fail. What has no effect in one trial may have one in
  another: the sweep says it, not the trial.
  """
  try:
    made = job.plan if isinstance(job.plan, Plan) else plan(job.plan)
    made = made._replace(without_effect={})
    status = train(made, job.workdir, listener, stop, job.until)
    return _measured(job, status)
  except Exception:
    return Result(job.name, FAILED, traceback.format_exc())


def run_together(
  jobs: Sequence[Job[Plan]], listener: Listener, stop: Stop
) -> list[Result]:
  """Trains trials of one group as one population, and measures each.

  Where the population fails as a whole, the trials run one after the other, so
  that only those fail that do so alone.
  """
  endings: list[str | Exception] = []
  why = ""
  try:
    endings = train_together(
      [job.plan for job in jobs],
      [job.workdir for job in jobs],
      [Named(job.name, listener) for job in jobs],
      listener,
      stop,
      jobs[0].until,
    )
  except Exception as error:
    why = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
  if why:
    # Not within the block above, whose error keeps the population alive.
    listener.line(f"together they failed, each runs alone: {why}")
    return [run_job(job, listener, stop) for job in jobs]
  results = []
  for job, ending in zip(jobs, endings):
    if isinstance(ending, Exception):
      text = "".join(traceback.format_exception(ending))
      results.append(Result(job.name, FAILED, text))
      continue
    try:
      results.append(_measured(job, ending))
    except Exception:
      results.append(Result(job.name, FAILED, traceback.format_exc()))
  return results


def _measured(job: Job[P], status: str) -> Result:
  if job.measure is not None and status not in (STOPPED, PAUSED):
    job.measure(job.workdir)
  return Result(job.name, status)


def grouped(jobs: Sequence[Job[Plan]]) -> list[list[Job[Plan]]]:
  """Returns the jobs in groups that can be trained as one population.

  In the order of their first jobs; a group that would need more than half of
  the memory, or has more than MOST_TOGETHER jobs, is cut.
  """
  groups: dict[Any, list[Job[Plan]]] = {}
  for index, job in enumerate(jobs):
    key = group(job.plan) if isinstance(job.plan, Plan) else None
    groups.setdefault(("alone", index) if key is None else key, []).append(job)
  return [part for several in groups.values() for part in _cut(several)]


def _cut(several: list[Job[Plan]]) -> list[list[Job[Plan]]]:
  if len(several) == 1:
    return [several]
  # Of one program, trials need as much for each seed.
  shares = {
    seeds: 2.0
    * memory_share(next(j.plan for j in several if _seeds(j) == seeds))
    for seeds in {*map(_seeds, several)}
  }
  parts: list[list[Job[Plan]]] = []
  used = 0.0
  for job in several:
    used += shares[_seeds(job)]
    if not parts or used > 1.0 or len(parts[-1]) == MOST_TOGETHER:
      parts.append([])
      used = shares[_seeds(job)]
    parts[-1].append(job)
  return parts


def _seeds(job: Job[Plan]) -> int:
  return job.plan.settings.num_seeds
