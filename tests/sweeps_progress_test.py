"""How far a sweep has come, as a directory says it."""

import json
import os

import pytest
from tiny import tiny_config

from rnn_lab.errors import FieldError
from rnn_lab.rundir import write_json
from rnn_lab.runs import train
from rnn_lab.sweeps.progress import (
  Progress,
  duration,
  progress_table,
  read_progress,
  seconds_left,
  summary_line,
  trial_progress,
)
from rnn_lab.training.records import Silent

NAMES = ("done", "halfway", "dead", "broken", "later")


def write_rows(path, rows, end="\n"):
  path.write_text("\n".join(json.dumps(row) for row in rows) + end)


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
  folder = tmp_path_factory.mktemp("sweep")
  trials = [{"name": name, "headline": "accuracy"} for name in NAMES]
  write_json(folder / "sweep.json", {"trials": trials})
  train(tiny_config(), folder / "done", Silent())
  config = (folder / "done" / "config.json").read_bytes()
  for name, pid in (("halfway", os.getpid()), ("dead", 2**22 + 1)):
    trial = folder / name
    trial.mkdir()
    (trial / "config.json").write_bytes(config)
    rows = [
      {"step": 5, "valid/accuracy": [0.1, 0.2]},
      {"step": 10, "valid/accuracy": [0.25, None]},
      {"step": 12, "train/loss": [1.0, 2.0]},
    ]
    write_rows(trial / "metrics.jsonl", rows, end='\n{"step": 1')
    times = [{"event": "start", "step": 0}]
    times += [{"event": "evaluated", "step": 10, "steps_per_second": 4.0}]
    write_rows(trial / "timing.jsonl", times)
    (trial / ".lock").write_text(str(pid))
    os.utime(trial / "metrics.jsonl", (1e9, 1e9))
  (folder / "broken").mkdir()
  (folder / "broken" / "error.txt").write_text("no memory\n")
  return folder


def test_each_trial(workdir):
  done, halfway, dead, broken, later = read_progress(workdir)
  result = json.loads((workdir / "done" / "result.json").read_text())
  assert done.status == "finished" and done.seconds > 0.0 and done.is_over
  assert (done.step, done.num_steps) == (20, 20)
  assert done.value == result["metrics"]["test/accuracy"]["mean"]
  assert halfway == Progress(
    "halfway", "running", 12, 20, "accuracy", 0.25, "valid", 4.0, None
  )
  assert halfway.seconds_left == 2.0 and not halfway.is_over
  assert dead == halfway._replace(name="dead", status="interrupted")
  assert dead.seconds_left is None
  assert (broken.status, broken.is_over) == ("failed", True)
  assert later == Progress("later", "waiting", metric="accuracy")


def test_a_run_on_another_machine_is_known_by_its_rows(workdir):
  path = workdir / "dead" / "metrics.jsonl"
  os.utime(path)
  trial = trial_progress(workdir / "dead", "accuracy")
  os.utime(path, (1e9, 1e9))
  assert trial.status == "running"


def test_a_run_that_was_stopped_is_not_running(workdir):
  path = workdir / "halfway" / "timing.jsonl"
  before = path.read_text()
  path.write_text(before + '{"event": "stopped", "step": 12}\n')
  trial = trial_progress(workdir / "halfway", "accuracy")
  path.write_text(before)
  assert trial.status == "interrupted"


def test_the_time_left():
  ended = [Progress("a", "finished", seconds=s) for s in (10.0, 30.0)]
  running = Progress("b", "running", 50, 100, steps_per_second=10.0)
  waiting = [Progress("c"), Progress("d")]
  assert seconds_left([*ended, running, *waiting], 1) == 5.0 + 2 * 20.0
  assert seconds_left([*ended, running, running, *waiting], 1) == 25.0
  assert seconds_left([*ended, running], 8) == 5.0
  assert seconds_left([*ended, *waiting], 2) == 20.0
  # Of a population of two, each has half of the time and of the rate.
  two = [running._replace(together=2)] * 2
  assert seconds_left([*ended, *two, *waiting], 4) == 5.0 + 2 * 20.0
  assert seconds_left([running, *waiting], 1) is None
  assert summary_line([*ended, running, *waiting], 1) == (
    "5 trials: 2 finished, 1 running, 2 waiting; about 45 s left"
  )
  assert summary_line(ended, 1) == "2 trials: 2 finished"


def test_a_table_has_a_row_for_each(workdir):
  table = progress_table(read_progress(workdir))
  columns = [[str(cell) for cell in column.cells] for column in table.columns]
  assert columns[0] == [*NAMES]
  headers = [str(column.header) for column in table.columns]
  assert headers[2:] == ["accuracy", "step", "steps/s", "time left"]
  assert columns[2][0].endswith("(test)")
  assert columns[2][1:] == ["0.2500 (valid)", "0.2500 (valid)", "", ""]
  assert columns[3][1:] == ["12/20", "12/20", "0", ""]
  assert columns[4] == ["", "4.0", "", "", ""]
  assert columns[5] == ["", "2 s", "", "", ""]
  # Without a trial that runs there are fewer columns; metrics that differ are
  # named.
  other = Progress("x", "finished", 5, 5, "mse", 0.5, "test")
  table = progress_table([read_progress(workdir)[0], other])
  cells = [str(cell) for cell in table.columns[2].cells]
  assert len(table.columns) == 4 and cells[1] == "mse 0.5000 (test)"


def test_durations():
  assert [duration(s) for s in (4.4, 59.6, 200.0, 7500.0)] == [
    "4 s",
    "1 min 0 s",
    "3 min 20 s",
    "2 h 5 min",
  ]


def test_what_is_no_sweep(tmp_path):
  with pytest.raises(FieldError, match="must be the directory of a sweep"):
    read_progress(tmp_path)
