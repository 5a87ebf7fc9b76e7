"""Tables of results for the terminal and for Markdown."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from rnn_lab.reports.results import Part
from rnn_lab.reports.section import Cell, Grid, as_cell
from rnn_lab.reports.tables import results_grids


def results_table(parts: Sequence[Part]) -> Table:
  """Returns the test results of every task for the terminal."""
  tables = [rich_table(grid) for grid in results_grids(parts)]
  if len(tables) == 1:
    return tables[0]
  several = Table.grid()
  for table in tables:
    several.add_row(table)
  return several


def markdown_table(parts: Sequence[Part]) -> str:
  """Returns the test results of every task in Markdown."""
  return "\n".join(markdown(grid) for grid in results_grids(parts))


def rich_table(grid: Grid) -> Table:
  """Renders any table for the terminal."""
  # Text, because rich reads square brackets in a plain string as markup.
  table = Table(title=Text(grid.title), caption=Text(grid.caption))
  for i, cell in enumerate(grid.header):
    justify = "right" if i and grid.numeric else "left"
    table.add_column(Text(_words(cell)), justify=justify, overflow="fold")
  for row in grid.rows:
    table.add_row(*(Text("\n".join(as_cell(cell).lines)) for cell in row))
  return table


def markdown(grid: Grid) -> str:
  """Renders any table in Markdown."""
  rule = ["---"] + ["---:" if grid.numeric else "---"] * (len(grid.header) - 1)
  lines = [
    "| " + " | ".join(_words(cell).replace("|", "\\|") for cell in row) + " |"
    for row in [grid.header, rule, *grid.rows]
  ]
  return "\n".join([*lines, "", f"{grid.title}: {grid.caption}."]) + "\n"


def _words(cell: str | Cell | None) -> str:
  return " ".join(as_cell(cell).lines)
