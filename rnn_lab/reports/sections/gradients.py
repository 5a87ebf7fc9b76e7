"""The gradient analysis of a study, from gradients.json."""

from collections.abc import Callable
from typing import NamedTuple

from matplotlib.figure import Figure

from rnn_lab.reports.gradients.gates import draw_gates, draw_memory
from rnn_lab.reports.gradients.lags import draw_jacobians, draw_lags
from rnn_lab.reports.gradients.spectra import draw_lyapunov, draw_spectra
from rnn_lab.reports.gradients.study import Group, study_of
from rnn_lab.reports.gradients.table import study_grid
from rnn_lab.reports.gradients.terms import draw_terms, draw_truncation
from rnn_lab.reports.results import Results
from rnn_lab.reports.section import Figures, Grid, Section, Text

HEADING = "Gradients through time"
_INTRODUCTION = (
  "Backpropagation through time multiplies the gradient by one Jacobian a "
  "step. The figures show these products before and after training: how far "
  "they carry a gradient, in which directions, and why. Scales are "
  "logarithmic, so a straight line is the same factor at every step."
)


class _Kind(NamedTuple):
  """A kind of figure, with its explanation."""

  stem: str
  draw: Callable[[Group], Figure | None]
  caption: str
  lead: str
  words: str


KINDS = (
  _Kind(
    "gradient_lags",
    draw_lags,
    "Norm of the gradient against the lag",
    "How far the gradient reaches.",
    "Backpropagation starts at the last step and goes into the past; the "
    "figure shows the norm of the gradient dE/dh_t that many steps earlier. "
    "Where a line has fallen far below its start, the network can hardly learn "
    "from what it saw there, as recent steps dominate. A level line carries "
    "the gradient all the way; a rising one makes it explode.",
  ),
  _Kind(
    "gradient_jacobians",
    draw_jacobians,
    "Largest singular value of the Jacobian against the lag",
    "Why it shrinks or grows.",
    "dh_t/dh_k is what a small change of the state at step k has become at "
    "step t; its largest singular value is the most that any change was "
    "stretched. In the title, it vanishes if less than a tenth is left over "
    "the longest lag, and explodes if it has grown more than tenfold. For a "
    "simple recurrent network a bound is known, which is dotted: the largest "
    "singular value of the recurrent matrix times the largest slope of the "
    "activation, to the power of the lag. A bound that leaves the panel at the "
    "top guarantees nothing.",
  ),
  _Kind(
    "gradient_spectra",
    draw_spectra,
    "Singular values of the Jacobian",
    "All directions.",
    "A change of the state can lie along as many directions as there are "
    "units. The figure shows the singular values of all of them over the "
    "longest lag, from the best kept to the most forgotten; a line that falls "
    "steeply lets only a few numbers about the past through.",
  ),
  _Kind(
    "gradient_lyapunov",
    draw_lyapunov,
    "Lyapunov exponents",
    "Whether small differences shrink or grow.",
    "A Lyapunov exponent is the mean logarithm of the factor a step along the "
    "network's own trajectory through its states: −0.69 halves a difference at "
    "each step, +0.69 doubles it, and zero keeps it. If even the largest is "
    "below zero, the network forgets its initial state; if it is above zero, "
    "two initial states that are almost equal diverge, which is chaos.",
  ),
  _Kind(
    "gradient_gates",
    draw_gates,
    "Half-life of each unit's memory",
    "What the gates remember.",
    "The forget gate of an LSTM and the update gate of a GRU set how much of a "
    "unit's memory is kept at each step: at 0.9, half of it is gone after 6.6 "
    "steps. The figure shows that half-life for every unit. Units above the "
    "dashed line remember for longer than the sequence lasts.",
  ),
  _Kind(
    "gradient_memory",
    draw_memory,
    "Direct path and whole derivative",
    "The constant error carousel.",
    "The memory of a gated unit can pass from step to step through its gate "
    "alone, which multiplies it and does nothing else; the solid line is the "
    "product of these gates. The dashed line is the whole derivative, with all "
    "paths through the other gates and the output. Where the two agree, the "
    "gradient takes the direct path, for which the LSTM was designed; as other "
    "paths can also cancel the direct one, its share may be over 100%.",
  ),
  _Kind(
    "gradient_truncation",
    draw_truncation,
    "Relative error of truncated backpropagation against its reach",
    "Where backpropagation can be truncated.",
    "Truncated backpropagation stops k2 steps back, which saves time and "
    "memory. Its error is the distance to the full gradient, relative to the "
    "norm of the full gradient; at a reach of the whole sequence it is zero. A "
    "network that carries its gradient far needs a long reach; one that "
    "forgets loses little by a short one.",
  ),
  _Kind(
    "gradient_terms",
    draw_terms,
    "Norm of the terms of dE/dw by t - k",
    "The sum, term by term.",
    "dE/dw is a sum over pairs: the cost at a step t, and a use of the weights "
    "at an earlier step k. The norms of the terms by t − k show over which "
    "distances the weights are trained; where a line falls steeply, only "
    "recent steps contribute.",
  ),
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
  for kind in KINDS:
    drawn = [figure for group in every if (figure := kind.draw(group))]
    if drawn:
      content.append(Text(kind.words, lead=kind.lead))
      content.append(Figures(kind.stem, kind.caption, drawn))
  return Section(HEADING, content)
