"""The executor "ray": Ray tasks run a sweep's trials, on one machine or more.

A task gets a trial's config as JSON and the path of its run directory, which
all machines see. Where a worker or a machine dies, Ray starts its task again
elsewhere, and the trial goes on from its last checkpoint.
"""

import json
import logging
import os
import time
import warnings
from collections.abc import Sequence
from typing import Any

from rnn_lab.errors import FieldError
from rnn_lab.machine import ONE_THREAD
from rnn_lab.runs import STOPPED, stop_on_signal
from rnn_lab.runs.planning import Plan
from rnn_lab.sweeps import progress
from rnn_lab.sweeps.jobs import (
  FAILED,
  Job,
  OnResult,
  Resources,
  Result,
  portable,
  run_job,
)
from rnn_lab.training.records import Listener, Silent, Stop

# Of a task whose worker or machine dies.
MAX_RETRIES = 10
# Between lines on how far the sweep has come.
SECONDS = 30.0
# Of a task that was asked to stop: to write its checkpoint.
STOP_SECONDS = 120.0


def ray_tasks(
  jobs: Sequence[Job[Plan]],
  listener: Listener,
  stop: Stop,
  on_result: OnResult,
  resources: Resources,
) -> None:
  """Runs the jobs as Ray tasks, as many at a time as there are cores for.

  Where the cluster has GPUs, each task has one of its own.

  Raises:
    FieldError: Ray is not installed, or there is no cluster at the address.
  """
  if not jobs:
    return
  ray = check(resources)
  try:
    _run(ray, jobs, listener, stop, on_result, resources)
  finally:
    ray.shutdown()


def check(resources: Resources) -> Any:
  """Joins the cluster at the address, or starts one on this machine.

  Nothing happens where that was done before.

  Returns:
    The module `ray`.

  Raises:
    FieldError: Ray is not installed, or there is no cluster at the address.
  """
  # It calls home otherwise.
  os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
  try:
    import ray
  except ImportError as error:
    raise FieldError(
      "executor",
      "{field} is ray, which must be installed: pip install -e '.[ray]'",
    ) from error
  address = resources.ray_address
  options: dict[str, Any] = {"address": address}
  if not address:
    options = {"address": "local", "num_cpus": resources.cores}
    options |= {"include_dashboard": False}
  try:
    with warnings.catch_warnings():
      # Of JAX, which cannot know that another program begins at once.
      warnings.filterwarnings("ignore", r"os\.fork\(\) was called")
      if not ray.is_initialized():
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
  except (ConnectionError, ValueError, RuntimeError) as error:
    why = " ".join(str(error).split())[:200]
    raise FieldError(
      "ray_address",
      f"{{field}} must be the address of a Ray cluster, got {address!r}: {why}",
    ) from error
  return ray


def _run(
  ray: Any,
  jobs: Sequence[Job[Plan]],
  listener: Listener,
  stop: Stop,
  on_result: OnResult,
  resources: Resources,
) -> None:
  has_gpus = ray.cluster_resources().get("GPU", 0) > 0
  flags = f"{os.environ.get('XLA_FLAGS', '')} {ONE_THREAD}".strip()
  task = ray.remote(
    num_cpus=1,
    num_gpus=1 if has_gpus else 0,
    max_retries=MAX_RETRIES,
    runtime_env={"env_vars": {"XLA_FLAGS": flags, "JAX_NUM_CPU_DEVICES": "1"}},
  )(_task)
  waiting = list(jobs)
  running: dict[Any, Job[Plan]] = {}
  most = resources.num_workers or len(waiting)
  said = time.monotonic()
  stopped_at = None
  while waiting or running:
    while waiting and len(running) < most and not stop.requested:
      job = waiting.pop(0)
      sent = portable(job)
      # As JSON, which no version of a library reads in another way.
      running[task.remote(sent._replace(plan=json.dumps(sent.plan)))] = job
    if stop.requested and stopped_at is None:
      stopped_at = time.monotonic()
      waiting.clear()
      for reference in running:
        ray.cancel(reference)  # an interrupt: the task writes a checkpoint
    if stopped_at and time.monotonic() - stopped_at > STOP_SECONDS:
      for reference in running:
        ray.cancel(reference, force=True)
      return
    ready, _ = ray.wait([*running], num_returns=1, timeout=0.5)
    for reference in ready:
      job = running.pop(reference)
      result = _result(ray, reference, job.name, stop)
      if result.status == STOPPED and not stop.requested:
        # Its machine is being shut down.
        listener.line(
          f"{job.name}: its worker was stopped; another one goes on"
        )
        waiting.insert(0, job)
      else:
        on_result(result)
    if time.monotonic() - said > SECONDS:
      said = time.monotonic()
      _say_progress(jobs, listener, len(running))


def _say_progress(
  jobs: Sequence[Job[Plan]], listener: Listener, at_once: int
) -> None:
  try:
    trials = [
      progress.trial_progress(job.workdir, job.plan.task.headline)
      for job in jobs
    ]
  except (FieldError, OSError):
    return  # a file that is being replaced, or damaged: the report says so
  listener.line(progress.summary_line(trials, max(at_once, 1)))


def _result(ray: Any, reference: Any, name: str, stop: Stop) -> Result:
  """Returns how a task ended."""
  try:
    return ray.get(reference)
  except ray.exceptions.RayError as error:
    # Cancelled before it began, or while it could not handle the signal.
    if stop.requested:
      return Result(name, STOPPED)
    return Result(name, FAILED, f"{type(error).__name__}: {error}\n")


def _task(job: Job) -> Result:
  """Runs a job, whose plan is JSON, in a Ray worker."""
  with stop_on_signal() as stop:
    return run_job(job._replace(plan=json.loads(job.plan)), Silent(), stop)
