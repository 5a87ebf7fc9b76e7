"""Sweeps: expansion, resumption, failures, and the files that they leave."""

import dataclasses
import json
import re

import numpy as np
import pytest
from tiny import everything, tiny_config, tiny_language

from configs.claims import at, claim
from rnn_lab.errors import FieldError
from rnn_lab.runs import planning
from rnn_lab.sweeps import executors, jobs
from rnn_lab.sweeps import run as sweeps_run
from rnn_lab.sweeps.expand import expand
from rnn_lab.tasks import TASKS
from rnn_lab.tasks.digits import digits
from rnn_lab.training.records import Silent

SMALL = {"train__num_steps": 10, "num_seeds": 1}


def small_sweep(add, argument=""):
  del argument
  for rate in (0.01, 0.02):
    add({"optimizer.learning_rate": rate, "model.cell": "elman"})


def grid(config=None, command_line=None, sweep=small_sweep):
  config = config or tiny_config(**SMALL)
  return expand(sweep, "", config, command_line or {})


def test_names_say_the_overrides_that_differ():
  trials = grid()
  assert [t.name for t in trials] == [
    "learning_rate=0.01",
    "learning_rate=0.02",
  ]
  assert [t.config.optimizer.learning_rate for t in trials] == [0.01, 0.02]


def test_names_stay_unique_and_safe():
  def sweep(add, argument):
    del argument
    add({"model.elman.input_init": "a/b c", "model.lstm.input_init": "x"})

  [trial] = grid(sweep=sweep)
  assert trial.name == "elman.input_init=a_b_c,lstm.input_init=x"


def test_the_command_line_may_not_set_what_is_swept():
  with pytest.raises(FieldError, match="optimizer.learning_rate is swept by"):
    grid(command_line={"optimizer.learning_rate": 0.5})
  assert len(grid(command_line={"seed": 3})) == 2


@pytest.mark.parametrize(
  ("overrides", "message"),
  [
    ({"model.cel": "gru"}, "unknown field model.cel; did you mean 'cell'?"),
    ({"modell.cell": "gru"}, "unknown field modell.cell; did you mean 'model'"),
    ({"seed.x": 1}, "unknown field seed.x"),
    (
      {"model.hidden_size": "large"},
      "model.hidden_size must be of type int, got 'large'",
    ),
    (
      {"optimizer.learning_rate": True},
      "optimizer.learning_rate must be of type float, got True",
    ),
    ({"num_seeds": True}, "num_seeds must be of type int, got True"),
    (
      {"run.tensorboard": "false"},
      "run.tensorboard must be of type bool, got 'false'",
    ),
    ({"model.lstm.forget_init": "x" * 300}, "must have at most 240 bytes"),
  ],
)
def test_wrong_overrides_are_named(overrides, message):
  with pytest.raises(FieldError, match=re.escape(message)):
    grid(sweep=lambda add, argument: add(overrides))


def test_numpys_scalars_are_values_of_fields():
  def sweep(add, argument):
    del argument
    for rate in (np.float32(0.001), *np.logspace(-2, -1, 2)):
      add({"optimizer.learning_rate": rate})
    add({"model.hidden_size": np.arange(9)[8], "run": {"k": np.int8(1)}})

  *rates, sizes = grid(sweep=sweep)
  assert [t.name for t in rates] == [
    f"learning_rate={rate}" for rate in (0.001, 0.01, 0.1)
  ]
  assert [t.config.optimizer.learning_rate for t in rates] == [0.001, 0.01, 0.1]
  assert json.dumps(sizes.overrides) == '{"model.hidden_size": 8, "run.k": 1}'


def test_a_trial_without_overrides_is_the_base():
  [trial] = grid(sweep=lambda add, argument: add({}))
  assert trial.name == "base"


