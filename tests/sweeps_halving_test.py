"""Successive halving: who goes on, the same in every run of a sweep."""

import json
import math

import pytest
from tiny import numbers, tiny_config, tiny_language

from rnn_lab.errors import FieldError
from rnn_lab.reports import read_results
from rnn_lab.runs import train
from rnn_lab.runs.planning import plan
from rnn_lab.sweeps import run as sweeps_run
from rnn_lab.sweeps.expand import expand
from rnn_lab.sweeps.halving import (
  Halving,
  check_halving,
  run_halving,
  rungs,
)
from rnn_lab.sweeps.jobs import Job, Result
from rnn_lab.sweeps.progress import read_progress
from rnn_lab.training.records import Silent, Stop

RATES = (0.0003, 0.003, 0.03, 0.01, 30.0)
HALVING = Halving(2, 5)


def sweep(add):
  for rate in RATES:
    add({"optimizer.learning_rate": rate})


def config():
  return tiny_config(num_seeds=1, eval__every=5, run__checkpoint_every=10)


def trials():
  return expand(lambda add, argument: sweep(add), "", config(), {})


class Stops(Silent):
  """Asks to stop once so many steps are done."""

  def __init__(self, monkeypatch, at):
    self.at = at
    self.stop = Stop()
    monkeypatch.setattr(sweeps_run, "stop_on_signal", lambda: self)

  def advance(self, done):
    self.stop.requested = self.stop.requested or done == self.at

  def __enter__(self):
    return self.stop

  def __exit__(self, *error):
    self.stop = Stop()


def run(workdir, listener=None, halving=HALVING):
  report = {"config": "configs/x.py"}
  return sweeps_run.run_sweep(
    trials(), report, workdir, listener or Silent(), "local", halving=halving
  )


@pytest.fixture(scope="module")
def halved(tmp_path_factory):
  workdir = tmp_path_factory.mktemp("halved") / "sweep"
  return workdir, run(workdir)


def accuracy(workdir, step):
  rows = (workdir / "metrics.jsonl").read_text().splitlines()
  [row] = [r for r in map(json.loads, rows) if r["step"] == step]
  [value] = row["valid/accuracy"]
  return -math.inf if value is None else value


def test_the_best_half_of_each_rung_goes_on(halved):
  workdir, outcome = halved
  assert (outcome.status, outcome.failed) == ("finished", [])
  going = [trial.name for trial in trials()]
  for step in rungs(HALVING, 20):
    going.sort(key=lambda name: -accuracy(workdir / name, step))  # noqa: B023
    cut = going[math.ceil(len(going) / 2) :]
    going = going[: math.ceil(len(going) / 2)]
    for rank, name in enumerate(cut, start=len(going) + 1):
      halted = json.loads((workdir / name / "halted.json").read_text())
      assert (halted["step"], halted["rank"]) == (step, rank)
      assert halted["among"] == len(going) + len(cut)
      assert not (workdir / name / "result.json").exists()
      last = (workdir / name / "metrics.jsonl").read_text().splitlines()[-1]
      assert json.loads(last)["step"] == step
  assert len(going) == 2
  for name in going:
    assert (workdir / name / "result.json").exists()


def test_tables_and_progress_mark_those_that_were_stopped(halved):
  workdir, _ = halved
  expected = {
    job.name: f"stopped at step {json.loads(path.read_text())['step']}"
    if (path := workdir / job.name / "halted.json").exists()
    else "finished"
    for job in trials()
  }
  found = {trial.name: trial.status for trial in read_results(workdir).trials}
  assert found == expected
  progress = read_progress(workdir)
  assert {trial.name: trial.status for trial in progress} == expected
  assert all(trial.is_over for trial in progress)
  page = (workdir / "report.html").read_text()
  assert "stopped at step 5" in page and "stopped at step 10" in page


def test_those_that_end_have_the_bits_of_runs_left_alone(halved, tmp_path):
  workdir, _ = halved
  ended = [t for t in trials() if (workdir / t.name / "result.json").exists()]
  train(ended[0].config, tmp_path / "run", Silent())
  found = numbers(workdir / ended[0].name)
  # Of a trial it also has its row.
  assert {k: found[k] for k in numbers(tmp_path / "run")} == (
    numbers(tmp_path / "run")
  )


