"""The ways to run a sweep's trials, by name."""

import pkgutil
from collections.abc import Callable, Sequence
from typing import Any

import jax

from rnn_lab.errors import FieldError, check_choice, check_int
from rnn_lab.runs.planning import Plan
from rnn_lab.sweeps.jobs import Job, Resources, grouped

# From a name to a function (jobs, listener, stop, on_result, resources),
# imported when used. It returns when all jobs have ended, or were asked to stop
# and have done so, and calls `on_result` for each that has ended.
EXECUTORS = {
  "local": "rnn_lab.sweeps.local:local",
  "processes": "rnn_lab.sweeps.worker_processes:processes",
  "ray": "rnn_lab.sweeps.ray_tasks:ray_tasks",
}
AUTO = "auto"
MOST_WORKERS = 1024
# Trials for each program from which one population on all devices was faster
# than a process on each core; see docs/sweeps.md.
LARGE_GROUP = 4


def check_executor(name: str, resources: Resources) -> None:
  """Raises FieldError for an executor that cannot run here."""
  check_choice("executor", name, (AUTO, *EXECUTORS))
  check_int("num_workers", resources.num_workers, 0, MOST_WORKERS)
  if resources.num_workers and name == "local":
    raise FieldError(
      "num_workers",
      "{field} must be left out where executor is local, which has no workers, "
      f"got {resources.num_workers}",
    )
  has_workers = name == "processes" or (name == AUTO and resources.num_workers)
  if has_workers and jax.default_backend() != "cpu":
    raise FieldError(
      "executor",
      "{field} must be local or ray on an accelerator, which one process has "
      f"to itself, got {name} with {resources.num_workers} workers",
    )
  if resources.ray_address and name != "ray":
    raise FieldError(
      "ray_address",
      f"{{field}} must be left out where executor is {name}, got "
      f"{resources.ray_address!r}",
    )
  if name == "ray":
    pkgutil.resolve_name("rnn_lab.sweeps.ray_tasks:check")(resources)


def choose(jobs: Sequence[Job[Plan]], resources: Resources) -> str:
  """Returns the executor that "auto" is.

  An accelerator is used by this process alone. On CPU trials run as populations
  where groups are large, and side by side in workers where they are small and
  there are cores for it.
  """
  if resources.num_workers:
    return "processes"
  if jax.default_backend() != "cpu" or resources.cores == 1:
    return "local"
  if len(jobs) >= LARGE_GROUP * len(grouped(jobs)):
    return "local"
  return "processes"


def executor(
  name: str, jobs: Sequence[Job[Plan]], resources: Resources
) -> Callable[..., Any]:
  """Returns the executor of a name, AUTO included."""
  chosen = choose(jobs, resources) if name == AUTO else name
  return pkgutil.resolve_name(EXECUTORS[chosen])