def test_a_trial_may_be_given_its_name():
  long = {"model.lstm.forget_init": "x" * 300}

  def sweep(add, argument):
    add(long, "LSTM", name="digits,lstm")
    add({"seed": 1})

  named, other = grid(sweep=sweep)
  assert (named.name, named.series) == ("digits,lstm", "LSTM")
  assert named.overrides == long and other.name == "seed=1"
  for name in (
    *("a/b", "a b", "..", ".hidden", "x" * 241, "é" * 121),
    *("report.html", "figures", "sweep.json", "summary.json"),
  ):
    with pytest.raises(FieldError, match="^the name of a trial must"):
      grid(sweep=lambda add, argument, name=name: add({}, None, name))


def test_an_unknown_field_is_named_before_the_name_made_of_it():
  for field in ("", "model."):
    with pytest.raises(FieldError, match="^unknown field"):
      grid(sweep=lambda add, argument, field=field: add({field: 1}))


def test_empty_and_doubled_sweeps_are_errors():
  with pytest.raises(FieldError, match="must add at least one trial"):
    grid(sweep=lambda add, argument: None)
  same = r"the same config: number 1 \('seed=1'\) and number 2 \('A'\)"
  with pytest.raises(FieldError, match=same):
    grid(sweep=lambda add, argument: [add({"seed": 1}), add({"seed": 1}, "A")])
  with pytest.raises(FieldError, match="adds the trial 'x' twice"):
    grid(
      sweep=lambda add, argument: [
        add({"seed": seed}, name="x") for seed in (1, 2)
      ]
    )


def test_a_series_names_its_trials():
  def sweep(add, argument):
    for gap in (4, 9):
      add({"task.gap": gap, "model.cell": "elman"}, "tanh RNN, orthogonal")
      add({"task.gap": gap, "model.cell": "lstm"}, "LSTM")
    add({"seed": 3}, "seed 3")
    add({"model.lstm.forget_init": "a/b"})
    add({"model.lstm.forget_init": "a b"})
    add({})

  names = [trial.name for trial in grid(sweep=sweep)]
  assert names[:6] == [
    "tanh_RNN_orthogonal,gap=4",
    "LSTM,gap=4",
    "tanh_RNN_orthogonal,gap=9",
    "LSTM,gap=9",
    "seed_3",
    "forget_init=a_b",
  ]
  # The values differ, so do the names.
  assert re.fullmatch("forget_init=a_b-[0-9a-f]{6}", names[6])
  assert names[7] == "base"


def test_more_trials_rename_none(tmp_path):
  def more(add, argument):
    small_sweep(add)
    add({"optimizer.learning_rate": 0.01, "model.cell": "gru"})
    add({"optimizer.learning_rate": 0.01, "model.cell": "lstm"})

  def names(trials):
    report = {"config": "configs/x.py"}
    return [job.name for job in sweeps_run.prepared(trials, report, workdir)]

  workdir = tmp_path / "sweep"
  assert names(grid()) == ["learning_rate=0.01", "learning_rate=0.02"]
  assert not workdir.exists()
  # Also of trials that the sweep no longer has.
  for name, overrides in (
    ("learning_rate=0.01", grid()[0].overrides),
    ("learning_rate=0.01,cell=lstm", {}),
  ):
    (workdir / name).mkdir(parents=True)
    row = {"name": name, "overrides": overrides}
    (workdir / name / "trial.json").write_text(json.dumps(row))
  (workdir / "sweep.json").write_text('{"config": "configs/x.py"}')
  found = names(grid(sweep=more))
  assert found[:3] == [
    "learning_rate=0.01",
    "learning_rate=0.02,cell=elman",
    "learning_rate=0.01,cell=gru",
  ]
  # Another trial there has its name.
  assert re.fullmatch("learning_rate=0.01,cell=lstm-[0-9a-f]{6}", found[3])


class Lines(Silent):
  def __init__(self):
    self.lines = []

  def line(self, text):
    self.lines.append(text)


def run(workdir, trials=None, config="configs/tiny.py"):
  lines = Lines()
  report = {"config": config, "argument": "", "title": "Tiny"}
  outcome = sweeps_run.run_sweep(trials or grid(), report, workdir, lines)
  return outcome, lines.lines


