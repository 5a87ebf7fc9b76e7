"""SIGKILL at random moments: the run ends with the bits of one left alone."""

import random
import signal
import time

import jax
import numpy as np
import pytest
from commands import call, start
from tiny import numbers

from rnn_lab.runs.planning import plan_of_run
from rnn_lab.training.checkpoint import Checkpoints

COMMAND = (
  "--config=configs/digits.py:smoke",
  "--config.task.gap=20",
  "--config.num_seeds=3",
  "--config.train.num_steps=1200",
  "--config.train.gradient_flow_every=50",
  "--config.run.checkpoint_every=50",
)
# Two buckets and 12 steps an epoch; no checkpoint is at the end of one.
IN_BUCKETS = (
  "--config=configs/transduction.py:smoke",
  "--config.task.train_size=100",
  "--config.train.batch_size=8",
  "--config.train.num_steps=400",
  "--config.model.hidden_size=4",
  "--config.model.cell=elman",
  "--config.model.decoder.attention=none",
  "--config.num_seeds=2",
  "--config.eval.every=200",
  "--config.run.checkpoint_every=35",
)


def finish(process, code=0):
  out, err = process.communicate(timeout=600)
  assert process.returncode == code, err
  return out


def has_checkpoint(workdir):
  folder = workdir / "checkpoints"
  return folder.exists() and bool(steps(workdir))


def steps(workdir):
  """The steps that have a complete checkpoint."""
  folder = workdir / "checkpoints"
  return [int(p.name) for p in folder.iterdir() if p.name.isdigit()]


def newest(workdir):
  return max(steps(workdir), default=-1)


def final_state(workdir):
  with Checkpoints(workdir / "checkpoints") as checkpoints:
    return checkpoints.newest(None)[0].state


def wait_for_checkpoint(process, workdir, after=-1):
  """Waits until a run has a checkpoint of a later step."""
  while not has_checkpoint(workdir) or newest(workdir) <= after:
    assert process.poll() is None, process.communicate()[0]
    time.sleep(0.02)


def kill(command, workdir, kills):
  """Kills a run so many times, all but the first after a new checkpoint.

  Before each of these it is stopped for a moment, and goes on.

  Returns:
    The step of the newest checkpoint after each kill.
  """
  rng = random.Random(20261123)
  reached = []
  for kill in range(kills):
    process = start("train", *command, f"--workdir={workdir}")
    if kill == 0:
      time.sleep(rng.uniform(0.5, 4.0))  # anywhere, most likely too early
    else:
      wait_for_checkpoint(process, workdir, reached[-1])
      process.send_signal(signal.SIGSTOP)
      time.sleep(0.1)
      process.send_signal(signal.SIGCONT)
      time.sleep(rng.uniform(0.0, 0.5))
    assert process.poll() is None, "finished before it was killed"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (workdir / "result.json").exists()
    reached.append(newest(workdir) if has_checkpoint(workdir) else -1)
  return reached


def assert_bit_identical(killed, alone):
  assert numbers(killed) == numbers(alone)
  states = zip(
    jax.tree.leaves(final_state(killed)),
    jax.tree.leaves(final_state(alone)),
    strict=True,
  )
  for ours, theirs in states:
    np.testing.assert_array_equal(ours, theirs)


def run_alone(command, workdir):
  """Trains in this process, without an interruption."""
  ended = call("train", *command, f"--workdir={workdir}")
  assert (ended.code, ended.err) == (0, "")


@pytest.mark.slow
def test_kills_and_a_stop_change_no_bit_and_two_processes_cannot_share(
  tmp_path,
):
  killed, alone = tmp_path / "killed", tmp_path / "alone"
  arguments = ("train", *COMMAND, f"--workdir={killed}")
  reached = kill(COMMAND, killed, kills=4)
  assert sum(step > 0 for step in reached) >= 3
  process = start(*arguments)
  wait_for_checkpoint(process, killed, reached[-1])
  other = start(*arguments)
  _, err = other.communicate(timeout=120)
  assert other.returncode == 2
  assert f"in use by another process (pid {process.pid})" in err
  process.send_signal(signal.SIGTERM)
  assert "stopped; the same command resumes" in finish(process, 143)
  assert not (killed / "result.json").exists()
  assert "from step" in finish(start(*arguments))
  run_alone(COMMAND, alone)
  assert_bit_identical(killed, alone)


@pytest.mark.slow
def test_a_kill_within_an_epoch_of_unequal_lengths_changes_no_bit(tmp_path):
  killed, alone = tmp_path / "killed", tmp_path / "alone"
  *_, reached = kill(IN_BUCKETS, killed, kills=2)
  task = plan_of_run(killed).task
  assert len(task.data) > 1  # buckets
  assert reached > task.steps_per_epoch and reached % task.steps_per_epoch
  arguments = ("train", *IN_BUCKETS, f"--workdir={killed}")
  assert "from step" in finish(start(*arguments))
  run_alone(IN_BUCKETS, alone)
  assert_bit_identical(killed, alone)


@pytest.mark.slow
def test_the_main_jobs_smoke(tmp_path):
  arguments = (
    "--config=configs/vanishing_gradient.py:smoke",
    f"--workdir={tmp_path / 'sweep'}",
  )
  ended = call("sweep", *arguments)
  assert (ended.code, ended.err) == (0, "")
  assert "[10/10]" in ended.out and "report.html" in ended.out
  page = (tmp_path / "sweep" / "report.html").read_text(encoding="utf-8")
  assert "tanh RNN, orthogonal, gap of zeros" in page
  again = call("sweep", *arguments)
  assert again.code == 0 and again.out.count("already finished") == 10


def trials(workdir):
  return [path.parent for path in workdir.glob("*/trial.json")]


@pytest.mark.slow
def test_a_sweep_that_is_stopped_goes_on(tmp_path):
  workdir = tmp_path / "sweep"
  command = (
    "--config=configs/adding.py:smoke",
    "--config.train.num_steps=500",
    "--config.run.checkpoint_every=50",
  )
  arguments = (*command, f"--workdir={workdir}")
  process = start("sweep", *arguments)
  while not any(map(has_checkpoint, trials(workdir))):
    assert process.poll() is None, process.communicate()[0]
    time.sleep(0.02)
  process.send_signal(signal.SIGTERM)
  assert "stopped; the same command resumes" in finish(process, 143)
  assert not (workdir / "report.html").exists()
  # Workers die with their parent: none is left that would hold a trial.
  process = start("sweep", *arguments)
  while "from step" not in process.stdout.readline():
    assert process.poll() is None
  process.send_signal(signal.SIGKILL)
  process.communicate()
  out = finish(start("sweep", *arguments))
  assert "from step" in out and "[3/3]" in out
  assert (workdir / "report.html").exists()
  alone = f"--workdir={tmp_path / 'alone'}"
  ended = call("sweep", *command, alone, "--executor=local")
  assert (ended.code, ended.err) == (0, "")
  assert len(trials(workdir)) == 3
  for trial in trials(workdir):
    assert numbers(trial) == numbers(tmp_path / "alone" / trial.name)
