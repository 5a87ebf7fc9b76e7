"""What reports read from run directories, whole, broken or missing."""

import ast
import hashlib
from pathlib import Path

import pytest
import reports_fakes as fakes

from rnn_lab import reports, rundir
from rnn_lab.errors import FieldError
from rnn_lab.reports import load_results, load_trials, write_report
from rnn_lab.reports.load import load_sweep
from rnn_lab.reports.page import sections_of
from rnn_lab.reports.parts import chunks
from rnn_lab.reports.results import read_results


def test_sweep_is_read_in_the_order_of_its_plan(tmp_path):
  sweep = fakes.write_sweep(tmp_path)
  trials = load_trials(sweep)
  assert [trial.name for trial in trials] == [
    f"cell={cell},gap={gap}"
    for cell in ("elman", "lstm", "gru")
    for gap in (0, 20, 100)
  ]
  assert [trial.status for trial in trials] == ["finished"] * 2 + [
    "partial"
  ] + ["finished"] * 6
  assert trials[4].overrides == {"model.cell": "lstm", "task.gap": 20}
  assert trials[4].series == "LSTM, forget bias 1"
  assert trials[4].config["task"]["gap"] == 20
  assert len(trials[4].metrics) == 6
  assert len(trials[4].flow) == 2 * 3
  assert trials[4].environment["commit"] == "abc123"
  assert load_sweep(sweep).title == "How an RNN forgets"


def test_status_of_trials_that_did_not_end(tmp_path):
  planned = {"name": "d", "overrides": {"task.gap": 7}, "series": "S"}
  fakes.write_json(tmp_path / "sweep.json", {"trials": [planned]})
  fakes.write_run(tmp_path / "a", fakes.config(gap=1))
  fakes.write_run(tmp_path / "b", fakes.config(gap=2))
  (tmp_path / "b" / "error.txt").write_text("Traceback\nMemoryError: b\n")
  fakes.write_run(tmp_path / "c", fakes.config(gap=3), fakes.result([None]))
  d, a, b, c = load_trials(tmp_path)
  assert (a.status, a.result, a.path) == ("unfinished", None, tmp_path / "a")
  assert (b.status, b.error) == ("failed", "Traceback\nMemoryError: b\n")
  assert c.status == "diverged"
  assert (d.name, d.status, d.path, d.series) == ("d", "not run", None, "S")
  assert d.overrides == {"task.gap": 7}


def test_an_error_of_an_attempt_before_the_one_that_ended_is_ignored(tmp_path):
  fakes.write_run(tmp_path, fakes.config(), fakes.result([0.5]))
  (tmp_path / "error.txt").write_text("MemoryError")
  (trial,) = load_trials(tmp_path)
  assert (trial.status, trial.error) == ("finished", None)


def test_a_half_written_last_row_is_dropped_and_a_broken_one_is_named(tmp_path):
  fakes.write_run(tmp_path, fakes.config(), rows=[{"step": 1}, {"step": 2}])
  path = tmp_path / "metrics.jsonl"
  with path.open("a") as file:
    file.write('{"step": 3, "train/lo')
  (trial,) = load_trials(tmp_path)
  assert trial.metrics == [{"step": 1}, {"step": 2}]
  with path.open("a") as file:
    file.write('\n{"step": 4}\n')
  (trial,) = load_trials(tmp_path)
  assert trial.metrics == []
  assert trial.damaged == [f"{path} (line 3 is not JSON)"]


