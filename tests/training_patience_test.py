"""Seeds that no longer get better end, each on its own."""

import json

import numpy as np
import pytest
from tiny import numbers, tiny_config

from rnn_lab.errors import FieldError
from rnn_lab.runs import train
from rnn_lab.runs.opening import load_run
from rnn_lab.runs.planning import plan
from rnn_lab.sweeps.jobs import Job
from rnn_lab.sweeps.local import local
from rnn_lab.training.patience import Patience
from rnn_lab.training.records import Silent, Stop

# Of two seeds one gets no better early, at this rate.
FIELDS = {
  "train__num_steps": 60,
  "train__patience": 2,
  "train__gradient_flow_every": 0,
  "eval__every": 5,
  "run__checkpoint_every": 20,
  "optimizer__learning_rate": 0.1,
}


def config(**fields):
  return tiny_config(**{**FIELDS, **fields})


def rows(workdir):
  lines = (workdir / "metrics.jsonl").read_text().splitlines()
  return [json.loads(line) for line in lines]


def seeds(workdir):
  return json.loads((workdir / "result.json").read_text())["seeds"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
  workdir = tmp_path_factory.mktemp("patience") / "run"
  assert train(config(), workdir, Silent()) == "finished"
  return workdir


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
  """The same run to its end."""
  workdir = tmp_path_factory.mktemp("patience") / "patient"
  train(config(train__patience=0), workdir, Silent())
  return workdir


def expected_end(workdir, seed):
  """The step at which two evaluations brought nothing better; 60 if none."""
  best, best_step = -1.0, 0
  for row in rows(workdir):
    if "valid/accuracy" not in row:
      continue
    value = row["valid/accuracy"][seed]
    if value > best:
      best, best_step = value, row["step"]
    if row["step"] - best_step >= 10:
      return row["step"]
  return 60


def test_each_seed_ends_after_two_evaluations_without_a_better_one(
  whole, patient
):
  ends = [expected_end(patient, seed) for seed in (0, 1)]
  assert min(ends) < 60 and ends[0] != ends[1]
  assert [seed["last_step"] for seed in seeds(whole)] == ends
  assert [seed["status"] for seed in seeds(whole)] == ["finished"] * 2
  found, all_rows = rows(whole), rows(patient)
  assert found[-1]["step"] == max(ends)  # and the run with the last of them
  for row, other in zip(found, all_rows):
    for seed, end in enumerate(ends):
      for name in other:
        if name == "step" or row["step"] > end:
          continue
        assert row[name][seed] == other[name][seed], (name, row["step"])
      if row["step"] > end and "train/loss" in row:
        assert row["train/loss"][seed] is None
  load_run(whole)  # its checkpoint is of its last step


def test_a_seed_alone_and_trials_together_have_the_same_bits(whole, tmp_path):
  alone = {}
  for seed in (0, 1):
    train(config(num_seeds=1, seed=seed), tmp_path / f"alone{seed}", Silent())
    alone[seed] = numbers(tmp_path / f"alone{seed}")
    [row] = seeds(tmp_path / f"alone{seed}")
    assert row == seeds(whole)[seed]
  jobs = [
    Job(f"{s}", plan(config(num_seeds=1, seed=s)), tmp_path / f"{s}")
    for s in (0, 1)
  ]
  results = []
  local(jobs, Silent(), Stop(), results.append)
  assert [result.status for result in results] == ["finished"] * 2
  assert {s: numbers(tmp_path / f"{s}") for s in (0, 1)} == alone


class StopAt(Silent):
  def __init__(self, step):
    self.stop, self._step = Stop(), step

  def advance(self, done):
    self.stop.requested = self.stop.requested or done == self._step


@pytest.mark.parametrize("step", [5, 15])
def test_an_interrupted_run_ends_at_the_same_steps(whole, tmp_path, step):
  listener = StopAt(step)
  status = train(config(), tmp_path / "run", listener, listener.stop)
  assert status == "stopped"
  assert train(config(), tmp_path / "run", Silent()) == "finished"
  assert numbers(tmp_path / "run") == numbers(whole)
  assert train(config(), tmp_path / "run", Silent()) == "already finished"


def test_a_line_says_why_a_seed_has_ended(whole, tmp_path):
  class Lines(Silent):
    lines = []

    def line(self, text):
      self.lines.append(text)

  train(config(), tmp_path / "run", Lines())
  early = [row for row in seeds(whole) if row["last_step"] < 60]
  assert [line for line in Lines.lines if "ended at" in line] == [
    f"seed {row['seed']} ended at step {row['last_step']}, after 2 evaluations "
    "without a better one"
    for row in early
  ]


def test_more_steps_change_nothing_once_all_seeds_have_ended(whole, tmp_path):
  train(config(train__num_steps=200), tmp_path / "run", Silent())
  assert seeds(tmp_path / "run") == seeds(whole)


def test_patience_is_counted_from_evaluation_to_evaluation():
  patience = Patience(steps=10, every=5)
  steps = np.array([9, 10, 14, 15])
  assert patience.is_over(steps, np.array(-1)).tolist() == [False, *[True] * 3]
  assert patience.is_over(steps, np.array(5)).tolist() == [*[False] * 3, True]


def test_a_wrong_patience():
  with pytest.raises(FieldError, match="train.patience must be an integer"):
    plan(config(train__patience=-1))
