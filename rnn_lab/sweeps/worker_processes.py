"""The executor "processes": worker processes run a sweep's trials.

On CPU each job gets cores of its own, so that programs are compiled side by
side and no core waits for a seed on another. A worker that dies fails only its
own job; workers die with this process.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from multiprocessing import connection, resource_tracker
from typing import Any

import jax
from absl import logging

from rnn_lab.machine import ONE_THREAD
from rnn_lab.runs import STOPPED, stop_on_signal
from rnn_lab.runs.planning import Plan
from rnn_lab.sweeps.jobs import (
  FAILED,
  Job,
  OnResult,
  Resources,
  Result,
  portable,
  run_job,
)
from rnn_lab.training.heartbeat import Heartbeat
from rnn_lab.training.population import program_of
from rnn_lab.training.records import Listener, Silent, Stop

# Waiting jobs among which a worker looks for one with the programs it has.
MOST_LOOKED_AT = 64


class _Forward(Silent):
  """A listener that sends the lines of a job to the parent process.

  And signs of life: a progress bar shows one run, and several are running.
  """

  def __init__(self, name: str, pipe: connection.Connection):
    self._name = name
    self._pipe = pipe
    self._heartbeat = Heartbeat(self.line)

  def start(self, name: str, done: int, total: int) -> None:
    """See Listener."""
    del name
    self._heartbeat.start(done, total)

  def advance(self, done: int) -> None:
    """See Listener."""
    self._heartbeat.advance(done)

  def line(self, text: str) -> None:
    """See Listener."""
    self._pipe.send(f"{self._name}: {text}")
    self._heartbeat.heard()


def _work(pipe: connection.Connection, devices: int) -> None:
  """Runs the jobs that come through the pipe; sends lines and results back."""
  flags = os.environ.get("XLA_FLAGS", "")
  os.environ["XLA_FLAGS"] = f"{flags} {ONE_THREAD}".strip()
  jax.config.update("jax_num_cpu_devices", devices)
  logging.set_verbosity(logging.ERROR)
  threading.Thread(target=_die_with_parent, daemon=True).start()
  with stop_on_signal() as stop:
    while True:
      try:
        job = pipe.recv()
      except (EOFError, ConnectionError):
        return  # the parent has no more jobs, or has ended
      result = run_job(job, _Forward(job.name, pipe), stop)
      try:
        pipe.send(result)
      except BrokenPipeError:
        return  # the parent has ended


def _die_with_parent() -> None:
  """Ends this process at once when the parent ends, in whatever way."""
  parent = multiprocessing.parent_process()
  assert parent is not None  # only workers call this
  connection.wait([parent.sentinel])
  # Without cleaning up: the last checkpoint survives this like any other kill.
  os._exit(1)


class _Worker:
  """A worker process, its job, and the programs of the last one."""

  def __init__(self, devices: int):
    context = multiprocessing.get_context("spawn")
    self.pipe, theirs = context.Pipe()
    self.process = context.Process(
      target=_work, args=(theirs, devices), daemon=True
    )
    # Ctrl-C reaches all processes of a terminal: this one alone acts on it, and
    # ends its workers, which begin with the signals that are blocked here.
    resource_tracker.ensure_running()  # unblocks them
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
      self.process.start()
    finally:
      signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    theirs.close()
    self.job: Job[Plan] | None = None
    self.program: tuple[Any, ...] = ()


def processes(
  jobs: Sequence[Job[Plan]],
  listener: Listener,
  stop: Stop,
  on_result: OnResult,
  resources: Resources,
) -> None:
  """Runs the jobs in worker processes, among which the cores are shared out."""
  waiting = list(jobs)
  if not waiting:
    return
  # A run over several devices has a worker with so many.
  runs = [job.plan.settings.run for job in waiting]
  needed = max(max(run.mesh_data, 1) * run.mesh_model for run in runs)
  most = min(resources.num_workers or resources.cores, len(waiting))
  count = max(1, min(most, resources.cores // needed))
  devices = max(1, resources.cores // count)
  workers = [_Worker(devices) for _ in range(count)]
  terminated = False
  try:
    while True:
      for index, worker in enumerate(workers):
        if worker.job is None and waiting and not stop.requested:
          if not worker.process.is_alive():
            worker = workers[index] = _Worker(devices)
          worker.job = job = _take(waiting, worker, workers)
          listener.line(f"{job.name}: begins")
          # The result of a worker that has just died is made below.
          with contextlib.suppress(BrokenPipeError):
            worker.pipe.send(portable(job))
      busy: dict[object, tuple[_Worker, str]] = {
        w.pipe: (w, w.job.name) for w in workers if w.job is not None
      }
      if not busy:
        return
      if stop.requested and not terminated:
        terminated = True
        for worker, _ in busy.values():
          worker.process.terminate()  # SIGTERM: writes a checkpoint
      pipes = [worker.pipe for worker, _ in busy.values()]
      for pipe in connection.wait(pipes, timeout=0.5):
        worker, name = busy[pipe]
        result = _receive(worker, name, listener, stop)
        if result is None:
          continue
        job, worker.job = worker.job, None
        assert job is not None  # as it was busy
        if result.status == STOPPED and not stop.requested:
          # Somebody else has stopped the worker, which takes no more jobs.
          listener.line(f"{name}: its worker was stopped; another one goes on")
          worker.process.kill()
          worker.process.join()
          waiting.insert(0, job)
        else:
          on_result(result)
  finally:
    for worker in workers:
      worker.pipe.close()
      worker.process.join(timeout=10)


def _take(
  waiting: list[Job[Plan]], worker: _Worker, workers: Sequence[_Worker]
) -> Job[Plan]:
  """Takes the next job for a worker from those that wait.

  Of the first MOST_LOOKED_AT it is the first whose programs the worker has
  compiled, else the first whose programs no worker has, else the first.
  """
  compiled = {other.program for other in workers}
  programs = [program_of(job.plan) for job in waiting[:MOST_LOOKED_AT]]
  own = [n for n, program in enumerate(programs) if program == worker.program]
  new = [n for n, program in enumerate(programs) if program not in compiled]
  index = [*own, *new, 0][0]
  worker.program = programs[index]
  return waiting.pop(index)


def _receive(
  worker: _Worker, name: str, listener: Listener, stop: Stop
) -> Result | None:
  """Receives one message of a worker; returns the result if its job ended.

  Args:
    worker: the worker.
    name: of its job.
    listener: receives the lines that the worker sends.
    stop: whether the workers were told to stop.
  """
  try:
    message = worker.pipe.recv()
  except (EOFError, OSError):
    worker.process.join()
    if stop.requested:
      # It was terminated before it could handle the signal.
      return Result(name, STOPPED)
    code = worker.process.exitcode
    error = f"The worker process died with exit code {code}.\n"
    return Result(name, FAILED, error)
  if isinstance(message, Result):
    return message
  listener.line(message)
  return None
