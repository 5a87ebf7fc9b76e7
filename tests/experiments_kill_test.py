"""SIGKILL at random moments: the run ends with the bits of one left alone."""

import random
import signal
import time

import jax
import numpy as np
import pytest
from commands import call, start
from tiny import numbers

from rnn_lab.training.checkpoint import Checkpoints

COMMAND = (
  "--config=configs/digits.py:smoke",
  "--config.task.gap=20",
  "--config.num_seeds=3",
  "--config.train.num_steps=2000",
  "--config.train.gradient_flow_every=50",
  "--config.run.checkpoint_every=50",
)


def finish(process):
  out, err = process.communicate(timeout=600)
  assert process.returncode == 0, err
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
    return checkpoints.restore(checkpoints.latest_step(), None)


@pytest.mark.slow
def test_five_kills_change_no_bit(tmp_path):
  rng = random.Random(20261123)
  killed, alone = tmp_path / "killed", tmp_path / "alone"
  after_checkpoint = 0
  for kill in range(5):
    process = start("train", *COMMAND, f"--workdir={killed}")
    if kill == 0:
      time.sleep(rng.uniform(0.5, 4.0))  # anywhere, most likely too early
    else:
      before = newest(killed) if has_checkpoint(killed) else -1
      while not has_checkpoint(killed) or newest(killed) <= before:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
      time.sleep(rng.uniform(0.0, 0.5))
    after_checkpoint += has_checkpoint(killed)
    assert process.poll() is None, "finished before it was killed"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (killed / "result.json").exists()
  assert after_checkpoint >= 3
  assert "from step" in finish(start("train", *COMMAND, f"--workdir={killed}"))
  finish(start("train", *COMMAND, f"--workdir={alone}"))

  assert numbers(killed) == numbers(alone)
  states = zip(
    jax.tree.leaves(final_state(killed)),
    jax.tree.leaves(final_state(alone)),
    strict=True,
  )
  for ours, theirs in states:
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_sigterm_writes_a_checkpoint_and_two_processes_cannot_share(tmp_path):
  workdir = tmp_path / "run"
  process = start("train", *COMMAND, f"--workdir={workdir}")
  while not has_checkpoint(workdir):
    assert process.poll() is None, process.communicate()[0]
    time.sleep(0.02)
  other = start("train", *COMMAND, f"--workdir={workdir}")
  _, err = other.communicate(timeout=120)
  assert other.returncode == 2
  assert f"in use by another process (pid {process.pid})" in err
  process.send_signal(signal.SIGTERM)
  assert "stopped; the same command resumes from here" in finish(process)
  assert not (workdir / "result.json").exists()
  assert "from step" in finish(start("train", *COMMAND, f"--workdir={workdir}"))


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


@pytest.mark.slow
def test_a_sweep_that_is_stopped_goes_on(tmp_path):
  workdir = tmp_path / "sweep"
  arguments = (
    "--config=configs/adding.py:smoke",
    "--config.train.num_steps=2000",
    "--config.run.checkpoint_every=50",
    f"--workdir={workdir}",
  )
  process = start("sweep", *arguments)
  while not any(has_checkpoint(trial) for trial in workdir.glob("cell=*")):
    assert process.poll() is None, process.communicate()[0]
    time.sleep(0.02)
  process.send_signal(signal.SIGTERM)
  assert "stopped; the same command resumes from here" in finish(process)
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
