"""Who runs the trials: this process, or a worker process on each core.

On CPU a trial has a core of its own: compiling is done side by side, and no
core waits for a seed on another. A worker that dies takes only its trial with
it; workers die with this process.
"""

import dataclasses
import multiprocessing
import os
import pathlib
import traceback
from collections.abc import Callable, Sequence
from multiprocessing import connection
from typing import Any, NamedTuple

import jax

from rnn_lab.training.listener import Listener, Silent
from rnn_lab.training.loop import STOPPED, train
from rnn_lab.training.stopping import Stop

FAILED = "failed"


class Job(NamedTuple):
  """A trial to be trained: its nested config and its directory."""

  name: str
  config: dict[str, Any]
  workdir: pathlib.Path


class Done(NamedTuple):
  """How a job ended: a status of `train`, or FAILED with the error's text."""

  name: str
  status: str
  error: str = ""


def run_job(job: Job, listener: Listener) -> Done:
  """Trains a job; an error becomes part of the answer.

  One trial must not take the others with it. Nothing is hidden by that: the
  error is kept in full, shown, and makes the command fail.
  """
  try:
    return Done(job.name, train(job.config, job.workdir, listener))
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
    done = run_job(job, listener)
    on_done(done)
    if done.status == STOPPED:
      return


class _Forward(Silent):
  """A listener that hands the lines of a job to the parent process."""

  def __init__(self, name: str, pipe: connection.Connection):
    self._name = name
    self._pipe = pipe

  def advance(self, done: int) -> None:
    """Says nothing, but fails where the parent is gone: then so is the job."""
    self._pipe.send(None)

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
  try:
    while True:
      job = pipe.recv()
      pipe.send(run_job(job, _Forward(job.name, pipe)))
  except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
    return  # the parent is gone, or asked for the end


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
      for worker in workers:
        if worker.job is None and waiting and not stop.requested:
          worker.job = waiting.pop(0)
          listener.line(f"{worker.job.name}: begins")
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
        done = _hear(worker, listener)
        if done is not None:
          worker.job = None
          on_done(done)
          if not worker.process.is_alive() and waiting:
            workers[workers.index(worker)] = _start(devices)
  finally:
    for worker in workers:
      worker.pipe.close()
      worker.process.join(timeout=10)


def _hear(worker: _Worker, listener: Listener) -> Done | None:
  """Takes one message of a worker; the answer if its job has ended."""
  try:
    message = worker.pipe.recv()
  except (EOFError, ConnectionResetError):
    worker.process.join()
    return Done(
      worker.job.name,
      FAILED,
      f"The worker process died with exit code {worker.process.exitcode}.\n",
    )
  if isinstance(message, Done):
    return message
  if message is not None:
    listener.line(message)
  return None
