"""The data frames of results, and that what is written is read back equal."""

import math
import subprocess
import sys

import pandas as pd
import pytest
import reports_fakes as fakes
import reports_gradient_fakes as gradient_fakes

import rnn_lab
from rnn_lab.errors import FieldError
from rnn_lab.reports import write_report

HEAD = ["trial", "task", "series", "status"]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
  return fakes.write_sweep(tmp_path_factory.mktemp("frames") / "sweep")


def test_results_have_a_row_a_seed(sweep):
  frame = rnn_lab.load_results(sweep)
  fields = ["model.cell", "task.gap"]
  ends = ["seed", "best_step", "split", "metric", "value"]
  assert list(frame.columns) == [*HEAD, *fields, *ends]
  assert len(frame) == 27
  for series, (cell, means) in fakes.ACCURACY.items():
    for gap, mean in means.items():
      rows = frame[(frame.series == series) & (frame["task.gap"] == gap)]
      assert list(rows["model.cell"]) == [cell] * 3
      assert list(rows.seed) == [0, 1, 2]
      values = [mean - 0.01, mean + 0.02, mean - 0.01]
      if (cell, gap) == ("elman", 100):
        values[1] = math.nan
      assert list(rows.value) == pytest.approx(values, nan_ok=True)
  assert {*frame.task} == {"recall"}
  assert {*frame.split} == {"test"} and {*frame.metric} == {"accuracy"}


def test_curves_and_norms_of_gradients(sweep):
  curves = rnn_lab.load_results(sweep, table="learning_curves")
  one = curves[(curves.series == "GRU") & (curves["task.gap"] == 20)]
  one = one[(one.split == "valid") & (one.seed == 1)]
  assert list(one.step) == [250, 500, 750, 1000, 1250, 1500]
  want = [0.9 * step / 1500 for step in one.step]
  assert list(one.value) == pytest.approx(want)
  flow = rnn_lab.load_results(sweep, table="gradient_flow")
  one = flow[(flow.series == "GRU") & (flow["task.gap"] == 20)]
  one = one[(one.seed == 2) & (one.step == 1500)]
  assert list(one.time) == list(range(28))
  assert one.value.iloc[-1] == pytest.approx(0.1 * 1.4)


def test_gradients_of_a_study(tmp_path):
  names = ("GRU", "LSTM, forget bias 1")
  gradient_fakes.write_study(tmp_path, names, {})
  frame = rnn_lab.load_results(tmp_path, table="gradients")
  assert {*frame.moment} == {"initialisation", "trained"}
  one = frame[(frame.series == "GRU") & (frame.moment == "trained")]
  largest = one[one.quantity == "log10 largest singular value"]
  last = gradient_fakes.LENGTH - 1
  rate = gradient_fakes.SERIES["GRU"][2]
  assert largest[largest["index"] == last].value.item() == rate * last
  errors = one[one.quantity == "relative error of truncated BPTT"]
  assert list(errors["index"]) == [1, 2, 4, 8, 16, 32, 48]
  assert {*one.quantity} >= {"Lyapunov exponent", "half-life of h"}


def test_the_csv_read_back_gives_the_same_numbers(sweep):
  write_report(sweep)
  # Older versions of pandas read the last bit wrongly unless they are told.
  written = pd.read_csv(sweep / "numbers.csv", float_precision="round_trip")
  # To the last bit.
  pd.testing.assert_frame_equal(
    written,
    rnn_lab.load_results(sweep),
    check_exact=True,
    check_dtype=False,
  )


def test_an_unknown_table_and_a_directory_without_runs(tmp_path, sweep):
  with pytest.raises(FieldError, match="^table must be one of .*'loss'$"):
    rnn_lab.load_results(sweep, table="loss")
  with pytest.raises(FieldError, match="holds no run"):
    rnn_lab.load_results(tmp_path)


def test_a_directory_is_not_taken_for_a_package_of_pandas(sweep, tmp_path):
  """A sweep of configs/bottleneck.py may lie in a directory of that name."""
  (tmp_path / "bottleneck").mkdir()
  code = f"import rnn_lab; print(len(rnn_lab.load_results({str(sweep)!r})))"
  ended = subprocess.run(
    [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
  )
  assert (ended.stdout, ended.returncode) == ("27\n", 0), ended.stderr


def test_before_any_trial_ended_there_are_columns_and_no_rows(tmp_path):
  fakes.write_run(tmp_path, fakes.config())
  frame = rnn_lab.load_results(tmp_path)
  assert frame.empty and list(frame.columns[:4]) == HEAD


def test_two_sweeps_are_told_apart(tmp_path):
  for name, size in [("a", 16), ("b", 32)]:
    config = fakes.config()
    config["model"]["hidden_size"] = size
    fakes.write_run(tmp_path / name / "run", config, fakes.result([size / 100]))
    label = {"name": "run", "overrides": {}, "series": "LSTM"}
    fakes.write_json(tmp_path / name / "run" / "trial.json", label)
    fakes.write_json(tmp_path / name / "sweep.json", {"trials": [label]})
  frame = rnn_lab.load_results(tmp_path / "a", tmp_path / "b")
  assert list(frame.sweep) == ["a", "b"]
  assert list(frame["model.hidden_size"]) == [16, 32]
  with pytest.raises(FieldError, match="^workdir must be given"):
    rnn_lab.load_results()
