"""The command of a sweep, and the environment it ran in."""

import shlex

from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Grid, Section, Text
from rnn_lab.rundir import CONFIG, flatten


def reproduction_section(results: Results) -> Section:
  """Says how to run the sweep again."""
  content = []
  if results.sweep.config:
    content.append(Text(_command(results), look="code"))
  words = f"Every run directory holds a `{CONFIG}` with its resolved config."
  content.append(Text(words))
  trial = next((t for t in results.trials if t.environment), None)
  if trial is not None:
    environment = flatten(trial.environment)
    rows = [[name, str(value)] for name, value in environment.items()]
    title = f"Environment of the trial `{trial.name}`"
    content.append(Grid(title, [], rows, "", numeric=False))
  return Section("To reproduce", content)


def _command(results: Results) -> str:
  sweep = results.sweep
  has_gradients = any(trial.gradients for trial in results.trials)
  main = "gradient_flow" if has_gradients else "sweep"
  config = sweep.config + (f":{sweep.argument}" if sweep.argument else "")
  return (
    f"python -m experiments.{main} --config={shlex.quote(config)}"
    f" --workdir={shlex.quote(str(results.workdir))}"
    + (f" --sweep={shlex.quote(sweep.sweep)}" if sweep.sweep else "")
    + (
      " --halving={factor} --halving_steps={first_steps}".format(
        **sweep.halving
      )
      if sweep.halving
      else ""
    )
    + "".join(
      f" {shlex.quote(f'--config.{field}={value}')}"
      for field, value in sorted(sweep.command_line.items())
    )
  )
