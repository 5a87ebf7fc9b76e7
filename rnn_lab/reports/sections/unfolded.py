"""Networks of two or three steps, with every derivative in numbers."""

from rnn_lab.reports.gradients.unfolded_lstm_plot import draw_unfolded_lstm
from rnn_lab.reports.gradients.unfolded_plot import draw_unfolded
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Section, Text
from rnn_lab.reports.sections.gradients import HEADING

_WORDS = (
  "The lecture's network, unfolded, with one hidden unit, so that each "
  "derivative is a number, or one number for each output. Going back from a "
  "cost to a use of w multiplies the numbers on the way; there is one path for "
  "each pair of a cost J_t and an earlier or equal step k, and dE/dw is the "
  "sum over all of them."
)
_LSTM = (
  "An LSTM of one unit. The direct path leads from c_t to c_{t-1} through the "
  "forget gate alone; the other paths lead through the hidden state and the "
  "gates."
)


def unfolded_section(results: Results) -> Section | None:
  """Shows the unfolded networks of sweep.json; None without them."""
  unfolded = results.sweep.unfolded
  # Directories of earlier versions hold a network without a softmax.
  if "y_hat" not in unfolded:
    return None
  parts = [
    Text(_WORDS, lead="Every arrow with its number."),
    Figures(
      "unfolded",
      "The unfolded network, all derivatives in numbers",
      [draw_unfolded(unfolded)],
    ),
    Text(_LSTM, lead="Every gate with its numbers."),
    Figures(
      "unfolded_lstm",
      "The unfolded LSTM, all derivatives in numbers",
      [draw_unfolded_lstm(unfolded["lstm"])],
    ),
  ]
  return Section(HEADING, parts)