def test_seconds_are_those_of_all_sessions(tmp_path):
  fakes.write_run(tmp_path, fakes.config())
  assert load_trials(tmp_path)[0].seconds is None
  rows = [
    {"event": "start", "step": 0, "time": 100.0},
    {"event": "stopped", "step": 10, "time": 101.5},
    {"event": "start", "step": 10, "time": 500.0},
    {"event": "evaluated", "step": 20, "time": 506.0},  # then killed
    {"event": "start", "step": 10, "time": 900.0},
    {"event": "compiled", "step": 10, "time": 901.0, "seconds": 99.0},
    {"event": "finished", "step": 40, "time": 925.0, "seconds": 24.0},
    # With more steps. The clock was set, but not the duration.
    {"event": "start", "step": 40, "time": 2000.0},
    {"event": "finished", "step": 80, "time": 1000.0, "seconds": 48.0},
    {"event": "start", "step": 80, "time": 3000.0},
  ]
  for count, seconds in (1, None), (2, 1.5), (4, 7.5), (7, 31.5), (10, 79.5):
    fakes.write_rows(tmp_path / "timing.jsonl", rows[:count])
    assert load_trials(tmp_path)[0].seconds == seconds


def test_single_run_directory_is_one_trial(tmp_path):
  run = tmp_path / "my_run"
  fakes.write_run(run, fakes.config(), fakes.result([0.5, 0.7]))
  (trial,) = load_trials(run)
  assert (trial.name, trial.overrides, trial.series) == ("my_run", {}, None)


def test_overrides_of_runs_made_by_hand_are_their_differences(tmp_path):
  fakes.write_run(tmp_path / "a", fakes.config("lstm", 5, forget_bias=2.0))
  fakes.write_run(tmp_path / "b", fakes.config("elman", 5))
  fakes.write_run(tmp_path / "c", fakes.config("lstm", 30))
  (tmp_path / "notes").mkdir()
  trials = load_trials(tmp_path)
  assert {trial.name: trial.overrides for trial in trials} == {
    "a": {"task.gap": 5, "model.cell": "lstm", "model.lstm.forget_bias": 2.0},
    "b": {"task.gap": 5, "model.cell": "elman", "model.lstm.forget_bias": 1.0},
    "c": {"task.gap": 30, "model.cell": "lstm", "model.lstm.forget_bias": 1.0},
  }


@pytest.mark.parametrize("made", [True, False])
def test_no_run_directory_names_the_field(tmp_path, made):
  path = tmp_path / "empty"
  if made:
    (path / "figures").mkdir(parents=True)
  with pytest.raises(FieldError) as caught:
    load_trials(path)
  assert caught.value.field == "workdir"
  assert str(caught.value) == (
    "workdir must be a run directory, or a directory of run directories; "
    f"{path} holds no run"
  )


def test_a_damaged_plan_and_equal_names_are_errors(tmp_path):
  fakes.write_run(tmp_path / "a", fakes.config())
  fakes.write_run(tmp_path / "b", fakes.config())
  for run in ("a", "b"):
    fakes.write_json(tmp_path / run / "trial.json", {"name": "same"})
  with pytest.raises(FieldError, match="different names"):
    load_trials(tmp_path)
  fakes.write_json(tmp_path / "b" / "trial.json", {"name": "other"})
  (tmp_path / "sweep.json").write_text("{")
  with pytest.raises(FieldError, match=r"a damaged file: .*sweep\.json"):
    load_trials(tmp_path)


@pytest.mark.parametrize(
  "content, field",
  [
    ({"trials": [1]}, "trials"),
    ({"trials": {"a": 1}}, "trials"),
    ({"trials": [{"overrides": {}}]}, "trials"),
    ({"title": ["a"]}, "title"),
    ({"claims": "b"}, "claims"),
    ({"command_line": []}, "command_line"),
  ],
)
def test_a_plan_of_another_form_is_damaged(tmp_path, content, field):
  fakes.write_json(tmp_path / "sweep.json", content)
  with pytest.raises(FieldError, match=rf"sweep\.json \(no {field}\)"):
    load_trials(tmp_path)


