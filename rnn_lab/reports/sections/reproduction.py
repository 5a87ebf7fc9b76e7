"""The commands of sweeps, and the environments they ran in."""

import shlex
from pathlib import Path
from typing import Any

from rnn_lab.reports.load import load_sweep
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Grid, Section, Text
from rnn_lab.reports.trial import Sweep, Trial
from rnn_lab.rundir import CONFIG, flatten

# Of an environment: the command of a single run, and the hashes of the files
# that were read.
_COMMAND, _DATA = "command", "data_sha256"


def reproduction_section(results: Results) -> Section:
  """Says how to run the sweeps again."""
  folders = dict.fromkeys(
    [*results.workdirs, *(t.path.parent for t in results.trials if t.path)]
  )
  content: list[Text | Grid] = []
  for folder in folders:
    sweep = load_sweep(folder)
    if sweep.config:
      trials = [t for t in results.trials if t.path and t.path.parent == folder]
      # A run keeps what a gradient study measured of it.
      main = "gradient_flow" if any(t.gradients for t in trials) else "sweep"
      content.append(Text(_command(main, folder, sweep), look="code"))
  commands = dict.fromkeys(t.environment.get(_COMMAND) for t in results.trials)
  lines = "\n".join(command for command in commands if command)
  if lines:
    content.append(Text(lines, look="code"))
  words = f"Every run directory holds a `{CONFIG}` with its resolved config."
  content.append(Text(words))
  content += _environments(results.trials)
  return Section("To reproduce", content)


def _environments(trials: list[Trial]) -> list[Text | Grid]:
  """What the trials ran in: a column for each environment that differs."""
  groups: dict[str, list[Trial]] = {}
  for trial in trials:
    if trial.environment:
      groups.setdefault(str(_of_machine(trial)), []).append(trial)
  if not groups:
    return []
  columns = [flatten(_of_machine(group[0])) for group in groups.values()]
  names = dict.fromkeys(name for column in columns for name in column)
  rows = [
    [name, *(_said(column.get(name)) for column in columns)] for name in names
  ]
  data: dict[str, dict[str, None]] = {}
  for trial in trials:
    for name, sha256 in (trial.environment.get(_DATA) or {}).items():
      data.setdefault(name, {})[sha256] = None
  rows += [
    [f"sha256 of {name}", *[" ".join(hashes)] * len(columns)]
    for name, hashes in data.items()
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


def _of_machine(trial: Trial) -> dict[str, Any]:
  """The environment without what is of the run or of the file itself."""
  left_out = (_COMMAND, _DATA, "sha256")
  return {k: v for k, v in trial.environment.items() if k not in left_out}


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
