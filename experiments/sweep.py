"""Trains every trial of a config's sweep, or goes on with it.

  python -m experiments.sweep --config=configs/vanishing_gradient.py[:smoke] \\
    --workdir=DIR [--config.section.field=value ...]
"""

import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from experiments import cli
from rnn_lab.errors import FieldError
from rnn_lab.sweeps.executors import Measure
from rnn_lab.sweeps.expand import expand
from rnn_lab.sweeps.run import STOPPED, run_sweep
from rnn_lab.training.listener import Terminal

cli.define_config()

SMOKE = (
  "A smoke test: tiny networks, a few steps. It shows that all parts work; its "
  "numbers, and what they say about the sentences below, mean nothing, and "
  "sizes in the text are those of the real experiment."
)


def main(
  workdir: pathlib.Path,
  check: Callable[[Any], None] | None = None,
  measure: Measure | None = None,
  also: Mapping[str, Any] | None = None,
) -> int:
  """Runs the sweep of `--config` in `workdir`; 1 if a trial failed.

  Args:
    workdir: the sweep's directory.
    check: is called with each trial's config before anything runs.
    measure: see `rnn_lab.sweeps.run.run_sweep`.
    also: for the report, beside what the config's `report()` says.
  """
  module = cli.config_module()
  argument = cli.config_argument()
  sweep = getattr(module, "sweep", None)
  if sweep is None and measure is not None:
    # A config on its own is a study of one trial.
    sweep = _one_trial
  if sweep is None:
    raise FieldError(
      "config", cli.config_file(), "a file that defines sweep(add, argument)"
    )
  trials = expand(sweep, argument, cli.FLAGS.config, cli.overridden())
  for trial in trials:
    if check is not None:
      check(trial.config)
  about = module.report() if hasattr(module, "report") else {}
  if argument == "smoke":
    about = about | {"text": f"{SMOKE}\n\n{about.get('text', '')}".strip()}
  about = {
    "config": cli.config_file(),
    "argument": argument,
    "command_line": cli.overridden(),
    **about,
    **(also or {}),
  }
  with Terminal() as terminal:
    outcome = run_sweep(
      trials, about, workdir, terminal, cli.worker_cores(), measure
    )
    if outcome.table is not None:
      terminal.table(outcome.table)
      terminal.line(f"report: {outcome.report}")
    if outcome.status == STOPPED:
      terminal.line("stopped; the same command goes on from here")
    for name in outcome.failed:
      terminal.line(f"failed: {workdir / name / 'error.txt'}")
  return 1 if outcome.failed else 0


def _one_trial(add: Callable[..., None], argument: str) -> None:
  del argument
  add({})


if __name__ == "__main__":
  cli.run(main)
