"""The kinds of figures of a gradient study, by the stems of their files."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rnn_lab.reports.gradients import conclusions, study
from rnn_lab.reports.gradients.kind import Curve, Kind, Notes, Row
from rnn_lab.reports.gradients.numbers import median_half_life
from rnn_lab.reports.gradients.study import Group, Moment
from rnn_lab.reports.gradients.words import ends, percent, span, steps

_DIRECT = "direct path: the product of the gates alone"
_TOTAL = "all paths: the whole derivative"
_DOTTED = (
  "dotted: the bound of Pascanu et al. 2013, same colour, the tightest ones"
)
# Half-life in steps that is drawn for a gate that is shut.
_SHUT = 1e-3
# The smallest error that is drawn; that of the whole sequence is zero.
_LEAST_ERROR = 1e-3


def _by_lag(logs: np.ndarray) -> Curve:
  return Curve(range(len(logs)), logs)


def _by_index(values: np.ndarray) -> Curve:
  return Curve(range(1, len(values) + 1), values)


def _with_band(logs: Mapping[str, np.ndarray]) -> Curve:
  edges = (logs["low"], logs["high"])
  return Curve(range(len(logs["mean"])), logs["mean"], edges, logs.get("bound"))


def _half_lives(top: Mapping[str, Any]) -> Curve:
  return _by_index(np.log10(np.maximum(top["half_lives"], _SHUT)))


def _by_reach(cut: tuple[np.ndarray, np.ndarray]) -> Curve:
  reaches, errors = cut
  # NaN, of a seed without a gradient, remains.
  return Curve(np.log2(reaches), np.log10(np.maximum(errors, _LEAST_ERROR)))


def _rows_by_kernel(group: Group, moments: list[Moment]) -> list[Row]:
  def of_kernel(moment: Moment, words: str) -> Moment:
    values = {n: v[words] for n, v in moment.values.items() if words in v}
    return moment._replace(values=values)

  return [
    Row(words, "", [of_kernel(moment, words) for moment in moments])
    for words in study.KERNELS.values()
  ]


def _rows_by_series(group: Group, moments: list[Moment]) -> list[Row]:
  def of_series(moment: Moment, name: str) -> Moment:
    top = moment.values.get(name)
    paths = {_DIRECT: top["direct"], _TOTAL: top["total"]} if top else {}
    return moment._replace(values=paths)

  gated = {n: top["state"] for m in moments for n, top in m.values.items()}
  return [
    Row(name, f"d{state}_t / d{state}_k", [of_series(m, name) for m in moments])
    for name in group.lines
    if (state := gated.get(name))
  ]


def _spectrum_facts(
  spectra: Sequence[tuple[int, np.ndarray]],
) -> dict[str, str]:
  """How many directions there are, and over how many steps."""
  sizes = ends([len(values) for _, values in spectra])
  return {"size": sizes, "steps": span([lag for lag, _ in spectra])}


def _state_facts(tops: Sequence[Mapping[str, Any]]) -> dict[str, str]:
  states = {top["state"] for top in tops}
  one = "d{0}_t/d{0}_k".format(*states)
  return {"derivative": one if len(states) == 1 else "it"}


def _note_if(test: Callable[[np.ndarray], Any], words: str) -> Notes:
  """Makes a function that returns a note where a test holds for some y."""
  return lambda group, curves: [words] * any(test(c.ys).any() for c in curves)


def _band_notes(group: Group, curves: Sequence[Curve]) -> list[str]:
  examples = max(study["examples"] for study in group.studies.values())
  band = f"band: smallest to largest of {examples} examples"
  has_bounds = any(curve.bound is not None for curve in curves)
  return [band] * (examples > 1) + [_DOTTED] * has_bounds


def _lost_notes(group: Group, curves: Sequence[Curve]) -> list[str]:
  lost = sum(int(np.isnan(curve.ys).sum()) for curve in curves)
  return [f"lost to rounding and not shown: {lost}"] if lost else []


KINDS = {
  "gradient_lags": Kind(
    "Norm of the gradient against the lag",
    "How far the gradient reaches.",
    "Backpropagation starts at the last step and goes into the past; the "
    "figure shows the norm of the gradient dE/dh_t that many steps earlier. "
    "Where a line has fallen far below its start, the network can hardly learn "
    "from what it saw there, as recent steps dominate. A level line carries "
    "the gradient all the way; a rising one makes it explode.",
    x="lag (steps before the last)",
    y="norm of dE/dh_t  (loss per unit of h)",
    read=study.flow,
    title="what is left of the gradient {lag} back",
    conclude=conclusions.ranked(conclusions.left, conclusions.left_words),
    curve=_by_lag,
    notes=_note_if(
      np.isneginf, "a line ends where the gradient is exactly zero"
    ),
  ),
  "gradient_jacobians": Kind(
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
    x="lag t − k (steps; t is the last)",
    y="largest singular value of dh_t/dh_k",
    read=study.largest,
    title="the Jacobian dh_t/dh_k over {lag}",
    conclude=conclusions.fates,
    curve=_with_band,
    close=conclusions.bound_words,
    notes=_band_notes,
  ),
  "gradient_spectra": Kind(
    "Singular values of the Jacobian",
    "All directions.",
    "A change of the state can lie along as many directions as there are "
    "units. The figure shows the singular values of all of them over the "
    "longest lag, from the best kept to the most forgotten; a line that falls "
    "steeply lets only a few numbers about the past through.",
    x="index, largest first",
    y="singular value of dh_t/dh_k",
    read=study.spectrum,
    title="directions (of {size}) that keep over 1% of length in {steps}",
    conclude=conclusions.ranked(
      lambda spectrum: int((spectrum[1] > conclusions.KEPT).sum()), str
    ),
    curve=lambda spectrum: _by_index(spectrum[1]),
    facts=_spectrum_facts,
    level="1% of the length is kept",
    levels=lambda group: [conclusions.KEPT],
    notes=_lost_notes,
    floor=lambda leading: math.floor(min(leading, -6)) - 6,
  ),
  "gradient_lyapunov": Kind(
    "Lyapunov exponents",
    "Whether small differences shrink or grow.",
    "A Lyapunov exponent is the mean logarithm of the factor a step along the "
    "network's own trajectory through its states: −0.69 halves a difference at "
    "each step, +0.69 doubles it, and zero keeps it. If even the largest is "
    "below zero, the network forgets its initial state; if it is above zero, "
    "two initial states that are almost equal diverge, which is chaos.",
    x="index, largest first",
    y="Lyapunov exponent (nats per step)",
    read=study.exponents,
    title="do small differences grow? (largest Lyapunov exponent)",
    conclude=conclusions.regimes,
    curve=_by_index,
    level="zero: differences keep their size",
    levels=lambda group: [0.0],
    note=f"grow and shrink: by more than {conclusions.STILL} nats a step",
    floor=lambda leading: math.floor(min(leading, 0.0)) - 8,
    is_log=False,
    of_layer=False,
  ),
  "gradient_gates": Kind(
    "Half-life of each unit's memory",
    "What the gates remember.",
    "The forget gate of an LSTM and the update gate of a GRU set how much of a "
    "unit's memory is kept at each step: at 0.9, half of it is gone after 6.6 "
    "steps. The figure shows that half-life for every unit. Units above the "
    "dashed line remember for longer than the sequence lasts.",
    x="unit, shortest memory first",
    y="half-life of a unit (steps)",
    read=study.gate,
    title="median half-life of a unit's memory, by its gate",
    conclude=conclusions.ranked(median_half_life, steps),
    curve=_half_lives,
    level="the whole sequence ({length} steps)",
    levels=lambda group: [math.log10(n) for n in study.lengths(group)],
    notes=_note_if(np.isposinf, "the upper edge is an infinite half-life"),
  ),
  "gradient_memory": Kind(
    "Direct path and whole derivative",
    "The constant error carousel.",
    "The memory of a gated unit can pass from step to step through its gate "
    "alone, which multiplies it and does nothing else; the solid line is the "
    "product of these gates. The dashed line is the whole derivative, with all "
    "paths through the other gates and the output. Where the two agree, the "
    "gradient takes the direct path, for which the LSTM was designed; as other "
    "paths can also cancel the direct one, its share may be over 100%.",
    x="lag t − k (steps; t is the last)",
    y="",
    read=study.gate,
    title="constant error carousel: share of {derivative} over {lag} due to "
    "the gates alone",
    conclude=conclusions.ranked(conclusions.direct_share, percent),
    curve=_by_lag,
    facts=_state_facts,
    rows=_rows_by_series,
    lines=(_DIRECT, _TOTAL),
    note="root mean square of the singular values",
    floor=lambda leading: -10.0,
    is_small=True,
  ),
  "gradient_truncation": Kind(
    "Relative error of truncated backpropagation against its reach",
    "Where backpropagation can be truncated.",
    "Truncated backpropagation stops k2 steps back, which saves time and "
    "memory. Its error is the distance to the full gradient, relative to the "
    "norm of the full gradient; at a reach of the whole sequence it is zero. A "
    "network that carries its gradient far needs a long reach; one that "
    "forgets loses little by a short one.",
    x="reach k2 (steps)",
    y="relative error of the gradient",
    read=study.truncation,
    title="reach at which truncated BPTT errs by under 10% (T = {length})",
    conclude=conclusions.ranked(
      conclusions.reach_of_small_errors, str, True, "at no reach"
    ),
    curve=_by_reach,
    level="an error of 10%",
    levels=lambda group: [math.log10(conclusions.CLOSE)],
    notes=_note_if(
      lambda ys: ys <= math.log10(_LEAST_ERROR),
      f"{_LEAST_ERROR:g} stands for that or less",
    ),
    is_doubling=True,
    of_layer=False,
  ),
  "gradient_terms": Kind(
    "Norm of the terms of dE/dw by t - k",
    "The sum, term by term.",
    "dE/dw is a sum over pairs: the cost at a step t, and a use of the weights "
    "at an earlier step k. The norms of the terms by t − k show over which "
    "distances the weights are trained; where a line falls steeply, only "
    "recent steps contribute.",
    x="t − k (steps from cause to cost)",
    y="norm of the terms",
    read=study.terms,
    title="lag within which 90% of the terms of dE/dw lie",
    conclude=conclusions.most_terms,
    curve=_by_lag,
    rows=_rows_by_kernel,
  ),
}
