"""The table of all trials."""

from rnn_lab.reports.metrics import NONE, format_value
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Cell, Grid, Section
from rnn_lab.reports.trial import Trial


def trials_section(results: Results) -> Section:
  """Lists each trial with its status, seeds and duration."""
  parts = results.parts
  # By task: trials that are repeats of each other are one in their part.
  metrics = {part.task: part.metric for part in parts}
  metric = "Test"
  if len(parts) > 1:
    metric = "Test metric of its task, each seed"
  elif parts[0].headline:
    metric = f"Test {parts[0].headline.metric}, each seed"
  header = [
    *("Trial", "Overrides", "Status", metric, "Best step, each seed"),
    Cell(["Seconds"], "nowrap"),
  ]
  rows = [
    _row(t, metrics.get(t.field("task.name") or "", parts[0].metric))
    for t in results.trials
  ]
  grid = Grid("All trials", header, rows, "", numeric=False, row_heads=False)
  return Section("All trials", [grid])


def _row(trial: Trial, metric: str) -> list[str | Cell]:
  entry = trial.entry(metric)
  steps = [
    str(seed["best_step"])
    if trial.takes_steps
    and seed.get("best_step") is not None
    and seed["status"] != "diverged"
    else NONE
    for seed in trial.seeds
  ]
  values = [
    _value(value, seed["status"], metric)
    for value, seed in zip(entry["values"] if entry else [], trial.seeds)
  ]
  overrides = [f"`{name}={value}`" for name, value in trial.overrides.items()]
  return [
    Cell([trial.name], "name"),
    Cell(overrides, "nowrap"),
    Cell([trial.status], f"nowrap status {trial.status.replace(' ', '-')}"),
    ", ".join(values),
    ", ".join(steps),
    "" if trial.seconds is None else f"{trial.seconds:.1f}",
  ]


def _value(value: float | None, status: str, metric: str) -> str:
  if value is not None:
    return format_value(value, metric)
  return "diverged" if status == "diverged" else "infinite"
