"""What a kind of figure of a gradient study consists of."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from rnn_lab.reports.gradients.study import Group, Moment, Read


class Curve(NamedTuple):
  """A line, with the edges of a band and an upper bound where it has any."""

  xs: Sequence[float] | np.ndarray
  ys: np.ndarray
  edges: tuple[np.ndarray, ...] = ()
  bound: np.ndarray | None = None


class Row(NamedTuple):
  """A row of panels: words of their titles, y-label, values by moment."""

  words: str
  y: str
  moments: list[Moment]


Notes = Callable[[Group, Sequence[Curve]], Sequence[str]]


class Kind(NamedTuple):
  """A kind of figure.

  Attributes:
    caption, lead, words: its explanation on the page.
    x, y: labels; a row may have another y.
    read: reads what is drawn of a line, or None, from gradients.json.
    title: its first line, with places for {lag}, {length} and `facts`.
    conclude: makes a line of the title for a moment.
    curve: makes a curve of what was read.
    close: makes the last line of the title; "" for none.
    facts: further words for places in the title, of all that was read.
    rows: arranges moments as rows of panels; as one row by default.
    lines: names of the lines, if they are not the series.
    level, levels: words for dashed lines, with a place for {length}; where.
    note, notes: words under the panels; notes on the curves.
    floor: below which nothing is drawn, of the smallest first value of a line.
    is_log: whether the y-axis has logarithms.
    is_doubling: whether the x-axis has logarithms of base 2.
    is_small: whether panels are low, with the x-label under the last row only.
    of_layer: whether one layer is drawn where there are several.
  """

  caption: str
  lead: str
  words: str
  x: str
  y: str
  read: Read
  title: str
  conclude: Callable[[Moment], str]
  curve: Callable[[Any], Curve]
  close: Callable[[Sequence[Moment]], str] = lambda moments: ""
  facts: Callable[[Sequence[Any]], dict[str, str]] = lambda values: {}
  rows: Callable[[Group, list[Moment]], list[Row]] = lambda group, moments: [
    Row("", "", moments)
  ]
  lines: Sequence[str] = ()
  level: str = ""
  levels: Callable[[Group], Sequence[float]] = lambda group: []
  note: str = ""
  notes: Notes = lambda group, curves: []
  floor: Callable[[float], float] = lambda leading: -np.inf
  is_log: bool = True
  is_doubling: bool = False
  is_small: bool = False
  of_layer: bool = True
