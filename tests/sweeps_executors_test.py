"""Worker processes: the same bits, deaths that take one trial, stops."""

import multiprocessing
import os
import signal

import pytest
from tiny import numbers, tiny_config

from rnn_lab.sweeps.executors import FAILED, Job, processes, serial
from rnn_lab.training.listener import Silent
from rnn_lab.training.stopping import Stop


def jobs(tmp_path, folder, **fields):
  return [
    Job(
      f"seed={seed}",
      tiny_config(seed=seed, **fields).to_dict(),
      tmp_path / folder / f"seed={seed}",
    )
    for seed in (0, 1, 2)
  ]


class Listening(Silent):
  """Keeps the lines, and does something at the first of a worker."""

  def __init__(self, at_first_step=lambda: None):
    self.lines = []
    self._act = at_first_step

  def line(self, text):
    self.lines.append(text)
    if ": step" in text:
      act, self._act = self._act, lambda: None
      act()


def statuses(done):
  return {d.name: d.status for d in done}


@pytest.mark.slow
def test_workers_give_the_numbers_of_one_process(tmp_path):
  done, listener = [], Listening()
  processes(jobs(tmp_path, "workers"), listener, Stop(), done.append, cores=2)
  assert statuses(done) == {f"seed={s}": "finished" for s in (0, 1, 2)}
  assert any(line.startswith("seed=2: step 10/20") for line in listener.lines)
  serial(jobs(tmp_path, "here"), Silent(), Stop(), done.append)
  for job in jobs(tmp_path, "here"):
    assert numbers(job.workdir) == numbers(tmp_path / "workers" / job.name)


@pytest.mark.slow
def test_workers_that_die_take_only_their_trials(tmp_path):
  def kill_all():
    for worker in multiprocessing.active_children():
      os.kill(worker.pid, signal.SIGKILL)

  done, listener = [], Listening(kill_all)
  long = jobs(tmp_path, "run", train__num_steps=400, run__steps_per_call=1)
  processes(long, listener, Stop(), done.append, cores=2)
  ended = statuses(done)
  # Two were running; the third was then given to a new worker.
  assert ended == {
    "seed=0": "failed",
    "seed=1": "failed",
    "seed=2": "finished",
  }
  for end in done[:2]:
    assert "died with exit code -9" in end.error


def test_serial_stops_between_trials(tmp_path):
  stop, done = Stop(), []

  def on_done(ended):
    done.append(ended)
    stop.requested = True

  serial(jobs(tmp_path, "run"), Silent(), stop, on_done)
  assert statuses(done) == {"seed=0": "finished"}


def test_an_error_is_an_answer(tmp_path):
  [job, *_] = jobs(tmp_path, "run")
  job = job._replace(config=job.config | {"num_seeds": 0})
  done = []
  serial([job], Silent(), Stop(), done.append)
  assert done[0].status == FAILED and "num_seeds is 0" in done[0].error
