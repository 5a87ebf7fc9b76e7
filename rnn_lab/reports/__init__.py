"""Reads run directories and reports on them: tables, figures and a page.

Nothing here trains, and of the lab only `rnn_lab.errors` and `rnn_lab.rundir`
are imported: a report is made from the files of the runs alone.
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
