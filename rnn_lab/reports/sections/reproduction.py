"""The commands of sweeps, and the environments they ran in."""

import shlex
from pathlib import Path

from rnn_lab.reports.load import load_sweep
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Grid, Section, Text
from rnn_lab.reports.trial import Sweep, Trial
from rnn_lab.rundir import CONFIG, flatten


def reproduction_section(results: Results) -> Section:
  """Says how to run the sweeps again."""
  sweeps = {path: load_sweep(path) for path in results.workdirs}
  # A run keeps what a gradient study measured of it.
  has_gradients = any(trial.gradients for trial in results.trials)
  main = "gradient_flow" if has_gradients else "sweep"
  content: list[Text | Grid] = [
    Text(_command(main, path, sweep), look="code")
    for path, sweep in sweeps.items()
    if sweep.config
  ]
  words = f"Every run directory holds a `{CONFIG}` with its resolved config."
  content.append(Text(words))
  content += _environments(results.trials)
  return Section("To reproduce", content)


def _environments(trials: list[Trial]) -> list[Text | Grid]:
  """What the trials ran in: a column for each environment that differs."""
  groups: dict[str, list[Trial]] = {}
  for trial in trials:
    if trial.environment:
      groups.setdefault(str(trial.environment), []).append(trial)
  if not groups:
    return []
  columns = [flatten(group[0].environment) for group in groups.values()]
  names = dict.fromkeys(name for column in columns for name in column)
  rows = [
    [name, *(_said(column.get(name)) for column in columns)] for name in names
  ]
  header = ["", *(_who(group) for group in groups.values())]
  title = "Environment of every trial"
  if len(groups) > 1:
    title = f"The {len(groups)} environments in which the trials ran"
  notes = []
  if any(str(c.get("commit") or "").endswith("+") for c in columns):
    notes.append("commit: + stands for changes that were not committed")
  several = header if len(groups) > 1 else []
  return [Grid(title, several, rows, "", notes, numeric=False)]


def _said(value: object) -> str:
  return "–" if value is None else str(value)


def _who(group: list[Trial]) -> str:
  if len(group) == 1:
    return group[0].name
  return f"{group[0].name} and {len(group) - 1} more"


def _command(main: str, workdir: Path, sweep: Sweep) -> str:
  config = sweep.config + (f":{sweep.argument}" if sweep.argument else "")
  words = [
    f"python -m experiments.{main}",
    f"--config={shlex.quote(config)}",
    f"--workdir={shlex.quote(str(workdir))}",
  ]
  if sweep.sweep:
    words.append(f"--sweep={shlex.quote(sweep.sweep)}")
  if sweep.halving:
    words.append(f"--halving={sweep.halving['factor']}")
    words.append(f"--halving_steps={sweep.halving['first_steps']}")
  for field, value in sorted(sweep.command_line.items()):
    words.append(shlex.quote(f"--config.{field}={value}"))
  return " ".join(words)
