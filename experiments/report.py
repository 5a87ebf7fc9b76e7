"""Rebuilds the report of a sweep, or of any directory of runs.

python -m experiments.report --workdir=DIR
"""

import pathlib

from experiments import cli
from rnn_lab.reports import load_trials, results_table, write_report
from rnn_lab.training.listener import Terminal


def main(workdir: pathlib.Path) -> int:
  """Writes summary.json, figures/ and report.html into `workdir`."""
  page = write_report(workdir)
  with Terminal() as terminal:
    terminal.table(results_table(load_trials(workdir)))
    terminal.line(f"report: {page}")
  return 0


if __name__ == "__main__":
  cli.run(main)
