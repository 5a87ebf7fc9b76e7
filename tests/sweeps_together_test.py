"""Trials trained as one population: their bits, failures and resumption."""

import shutil

import pytest
from tiny import numbers, tiny_config, tiny_language

from rnn_lab.errors import FieldError
from rnn_lab.rundir import lock
from rnn_lab.runs import group, train
from rnn_lab.runs.planning import plan
from rnn_lab.sweeps import executors, jobs
from rnn_lab.sweeps.executors import check_executor, choose
from rnn_lab.sweeps.jobs import FAILED, Job, Resources, grouped
from rnn_lab.sweeps.local import local
from rnn_lab.training.records import Silent, Stop

# What trials of one population may differ in.
FIELDS = {
  "base": {"num_seeds": 1},
  "seeds": {"num_seeds": 2, "seed": 5},
  "rate": {"num_seeds": 1, "optimizer__learning_rate": 0.1},
  "values": {
    "num_seeds": 1,
    "train__clip_norm": 0.1,
    "model__elman__recurrent_init": "identity",
  },
}


def planned(**fields):
  return plan(tiny_config(**fields))


def some_jobs(folder, names=FIELDS):
  return [Job(name, planned(**FIELDS[name]), folder / name) for name in names]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
  folder = tmp_path_factory.mktemp("alone")
  for name, fields in FIELDS.items():
    train(planned(**fields), folder / name, Silent())
  return {name: numbers(folder / name) for name in FIELDS}


class Hears(Silent):
  """Keeps the lines, and acts once a number of steps is done."""

  def __init__(self, at=None, act=lambda: None):
    self.lines, self._at, self._act = [], at, act

  def line(self, text):
    self.lines.append(text)

  def advance(self, done):
    if done == self._at:
      self._at = None
      self._act()


def run_local(several, listener=None, stop=None):
  results = []
  local(several, listener or Silent(), stop or Stop(), results.append)
  return {result.name: result for result in results}


def statuses(results):
  return {name: result.status for name, result in results.items()}


def test_each_trial_has_the_bits_that_it_has_alone(tmp_path, alone):
  several = some_jobs(tmp_path)
  assert [len(part) for part in grouped(several)] == [len(FIELDS)]
  listener = Hears()
  results = run_local(several, listener)
  assert statuses(results) == dict.fromkeys(FIELDS, "finished")
  assert {name: numbers(tmp_path / name) for name in FIELDS} == alone
  assert any(line.startswith("rate: step 20/20") for line in listener.lines)


def test_stopped_together_they_go_on_from_where_each_stands(tmp_path, alone):
  stop = Stop()

  def request():
    stop.requested = True

  several = some_jobs(tmp_path)
  results = run_local(several, Hears(10, request), stop)
  assert statuses(results) == dict.fromkeys(FIELDS, "stopped")
  # One goes on alone, one begins anew, the others from step 15.
  train(several[1].plan, several[1].workdir, Silent())
  shutil.rmtree(several[2].workdir)
  listener = Hears()
  results = run_local(several, listener)
  assert results["seeds"].status == "already finished"
  assert {name: numbers(tmp_path / name) for name in FIELDS} == alone
  goes_on = [line for line in listener.lines if "going on" in line]
  assert goes_on == [
    "base: going on from step 15",
    "values: going on from step 15",
  ]


def test_a_trial_fails_alone(tmp_path, alone):
  several = some_jobs(tmp_path)

  def remove():
    shutil.rmtree(several[0].workdir)

  other = planned(num_seeds=1, seed=7)
  train(other, several[2].workdir, Silent())
  with lock(several[3].workdir):
    results = run_local(several, Hears(10, remove))
  assert statuses(results) == {
    "base": FAILED,
    "seeds": "finished",
    "rate": FAILED,
    "values": FAILED,
  }
  assert "has been removed or renamed" in results["base"].error
  assert "config differs in" in results["rate"].error
  assert "in use by" in results["values"].error
  assert numbers(several[1].workdir) == alone["seeds"]
  # All of them: nothing is left to be trained.
  results = run_local([several[2], several[2]])
  assert statuses(results) == {"rate": FAILED}


def test_trials_that_fail_together_run_alone(tmp_path, alone, monkeypatch):
  def fails(*args):
    raise MemoryError("too large\nfor this machine")

  monkeypatch.setattr(jobs, "train_together", fails)
  listener = Hears()
  results = run_local(some_jobs(tmp_path, ["base", "rate"]), listener)
  assert statuses(results) == {"base": "finished", "rate": "finished"}
  assert "together they failed, each runs alone: too large" in listener.lines
  for name in results:
    assert numbers(tmp_path / name) == alone[name]


def test_each_trial_of_a_population_is_measured(tmp_path):
  measured = []

  def measure(workdir):
    measured.append(workdir.name)
    if workdir.name == "rate":
      raise RuntimeError("not measured")

  several = [
    job._replace(measure=measure)
    for job in some_jobs(tmp_path, ["base", "rate", "values"])
  ]
  results = run_local(several)
  assert measured == ["base", "rate", "values"]
  assert statuses(results) == {
    "base": "finished",
    "rate": FAILED,
    "values": "finished",
  }
  assert "not measured" in results["rate"].error


def test_what_trials_of_a_population_share():
  base = group(planned())
  for fields in FIELDS.values():
    assert group(planned(**fields)) == base
  for other in (
    {"task__gap": 1},
    {"train__num_steps": 10},
    {"train__log_every": 10},
    {"train__batch_shards": 2},
    {"eval__every": 5},
    {"eval__select": "last"},
    {"run__checkpoint_every": 10},
    {"run__compilation_cache": False},
  ):
    assert group(planned(**other)) != base, other
  assert group(plan(tiny_language(model__kind="ngram"))) is None


def test_a_population_fits_into_memory(tmp_path, monkeypatch):
  """Half of it: two seeds of a quarter each, where a run has one or two."""

  def names():
    parts = grouped(some_jobs(tmp_path))
    return [[job.name for job in part] for part in parts]

  def share(plan):
    return 0.25 * plan.settings.num_seeds

  monkeypatch.setattr(jobs, "memory_share", share)
  assert names() == [["base"], ["seeds"], ["rate", "values"]]
  monkeypatch.setattr(jobs, "memory_share", lambda plan: 0.0)
  monkeypatch.setattr(jobs, "MOST_TOGETHER", 3)
  assert names() == [["base", "seeds", "rate"], ["values"]]


def test_what_auto_is(tmp_path, monkeypatch):
  four = some_jobs(tmp_path)
  assert choose(four, Resources(cores=2)) == "local"
  assert choose(four[:3], Resources(cores=2)) == "processes"
  assert choose(four[:3], Resources(cores=1)) == "local"
  assert choose(four, Resources(cores=2, num_workers=2)) == "processes"
  monkeypatch.setattr(executors.jax, "default_backend", lambda: "gpu")
  assert choose(four[:3], Resources(cores=2)) == "local"
  for name, workers in (("processes", 0), ("auto", 2)):
    with pytest.raises(FieldError, match="executor must be local or ray on an"):
      check_executor(name, Resources(cores=2, num_workers=workers))


@pytest.mark.parametrize(
  ("name", "resources", "message"),
  [
    ("serial", Resources(), "executor must be one of auto, local, processes"),
    ("auto", Resources(num_workers=-1), "num_workers must be"),
    ("local", Resources(num_workers=2), "num_workers must be left out"),
  ],
)
def test_wrong_executors(name, resources, message):
  with pytest.raises(FieldError, match=message):
    check_executor(name, resources)
