"""The gradient analysis of a study, from gradients.json."""

from rnn_lab.reports.gradients.draw import draw
from rnn_lab.reports.gradients.kinds import KINDS
from rnn_lab.reports.gradients.numbers import study_grid
from rnn_lab.reports.gradients.study import study_of
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Grid, Section, Text

HEADING = "Gradients through time"
_INTRODUCTION = (
  "Backpropagation through time multiplies the gradient by one Jacobian a "
  "step. The figures show these products before and after training: how far "
  "they carry a gradient, in which directions, and why. Scales are "
  "logarithmic, so a straight line is the same factor at every step."
)


def gradients_section(results: Results) -> Section | None:
  """Shows what gradients.json holds; None where no trial has one."""
  studies = [
    (part, groups)
    for part in results.parts
    if (groups := study_of(part, results.sweep.groups))
  ]
  if not studies:
    return None
  content: list[Text | Grid | Figures] = [Text(_INTRODUCTION)]
  content += [study_grid(groups, part) for part, groups in studies]
  every = [group for _, groups in studies for group in groups]
  for stem, kind in KINDS.items():
    drawn = [figure for group in every if (figure := draw(kind, group))]
    if drawn:
      content.append(Text(kind.words, lead=kind.lead))
      content.append(Figures(stem, kind.caption, drawn))
  return Section(HEADING, content)
