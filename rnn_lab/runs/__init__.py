"""Runs: a config is planned, its model fitted, its directory written."""

import contextlib
import pathlib
import pkgutil
import signal
import threading
import types
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from rnn_lab import processes
from rnn_lab.errors import FieldError
from rnn_lab.paths import local_path
from rnn_lab.precision import in_float32
from rnn_lab.program_cache import kept_programs
from rnn_lab.rundir import lock
from rnn_lab.runs import memory, planning
from rnn_lab.runs.agreement import check_same
from rnn_lab.runs.initial import check_initial
from rnn_lab.training.loop import PAUSED as PAUSED
from rnn_lab.training.loop import STOPPED as STOPPED
from rnn_lab.training.records import Listener, Silent, Stop
from rnn_lab.training.settings import Plan

ALREADY_FINISHED = "already finished"
# From a model's `fit` to a class, imported when used. It is made of a plan,
# which touches no file, and has
#   run(workdir, listener, stop, until) -> status
# One that fits several runs together also has `group(plan)`, static, what their
# plans have in common, is made of all plans, and has `run_all`.
FITS = {
  "gradient": "rnn_lab.training.loop:Trainer",
  "counts": "rnn_lab.runs.counting:Counter",
}


@contextlib.contextmanager
def stop_on_signal() -> Iterator[Stop]:
  """Turns the first SIGTERM and SIGINT into a request.

  A second one of the same kind acts as usual. Outside of the main thread,
  where no handler can be set, nothing changes.
  """
  stop = Stop()
  if threading.current_thread() is not threading.main_thread():
    yield stop
    return
  before = {s: signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)}

  def handle(number: int, frame: types.FrameType | None) -> None:
    del frame
    stop.requested, stop.signal = True, number
    signal.signal(number, before[signal.Signals(number)])

  for number in before:
    signal.signal(number, handle)
  try:
    yield stop
  finally:
    for number, handler in before.items():
      signal.signal(number, handler)


@in_float32
def train(
  config: Any,
  workdir: str | pathlib.Path,
  listener: Listener | None = None,
  stop: Stop | None = None,
  until: int | None = None,
) -> str:
  """Fits the model that `config` describes, or goes on with it, in `workdir`.

  An interrupted run goes on from its last checkpoint and ends with the same
  bits as one left alone; a finished one goes on if `train.num_steps` is
  larger now, and is left as it is otherwise.

  Fields that were set and have no effect are named, each on a line for the
  listener, or in a warning where there is none.

  Args:
    config: a ConfigDict, nested dicts, or a plan.
    workdir: the run directory; made if it does not exist.
    listener: receives progress.
    stop: asks the run to stop between calls of the compiled program; None
      lets SIGTERM and SIGINT ask.
    until: a step at which the run pauses, to go on with the next call; None for
      none.

  Returns:
    "finished", "partial" (some seeds diverged), "diverged" (all did),
    "already finished", "stopped" (by a signal; the same call goes on), or
    "paused" (at the step `until`).

  Raises:
    FieldError: the config or the directory cannot be used. Nothing has been
      written or lost then.
  """
  workdir = local_path("workdir", workdir)
  if isinstance(config, Plan):
    plan = config
  else:
    plan = processes.together(lambda: planning.plan(config))
  check_same(plan)
  if not processes.is_first():
    listener = Silent()
  with contextlib.ExitStack() as stack:
    stack.enter_context(kept_programs(plan.settings.run.compilation_cache))
    prepared = processes.together(lambda: _prepared(plan, workdir))
    if stop is None:
      stop = stack.enter_context(stop_on_signal())
    is_finished = processes.together(lambda: _enter(plan, workdir, stack))
    if processes.of_first(np.asarray(is_finished)):
      return ALREADY_FINISHED
    # The first process may not have made it.
    fit = processes.together(lambda: prepared or _make_fit(plan))
    if stop.agreed():  # while counting, which cannot be stopped
      return STOPPED
    for line in plan.without_effect.values():
      if listener is None:
        warnings.warn(line, stacklevel=3)
      else:
        listener.line(line)
    return fit.run(workdir, listener or Silent(), stop, until)


def _prepared(plan: Plan, workdir: pathlib.Path) -> Any:
  """Checks what is checked before a directory is touched; makes the fit.

  Returns:
    None where the run is finished already, as the first process alone knows.
  """
  if processes.is_first():
    planning.check_workdir(plan, workdir)
    if planning.is_finished(plan, workdir):
      return None
  memory.check_memory(plan)
  if processes.is_first():
    check_initial(plan, workdir)
  return _make_fit(plan)


def _make_fit(plan: Plan) -> Any:
  if plan.model.fit != "gradient" and jax.process_count() > 1:
    raise FieldError(
      "distributed",
      "{field} must be left out for a model that is not trained by gradient, "
      f"got {jax.process_count()} processes",
    )
  return pkgutil.resolve_name(FITS[plan.model.fit])(plan)


def _enter(
  plan: Plan, workdir: pathlib.Path, stack: contextlib.ExitStack
) -> bool:
  """Locks a run directory; returns whether the run is finished.

  Of several processes the first does it.

  Raises:
    FieldError: it is in use, or cannot hold the run.
  """
  if not processes.is_first():
    return False
  stack.enter_context(lock(workdir))
  # Again, as another process may have been here before the lock.
  planning.check_workdir(plan, workdir)
  return planning.is_finished(plan, workdir)


def group(plan: Plan) -> tuple[Any, ...] | None:
  """Returns what plans have in common that `train_together` takes, hashable.

  None of a plan that is fitted alone.
  """
  fit = pkgutil.resolve_name(FITS[plan.model.fit])
  return fit.group(plan) if hasattr(fit, "group") else None


@in_float32
def train_together(
  plans: Sequence[Plan],
  workdirs: Sequence[pathlib.Path],
  listeners: Sequence[Listener],
  progress: Listener,
  stop: Stop,
  until: int | None = None,
) -> list[str | Exception]:
  """Fits several runs as one population; each ends as `train` ends it.

  On CPU each has the bits that it has alone.

  Args:
    plans: of one `group`.
    workdirs: the run directories.
    listeners: receive lines, one for each run.
    progress: receives the progress of all.
    stop: asks the runs to stop between calls of the compiled program.
    until: see `train`.

  Returns:
    For each run a status of `train`, or what ended it alone: the error of its
    directory.
  """
  endings: list[str | Exception] = [ALREADY_FINISHED] * len(plans)
  with contextlib.ExitStack() as stack:
    run = plans[0].settings.run
    stack.enter_context(kept_programs(run.compilation_cache))
    waiting = []
    for index, (plan, workdir) in enumerate(zip(plans, workdirs)):
      try:
        planning.check_workdir(plan, workdir)
        if not planning.is_finished(plan, workdir):
          memory.check_memory(plan)
          check_initial(plan, workdir)
          if not _enter(plan, workdir, stack):
            waiting.append(index)
      except (FieldError, OSError) as error:
        endings[index] = error
    if waiting:
      make_fit = pkgutil.resolve_name(FITS[plans[0].model.fit])
      fit = make_fit(*[plans[index] for index in waiting])
      ended = fit.run_all(
        [workdirs[index] for index in waiting],
        [listeners[index] for index in waiting],
        progress,
        stop,
        until,
      )
      for index, ending in zip(waiting, ended):
        endings[index] = ending
  return endings
