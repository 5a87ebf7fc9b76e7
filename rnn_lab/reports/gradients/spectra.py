"""Singular values in all directions, and Lyapunov exponents."""

import math

import numpy as np
from matplotlib.figure import Figure

from rnn_lab.reports import style
from rnn_lab.reports.gradients import study
from rnn_lab.reports.gradients.axes import (
  draw,
  finish,
  limits,
  open_panels,
  set_log10,
  set_steps,
)
from rnn_lab.reports.gradients.study import Group, Moment, collect
from rnn_lab.reports.gradients.words import (
  counted,
  from_best_to_worst,
  power_of_ten,
  signed,
  span,
)

# log10 of the share of its length that a direction counts as kept with.
_KEPT = -2.0
# An exponent over some fifty steps is known no better than this, in nats.
_STILL = 0.05
# How far panels go below the smallest of the leading values.
_DECADES = 6
_NATS = 8.0


def draw_spectra(group: Group) -> Figure | None:
  """Draws the singular values of dh_t/dh_k at the longest lag."""
  moments = collect(group, study.spectrum)
  if not moments:
    return None
  figure, row = open_panels(group, moments, "singular value of dh_t/dh_k")
  for ax, moment in zip(row, moments):
    for place, name in enumerate(group.lines):
      if name in moment.values:
        values = moment.values[name][1]
        draw(ax, range(1, len(values) + 1), values, place)
    style.draw_chance(ax, _KEPT)
    set_steps(ax, "index, largest first")
  every = [v for moment in moments for _, v in moment.values.values()]
  low, high = limits([*every, [_KEPT]])
  leading = limits([v[:1] for v in every])[0]
  floor = math.floor(min(leading, -_DECADES)) - _DECADES
  set_log10(row[0], max(low, floor), high)
  if low < floor:
    row[0].set_ylim(bottom=floor)
  title = [_spectra_words(moments)]
  for moment in moments:
    kept = {n: int((v > _KEPT).sum()) for n, (_, v) in moment.values.items()}
    title.append(f"{moment.words}: {from_best_to_worst(kept, str)}")
  notes = []
  if low < floor or any(np.isneginf(v).any() for v in every):
    notes.append(f"values under {power_of_ten(floor)} are not shown")
  if lost := sum(int(np.isnan(v).sum()) for v in every):
    notes.append(f"lost to rounding and not shown: {lost}")
  level = "1% of the length is kept"
  return finish(figure, group, title, moments, notes, level)


def draw_lyapunov(group: Group) -> Figure | None:
  """Draws the Lyapunov exponents of the whole carry."""
  moments = collect(group, study.exponents)
  if not moments:
    return None
  figure, row = open_panels(
    group, moments, "Lyapunov exponent (nats per step)", of_layer=False
  )
  for ax, moment in zip(row, moments):
    for place, name in enumerate(group.lines):
      if name in moment.values:
        values = moment.values[name]
        draw(ax, range(1, len(values) + 1), values, place)
    style.draw_chance(ax, 0.0)
    set_steps(ax, "index, largest first")
  every = [v for moment in moments for v in moment.values.values()]
  low, high = limits([*every, [0.0]])
  floor = min(limits([v[:1] for v in every])[0], 0.0) // 1.0 - _NATS
  bottom = max(low, floor)
  margin = 0.05 * (high - bottom) + 0.01
  row[0].set_ylim(bottom - margin, high + margin)
  title = ["do small differences grow? (largest Lyapunov exponent)"]
  title += [f"{moment.words} they {_regimes(moment)}" for moment in moments]
  notes = [f"grow and shrink: by more than {_STILL} nats a step"]
  if low < floor or any(np.isneginf(v).any() for v in every):
    notes.append(f"exponents under −{-floor:g} are not shown")
  return finish(
    figure, group, title, moments, notes, "zero: differences keep their size"
  )


def _spectra_words(moments: list[Moment]) -> str:
  """How many directions there are, and over how many steps."""
  every = [value for moment in moments for value in moment.values.values()]
  sizes = sorted({len(values) for _, values in every})
  size = " to ".join(str(n) for n in dict.fromkeys((sizes[0], sizes[-1])))
  lags = span(lag for lag, _ in every)
  return f"directions (of {size}) that keep over 1% of length in {lags}"


def _regimes(moment: Moment) -> str:
  """How many contract, keep their size and expand, and each extreme."""
  largest = {name: float(v[0]) for name, v in moment.values.items()}
  total = len(largest)
  shrink = {n: v for n, v in largest.items() if v < -_STILL}
  grow = {n: v for n, v in largest.items() if v > _STILL}
  still = {n: v for n, v in largest.items() if n not in {**shrink, **grow}}
  parts = [f"grow in {counted(grow, total, signed, 'fastest')}"]
  if still:
    parts.append(f"keep their size in {counted(still, total, signed, 'top')}")
  if shrink:
    words = counted(shrink, total, signed, "fastest", least=True)
    parts.append(f"shrink in {words}")
  return ", ".join(parts)
