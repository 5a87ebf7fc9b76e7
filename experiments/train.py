"""Trains one config, or resumes it.

  python -m experiments.train --config=configs/digits.py[:smoke] \\
    --workdir=DIR [--config.section.field=value ...]

With --distributed several processes, each with devices of its own, train one
run. SLURM, Kubernetes, Open MPI and TPU pods tell them of each other; elsewhere
process I of N is started with

  --distributed --coordinator_address=HOST:PORT --num_processes=N --process_id=I
"""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments import cli


def main(argv: Sequence[str]) -> int:
  """Runs the command; returns its exit code."""
  return cli.call(train, argv, __doc__, {**cli.CONFIG, **cli.PROCESSES})


def train(args: cli.Arguments) -> int:
  """Trains `--config` in `--workdir`; see `rnn_lab.runs.train`.

  Returns:
    The exit code: 1 if all seeds diverged, that of the signal if one stopped
    the run. All processes of a run have the same.
  """
  from rnn_lab import processes

  cli.connect(args)
  try:
    return _train(args)
  except processes.EndedElsewhere as error:
    return error.code


def _train(args: cli.Arguments) -> int:
  from experiments.terminal import Terminal
  from rnn_lab import processes, runs

  # Until here a signal ends the process.
  fields = args.config.fields
  plan = processes.together(lambda: runs.planning.plan(fields))
  with Terminal() as terminal, runs.stop_on_signal() as stop:
    status = runs.train(plan, args.workdir, terminal, stop)

    def ending() -> int:
      if not processes.is_first():
        return 0
      return _say(status, args.workdir, terminal, stop)

    code = processes.together(ending)
  return int(processes.largest((code,))[0])


def _say(status: str, workdir: Any, terminal: Any, stop: Any) -> int:
  """Says how a run has ended; returns the exit code."""
  from rnn_lab import rundir, runs

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