def test_rows_that_a_result_does_not_rest_on_are_named(tmp_path):
  rows = [{"step": 1, "train/loss": [0.5]}, {"step": 2, "train/loss": [0.25]}]
  result = fakes.result([0.5])
  fakes.write_run(tmp_path, fakes.config(), result, rows=rows)
  path = tmp_path / "metrics.jsonl"
  content = path.read_bytes()
  sha256 = hashlib.sha256(content).hexdigest()
  empty = hashlib.sha256().hexdigest()
  result["rows"] = {"metrics.jsonl": sha256, "gradient_flow.jsonl": empty}
  rundir.write_sealed(tmp_path / "result.json", result)
  (trial,) = load_trials(tmp_path)
  assert (trial.metrics, trial.damaged) == (rows, [])
  for changed in (content.replace(b"0.25", b"0.35"), content[:-30], b""):
    path.write_bytes(changed)
    (trial,) = load_trials(tmp_path)
    assert trial.metrics == []
    assert trial.damaged == [f"{path} (it has changed since the run ended)"]
  path.unlink()
  (trial,) = load_trials(tmp_path)
  assert trial.damaged == [f"{path} (it is missing)"]


def as_list(path):
  path.write_text("[[1], 2]\n")


def as_folder(path):
  path.unlink(missing_ok=True)
  path.mkdir()


FILES = (
  "config.json",
  "environment.json",
  "examples.json",
  "gradient_flow.jsonl",
  "gradients.json",
  "metrics.jsonl",
  "result.json",
  "timing.jsonl",
  "trial.json",
)


@pytest.mark.parametrize("damage", [as_list, as_folder])
def test_a_damaged_file_of_a_trial_counts_as_missing(tmp_path, damage):
  """Of each trial another one: the rest of all is shown."""
  sweep = fakes.write_sweep(tmp_path)
  before = load_trials(sweep)
  assert len(before) == len(FILES)
  paths = [sweep / t.name / name for t, name in zip(before, FILES)]
  for path in paths:
    damage(path)
  results = read_results(sweep)
  fields = [name.partition(".")[0] for name in FILES]
  fields[3] = "flow"
  for one, other, path, field in zip(before, results.trials, paths, fields):
    assert len(other.damaged) == 1
    assert other.damaged[0].startswith(f"{path} (")
    same = {"damaged", field, "status" if field == "result" else ""}
    for name in {*one._fields} - same:
      assert getattr(one, name) == getattr(other, name)
  assert results.trials[6].status == "damaged"
  sections = sections_of(results)
  note = sections[0].content[-1]
  lines = [f"`{t.name}`: damaged: {t.damaged[0]}" for t in results.trials]
  assert {*lines} < {*note.items}


def test_swept_field_is_the_first_number_that_varies_in_a_series(tmp_path):
  layout = fakes.part_of(fakes.write_sweep(tmp_path))
  assert layout.x == "task.gap"
  assert layout.xs == [0, 20, 100]
  assert list(layout.series) == list(fakes.ACCURACY)
  assert layout.series["GRU"][100].name == "cell=gru,gap=100"


def test_series_without_a_name_are_named_by_the_other_overrides(tmp_path):
  for cell, gap, bias in [
    ("lstm", 100, 1.0),
    ("lstm", 20, 1.0),
    ("lstm", 20, 2.5),
    ("gru", 100, 1.0),
  ]:
    run = tmp_path / f"{cell}{gap}{bias}"
    fakes.write_run(run, fakes.config(cell, gap, bias))
  layout = fakes.part_of(tmp_path)
  assert layout.x == "task.gap"
  assert {name: list(line) for name, line in layout.series.items()} == {
    "cell=gru, forget_bias=1": [100],
    "cell=lstm, forget_bias=1": [20, 100],
    "cell=lstm, forget_bias=2.5": [20],
  }


def test_trials_that_would_share_a_point_get_different_names(tmp_path):
  for name, cell, gap in [("a", "lstm", 1), ("b", "gru", 1), ("c", "gru", 2)]:
    fakes.write_run(tmp_path / name, fakes.config(cell, gap))
    overrides = {"model.cell": cell, "task.gap": gap}
    label = {"name": name, "overrides": overrides, "series": "gated"}
    fakes.write_json(tmp_path / name / "trial.json", label)
  layout = fakes.part_of(tmp_path)
  assert {name: list(line) for name, line in layout.series.items()} == {
    "gated, cell=lstm": [1],
    "gated, cell=gru": [1, 2],
  }


