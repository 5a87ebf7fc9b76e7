"""Rebuilds the report of a sweep, or of any directory of runs.

python -m experiments.report --workdir=DIR
"""

from collections.abc import Sequence

from experiments import cli


def main(argv: Sequence[str]) -> int:
  """Runs the command; returns its exit code."""
  return cli.call(report, argv, __doc__)


def report(args: cli.Arguments) -> int:
  """Writes summary.json, figures/ and report.html into `--workdir`."""
  from experiments.terminal import Terminal
  from rnn_lab.reports import load_results, results_table, write_report

  page = write_report(args.workdir)
  with Terminal() as terminal:
    terminal.table(results_table(load_results(args.workdir).parts))
    terminal.line(f"report: {page}")
  return 0


if __name__ == "__main__":
  cli.run(main)
