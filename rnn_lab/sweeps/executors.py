"""Who runs the trials: this process, or a worker process on each core.

On CPU a trial has a core of its own: compiling is done side by side, and no
core waits for a seed on another. A worker that dies takes only its trial with
it; workers die with this process.
"""

import contextlib
import dataclasses
import multiprocessing
import os
import pathlib
import threading
import traceback
from collections.abc import Callable, Sequence
from multiprocessing import connection
from typing import Any, NamedTuple

import jax
from absl import logging

from rnn_lab.training.listener import Listener, Silent
from rnn_lab.training.loop import STOPPED, train
from rnn_lab.training.stopping import Stop, stop_on_signal

FAILED = "failed"


Measure = Callable[[pathlib.Path], Any]


class Job(NamedTuple):
  """A trial to be trained.

  Attributes:
    name: the trial's.
    config: its nested config.
    workdir: its directory.
    measure: is called with the directory once the training has ended; a
      function of a module, as it is handed to other processes.
  """

  name: str
  config: dict[str, Any]
  workdir: pathlib.Path
  measure: Measure | None = None


class Done(NamedTuple):
  """How a job ended: a status of `train`, or FAILED with the error's text."""

  name: str
  status: str
  error: str = ""


def run_job(job: Job, listener: Listener, stop: Stop) -> Done:
  """Trains a job; an error becomes part of the answer.

  One trial must not take the others with it. Nothing is hidden by that: the
  error is kept in full, shown, and makes the command fail.
  """
  try:
    status = train(job.config, job.workdir, listener, stop)
    if job.measure is not None and status != STOPPED:
      job.measure(job.workdir)
    return Done(job.name, status)
  except Exception:
    return Done(job.name, FAILED, traceback.format_exc())


def serial(
  jobs: Sequence[Job],
  listener: Listener,
  stop: Stop,
  on_done: Callable[[Done], None],
) -> None:
  """Runs the jobs in this process, one after the other."""
  for job in jobs:
    if stop.requested:
      return
    listener.line(f"{job.name}: begins")
    on_done(run_job(job, listener, stop))


class _Forward(Silent):
  """A listener that hands the lines of a job to the parent process."""

  def __init__(self, name: str, pipe: connection.Connection):
    self._name = name
    self._pipe = pipe

  def line(self, text: str) -> None:
    """See Listener."""
    self._pipe.send(f"{self._name}: {text}")


def _work(pipe: connection.Connection, devices: int) -> None:
  """A worker: jobs come through the pipe, lines and answers go back."""
  # One thread a device, whatever the number of cores: the bits of a product
  # must not depend on how many workers there are.
  flags = os.environ.get("XLA_FLAGS", "")
  os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false"
  jax.config.update("jax_num_cpu_devices", devices)
  logging.set_verbosity(logging.ERROR)
  threading.Thread(target=_die_with_parent, daemon=True).start()
  with stop_on_signal() as stop:
    while True:
      try:
        job = pipe.recv()
      except EOFError:
        return  # the parent has no more jobs
      pipe.send(run_job(job, _Forward(job.name, pipe), stop))


def _die_with_parent() -> None:
  """Ends this process, at once, when the parent's ends in whatever way."""
  parent = multiprocessing.parent_process()
  connection.wait([parent.sentinel])
  # No cleaning up: like the parent's death, it is survived by the checkpoint.
  os._exit(1)


@dataclasses.dataclass
class _Worker:
  """A worker process and what it is doing."""

  process: Any
  pipe: connection.Connection
  job: Job | None = None


def _start(devices: int) -> _Worker:
  context = multiprocessing.get_context("spawn")
  ours, theirs = context.Pipe()
  process = context.Process(target=_work, args=(theirs, devices), daemon=True)
  process.start()
  theirs.close()
  return _Worker(process, ours)


def processes(
  jobs: Sequence[Job],
  listener: Listener,
  stop: Stop,
  on_done: Callable[[Done], None],
  cores: int,
) -> None:
  """Runs the jobs in as many worker processes as there are cores."""
  waiting = list(jobs)
  count = min(cores, len(waiting))
  if not count:
    return
  devices = cores // count
  workers = [_start(devices) for _ in range(count)]
  told = False
  try:
    while True:
      for index, worker in enumerate(workers):
        if worker.job is None and waiting and not stop.requested:
          if not worker.process.is_alive():
            worker = workers[index] = _start(devices)
          worker.job = waiting.pop(0)
          listener.line(f"{worker.job.name}: begins")
          # A worker that has just died is heard of below.
          with contextlib.suppress(BrokenPipeError):
            worker.pipe.send(worker.job)
      busy = {w.pipe: w for w in workers if w.job is not None}
      if not busy:
        return
      if stop.requested and not told:
        told = True
        for worker in busy.values():
          worker.process.terminate()  # SIGTERM: writes a checkpoint
      for pipe in connection.wait(list(busy), timeout=0.5):
        worker = busy[pipe]
        done = _hear(worker, listener, stop)
        if done is not None:
          worker.job = None
          on_done(done)
  finally:
    for worker in workers:
      worker.pipe.close()
      worker.process.join(timeout=10)


def _hear(worker: _Worker, listener: Listener, stop: Stop) -> Done | None:
  """Takes one message of a worker; the answer if its job has ended."""
  try:
    message = worker.pipe.recv()
  except (EOFError, ConnectionResetError):
    worker.process.join()
    if stop.requested:
      # It was asked to stop before it could hear that.
      return Done(worker.job.name, STOPPED)
    return Done(
      worker.job.name,
      FAILED,
      f"The worker process died with exit code {worker.process.exitcode}.\n",
    )
  if isinstance(message, Done):
    return message
  listener.line(message)
  return None