def test_names_are_the_shortest_assignments_that_differ(tmp_path):
  """And those whose short names clash are written out."""
  for gap, bias in [(1, 0.5), (2, 0.5), (1, 1.5), (2, 1.5)]:
    name = f"{gap}-{bias}"
    fakes.write_run(tmp_path / name, fakes.config("lstm", gap, bias))
    overrides = {
      "task.gap": gap,
      "model.lstm.forget_bias": bias,
      "model.other.forget_bias": 3,
      # Says the same as the bias.
      "model.deep": bias > 1,
    }
    label = {"name": name, "overrides": overrides}
    fakes.write_json(tmp_path / name / "trial.json", label)
  part = fakes.part_of(tmp_path)
  assert part.x == "task.gap"
  assert list(part.series) == [
    "model.lstm.forget_bias=0.5",
    "model.lstm.forget_bias=1.5",
  ]


def test_runs_of_unlike_tasks_are_named_after_their_folders(tmp_path):
  """With fields that only some of them have, and others that are long."""
  for name, corpus in [("mine", None), ("theirs", "/a/long/path" * 9)]:
    config = fakes.config()
    config["task"] |= {"corpus": corpus, f"of_{name}": 3}
    fakes.write_run(tmp_path / name, config, fakes.result([0.5]))
  part = fakes.part_of(tmp_path)
  assert (part.x, list(part.series)) == (None, ["mine", "theirs"])


def test_folders_in_a_folder_are_read_and_told_apart(tmp_path):
  for folder in ("a", "b/c"):
    fakes.write_sweep(tmp_path / folder)
  fakes.write_run(tmp_path / "alone", fakes.config("elman", 20))
  (tmp_path / ".hidden").mkdir()
  fakes.write_run(tmp_path / ".hidden" / "run", fakes.config())
  trials = load_trials(tmp_path)
  names = [trial.name for trial in trials]
  assert len(names) == 19 and "alone" in names
  assert names.count("a/cell=gru,gap=20") == 1
  assert names.count("b/c/cell=gru,gap=20") == 1
  part = fakes.part_of(trials)
  assert part.x == "task.gap"
  assert {"GRU (a)", "GRU (b/c)", "tanh RNN (a)"} < {*part.series}


def test_directories_side_by_side(tmp_path):
  for folder in ("x/runs", "y/runs"):
    fakes.write_sweep(tmp_path / folder)
  results = read_results(tmp_path / "x/runs", tmp_path / "y/runs")
  assert len(results.trials) == 18
  (part,) = results.parts
  assert {"GRU (x/runs)", "GRU (y/runs)"} < {*part.series}
  with pytest.raises(FieldError, match="workdir must not name a directory tw"):
    read_results(tmp_path / "x/runs", tmp_path / "x/../x/runs")


def test_a_field_that_a_trial_lacks_is_no_x(tmp_path):
  """As the forget bias of an LSTM beside a GRU; and nothing is lost."""
  for name, bias in [("a", 0.0), ("b", 1.0), ("c", 2.0), ("gru", None)]:
    config = fakes.config("lstm", 5)
    overrides = {"model.cell": "gru"}
    config["model"].pop("lstm")
    if bias is not None:
      config["model"]["lstm"] = {"forget_bias": bias}
      overrides = {"model.cell": "lstm", "model.lstm.forget_bias": bias}
    result = fakes.result([0.5, 0.6])
    result["metrics"]["valid/accuracy"] = fakes.entry([0.5, 0.7])
    fakes.write_run(tmp_path / name, config, result)
    label = {"name": name, "overrides": overrides, "series": None}
    fakes.write_json(tmp_path / name / "trial.json", label)
  part = fakes.part_of(tmp_path)
  assert (part.x, len(part.series)) == (None, 4)
  assert write_report(tmp_path).exists()


