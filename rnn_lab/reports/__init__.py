"""Reads run directories and says what came out, as tables, plots and a page.

Nothing here trains, and of the lab only `rnn_lab.errors` is imported: what a
report knows of a run, it knows from the files of the run.
"""

from rnn_lab.reports.load import load_trials
from rnn_lab.reports.page import write_report
from rnn_lab.reports.summary import write_summary
from rnn_lab.reports.tables import results_table

__all__ = ["load_trials", "results_table", "write_report", "write_summary"]
