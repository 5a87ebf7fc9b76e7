"""Lays open the gradients of every trial of a sweep, before and after training.

  python -m experiments.gradient_flow --config=configs/gradient_flow.py \\
    --workdir=DIR [--config.section.field=value ...]

Trains the trials as experiments.sweep does, or goes on with them, writes each
one's gradients.json, and one report.
"""

import pathlib

from experiments import cli, sweep
from rnn_lab.gradients.unfolded import LECTURE, unfold
from rnn_lab.studies.gradient_study import check_study, measure


def main(workdir: pathlib.Path) -> int:
  """Runs the study of `--config` in `workdir`; 1 if a trial failed."""
  lecture = LECTURE | unfold(**LECTURE)._asdict()
  return sweep.main(workdir, check_study, measure, {"unfolded": lecture})


if __name__ == "__main__":
  cli.run(main)