def test_a_sweep_leaves_its_report_and_skips_what_is_finished(tmp_path):
  workdir = tmp_path / "sweep"
  outcome, lines = run(workdir)
  assert (outcome.status, outcome.failed) == ("finished", [])
  assert "[2/2] learning_rate=0.02: finished" in lines
  summary = json.loads((workdir / "summary.json").read_text())
  [first, second] = summary["trials"]
  assert first["name"] == "learning_rate=0.01"
  assert first["overrides"]["optimizer.learning_rate"] == 0.01
  assert first["status"] == second["status"] == "finished"
  assert set(first["metrics"]["test/accuracy"]) == {"mean", "std", "values"}
  assert first["metrics"] != second["metrics"]
  assert (workdir / "report.html").exists()
  assert list((workdir / "figures").glob("*.png"))

  before = everything(workdir)
  outcome, lines = run(workdir)
  assert sum("already finished" in line for line in lines) == 2
  assert everything(workdir) == before


def counted():
  """Trials that take no time: two n-gram models."""

  def sweep(add, argument):
    for order in (2, 3):
      add({"model.ngram.order": order})

  return grid(tiny_language(model__kind="ngram"), sweep=sweep)


def test_a_failing_trial_does_not_stop_the_others(tmp_path, monkeypatch):
  workdir = tmp_path / "sweep"
  working = jobs.train

  def train(plan, folder, listener, stop, until):
    if plan.config["model"]["ngram"]["order"] == 2:
      raise RuntimeError("the disk is on fire")
    return working(plan, folder, listener, stop, until)

  monkeypatch.setattr(jobs, "train", train)
  outcome, lines = run(workdir, counted())
  failed = "order=2"
  assert outcome.failed == [failed]
  assert "the disk is on fire" in (workdir / failed / "error.txt").read_text()
  assert any("the disk is on fire" in line for line in lines)
  summary = json.loads((workdir / "summary.json").read_text())
  assert [t["status"] for t in summary["trials"]] == ["failed", "finished"]

  monkeypatch.setattr(jobs, "train", working)
  outcome, _ = run(workdir, counted())
  assert (outcome.status, outcome.failed) == ("finished", [])
  assert not (workdir / failed / "error.txt").exists()


def test_nothing_is_written_where_one_trial_is_wrong(tmp_path):
  def sweep(add, argument):
    del argument
    add({"model.hidden_size": 4})
    add({"model.hidden_size": 0})

  words = r"^model.hidden_size must be .*, got 0 \(trial hidden_size=0\)$"
  with pytest.raises(FieldError, match=words):
    run(tmp_path / "sweep", grid(sweep=sweep))
  assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize(
  ("report", "words"),
  [
    ({"claims": [claim("It learns.", at("lstm"), "=", 1)]}, r"claims\[0\].op"),
    ({"goals": [{"task": "digits"}]}, r"goals\[0\].metric is required"),
    ({"published": [{"task": "digits"}]}, r"published\[0\].x is required"),
  ],
)
def test_what_a_report_says_is_checked_before_a_sweep(tmp_path, report, words):
  trials = grid()
  with pytest.raises(FieldError, match=f"^{words}"):
    sweeps_run.prepared(trials, report, tmp_path / "sweep")
  assert not (tmp_path / "sweep").exists()


def doubtful(batch_size, gap):
  """Digits, of which no class exists where there is a gap."""
  task = digits(batch_size)
  batches = [
    batch._replace(targets=batch.targets + 10 * gap)
    for batch in task.eval_batches("valid")
  ]
  return dataclasses.replace(task, eval_batches=lambda split: batches)


def test_wrong_targets_of_a_later_trial_are_found_first(tmp_path, monkeypatch):
  monkeypatch.setitem(TASKS, "doubtful", f"{__name__}:doubtful")

  def sweep(add, argument):
    del argument
    for gap in (0, 1):
      add({"task": {"name": "doubtful", "gap": gap}})

  with pytest.raises(FieldError, match="has the target 1. in its valid split"):
    run(tmp_path / "sweep", grid(sweep=sweep))
  assert not (tmp_path / "sweep").exists()


