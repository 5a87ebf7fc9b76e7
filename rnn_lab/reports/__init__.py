"""Reads run directories and reports on them: tables, figures and a page.

Nothing here trains. Of the lab only `rnn_lab.errors`, `rnn_lab.paths` and
`rnn_lab.rundir` are imported: a report is made of the files of runs alone.
"""

from rnn_lab.reports.exports import results_table
from rnn_lab.reports.frames import load_results
from rnn_lab.reports.load import load_trials
from rnn_lab.reports.page import write_report
from rnn_lab.reports.results import read_results
from rnn_lab.reports.summary import write_summary

__all__ = [
  "load_results",
  "load_trials",
  "read_results",
  "results_table",
  "write_report",
  "write_summary",
]
