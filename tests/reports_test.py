"""The numbers of a report: summary.json and the results tables."""

import io
import json
import math

import pytest
import reports_fakes as fakes
from rich.console import Console

from rnn_lab.reports import load_trials, results_table, write_summary
from rnn_lab.reports.exports import markdown_table
from rnn_lab.reports.metrics import (
  format_interval,
  format_measured,
  format_value,
)
from rnn_lab.reports.parts import parts_of
from rnn_lab.reports.tables import results_grids
from rnn_lab.reports.trial import Trial


def _grids(workdir):
  return results_grids(parts_of(load_trials(workdir)))


def test_summary_holds_exactly_the_results(tmp_path):
  label = {"name": "x", "overrides": {"task.gap": 4}, "series": None}
  outcome = fakes.result([0.25, None, 0.75])
  outcome["metrics"]["valid/accuracy"] = fakes.entry([0.5, None, 1.0])
  fakes.write_run(tmp_path / "a", fakes.config(), outcome)
  fakes.write_json(tmp_path / "a" / "trial.json", label)
  fakes.write_run(tmp_path / "b", fakes.config(gap=9))
  path = write_summary(tmp_path)
  assert path == tmp_path / "summary.json"
  std = math.sqrt(2 * 0.25**2)
  assert json.loads(path.read_text(encoding="utf-8")) == {
    "trials": [
      {
        "name": "x",
        "overrides": {"task.gap": 4},
        "series": None,
        "status": "partial",
        "metrics": {
          "test/accuracy": {
            "mean": 0.5,
            "std": pytest.approx(std),
            "values": [0.25, None, 0.75],
          },
          "valid/accuracy": {
            "mean": 0.75,
            "std": pytest.approx(std),
            "values": [0.5, None, 1.0],
          },
        },
      },
      {
        "name": "b",
        "overrides": {},
        "series": None,
        "status": "unfinished",
        "metrics": {},
      },
    ]
  }


def test_summary_is_strict_json(tmp_path):
  outcome = fakes.result([0.4, 0.5])
  outcome["metrics"]["test/accuracy"] |= {
    "mean": math.nan,
    "values": [math.inf, 0.5],
  }
  fakes.write_run(tmp_path, fakes.config(), outcome)

  def refuse(word):
    raise AssertionError(word)

  text = write_summary(tmp_path).read_text(encoding="utf-8")
  content = json.loads(text, parse_constant=refuse)
  entry = content["trials"][0]["metrics"]["test/accuracy"]
  assert (entry["values"], entry["mean"]) == ([None, 0.5], None)


def test_results_by_series_and_swept_field(tmp_path):
  (grid,) = _grids(fakes.write_sweep(tmp_path))
  assert grid.header == [
    "series",
    "gap = 0",
    "gap = 20",
    "gap = 100",
  ]
  assert grid.rows == [
    [
      "tanh RNN",
      "0.910 [0.900, 0.930]",
      "0.620 [0.610, 0.640]",
      "0.160 [0.160, 0.160] (2 of 3 seeds)",
    ],
    [
      "LSTM, forget bias 1",
      "0.960 [0.950, 0.980]",
      "0.930 [0.920, 0.950]",
      "0.840 [0.830, 0.860]",
    ],
    [
      "GRU",
      "0.950 [0.940, 0.970]",
      "0.880 [0.870, 0.900]",
      "0.790 [0.780, 0.810]",
    ],
  ]
  assert grid.caption.endswith("; chance: accuracy 0.100")


def test_results_by_trial_where_nothing_was_swept(tmp_path):
  outcome = fakes.result([0.5, 0.75])
  outcome["metrics"]["test/loss"] = fakes.entry([1.5, 1.25])
  outcome["baselines"]["loss"] = 2.303
  fakes.write_run(tmp_path / "a", fakes.config("lstm"), outcome)
  fakes.write_run(tmp_path / "b", fakes.config("gru"))
  (grid,) = _grids(tmp_path)
  assert grid.header == ["trial", "test accuracy", "test loss"]
  assert grid.rows == [
    ["cell=lstm", "0.625 [0.500, 0.750]", "1.38 [1.25, 1.50]"],
    ["cell=gru", "unfinished", "unfinished"],
  ]
  assert grid.caption.endswith("; chance: accuracy 0.100; chance: loss 2.30")


def test_tables_on_the_terminal_and_in_a_readme(tmp_path):
  for name, gap in [("a", 5), ("b", 40)]:
    outcome = fakes.result([gap / 100], baseline=1 / gap)
    fakes.write_run(tmp_path / name, fakes.config(gap=gap), outcome)
    label = {"name": name, "overrides": {"task.gap": gap}, "series": "[a|b]"}
    fakes.write_json(tmp_path / name / "trial.json", label)
  trials = load_trials(tmp_path)
  console = Console(width=100, record=True, file=io.StringIO())
  console.print(results_table(parts_of(trials)))
  shown = console.export_text()
  for words in ["[a|b]", "gap = 40", "0.050", "0.400"]:
    assert words in shown
  assert markdown_table(parts_of(trials)) == (
    "| series | gap = 5 | gap = 40 |\n"
    "| --- | ---: | ---: |\n"
    "| [a\\|b] | 0.050 | 0.400 |\n"
    "\n"
    "Test accuracy, by gap: one seed each; "
    "chance: accuracy 0.200 at 5, 0.025 at 40.\n"
  )


def test_precision_suits_the_metric():
  assert format_value(0.97249, "accuracy") == "0.972"
  assert format_value(0.00012345, "mse") == "0.000123"
  assert format_value(2.3, "loss") == "2.30"
  assert format_value(123.4, "perplexity") == "123.4"
  assert format_value(None, "loss") == "–"
  unmeasured = Trial("a", {}, None, "finished", result={"metrics": {}})
  assert format_measured(unmeasured, "loss") == "–"
  assert format_interval([None, None], "loss") == "diverged"
  assert format_interval([0.001, 0.003], "mse") == (
    "0.00200 [0.00100, 0.00300]"
  )