def test_directories_of_other_things_are_refused(tmp_path):
  (tmp_path / "photo.png").write_bytes(b"x")
  with pytest.raises(FieldError, match="holds other files"):
    run(tmp_path)
  workdir = tmp_path / "sweep"
  workdir.mkdir()
  (workdir / "sweep.json").write_text('{"config": "configs/other.py"}')
  with pytest.raises(FieldError, match="holds a sweep of 'configs/other.py'"):
    run(workdir)
  assert list(workdir.iterdir()) == [workdir / "sweep.json"]


def test_a_signal_stops_the_whole_sweep(tmp_path, monkeypatch):
  calls = []

  def train(plan, folder, listener, stop, until):
    calls.append(folder)
    stop.requested = True
    return sweeps_run.STOPPED

  monkeypatch.setattr(jobs, "train", train)
  outcome, _ = run(tmp_path / "sweep", counted())
  assert outcome.status == sweeps_run.STOPPED
  assert len(calls) == 1 and outcome.report is None


def test_each_trial_is_planned_once_and_the_executor_chosen_by_name(
  tmp_path, monkeypatch
):
  configs, calls = [], []

  def plan(config):
    configs.append(config)
    return planning.plan(config)

  def fake(jobs, listener, stop, on_result, resources):
    calls.append(([job.name for job in jobs], resources))
    assert all(isinstance(job.plan, planning.Plan) for job in jobs)

  monkeypatch.setattr(sweeps_run, "plan", plan)
  monkeypatch.setitem(executors.EXECUTORS, "fake", f"{__name__}:fake")
  monkeypatch.setitem(globals(), "fake", fake)
  trials = grid()
  report = {"config": "configs/x.py"}
  three = jobs.Resources(cores=3)
  outcome = sweeps_run.run_sweep(
    trials, report, tmp_path, Silent(), "fake", three
  )
  assert outcome.status == sweeps_run.STOPPED  # no job has ended
  assert configs == [trial.config for trial in trials]
  assert calls == [([trial.name for trial in trials], three)]


def test_the_longest_sequences_run_first(tmp_path, monkeypatch):
  def sweep(add, argument):
    for gap in (0, 9, 4):
      add({"task.gap": gap})

  names = []

  def fake(jobs, *_):
    names.extend(job.name for job in jobs)

  monkeypatch.setattr(sweeps_run, "executor", lambda *_: fake)
  report = {"config": "configs/x.py"}
  trials = grid(sweep=sweep)
  sweeps_run.run_sweep(trials, report, tmp_path, Silent())
  assert names == ["gap=9", "gap=4", "gap=0"]


def test_finished_trials_are_measured_too(tmp_path):
  measured = []

  def measure(workdir):
    assert (workdir / "result.json").exists()
    measured.append(workdir.name)

  trials = counted()[:1]
  report = {"config": "configs/x.py"}
  for _ in range(2):
    outcome = sweeps_run.run_sweep(
      trials, report, tmp_path, Silent(), measure=measure
    )
    assert outcome.status == sweeps_run.FINISHED and not outcome.failed
  assert measured == [trials[0].name] * 2


def test_a_dict_takes_the_place_of_a_section():
  config = tiny_config()

  def sweep(add, argument):
    add({"task": {"name": "adding", "length": 5}}, series="a")
    add({"task": {"name": "copy_memory", "delay": 3}, "model.cell": "gru"})

  adding, copying = expand(sweep, "", config, {})
  assert adding.name == "a"
  assert adding.config.task.to_dict() == {"name": "adding", "length": 5}
  assert copying.overrides == {
    "task.name": "copy_memory",
    "task.delay": 3,
    "model.cell": "gru",
  }
  assert copying.config.model.cell == "gru" and config.task.name == "digits"
  with pytest.raises(FieldError, match="task.eval_size is swept by the config"):
    expand(sweep, "", config, {"task.eval_size": 7})
