"""Executors: the same bits, failures that end one trial alone, stops."""

import gc
import multiprocessing
import os
import pathlib
import signal
import types

import pytest
from tiny import numbers, tiny_config, tiny_language

from rnn_lab.rundir import lock
from rnn_lab.runs.planning import plan
from rnn_lab.sweeps import worker_processes
from rnn_lab.sweeps.jobs import FAILED, Job, Resources
from rnn_lab.sweeps.local import local
from rnn_lab.sweeps.worker_processes import processes
from rnn_lab.training.population import program_of
from rnn_lab.training.records import Silent, Stop


def jobs(tmp_path, folder, config=tiny_config, **fields):
  return [
    Job(
      f"seed={seed}",
      plan(config(seed=seed, **fields)),
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


def statuses(results):
  return {result.name: result.status for result in results}


@pytest.mark.slow
def test_workers_give_the_numbers_of_one_process(tmp_path):
  results, listener = [], Listening()
  workers = jobs(tmp_path, "workers")
  processes(workers, listener, Stop(), results.append, Resources(cores=2))
  assert statuses(results) == {f"seed={s}": "finished" for s in (0, 1, 2)}
  assert any(line.startswith("seed=2: step 10/20") for line in listener.lines)
  local(jobs(tmp_path, "here"), Silent(), Stop(), results.append)
  for job in jobs(tmp_path, "here"):
    assert numbers(job.workdir) == numbers(tmp_path / "workers" / job.name)


def test_what_trials_share_a_program():
  """Those that differ in numbers and initial values alone."""
  base = program_of(plan(tiny_config()))
  for same in (
    {"seed": 3, "optimizer__learning_rate": 0.1, "train__clip_norm": 2.0},
    {"model__elman__recurrent_init": "identity"},
    {"run__checkpoint_every": 10, "eval__every": 5},
  ):
    assert program_of(plan(tiny_config(**same))) == base
  for other in (
    {"task__gap": 1},
    {"model__elman__activation": "relu"},
    {"optimizer__name": "sgd"},
    {"num_seeds": 3},
    {"train__batch_shards": 2},
    {"train__gradient_norms": True},
    {"run__steps_per_call": 4},
  ):
    assert program_of(plan(tiny_config(**other))) != base


def test_a_counted_model_has_no_program():
  assert program_of(plan(tiny_language(model__kind="ngram"))) == ()


def test_a_worker_takes_what_it_has_compiled(monkeypatch):
  monkeypatch.setattr(worker_processes, "program_of", lambda plan: plan)
  waiting = [Job(f"{n}", p, None) for n, p in enumerate("aabbc")]
  one, two = (types.SimpleNamespace(program=()) for _ in range(2))
  order = [(one, "a"), (two, "b"), (two, "b"), (one, "a"), (two, "c")]
  for worker, program in order:
    job = worker_processes._take(waiting, worker, [one, two])
    assert job.plan == worker.program == program
  assert not waiting
  # All are another worker's: the first.
  two.program = "a"
  waiting = [Job("5", "a", None), Job("6", "a", None)]
  assert worker_processes._take(waiting, one, [one, two]).name == "5"


def blocks(pid, number):
  """Whether a process has blocked a signal."""
  status = pathlib.Path(f"/proc/{pid}/status").read_text()
  [mask] = [line for line in status.splitlines() if line.startswith("SigBlk")]
  return bool(int(mask.split()[1], 16) >> (number - 1) & 1)


@pytest.mark.slow
def test_workers_that_die_fail_only_their_trials(tmp_path):
  def kill_all():
    for worker in multiprocessing.active_children():
      assert blocks(worker.pid, signal.SIGINT)  # Ctrl-C is for this process
      os.kill(worker.pid, signal.SIGKILL)

  results, listener = [], Listening(kill_all)
  long = jobs(
    tmp_path,
    "run",
    train__num_steps=400,
    train__gradient_flow_every=100,
    eval__every=100,
    run__steps_per_call=1,
    run__checkpoint_every=50,
  )
  processes(long, listener, Stop(), results.append, Resources(cores=2))
  # Two were running; the third was then given to a new worker.
  assert statuses(results) == {
    "seed=0": "failed",
    "seed=1": "failed",
    "seed=2": "finished",
  }
  for result in results[:2]:
    assert "died with exit code -9" in result.error
  # Begun again, they end with the numbers of a trial left alone.
  again = []
  processes(long[:1], Silent(), Stop(), again.append, Resources(cores=1))
  assert statuses(again) == {"seed=0": "finished"}
  alone = long[0]._replace(workdir=tmp_path / "alone")
  local([alone], Silent(), Stop(), again.append)
  assert numbers(alone.workdir) == numbers(long[0].workdir)


@pytest.mark.slow
def test_another_worker_goes_on_where_one_is_stopped(tmp_path):
  def stop_all():
    for worker in multiprocessing.active_children():
      os.kill(worker.pid, signal.SIGTERM)

  results, listener = [], Listening(stop_all)
  two = jobs(
    tmp_path,
    "run",
    train__num_steps=400,
    train__gradient_flow_every=0,
    eval__every=100,
    run__steps_per_call=1,
    run__checkpoint_every=400,
  )[:2]
  processes(two, listener, Stop(), results.append, Resources(cores=2))
  assert statuses(results) == {"seed=0": "finished", "seed=1": "finished"}
  assert any("its worker was stopped" in line for line in listener.lines)
  assert any("going on from step" in line for line in listener.lines)


def test_local_stops_between_trials(tmp_path):
  stop, results = Stop(), []

  def on_result(result):
    results.append(result)
    stop.requested = True

  counted = jobs(tmp_path, "run", tiny_language, model__kind="ngram")
  local(counted, Silent(), stop, on_result)
  assert statuses(results) == {"seed=0": "finished"}


class RaisesTwice(Silent):
  """Raises in the middle of both trials together, and of the first alone."""

  def __init__(self):
    self.raised = 0

  def advance(self, done):
    if self.raised < 2 and done >= 10:
      self.raised += 1
      raise RuntimeError("the disk is on fire")


def open_files(folder):
  """The files below a folder that this process has open."""
  links = pathlib.Path("/proc/self/fd").iterdir()
  targets = [os.readlink(link) for link in links if link.is_symlink()]
  return [target for target in targets if target.startswith(str(folder))]


@pytest.mark.skipif(
  not os.path.isdir("/proc/self/fd"), reason="open files are listed in /proc"
)
def test_a_failed_trial_leaves_nothing_open(tmp_path):
  first, second, _ = jobs(tmp_path, "run", run__tensorboard=True)
  results, open_after = [], []

  def on_result(result):
    results.append(result)
    open_after.append(open_files(tmp_path))

  gc.disable()  # what is closed by chance only counts as open
  try:
    local([first, second], RaisesTwice(), Stop(), on_result)
  finally:
    gc.enable()
  assert statuses(results) == {"seed=0": FAILED, "seed=1": "finished"}
  assert "the disk is on fire" in results[0].error
  assert open_after == [[], []]
  with lock(first.workdir):
    pass  # neither is the lock held
  local([first], Silent(), Stop(), on_result)
  assert results[-1].status == "finished" and open_after[-1] == []


def test_an_error_is_a_result(tmp_path):
  [job, *_] = jobs(tmp_path, "run")
  config = job.plan.config | {"run": job.plan.run, "num_seeds": 0}
  results = []
  local([job._replace(plan=config)], Silent(), Stop(), results.append)
  assert results[0].status == FAILED
  assert "num_seeds must be an integer" in results[0].error