def test_runs_that_differ_in_the_seed_are_seeds(tmp_path):
  for cell in ("gru", "lstm"):
    for seed in (0, 1, 2):
      config = fakes.config(cell) | {"seed": seed, "num_seeds": 1}
      result = fakes.result([0.5 + seed / 10])
      result["seeds"][0]["seed"] = seed
      fakes.write_run(tmp_path / f"{cell}{seed}", config, result)
  results = read_results(tmp_path)
  assert len(results.trials) == 6
  (part,) = results.parts
  assert (part.x, list(part.series)) == (None, ["cell=gru", "cell=lstm"])
  assert part.series["cell=gru"][None].values("accuracy") == [0.5, 0.6, 0.7]
  frame = load_results(tmp_path)
  assert list(frame.seed) == [0, 1, 2] * 2
  assert frame.columns.is_unique


def test_repeats_of_two_sweeps_stay_apart(tmp_path):
  for name, accuracy in [("a", 0.25), ("b", 0.75)]:
    plan = []
    for fold in (0, 1):
      config = fakes.config(gap=3)
      config["task"]["fold"] = fold
      run = f"fold={fold}"
      fakes.write_run(tmp_path / name / run, config, fakes.result([accuracy]))
      label = {"name": run, "overrides": {"task.fold": fold}, "series": "LSTM"}
      plan.append(label)
      fakes.write_json(tmp_path / name / run / "trial.json", label)
    content = {"repeats": "task.fold", "trials": plan}
    fakes.write_json(tmp_path / name / "sweep.json", content)
  (part,) = read_results(tmp_path / "a", tmp_path / "b").parts
  values = {name: t.values("accuracy") for name, _, t in part.cells}
  assert values == {"LSTM (a)": [0.25] * 2, "LSTM (b)": [0.75] * 2}
  assert "task.fold" in load_results(tmp_path / "a").columns


def test_a_switch_is_not_a_swept_number(tmp_path):
  for deep in (False, True):
    run = tmp_path / str(deep)
    fakes.write_run(run, {**fakes.config(), "deep": deep})
  layout = fakes.part_of(tmp_path)
  assert layout.x is None
  assert list(layout.series) == ["deep=False", "deep=True"]


def test_nothing_swept_gives_one_trial_a_series(tmp_path):
  for cell in ("lstm", "gru"):
    fakes.write_run(tmp_path / cell, fakes.config(cell))
  layout = fakes.part_of(tmp_path)
  assert layout.x is None
  assert list(layout.series) == ["cell=gru", "cell=lstm"]


def test_chunks_are_even_and_in_order():
  assert chunks([], 8) == []
  assert chunks("abc", 8) == [["a", "b", "c"]]
  assert [len(part) for part in chunks(range(17), 8)] == [5, 6, 6]
  assert sum(chunks(range(17), 8), []) == list(range(17))


def test_reports_import_nothing_that_trains():
  imported = set()
  for path in Path(reports.__file__).parent.rglob("*.py"):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
      if isinstance(node, ast.Import):
        imported |= {alias.name for alias in node.names}
      elif isinstance(node, ast.ImportFrom):
        module = node.module
        names = {f"{module}.{alias.name}" for alias in node.names}
        imported |= names if module == "rnn_lab" else {module}
  of_the_lab = {name for name in imported if name.startswith("rnn_lab")}
  others = {name.split(".")[0] for name in imported - of_the_lab}
  assert {".".join(name.split(".")[:2]) for name in of_the_lab} == {
    "rnn_lab.errors",
    "rnn_lab.paths",
    "rnn_lab.reports",
    "rnn_lab.rundir",
  }
  assert not others & {"jax", "flax", "optax", "orbax"}
  assert "matplotlib.pyplot" not in imported
