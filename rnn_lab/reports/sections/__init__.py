"""The sections of a report, one a file; see `rnn_lab.reports.outline`."""
