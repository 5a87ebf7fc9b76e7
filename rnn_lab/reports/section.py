"""What a section of a report holds, before anything is rendered.

The page, the terminal and the folder of figures render these values, and know
nothing else of what a sweep is about. In words, a name between backticks is
set as code, and dh_t with its index as a subscript.
"""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure


class Text(NamedTuple):
  """A paragraph.

  Attributes:
    words: its sentences.
    lead: a bold beginning.
    items: a list that follows it.
    look: "" for plain text, "small", "note" or "code".
  """

  words: str
  lead: str = ""
  items: Sequence[str] = ()
  look: str = ""


class Cell(NamedTuple):
  """A cell of a table with several lines, or with a look of its own.

  Attributes:
    lines: what it says.
    look: names of classes of the page's style sheet.
  """

  lines: Sequence[str]
  look: str = ""


class Grid(NamedTuple):
  """A table.

  Attributes:
    title: the first words of its caption.
    header: a cell a column; empty for a table without a head.
    rows: a None widens the cell before it by one column.
    caption: what the columns mean.
    notes: further lines of the caption.
    numeric: whether all but the first column hold numbers, set to the right.
    row_heads: whether the first cell of a row is the name of the row.
  """

  title: str
  header: Sequence[str | Cell]
  rows: Sequence[Sequence[str | Cell | None]]
  caption: str
  notes: Sequence[str] = ()
  numeric: bool = True
  row_heads: bool = True


class Figures(NamedTuple):
  """Figures of one kind.

  Attributes:
    stem: their file's name in figures/, without a number and without ".png".
    caption: what they show, in words.
    figures: in order; drawn, not yet saved.
  """

  stem: str
  caption: str
  figures: Sequence[Figure]


class Section(NamedTuple):
  """A part of a report; neighbours with the same heading stand under one."""

  heading: str
  content: Sequence[Text | Grid | Figures]


def as_cell(cell: str | Cell | None) -> Cell:
  """Returns any cell of a Grid as a Cell, which is empty for None."""
  if isinstance(cell, Cell):
    return cell
  return Cell([] if cell is None else [cell])
