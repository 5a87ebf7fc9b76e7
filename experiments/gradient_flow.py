"""Measures the gradients of every trial of a sweep, before and after training.

  python -m experiments.gradient_flow --config=configs/gradient_flow.py \\
    --workdir=DIR [--config.section.field=value ...]

Trains the trials as experiments.sweep does, or resumes them, writes each one's
gradients.json, and one report. A config without a sweep is a study of one run.
If DIR is the directory of a finished run of the config, that run is measured.
"""

from collections.abc import Sequence
from typing import Any

from experiments import cli, sweep


def main(argv: Sequence[str]) -> int:
  """Runs the command; returns its exit code."""
  return cli.call(study, argv, __doc__, cli.CONFIG | dict(cli.EXECUTION))


def study(args: cli.Arguments) -> int:
  """Runs the study of `--config` in `--workdir`; see `sweep.sweep`."""
  from rnn_lab.rundir import CONFIG, TRIAL
  from rnn_lab.studies.gradient_study import check_study, measure

  if any((args.workdir / name).exists() for name in (CONFIG, TRIAL)):
    return _study_run(args)
  return sweep.sweep(args, check_study, measure, _lecture)


def _study_run(args: cli.Arguments) -> int:
  """Measures the finished run that is in `--workdir`."""
  from experiments.terminal import Terminal
  from rnn_lab.errors import FieldError
  from rnn_lab.reports import write_report
  from rnn_lab.rundir import lock
  from rnn_lab.runs import planning
  from rnn_lab.studies.gradient_study import check_study, measure

  for flag, (_, default, _) in cli.EXECUTION.items():
    if getattr(args, flag) != default:
      raise FieldError(
        flag,
        f"{{field}} must be left out where workdir is a single run, got "
        f"{getattr(args, flag)!r}",
      )
  workdir = args.workdir
  plan = planning.plan(args.config.fields)
  check_study(plan)
  planning.check_workdir(plan, workdir)
  if not planning.is_finished(plan, workdir):
    raise FieldError(
      "workdir",
      f"workdir must be a finished run, or a study's directory; {workdir} is a "
      "run that is not finished",
    )
  with lock(workdir), Terminal() as terminal:
    terminal.line(f"gradients: {measure(workdir)}")
    terminal.line(f"report: {write_report(workdir)}")
  return 0


def _lecture() -> dict[str, Any]:
  """Returns the lecture's networks, with every gradient, for the report."""
  from rnn_lab.gradients.unfolded import LECTURE, unfold
  from rnn_lab.gradients.unfolded_lstm import LECTURE_LSTM, unfold_lstm

  lecture = LECTURE | unfold(**LECTURE)._asdict()
  lecture["lstm"] = LECTURE_LSTM | unfold_lstm(**LECTURE_LSTM)._asdict()
  return {"unfolded": lecture}


if __name__ == "__main__":
  cli.run(main)