@pytest.mark.parametrize("at", [5, 10])
def test_interrupted_it_stops_the_same_trials(
  halved, tmp_path, monkeypatch, at
):
  listener = Stops(monkeypatch, at)
  outcome = run(tmp_path / "sweep", listener)
  assert outcome.status == sweeps_run.STOPPED
  assert run(tmp_path / "sweep", listener).status == "finished"
  for trial in trials():
    assert numbers(tmp_path / "sweep" / trial.name) == (
      numbers(halved[0] / trial.name)
    )


def test_without_halving_those_that_were_stopped_go_on(halved, tmp_path):
  run(tmp_path / "sweep")
  outcome = run(tmp_path / "sweep", halving=Halving())
  assert outcome.status == "finished"
  for trial in trials():
    assert (tmp_path / "sweep" / trial.name / "result.json").exists()
    assert not (tmp_path / "sweep" / trial.name / "halted.json").exists()


def test_what_has_finished_keeps_its_result(tmp_path):
  workdir = tmp_path / "sweep"
  run(workdir, halving=Halving())
  assert run(workdir).status == "finished"
  for trial in trials():
    assert (workdir / trial.name / "result.json").exists()
    assert not (workdir / trial.name / "halted.json").exists()


def test_rows_that_are_damaged_fail_one_trial(tmp_path):
  workdir = tmp_path / "sweep"
  run(workdir)
  [first, *_] = [path.parent for path in workdir.glob("*/result.json")]
  (first / "result.json").unlink()
  (first / "metrics.jsonl").write_text("{}\n")
  outcome = run(workdir)
  assert (outcome.status, outcome.failed) == ("finished", [first.name])
  assert "metrics.jsonl" in (first / "error.txt").read_text()


def test_the_rungs():
  assert rungs(Halving(3, 100), 1000) == [100, 300, 900]
  assert rungs(Halving(2, 500), 1000) == [500]


def job(name, **fields):
  return Job(name, plan(tiny_config(**fields)), None)


def test_ties_and_failures(tmp_path, monkeypatch):
  """Of equal trials the first go on; one that failed counts no more."""
  jobs = [
    job(name, eval__every=5)._replace(workdir=tmp_path / name)
    for name in ("a", "b", "c", "d")
  ]
  values = {"a": 0.5, "b": None, "c": 0.5, "d": 0.5}

  def run(several, on_result):
    for each in several:
      if each.name == "d" and each.until == 5:
        on_result(Result("d", "failed", "no memory"))
        continue
      each.workdir.mkdir(exist_ok=True)
      row = {"step": 5, "valid/accuracy": [values[each.name]]}
      (each.workdir / "metrics.jsonl").write_text(json.dumps(row) + "\n")
      on_result(Result(each.name, "paused" if each.until else "finished"))

  results = []
  run_halving(Halving(2, 5), jobs, run, Stop(), results.append)
  # Without a row of step 10, nobody is left for the second rung.
  assert [result[:2] for result in results[:2]] == [
    ("d", "failed"),
    ("b", "halted"),
  ]
  halted = json.loads((tmp_path / "b" / "halted.json").read_text())
  assert (halted["rank"], halted["among"], halted["value"]) == (3, 3, None)


@pytest.mark.parametrize(
  ("halving", "fields", "message"),
  [
    (Halving(1, 5), {}, "halving must be an integer"),
    (Halving(0, 5), {}, "halving must be an integer"),
    (Halving(2, 0), {}, "halving_steps must be an integer"),
    (Halving(2, 20), {}, "smaller than the 20 steps of trial x"),
    (Halving(2, 7), {}, "a multiple of the steps between evaluations, 10"),
  ],
)
def test_wrong_rungs(halving, fields, message):
  with pytest.raises(FieldError, match=message):
    check_halving(halving, [job("x", **fields)])


def test_what_cannot_be_compared():
  counted = Job("n", plan(tiny_language(model__kind="ngram")), None)
  with pytest.raises(FieldError, match="trial n is not trained in steps"):
    check_halving(Halving(2, 10), [counted])
  adding = tiny_config()
  adding.task = {"name": "adding", "length": 5}
  other = Job("y", plan(adding), None)
  with pytest.raises(
    FieldError, match="trials of one task, and these have 2 that"
  ):
    check_halving(Halving(2, 10), [job("x"), other])
  check_halving(Halving(), [counted, other])
  longer = Job("z", plan(tiny_config(train__num_steps=30)), None)
  with pytest.raises(FieldError, match="and these have 20 and 30 steps, got 2"):
    check_halving(Halving(2, 10), [job("x"), longer])
