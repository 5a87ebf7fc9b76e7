"""Trains every trial of a config's sweep, or resumes them.

  python -m experiments.sweep --config=configs/vanishing_gradient.py[:smoke] \\
    --workdir=DIR [--sweep=NAME] [--executor=local|processes|ray] \\
    [--num_workers=N] [--halving=N --halving_steps=K] [--dry_run] \\
    [--config.section.field=value ...]

  python -m experiments.sweep --workdir=DIR --status

The second form says how far the sweep in DIR has come, also while it runs.
"""

import os
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from absl import flags

from experiments import cli, sweep_progress

SMOKE = (
  "A smoke test: tiny networks, a few steps. It shows that all parts work; its "
  "numbers, and what they say about the sentences below, mean nothing, and "
  "sizes in the text are those of the real experiment."
)


SWEEP: cli.Flags = {
  **cli.CONFIG,
  **cli.EXECUTION,
  "sweep": (
    flags.DEFINE_string,
    "",
    "which of the config's sweeps: NAME of its function sweep_NAME",
  ),
  "dry_run": (
    flags.DEFINE_bool,
    False,
    "print the trials and a time, and run none",
  ),
}
STATUS: cli.Flags = {
  "status": (flags.DEFINE_bool, False, "print how far the sweep has come")
}


def main(argv: Sequence[str]) -> int:
  """Runs the command; returns its exit code."""
  if any(re.fullmatch(r"--?status(=(?i:true|1))?", given) for given in argv):
    # As the command that runs the sweep has it, too.
    rest = [given for given in argv if not re.match("--?config[.=]", given)]
    return cli.call(sweep_progress.show, rest, __doc__, STATUS)
  return cli.call(sweep, argv, __doc__, SWEEP)


def sweep(
  args: cli.Arguments,
  check: Callable[[Any], None] | None = None,
  measure: Callable[..., Any] | None = None,
  extra: Callable[[], Mapping[str, Any]] | None = None,
) -> int:
  """Runs the sweep of `--config` in `--workdir`.

  Args:
    args: the values of the flags.
    check: is called with each trial's plan before anything runs.
    measure: see `run_sweep`; a config without a sweep is then a single trial.
    extra: returns more for the report than the config's `report()` says.

  Returns:
    The exit code: 1 if a trial failed, a file of one is damaged, or all seeds
    of all trials diverged; that of the signal if one stopped it.
  """
  from experiments.terminal import Terminal
  from rnn_lab.errors import FieldError
  from rnn_lab.rundir import ERROR
  from rnn_lab.sweeps.executors import check_executor
  from rnn_lab.sweeps.expand import expand
  from rnn_lab.sweeps.halving import Halving
  from rnn_lab.sweeps.run import STOPPED, prepared, run_sweep

  config, workdir = args.config, args.workdir
  name = getattr(args, "sweep", "")
  add_trials = config.trials(name)
  if add_trials is None:
    if measure is None:
      raise FieldError(
        "config", f"config {config.path} must define sweep(add, argument)"
      )
    add_trials = _adds_one_trial(config.path)
  trials = expand(add_trials, config.argument, config.fields, config.overrides)
  report = config.report(name)
  if config.argument == "smoke":
    report |= {"text": f"{SMOKE}\n\n{report.get('text', '')}".strip()}
  command = {"config": config.path, "argument": config.argument}
  command |= {"sweep": name, "command_line": config.overrides}
  report = {**command, **report, **(extra() if extra else {})}
  halving = Halving(args.halving, args.halving_steps)
  resources = cli.resources(args)
  if args.executor == "ray":
    # The tasks use the accelerators; this process leaves them their memory.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
  if getattr(args, "dry_run", False):
    check_executor(args.executor, resources)
    jobs = prepared(trials, report, workdir, halving)
    return sweep_progress.show_planned(jobs, workdir)
  with Terminal(sweep_progress.live(workdir)) as terminal:
    outcome = run_sweep(
      trials,
      report,
      workdir,
      terminal,
      args.executor,
      resources,
      halving,
      measure,
      check,
    )
    if outcome.table is not None:
      terminal.table(outcome.table)
      terminal.line(f"report: {outcome.report}")
    if outcome.status == STOPPED:
      terminal.line("stopped; the same command resumes from here")
    for name in outcome.failed:
      terminal.line(f"failed: {workdir / name / ERROR}")
    for line in outcome.damaged:
      terminal.line(f"damaged: {line}")
  if outcome.status == STOPPED:
    return cli.exit_code(outcome.signal)
  is_whole = not (outcome.failed or outcome.damaged or outcome.all_diverged)
  return 0 if is_whole else 1


def _adds_one_trial(path: str) -> Callable[..., None]:
  """Returns a sweep of one trial, which is named after its config's file."""
  name = re.sub(r"[^\w.+-]+", "_", pathlib.Path(path).stem)

  def add_trials(add: Callable[..., None], argument: str) -> None:
    del argument
    add({}, name=name)

  return add_trials


if __name__ == "__main__":
  cli.run(main)
