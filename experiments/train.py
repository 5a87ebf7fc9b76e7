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
  """Trains `--config` in `--workdir`; see `rnn_lab.runs.train`."""
  from experiments.terminal import Terminal
  from rnn_lab import rundir, runs

  workdir = args.workdir
  with Terminal() as terminal:
    status = runs.train(args.config.fields, workdir, terminal)
    if status == runs.STOPPED:
      terminal.line("stopped; the same command resumes from here")
      return 0
    if status == runs.ALREADY_FINISHED:
      terminal.line(f"{workdir} is already finished")
    result = rundir.read_json(workdir / rundir.RESULT)
    for name, metric in result["metrics"].items():
      values = [
        f"{value:.4f}" if value is not None else _no_number(seed)
        for value, seed in zip(metric["values"], result["seeds"])
      ]
      terminal.line(f"{name}: {', '.join(values)}")
    for name, value in result["baselines"].items():
      terminal.line(f"a simple baseline reaches {name} {value:.4f}")
    terminal.line(f"{result['status']}: {workdir / rundir.RESULT}")
  return 0


def _no_number(seed: Mapping[str, Any]) -> str:
  """Why a seed has no number: JSON knows neither infinity nor nan."""
  return "diverged" if seed["status"] == "diverged" else "infinite"


if __name__ == "__main__":
  cli.run(main)
