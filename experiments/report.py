"""Rebuilds the report of a sweep, or of any directory of runs.

python -m experiments.report --workdir=DIR
"""

from collections.abc import Sequence

from experiments import cli


def main(argv: Sequence[str]) -> int:
  """Runs the command; returns its exit code."""
  return cli.call(report, argv, __doc__)


def report(args: cli.Arguments) -> int:
  """Writes summary.json, figures/ and report.html into `--workdir`.

  Returns:
    The exit code: 1 if a file is damaged, which the report does without.
  """
  from experiments.terminal import Terminal
  from rnn_lab.reports import load_results, results_table, write_report

  page = write_report(args.workdir)
  with Terminal() as terminal:
    results = load_results(args.workdir)
    terminal.table(results_table(results.parts))
    terminal.line(f"report: {page}")
    damaged = [line for trial in results.trials for line in trial.damaged]
    for line in damaged:
      terminal.line(f"damaged: {line}")
  return 1 if damaged else 0


if __name__ == "__main__":
  cli.run(main)
