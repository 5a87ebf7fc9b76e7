"""Reads run directories and reports on them: tables, figures and a page.

Nothing here trains. Of the lab only `rnn_lab.errors`, `rnn_lab.paths` and
`rnn_lab.rundir` are imported: a report is made of the files of runs alone.
"""

from rnn_lab.reports.load import load_trials
from rnn_lab.reports.page import write_report
from rnn_lab.reports.results import load_results
from rnn_lab.reports.summary import write_summary
from rnn_lab.reports.terminal import results_table

__all__ = [
  "load_results",
  "load_trials",
  "results_table",
  "write_report",
  "write_summary",
]
