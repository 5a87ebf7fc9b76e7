"""Rebuilds the report of a sweep, or of any directory of runs.

python -m experiments.report --workdir=DIR

Several directories are laid side by side, in a report of their own:

python -m experiments.report --workdir=DIR --workdir=ANOTHER [--output=DIR]
"""

from collections.abc import Sequence

from absl import flags

from experiments import cli

TABLE: cli.Flags = {
  "workdir": (
    flags.DEFINE_multi_string,
    None,
    "the directory of the run or sweep; may be given several times",
  ),
  "output": (
    flags.DEFINE_string,
    "",
    "where the report is written; without it, into the directory itself, or "
    "into the folder compared of the first one",
  ),
  "formats": (
    flags.DEFINE_list,
    [],
    "svg, pdf or both: how figures are saved beside PNG",
  ),
}


def main(argv: Sequence[str]) -> int:
  """Runs the command; returns its exit code."""
  return cli.call(report, argv, __doc__, TABLE)


def report(args: cli.Arguments) -> int:
  """Writes report.html, figures/, tables/, numbers.csv and summary.json.

  Returns:
    The exit code: 1 if a file is damaged, which the report does without.
  """
  from experiments.terminal import Terminal
  from rnn_lab.reports import read_results, results_table, write_report

  results = read_results(*args.workdir)
  page = write_report(
    *args.workdir,
    output=args.output or None,
    formats=args.formats,
    results=results,
  )
  with Terminal() as terminal:
    terminal.table(results_table(results.parts))
    terminal.line(f"report: {page}")
    damaged = [line for trial in results.trials for line in trial.damaged]
    for line in damaged:
      terminal.line(f"damaged: {line}")
  return 1 if damaged else 0


if __name__ == "__main__":
  cli.run(main)
