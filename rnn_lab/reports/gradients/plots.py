"""The figures of a gradient study, by the stems of their files."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from rnn_lab.reports.gradients.gates import draw_gates, draw_memory
from rnn_lab.reports.gradients.lags import draw_jacobians, draw_lags
from rnn_lab.reports.gradients.spectra import draw_lyapunov, draw_spectra
from rnn_lab.reports.gradients.study import Group
from rnn_lab.reports.gradients.terms import draw_terms, draw_truncation

MAKERS = {
  "gradient_lags": draw_lags,
  "gradient_jacobians": draw_jacobians,
  "gradient_spectra": draw_spectra,
  "gradient_lyapunov": draw_lyapunov,
  "gradient_gates": draw_gates,
  "gradient_memory": draw_memory,
  "gradient_truncation": draw_truncation,
  "gradient_terms": draw_terms,
}


def draw_study(stem: str, study: Sequence[Group]) -> list[Figure]:
  """The figures of one kind: one a group that has something to draw."""
  figures = [MAKERS[stem](group) for group in study]
  return [figure for figure in figures if figure is not None]
