"""Folds that are taken together like seeds, and methods without a network."""

import pytest
import reports_fakes as fakes

from configs.claims import at, claim
from rnn_lab.errors import FieldError
from rnn_lab.reports import load_trials, read_results, results_table
from rnn_lab.reports.claims import HOLDS, evaluate
from rnn_lab.reports.exports import markdown_table
from rnn_lab.reports.repeats import pooled
from rnn_lab.reports.sections.trials import trials_section

# Test accuracy by series and fold, of two seeds each.
FOLDS = {
  "GRU": [[0.7, 0.74], [0.8, 0.84], [0.6, None]],
  "LSTM": [[0.9, 0.91], [0.5, 0.52]],
}


def write(root, references=None, **sweep):
  trials = []
  for series, folds in FOLDS.items():
    for fold, values in enumerate(folds):
      name = f"{series},fold={fold}"
      result = fakes.result(values)
      if references:
        rows = {"naive Bayes": {"accuracy": references[fold]}}
        result["details"] = {"references": rows}
      config = fakes.config()
      config["task"]["fold"] = fold
      rows = fakes.learning_rows(values)
      fakes.write_run(root / name, config, result, rows)
      label = {"name": name, "overrides": {"task.fold": fold}, "series": series}
      fakes.write_json(root / name / "trial.json", label)
      trials.append(label)
  sweep = {"repeats": "task.fold", **sweep, "trials": trials}
  fakes.write_json(root / "sweep.json", sweep)
  return root


def test_the_time_of_all_folds(tmp_path):
  trials = load_trials(write(tmp_path, repeats=""))
  timed = [t._replace(seconds=2.0**n) for n, t in enumerate(trials)]
  assert [t.seconds for t in pooled(timed, "task.fold")] == [1 + 2 + 4, 8 + 16]


def test_a_mean_over_folds(tmp_path):
  results = read_results(write(tmp_path))
  assert len(results.trials) == 5
  [part] = results.parts
  assert part.x is None
  gru, lstm = part.trials
  entry = gru.result["metrics"]["test/accuracy"]
  assert entry["values"] == [0.7, 0.74, 0.8, 0.84, 0.6, None]
  assert entry["mean"] == pytest.approx(0.736)
  assert entry["std"] == pytest.approx(0.093166, abs=1e-6)
  assert lstm.result["metrics"]["test/accuracy"]["mean"] == pytest.approx(
    0.7075
  )
  assert gru.result["status"] == "partial"
  assert lstm.result["status"] == "finished"
  assert len(gru.result["seeds"]) == 6
  row = gru.metrics[-1]
  assert row["step"] == 1500 and row["valid/accuracy"] == entry["values"]
  assert gru.overrides == {}


def test_the_table_of_all_trials_has_the_values_of_each_fold(tmp_path):
  [grid] = trials_section(read_results(write(tmp_path))).content
  values = [row[3] for row in grid.rows]
  assert values == [
    "0.700, 0.740",
    "0.800, 0.840",
    "0.600, diverged",
    "0.900, 0.910",
    "0.500, 0.520",
  ]


def test_claims_and_tables_are_of_the_means(tmp_path):
  parts = read_results(write(tmp_path, references=[0.75, 0.65, 0.58])).parts
  [verdict] = evaluate(
    [claim("GRU is better.", at("GRU"), ">", at("LSTM"))], parts
  )
  assert verdict.verdict == HOLDS
  assert (verdict.left.words, verdict.right.words) == (
    "0.736 [0.660, 0.804] (5 of 6 seeds)",
    "0.708 [0.510, 0.905]",
  )
  assert markdown_table(parts).splitlines()[2:5] == [
    "| GRU | 0.736 [0.660, 0.804] (5 of 6 seeds) |",
    "| LSTM | 0.708 [0.510, 0.905] |",
    # The folds of the two series differ: 0.66 and 0.70.
    "| naive Bayes | 0.680 |",
  ]
  assert results_table(parts).row_count == 3


def test_methods_without_a_network_by_the_swept_field(tmp_path):
  write(tmp_path, references=[0.75, 0.65, 0.58], repeats="")
  table = markdown_table(read_results(tmp_path).parts)
  assert table.splitlines()[4] == "| naive Bayes | 0.750 | 0.650 | 0.580 |"


def test_trials_that_never_ran_are_left_as_they_are(tmp_path):
  plan = {"name": "later", "overrides": {"task.fold": 7}, "series": "new"}
  fakes.write_json(
    tmp_path / "sweep.json", {"repeats": "task.fold", "trials": [plan]}
  )
  [trial] = read_results(tmp_path).parts[0].trials
  assert (trial.status, trial.overrides) == ("not run", {})


def test_the_field_must_be_one_of_the_trials(tmp_path):
  trials = load_trials(write(tmp_path))
  assert pooled(trials, "") == trials
  with pytest.raises(FieldError) as error:
    pooled(trials, "task.flod")
  assert str(error.value) == (
    "repeats must be a field of the trials, got 'task.flod'"
  )
