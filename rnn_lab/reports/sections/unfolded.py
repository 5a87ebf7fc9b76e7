"""A network of two or three steps, with every derivative in numbers."""

from rnn_lab.reports.gradients.unfolded_plot import draw_unfolded
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Section, Text
from rnn_lab.reports.sections.gradients import HEADING

_WORDS = (
  "The lecture's network, unfolded, one unit wide, so that each derivative is "
  "one number. Going back from a cost to a use of w multiplies the numbers on "
  "the way; there is one path for each pair of a cost J_t and an earlier or "
  "equal step k, and dE/dw is the sum over all of them."
)


def unfolded_section(results: Results) -> Section | None:
  """Shows the unfolded network of sweep.json; None without one."""
  if not results.sweep.unfolded:
    return None
  caption = "The unfolded network, all derivatives in numbers"
  figures = [draw_unfolded(results.sweep.unfolded)]
  text = Text(_WORDS, lead="Every arrow with its number.")
  return Section(HEADING, [text, Figures("unfolded", caption, figures)])
