"""Measures the gradients of every trial of a sweep, before and after training.

  python -m experiments.gradient_flow --config=configs/gradient_flow.py \\
    --workdir=DIR [--config.section.field=value ...]

Trains the trials as experiments.sweep does, or resumes them, writes each one's
gradients.json, and one report. A config without a sweep is a study of one run.
"""

from collections.abc import Sequence

from experiments import cli, sweep


def main(argv: Sequence[str]) -> int:
  """Runs the command; returns its exit code."""
  return cli.call(study, argv, __doc__, cli.CONFIG)


def study(args: cli.Arguments) -> int:
  """Runs the study of `--config` in `--workdir`; see `sweep.sweep`."""
  from rnn_lab.gradients.unfolded import LECTURE, unfold
  from rnn_lab.studies.gradient_study import check_study, measure

  lecture = LECTURE | unfold(**LECTURE)._asdict()
  return sweep.sweep(args, check_study, measure, {"unfolded": lecture})


if __name__ == "__main__":
  cli.run(main)
