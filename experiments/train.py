"""Trains one config, or resumes it.

  python -m experiments.train --config=configs/digits.py[:smoke] \\
    --workdir=DIR [--config.section.field=value ...]
"""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments import cli


def main(argv: Sequence[str]) -> int:
  """Runs the command; returns its exit code."""
  return cli.call(train, argv, __doc__, cli.CONFIG)


def train(args: cli.Arguments) -> int:
  """Trains `--config` in `--workdir`; see `rnn_lab.runs.train`.

  Returns:
    The exit code: 1 if all seeds diverged, that of the signal if one stopped
    the run.
  """
  from experiments.terminal import Terminal
  from rnn_lab import rundir, runs

  workdir = args.workdir
  # Until here a signal ends the process.
  plan = runs.planning.plan(args.config.fields)
  with Terminal() as terminal, runs.stop_on_signal() as stop:
    status = runs.train(plan, workdir, terminal, stop)
    if status == runs.STOPPED:
      terminal.line("stopped; the same command resumes from here")
      return cli.exit_code(stop.signal)
    if status == runs.ALREADY_FINISHED:
      terminal.line(f"{workdir} is already finished")
    result = rundir.read_result(workdir / rundir.RESULT)
    for name, metric in result["metrics"].items():
      values = [
        f"{value:.4f}" if value is not None else _no_number(seed)
        for value, seed in zip(metric["values"], result["seeds"])
      ]
      terminal.line(f"{name}: {', '.join(values)}")
    for name, value in result["baselines"].items():
      terminal.line(f"a simple baseline reaches {name} {value:.4f}")
    terminal.line(f"{result['status']}: {workdir / rundir.RESULT}")
  return 1 if result["status"] == "diverged" else 0


def _no_number(seed: Mapping[str, Any]) -> str:
  """Why a seed has no number: JSON knows neither infinity nor nan."""
  return "diverged" if seed["status"] == "diverged" else "infinite"


if __name__ == "__main__":
  cli.run(main)
