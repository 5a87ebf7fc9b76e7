"""Tables as text: for the terminal, and as Markdown, CSV and LaTeX."""

import csv
import io
import pathlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from rnn_lab.reports.parts import Part
from rnn_lab.reports.section import Cell, Grid, Section, as_cell
from rnn_lab.reports.tables import results_grids
from rnn_lab.rundir import TABLES, write_text

# The names of the tables that the last report wrote.
_WRITTEN = ".written"
# What LaTeX reads as a command, and letters that its fonts do not have.
_LATEX = str.maketrans(
  {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "→": r"$\to$",
    "−": "$-$",
    "–": "--",
    "∞": r"$\infty$",
    "<": "$<$",
    ">": "$>$",
    "\u00a0": "~",
    **{c: f"$^{{{n}}}$" for c, n in zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")},
  }
)


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
  rows = [[w.replace("|", "\\|") for w in row] for row in _rows(grid)]
  rows.insert(1, _columns(grid, "---", "---:"))
  lines = [f"| {' | '.join(row)} |" for row in rows]
  return "\n".join([*lines, "", f"{_caption(grid)}.\n"])


def comma_separated(grid: Grid) -> str:
  """Renders any table as CSV, the numbers as they are shown."""
  file = io.StringIO()
  csv.writer(file, lineterminator="\n").writerows(_rows(grid))
  return file.getvalue()


def latex(grid: Grid) -> str:
  """Renders any table as a LaTeX float in the style of the package booktabs."""
  rows = (" & ".join(map(_latex, row)) + r" \\" for row in _rows(grid))
  head = next(rows)
  lines = [
    r"\begin{table}",
    r"\centering",
    rf"\caption{{{_latex(_caption(grid))}.}}",
    rf"\begin{{tabular}}{{{''.join(_columns(grid, 'l', 'r'))}}}",
    *(r"\toprule", head, r"\midrule", *rows, r"\bottomrule"),
    r"\end{tabular}",
    "\\end{table}\n",
  ]
  return "\n".join(lines)


FORMATS = {"md": markdown, "csv": comma_separated, "tex": latex}


def write_tables(workdir: Path, sections: Iterable[Section]) -> list[Path]:
  """Writes the tables of all sections into `workdir`/tables in each format.

  A file is named after its section's heading; tables of an earlier report, of
  which a hidden file has the names, are replaced or removed, and others stay.
  """
  folder = workdir / TABLES
  folder.mkdir(exist_ok=True)
  paths: list[Path] = []
  counts = Counter[str]()
  for section in sections:
    words = "".join(c if c.isalnum() else "_" for c in section.heading.lower())
    for grid in section.content:
      if isinstance(grid, Grid):
        counts[words] += 1
        number = f"-{counts[words]}" if counts[words] > 1 else ""
        for ending, render in FORMATS.items():
          paths.append(folder / f"{words or 'table'}{number}.{ending}")
          write_text(paths[-1], render(grid))
  listed = folder / _WRITTEN
  before = listed.read_text("utf-8").splitlines() if listed.exists() else []
  for name in {*before} - {path.name for path in paths}:
    (folder / pathlib.PurePath(name).name).unlink(missing_ok=True)
  write_text(listed, "".join(f"{path.name}\n" for path in paths))
  return paths


def _rows(grid: Grid) -> list[list[str]]:
  """The words of the cells, at first of the header, if need be a made one."""
  width = len(grid.rows[0]) if grid.rows else 1
  made = ["name", "value", *map(str, range(3, width + 1))][:width]
  return [[*map(_words, row)] for row in [grid.header or made, *grid.rows]]


def _columns(grid: Grid, left: str, right: str) -> list[str]:
  """The mark of each column, by the side that its cells are set to."""
  others = right if grid.numeric else left
  return [left, *[others] * (len(_rows(grid)[0]) - 1)]


def _caption(grid: Grid) -> str:
  words = ": ".join(filter(None, [grid.title, grid.caption]))
  return words[:1].upper() + words[1:]


def _words(cell: str | Cell | None) -> str:
  return " ".join(as_cell(cell).lines)


def _latex(words: str) -> str:
  return words.replace("`", "").translate(_LATEX)
