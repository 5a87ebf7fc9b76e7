"""The terms of backpropagation through time, and its truncation."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnn_lab.reports import style
from rnn_lab.reports.gradients import study
from rnn_lab.reports.gradients.axes import (
  TOP_LAYER,
  draw,
  finish,
  limits,
  open_panels,
  set_log10,
  set_panel_title,
  set_steps,
)
from rnn_lab.reports.gradients.study import (
  Group,
  Moment,
  collect,
  has_layers,
  lengths,
)
from rnn_lab.reports.gradients.words import from_best_to_worst

_KERNELS = {
  "recurrent_kernel": "recurrent weights",
  "input_kernel": "input weights",
}
_MOST = 0.9
_CLOSE = 0.1
# The smallest error that is drawn; that of the whole sequence is zero.
_FLOOR = 1e-3


def draw_terms(group: Group) -> Figure | None:
  """Draws the norms of the terms of dE/dw by t - k, a row a kernel."""
  rows = {
    words: moments
    for kernel, words in _KERNELS.items()
    if (moments := collect(group, study.terms(kernel)))
  }
  if not rows:
    return None
  columns = max(len(moments) for moments in rows.values())
  figure, axes = style.panels(
    columns, len(rows), height=3.2, y="norm of the terms"
  )
  for row, (words, moments) in zip(axes, rows.items()):
    top = TOP_LAYER if has_layers(group) else ""
    for ax, moment in zip(row, moments):
      for place, name in enumerate(group.lines):
        if name in moment.values:
          norms = moment.values[name]
          draw(ax, range(len(norms)), norms, place)
      set_panel_title(ax, f"{words}{top}, {moment.words}")
      set_steps(ax, "t − k (steps from cause to cost)")
    for ax in row[len(moments) :]:
      ax.set_axis_off()
  set_log10(
    axes[0][0],
    *limits(v for ms in rows.values() for m in ms for v in m.values.values()),
  )
  words, moments = next(iter(rows.items()))
  title = ["lag within which 90% of the terms of dE/dw lie"]
  for moment in moments:
    reach = {
      name: _reach_of_most(norms)
      for name, norms in moment.values.items()
      if np.isfinite(norms).any()
    }
    ends = from_best_to_worst(reach, str, "to", least_first=True)
    title.append(f"{words} {moment.words}: {ends}")
  return finish(figure, group, title, moments)


def draw_truncation(group: Group) -> Figure | None:
  """Draws the relative error of truncated BPTT by its reach k2."""
  moments = collect(group, study.truncation)
  if not moments:
    return None
  figure, row = open_panels(
    group, moments, "relative error of the gradient", of_layer=False
  )
  for ax, moment in zip(row, moments):
    for place, name in enumerate(group.lines):
      if name in moment.values:
        reaches, errors = moment.values[name]
        # NaN, of a seed without a gradient, remains.
        draw(ax, np.log2(reaches), np.log10(np.maximum(errors, _FLOOR)), place)
    style.draw_chance(ax, np.log10(_CLOSE))
  every = [value for moment in moments for value in moment.values.values()]
  for ax in row:
    _set_reaches(ax, sorted({int(k) for reaches, _ in every for k in reaches}))
  errors = [np.log10(np.maximum(values, _FLOOR)) for _, values in every]
  set_log10(row[0], *limits([*errors, [np.log10(_CLOSE)]]))
  whole = " to ".join(str(n) for n in lengths(group))
  title = [f"reach at which truncated BPTT errs by under 10% (T = {whole})"]
  for moment in moments:
    title.append(f"{moment.words}: {_reach_words(moment)}")
  notes = []
  if any((values <= _FLOOR).any() for _, values in every):
    notes.append(f"{_FLOOR:g} stands for that or less")
  return finish(figure, group, title, moments, notes, "an error of 10%")


def _reach_of_most(log10_by_lag: np.ndarray) -> float:
  """The smallest lag up to which nine tenths of the terms' norms lie."""
  scaled = 10.0 ** (log10_by_lag - limits([log10_by_lag])[1])
  shares = np.cumsum(scaled)
  return int(np.searchsorted(shares, _MOST * shares[-1]))


def _reach_words(moment: Moment) -> str:
  """The reach from which on the error is small, least and most."""
  reach = {}
  for name, (reaches, errors) in moment.values.items():
    # A comparison with NaN is false, so that such an error is not small.
    far = np.flatnonzero(~(errors < _CLOSE))
    first = far[-1] + 1 if far.size else 0
    if first < len(reaches):
      reach[name] = int(reaches[first])
  if not reach:
    return "at no reach"
  return from_best_to_worst(reach, str, "to", least_first=True)


def _set_reaches(ax: Axes, reaches: list[int]) -> None:
  """A logarithmic axis with ticks at the reaches that were measured."""
  while len(reaches) > 7:
    reaches = reaches[::-2][::-1]
  ax.set_xticks(np.log2(reaches), [str(k) for k in reaches])
  ax.set_xlabel("reach k2 (steps)")
