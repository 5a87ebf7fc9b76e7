"""The sections of a report, in the order of the page.

A section is a function from the results of a sweep to a `Section`, or to None
where the results hold nothing for it. It asks what the data have, not what
kind of model, task or study they are from.
"""

from rnn_lab.reports.sections.claims import claims_section
from rnn_lab.reports.sections.comparison import comparison_section
from rnn_lab.reports.sections.context import context_section
from rnn_lab.reports.sections.examples import examples_section
from rnn_lab.reports.sections.forecasts import forecasts_section
from rnn_lab.reports.sections.goals import goals_section
from rnn_lab.reports.sections.gradient_flow import gradient_flow_section
from rnn_lab.reports.sections.gradients import gradients_section
from rnn_lab.reports.sections.headline import headline_section
from rnn_lab.reports.sections.kinds import kinds_section
from rnn_lab.reports.sections.ladder import ladder_section
from rnn_lab.reports.sections.learning_curves import learning_curves_section
from rnn_lab.reports.sections.lengths import lengths_section
from rnn_lab.reports.sections.overview import overview_section
from rnn_lab.reports.sections.reproduction import reproduction_section
from rnn_lab.reports.sections.search import search_section
from rnn_lab.reports.sections.storage import storage_section
from rnn_lab.reports.sections.success import success_section
from rnn_lab.reports.sections.trials import trials_section
from rnn_lab.reports.sections.unfolded import unfolded_section

SECTIONS = (
  overview_section,
  success_section,
  goals_section,
  search_section,
  headline_section,
  ladder_section,
  forecasts_section,
  lengths_section,
  comparison_section,
  claims_section,
  examples_section,
  context_section,
  kinds_section,
  storage_section,
  gradients_section,
  unfolded_section,
  gradient_flow_section,
  learning_curves_section,
  trials_section,
  reproduction_section,
)
